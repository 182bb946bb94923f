"""Findings that two people let stand: which waiver holds for which finding, and what is left to block a close.

Belongs here: laying waivers over findings and breaks. Does not belong here: who may ask and agree
(``resources.waivers``), what blocks (``daybook.market.quality``), the state of breaks (``daybook.control.breaks``).

A waiver names what it is about exactly: check, book and instrument of a finding, or the id of a break. It holds on the
sessions from valid_from to valid_to, both included, and for what was seen when it was asked for: as soon as the effect
on NAV is more than ``GROWTH`` beyond that in size, or known where it was not, or the other way round, it does not hold.
An identity is never waived. Nothing of this is stored with results: status and reason are laid over when they are read.
"""

import numpy as np
import pandas as pd

from daybook.market import dated
from daybook.market.quality import books

GROWTH = 0.10
"""By how much of itself an effect on NAV may grow beyond what was seen while its waiver still holds."""
HALF_A_CENT = 0.005
"""Beyond that: cash in whole cents may round the other way."""
NEVER = "identity_"
"""Checks of which no finding is waived begin so."""
WITH_BREAKS = "break_open"
"""The check that repeats breaks: its findings are waived with their breaks."""
IN_SUM = "break_material"
"""The check of all breaks of a book: waived by itself, or when what is left without waived breaks is not material."""
REMEMBERED = pd.Timedelta(days=31)
"""How long the reason of a finding tells of a waiver that has ended."""

FINDING = ["check", "book", "instrument"]
"""What a waiver of a finding names; its break_id is empty."""
_BOOK = ["business_date", "book"]


def judged(
    findings: pd.DataFrame, breaks: pd.DataFrame, waivers: pd.DataFrame, close_rules: pd.DataFrame
) -> pd.DataFrame:
    """``findings`` with waivers laid over: status ``waived`` where one holds; the reason says which, or why none does.

    Args:
        findings: table, as stored.
        breaks: table ``reconciliation_breaks`` of the same sessions, as ``daybook.control.breaks.handled`` gives it.
        waivers: table.
        close_rules: facts: what makes breaks material.
    """
    if waivers.empty or findings.empty:
        return findings
    own = laid(findings, waivers[waivers["break_id"] == ""], FINDING)
    may = ~findings["check"].str.startswith(NEVER)
    waived, said = own["waived"] & may, own["said"].where(may, "")
    with_them = _with_their_breaks(findings, breaks) & ~waived
    left = _immaterial_without_waived(findings, breaks, close_rules) & ~waived
    said = said.mask(with_them, "its break is waived").mask(left, "without the breaks that are waived it is not so")
    return _told(findings, waived | with_them | left, said)


def laid(rows: pd.DataFrame, waivers: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """What ``waivers`` say of each of ``rows``: waived, and said, a few words for people, "" where there is none.

    Args:
        rows: business_date, impact_base and ``names``.
        waivers: table; of several the one that holds is told, else the one that ends last.
        names: columns in which row and waiver agree.
    """
    asked = rows[[*names, "business_date", "impact_base"]].assign(row=np.arange(len(rows)))
    terms = waivers.drop(columns=[name for name in ("check", "book", "instrument", "break_id") if name not in names])
    pairs = asked.merge(terms.rename(columns={"impact_base": "seen", "reason": "why"}), on=names)
    begun = pairs["valid_from"] <= pairs["business_date"]
    pairs = pairs[begun & (pairs["business_date"] <= pairs["valid_to"] + REMEMBERED)]
    inside = pairs["business_date"] <= pairs["valid_to"]
    holds = inside & within(pairs["impact_base"], pairs["seen"])
    number, until = "waiver " + pairs["waiver_id"], dated.iso(pairs["valid_to"]).set_axis(pairs.index)
    by = pairs["entered_by"] + " and " + pairs["approved_by"]
    upto = pairs["seen"].abs().map("{:,.2f}".format).astype("str")
    beyond = number + " does not hold: it is for an effect on NAV of " + upto
    beyond = beyond.mask(pairs["seen"].isna(), number + " does not hold: the effect on NAV was not known then")
    text = (number + " ended on " + until).mask(inside, beyond)
    text = text.mask(holds, "waived until " + until + " by " + by + " (" + number + "): " + pairs["why"])
    pairs = pairs.assign(waived=holds, inside=inside, said=text)
    ordered = pairs.sort_values(["waived", "inside", "valid_to", "waiver_id"], kind="stable")
    best = ordered.drop_duplicates("row", keep="last").set_index("row")[["waived", "said"]].reindex(asked["row"])
    return best.set_axis(rows.index).assign(
        waived=best["waived"].eq(True).to_numpy(), said=best["said"].fillna("").to_numpy()
    )


def within(impact_base: "pd.Series[float]", seen: "pd.Series[float]") -> "pd.Series[bool]":
    """Whether an effect on NAV is what was seen: at most ``GROWTH`` more in size, or not known then and now."""
    limit = seen.abs() * (1.0 + GROWTH) + HALF_A_CENT
    return (impact_base.abs() <= limit) | (impact_base.isna() & seen.isna())


def _with_their_breaks(findings: pd.DataFrame, breaks: pd.DataFrame) -> "pd.Series[bool]":
    """Findings ``WITH_BREAKS`` of which every break of the book and instrument is waived."""
    each = [*_BOOK, "instrument"]
    all_of = breaks.assign(done=breaks["status"] == "waived").groupby(each, as_index=False)["done"].all()
    done = findings[each].merge(all_of, on=each, how="left")["done"].eq(True).set_axis(findings.index)
    return done & (findings["check"] == WITH_BREAKS)


def _immaterial_without_waived(
    findings: pd.DataFrame, breaks: pd.DataFrame, close_rules: pd.DataFrame
) -> "pd.Series[bool]":
    """Findings ``IN_SUM`` of books of which a break is waived and those that are not are not material."""
    waived = breaks["status"] == "waived"
    if not waived.any():
        return pd.Series(False, findings.index)
    still = books.breaks(breaks[~waived].reset_index(drop=True), close_rules)
    still = still[still["check"] == IN_SUM]
    of, named = pd.MultiIndex.from_frame(findings[_BOOK]), findings["check"] == IN_SUM
    some = of.isin(pd.MultiIndex.from_frame(breaks.loc[waived, _BOOK]))
    return named & some & ~of.isin(pd.MultiIndex.from_frame(still[_BOOK]))


def _told(rows: pd.DataFrame, waived: "pd.Series[bool]", said: "pd.Series[str]") -> pd.DataFrame:
    """``rows`` with status and reason."""
    reason = rows["reason"].mask(said != "", (rows["reason"] + "; ").mask(rows["reason"] == "", "") + said)
    return rows.assign(status=rows["status"].mask(waived, "waived"), reason=reason)
