"""Charts as inline SVG, built as text: no library, no script, nothing fetched.

Belongs here: geometry, ticks, labels and the text alternative of each kind of chart. Does not belong here: what is
drawn (the sections), and colours (``templates/charts.css``, classes ``c0`` to ``c5`` and named marks).

Every chart is ``WIDTH`` units wide with text of 12 units, which stays legible at the width of a phone and in two
columns on A4. Every function takes a ``key``, unique in the page, from which the ids of the text alternative are made.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from numpy.typing import NDArray

from daybook.pack import figures

WIDTH = 440.0
_CHARACTER = 6.9  # a safe width of one character of the system fonts at 12 units
_BOLD = 7.5  # and of one in bold
_MOST_POINTS = 700  # more than a line of this width can show

Unit = Literal["percent", "money", "bp"]
Floats = NDArray[np.float64]
Dates = NDArray[np.datetime64]


@dataclass(frozen=True)
class Line:
    """One line of a chart: its short label, its level at each date (nan is a gap), its style.

    ``main`` is drawn through, ``other`` is dashed, ``area`` is filled down or up to zero.
    """

    label: str
    level: Floats
    style: Literal["main", "other", "area"] = "main"


@dataclass(frozen=True)
class _Scale:
    """Maps values from [low, high] to units from start to end."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, values: Any) -> Any:
        return self.start + (values - self.low) * ((self.end - self.start) / (self.high - self.low))


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round values, 1, 2, 2.5 or 5 times a power of ten apart, that cover [low, high]; about as many as asked.

    Raises:
        ValueError: a bound is not finite.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"no axis from {low} to {high}")
    if high - low <= max(1e-12 * max(abs(low), abs(high)), 1e-200):
        half = abs(high) / 2 if abs(high) > 1e-200 else 1.0
        low, high = low - half, high + half
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999) * power
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [n * step for n in range(first, last + 1)]


def line(
    key: str,
    title: str,
    dates: Dates,
    lines: Sequence[Line],
    unit: Unit,
    currency: str = "",
    marks: Dates | None = None,
    mark: str = "",
) -> Markup:
    """Values over dates, each line labelled at its end with its last value.

    ``marks`` are dates noted on the axis by a triangle that means ``mark``. There must be at least one finite value.
    """
    low, high = _range([x.level for x in lines], zero=unit == "percent")
    at = ticks(low, high)
    lasts = [_last(x.level) for x in lines]
    values = [
        "" if n is None else _value(float(x.level[n]), unit, unit == "percent")
        for x, n in zip(lines, lasts, strict=True)
    ]
    wide = [*(_BOLD * len(x.label) for x in lines), *(_CHARACTER * len(value) for value in values)]
    right = min(130.0, 12 + max(wide))
    height, top, bottom = 230.0, 14.0, 206.0
    left = _gutter([_axis(v, unit, at) for v in at])
    y = _Scale(at[0], at[-1], bottom, top)
    days = dates.astype("datetime64[D]").astype(float)
    x = _Scale(days[0], max(days[-1], days[0] + 1), left, WIDTH - right)
    body = [_levels(y, at, unit, left, WIDTH - right), _calendar(x, dates, bottom)]
    if marks is not None and len(marks):
        body += [_triangle(float(x(d)), bottom) for d in marks.astype("datetime64[D]").astype(float)]
        body.append(_text(WIDTH, 8, f"▲ {mark}", "end tick"))
    ends: list[tuple[float, int]] = []
    for n, one in enumerate(lines):
        keep = _thinned(one.level)
        if one.style == "area":
            body.append(f'<path class="fill c{n}" d="{_area(x(days[keep]), y(one.level[keep]), float(y(0.0)))}"/>')
        body.append(f'<path class="line c{n} {one.style}" d="{_path(x(days[keep]), y(one.level[keep]))}"/>')
        last = lasts[n]
        if last is not None:
            body.append(f'<circle class="dot c{n}" cx="{x(days[last]):.1f}" cy="{y(one.level[last]):.1f}" r="2.6"/>')
            ends.append((float(y(one.level[last])), n))
    for place, n in _apart(ends, 28.0, top + 4, bottom - 8):
        body.append(_text(WIDTH - right + 7, place, _short(lines[n].label, right), f"label c{n}"))
        body.append(_text(WIDTH - right + 7, place + 13, values[n], f"c{n}"))
    return _svg(key, title, _told(dates, lines, unit, currency), height, body)


