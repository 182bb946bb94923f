"""Share classes written down by hand: what the book is worth before fees, and what is dealt, session by session."""

import pandas as pd

from daybook import tables
from daybook.ledger import share_classes, units
from tests.frames import frame

TERMS = (
    "share_class valid_from book currency management_fee performance_fee hurdle_rate crystallisation day_count"
    " launch_price unit_places price_places swing_threshold swing_factor valid_to"
)
DEFAULTS = {
    "share_class": "A",
    "valid_from": "2024-01-02", "book": "FUND", "currency": "USD", "management_fee": 0.0, "performance_fee": 0.0,
    "hurdle_rate": 0.0, "crystallisation": "year", "day_count": "actual/365", "launch_price": 100.0, "unit_places": 4.0,
    "price_places": 4.0, "swing_threshold": float("nan"), "swing_factor": 0.0, "valid_to": None,
}  # fmt: skip


def terms(*rows: dict) -> pd.DataFrame:
    """Facts ``share_classes``; what a row does not say is as in ``DEFAULTS``."""
    full = [DEFAULTS | row for row in rows]
    return frame("share_classes", TERMS, *(tuple(row[name] for name in TERMS.split()) for row in full))


def worth(*rows: tuple, book: str = "FUND", base: str = "USD") -> pd.DataFrame:
    """Table ``gross_values`` from (date, gross value) or (date, None, reason)."""
    full = [(row[0], book, row[1] if row[1] is not None else float("nan"), base, *(row[2:] or ("",))) for row in rows]
    return frame("gross_values", "business_date book gross_value base_currency reason", *full)


def dealt(*rows: tuple, book: str = "FUND") -> pd.DataFrame:
    """Table ``dealings`` from (date, share class, kind, amount, reason); the kind of a fee is a payment."""
    full = []
    for number, (date, name, kind, amount, *reason) in enumerate(rows):
        paid = kind in units.FEES
        given = (date, book, f"t{number}", name, kind, 0.0 if paid else amount, amount if paid else 0.0, "USD")
        full.append((*given, *(reason or ("",))))
    columns = "business_date book transaction_id share_class kind flows fee_paid base_currency reason"
    return frame("dealings", columns, *full)


def rates(*rows: tuple) -> pd.DataFrame:
    """Golden rates from (date, base, quote, rate)."""
    return frame("fx_rates", "business_date base quote rate status", *((*row, "ok") for row in rows))


def books(*names: str) -> pd.DataFrame:
    return frame("books", "book calendar", *((name, "XNYS") for name in names or ("FUND",)))


def derive(gross, dealings, classes, fx=None, sessions=None, facts=None):
    """``share_classes.derive`` of all sessions that have a value, or of ``sessions``."""
    days = pd.DatetimeIndex(sorted(gross["business_date"].unique()) if sessions is None else sessions).as_unit("us")
    fx = tables.empty("fx_rates") if fx is None else fx
    facts = books(*sorted(classes["book"].unique())) if facts is None else facts
    return share_classes.derive(gross, dealings, classes, fx, facts, days)
