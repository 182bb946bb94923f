"""Blended benchmarks: other benchmarks by weight, looked through to what those are made of.

Belongs here: which blend holds on a session, how its weights drift between rebalancings, what it is made of in the end.
Does not belong here: the benchmarks at the bottom (``delivered``, ``levels``), sums and hedges (``benchmarks``).

Conventions: the rows of ``benchmark_blends`` that begin on one date are the whole blend, from the open of the first
session on or after that date. A blend returns to its weights at that open, and at the open of the first session of each
month, quarter or year, of every session, or never again, as ``benchmark_terms`` say (daily unless declared); between,
the weight of each constituent drifts with its return in base currency, hedged where the constituent is. Weights are
divided by their sum. A constituent without a return leaves its weight where it was, and the blend without a return on
that session. Blends of blends are opened ``LEVELS`` deep; one that is deeper, or goes in a circle, has no return.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from daybook import calendars
from daybook.market.constituents import WEIGHT_NET, WEIGHT_SUM, blends_in_force
from daybook.performance.delivered import joined
from daybook.performance.views import KEY, VIEW, terms

LEVELS = 5
"""Depth to which blends of blends are opened."""
SPAN = [*VIEW, "start"]
"""A blend from one rebalancing to the next."""
OF_CONSTITUENT = [KEY[0], "constituent", *KEY[2:]]
_PERIODS: Mapping[str, int] = {"month": 1, "quarter": 3, "year": 12}
"""Months of a period after which a blend returns to its weights."""


@dataclass(frozen=True)
class Plan:
    """What must be computed for the benchmarks that are wanted.

    leaves: KEY of benchmarks that are no blends. parts: KEY of blends, start, valid_from, constituent, weight (as
    declared), rebalancing, depth (levels below; infinite where it cannot be opened) and way (the constituent because of
    which), for every session since the start, sorted by SPAN, constituent and session.
    """

    leaves: pd.DataFrame
    parts: pd.DataFrame


def plan(benchmark_blends: pd.DataFrame, benchmark_terms: pd.DataFrame, wanted: pd.DataFrame) -> Plan:
    """The blends among ``wanted`` (KEY) and all that they are made of, back to their last rebalancing."""
    if not len(benchmark_blends) or not len(wanted):
        none = wanted[KEY].iloc[:0]
        none = none.assign(start=none["business_date"], valid_from=none["business_date"], constituent="", weight=0.0)
        return Plan(wanted[KEY], none.assign(rebalancing="", depth=0.0, way=""))
    dated = [_dated(benchmark_blends, benchmark_terms, rows, str(name)) for name, rows in wanted.groupby("calendar")]
    sets = pd.concat(dated)
    held = sets[["benchmark", "calendar", "business_date", "start"]].drop_duplicates()
    leaves, parts, need, done = [], [sets.assign(base_currency="").iloc[:0]], wanted[KEY], wanted[KEY].iloc[:0]
    for _ in range(LEVELS + 1):
        if not len(need):
            break
        done = pd.concat([done, need])
        begun = need.merge(held, on=["benchmark", "calendar", "business_date"], how="left")
        leaves.append(begun.loc[begun["start"].isna(), KEY])
        spans = begun.groupby(SPAN, as_index=False).agg(last=("business_date", "max"))
        inside = sets.merge(spans, on=["benchmark", "calendar", "start"])
        inside = inside[inside["business_date"] <= inside["last"]].drop(columns="last")
        parts.append(inside)
        below = inside[OF_CONSTITUENT].set_axis(KEY, axis=1).drop_duplicates()
        fresh = below.merge(done, on=KEY, how="left", indicator="by")
        need = fresh.loc[fresh["by"].eq("left_only"), KEY]
    columns = [*KEY, "start", "valid_from", "constituent", "weight", "rebalancing"]
    every = pd.concat(parts)[columns].drop_duplicates([*KEY, "constituent"])
    every = every.sort_values([*SPAN, "constituent", "business_date"], ignore_index=True)
    bottom = pd.concat(leaves, ignore_index=True)
    return Plan(bottom.sort_values(KEY, ignore_index=True), _deep(every, bottom))


def _dated(
    benchmark_blends: pd.DataFrame, benchmark_terms: pd.DataFrame, wanted: pd.DataFrame, calendar: str
) -> pd.DataFrame:
    """Every blend on every session of ``calendar`` up to the last one wanted, and since when its weights drift.

    Returns:
        benchmark, calendar, business_date, valid_from, constituent, weight, rebalancing, start: the session at whose
        open the weights were last as declared.
    """
    days = calendars.sessions(calendar, benchmark_blends["valid_from"].min(), wanted["business_date"].max())
    sets = blends_in_force(benchmark_blends, days).assign(calendar=calendar)
    each = sets.groupby(["benchmark", "business_date"], as_index=False).agg(
        valid_from=("valid_from", "first"), size=("constituent", "size")
    )
    each["rebalancing"] = terms(benchmark_terms, each)["rebalancing"]
    before = each.groupby("benchmark")[["valid_from", "size", "business_date"]].shift()
    # Constituents of one valid_from only ever leave, so that their number says whether they are the same.
    reset = each["valid_from"].ne(before["valid_from"]) | each["size"].ne(before["size"])
    reset |= each["rebalancing"].eq("daily")
    month, earlier = (
        12 * rows["business_date"].dt.year + rows["business_date"].dt.month - 1 for rows in (each, before)
    )
    for name, months in _PERIODS.items():
        reset |= each["rebalancing"].eq(name) & (month // months).ne(earlier // months)
    start = each["business_date"].where(reset)
    each["start"] = start.groupby(each["benchmark"]).ffill()
    return sets.merge(each[["benchmark", "business_date", "rebalancing", "start"]], on=["benchmark", "business_date"])


def _deep(parts: pd.DataFrame, leaves: pd.DataFrame) -> pd.DataFrame:
    """``parts`` with depth and way.

    What a constituent was made of since the start counts too, because its return since then moves the weights.
    """
    bottom = leaves.assign(depth=0.0)
    rows = parts.assign(depth=np.inf, below=np.inf)
    for _ in range(LEVELS):
        known = pd.concat([bottom, rows.drop_duplicates(KEY)[[*KEY, "depth"]]])
        known = known.rename(columns={"benchmark": "constituent", "depth": "below"})
        rows = rows.drop(columns="below").merge(known, on=OF_CONSTITUENT, how="left")
        rows["below"] = rows["below"].fillna(np.inf)
        rows["below"] = rows.groupby([*SPAN, "constituent"])["below"].cummax()
        before, rows["depth"] = rows["depth"], rows.groupby(KEY)["below"].transform("max") + 1
        if rows["depth"].equals(before):
            break
    way = rows["constituent"].where(np.isinf(rows["below"]))
    rows["way"] = way.groupby([rows[name] for name in KEY]).transform("first").fillna("")
    return rows.drop(columns="below")


def drifted(parts: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Constituents of blends at the open of each session.

    Args:
        parts: rows of ``Plan.parts`` from the start on of the spans wanted.
        known: KEY, benchmark_return and the notes of every constituent that has any.

    Returns:
        ``parts`` with share (fractions that add up to 1; empty where they cancel or add up to less), held (sessions
        since the start on which the constituent had no return) and the constituent's convention, reason and note.
    """
    below = known.rename(columns={"benchmark": "constituent"})
    rows = parts.merge(below, on=OF_CONSTITUENT, how="left")
    rows["reason"] = rows["reason"].fillna("benchmark: no benchmark weights yet")
    rows[["convention", "note"]] = rows[["convention", "note"]].fillna("")
    line = rows.groupby([*SPAN, "constituent"], sort=False).ngroup().to_numpy()
    growth = (1 + rows["benchmark_return"]).fillna(1.0)
    before = growth.groupby(line).shift().fillna(1.0)
    rows["share"] = rows["weight"] * before.groupby(line).cumprod()
    lacking = rows["benchmark_return"].isna().astype("int64")
    rows["held"] = lacking.groupby(line).cumsum() - lacking
    rows = rows.loc[rows["weight"].ne(0)].sort_values([*KEY, "constituent"], ignore_index=True)
    whole = rows.groupby(KEY)["share"].transform("sum")
    gross = rows["share"].abs().groupby([rows[name] for name in KEY]).transform("sum")
    return rows.assign(share=rows["share"] / whole.where(whole.gt(0) & (whole >= WEIGHT_NET * gross)))


