"""Currency forwards: what is agreed and not settled yet, and the two sums of money that change hands at maturity.

Belongs here: the settlement that follows from the log alone. Does not belong here: what a forward is worth before
maturity (``pricing``, ``valuation``).

A trade in a forward moves no money but charges. A purchase and a sale of one forward cancel in units, not in what was
agreed: their difference is received or paid at maturity, so it is part of the forward's value until then.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.ledger import exact, spans
from daybook.ledger.transactions import CASH, SETTLEMENT, booked
from daybook.market import dated, fx, security_master

Ints = NDArray[np.int64]

HOLDING = ["book", "instrument"]
_ZERO = (
    *("charges", "income", "external", "bought", "variation", "underlying_quantity", "underlying_cost"),
    *("underlying_cost_base", "quantity", "cost", "cost_base", "notional", "consideration"),
)


def settled(
    entries: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    order: Sequence[str],
    through: pd.Timestamp,
) -> pd.DataFrame:
    """``entries`` with the settlement of every currency forward that has matured by ``through``.

    On the book's session at or after maturity_date the book receives units x multiplier of the currency of the
    underlying and pays the open notional in the forward's currency; with delivery_kind cash it receives the difference
    in the forward's currency, at that session's rate. The position closes at that rate, which is what makes the
    realised gain; the money does not depend on it.

    Args:
        entries: result of ``transactions.entries``, all of the log through ``through``.
        books: reference facts, dated by valid_from.
        instruments: reference facts, dated by valid_from.
        raw_fx_rates: facts.
        order: preference among the sources of exchange rates.
        through: last session that matters.

    Returns:
        ``entries`` in their order, settlements after the trades of their date. A settlement has kind ``settlement`` and
        the id ``<book>:<forward>:settlement``. Its row closes the position, with notional, cost and consideration as of
        a trade at the rate; with delivery a second row, its id ending with the currency received, has only that money.
        One that has no rate, or does not fit into 64 bits, has a reason.
    """
    forwards = entries[(entries["asset_class"] == "forward") & (entries["notional"] != 0)]
    if forwards.empty:
        return entries
    due = _due(forwards, books, instruments, dated.days([through])[0])
    if due.empty:
        return entries
    closing, received = _closing(due, raw_fx_rates, order)
    made = [frame.reindex(columns=entries.columns).astype(entries.dtypes.to_dict()) for frame in (closing, received)]
    every = pd.concat([entries, *(frame for frame in made if len(frame))], ignore_index=True)
    return every.sort_values(["session", "date"], kind="stable", ignore_index=True)


def _due(forwards: pd.DataFrame, books: pd.DataFrame, instruments: pd.DataFrame, through: int) -> pd.DataFrame:
    """The last entry of each forward of a book that has matured, with its terms, position and open notional."""
    last = forwards.drop_duplicates(HOLDING, keep="last").reset_index(drop=True)
    on = spans.dates(last["date"].to_numpy(np.int64))
    at = security_master.in_force(instruments, "instrument", last["instrument"], on)
    names = ["underlying", "maturity_date", "delivery_kind", "multiplier"]
    last = last.join(instruments[names].reset_index(drop=True).take(at).reset_index(drop=True), rsuffix="_terms")
    book = books.reset_index(drop=True).take(security_master.in_force(books, "book", last["book"], on))
    last["base_currency"] = book["base_currency"].to_numpy(object)
    last["date"] = dated.days(last["maturity_date"])
    last["session"] = booked(book["calendar"].reset_index(drop=True), last["maturity_date"])
    last = last[last["maturity_date"].notna() & (last["session"] <= through) & (last["reason"] == "")]
    last = last[last["underlying_terms"].str.startswith(CASH)]
    wide = forwards[[*HOLDING, "quantity", "notional"]].astype({"quantity": object, "notional": object})
    sums = wide.groupby(HOLDING)[["quantity", "notional"]].sum()
    found = sums.reindex(pd.MultiIndex.from_frame(last[HOLDING])).reset_index(drop=True)
    last = last.reset_index(drop=True).assign(position=found["quantity"], open=found["notional"])
    return last[(last["position"] != 0) | (last["open"] != 0)].reset_index(drop=True)


def _closing(due: pd.DataFrame, raw_fx_rates: pd.DataFrame, order: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that close the forwards, and those of the currencies received."""
    bought = due["underlying_terms"].str[len(CASH) :]
    spot, spot_good = _rates(raw_fx_rates, bought, due["currency"], due["session"], order)
    base, base_good = _rates(raw_fx_rates, due["currency"], due["base_currency"], due["session"], order)
    point = np.array([exact.decimal(value) for value in due["multiplier"].fillna(1.0)], object)
    position, agreed = due["position"].to_numpy(object), due["open"].to_numpy(object)
    to_money = np.full(len(due), 10**exact.MONEY, object)
    units, units_good = exact.products(-exact.QUANTITY, position, point, to_money)
    worth, worth_good = exact.products(-exact.QUANTITY, position, point, spot, to_money)
    cost_base, cost_good = exact.products(0, -worth.astype(object), base)
    in_cash = (due["delivery_kind"] == "cash").to_numpy()
    sizes = np.abs(np.array([position, agreed, units, worth], np.float64)).sum(axis=0)
    fits = units_good & worth_good & cost_good & (sizes < float(exact.LIMIT))
    name = due["book"] + ":" + due["instrument"] + ":" + SETTLEMENT
    lacking = bought.mask(spot_good, due["currency"]) + "/" + due["currency"].mask(spot_good, due["base_currency"])
    text = SETTLEMENT + " of " + due["instrument"] + ": no exchange rate " + lacking
    reason = pd.Series("", due.index, dtype="str").mask(~(spot_good & base_good), text)
    reason = reason.mask((reason == "") & ~fits, SETTLEMENT + " of " + due["instrument"] + " does not fit into 64 bits")
    whole = np.where(fits, agreed, 0).astype(np.int64)
    terms = due.assign(
        transaction_id=name,
        kind=SETTLEMENT,
        settle=due["session"],
        opened_on=due["date"],
        lot_id="",
        action_id="",
        underlying="",
        named=due["instrument"],
        fx_rate=base,
        reason=reason,
        **dict.fromkeys(_ZERO, 0),
    )
    closing = terms.assign(
        quantity=np.where(fits, -position, 0).astype(np.int64),
        notional=-whole,
        cost=-worth,
        cost_base=cost_base,
        consideration=np.where(in_cash, worth, 0) - whole,
    )
    received = terms.assign(transaction_id=name + ":" + bought, currency=bought, consideration=units)
    return closing, received[~in_cash & (units != 0)]


def _rates(
    raw_fx_rates: pd.DataFrame, base: Any, quote: Any, session: Any, order: Sequence[str]
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """The rate of each pair on its session as Decimals, and whether it is known."""
    found = fx.at(raw_fx_rates, base, quote, spans.dates(session.to_numpy(np.int64)), order)
    good = np.isfinite(found)
    return np.array([exact.decimal(value) for value in np.where(good, found, 1.0)], object), good
