"""Tables of a page as data: columns in, cells of text out.

Belongs here: which text, which alignment, which footnote a cell gets. Does not belong here: tags (the template) and
what the figures mean (the sections).
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from daybook.pack import figures

_GOOD = frozenset("pass ok green complete filled done closed ready released active".split())
_CARE = frozenset(
    "at_risk warning stale partial yellow waiting proposed late override restated partially_filled".split()
)
_BAD = frozenset("breach failed missing blocking red rejected open blocked".split())
_SHORT = 16  # characters that stay on one line
_MARKS = {"good": "✓ ", "care": "▲ ", "bad": "✕ ", "plain": ""}


class Cell(NamedTuple):
    """One cell: what it says, its style classes, and why it is empty if it is."""

    text: str
    css: str
    title: str = ""


@dataclass(frozen=True)
class Column:
    """A column: what it is called, its unit, its values, and how to write them.

    ``kind`` is a name in ``figures.NUMBERS`` or one of ``text``, ``day``, ``status``, ``code`` (ids and hashes),
    ``amount`` (a figure written already), ``markup`` (already safe). ``missing`` says why a number may be absent; it is
    printed below the table when one is, unless the table's own notes say it. ``total`` stands in the foot. An
    ``optional`` column of text is left out when it says nothing.
    """

    label: str
    values: Iterable[Any]
    kind: str = "text"
    unit: str = ""
    missing: str = "not computed"
    total: Any = None
    optional: bool = False


@dataclass(frozen=True)
class Grid:
    """A table ready to be written."""

    caption: str
    head: Sequence[tuple[str, str, str]]
    rows: Sequence[Sequence[Cell]]
    foot: Sequence[Sequence[Cell]] = ()
    notes: Sequence[str] = ()
    dense: bool = False
    block: str = field(default="grid", init=False)


def grid(
    caption: str,
    columns: Sequence[Column],
    limit: int = 0,
    more: str = "",
    notes: Sequence[str] = (),
    dense: bool = False,
    foots: Sequence[Sequence[Any]] = (),
) -> Grid:
    """Columns of equal length as a ``Grid``.

    ``limit`` keeps the first rows and says how many there are; ``more`` tells where the others are. ``foots`` are
    rows below the line, one value per column, above that of the totals.
    """
    values = [list(column.values) for column in columns]
    said_by = [not column.optional or any(map(figures.words, v)) for column, v in zip(columns, values, strict=True)]
    columns, values = list(itertools.compress(columns, said_by)), list(itertools.compress(values, said_by))
    found = len(values[0])
    shown = values if not limit or found <= limit else [v[:limit] for v in values]
    written = [cells(column, v) for column, v in zip(columns, shown, strict=True)]
    rows = list(zip(*written, strict=True))
    feet = [[_foot(column, v) for column, v in zip(columns, foot, strict=True)] for foot in foots]
    said = list(notes)
    if len(shown[0]) < found:
        said.insert(0, f"{len(shown[0]):,} of {found:,} rows. {more}".strip())
    said += reasons(columns, written)
    if any(column.total is not None for column in columns):
        feet.append([_foot(column, column.total) for column in columns])
    head = [(column.label, figures.words(column.unit), _align(column.kind)) for column in columns]
    return Grid(caption, head, rows, feet, said, dense)


def named(name: str, code: str) -> Markup:
    """A name with its id beside it."""
    if not name or name == code:
        return Markup('<span class="id">{}</span>').format(figures.words(code))
    return Markup('{} <span class="id">{}</span>').format(figures.words(name), figures.words(code))


def pill(status: str) -> Markup:
    """A status as a mark and a word, so that it needs no colour to be understood."""
    tone = tone_of(status)
    return Markup('<span class="pill {}">{}{}</span>').format(tone, _MARKS[tone], figures.words(status))


def tone_of(status: str) -> str:
    """good, care, bad or plain."""
    if status in _GOOD:
        return "good"
    return "care" if status in _CARE else "bad" if status in _BAD else "plain"


def _align(kind: str) -> str:
    return "n" if kind in figures.NUMBERS or kind == "amount" else ""


def cells(column: Column, values: Sequence[Any]) -> list[Cell]:
    """``values`` as the cells of ``column``."""
    if column.kind in figures.NUMBERS:
        write = figures.NUMBERS[column.kind]
        numbers = [figures.number(value) for value in values]
        return [_numeric(write(value), column.missing) for value in numbers]
    return [Cell(*_words(column.kind, value)) for value in values]


def _numeric(text: str, missing: str) -> Cell:
    if text == figures.DASH:
        return Cell(text, "n dash", missing)
    return Cell(text, "n neg" if text[0] == figures.MINUS else "n")


def _words(kind: str, value: Any) -> tuple[str, str]:
    if kind == "markup":
        return value, ""
    if kind == "amount":
        return value, "n neg" if value.startswith(figures.MINUS) else "n"
    if kind == "day":
        return figures.day(value), "day"
    text = figures.words(value)
    if kind == "status":
        return (pill(text) if text else ""), ""
    return text, "code" if kind == "code" else "text" if len(text) > 24 else "short" if len(text) <= _SHORT else ""


def _foot(column: Column, value: Any) -> Cell:
    if value is None:
        return Cell("", "total")
    if isinstance(value, str) and column.kind not in ("status", "amount"):
        return Cell(escape(figures.words(value)), "total")
    cell = cells(column, [value])[0]
    return cell._replace(css=f"{cell.css} total".strip())


def reasons(columns: Sequence[Column], written: Sequence[Sequence[Cell]]) -> list[str]:
    """One footnote for each reason why a number is missing, naming the columns."""
    dashed = [
        (column.missing, column.label or column.unit)
        for column, texts in zip(columns, written, strict=True)
        if any(text.title for text in texts)
    ]
    dashed.sort(key=lambda pair: pair[0])
    groups = itertools.groupby(dashed, key=lambda pair: pair[0])
    return [
        f"{figures.DASH} in {', '.join(dict.fromkeys(label for _, label in group))}: {reason}."
        for reason, group in groups
    ]
