"""The NAV that the administrator struck, against the books.

Belongs here: both sides of NAV, units and NAV per unit. Does not belong here: which lines of it are off (``causes``).
"""

import pandas as pd

from daybook.market import security_master
from daybook.reconciliation.breaks import OPEN, Rules, opened
from daybook.reconciliation.definitions import sources
from daybook.reconciliation.sides import KEY, LINE

TABLE = "administrator_nav"
FIELDS = ("nav", "units", "nav_per_unit")
"""What is compared; the first that differs gives the break its figures."""
WORDS = {"nav": "NAV", "units": "units", "nav_per_unit": "NAV per unit"}


def reported(administrator_nav: pd.DataFrame) -> pd.DataFrame:
    """What the administrator reported: business_date, book, source; the columns that were given."""
    return administrator_nav[[*KEY, *FIELDS]].assign(source=sources(administrator_nav))


def compared(
    reports: pd.DataFrame, nav: pd.DataFrame, share_class_nav: pd.DataFrame, books: pd.DataFrame
) -> pd.DataFrame:
    """Both sides of each figure that the administrator gives and the books have.

    Units are those of all share classes of the book. NAV per unit is compared where the book has one class, in its
    base currency: of several each has its own.

    Args:
        reports: what ``reported`` returns, on sessions of books that were computed.
        nav: table of the same sessions; a NAV that failed is not compared.
        share_class_nav: table of the same sessions.
        books: reference facts.

    Returns:
        Columns ``sides.LINE``, kind ``nav``, instrument "", and unit_value: what one of the difference is worth.
    """
    own = nav.loc[nav["status"] == "ok", [*KEY, "nav"]]
    classes = share_class_nav[share_class_nav["nav_per_unit"].notna()]
    classes = classes.groupby(KEY, as_index=False).agg(
        units=("units", "sum"),
        count=("share_class", "size"),
        nav_per_unit=("nav_per_unit", "first"),
        class_currency=("currency", "first"),
    )
    both = reports.merge(own, on=KEY, suffixes=("_theirs", ""))
    both = both.merge(classes, how="left", on=KEY, suffixes=("_theirs", ""))
    base = security_master.attributes(books, "book", both, ["base_currency"])["base_currency"]
    single = both["count"].eq(1) & both["class_currency"].eq(base)
    both = both.assign(currency=base, nav_per_unit=both["nav_per_unit"].where(single))
    worth = {
        "nav": base.eq(base).astype("float64"),
        "units": both["nav"] / both["units"].where(both["units"] > 0),
        "nav_per_unit": both["units"],
    }
    parts = [
        both.assign(
            compared_field=field, ours=both[field], theirs=both[f"{field}_theirs"], unit_value=worth[field]
        ).dropna(subset=["ours", "theirs"])
        for field in FIELDS
    ]
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(
        instrument="", kind="nav", known=True, difference=(rows["theirs"] - rows["ours"]).round(8)
    ).astype({"compared_field": "str", "instrument": "str", "kind": "str"})[[*LINE, "unit_value"]]


def breaks(lines: pd.DataFrame, reports: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Books whose figures differ by more than is allowed, one row each, in money, of all sessions.

    ours and theirs are NAV where that differs; else what the units, or the NAV per unit, are worth: those of either
    side times the other figure of the books. reason tells every figure that differs.

    Args:
        lines: what ``compared`` returns.
        reports: of which it does.
        rules: what is allowed.

    Returns:
        Columns ``breaks.OPEN``.
    """
    found = rules.beyond(lines, TABLE)
    place = found["compared_field"].map({field: k for k, field in enumerate(FIELDS)})
    found = found.assign(place=place).sort_values([*KEY, "place"], kind="stable")
    figure = {side: found[side].map("{:,.10g}".format).astype("str") for side in ("ours", "theirs")}
    text = found["compared_field"].map(WORDS) + " is " + figure["theirs"] + " there and " + figure["ours"] + " here"
    reason = found.assign(text=text).groupby(KEY, as_index=False).agg(reason=("text", ", ".join))
    first = found.drop_duplicates(KEY).merge(reason, on=KEY)
    ours, theirs = ((first[side] * first["unit_value"]).round(6) for side in ("ours", "theirs"))
    money = first.assign(ours=ours, theirs=theirs, difference=(theirs - ours).round(6), cause="")
    return opened(money, reports)[OPEN]
