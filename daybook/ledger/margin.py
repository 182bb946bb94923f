"""Margin: what futures gained and lost, marked to the market at every close.

Belongs here: the value of open futures and its change over the session. Does not belong here: variation margin that was
received (``transactions``), what it leaves accrued (``cash``), initial margin, which is a deposit and stays the book's.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.ledger import cash, exact, positions, spans
from daybook.market import dated, security_master

if TYPE_CHECKING:
    from daybook.ledger.journal import Journal

Ints = NDArray[np.int64]


def marks(journal: "Journal", prices: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Futures that are open at the close of ``sessions``, or that were traded in them or open before.

    A future's value is position x closing price x multiplier, as if it had been paid for. What it gained since it was
    opened is its value less the signed notional of all its trades; that gain is not cash but accrued, until variation
    margin is received for it.

    Args:
        journal: of the books.
        prices: golden prices of ``sessions`` and of each book's session before each of them.
        sessions: midnight, naive.

    Returns:
        business_date, book, instrument, currency; value (10^-6); variation (10^-6: what was gained since the book's
        session before, a loss negative: Q0 (P1 - P0) + traded q (P1 - p)); reason, "" unless the value is not known:
        then both are 0. A future without any price counts as its notional: it gained nothing; valuing its row fails.
    """
    margined = journal.entries[journal.entries["margined"]]
    names, quantity = positions.held(journal)
    known, wanted = dated.codes([names["book"], names["instrument"]], [margined["book"], margined["instrument"]])
    number = np.full(max(known.max(initial=-1), wanted.max(initial=-1)) + 1, -1, np.int64)
    number[known] = np.arange(len(names))
    holding, day = number[wanted], margined["session"].to_numpy(np.int64)
    notional = spans.running(holding, day, margined["notional"].to_numpy(np.int64))
    is_open = np.isin(quantity.group, holding) & (quantity.levels[0] != 0)
    every = np.r_[quantity.group[is_open], holding]
    start, end = np.r_[quantity.start[is_open], day], np.r_[quantity.end[is_open], day + 1]
    row, business_date = journal.rows(names["book"].to_numpy(object)[every], start, end, sessions)
    rows = pd.DataFrame({"holding": every[row], "business_date": business_date}).drop_duplicates(ignore_index=True)
    number = rows["holding"].to_numpy(np.int64)
    rows = names.take(number).reset_index(drop=True).assign(business_date=rows["business_date"])
    priced = _Priced(journal, prices, names, quantity, notional)
    value, reason = priced.value(number, rows["business_date"])
    before = cash.session_before(journal.books, rows)
    then, _ = priced.value(number, before)
    paid = notional.before(number, dated.days(rows["business_date"]) + 1)[0]
    paid = paid - notional.before(number, dated.days(before) + 1)[0]
    found = rows[["business_date", "book", "instrument", "currency"]].assign(
        value=np.where(reason == "", value, 0), variation=np.where(reason == "", value - then - paid, 0), reason=reason
    )
    return found.astype({"reason": "str"})


class _Priced:
    """Futures of all books with all that their value at a close is made of."""

    def __init__(
        self,
        journal: "Journal",
        prices: pd.DataFrame,
        names: pd.DataFrame,
        quantity: spans.Spans,
        notional: spans.Spans,
    ) -> None:
        self._instruments, self._names, self._quantity, self._notional = journal.instruments, names, quantity, notional
        self._prices = prices[["business_date", "instrument", "close", "currency"]]

    def value(self, number: Ints, dates: Any) -> tuple[Ints, Any]:
        """Value of each holding at the close of its date, and why it is not known."""
        held = self._quantity.before(number, dated.days(dates) + 1)[0]
        rows = self._names.take(number)[["instrument", "currency"]].reset_index(drop=True)
        rows = rows.assign(business_date=pd.DatetimeIndex(dates))
        found = rows.merge(
            self._prices, on=["business_date", "instrument"], how="left", suffixes=("", "_quoted"), validate="m:1"
        )
        terms = security_master.attributes(self._instruments, "instrument", rows, ["multiplier"])
        top, bottom = _ratios(found["close"], terms["multiplier"].fillna(1.0))
        # Quantity is in 10^-8 and money in 10^-6: a hundredth of the product.
        value, fits = exact.fitting(exact.quotients(bottom * 100, held, top))
        without = found["close"].isna().to_numpy() & (held != 0)
        value = np.where(without, self._notional.before(number, dated.days(dates) + 1)[0], value)
        other = (
            (found["currency_quoted"].fillna("") != "") & (found["currency_quoted"] != rows["currency"])
        ).to_numpy()
        text = rows["instrument"] + ": it is quoted in " + found["currency_quoted"].fillna("") + " and traded in "
        reason = np.where(other & (held != 0), text + rows["currency"], "")
        return value, np.where(fits, reason, rows["instrument"] + ": its value does not fit into 64 bits")


def _ratios(close: "pd.Series[float]", multiplier: "pd.Series[float]") -> tuple[Any, Any]:
    """Money per unit as an exact ratio of integers, 0 where there is no price; each different pair is taken once."""
    pairs = pd.DataFrame({"close": close.fillna(0.0).to_numpy(), "multiplier": multiplier.to_numpy()})
    code = pairs.groupby(["close", "multiplier"], sort=False).ngroup().to_numpy()
    different = pairs.drop_duplicates()
    ratios = [
        (exact.ratio(price, 1.0) * exact.ratio(points, 1.0)).as_integer_ratio()
        for price, points in different.itertuples(index=False)
    ]
    both = np.array(ratios, object).reshape(-1, 2)
    return both[code, 0], both[code, 1]
