"""Golden prices: the one closing price of each instrument on each session, and how good it is.

Belongs here: choosing among sources, and carrying the last price forward, restated for splits. Does not belong here:
judging whether a price is plausible (``quality``), returns (``actions``), value (``daybook.ledger.valuation``).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from daybook import calendars, tables
from daybook.market import actions, currencies, dated, security_master


def golden(
    raw_prices: pd.DataFrame,
    instruments: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    order: Sequence[str],
) -> pd.DataFrame:
    """Golden price of each instrument that ever had one, on each session (contract 2.16).

    A price delivered for the session is used as it is. Where none was, the last one is: restated for the splits since
    then if it is a raw one, status ``closed`` if the instrument's market was closed that session, ``stale`` if not. A
    price in a minor unit (``currencies``) is turned into the currency itself: 250 GBX are 2.5 GBP.

    Args:
        raw_prices: facts; for each instrument at least the last one at or before the first session.
        instruments: reference facts; the exchange in force tells whether the market was open, an exchange without a
            known calendar counts as open. The currency in force serves where the price names none.
        corporate_actions: facts; only splits that are not cancelled count.
        sessions: midnight, naive.
        order: sources, the preferred one first (see ``dated.preferred``).

    Returns:
        Table ``prices``; no row before an instrument's first price. ``reason`` says what was used and why, where that
        is not a price of the session as it was delivered.
    """
    columns = ["business_date", "instrument", "source", "close", "currency", "price_basis", "file", "line"]
    facts = dated.preferred(raw_prices, ("instrument",), order)[columns]
    wanted = dated.grid(sessions, facts[["instrument"]].drop_duplicates(ignore_index=True))
    known, sought = dated.codes([facts["instrument"]], [wanted["instrument"]])
    at = dated.last(known, facts["business_date"], sought, wanted["business_date"])
    rows = wanted[at >= 0].reset_index(drop=True)
    used = facts.take(at[at >= 0]).reset_index(drop=True)
    terms = security_master.attributes(instruments, "instrument", rows, ["exchange", "currency"])

    raw = (used["price_basis"] != "adjusted").to_numpy()
    ratio = actions.split_ratio(corporate_actions, rows["instrument"], used["business_date"], rows["business_date"])
    ratio = np.where(raw, ratio, 1.0)
    delivered = (used["business_date"] == rows["business_date"]).to_numpy()
    closed = ~delivered & ~_open(terms["exchange"], rows["business_date"])
    why = (terms["exchange"] + " was closed").where(closed, "no price was delivered for this session")
    restated = np.where(ratio != 1.0, ", restated for the splits since", "")
    why = why + ": the last one, of " + dated.iso(used["business_date"]) + restated + ", is used"
    named = used["currency"].where(used["currency"] != "", terms["currency"])
    currency, parts = currencies.major(named)
    minor = parts != 1.0
    in_parts = pd.Series("delivered in " + named + ", turned into " + currency).where(minor, "")
    apart = np.where(minor & ~delivered, "; ", "")
    return tables.conform(
        "prices",
        rows.assign(
            close=used["close"] / ratio / parts,
            currency=currency,
            source=used["source"],
            status=np.where(delivered, "ok", np.where(closed, "closed", "stale")),
            price_basis=used["price_basis"],
            reason=why.mask(delivered, "") + apart + in_parts,
            file=used["file"],
            line=used["line"],
        ),
    )


def _open(exchanges: "pd.Series[str]", dates: "pd.Series[pd.Timestamp]") -> np.ndarray:
    """Whether each exchange was open on its date; one turn of the loop is one exchange."""
    is_open = np.ones(len(exchanges), bool)
    for exchange in exchanges.unique():
        if calendars.is_calendar(exchange):
            here = (exchanges == exchange).to_numpy()
            is_open[here] = calendars.is_session(exchange, dates[here])
    return is_open
