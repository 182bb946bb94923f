"""How bumpy the way was, and whether it was worth it: drawdowns and ratios, each with its convention.

Belongs here: the sections ratios; which ratios stand first on a page. Does not belong here: the ratios themselves
(``daybook.performance.ratios``), returns (``performance``).
"""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup

from daybook.pack import charts, figures, periods
from daybook.pack.blocks import Block, Chart, Fold, Section, Words
from daybook.pack.charts import Line
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.money import listed
from daybook.performance import drawdowns
from daybook.performance import ratios as measured

_RATIOS = (
    "Of daily returns, net of fees. What a ratio means, how it is scaled to a year and what it takes for free of risk"
    " stands beside it. A ratio that is not defined, such as one over a volatility of zero, is a dash."
)
_FIRM = (
    "Of daily returns, net of fees, scaled to a year; what each ratio means stands beside it on the page of the book. A"
    " ratio that is not defined is a dash."
)
_TITLE = "Risk and return"
_NOTHING = "No ratios have been computed yet."
_OF_THE_FIRM = ("one_year", "inception", "year")
_MOST_BOOKS = 200
_ON_THE_FIRM = (
    *("annual_return", "volatility", "sharpe", "sortino", "max_drawdown"),
    *("beta", "tracking_error", "information_ratio", "up_capture", "down_capture"),
)
_MOST_NAMED = 6
_SHARED = 3  # rows of which the same is said, to say it once below them
_WRITTEN = {name: name.capitalize() for name in ("sharpe", "calmar", "burke", "treynor", "jensen")} | {
    "alpha t": "Alpha, t-statistic",
    "bernardo ledoit": "Bernardo-Ledoit",
    "d ratio": "D-ratio",
    "jarque bera": "Jarque-Bera",
    "m squared": "M²",
    "max drawdown": "Maximum drawdown",
    "r squared": "R²",
    "var": "VaR",
}
"""Words in the names of ratios that are written otherwise than in small letters."""


def firm(day: Day) -> Section:
    """A few ratios of every book side by side, over the longest of the usual periods that most have."""
    rows = day.rows("ratios")
    shown = periods.present(rows, _OF_THE_FIRM)
    if not shown:
        return Section("ratios", _TITLE, _FIRM, [Words(_NOTHING)])
    blocks: list[Block] = []
    for period in shown[:2]:
        part = rows[rows["period"] == period].drop_duplicates(["book", "ratio"])
        values = part.pivot(index="book", columns="ratio", values="value")
        names = [name for name in _ON_THE_FIRM if name in values.columns]
        columns = [Column("Book", values.index)]
        columns += [Column(label(name), values[name], _kind(name), "", "the book's page says why") for name in names]
        caption = f"Risk and return, {periods.name(period).lower()}"
        blocks.append(grid(caption, columns, limit=_MOST_BOOKS, more="All: daybook show ratios", dense=True))
    return Section("ratios", _TITLE, _FIRM, blocks)


def book(day: Day, book: str) -> Section:
    """The deepest drawdowns, the ratios that are asked for first, and all others folded."""
    rows = day.rows("ratios", book)
    blocks: list[Block] = [*_drawdowns(day, book)]
    if not len(rows):
        return Section("ratios", _TITLE, _RATIOS, [*blocks, Words(_NOTHING)])
    blocks.append(_table("Ratios", rows, measured.HEADLINE))
    there = set(rows["ratio"])
    groups: dict[str, list[str]] = {}
    for name, ratio in measured.RATIOS.items():
        if name in there and name not in measured.HEADLINE:
            groups.setdefault(ratio.group, []).append(name)
    rest = [_table(f"Ratios: {group}", rows, names) for group, names in groups.items()]
    blocks += [Fold("All other ratios", rest)] if rest else []
    return Section("ratios", _TITLE, _RATIOS, blocks)


def under_water(day: Day, book: str) -> list[Chart]:
    """The loss from the last peak over time."""
    rows = drawdowns.under_water(day.past("performance", book))
    if not np.isfinite(rows["drawdown"]).any():
        return []
    title = "Under water: loss from the last peak"
    return [Chart(picture("under-water", title, rows), title, "Daily closes, net of fees, since the first session.")]