def waterfall(
    key: str,
    title: str,
    steps: Sequence[tuple[str, float]],
    currency: str,
    unit: Unit = "money",
    whole: str = "Change",
) -> Markup:
    """What led from opening to closing: one bar per step from where the last one ended, and the ``whole`` change.

    The axis starts at the opening value, so that changes of a thousandth of it can be seen. Values are finite.
    """
    values = np.array([value for _, value in steps], float)
    ends = np.cumsum(values)
    starts = ends - values
    labels = [*(label for label, _ in steps), whole]
    starts, ends = np.append(starts, 0.0), np.append(ends, ends[-1] if len(ends) else 0.0)
    at = ticks(min(0.0, float(ends.min())), max(0.0, float(ends.max())), 4)
    height, top, bottom = 228.0, 20.0, 204.0
    left = _gutter([_axis(v, unit, at) for v in at])
    y = _Scale(at[0], at[-1], bottom, top)
    step = (WIDTH - left - 4) / len(labels)
    body = [_levels(y, at, unit, left, WIDTH - 4)]
    for n, label in enumerate(labels):
        middle, wide = left + step * (n + 0.5), step * 0.62
        a, b = float(y(starts[n])), float(y(ends[n]))
        tone = "whole" if n == len(labels) - 1 else "down" if ends[n] < starts[n] else "up"
        body.append(
            f'<rect class="{tone}" x="{middle - wide / 2:.1f}" y="{min(a, b):.1f}" width="{wide:.1f}"'
            f' height="{max(abs(a - b), 0.8):.1f}"/>'
        )
        if n < len(labels) - 1:
            body.append(f'<path class="join" d="M{middle + wide / 2:.1f} {b:.1f}H{middle + step - wide / 2:.1f}"/>')
        text = _value(float(ends[n] - starts[n]), unit, signed=True)
        body.append(_text(middle, min(a, b) - 4, text, "mid value"))
        body.append(_text(middle, bottom + 17, label, "mid tick"))
    told = "; ".join(f"{label} {figures.change(b - a)}" for label, a, b in zip(labels, starts, ends, strict=True))
    return _svg(key, title, f"In {currency}. {told}." if currency else f"{told}.", height, body)


def bars(
    key: str,
    title: str,
    labels: Sequence[str],
    parts: Mapping[str, Floats],
    unit: Unit,
    currency: str = "",
    total: Floats | None = None,
    total_name: str = "Sum",
    signed: bool = True,
) -> Markup:
    """Horizontal bars, one row per label, to the right of zero when positive and to the left when negative.

    ``parts`` are stacked with a legend if there are several. A value stands at the end of the row: the ``total`` if
    given (drawn as a diamond, called ``total_name``), else the sum of the parts. Missing parts are drawn as nothing;
    the text says –.
    """
    stack = {name: np.nan_to_num(np.asarray(values, float)) for name, values in parts.items()}
    up = np.sum([np.maximum(v, 0) for v in stack.values()], axis=0)
    down = np.sum([np.minimum(v, 0) for v in stack.values()], axis=0)
    ends = np.sum([np.asarray(v, float) for v in parts.values()], axis=0) if total is None else total
    whole = np.nan_to_num(np.asarray([] if total is None else total, float))
    at = ticks(min(0.0, float(down.min()), *whole), max(0.0, float(up.max()), *whole), 4)
    texts = [_value(float(v), unit, signed) for v in ends]
    many = len(stack) > 1 or total is not None
    top = 24.0 if many else 6.0
    row = 21.0
    bottom = top + row * len(labels)
    left = min(190.0, 10 + _CHARACTER * max(len(label) for label in labels))
    right = 16 + _CHARACTER * max(len(text) for text in texts)
    x = _Scale(at[0], at[-1], left, WIDTH - right)
    body = [_legend(list(stack), "" if total is None else total_name)] if many else []
    for value in at:
        body.append(f'<path class="{"zero" if value == 0 else "grid"}" d="M{x(value):.1f} {top}V{bottom}"/>')
    body += [_text(float(x(v)), bottom + 14, _axis(v, unit, at), "mid tick") for v in _sparse(at, x)]
    for n, label in enumerate(labels):
        y = top + row * n
        body.append(_text(left - 7, y + 15, _short(label, left), "end"))
        sides = {True: 0.0, False: 0.0}
        for c, values in enumerate(stack.values()):
            value = float(values[n])
            if not value:
                continue
            a = sides[value > 0]
            sides[value > 0] = a + value
            start, end = sorted((float(x(a)), float(x(a + value))))
            tone = f"c{c}" if many else "up" if value > 0 else "down"
            body.append(
                f'<rect class="{tone}" x="{start:.1f}" y="{y + 4:.1f}"'
                f' width="{max(end - start, 0.8):.1f}" height="13"/>'
            )
        if total is not None and math.isfinite(total[n]):
            body.append(_diamond(float(x(total[n])), y + 10.5))
        body.append(_text(WIDTH - 2, y + 15, texts[n], "end value"))
    what = f"In {currency}. " if currency else ""
    told = "; ".join(f"{figures.words(label)} {text}" for label, text in zip(labels, texts, strict=True))
    return _svg(key, title, f"{what}{told}.", bottom + 20, body)


