"""Causes of breaks: the hypothesis that leaves the fewest lines of a custodian's statement.

Belongs here: judging what was replayed; one word and one sentence for each break. Does not belong here: which
hypotheses there are (``hypotheses``), what the books would say under each (``replay``), breaks that are no line of a
statement (``figures``), what a break is (``breaks``).

A book and its custodian's statement of a session are one case. Of all hypotheses the one is taken that makes the most
lines agree, of several the one for which the fewest things must come together (``weight``), then the nearest in time;
it stays, and the next is looked for in what is left: so two faults that meet in one cash balance are told apart, and
the position and the money of one trade have one cause. What is left after that is searched once more by its own amount.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger import exact
from daybook.reconciliation import figures, hypotheses, replay
from daybook.reconciliation.hypotheses import PLACE, ROUNDING, Case
from daybook.reconciliation.replay import Facts
from daybook.reconciliation.sides import KEY
from daybook.reconciliation.statements import Statements

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

UNEXPLAINED = "unexplained"
LINES = ("position", "cash")
"""Kinds of break that are lines of a custodian's statement."""
REPLAYED = 200
"""Hypotheses that are replayed of one book and session at most; those about the largest breaks come first."""
TOLD = 5
"""Hypotheses that are told of a break."""
BEFORE = pd.Timedelta(days=14)
"""How far before a break opened the statements of its book are looked at."""
BELIEVED = 20
"""Faults of one book and session that are told apart at most, in one search."""
LEAST = 0.25
"""Lines that a hypothesis must gain, less those that it would by chance, to be believed when nothing is better."""
MUCH, NEARLY = 0.1, 0.5
"""A line of which so much is left at most counts as nearly explained, that is so many lines."""
_WORLD = [
    *(*KEY, "cause", "dropped", "undone", "template", "to_quantity", "to_price", "to_fees", "to_taxes", "to_settle"),
    *("to_date", "to_kind", "to_instrument", "to_currency", "action", "to_rate", "to_pay", "top", "bottom"),
]
"""What makes two hypotheses the same."""
_EFFECT = ["number", "line", "settled", "traded"]


@dataclass(frozen=True)
class _Search:
    """What was tried, and what is believed.

    Attributes:
        tried: hypotheses with number; believed: the turn in which each was taken, -1 for those that were not.
        effects: number, line, settled, traded: by how much each would change which line.
        lines: lines of the statements of the sessions asked, by position: ``Case.lines``, group (of its book and
            session), differs, and left, left_traded and still (differs) when all that is believed is true.
        untried: by group, how many hypotheses were not tried.
    """

    tried: pd.DataFrame
    effects: pd.DataFrame
    lines: pd.DataFrame
    untried: "pd.Series[int]"


