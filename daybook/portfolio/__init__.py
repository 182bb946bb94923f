"""What a book should hold, and what to trade for it.

Belongs here: ``rebalanced``, from the books to proposed orders. Policies are in ``policies``, rounding is
in ``rebalance``.
"""

import pandas as pd

from daybook.market import security_master
from daybook.performance import benchmarks
from daybook.portfolio import rebalance, targets
from daybook.tables import conform

DERIVATIVES = ("future", "option", "forward")
"""Asset classes that no policy is told of."""


def rebalanced(
    books: pd.DataFrame,
    nav: pd.DataFrame,
    valuations: pd.DataFrame,
    sources: benchmarks.Sources,
    cash: pd.DataFrame,
    prices: pd.DataFrame,
    instruments: pd.DataFrame,
    open_orders: pd.DataFrame,
    session: pd.Timestamp,
) -> dict[str, pd.DataFrame]:
    """Tables ``targets``, ``proposed_orders`` and ``portfolio_failures`` of one session.

    Futures, options and forwards are left alone: a weight of NAV says nothing of what is worth little and moves much,
    and no policy is told of them, nor their open orders.

    Arguments as of ``targets.targets`` and ``rebalance.proposed_orders``; of the tables in
    ``sources`` all sessions up to ``session``, of the others those of ``session``.
    """
    terms = security_master.effective(instruments, "instrument", pd.DatetimeIndex([session]))
    derived = terms.loc[terms["asset_class"].isin(DERIVATIVES), "instrument"]
    valuations, open_orders = (rows[~rows["instrument"].isin(derived)] for rows in (valuations, open_orders))
    wanted, without = targets.targets(books, nav, valuations, sources, session)
    fx_rates = sources.fx_rates
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