def losses(
    key: str,
    title: str,
    dates: Dates,
    pnl: Floats,
    lines: Sequence[tuple[str, Floats]],
    currency: str,
) -> Markup:
    """P&L of each session as a bar, and for each (label, VaR) a line at minus VaR; ``lines[0]`` marks the exceptions.

    VaR stands at the session whose P&L it is tested against. An exception is a P&L below minus VaR.
    """
    low, high = _range([pnl, *(-var for _, var in lines)], zero=True)
    at = ticks(low, high)
    right = min(130.0, 12 + _BOLD * max(len(label) for label, _ in lines))
    height, top, bottom = 230.0, 14.0, 206.0
    left = _gutter([_axis(v, "money", at) for v in at])
    y = _Scale(at[0], at[-1], bottom, top)
    days = dates.astype("datetime64[D]").astype(float)
    x = _Scale(days[0] - 0.5, max(days[-1], days[0] + 1) + 0.5, left, WIDTH - right)
    body = [_levels(y, at, "money", left, WIDTH - right), _calendar(x, dates, bottom)]
    across, zero, ends = x(days), float(y(0.0)), y(pnl)
    worse = pnl < -lines[0][1]
    width = f'style="stroke-width:{min(8.0, max(0.9, 0.7 * (WIDTH - right - left) / len(days))):.1f}"'
    plain = np.isfinite(pnl) & ~worse
    for tone, chosen in (("pnl", plain), ("exception", worse)):
        drawn = "".join(f"M{a:.1f} {zero:.1f}V{b:.1f}" for a, b in zip(across[chosen], ends[chosen], strict=True))
        if drawn:
            body.append(f'<path class="{tone}" {width} d="{drawn}"/>')
    for a, b, day, loss in zip(across[worse], ends[worse], dates[worse], pnl[worse], strict=True):
        body.append(
            f'<path class="flag" d="M{a - 4.5:.1f} {b + 10:.1f}L{a + 4.5:.1f} {b + 10:.1f}L{a:.1f} {b + 2:.1f}Z">'
            f"<title>{figures.day(day)}: {figures.whole_change(float(loss))} {escape(currency)}</title></path>"
        )
    labels: list[tuple[float, int]] = []
    for n, (_, var) in enumerate(lines):
        body.append(f'<path class="line v{n}" d="{_path(across, y(-var))}"/>')
        last = _last(var)
        if last is not None:
            labels.append((float(y(-var[last])) + 4, n))
    for place, n in _apart(labels, 14.0, top + 4, bottom):
        body.append(_text(WIDTH - right + 5, place, _short(lines[n][0], right), f"label v{n}"))
    told = (
        f"{int(np.isfinite(pnl).sum())} sessions from {figures.day(dates[0])} to {figures.day(dates[-1])}"
        f"{f', in {currency}' if currency else ''}; exceptions: {int(worse.sum())}"
        + "".join(
            f"; {figures.day(d)} {figures.whole_change(float(v))}"
            for d, v in zip(dates[worse], pnl[worse], strict=True)
        )
        + "."
    )
    return _svg(key, title, told, height, body)


