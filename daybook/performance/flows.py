"""External flows of the books: how much by kind, and when in its session each counts.

Belongs here: amounts by kind in base currency, the declared timing, what they add to the denominator. Does not belong
here: returns (``returns``), money-weighted returns and their gap (``money_weighted``).

Conventions. A flow is of a kind by its direction: a deposit of a negative amount is a withdrawal. Without a rule what
comes in counts at the start of its session and what goes out at its end (CONTRACT 2.8). ``flow_rules`` say otherwise by
kind, one for every book or one that names the book and goes before it: at the start (in full), in the middle (by half)
or at the end (not at all) of the denominator. A kind whose net amount of the session is at least ``large_flow`` of the
opening NAV takes ``large_timing``, where that is given. Where there is no opening NAV above zero, nothing but the flows
themselves can be measured against, and the timing is the contract's, whatever is declared.
"""

import pandas as pd

from daybook import tables
from daybook.ledger.valuation import valued_activity
from daybook.market.declared import in_force

KEY = ["business_date", "book"]
MICRO = 1_000_000
START, MIDDLE, END = "start", "middle", "end"
COUNTED = {START: 1.0, MIDDLE: 0.5, END: 0.0}
"""Part of a flow that counts in the denominator of its session, by timing."""
INWARD = ("deposit", "subscription", "transfer_in")
OUTWARD = ("withdrawal", "redemption", "transfer_out")
DEFAULT = {**dict.fromkeys(INWARD, START), **dict.fromkeys(OUTWARD, END)}
"""Timing by kind where nothing is declared (CONTRACT 2.8)."""
STANDARD = "in at start, out at end"
_SIDES = {
    "money": ("external", "transferred_quantity"),
    "came": ("inflow", "transferred_in"),
    "subscribed": ("subscribed", None),
    "redeemed": ("redeemed", None),
}
"""Amounts that are valued each by itself, and the columns of money and of units that they come from."""


def by_kind(
    activity: pd.DataFrame,
    nav: pd.DataFrame,
    prices: pd.DataFrame,
    instruments: pd.DataFrame,
    fx_rates: pd.DataFrame,
) -> pd.DataFrame:
    """External flows of each book by kind, in its base currency; they add up to ``nav.flows`` exactly.

    The amounts are those that ``nav`` counts: money at closing FX, securities at the day's market value, each of
    10^-6 rounded once; what is left of a row after its part of the kind subscription is its deposit, and so on.

    Args:
        activity: ``journal.activity``.
        nav: table ``nav`` of the same sessions, for the base currency.
        prices: golden prices of the same sessions.
        instruments: facts, dated by valid_from.
        fx_rates: table ``fx_rates`` of the same sessions.

    Returns:
        business_date, book, kind, flows (into the book positive); no row where a kind is 0.
    """
    moved = activity.loc[
        activity["external"].ne(0)
        | activity["transferred_quantity"].ne(0)
        | activity["inflow"].ne(0)
        | activity["transferred_in"].ne(0)
    ].reset_index(drop=True)
    books = nav.rename(columns={"business_date": "valid_from"}).drop_duplicates(["book", "base_currency"])
    sides = [
        moved.assign(
            traded_quantity=0.0,
            external=moved[money],
            transferred_quantity=moved[units] if units else 0.0,
            side=name,
        )
        for name, (money, units) in _SIDES.items()
    ]
    both = pd.concat(sides, ignore_index=True)
    worth = valued_activity(both, prices, fx_rates, books, instruments)
    money = {name: worth["external"].to_numpy()[both["side"].eq(name)] for name in _SIDES}
    units = {name: worth["transferred"].to_numpy()[both["side"].eq(name)] for name in ("money", "came")}
    amounts = {
        "deposit": money["came"] - money["subscribed"],
        "subscription": money["subscribed"],
        "transfer_in": units["came"],
        "withdrawal": money["money"] - money["came"] - money["redeemed"],
        "redemption": money["redeemed"],
        "transfer_out": units["money"] - units["came"],
    }
    rows = pd.concat([moved[KEY].assign(kind=kind, flows=amount) for kind, amount in amounts.items()])
    sums = rows.astype({"kind": "str"}).groupby([*KEY, "kind"], as_index=False)[["flows"]].sum()
    sums = sums.loc[sums["flows"].ne(0)].reset_index(drop=True)
    return sums.assign(flows=sums["flows"] / MICRO)


