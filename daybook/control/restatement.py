"""What follows from a NAV that was signed and is wrong: how large the error is, and who is owed what.

Belongs here: the error against what the firm declares material, and what investors who dealt at the wrong price are
owed. Does not belong here: what made the error (``daybook.control.changes``), signing.

Conventions: the error is the size of NAV now less NAV as signed, in basis points of NAV as signed; it is material when
it is larger than ``close_rules.nav_error_bp``. An investor dealt at the swing price of the class. What he is owed is
the number of units dealt x (price then - price now), in the book's currency: positive where he paid too much or got
too little, negative where the fund did.
"""

import numpy as np
import pandas as pd

from daybook.ledger.exact import MONEY

ERRORS = ("book", "nav_then", "nav_now", "difference", "difference_bp", "nav_error_bp", "material")
COMPENSATION = (
    *("business_date", "book", "transaction_id", "share_class", "kind", "flows", "units", "price_then", "price_now"),
    *("compensation",),
)


def errors(then: pd.DataFrame, now: pd.DataFrame, rules: pd.DataFrame) -> pd.DataFrame:
    """The error of each book's signed NAV.

    Args:
        then: table ``nav`` of one session as it was signed; its books count.
        now: table ``nav`` of the session now.
        rules: book and nav_error_bp in force for it.

    Returns:
        ``ERRORS``. difference is now less then; difference_bp is missing where NAV then is not positive, and such an
        error is material unless the difference is 0, and so is one of a NAV that is missing.
    """
    both = then[["book", "nav"]].merge(now[["book", "nav"]], on="book", how="left", suffixes=("_then", "_now"))
    both = both.merge(rules[["book", "nav_error_bp"]].drop_duplicates("book"), on="book", how="left")
    difference = (both["nav_now"] - both["nav_then"]).round(MONEY) + 0.0
    in_bp = (difference / both["nav_then"].where(both["nav_then"] > 0) * 1e4).round(12)
    material = (difference != 0) & ~(in_bp.abs() <= both["nav_error_bp"])
    return both.assign(difference=difference, difference_bp=in_bp, material=material)[list(ERRORS)]


def compensation(dealings: pd.DataFrame, then: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    """What each dealing of a session is owed because it was done at the wrong price.

    Args:
        dealings: table ``dealings`` of the session as it was signed.
        then: table ``share_class_nav`` of the session as it was signed.
        now: the same now.

    Returns:
        ``COMPENSATION``, one row for each flow whose class has another price now; prices are of one unit in the book's
        currency; compensation is missing where one of them is.
    """
    key = ["business_date", "book", "share_class"]
    flows = dealings[(dealings["flows"] != 0) & ~dealings["kind"].isin(["fee", "opening"])]
    rows = flows.merge(_priced(then), on=key, how="left").merge(
        _priced(now), on=key, how="left", suffixes=("_then", "_now")
    )
    rows = rows[~(rows["price_then"] == rows["price_now"])].reset_index(drop=True)
    rows["units"] = rows["flows"] / rows["price_then"]
    rows["compensation"] = (rows["units"] * (rows["price_then"] - rows["price_now"])).round(MONEY) + 0.0
    return rows[list(COMPENSATION)]


def _priced(classes: pd.DataFrame) -> pd.DataFrame:
    """The price at which a unit of each class was dealt, in the book's currency."""
    price = classes["swing_price"] * classes["fx_rate"]
    found: pd.DataFrame = classes[["business_date", "book", "share_class"]].assign(price=price.replace(np.inf, np.nan))
    return found