def meter(utilisation: float, tone: str, levels: Sequence[float] = ()) -> Markup:
    """A small bar of how much of a limit is used, beside the number: the line across it is 100 %, short ones are
    earlier ``levels``, as fractions of it. What is empty before the line is the headroom.
    """
    used = min(max(utilisation, 0.0), 1.5) / 1.5 * 90 if math.isfinite(utilisation) else 0.0
    earlier = "".join(f"M{level * 60:.1f} 2V10" for level in levels if 0 < level < 1)
    return Markup(
        '<svg class="meter" viewBox="0 0 90 12" aria-hidden="true"><path class="track" d="M0 3H90V9H0Z"/>'
        f'<rect class="{tone}" x="0" y="3" width="{used:.1f}" height="6"/>'
        + (f'<path class="early" d="{earlier}"/>' if earlier else "")
        + '<path class="full" d="M60 0V12"/></svg>'
    )


def _svg(key: str, title: str, told: str, height: float, body: Sequence[str]) -> Markup:
    a, b = escape(f"{key}-t"), escape(f"{key}-d")
    return Markup(
        f'<svg class="chart" viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" aria-labelledby="{a} {b}">'
        f'<title id="{a}">{escape(figures.words(title))}</title><desc id="{b}">{escape(figures.words(told))}</desc>'
        f"{''.join(body)}</svg>"
    )


def _text(x: float, y: float, text: str, css: str = "") -> str:
    return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}">{escape(figures.words(text))}</text>'


def _levels(y: _Scale, at: Sequence[float], unit: Unit, left: float, right: float) -> str:
    """The horizontal lines with their labels."""
    lines = []
    for value in at:
        place = float(y(value))
        lines.append(f'<path class="{"zero" if value == 0 else "grid"}" d="M{left:.1f} {place:.1f}H{right:.1f}"/>')
        lines.append(_text(left - 6, place + 4, _axis(value, unit, at), "end tick"))
    return "".join(lines)


def _calendar(x: _Scale, dates: Dates, bottom: float) -> str:
    """The dates below a chart: years, months or days, whichever gives three to six of them."""
    first, last = pd.Timestamp(dates[0]), pd.Timestamp(dates[-1])
    months = (last.year - first.year) * 12 + last.month - first.month
    if months < 3:
        chosen = dates[np.unique(np.linspace(0, len(dates) - 1, 3).round().astype(int))]
        stamps, style = [pd.Timestamp(d) for d in chosen], "%-d %b"
    else:
        step = next((s for s in (1, 2, 3, 6, 12, 24, 60, 120) if months / s <= 5), 240)
        begin = first.year * 12 + first.month - 1
        stops = [m for m in range(begin, begin + months + 2) if m % step == 0]
        stamps = [pd.Timestamp(year=m // 12, month=m % 12 + 1, day=1) for m in stops]
        style = "%Y" if step >= 12 else "%b %Y"
        stamps = [s for s in stamps if first <= s <= last]
    body = []
    for stamp in stamps:
        place = float(x(stamp.to_datetime64().astype("datetime64[D]").astype(float)))
        text = stamp.strftime(style)
        half = len(text) * _CHARACTER / 2
        middle = min(max(place, x.start + half - 20), x.end - half + 20)
        body.append(f'<path class="grid" d="M{place:.1f} {bottom:.1f}v4"/>')
        body.append(_text(middle, bottom + 16, text, "mid tick"))
    return "".join(body)


def _legend(names: Sequence[str], total: str) -> str:
    body, x = [], 2.0
    for n, name in enumerate(names):
        body.append(f'<rect class="c{n}" x="{x:.1f}" y="4" width="9" height="9"/>' + _text(x + 13, 13, name, "tick"))
        x += 24 + _CHARACTER * 0.92 * len(name)
    if total:
        body.append(_diamond(x + 5, 8.5) + _text(x + 13, 13, total, "tick"))
    return "".join(body)


def _triangle(x: float, y: float) -> str:
    return f'<path class="note" d="M{x - 3.5:.1f} {y:.1f}h7l-3.5 -6Z"/>'


def _diamond(x: float, y: float) -> str:
    return f'<path class="sum" d="M{x:.1f} {y - 5:.1f}l4 5l-4 5l-4 -5Z"/>'


def _path(x: Floats, y: Floats) -> str:
    """A path through the finite points, broken at the gaps; each point as a step from the last, in half the text."""
    ok = np.isfinite(y)
    begins = (ok & ~np.concatenate([[False], ok[:-1]]))[ok]
    at = np.round(np.column_stack([x[ok], y[ok]]), 1)
    steps = np.where(begins[:, None], at, np.diff(at, axis=0, prepend=0.0)).round(1) + 0.0
    return "".join(f"{'M' if begin else 'l'}{a:g} {b:g}" for (a, b), begin in zip(steps.tolist(), begins, strict=True))


def _area(x: Floats, y: Floats, zero: float) -> str:
    """What lies between the finite points and zero; a gap is cut out."""
    level = np.where(np.isfinite(y), y, zero)
    points = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x.tolist(), level.tolist(), strict=True))
    return f"M{x[0]:.1f} {zero:.1f}L{points}L{x[-1]:.1f} {zero:.1f}Z"