def timed(flows: pd.DataFrame, opening: pd.DataFrame, flow_rules: pd.DataFrame) -> pd.DataFrame:
    """Table ``external_flows``: each flow with its timing.

    Args:
        flows: from ``by_kind``.
        opening: business_date, book, opening (NAV at the close of the book's session before; 0 before its first).
        flow_rules: facts.

    Returns:
        Table ``external_flows``. ``reason`` is empty for the contract's timing, ``declared``, ``large: at least 10% of
        opening nav`` or, where a rule has nothing to hold on to, ``declared, but there is no opening nav``.
    """
    rows = flows.merge(opening, on=KEY, how="left")
    rows["timing"] = rows["kind"].map(DEFAULT).astype("str")
    columns = ["timing", "large_flow", "large_timing"]
    rules = in_force(flow_rules, "kind", rows[KEY].drop_duplicates())[[*KEY, "kind", *columns]]
    rows = rows.merge(rules, on=[*KEY, "kind"], how="left", suffixes=("", "_declared"))
    declared = rows["timing_declared"].notna()
    based = rows["opening"] > 0
    large = declared & based & rows["large_timing"].fillna("").ne("")
    large &= rows["flows"].abs() >= rows["large_flow"] * rows["opening"]
    share = (rows["large_flow"] * 100).map("{:.6g}%".format).astype("str")
    timing = rows["timing"].where(~(declared & based), rows["timing_declared"])
    reason = pd.Series("", index=rows.index, dtype="str").mask(declared, "declared")
    reason = reason.mask(declared & ~based, "declared, but there is no opening nav")
    rows = rows.assign(
        timing=timing.where(~large, rows["large_timing"]),
        reason=reason.mask(large, "large: at least " + share + " of opening nav"),
    )
    names = list(tables.TABLES["external_flows"].names)
    return tables.conform("external_flows", rows[names].sort_values([*KEY, "kind"], ignore_index=True))


def is_large(flows: pd.DataFrame) -> "pd.Series[bool]":
    """Whether each row of ``external_flows`` is of a kind that was large on its session."""
    return flows["reason"].str.startswith("large")


def counted(flows: pd.DataFrame) -> pd.DataFrame:
    """What the flows of each book add to the denominator of its session.

    Args:
        flows: table ``external_flows``.

    Returns:
        business_date, book, inflow: the flows at the start in full, those in the middle by half, into the book
        positive; no row where there was no flow.
    """
    part = flows["flows"] * flows["timing"].map(COUNTED).astype("float64")
    return flows[KEY].assign(inflow=part).groupby(KEY, as_index=False)[["inflow"]].sum()


def identity_gaps(flows: pd.DataFrame, nav: pd.DataFrame) -> pd.DataFrame:
    """Books whose flows by kind do not add up to the flows of ``nav`` within 10^-6.

    Args:
        flows: table ``external_flows`` of some sessions.
        nav: table of the same sessions; books without a NAV are left out.

    Returns:
        business_date, book, gap = sum of kinds - flows; empty when all is well.
    """
    sums = flows.groupby(KEY, as_index=False)[["flows"]].sum().rename(columns={"flows": "kinds"})
    both = nav.loc[nav["flows"].notna(), [*KEY, "flows"]].merge(sums, on=KEY, how="left")
    both["gap"] = (both["kinds"].fillna(0.0) - both["flows"]).round(6)
    # A float64 holds 10^-6 up to 9e9; the sum of more is as exact as its parts.
    off = both["gap"].abs() > 1e-6 + 1e-15 * both["flows"].abs()
    return both.loc[off, [*KEY, "gap"]].reset_index(drop=True)


def declared(views: pd.DataFrame, flow_rules: pd.DataFrame) -> "pd.Series[str]":
    """The timing in force for each row of ``views`` (business_date, book), in words.

    Returns:
        ``in at start, out at end``, or the kinds that a rule names before it: ``deposit middle (start from 10% of
        opening nav), else in at start, out at end``.
    """
    rules = in_force(flow_rules, "kind", views[KEY].drop_duplicates())
    large = rules["large_timing"].ne("") & rules["large_flow"].notna()
    share = (rules["large_flow"] * 100).map("{:.6g}%".format).astype("str")
    beyond = (" (" + rules["large_timing"] + " from " + share + " of opening nav)").where(large, "")
    rules = rules.assign(words=rules["kind"] + " " + rules["timing"] + beyond)
    words = pd.Series("", views.index, dtype="str")
    for _, rule in rules.groupby("kind"):  # one turn a kind
        said = views[KEY].merge(rule[[*KEY, "words"]], on=KEY, how="left")["words"].fillna("").set_axis(views.index)
        words = words + (said + ", ").where(said.ne(""), "")
    return (words + "else " + STANDARD).where(words.ne(""), STANDARD)
