"""What is due when on a session, what is done, late or waits, and the path that decides when the day is done.

Belongs here: instants by which feeds and steps are due, what history says of when they come, and what follows for what
stands on them. Does not belong here: which feeds are expected and what came (``daybook.market.feeds``), reading the
register and the runs (``resources.timings``), telling people.

The clock is an argument. Instants are ``datetime64[us, UTC]``; times of day in a sentence are those of ``zone``.

* **Due.** A feed is due at its ``due_time``, ``due_days`` sessions after its business date, in its time zone, else in
  that of its calendar; a time that the clock skips is the first one after, one that it has twice the first of both.
  Without a ``due_time`` it is due ``AFTER_CLOSE`` after its calendar has closed, half days at their own hour; what
  others report of us, when its calendar opens again. Of several calendars the one that closes last counts. A step is
  due where the firm says so (``deadlines``), by the firm's first calendar; else nobody waits for it by the clock.
* **Usual.** A feed usually comes as long before or after it is due as at the median of its ``HISTORY`` newest sessions;
  a step takes from what it stands on the median of the runs before; the first one begins when runs usually do. Files
  that came more than ``TIMELY`` after they were due are history that was taken in later, and tell nothing.
* **Expected.** The usual instant; where that has passed, the median of those sessions on which it came even later, and
  unknown where none did. A step is expected when the last of what it stands on is, and the time that it takes has gone.
* **Status.** ``done``; ``late``: the instant has passed; ``at_risk``: expected after it, or unknown where history knows
  nothing so late, or ``LEAD`` before it where there is no history; ``waiting``: for something that is not done;
  ``due``: its turn.
* **Critical** is the longest path to the close: from each row the latest of what it stands on.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from daybook import calendars, tables
from daybook.intake.terms import RECONCILED, STEPS
from daybook.market import feeds

STANDS_ON: Mapping[str, tuple[str, ...]] = {
    "prices": (),
    "books": ("prices",),
    "nav": ("books",),
    "reconciliation": ("nav",),
    "risk": ("nav",),
    "pack": ("reconciliation", "risk"),
    "close": ("pack",),
}
"""Steps of the day, and those that each stands on."""
FEEDS_OF: Mapping[str, str] = {
    **dict.fromkeys(("prices", "fx_rates", "price_sources"), "prices"),
    **dict.fromkeys(RECONCILED, "reconciliation"),
    **dict.fromkeys(("benchmark_blends", "benchmark_levels", "benchmark_terms", "benchmark_weights"), "risk"),
    **dict.fromkeys(("constituents", "fundamentals", "alternative_data", "volatilities", "issuers"), "risk"),
    **dict.fromkeys(("risk_free_rates", "risk_factors", "proxies", "var_models"), "risk"),
    **dict.fromkeys(("limits", "limit_raises", "rules", "liquidity_rules", "redemption_terms"), "risk"),
}
"""The first step that needs a feed; that of any other is ``books``."""
AFTER_CLOSE = pd.Timedelta(hours=2)
"""When a feed is due where nobody says so, after its calendar has closed."""
HISTORY = 20
"""Sessions and runs that tell what is usual."""
TIMELY = pd.Timedelta(days=3)
"""How long after it was due a delivery still tells when it usually comes."""
LEAD = pd.Timedelta(minutes=30)
"""How long before it is due something of which no history is known is at risk."""
NAMED = 4
"""Most names that a sentence lists."""
FEED = ["feed", "source"]
_UTC: Final = "datetime64[us, UTC]"


def timeline(
    session: pd.Timestamp,
    now: pd.Timestamp,
    outcomes: pd.DataFrame,
    deliveries: pd.DataFrame,
    expected_feeds: pd.DataFrame,
    deadlines: pd.DataFrame,
    runs: pd.DataFrame,
    market: str,
) -> pd.DataFrame:
    """Table ``timeline`` of ``session`` as it stands at ``now``: a row for each expected feed and for each step.

    Args:
        session: midnight, naive.
        now: with a time zone.
        outcomes: table ``feed_outcomes`` of the session.
        deliveries: the file register (``daybook.market.feeds.register`` says its columns) with ``recorded_at``.
        expected_feeds: facts.
        deadlines: facts.
        runs: own, business_date, began_at, step, ended_at: when runs began and their steps were done. The ``own`` ones
            say what is done of ``session``, the others how long it takes.
        market: the firm's first calendar.

    Returns:
        ``expected_at`` of what is done says when it usually is. ``waits_for`` names feeds before steps.
    """
    now = now.tz_convert("UTC").as_unit("us")
    place = calendars.zone(market)
    came = _feeds(session, now, outcomes, deliveries, expected_feeds, place)
    steps = _steps(session, now, came, deadlines, runs, market)
    rows = pd.concat([came[steps.columns], steps], ignore_index=True).assign(business_date=session)
    return tables.conform("timeline", rows)


def headlines(rows: pd.DataFrame, market: str) -> "pd.Series[str]":
    """A sentence for each late or endangered row of a ``timeline``, steps first: ``nav 18:30 at risk: waits for ...``.

    Times are those of ``market``; a date stands before them where it is not that of the session. The index is that of
    ``rows``.
    """
    told = rows[rows["status"].isin(["late", "at_risk"])]
    told = told.sort_values(["kind", "due_at"], ascending=[False, True], kind="stable")
    place = calendars.zone(market)
    due_at = [local(at, day, place) for at, day in zip(told["due_at"], told["business_date"], strict=True)]
    said = name(told) + " " + pd.Series(due_at, told.index, dtype="str") + " " + told["status"].str.replace("_", " ")
    return said.mask(told["reason"] != "", said + ": " + told["reason"])


def name(rows: pd.DataFrame) -> "pd.Series[str]":
    """What each of ``rows`` is called: a step by its name, a feed as its files are, with its markets."""
    file = rows["step"].mask(rows["source"] != "", rows["step"] + "_" + rows["source"])
    where = (" (" + rows["calendar"] + ")").where(rows["calendar"] != "", "")
    return ("feed " + file + where).where(rows["kind"] == "feed", rows["step"])


# -- feeds -----------------------------------------------------------------------------------------------------------


def _feeds(
    session: pd.Timestamp,
    now: pd.Timestamp,
    outcomes: pd.DataFrame,
    deliveries: pd.DataFrame,
    expected_feeds: pd.DataFrame,
    place: Any,
) -> pd.DataFrame:
    """The feeds expected, as in ``timeline``, with ``unheard`` (later than ever) and names."""
    rows = outcomes[outcomes["calendar"] != ""].reset_index(drop=True)
    rows = rows.merge(_declared(expected_feeds, FEED, session), on=FEED, how="left")
    rows = rows.assign(business_date=session, back=rows["feed"].isin(RECONCILED))
    files = _arrivals(deliveries)
    rows = rows.assign(due_at=due(rows), done=rows["outcome"].isin(["complete", "empty"]))
    by_file = files.drop_duplicates("file").set_index("file")["at"]
    rows["done_at"] = by_file.reindex(rows["file"]).set_axis(rows.index).where(rows["done"])
    lags = _lags(rows, files, session)
    usual = rows["due_at"] + lags.groupby("row")["lag"].median().reindex(rows.index).dt.floor("s")
    instants = rows["due_at"].reindex(lags["row"]).set_axis(lags.index) + lags["lag"]
    later = instants[instants > now].groupby(lags["row"]).median().reindex(rows.index).dt.floor("s")
    known = lags.groupby("row").size().reindex(rows.index).fillna(0).astype("int64")
    gone = ~rows["done"] & (usual <= now)
    rows["expected_at"] = usual.astype(_UTC).mask(gone, later.astype(_UTC))
    rows["unheard"] = gone & rows["expected_at"].isna()
    words = [_usually(at, number, session, place) for at, number in zip(usual, known, strict=True)]
    rows["usual"] = pd.Series(words, rows.index, dtype="str")
    soon = (rows["expected_at"].isna() & (rows["unheard"] | (now >= rows["due_at"] - LEAD))) | (
        rows["expected_at"] > rows["due_at"]
    )
    rows["status"] = np.select(
        [rows["done"], rows["due_at"] < now, soon & rows["due_at"].notna()], ["done", "late", "at_risk"], "due"
    )
    late = [_late_by(by) for by in rows["done_at"] - rows["due_at"]]
    missing = _joined(rows["reason"], rows["usual"])
    rows["named"] = feeds.feed_name(rows)
    return rows.assign(
        kind="feed", step=rows["feed"], waits_for="", critical=False,
        reason=missing.mask(rows["done"], pd.Series(late, rows.index, dtype="str")),
        told=(rows["named"] + " (" + rows["calendar"] + "), " + rows["usual"]).astype("str"),
    )  # fmt: skip


def due(rows: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    """The instant by which each of ``rows`` is due; NaT where neither a time of day nor an open calendar says it.

    Args:
        rows: business_date, calendar (one or more, separated by spaces), due_time ("" or missing: by the calendar),
            due_days, timezone, back (whether it is due, by the calendar, when that opens again).
    """
    closing = _closing(rows)
    found = pd.Series(pd.NaT, rows.index, dtype=_UTC)
    said = (rows["due_time"].fillna("") != "").to_numpy()
    for name_, here in closing[~said].groupby("calendar").groups.items():  # one turn a calendar
        again = rows.loc[here, "back"].to_numpy(bool)
        opens, _ = calendars.opening_hours(
            str(name_), calendars.later_session(str(name_), rows.loc[here, "business_date"], np.ones(len(here), int))
        )
        found[here] = (closing.loc[here, "closes"] + AFTER_CLOSE).mask(again, opens)
    clock = pd.to_timedelta(rows["due_time"].fillna("").mask(~said, "00:00") + ":00")
    for name_, here in closing[said].groupby("calendar").groups.items():
        days = calendars.later_session(
            str(name_), rows.loc[here, "business_date"], rows.loc[here, "due_days"].fillna(0).astype("int64")
        )
        local = pd.Series(days, here) + clock[here]
        zones = rows.loc[here, "timezone"].fillna("")
        for word, these in local.groupby(zones).groups.items():  # one turn a time zone
            at = pd.DatetimeIndex(local[these]).tz_localize(
                str(word) or calendars.zone(str(name_)),
                ambiguous=np.ones(len(these), bool),
                nonexistent="shift_forward",
            )
            found[these] = at.tz_convert("UTC")
    return found


def _closing(rows: pd.DataFrame) -> pd.DataFrame:
    """Of the calendars of each row the one that closes last on its date, and when it does: calendar, closes."""
    each = rows[["business_date"]].assign(calendar=rows["calendar"].fillna("").str.split()).explode("calendar")
    each = each.assign(calendar=each["calendar"].fillna(""), row=each.index).reset_index(drop=True)
    closes = pd.Series(pd.NaT, each.index, dtype=_UTC)
    for word, here in each.groupby("calendar").groups.items():
        closes[here] = calendars.opening_hours(str(word), each.loc[here, "business_date"])[1]
    each = each.assign(closes=closes).sort_values(["row", "closes", "calendar"], na_position="first")
    return each.drop_duplicates("row", keep="last").set_index("row")[["calendar", "closes"]].reindex(rows.index)


def _declared(facts: pd.DataFrame, key: Sequence[str], session: pd.Timestamp) -> pd.DataFrame:
    """The row of each key that holds on ``session``: ``key``, due_time, due_days, timezone."""
    begun = facts[facts["valid_from"].isna() | (facts["valid_from"] <= session)]
    newest = begun.sort_values("valid_from", kind="stable", na_position="first").drop_duplicates(key, keep="last")
    return newest.loc[~(newest["valid_to"] < session), [*key, "due_time", "due_days", "timezone"]]


def _arrivals(deliveries: pd.DataFrame) -> pd.DataFrame:
    """When each feed was there, by the date in its files' names: FEED, business_date, file, at.

    The first good file counts that has nearly as many rows (``feeds.COVERAGE``) as the largest of that feed and date.
    """
    files = feeds.register(deliveries)
    good = files[files["original"].isna() & files["outcome"].isin(feeds.GOOD) & (files["feed"] != "")]
    good = good.rename(columns={"delivered": "business_date", "recorded_at": "at"})
    key = ["business_date", *FEED]
    most = good.groupby(key)["rows"].transform("max")
    first = good[good["rows"] >= feeds.COVERAGE * most].sort_values("seq").drop_duplicates(key)
    return first[[*key, "file", "at"]].reset_index(drop=True)


def _lags(rows: pd.DataFrame, files: pd.DataFrame, session: pd.Timestamp) -> pd.DataFrame:
    """How long after it was due each feed came on the sessions before, by the hours of today: row, lag."""
    before = files[files["business_date"] < session]
    terms = rows[[*FEED, "calendar", "due_time", "due_days", "timezone", "back"]].assign(row=rows.index)
    each = before.merge(terms, on=FEED)
    each = each.sort_values(["row", "business_date"], ascending=[True, False], kind="stable")
    each = each.groupby("row", sort=False).head(2 * HISTORY).reset_index(drop=True)
    each = each.assign(lag=each["at"] - due(each))
    timely = each[(each["lag"] <= TIMELY) & (each["lag"] >= -TIMELY)]
    return timely.groupby("row", sort=False).head(HISTORY)[["row", "lag"]].reset_index(drop=True)


# -- steps -----------------------------------------------------------------------------------------------------------


def _steps(
    session: pd.Timestamp,
    now: pd.Timestamp,
    came: pd.DataFrame,
    deadlines: pd.DataFrame,
    runs: pd.DataFrame,
    market: str,
) -> pd.DataFrame:
    """The steps in the columns of ``timeline``; marks the critical path in ``came`` too."""
    own, before = runs[runs["own"]], runs[~runs["own"]]
    done = dict(zip(own["step"], own["ended_at"], strict=True))
    began = own["began_at"].max()
    takes, starts = _durations(before), _usual_start(before, session, market)
    held = _declared(deadlines, ["step"], session).assign(business_date=session, calendar=market, back=False)
    due_at = dict(zip(held["step"], due(held.reset_index(drop=True)), strict=True))
    first_step = came["feed"].map(FEEDS_OF).fillna("books")
    waiting = ~came["done"]

    ends: dict[str, Any] = {}  # NaT where nobody can tell
    lacking: dict[str, list[int]] = {}  # rows of ``came`` that are not there, of everything below the step
    rows = []
    for step in STEPS:
        mine = first_step == step
        lacking[step] = sorted(
            {*came.index[mine & waiting], *(row for other in STANDS_ON[step] for row in lacking[other])}
        )
        open_steps = [other for other in _below(step) if other not in done]
        usual = [*came.loc[mine & waiting, "expected_at"], *came.loc[mine, "done_at"].dropna()]
        ready = [*usual, *(ends[other] for other in STANDS_ON[step])]
        if step == "prices" and pd.isna(began):
            ready += [now, *([starts] if starts is not None else [])]
        elif step == "prices":
            ready = [began]
        took = takes.get(step)
        expected: Any = pd.NaT
        if took is not None and not any(pd.isna(at) for at in ready):
            expected = max(now, max(ready) + took[0])
        # What was done without a feed is done again when that comes, and nobody can tell when where no history does.
        lacks = came.loc[lacking[step], "expected_at"]
        again = pd.NaT if lacks.isna().any() else lacks.max()
        ends[step] = done.get(step, expected) if step not in done or lacks.empty else again
        late = [row for row in lacking[step] if came.at[row, "unheard"] or came.at[row, "status"] == "late"]
        turn = [other for other in open_steps if other != step and all(below in done for below in STANDS_ON[other])]
        names = [*came.loc[lacking[step], "named"]]
        at = due_at.get(step, pd.NaT)
        rows.append(
            {
                "kind": "step", "step": step, "source": "", "calendar": market, "due_at": at,
                "expected_at": expected if step not in done else pd.NaT, "done_at": done.get(step, pd.NaT),
                "status": _status(step in done, at, expected, now, bool(late), bool(names or turn)),
                "waits_for": "" if step in done else ", ".join(names or turn),
                "critical": False,
                "reason": _reason(step, done, at, names, [*came.loc[lacking[step], "told"]], turn, took),
            }
        )  # fmt: skip
    critical_feeds, critical_steps = _critical(came, first_step, ends, done)
    came.loc[critical_feeds, "critical"] = True
    table = pd.DataFrame(rows)
    instants = {at: pd.to_datetime(table[at], utc=True).astype(_UTC) for at in ("due_at", "expected_at", "done_at")}
    return table.assign(critical=table["step"].isin(critical_steps), **instants)


def _durations(runs: pd.DataFrame) -> dict[str, tuple[pd.Timedelta, int]]:
    """How long each step takes from what it stands on, in the middle of the newest runs, and how many there were."""
    ended = runs.pivot_table(index="began_at", columns="step", values="ended_at", aggfunc="max")
    ended = ended.sort_index().tail(HISTORY)
    began = pd.Series(ended.index, ended.index)
    found = {}
    for step in STEPS:
        below = [other for other in STANDS_ON[step] if other in ended.columns]
        if step not in ended.columns or len(below) < len(STANDS_ON[step]):
            continue
        since = ended[below].max(axis=1, skipna=False) if below else began
        took = (ended[step] - since).dropna()
        took = took[took >= pd.Timedelta(0)]
        if len(took):
            found[step] = pd.Timedelta(took.median()).floor("s"), len(took)
    return found


def _usual_start(runs: pd.DataFrame, session: pd.Timestamp, market: str) -> pd.Timestamp | None:
    """When runs usually begin on ``session``, as long after the close as those of the sessions before."""
    each = runs[["business_date", "began_at"]].drop_duplicates().sort_values("began_at")
    after = each["began_at"] - pd.Series(calendars.opening_hours(market, each["business_date"])[1], each.index)
    timely = after[(after >= pd.Timedelta(0)) & (after <= TIMELY)].tail(HISTORY)
    closes = calendars.opening_hours(market, [session])[1][0]
    return None if timely.empty or pd.isna(closes) else closes + timely.median().floor("s")


def _below(step: str) -> list[str]:
    """``step``, and everything that it stands on, in the order of the day."""
    wanted = {step}
    for other in reversed(STEPS):
        if other in wanted:
            wanted |= set(STANDS_ON[other])
    return [other for other in STEPS if other in wanted]


def _status(done: bool, due_at: Any, expected: Any, now: pd.Timestamp, late: bool, waits: bool) -> str:
    if done:
        return "done"
    if not pd.isna(due_at):
        if due_at < now:
            return "late"
        if expected > due_at or (pd.isna(expected) and (late or now >= due_at - LEAD)):
            return "at_risk"
    return "waiting" if waits else "due"


def _critical(
    came: pd.DataFrame, first_step: "pd.Series[str]", ends: Mapping[str, Any], done: Mapping[Any, Any]
) -> tuple[list[int], list[str]]:
    """The feed and the steps on the longest path to the close; what nobody can tell the end of is the longest."""
    never = pd.Timestamp.max.tz_localize("UTC")
    step, path = STEPS[-1], [STEPS[-1]]
    while True:
        mine = came[first_step == step]
        at = mine["done_at"].where(mine["done"], mine["expected_at"])
        # A file of history that was taken in at any time keeps nobody waiting; one that never came does.
        at = at[at.notna() | ~mine["done"]].fillna(never) if step in done else at.fillna(never)
        below = {other: never if pd.isna(ends[other]) else ends[other] for other in STANDS_ON[step]}
        latest = max(below, key=lambda other: below[other], default="")
        if len(at) and (not latest or at.max() >= below[latest]):
            return [at.index[int(at.argmax())]], path
        if not latest:
            return [], path
        path.append(latest)
        step = latest


# -- words -----------------------------------------------------------------------------------------------------------


def _reason(
    step: str,
    done: Mapping[Any, Any],
    due_at: Any,
    lacking: Sequence[str],
    told: Sequence[str],
    turn: Sequence[str],
    took: tuple[pd.Timedelta, int] | None,
) -> str:
    """Why a step is not done, or not in time.

    Args:
        step: its name.
        done: steps that are, and when they were.
        due_at: by when it had to be.
        lacking: feeds below it that are not there, by name.
        told: the same with their markets and when they usually come.
        turn: the steps below it that could be done now.
        took: how long it takes, and how many runs say so.
    """
    if step in done:
        late = _late_by(done[step] - due_at)
        return "; ".join(part for part in (late, f"without {_some(lacking)}" if lacking else "") if part)
    waits = told or turn
    parts = [f"waits for {_some(waits)}"] if waits else []
    parts.append(
        "no earlier run tells how long it takes" if took is None else f"takes {_span(took[0])} (median of {took[1]})"
    )
    return "; ".join(parts)


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return "; ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _usually(at: Any, number: int, session: pd.Timestamp, place: Any) -> str:
    if not number:
        return "no earlier session tells when it comes"
    return f"usually there at {local(at, session, place)} (median of {number})"


def _late_by(by: Any) -> str:
    """How late something was, in words; "" where it was in time or nobody knows."""
    if pd.isna(by) or by <= pd.Timedelta(0):
        return ""
    return f"{_span(by)} late" if by <= TIMELY else f"history, taken in {by.days} days later"


def _span(by: pd.Timedelta) -> str:
    """A length of time as a person says it: 2 h 5 min."""
    minutes, seconds = divmod(int(by.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def local(at: Any, session: pd.Timestamp, place: Any) -> str:
    """A time of day in ``place``, with its date where that is not ``session``."""
    if pd.isna(at):
        return ""
    here = at.tz_convert(place)
    return f"{here:%H:%M}" if here.date() == session.date() else f"{here:%Y-%m-%d %H:%M}"


def _joined(one: "pd.Series[str]", other: "pd.Series[str]") -> "pd.Series[str]":
    return one.mask((one != "") & (other != ""), one + "; " + other).mask(one == "", other)