def causes(
    found: pd.DataFrame,
    statements: Statements,
    facts: Facts,
    *,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    accruals: pd.DataFrame,
    nav: pd.DataFrame,
    custodian_transactions: pd.DataFrame,
    broker_transactions: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Why each break may be there.

    Args:
        found: table ``reconciliation_breaks`` of the sessions asked; a cause other than ``unexplained`` stays.
        statements: what was compared, of those sessions and of all before on which the custodian reported.
        facts: what the ledger is derived from.
        prices: golden, of the sessions and of those before.
        fx_rates: golden, of the sessions.
        accruals: table of the sessions.
        nav: table of the sessions and of those before.
        custodian_transactions: facts; those of the sessions and of the days before are looked at.
        broker_transactions: likewise.

    Returns:
        ``found`` with cause and reason, and table ``break_hypotheses``. lines_before and lines_after count the lines of
        the custodian's statement of the book that differ, as they are and if the hypothesis alone were true; residual
        is what it would leave of the break's difference.
    """
    rows = found.reset_index(drop=True)
    # The rate of a trade into the book's currency makes its cost, which is on nobody's statement.
    facts = replace(facts, transactions=facts.transactions.assign(fx_rate=_ones(facts.transactions)))
    asked = rows[rows["kind"].isin(LINES) & (rows["cause"] == UNEXPLAINED)]
    stated = tables.empty("break_hypotheses")
    if len(asked):
        asked = asked.rename(columns={"instrument": "target"})
        case = _case(asked, statements, facts, prices, fx_rates, (custodian_transactions, broker_transactions))
        search = _searched(asked, case)
        stated = _stated(asked, search, facts.transactions)
        said = _said(asked, stated, search)
        rows = rows.assign(**{str(name): rows[name].where(~rows.index.isin(said.index), said[name]) for name in said})
    named = figures.causes(rows, accruals, nav, fx_rates, facts)
    columns = list(tables.TABLES["break_hypotheses"].names)
    best = stated[stated["hypothesis_rank"] <= TOLD].sort_values(["business_date", "break_id", "hypothesis_rank"])
    return tables.conform("reconciliation_breaks", named), tables.conform("break_hypotheses", best[columns])


def _ones(log: pd.DataFrame) -> "pd.Series[Any]":
    return pd.Series([exact.decimal(1)] * len(log), log.index, dtype=object)


def _case(
    asked: pd.DataFrame,
    statements: Statements,
    facts: Facts,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    others: Sequence[pd.DataFrame],
) -> Case:
    """What is known of the books that have breaks."""
    since, through = asked["opened_on"].min() - BEFORE, asked["business_date"].max()
    booked = hypotheses.entries(facts, asked["book"].unique(), since - pd.Timedelta(days=hypotheses.LOOKBACK), through)
    theirs, told = _theirs(others, facts.transactions, asked, since, through)
    return Case(_lines(statements, asked["book"], since), booked, theirs, told, facts, prices, fx_rates)


def _lines(statements: Statements, books: "pd.Series[str]", since: pd.Timestamp) -> pd.DataFrame:
    """``Case.lines``: every line of the statements of ``books`` since then."""
    recent = {
        name: frame[frame["business_date"] >= since]
        for name, frame in vars(statements).items()
        if isinstance(frame, pd.DataFrame)
    }
    of = replace(statements, **recent)
    rows = of.whole(books).rename(columns={"instrument": "target", "compared_field": "field"})
    rows = rows[rows["known"]]
    item = ["business_date", "book", "instrument", "quantity"]
    given = of.custodian_positions[[*item, "market_value"]].set_axis([*KEY, "target", "given", "value"], axis=1)
    given = given.assign(kind="position", listed=1.0)
    held = of.positions[item].set_axis([*KEY, "target", "held"], axis=1).assign(kind="position")
    both = rows.merge(given, how="left", on=PLACE).merge(held, how="left", on=PLACE)
    # What a whole report does not list is not there, settled or not.
    stated = both["given"].where(both["listed"].notna(), 0.0)
    traded = (stated - both["held"].fillna(0.0)).where(both["field"].eq("settled") & both["kind"].eq("position"))
    return both.assign(traded=traded.round(8)).drop(columns=["given", "held", "listed", "known"])


def _theirs(
    others: Sequence[pd.DataFrame],
    log: pd.DataFrame,
    asked: pd.DataFrame,
    since: pd.Timestamp,
    through: pd.Timestamp,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Transactions of the others that the log has neither by id nor by terms, and those that it has by id.

    The custodian's come first; of the second, ``at`` is the position in the log.
    """
    parts = [
        rows[rows["book"].isin(asked["book"]) & rows["business_date"].between(since, through)].assign(party=party)
        for rows, party in zip(others, ("custodian", "broker"), strict=True)
    ]
    rows = pd.concat(parts, ignore_index=True).rename(columns={"kind": "event"})
    rows = rows.assign(trade_date=rows["trade_date"].fillna(rows["business_date"]))
    known = log[log["book"].isin(asked["book"])].rename(columns={"kind": "event"})
    terms = ["book", "instrument", "event", "trade_date", "size"]
    size = pd.to_numeric(known["quantity"]).to_numpy("float64", na_value=np.nan)
    mine = pd.MultiIndex.from_frame(known.assign(size=size)[terms])
    rows = rows.assign(size=rows["quantity"].fillna(rows["net_amount"].abs()))
    at = pd.MultiIndex.from_frame(known[["book", "transaction_id"]]).get_indexer(
        pd.MultiIndex.from_frame(rows[["book", "transaction_id"]])
    )
    told = rows[at >= 0].assign(at=known.index.to_numpy(np.int64)[at[at >= 0]])
    unheard = rows[(at < 0) & ~pd.MultiIndex.from_frame(rows[terms]).isin(mine)]
    return unheard.drop_duplicates(terms, ignore_index=True), told.drop_duplicates("at", ignore_index=True)


def _searched(asked: pd.DataFrame, case: Case) -> _Search:
    """Try what may explain the breaks, and then what may explain the rest."""
    lines = _state(asked, case)
    nothing = pd.DataFrame(columns=_EFFECT).astype("float64").astype({"number": "int64", "line": "int64"})
    tried = hypotheses.stacked([]).assign(number=pd.Series(dtype="int64"), believed=pd.Series(dtype="int64"))
    untried = pd.Series(0, pd.RangeIndex(lines["group"].max() + 1))
    steps = hypotheses.steps(asked, case.lines)
    first = _more(
        _Search(tried, nothing, lines, untried),
        hypotheses.events(case, steps),
        hypotheses.shifts(case, asked, steps),
        asked,
        case,
    )
    left = _left(asked, first, steps)
    if left.empty:
        return first
    again = hypotheses.stacked([hypotheses.events(case, left), hypotheses.taxed(case, left, _paid(first))])
    second = _more(first, again, hypotheses.shifts(case, asked.head(0), left), asked, case)
    # What only a number chosen for it explains is believed last, when nothing else does.
    return _believed(second, LEAST)


def _more(
    search: _Search,
    events: pd.DataFrame,
    shifts: tuple[pd.DataFrame, pd.DataFrame],
    asked: pd.DataFrame,
    case: Case,
) -> _Search:
    """``search`` with more hypotheses: replayed, judged beside those before, the best of them believed."""
    fresh, over = _bounded(_new(events, search), asked, search)
    count = len(search.tried)
    fresh = fresh.assign(number=count + np.arange(len(fresh)))
    replayed = replay.effects(fresh, *hypotheses.postings(fresh, case.facts), case.facts)
    still, explained = shifts
    still = still.assign(number=count + len(fresh) + np.arange(len(still)))
    explained = explained.assign(number=explained["number"] + count + len(fresh))
    tried = pd.concat([fresh, still], ignore_index=True).assign(believed=-1)
    effects = pd.concat([replayed.rename(columns={"instrument": "target"}), explained], ignore_index=True)
    lines, effects = _placed(search.lines, tried, effects)
    more = _Search(
        pd.concat([search.tried, tried], ignore_index=True),
        pd.concat([search.effects, effects[_EFFECT]], ignore_index=True),
        lines,
        search.untried.add(over, fill_value=0).astype("int64"),
    )
    return _believed(more, 1.0)


def _state(asked: pd.DataFrame, case: Case) -> pd.DataFrame:
    """``_Search.lines`` before anything is believed."""
    lines = case.lines.merge(asked[KEY].drop_duplicates(), on=KEY)
    known = pd.MultiIndex.from_frame(lines[PLACE])
    differs = known.isin(pd.MultiIndex.from_frame(asked[PLACE]))
    differs |= (lines["traded"].abs() >= lines["kind"].map(ROUNDING)).to_numpy()
    lines = lines.assign(differs=differs, still=differs, left=lines["difference"], left_traded=lines["traded"])
    return lines.assign(group=lines.groupby(KEY).ngroup()).reset_index(drop=True)


def _new(events: pd.DataFrame, search: _Search) -> pd.DataFrame:
    """Those of ``events`` that were not tried and do not leave out what is left out already, each once."""
    ordered = events.sort_values(["weight", "distance", "text"], kind="stable")
    rows = ordered.drop_duplicates([*_WORLD, "instrument", "book"], ignore_index=True)
    before = search.tried[_WORLD].drop_duplicates()
    tried = rows[_WORLD].merge(before, how="left", on=_WORLD, indicator=True)["_merge"].eq("both").to_numpy()
    gone = search.tried[search.tried["believed"] >= 0]
    done = np.zeros(len(rows), bool)
    for column, nothing in (("dropped", -1), ("undone", "")):
        used = gone.loc[gone[column] != nothing, [*KEY, column]]
        done |= pd.MultiIndex.from_frame(rows[[*KEY, column]]).isin(pd.MultiIndex.from_frame(used))
    return rows[~tried & ~done].reset_index(drop=True)


def _bounded(events: pd.DataFrame, asked: pd.DataFrame, search: _Search) -> tuple[pd.DataFrame, "pd.Series[int]"]:
    """At most ``REPLAYED`` of a book and session, about the largest breaks first; by group, how many are left out."""
    size = asked[PLACE].assign(size=asked["impact_base"].abs().fillna(np.inf))
    rows = events.merge(size, how="left", on=PLACE)
    rows = rows.sort_values(["size", "weight", "distance", "text"], ascending=[False, True, True, True], kind="stable")
    kept = rows.groupby(KEY).cumcount() < REPLAYED
    groups = search.lines[[*KEY, "group"]].drop_duplicates()
    over = rows.loc[~kept, KEY].merge(groups, on=KEY)["group"].value_counts()
    return rows[kept].drop(columns="size").reset_index(drop=True), over


def _placed(lines: pd.DataFrame, tried: pd.DataFrame, effects: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``lines`` with those that only a hypothesis brings, and ``effects`` with the line of each.

    What a hypothesis changes of a kind of line that the custodian did not report says nothing.
    """
    of = effects.merge(tried[["number", *KEY]], on="number")
    told = lines[[*KEY, "kind", "group"]].drop_duplicates()
    of = of.merge(told, on=[*KEY, "kind"])
    known = pd.MultiIndex.from_frame(lines[PLACE])
    new = of.loc[~pd.MultiIndex.from_frame(of[PLACE]).isin(known), [*PLACE, "group"]].drop_duplicates()
    zero = dict.fromkeys(("ours", "theirs", "difference", "left"), 0.0) | {"traded": np.nan, "left_traded": np.nan}
    new = new.assign(currency="", source="", field="", differs=False, still=False, **zero)
    both = pd.concat([lines, new[lines.columns]], ignore_index=True) if len(new) else lines
    at = pd.MultiIndex.from_frame(both[PLACE]).get_indexer(pd.MultiIndex.from_frame(of[PLACE]))
    return both, of.assign(line=at)


def _believed(search: _Search, least: float) -> _Search:
    """``search`` with the best hypotheses of each group believed, as long as they gain ``least`` lines.

    A turn takes one of each group: the one after which the fewest lines differ. One that makes a line worse must make
    another agree for it.
    """
    tried, lines, effects = search.tried, search.lines, search.effects
    # Numbers are positions: hypotheses are only ever added.
    number = effects["number"].to_numpy(np.int64)
    group = lines["group"].to_numpy()[effects["line"].to_numpy(np.int64)]
    believed = tried["believed"].to_numpy(copy=True)
    first = int(believed.max(initial=-1)) + 1
    for turn in range(first, first + BELIEVED):
        judged = _judged(lines, effects)
        gain = (judged["gain"] - judged["worse"] + NEARLY * judged["nearer"]).groupby(number).sum()
        rows = tried.loc[gain.index, ["weight", "free", "distance", "text"]]
        rows = rows.assign(gain=gain - rows["free"], group=pd.Series(group, number).groupby(level=0).first())
        rows = rows[(rows["gain"] >= least) & (believed[rows.index] < 0)]
        if rows.empty:
            break
        best = rows.sort_values(["gain", "weight", "distance", "text"], ascending=[False, True, True, True])
        best = best.drop_duplicates("group")
        believed[best.index] = turn
        taken = np.isin(number, best.index)
        lines = _after(lines, effects[taken], judged[taken])
    return replace(search, tried=tried.assign(believed=believed), lines=lines)


def _judged(lines: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """For each effect: left and traded after it, gain (1 if the line agrees then, -1 if no more), worse, nearer."""
    at = effects["line"].to_numpy(np.int64)
    of = lines.take(at).reset_index(drop=True).set_axis(effects.index)
    left, traded = of["left"] - effects["settled"], of["left_traded"] - effects["traded"]
    small = of["kind"].map(ROUNDING).astype("float64")
    differs = (left.abs() >= small) | (traded.abs() >= small)
    gain = of["still"].astype("int64") - differs.astype("int64")
    # Without this a hypothesis that happens to make a position agree is believed against its own money.
    worse = (gain == 0) & (left.abs() > of["left"].abs() + small)
    nearer = (gain == 0) & differs & (left.abs() <= MUCH * of["left"].abs())
    found = {"left": left, "traded": traded, "still": differs, "gain": gain}
    return pd.DataFrame(found | {"worse": worse.astype("int64"), "nearer": nearer.astype("int64")})


def _after(lines: pd.DataFrame, effects: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """``lines`` when ``effects``, at most one of each line, are true."""
    at = effects["line"].to_numpy(np.int64)
    changed = {name: lines[name].to_numpy(copy=True) for name in ("left", "left_traded", "still")}
    changed["left"][at] = judged["left"].round(8)
    changed["left_traded"][at] = judged["traded"].round(8)
    changed["still"][at] = judged["still"]
    return lines.assign(**changed)


def _left(asked: pd.DataFrame, search: _Search, steps: pd.DataFrame) -> pd.DataFrame:
    """Steps for what is left of each break.

    What is left of one that is explained in part may have come whenever it changed; all of it came when it opened.
    """
    last = steps.groupby(PLACE, as_index=False)["until"].max()
    rows = asked[[*PLACE, "opened_on", "ours", "difference"]].merge(
        search.lines.loc[search.lines["still"], [*PLACE, "left"]], on=PLACE
    )
    rows = rows[rows["left"].abs() >= rows["kind"].map(ROUNDING).astype("float64")].merge(last, how="left", on=PLACE)
    until = rows["until"].where(rows["left"] != rows["difference"], rows["opened_on"])
    rows = rows.assign(until=until).rename(columns={"opened_on": "on", "left": "change"})
    return rows[[*PLACE, "on", "change", "ours", "until"]]


def _paid(search: _Search) -> pd.DataFrame:
    """``PLACE``, undone and paid: what each action that was undone had brought in money."""
    alone = search.tried[(search.tried["undone"] != "") & (search.tried["action"] < 0)]
    rows = alone[["number", "undone"]].merge(search.effects, on="number")
    rows = rows.join(search.lines[PLACE], on="line")
    rows = rows[rows["kind"] == "cash"].assign(paid=-rows["settled"])
    return rows[[*PLACE, "undone", "paid"]].drop_duplicates([*PLACE, "undone"], ignore_index=True)


def _stated(asked: pd.DataFrame, search: _Search, log: pd.DataFrame) -> pd.DataFrame:
    """Every hypothesis of every break, in the columns of ``break_hypotheses``, with ``PLACE``, believed and change."""
    before = search.lines.assign(
        left=search.lines["difference"], left_traded=search.lines["traded"], still=search.lines["differs"]
    )
    alone = _judged(before, search.effects)
    gained = alone["gain"].groupby(search.effects["number"]).sum()
    count = search.lines.groupby("group")["differs"].sum()
    rows = search.effects.assign(residual=alone["left"].round(8), change=search.effects["settled"])
    rows = rows.join(search.lines[[*PLACE, "group"]], on="line")
    rows = rows.merge(asked[[*PLACE, "break_id", "difference"]], on=PLACE)
    rows = rows.merge(
        search.tried[["number", "cause", "weight", "free", "distance", "believed", "text", "dropped", "template"]],
        on="number",
    )
    rows = rows[rows["change"] != 0]
    rows = rows.assign(
        lines_before=rows["group"].map(count).astype("int64"),
        lines_after=(rows["group"].map(count) - rows["number"].map(gained)).astype("int64"),
        taken=rows["believed"] >= 0,
        size=rows["residual"].abs(),
        much=rows["change"].abs(),
    )
    order = ["business_date", "break_id", "taken", "much", "lines_after", "size", "weight", "distance", "text"]
    rows["much"] = rows["much"].where(rows["taken"], 0.0)
    rows = rows.sort_values(order, ascending=[True, True, False, False, True, True, True, True, True], kind="stable")
    rows["hypothesis_rank"] = rows.groupby(["business_date", "break_id"]).cumcount() + 1
    short = rows[(rows["hypothesis_rank"] <= TOLD) | rows["taken"]].reset_index(drop=True)
    return short.assign(reason=hypotheses.told(short, log))


def _said(asked: pd.DataFrame, stated: pd.DataFrame, search: _Search) -> pd.DataFrame:
    """cause and reason of each of ``asked``."""
    left = search.lines[[*PLACE, "still", "left", "group"]]
    rows = asked[[*PLACE, "break_id", "difference"]].reset_index().merge(left, on=PLACE, how="left").set_index("index")
    number = search.effects.join(search.lines[PLACE], on="line").groupby(PLACE)["number"].nunique()
    tried = number.reindex(pd.MultiIndex.from_frame(rows[PLACE])).fillna(0).to_numpy(np.int64)
    over = search.untried.reindex(rows["group"]).fillna(0).to_numpy(np.int64)
    taken = stated[stated["taken"]].copy()
    explains = (
        (taken["lines_before"] - taken["lines_after"]).astype("str") + " of " + taken["lines_before"].astype("str")
    )
    taken["sentence"] = taken["reason"] + " (explains " + explains + " lines that differ)"
    keys = ["business_date", "break_id"]
    cause = taken.drop_duplicates(keys).set_index(keys)["cause"]
    sentence = taken.groupby(keys, sort=False)["sentence"].agg("; and ".join)
    wanted = pd.MultiIndex.from_frame(rows[keys])
    small = rows["kind"].map(ROUNDING).astype("float64")
    explained = wanted.isin(cause.index)
    solved = ~rows["still"].eq(True) & explained
    mostly = explained & ~solved & (rows["left"].abs() <= MUCH * rows["difference"].abs())
    remainder = "; " + rows["left"].map("{:,.8g}".format).astype("str") + " of it is left unexplained"
    first = stated[stated["hypothesis_rank"] == 1].set_index(keys)
    best = first[["reason", "residual", "difference", "free"]].reindex(wanted).set_index(rows.index)
    close = best["residual"].abs() < best["difference"].abs() / 2
    remains = best["residual"].map("{:,.8g}".format).astype("str")
    chosen = "possible, but by a number that was chosen for it: " + best["reason"].fillna("")
    closest = "closest: " + best["reason"].fillna("") + ", which leaves " + remains
    alone = "it would explain this line, but not the others: " + best["reason"].fillna("")
    fitting = chosen.where(best["free"].fillna(0.0) > 0, alone)
    closest = closest.mask(best["residual"].abs() < small, fitting).where(close, "").astype("str")
    none = "none of " + pd.Series(tried, rows.index).astype("str") + " hypotheses explains it"
    none = none.mask(tried == 0, "nothing is known that could explain it")
    untried = "; " + pd.Series(over, rows.index).astype("str") + " more were not tried"
    more = untried.where(over > 0, "")
    text = closest.where(closest != "", none) + more
    return pd.DataFrame(
        {
            "cause": np.where(solved | mostly, cause.reindex(wanted).to_numpy(), UNEXPLAINED),
            "reason": np.where(
                solved | mostly, sentence.reindex(wanted) + remainder.where(mostly, "").to_numpy(), text
            ),
        },
        index=rows.index,
    ).astype("str")