def picture(key: str, title: str, rows: pd.DataFrame) -> Markup:
    """The loss from the last peak over time; ``rows`` have business_date and drawdown, oldest first."""
    dates = rows["business_date"].to_numpy("datetime64[D]")
    return charts.line(key, title, dates, [Line("Book", rows["drawdown"].to_numpy(np.float64), "area")], "percent")


def label(ratio: str) -> str:
    """What a ratio is called."""
    text = figures.words(ratio).replace("_", " ")
    text = text[:1].upper() + text[1:]
    for word, written in _WRITTEN.items():
        text = re.sub(rf"\b{word}\b", written, text, flags=re.IGNORECASE)
    return text


def _written(ratio: str, value: object) -> str:
    """A ratio in its unit."""
    return figures.NUMBERS[_kind(ratio)](figures.number(value))


def _kind(ratio: str) -> str:
    """How the numbers of a ratio are written."""
    known = measured.RATIOS.get(ratio)
    return {"percent": "percent", "count": "quantity"}.get(known.unit if known else "", "beta")


def _table(caption: str, rows: pd.DataFrame, names: Sequence[str]) -> Grid:
    """Ratios down, periods across, the convention beside."""
    rows = rows[rows["ratio"].isin(names)].drop_duplicates(["period", "ratio"])
    shown = periods.present(rows, list(periods.NAMES))
    values = rows.pivot(index="ratio", columns="period", values="value")
    order = [name for name in names if name in values.index]
    first = rows.drop_duplicates("ratio").set_index("ratio")["convention"]
    said, shared = _told_once({name: str(first[name]).replace("_", " ") for name in order})
    odd = rows[(rows["status"] != "ok") & (rows["status"] != "")]
    reasons: dict[str, list[str]] = {}
    for ratio, period, status in zip(odd["ratio"], odd["period"], odd["status"], strict=True):
        told = f"{label(ratio)} ({periods.name(period).lower()})"
        reasons.setdefault(status.removeprefix("ok; "), []).append(told)
    notes = [f"{listed(which, _MOST_NAMED)}: {why}." for why, which in (shared | reasons).items()]
    return grid(
        caption,
        [
            Column("Ratio", [label(name) for name in order]),
            *(
                Column(periods.name(period), [_written(name, values.at[name, period]) for name in order], "amount")
                for period in shown
            ),
            Column("Convention", [said[name] for name in order]),
        ],
        notes=notes,
        dense=True,
    )


def _told_once(conventions: dict[str, str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Conventions by ratio without the last part that several of them share, and each such part with its ratios."""
    parts = {name: text.rpartition("; ") for name, text in conventions.items()}
    by: dict[str, list[str]] = {}
    for name, (before, _, last) in parts.items():
        if before:
            by.setdefault(last, []).append(name)
    shared = {last: names for last, names in by.items() if len(names) >= _SHARED}
    said = {
        name: before if before and last in shared else conventions[name] for name, (before, _, last) in parts.items()
    }
    return said, {last: [label(name) for name in names] for last, names in shared.items()}


def _drawdowns(day: Day, book: str) -> list[Grid]:
    rows = day.rows("drawdowns", book).sort_values("drawdown_rank", kind="stable")
    if not len(rows):
        return []
    recovered = [figures.day(date) if not pd.isna(date) else "not yet" for date in rows["recovered_on"]]
    begins = [figures.day(date) if not pd.isna(date) else "the start" for date in rows["peak_date"]]
    return [
        grid(
            "Deepest drawdowns",
            [
                Column("Peak", begins),
                Column("Lowest", rows["trough_date"], "day"),
                Column("Recovered", recovered),
                Column("Loss", rows["drawdown"], "percent_change", "from the peak"),
                Column("Down", rows["sessions_to_trough"], "count", "sessions"),
                Column("Under water", rows["sessions_under_water"], "count", "sessions"),
            ],
            dense=True,
        )
    ]
