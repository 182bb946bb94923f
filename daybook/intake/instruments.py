"""Instruments: what their asset classes need.

Belongs here: checks of delivered instruments. Does not belong here: what an instrument is worth.

Terms may all be left out: what has none is valued at the prices that are delivered. Terms that are given must be whole,
because half of them would be read as none, and nobody would know why a bond accrues nothing.
"""

import numpy as np

from daybook.intake import terms, values
from daybook.intake.draft import Draft
from daybook.ledger import pricing


def check(draft: Draft) -> None:
    """Refuse names that are reserved, markets that cannot be one, and terms that lack a part."""
    from daybook import calendars
    from daybook.market import check_digits

    def is_market(word: str) -> bool:
        return bool(check_digits.valid("mic", [word])[0]) or calendars.is_calendar(word)

    reserved = values.matching(draft.texts["instrument"], lambda word: word.startswith("CASH:"))
    draft.refuse(reserved, "instrument", "names that begin with CASH: are reserved for cash")
    odd = values.matching(draft.texts["exchange"], lambda word: not is_market(word))
    draft.refuse(odd, "exchange", "not a market identifier code: four capital letters or digits")
    kind = draft.cells["asset_class"]
    for asset_class, columns in terms.WHOLE_TERMS.items():
        own = kind == asset_class
        some = own & np.logical_or.reduce([draft.filled(column) for column in columns])
        for column in columns:
            draft.refuse(some & ~draft.filled(column), column, f"missing: the terms of this {asset_class} need it")
    _bonds(draft)
    _forwards(draft)


def _bonds(draft: Draft) -> None:
    bond = draft.cells["asset_class"] == "bond"
    rate, frequency = (draft.cells[column] for column in ("coupon_rate", "coupon_frequency"))
    draft.refuse(
        ~np.isin(frequency, terms.FREQUENCIES), "coupon_frequency", "coupons a year are 1, 2, 4 or 12; 0 is none"
    )
    pays = bond & (rate > 0)
    draft.refuse(pays & (frequency == 0), "coupon_frequency", "missing: coupons a year, 1, 2, 4 or 12")
    ends = bond & draft.filled("coupon_rate") & ~draft.filled("maturity_date")
    draft.refuse(ends, "maturity_date", "missing: the coupons of this bond are counted back from it")
    known = ", ".join(pricing.BOND_DAY_COUNTS)
    odd = values.matching(
        draft.texts["day_count"], lambda word: pricing.spelled(word) not in ("", *pricing.BOND_DAY_COUNTS)
    )
    draft.refuse(bond & odd, "day_count", f"unknown day count; known are {known}")


def _forwards(draft: Draft) -> None:
    forward = (draft.cells["asset_class"] == "forward") & draft.filled("underlying")
    money = values.matching(draft.texts["underlying"], lambda word: len(word) == 8 and word.startswith("CASH:"))
    draft.refuse(forward & ~money, "underlying", "a currency forward is written on CASH:<CCY>")
    own = np.array(["CASH:" + word for word in draft.strings("currency")], object)
    same = forward & (draft.strings("underlying") == own)
    draft.refuse(same, "underlying", "underlying and currency are the same money")
