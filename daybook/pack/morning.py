"""The morning page: what the last business date left behind, and whose turn it is.

Belongs here: which lines it has, as text and as HTML. Does not belong here: reading them (``resources.morning``).

Every line ends in whose turn it is, or asks nothing of anybody. A part that has nothing to say says so. Long parts keep
their first lines, the gravest first, and name the command that lists the rest: the page is one page.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import pandas as pd

from daybook.control.breaks import ANSWERED
from daybook.control.closes import refusals
from daybook.control.timeline import name
from daybook.pack import figures
from daybook.pack.money import counted

OPERATIONS, SIGNATORY, RISK, COMPLIANCE, SECOND = "operations", "the signatory", "risk", "compliance", "a second person"
"""Whose turn it can be, besides owners of breaks."""
MOST = 5
"""Lines of a part that are shown."""
_SIGNED = ("closed", "restated")
_AT = "%Y-%m-%d %H:%M"
_TITLE = 21
"""Characters of the column of titles."""
_FOLDS = 3
"""Lines of text that one line of the page may take."""


@dataclass(frozen=True)
class Morning:
    """What the page tells, as frames in the columns of ``daybook/tables.py`` where they are tables.

    Attributes:
        business_date: the session D that it is about.
        made_at: the instant of looking, in UTC.
        runs: of D, and of the day before made_at: job, status (of Dagster), began_at, ended_at (missing while on).
        nav: table of D.
        findings: of D, with what people did laid over.
        timeline: of D as it stands now.
        unexplained_pnl: table of D.
        compliance_results: table of D.
        breaks: every break as it stands (``daybook.control.breaks.LISTED``).
        overrides: price overrides in force on D.
        waivers: in force on D.
        breaches: those of limits that stand.
        closes: the newest entry of each book for D: book, version, status, signed_by, recorded_at.
        objection: why the results of D cannot be acted on; "" if they can.
        was: book -> NAV as signed, of those whose NAV is another one now.
        unsigned: book -> sessions between its last signature and D that nobody signed.
        duties: what one person did alone since D (``daybook.control.duties``): at, person, said.
        quarantine: rows that are not settled.
        requests: those that wait for a second person: id, subject, reason, requested_by.
        orders: those that are not filled, cancelled or rejected: book, instrument, side, quantity, status.
        chain: number and hash of the last act.
    """

    business_date: pd.Timestamp
    made_at: pd.Timestamp
    runs: pd.DataFrame
    nav: pd.DataFrame
    findings: pd.DataFrame
    timeline: pd.DataFrame
    unexplained_pnl: pd.DataFrame
    compliance_results: pd.DataFrame
    breaks: pd.DataFrame
    overrides: pd.DataFrame
    waivers: pd.DataFrame
    breaches: pd.DataFrame
    closes: pd.DataFrame
    objection: str
    was: Mapping[str, float]
    unsigned: Mapping[str, Sequence[pd.Timestamp]]
    duties: pd.DataFrame
    quarantine: pd.DataFrame
    requests: pd.DataFrame
    orders: pd.DataFrame
    chain: tuple[int, str]


@dataclass(frozen=True)
class Line:
    """What is so, and whose turn it is ("" for nobody's); ``tone`` good, care, bad or plain."""

    said: str
    turn: str = ""
    tone: str = "plain"


@dataclass(frozen=True)
class Part:
    """One question of the page and its answer."""

    title: str
    lines: Sequence[Line]


def parts(morning: Morning) -> list[Part]:
    """The page, in the order in which it is read; every part has a line."""
    return [
        Part(title, _lines(list(lines), nothing, more))
        for title, lines, nothing, more in (
            ("Signed", _signed(morning), "No book has a session on this date.", "daybook status"),
            ("Ran", _ran(morning), "Nothing ran since.", "daybook ui"),
            ("Late", _late(morning), "Nothing is late, and nothing came late.", "daybook status"),
            ("Changed since signed", _changed(morning), "Nothing that was signed has changed.", "daybook changes"),
            ("Unexplained", _unexplained(morning), "No P&L rests on prices or rates in doubt.", _show(morning, "pnl")),
            ("Broken", _broken(morning), "No break stands.", "daybook breaks list"),
            ("Breached", _breached(morning), "Every limit and every rule is kept.", "daybook limits list"),
            ("Overridden", _overridden(morning), "No price is overridden.", "daybook override list"),
            ("Waived", _waived(morning), "Nothing is waived.", "daybook show waivers"),
            ("Quarantine", _quarantined(morning), "No row waits in quarantine.", "daybook quarantine list"),
            ("To decide", _asked(morning), "No request waits for a second person.", "daybook requests"),
            ("Orders", _ordered(morning), "No order waits.", "daybook orders list"),
            ("Alone", _alone(morning), "Nobody did alone what two should have done.", "daybook duties"),
            ("Chain of acts", _chain(morning), "", ""),
        )
    ]


def headline(morning: Morning) -> str:
    """How many books are signed, blocked and ready, in a sentence."""
    against = refusals(morning.nav, morning.findings)
    state = dict(zip(morning.closes["book"], morning.closes["status"], strict=True))
    signed = sum(state.get(book) in _SIGNED for book in against)
    blocked = sum(bool(reasons) and state.get(book) not in _SIGNED for book, reasons in against.items())
    ready = len(against) - signed - blocked
    said = [f"{signed} of {counted(len(against), 'book')} signed"]
    said += [f"{ready} to sign"] if ready else []
    said += [f"{blocked} blocked"] if blocked else []
    return ", ".join(said)


def text(morning: Morning, wide: int) -> Iterator[str]:
    """The page as lines of at most ``wide`` characters; what is longer than three of them is cut with an ellipsis."""
    yield f"{morning.business_date:%A, %Y-%m-%d}: {headline(morning)}"
    yield f"as it stood on {morning.made_at:{_AT}} UTC"
    for part in parts(morning):
        for place, line in enumerate(part.lines):
            turn = f"  -> {figures.words(line.turn)}" if line.turn else ""
            room = wide - _TITLE
            said = _cut(figures.words(line.said), _FOLDS * room - len(turn)) + turn
            for fold, folded in enumerate(wrap(said, room - 2)):
                title = part.title if place == fold == 0 else ""
                yield f"{title:<{_TITLE}}{'  ' if fold else ''}{folded}"


def html(morning: Morning) -> str:
    """The page as a complete HTML document without script; it needs nothing else."""
    from daybook.pack.page import environment

    return (
        environment()
        .get_template("morning.html")
        .render(
            date=figures.day(morning.business_date),
            weekday=morning.business_date.strftime("%A"),
            made_at=morning.made_at.strftime(_AT),
            headline=headline(morning),
            parts=[
                (part.title, [(figures.words(line.said), figures.words(line.turn), line.tone) for line in part.lines])
                for part in parts(morning)
            ],
        )
    )


def _lines(found: list[Line], nothing: str, more: str) -> list[Line]:
    if not found:
        return [Line(nothing, tone="good")]
    rest = len(found) - MOST
    return found if rest <= 1 else [*found[:MOST], Line(f"and {rest} more: {more}")]


def _rows(frame: pd.DataFrame) -> Iterable[Any]:
    return frame.itertuples(index=False)


def _show(morning: Morning, what: str) -> str:
    return f"daybook show unexplained_{what} --date {morning.business_date:%Y-%m-%d}"


def _signed(morning: Morning) -> Iterator[Line]:
    """Each book: who signed it, or why it is not signed; the blocked ones first."""
    entries = {row.book: row for row in _rows(morning.closes)}
    lines = []
    for book, reasons in refusals(morning.nav, morning.findings).items():
        entry = entries.get(book)
        if entry is not None and entry.status in _SIGNED:
            said = f"{book} by {entry.signed_by} on {entry.recorded_at:{_AT}}, version {entry.version}"
            lines.append((3, Line(said, tone="good")))
        elif reasons:
            rest = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
            lines.append((0, Line(f"{book} blocked{rest}: {reasons[0]}", f"{OPERATIONS}: clear what blocks", "bad")))
        else:
            lines.append((1, Line(f"{book} can be signed", f"{SIGNATORY}: daybook close", "care")))
        missed = morning.unsigned.get(book, ())
        if missed:
            days = f"{counted(len(missed), 'earlier session')} of {book} never signed, the first {missed[0]:%Y-%m-%d}"
            lines.append((2, Line(days, SIGNATORY, "care")))
    yield from (line for _, line in sorted(lines, key=lambda pair: pair[0]))


def _ran(morning: Morning) -> Iterator[Line]:
    """Runs, the failed ones first, then the newest."""
    runs = morning.runs.assign(bad=morning.runs["status"].ne("SUCCESS"))
    for run in _rows(runs.sort_values(["bad", "began_at"], ascending=False, kind="stable")):
        began = "not begun" if pd.isna(run.began_at) else f"{run.began_at:{_AT}}"
        took = "" if pd.isna(run.ended_at) else f", {(run.ended_at - run.began_at).total_seconds():,.0f} s"
        said = f"{run.job} {run.status.lower()}, {began}{took}"
        failed = run.status in ("FAILURE", "CANCELED")
        yield Line(said, f"{OPERATIONS}: daybook eod" if failed else "", "bad" if failed else "plain")


def _late(morning: Morning) -> Iterator[Line]:
    rows = morning.timeline.assign(what=name(morning.timeline))
    # History that was taken in later is neither late nor in time: the timeline does not end its reason so.
    behind = rows["status"].eq("done") & rows["reason"].str.endswith("late")
    for row in _rows(rows[rows["status"].isin(["late", "at_risk"])].sort_values("due_at")):
        waits = f"; waits for {row.waits_for}" if row.waits_for else ""
        said = f"{row.what} {row.status.replace('_', ' ')}, due {row.due_at:{_AT}}{waits}"
        yield Line(said, SIGNATORY if row.what == "close" else OPERATIONS, "bad")
    for row in _rows(rows[behind].sort_values("due_at")):
        yield Line(f"{row.what} came late: due {row.due_at:{_AT}}, done {row.done_at:{_AT}}", tone="care")


def _changed(morning: Morning) -> Iterator[Line]:
    """Signed books whose NAV is another one now, and facts that came since."""
    day = f"{morning.business_date:%Y-%m-%d}"
    now = morning.nav.set_index("book")
    for book, was in sorted(morning.was.items()):
        nav = float(now["nav"].get(book, float("nan")))
        currency, known = now["base_currency"].get(book, ""), not pd.isna(nav)
        size = f" ({(nav - was) / was * 1e4:+,.2f} bp)" if known and was > 0 else ""
        change = f"{nav - was:+,.2f} {currency}{size}" if known else "not known any more"
        said = f"NAV of {book} was {was:,.2f} when it was signed; since then {change}"
        yield Line(said, f"{SIGNATORY}: daybook changes {day}, then restate", "bad")
    if morning.objection:
        yield Line(morning.objection, OPERATIONS, "care")


def _unexplained(morning: Morning) -> Iterator[Line]:
    rows = morning.unexplained_pnl.sort_values("doubted_bp", ascending=False, kind="stable")
    if missing := len(morning.nav) - len(rows):
        yield Line(f"not told of {counted(missing, 'book')}", f"{OPERATIONS}: daybook eod", "care")
    waived = morning.findings[morning.findings["check"].eq("pnl_unexplained") & morning.findings["status"].eq("waived")]
    for row in _rows(rows[rows["status"].eq("unknown") | rows["doubted"].gt(0)]):
        if row.status == "unknown":
            yield Line(f"{row.book}: {row.reason}", OPERATIONS, "bad")
            continue
        allowed = "" if pd.isna(row.unexplained_bp) else f" of {row.unexplained_bp:g}"
        size = f" ({row.doubted_bp:,.1f}{allowed} bp)" if not pd.isna(row.doubted_bp) else ""
        over = row.status == "unexplained" and row.book not in set(waived["book"])
        said = f"{row.book} {row.unexplained:+,.2f} of {row.total:+,.2f}{size}: {row.reason}"
        yield Line(said, f"{OPERATIONS}: correct it, or daybook waive" if over else "", "bad" if over else "plain")


def _broken(morning: Morning) -> Iterator[Line]:
    """Breaks that stand, overdue and large ones first."""
    rows = morning.breaks[morning.breaks["status"].ne("resolved")]
    rows = rows.assign(asks=~rows["status"].isin(ANSWERED), size=rows["impact_base"].abs())
    for row in _rows(rows.sort_values(["overdue", "asks", "size"], ascending=False, kind="stable")):
        worth = "" if pd.isna(row.impact_base) else f", {row.impact_base:+,.2f}"
        worth += "" if pd.isna(row.impact_bp) else f" ({row.impact_bp:+,.2f} bp)"
        what = " ".join(part for part in (row.book, row.instrument, row.kind) if part)
        late = ", overdue" if row.overdue else ""
        said = f"{what}{worth}, {row.cause}, {row.status}, {counted(int(row.age), 'session')} old{late}"
        yield Line(said, (row.owner or f"{OPERATIONS}: assign it") if row.asks else "", "care" if row.asks else "plain")


def _breached(morning: Morning) -> Iterator[Line]:
    for row in _rows(morning.breaches.sort_values("utilisation", ascending=False, kind="stable")):
        about = " ".join(part for part in (row.limit, row.bucket) if part)
        used = "" if pd.isna(row.utilisation) else f" at {row.utilisation:.0%}"
        answered = f", acknowledged by {row.acknowledged_by}" if row.acknowledged_by else ""
        said = f"{row.book} limit {about}: {row.reached}{used}, since {row.business_date:%Y-%m-%d}{answered}"
        yield Line(said, "" if row.acknowledged_by else RISK, "plain" if row.acknowledged_by else "bad")
    rules = morning.compliance_results
    for row in _rows(rules[~rules["status"].isin(["pass", "ok"])].sort_values(["status", "book", "rule"])):
        about = " ".join(part for part in (row.rule, row.bucket) if part)
        why = f": {row.reason}" if row.reason else ""
        yield Line(
            f"{row.book} rule {about} {row.status}{why}", COMPLIANCE, "bad" if row.status != "warning" else "care"
        )


def _overridden(morning: Morning) -> Iterator[Line]:
    for row in _rows(morning.overrides.sort_values("instrument")):
        until = "with no end" if pd.isna(row.valid_to) else f"until {row.valid_to:%Y-%m-%d}"
        said = f"{row.instrument} at {row.price:,.10g} {until}, by {row.entered_by} and {row.approved_by}: {row.reason}"
        yield Line(said)


def _waived(morning: Morning) -> Iterator[Line]:
    for row in _rows(morning.waivers.sort_values(["valid_to", "waiver_id"])):
        what = row.check or f"break {row.break_id}"
        about = " ".join(part for part in (what, row.book, row.instrument) if part)
        said = f"{about} until {row.valid_to:%Y-%m-%d}, by {row.entered_by} and {row.approved_by}: {row.reason}"
        ends = row.valid_to <= morning.business_date
        yield Line(said, f"{OPERATIONS}: it ends" if ends else "", "care" if ends else "plain")


def _quarantined(morning: Morning) -> Iterator[Line]:
    rows = morning.quarantine
    for (file, status), found in rows.groupby(["file", "status"], sort=True):
        said = f"{counted(len(found), 'row')} of {file} {status}: {found['reason'].iloc[0]}"
        yield Line(said, f"{OPERATIONS}: daybook quarantine list", "care")


def _asked(morning: Morning) -> Iterator[Line]:
    for row in _rows(morning.requests):
        said = f"{row.subject}, asked for by {row.requested_by}: {row.reason}"
        yield Line(said, f"{SECOND}: daybook approve {row.id}", "care")


def _ordered(morning: Morning) -> Iterator[Line]:
    for (status, book), found in morning.orders.groupby(["status", "book"], sort=True):
        turn = "portfolio management: daybook orders approve" if status == "proposed" else ""
        yield Line(f"{counted(len(found), 'order')} of {book} {str(status).replace('_', ' ')}", turn, "plain")


def _alone(morning: Morning) -> Iterator[Line]:
    for row in _rows(morning.duties):
        yield Line(f"{row.said}, {row.at:{_AT}}", "who supervises: daybook duties", "bad")


def _chain(morning: Morning) -> Iterator[Line]:
    number, sealed = morning.chain
    if number:
        yield Line(f"{counted(number, 'act')}, sealed with {sealed}: daybook doctor --audit verifies it")
    else:
        yield Line("Nobody has done anything yet.")


def _cut(line: str, wide: int) -> str:
    return line if len(line) <= wide else line[: wide - 1] + "…"
