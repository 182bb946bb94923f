"""How much findings matter: their effect on NAV in basis points, and which of them block.

What is material is declared (close_rules: material_bp of one, material_sum_bp in sum, material_base of one in money).
50 basis points where nothing is: what CSSF circular 02/77 tolerates as a NAV error of bond and mixed funds (0.5 %; 1 %
for equity funds).

Belongs here: judging by impact, one by one and in sum, and whom two people have answered already. Does not belong here:
what a check looks for, and what its impact in money is (the checks themselves).
"""

from collections.abc import Sequence

import pandas as pd

from daybook import tables
from daybook.market import declared
from daybook.market.quality.finding import BY_IMPACT, finding

KEY = ["business_date", "check", "book", "instrument"]
MATERIAL = ["material_bp", "material_sum_bp", "material_base"]
_GRAVITY = {"info": 0, "warning": 1, "blocking": 2}
NAMED = 3
"""How many instruments a sum names."""


def collect(found: Sequence[pd.DataFrame], nav: pd.DataFrame, close_rules: pd.DataFrame) -> pd.DataFrame:
    """Table ``findings`` from the rows of all checks, status ``open``, with impact_bp = impact_base / NAV x 10^4.

    A finding of severity ``by impact`` blocks where it is ``material`` or its impact cannot be told, and warns
    otherwise; those of a book that warn block together where they are more than that in sum (``data_impact``).
    What a check says twice of one thing is one finding, as grave as the graver of the two.

    Args:
        found: frames as the checks return them.
        nav: table ``nav`` of their sessions; impact_bp is missing where NAV is not positive or not known.
        close_rules: facts.
    """
    rows = pd.concat([part for part in found if len(part)] or [finding(nav.head(0), "", "", "")], ignore_index=True)
    rows = _measured(rows, nav)
    judged = rows["severity"] == BY_IMPACT
    too_much = material(rows, limits(rows, close_rules))
    rows["severity"] = rows["severity"].mask(judged & too_much, "blocking").mask(judged & ~too_much, "warning")
    total = _measured(data_impact(rows[judged & ~too_much], close_rules), nav)
    whole = pd.concat([rows, total], ignore_index=True) if len(total) else rows
    ordered = _once(whole).assign(status="open").sort_values(KEY, kind="stable")
    return tables.conform("findings", ordered[list(tables.TABLES["findings"].names)])


def limits(rows: pd.DataFrame, close_rules: pd.DataFrame) -> pd.DataFrame:
    """``MATERIAL`` for each of ``rows`` (business_date, book), with their index; material_base may be missing."""
    asked = rows[declared.KEY].drop_duplicates(ignore_index=True)
    holding = declared.rule_in_force("close_rules", close_rules, asked)[
        [*declared.KEY, "material_bp", "material_sum_bp"]
    ]
    money = declared.in_force(close_rules.assign(rule=""), "rule", asked)[[*declared.KEY, "material_base"]]
    found = rows[declared.KEY].merge(holding, how="left").merge(money, how="left")
    return found[MATERIAL].astype("float64").set_axis(rows.index)


def material(rows: pd.DataFrame, most: pd.DataFrame) -> "pd.Series[bool]":
    """Whether each of ``rows`` by itself is too much for a close, by impact_bp and impact_base, or cannot be told.

    Args:
        rows: with impact_base and impact_bp.
        most: what ``limits`` returns of them.
    """
    within = (rows["impact_bp"].abs() <= most["material_bp"]) & ~(rows["impact_base"].abs() > most["material_base"])
    return ~within


def data_impact(rows: pd.DataFrame, close_rules: pd.DataFrame) -> pd.DataFrame:
    """Books whose findings are material in sum and none of them alone: ``data_impact``, blocking.

    Of each instrument the worst finding counts, without sign: faults of one cause show in several checks, and two
    wrong prices need not cancel out.

    Args:
        rows: findings that are judged by impact and not material, with impact_bp.
        close_rules: facts.
    """
    day, each = ["business_date", "book"], ["business_date", "book", "instrument"]
    worst = rows.assign(size=rows["impact_bp"].abs(), impact=rows["impact_base"].abs())
    worst = worst.sort_values([*each, "size"], kind="stable").drop_duplicates(each, keep="last")
    ranked = worst.sort_values("size", ascending=False, kind="stable")
    named = ranked.assign(text=ranked["instrument"] + " " + ranked["size"].map("{:.1f}".format).astype("str"))
    first = named.groupby(day).head(NAMED).groupby(day)["text"].agg(", ".join)
    total = worst.groupby(day).agg(size=("size", "sum"), count=("size", "size"), impact=("impact", "sum")).join(first)
    total = total.reset_index()
    over = total[total["size"] > limits(total, close_rules)["material_sum_bp"]]
    summed = " instruments sum up to " + over["size"].map("{:.1f}".format).astype("str") + " bp of NAV, the largest: "
    reason = "findings about " + over["count"].astype("str") + summed + over["text"].astype("str")
    return finding(over, "data_impact", "blocking", reason, over["impact"])


def answered(found: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """``found`` about prices, those under an approved override as warnings: two people have answered for the price."""
    decided = prices.loc[prices["status"] == "override", ["business_date", "instrument"]]
    under = pd.MultiIndex.from_frame(found[["business_date", "instrument"]]).isin(pd.MultiIndex.from_frame(decided))
    return found.assign(severity=found["severity"].mask(under & (found["severity"] != "info"), "warning"))


def _once(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each ``KEY``: severity and impact of the gravest, the reasons of all."""
    if not rows.duplicated(KEY).any():
        return rows
    gravest = rows.assign(grave=rows["severity"].map(_GRAVITY), size=rows["impact_bp"].abs())
    gravest = gravest.sort_values(["grave", "size"], ascending=False, kind="stable", na_position="first")
    reasons = gravest.groupby(KEY)["reason"].agg("; ".join)
    one = gravest.drop_duplicates(KEY).drop(columns=["reason", "grave", "size"])
    return one.merge(reasons.reset_index(), on=KEY)


def _measured(rows: pd.DataFrame, nav: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with money rounded to 10^-6 and impact_bp."""
    worth = rows[["business_date", "book"]].merge(nav[["business_date", "book", "nav"]], how="left")["nav"]
    impact = rows["impact_base"].round(6)
    scaled = (impact / worth.where(worth > 0) * 1e4).round(12)
    return rows.assign(impact_base=impact, impact_bp=scaled)