def _thinned(values: Floats) -> NDArray[np.intp]:
    """Indices to draw: all of them, or the lowest and the highest of each of many equal stretches, and the last."""
    n = len(values)
    if n <= _MOST_POINTS:
        return np.arange(n)
    edges = np.linspace(0, n, _MOST_POINTS // 2 + 1).astype(int)[:-1]
    low, high = np.where(np.isnan(values), np.inf, values), np.where(np.isnan(values), -np.inf, values)
    stretch = np.repeat(np.arange(len(edges)), np.diff(np.append(edges, n)))
    lowest = np.lexsort((low, stretch))[edges]
    highest = np.lexsort((-high, stretch))[edges]
    return np.unique(np.concatenate([lowest, highest, [0, n - 1]]))


def _range(arrays: Sequence[Floats], zero: bool) -> tuple[float, float]:
    """The lowest and highest finite value; with ``zero`` the range takes in zero."""
    values = np.concatenate([np.asarray(a, float) for a in arrays])
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    return (min(low, 0.0), max(high, 0.0)) if zero else (low, high)


def _last(values: Floats) -> int | None:
    """Index of the last finite value."""
    found = np.flatnonzero(np.isfinite(values))
    return int(found[-1]) if len(found) else None


def _apart(places: list[tuple[float, int]], gap: float, top: float, bottom: float) -> list[tuple[float, int]]:
    """Places moved so that they are ``gap`` apart and between ``top`` and ``bottom``, in the same order."""
    ordered = sorted(places)
    moved: list[float] = []
    for place, _ in ordered:
        moved.append(max(place, moved[-1] + gap if moved else top))
    over = max(0.0, moved[-1] - bottom) if moved else 0.0
    for n in reversed(range(len(moved))):
        moved[n] -= over
        over = max(0.0, over - (moved[n] - moved[n - 1] - gap)) if n else 0.0
    return [(place, n) for place, (_, n) in zip(moved, ordered, strict=True)]


def _gutter(labels: Sequence[str]) -> float:
    return 10 + _CHARACTER * max(len(label) for label in labels)


def _short(label: str, margin: float) -> str:
    """As much of a label as fits in a margin."""
    room = int((margin - 8) / _CHARACTER)
    return label if len(label) <= room else label[: room - 1].rstrip() + "…"


def _sparse(at: Sequence[float], x: _Scale) -> Sequence[float]:
    """The ticks that have room for a label; every other one in a narrow plot."""
    return at if (x.end - x.start) / max(len(at) - 1, 1) > 46 else [v for v in at if v in (0.0, at[0], at[-1])]


def _axis(value: float, unit: Unit, at: Sequence[float]) -> str:
    """A tick in as many digits as tell it from its neighbours."""
    step = at[1] - at[0]
    if unit == "money":
        return figures.compact(round(value / step) * step) if value else "0"
    size = step * (100 if unit == "percent" else 1)
    places = max(0, -math.floor(math.log10(size) + 1e-9))
    places += round(size * 10**places, 6) % 1 != 0
    return figures.decimal(value * (100 if unit == "percent" else 1), places) + ("%" if unit == "percent" else "")


def _value(value: float, unit: Unit, signed: bool) -> str:
    if unit == "money":
        return figures.compact(value, signed)
    if not math.isfinite(value):
        return figures.DASH
    return figures.decimal(value * 100, 2, signed) + "%" if unit == "percent" else figures.decimal(value, 1, signed)


def _told(dates: Dates, lines: Sequence[Line], unit: Unit, currency: str) -> str:
    """What a line chart shows, in words."""
    parts = [f"{figures.day(dates[0])} to {figures.day(dates[-1])}" + (f", in {currency}" if currency else "")]
    for one in lines:
        finite = one.level[np.isfinite(one.level)]
        if len(finite):
            low, high, last = (_value(float(v), unit, signed=False) for v in (finite.min(), finite.max(), finite[-1]))
            parts.append(f"{one.label}: last {last}, lowest {low}, highest {high}")
    return ". ".join(parts) + "."
