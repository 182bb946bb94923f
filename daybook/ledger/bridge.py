"""From one NAV to the next: the report that a fund administrator signs, and P&L of groups of books.

Belongs here: putting what came in, what was gained, what was earned and what was paid between the opening and the
closing NAV of each book; adding books up by strategy, entity and firm. Does not belong here: how each of these is
computed (``valuation``, ``pnl``, ``lot_pnl``), and how it is drawn (``daybook.pack``).
"""

from typing import Literal

import numpy as np
import pandas as pd

from daybook import tables
from daybook.ledger import pnl as profit
from daybook.ledger.valuation import KEY, SCALE, micros
from daybook.market import security_master

By = Literal["book", "strategy", "entity", "firm"]

OF_LOTS = ["realised_market", "realised_currency", "unrealised_market", "unrealised_currency"]
STEPS = ["opening", "flows", "gains", "carry", "fees"]


def nav_bridge(
    nav: pd.DataFrame, pnl: pd.DataFrame, lot_pnl: pd.DataFrame, books: pd.DataFrame, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    """opening + flows + gains + carry + fees = closing, of each book, to the 10^-6.

    gains is what prices, exchange rates and trades brought; carry is income: dividends from their ex session, net of
    tax, and interest. A share that falls from 1000 to 950 because it pays 50 shows gains of -50 and a carry of +50,
    which is in cash or receivable: the dividend is no gain, and the NAV did not move. fees are fees and taxes, a cost
    negative. The gains are shown in two ways that must not be mixed:

    * holding (price_pnl + fx_pnl: what was held at the opening) + trading_pnl = gains;
    * realised + change of unrealised gains of the lots, each by market and currency, + outside_lots = gains + the fees
      and taxes of trades, which are in the cost and the proceeds of lots. outside_lots is what no lot shows: gains of
      cash by exchange rates, those of trades booked at another rate than the closing one, less unrealised gains that
      came in or went out with transfers, and cost that books of one pool moved between them. It is 0 in a book of one
      currency without either.

    Args:
        nav: table of ``sessions`` and of each book's session before each.
        pnl: table of ``sessions``.
        lot_pnl: table of ``sessions``.
        books: reference facts.
        sessions: midnight, naive.

    Returns:
        Table ``nav_bridge``: a row for each book and session on which its NAV is known and that of its session before,
        or none yet: then opening is 0. gap is closing less all the steps: whole millionths, 0 in a sound book.
    """
    periods = profit.periods_of(nav, books, sessions)
    at = pd.MultiIndex.from_frame(periods[KEY])
    closing = periods[KEY].merge(nav[[*KEY, "nav", "flows"]], on=KEY)
    parts = ["price_pnl", "fx_pnl", "trading_pnl", "income", "fees"]
    of_trades = pnl["fees"].where(~pnl["instrument"].str.startswith("CASH:"), 0.0)
    amounts = {name: micros(pnl[name]) for name in parts} | {"charges": micros(of_trades)}
    rows = pnl[KEY].assign(**amounts).groupby(KEY).sum().reindex(at, fill_value=0).reset_index(drop=True)
    # A gain of lots that is not known is not known of the book either.
    of_lots = lot_pnl[KEY].join((lot_pnl[OF_LOTS] * SCALE).round()).groupby(KEY)[OF_LOTS].sum(skipna=False)
    lots = of_lots.reindex(at, fill_value=0.0).reset_index(drop=True)
    holding, trading = rows["price_pnl"] + rows["fx_pnl"], rows["trading_pnl"]
    opening, flows, end = (micros(of) for of in (periods["opening_nav"].fillna(0.0), closing["flows"], closing["nav"]))
    money = {
        "opening": opening,
        "flows": flows,
        "gains": holding + trading,
        "carry": rows["income"],
        "fees": rows["fees"],
        "closing": end,
        "holding": holding,
        "trading_pnl": trading,
        **{name: lots[name] for name in OF_LOTS},
        "outside_lots": holding + trading + rows["charges"] - lots.sum(axis=1, skipna=False),
        "gap": end - opening - flows - holding - trading - rows["income"] - rows["fees"],
    }
    return tables.conform("nav_bridge", periods[KEY].assign(**{name: value / SCALE for name, value in money.items()}))


def identity_gaps(nav_bridge: pd.DataFrame) -> pd.DataFrame:
    """Books of which the steps do not lead from the opening to the closing NAV, or do not add up among themselves.

    Returns:
        business_date, book, gap (base currency), reason; no rows when all is well. Beyond 2e9 in the book's currency,
        where float64 does not keep 10^-6, the last bits of the figures are allowed for.
    """
    sums = {
        "opening, flows, gains, carry and fees do not lead to the closing NAV": nav_bridge["gap"],
        "holding and trading do not add up to gains": nav_bridge["gains"]
        - nav_bridge["holding"]
        - nav_bridge["trading_pnl"],
    }
    size = nav_bridge[[*STEPS, "closing"]].abs().max(axis=1)
    allowed = np.where(size < 2e9, 0.5 / SCALE, 4 * np.spacing(size))
    found = []
    for what, gap in sums.items():
        off = nav_bridge[KEY].assign(gap=gap.round(6))[gap.abs() > allowed]
        amounts = off["gap"].map("{:+.6f}".format).astype("str")
        found.append(off.assign(reason=what + ": off by " + amounts))
    return pd.concat(found, ignore_index=True)


def aggregated(rows: pd.DataFrame, books: pd.DataFrame, by: By) -> pd.DataFrame:
    """Money of ``rows`` added up over the books of each strategy, entity or of the firm, apart by base currency.

    A book counts where it belonged on that session. Amounts in different base currencies are never added up.

    Args:
        rows: table ``pnl``, ``lot_pnl`` or ``nav_bridge``.
        books: reference facts.
        by: ``book``, ``strategy`` or ``entity`` (a book without one stands for itself), or ``firm``.

    Returns:
        business_date, the column ``by`` (not for the firm), base_currency, books (their number), and the money columns.
    """
    facts = security_master.attributes(books, "book", rows, ["base_currency", "strategy", "entity"])
    group = {"book": rows["book"], "firm": None}.get(by, facts.get(by))
    keys = {"business_date": rows["business_date"]}
    if group is not None:
        keys[by] = group.where(group != "", rows["book"])
    keys["base_currency"] = facts["base_currency"]
    numbers = [name for name in rows.select_dtypes("float64") if name != "quantity"]
    whole = (rows[numbers] * SCALE).round()
    each = whole.assign(**keys, of=rows["book"]).groupby(list(keys))
    found = each[numbers].sum(skipna=False) / SCALE
    found.insert(0, "books", each["of"].nunique())
    return found.reset_index()
