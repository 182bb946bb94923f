"""What a book should hold, and what to trade for it.

Belongs here: ``rebalanced``, from the books to proposed orders. Policies are in ``policies``, rounding is
in ``rebalance``.
"""

import pandas as pd

from daybook.portfolio import rebalance, targets
from daybook.tables import conform


def rebalanced(
    books: pd.DataFrame,
    nav: pd.DataFrame,
    valuations: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    benchmark_weights: pd.DataFrame,
    cash: pd.DataFrame,
    prices: pd.DataFrame,
    instruments: pd.DataFrame,
    open_orders: pd.DataFrame,
    session: pd.Timestamp,
) -> dict[str, pd.DataFrame]:
    """Tables ``targets``, ``proposed_orders`` and ``portfolio_failures`` of one session.

    Arguments as of ``targets.targets`` and ``rebalance.proposed_orders``; of ``returns`` and ``fx_rates`` all sessions
    up to ``session``, of the other tables those of ``session``.
    """
    wanted, without = targets.targets(books, nav, valuations, returns, fx_rates, benchmark_weights, session)
    today = fx_rates[fx_rates["business_date"] == session]
    trades, left_out = rebalance.proposed_orders(
        wanted, valuations, nav, cash, prices, today, instruments, books, open_orders, session
    )
    failures = pd.concat([without, left_out]).assign(business_date=session)
    return {
        "targets": wanted,
        "proposed_orders": trades,
        "portfolio_failures": conform("portfolio_failures", failures[["business_date", "book", "reason"]]),
    }