def opened(shares: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """What blends are made of in the end, one row for each instrument.

    A constituent that has no lines stands for itself, without a return. An instrument that two constituents count in
    different ways, one of them hedged, say, has the mean return of both by weight.

    Args:
        shares: from ``drifted``.
        lines: of the constituents: KEY, instrument, weight and what each of them earned.
    """
    below = lines.rename(columns={"benchmark": "constituent", "weight": "inside"})
    rows = shares[[*KEY, "constituent", "share"]].merge(below, on=OF_CONSTITUENT, how="left")
    bare = rows["instrument"].isna()
    rows["instrument"] = rows["instrument"].fillna(rows["constituent"])
    rows["currency"] = rows["currency"].mask(bare, rows["base_currency"])
    rows["premium_known"] = rows["premium_known"].astype("boolean").fillna(True).astype(bool)
    rows["weight"] = rows["share"] * rows["inside"].mask(bare, 1.0)
    rows[["hedge_ratio", "forward_premium"]] = rows[["hedge_ratio", "forward_premium"]].fillna(0.0)
    rows = rows.sort_values([*KEY, "instrument", "constituent"], ignore_index=True)
    rows = rows.drop(columns=["constituent", "share", "inside"])
    first = np.flatnonzero(~rows.duplicated([*KEY, "instrument"]))
    if len(first) == len(rows):
        return rows
    found = rows.take(first).reset_index(drop=True)
    weight = rows["weight"].to_numpy()
    whole = np.add.reduceat(weight, first)
    for name in ("total_return", "local_return", "hedge_ratio"):
        value = rows[name].to_numpy()
        same = np.minimum.reduceat(value, first) == np.maximum.reduceat(value, first)
        counted = np.where(weight == 0, 0.0, weight * np.where(weight == 0, 0.0, value))
        mean = np.divide(np.add.reduceat(counted, first), whole, out=np.full(len(first), np.nan), where=whole != 0)
        found[name] = np.where(same, value[first], mean)
    return found.assign(weight=whole)


def notes(shares: pd.DataFrame) -> pd.DataFrame:
    """KEY, convention, reason and note of blends, from their constituents."""
    rows = shares.assign(turn=shares.groupby(KEY).cumcount())
    percent = (100 * rows["weight"]).map("{:.6g} % ".format).astype("str")
    rows["said"] = percent + rows["constituent"] + " (" + rows["convention"] + ")"
    rows.loc[rows["convention"].eq(""), "said"] = percent + rows["constituent"]
    rows["why"] = rows["constituent"] + ": " + rows["reason"].str.removeprefix("benchmark: ")
    rows["why"] = rows["why"].where(rows["reason"].ne(""))
    rows["odd"] = (rows["constituent"] + ": " + rows["note"]).where(rows["note"].ne(""))
    found = rows.groupby(KEY, as_index=False).agg(
        size=("turn", "size"), whole=("weight", "sum"), least=("weight", "min"), known=("share", "count"),
        held=("held", "sum"), why=("why", "first"), odd=("odd", "first"), rebalancing=("rebalancing", "first"),
        valid_from=("valid_from", "first"),
    )  # fmt: skip
    made = pd.Series("", found.index, dtype="str")
    for turn in range(int(found["size"].max()) if len(found) else 0):  # one turn a constituent
        said = found[KEY].merge(rows.loc[rows["turn"].eq(turn), [*KEY, "said"]], on=KEY, how="left")["said"]
        made = made + ((", " if turn else "") + said).fillna("")
    words = found["rebalancing"].map({"daily": "rebalanced daily", "none": "not rebalanced"})
    words = words.fillna("rebalanced each " + found["rebalancing"])
    since = found["valid_from"].dt.strftime("%Y-%m-%d").astype("str")
    sums = found["whole"].map("{:.6f}".format).astype("str")
    off = ("weights add up to " + sums + ", divided by that").where((found["whole"] - 1).abs() > WEIGHT_SUM, "")
    short = pd.Series("negative weights", found.index, dtype="str").where(found["least"] < 0, "")
    count = found["held"].astype("str")
    kept = ("weights held over " + count + " missing returns of constituents").where(found["held"] > 0, "")
    reason = ("benchmark: " + found["why"]).fillna("")
    reason = reason.mask(found["known"].eq(0), "benchmark: weights of the blend cancel, or add up to less than 0")
    return found[KEY].assign(
        convention="blend since " + since + " of " + made + ", " + words,
        reason=reason,
        note=joined([off, short, kept, found["odd"].fillna("")]),
    )


def refused(parts: pd.DataFrame) -> pd.DataFrame:
    """KEY, convention, reason and note of blends that cannot be opened."""
    rows = parts.loc[np.isinf(parts["depth"]), [*KEY, "way"]].drop_duplicates(KEY)
    text = f"benchmark: a blend in a circle, or more than {LEVELS} levels deep, by way of "
    return pd.DataFrame(rows[KEY]).assign(convention="blend", reason=text + rows["way"], note="")
