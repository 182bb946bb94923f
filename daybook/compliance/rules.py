"""Compliance rules: what a book may, must and must not hold.

Belongs here: the verdict of each rule on each book. Does not belong here: limits on risk (``daybook.risk.limits``),
what is done about a breach.

Conventions: a weight is the net exposure of a bucket divided by the book's NAV (CONTRACT 2.12), positions of both signs
set off; ``prohibited`` looks at gross exposure, so that a hedged holding is a holding. A breach is a weight above
(max_weight, prohibited) or below (min_weight) the threshold, a warning one at or beyond the warning level. A breach or
warning is passive when the positions at the open of the session, at today's prices, bring it about as well, over the
same NAV, and active when the day's trading did. What cannot be evaluated is ``failed``, never a pass.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.market.declared import in_force
from daybook.risk.exposures import DIMENSIONS, by_dimension

KINDS = ("max_weight", "min_weight", "prohibited")
KEY = ["business_date", "book"]
PLACE = [*KEY, "dimension", "bucket"]
WEIGHTS = ["gross_fraction", "net_fraction"]


def evaluate(
    rules: pd.DataFrame,
    exposures: pd.DataFrame,
    valuations: pd.DataFrame,
    pnl: pd.DataFrame,
    nav: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``compliance_results`` of ``sessions``; empty when no rule is in force.

    Args:
        rules: facts. A row holds from valid_from to valid_to; of one rule the latest counts, and a row that names the
        book
            goes before one for every book. Bucket "" is each bucket held.
        exposures: table ``exposures`` of the sessions.
        valuations: table ``valuations`` of each book's session before.
        pnl: table ``pnl`` of the sessions.
        nav: table ``nav`` of the sessions and of each book's session before.
        instruments: facts, dated by valid_from.
        sessions: sessions to compute.

    Returns:
        One row per rule, book and bucket held, or the bucket that the rule names; one row with bucket "" and status
        pass where nothing is held in the dimension. ``denominator`` is the NAV used.
    """
    books = nav.loc[nav["business_date"].isin(sessions)]
    asked = in_force(rules, "rule", books[KEY]).merge(books[[*KEY, "nav", "status", "reason"]], on=KEY)
    asked["problem"] = _problem(asked)
    rows = _placed(asked, exposures)
    before = by_dimension(opening_positions(valuations, pnl, nav, sessions), instruments, books)
    rows = rows.merge(before[[*PLACE, *WEIGHTS]], on=PLACE, how="left", suffixes=("", "_before")).fillna(
        dict.fromkeys([f"{name}_before" for name in WEIGHTS], 0.0)
    )
    return tables.conform("compliance_results", _judged(rows).sort_values([*KEY, "rule", "bucket"]))


def opening_positions(
    valuations: pd.DataFrame, pnl: pd.DataFrame, nav: pd.DataFrame, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    """What each book held at the open, at the prices and rates of the close: opening value + price_pnl + fx_pnl.

    Splits of the day are in it, trades and flows of the day are not.

    Args:
        valuations: table ``valuations`` of each book's session before.
        pnl: table ``pnl`` of the sessions.
        nav: table ``nav`` of the sessions and of each book's session before.
        sessions: sessions to compute.

    Returns:
        business_date, book, instrument, currency, exposure_base.
    """
    dated = nav.sort_values(["book", "business_date"], ignore_index=True)[KEY]
    dated["following"] = dated.groupby("book", sort=False)["business_date"].shift(-1)
    opened = valuations.merge(dated.loc[dated["following"].isin(sessions)], on=KEY)
    opened = opened.assign(business_date=opened["following"])[[*KEY, "instrument", "currency", "exposure_base"]]
    moved = pnl[[*KEY, "instrument"]].assign(move=pnl["price_pnl"] + pnl["fx_pnl"])
    rows = opened.merge(moved, on=[*KEY, "instrument"], how="left")
    rows["exposure_base"] += rows["move"].fillna(0.0)
    return rows.drop(columns="move")


def _problem(rows: pd.DataFrame) -> pd.Series:
    """Why a rule cannot be evaluated; empty where it can."""
    problem = pd.Series("", index=rows.index, dtype="str")
    problem = problem.mask(~(rows["nav"] > 0), "nav is not positive")
    problem = problem.mask(rows["kind"].ne("prohibited") & rows["threshold"].isna(), "the rule has no threshold")
    problem = problem.mask(rows["basis"].ne("nav"), "basis " + rows["basis"] + " is not available")
    problem = problem.mask(~rows["dimension"].isin(DIMENSIONS), "unknown dimension " + rows["dimension"])
    problem = problem.mask(~rows["kind"].isin(KINDS), "unknown kind " + rows["kind"])
    return problem.mask(rows["status"].ne("ok"), ("nav failed: " + rows["reason"]).str.removesuffix(": "))


def _placed(asked: pd.DataFrame, exposures: pd.DataFrame) -> pd.DataFrame:
    """One row per rule and bucket, with its weights; ``idle`` where the dimension holds nothing."""
    known = exposures.loc[exposures["gross"].ne(0), [*PLACE, *WEIGHTS]]
    one = asked.loc[asked["bucket"].ne("")].merge(known, on=PLACE, how="left").assign(idle=False)
    each = asked.loc[asked["bucket"].eq("")].drop(columns="bucket").merge(known, on=[*KEY, "dimension"], how="left")
    each = each.assign(idle=each["bucket"].isna()).fillna({"bucket": ""})
    return pd.concat([one, each], ignore_index=True).fillna(dict.fromkeys(WEIGHTS, 0.0))


def _judged(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with value, threshold, status, cause and reason."""
    prohibited, good = rows["kind"].eq("prohibited"), rows["problem"].eq("")
    threshold = rows["threshold"].mask(prohibited, rows["threshold"].fillna(0.0))
    value = rows["net_fraction"].mask(prohibited, rows["gross_fraction"])
    before = rows["net_fraction_before"].mask(prohibited, rows["gross_fraction_before"])
    status = _verdict(rows, value, threshold)
    passive = (_verdict(rows, before, threshold) == status) | (_verdict(rows, before, threshold) == "breach")
    off = np.isin(status, ["breach", "warning"])
    return pd.DataFrame(
        {
            **rows[["business_date", "book", "rule", "bucket"]],
            "status": np.where(good, status, "failed"),
            "value": value.where(good),
            "threshold": threshold,
            "denominator": rows["nav"],
            "cause": np.where(good & off, np.where(passive, "passive", "active"), ""),
            "reason": _reason(rows, value, threshold, off).where(good, rows["problem"]),
        }
    )


def _verdict(rows: pd.DataFrame, value: pd.Series, threshold: pd.Series) -> np.ndarray:
    least = rows["kind"].eq("min_weight")
    beyond = (value < threshold).where(least, value > threshold)
    near = (value <= rows["warning"]).where(least, value >= rows["warning"])
    return np.select([rows["idle"], beyond, near], ["pass", "breach", "warning"], "pass")


def _reason(rows: pd.DataFrame, value: pd.Series, threshold: pd.Series, off: np.ndarray) -> pd.Series:
    """What is wrong, in a sentence; empty for a pass."""

    def percent(fraction: pd.Series) -> pd.Series:
        return (100 * fraction).round(4).astype("str") + " %"

    text = rows["kind"] + ": " + rows["bucket"] + " is " + percent(value) + " of nav, threshold " + percent(threshold)
    return text.where(off, "")
