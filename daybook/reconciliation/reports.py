"""What is odd about a whole report of a custodian: other units, lines of another account.

Belongs here: what many lines of one file have in common. Does not belong here: reports that are missing, torn or empty
(``daybook.market.custodian_reports``), single lines.
"""

import numpy as np
import pandas as pd

from daybook.market import security_master
from daybook.reconciliation.sides import KEY

FILE = ["business_date", "source"]
POWERS = (-6, -3, -2, 2, 3, 6)
"""Powers of ten by which files are in other units: thousands and millions, cents and percent."""
FEWEST, SHARE = 3, 0.9
"""So many lines, and this share of all lines of the file that are not zero, must be off by one factor: a few lines that
are 100 times too large are mistakes of their own."""
NEAR = 1e-3
"""Fraction by which a line may miss the factor: thousands are often rounded."""


def units(lines: pd.DataFrame, theirs: pd.DataFrame, reported: pd.DataFrame) -> pd.DataFrame:
    """Reports in other units than the books.

    Args:
        lines: columns ``sides.LINE``, of one kind; those that agree may be left out.
        theirs: the custodian's lines of the days that are looked at: ``KEY``, instrument, quantity.
        reported: its reports: business_date, book, source.

    Returns:
        One row for each book of such a file: ``KEY``, source, check ``custodian_units``, factor, reason.
    """
    both = lines[(lines["ours"] != 0) & (lines["theirs"] != 0)]
    factor = both["theirs"] / both["ours"]
    power = pd.Series(np.log10(factor.where(factor > 0))).round()
    off = both.assign(power=power)[power.isin(POWERS) & ((factor / 10.0**power - 1).abs() <= NEAR)]
    named = off.groupby([*FILE, "power"], as_index=False).agg(found=("instrument", "size"))
    named = named.sort_values("found", kind="stable").drop_duplicates(FILE, keep="last")
    named = named[named["found"] >= FEWEST]
    some = theirs[theirs["quantity"].ne(0) & theirs["business_date"].isin(named["business_date"])]
    stated = some.merge(reported, on=KEY).groupby(FILE, as_index=False).agg(stated=("instrument", "size"))
    named = named.merge(stated, on=FILE)
    named = named[named["found"] >= SHARE * named["stated"]]
    times = named["power"].map(lambda power: f"{10.0**power:,.10g}").astype("str")
    count = named["found"].astype("str") + " of " + named["stated"].astype("str")
    reason = count + " figures are " + times + " times those of the books: the file is in other units"
    named = named.assign(factor=10.0 ** named["power"], reason=reason, check="custodian_units")
    books = off[[*KEY, "source", "power"]].drop_duplicates()
    return books.merge(named.drop(columns=["found", "stated"]), on=[*FILE, "power"]).drop(columns="power")


def foreign(theirs: pd.DataFrame, reported: pd.DataFrame, accounts: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """Books with lines of an account that is another's.

    An account is another's where ``accounts`` gives it to another book; and where it is unknown there and neither that
    table nor custodian_account of the book, which name accounts of it, names this one.

    Args:
        theirs: the custodian's lines: ``KEY``, instrument, account.
        reported: its reports: business_date, book, source.
        accounts: reference facts.
        books: reference facts.

    Returns:
        One row for each book and account: ``KEY``, source, check ``custodian_account``, account, reason.
    """
    rows = theirs.loc[theirs["account"] != "", [*KEY, "account"]].value_counts(sort=False).reset_index()
    rows = rows.merge(reported[[*KEY, "source"]], on=KEY)
    owner = security_master.attributes(accounts, "account", rows, ["book"])["book"]
    own = security_master.attributes(books, "book", rows, ["custodian_account"])["custodian_account"]
    has = own.ne("") | rows["book"].isin(accounts["book"])
    wrong = owner.ne("") & owner.ne(rows["book"]) | owner.eq("") & has & rows["account"].ne(own)
    whose = (", which is of book " + owner).where(owner != "", ", which is none of the book's")
    count = rows["count"].astype("str") + " line(s) are of account "
    found = rows.assign(reason=count + rows["account"] + whose, check="custodian_account")[wrong]
    return found.drop(columns="count").reset_index(drop=True)


def told(
    found: pd.DataFrame,
    lines: pd.DataFrame,
    theirs: pd.DataFrame,
    reported: pd.DataFrame,
    accounts: pd.DataFrame,
    books: pd.DataFrame,
) -> pd.DataFrame:
    """``found``, breaks of one kind, with cause and reason where the whole report says them, else cause "".

    Args:
        found: breaks: ``KEY``, source, instrument.
        lines: columns ``sides.LINE`` of the same kind.
        theirs: the custodian's lines of their days: ``KEY``, instrument, quantity, account.
        reported: its reports: business_date, book, source.
        accounts: reference facts.
        books: reference facts.
    """
    known = found if "reason" in found else found.assign(reason="")
    if found.empty:
        return known.assign(cause="")
    scaled = units(lines, theirs, reported)[[*KEY, "source", "reason"]].rename(columns={"reason": "scaled"})
    wrong = foreign(theirs, reported, accounts, books).rename(columns={"reason": "other"})
    other = theirs[theirs["account"].isin(wrong["account"])]
    other = other.merge(wrong[[*KEY, "account", "other"]], on=[*KEY, "account"])
    other = other.drop_duplicates([*KEY, "instrument"])[[*KEY, "instrument", "other"]]
    rows = known.merge(scaled, how="left", on=[*KEY, "source"]).merge(other, how="left", on=[*KEY, "instrument"])
    reason = rows["other"].fillna(rows["scaled"]).fillna(rows["reason"]).astype("str")
    cause = pd.Series("", rows.index, dtype="str").mask(rows["scaled"].notna(), "units")
    cause = cause.mask(rows["other"].notna(), "wrong_account")
    return rows.drop(columns=["scaled", "other"]).assign(cause=cause, reason=reason)
