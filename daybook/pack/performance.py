"""How the books did, and against what: returns by period and by calendar month, of time and of money.

Belongs here: the sections performance; linking daily returns over the months of a calendar. Does not belong here: the
returns of periods (``daybook.performance``), ratios and drawdowns (``ratios``), why books differ from their benchmarks
(``attribution``).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.pack import charts, figures, periods, ratios
from daybook.pack.blocks import Block, Chart, Figure, Figures, Fold, Section, Side, Words
from daybook.pack.charts import Line
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.money import listed
from daybook.performance.returns import NO_CAPITAL

Floats = NDArray[np.float64]

_PERFORMANCE = (
    "Time-weighted, net of fees, in the base currency, unless a column says otherwise. Longer periods link the days. A"
    " period with a session whose return is not known has no return: what is not known is not taken for zero. Active ="
    " book − benchmark; geometric = (1 + book) / (1 + benchmark) − 1. A column headed a year is annualised, only beyond"
    " one year."
)
_TITLE = "Performance"
_NOTHING = "No returns have been computed yet."
_MISSING = "see the status of the period below"
_OWN = "ok; no benchmark"
_NOT_A_YEAR = "up to one year nothing is annualised"
_MOST_CHARTS = 12
_MOST_ROWS = 200
_MOST_FLOWS = 10
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_OF_THE_FIRM = ("day", "month", "year", "one_year", "inception")


def firm(day: Day) -> Section:
    """Returns of every book over the usual periods, and a chart for each."""
    books = [book for book in day.names if len(day.past("performance", book))]
    if not books:
        return Section("performance", _TITLE, _PERFORMANCE, [Words(_NOTHING)])
    blocks: list[Block] = [_without_benchmark(day, books)] if set(books) - set(day.benchmarks) else []
    blocks += _by_book(day, books)
    pictures = [
        chart for n, book in enumerate(books[:_MOST_CHARTS]) for chart in _growth(day, book, f"return-{n}", book)
    ]
    blocks.append(Side(pictures))
    if len(books) > _MOST_CHARTS:
        blocks.append(Words(f"Charts of the first {_MOST_CHARTS} books; the others have theirs on their own page."))
    return Section("performance", _TITLE, _PERFORMANCE, blocks)


def book(day: Day, book: str) -> Section:
    """Returns of one book: by period, by calendar month, before and after fees, of its time and of its money."""
    past = day.past("performance", book)
    if not len(past):
        return Section("performance", _TITLE, _PERFORMANCE, [Words(_NOTHING)])
    benchmarked = book in day.benchmarks
    blocks: list[Block] = [] if benchmarked else [Words("The book has no benchmark: there is no active return.")]
    rows = periods.ordered(day.rows("period_returns", book))
    blocks += _headline(rows)
    if len(rows):
        blocks.append(_by_period(rows, benchmarked))
    else:
        blocks.append(Words("Returns by period have not been computed for this date.", "care"))
    blocks.append(Side([*_growth(day, book, "return", "Book"), *ratios.under_water(day, book)]))
    blocks += _calendar(past, benchmarked)
    if len(rows):
        blocks += [_of_money(rows), *_flow_effects(day, book, rows), _before_fees(rows)]
    blocks += _share_classes(day, book)
    said = _conventions(rows)
    return Section("performance", _TITLE, _PERFORMANCE, [*blocks, *said])


def benchmark_line(ours: Floats, returns: Floats) -> tuple[Floats, int | None]:
    """The benchmark linked over its last unbroken stretch, from the book's level there, and where that begins."""
    line = np.full(len(returns), np.nan)
    if not len(returns) or not np.isfinite(returns[-1]):
        return line, None
    gaps = np.flatnonzero(~np.isfinite(returns))
    first = int(gaps[-1]) + 1 if len(gaps) else 0
    start = ours[first - 1] if first else 0.0
    line[first:] = (1 + start) * np.cumprod(1 + returns[first:]) - 1
    if first:
        line[first - 1] = start
    return line, first if np.isfinite(start) else None


def _headline(rows: pd.DataFrame) -> list[Figures]:
    """The few returns that are asked for first."""
    named = rows.drop_duplicates("period").set_index("period")
    found = []
    for period in ("month", "year", "one_year", "inception"):
        if period not in named.index:
            continue
        row = named.loc[period]
        active = figures.number(row["active_return"])
        note = f"{figures.percent_change(active)} against the benchmark" if np.isfinite(active) else "net of fees"
        value = figures.percent_change(figures.number(row["time_weighted"]))
        found.append(Figure(periods.name(period), value, note))
    if "inception" in named.index and np.isfinite(figures.number(named.at["inception", "annual_return"])):
        begin = figures.day(named.at["inception", "period_start"])
        value = figures.percent_change(figures.number(named.at["inception", "annual_return"]))
        found.append(Figure("A year, since inception", value, f"annualised since {begin}"))
    return [Figures(found)] if found else []


def _by_book(day: Day, books: Sequence[str]) -> list[Block]:
    """Periods side by side, one line per book."""
    rows = day.rows("period_returns")
    shown = periods.present(rows, _OF_THE_FIRM)
    if not shown:
        return [Words("Returns by period have not been computed for this date.", "care")]
    columns = [Column("Book", books), Column("Benchmark", [day.benchmarks.get(b, "no benchmark") for b in books])]
    missing = "the book's page says why"
    for period in shown:
        part = rows[rows["period"] == period].drop_duplicates("book").set_index("book").reindex(pd.Index(books))
        label = periods.name(period)
        columns.append(Column(label, part["time_weighted"], "percent_change", "book", missing))
        columns.append(Column("", part["active_return"], "percent_change", "active", missing))
    return [grid("Returns by period", columns, limit=_MOST_ROWS, more="All: daybook show period_returns", dense=True)]


def _by_period(rows: pd.DataFrame, benchmarked: bool) -> Grid:
    """Returns of the book, and of its benchmark if it has one."""
    columns = [
        Column("Period", [periods.name(period) for period in rows["period"]]),
        Column("From", rows["period_start"], "day"),
        Column("Sessions", rows["session_count"], "count"),
        Column("Book", rows["time_weighted"], "percent_change", "net return", _MISSING),
    ]
    if benchmarked:
        columns += [
            Column("Benchmark", rows["benchmark_return"], "percent_change", "return", _MISSING),
            Column("Active", rows["active_return"], "percent_change", "book − benchmark", _MISSING),
            Column("Geometric", rows["active_geometric"], "percent_change", "active, by ratio", _MISSING),
        ]
    if rows["restated_sessions"].gt(0).any():
        columns.append(Column("Signed", rows["signed_return"], "percent_change", "as closes signed it", "not signed"))
    columns.append(Column("Book", rows["annual_return"], "percent_change", "a year", _NOT_A_YEAR))
    if benchmarked:
        columns.append(Column("Benchmark", rows["annual_benchmark"], "percent_change", "a year", _NOT_A_YEAR))
    else:
        rows = rows[rows["status"] != _OWN]
    return grid("Returns by period", columns, notes=periods.statuses(rows), dense=True)


def _calendar(past: pd.DataFrame, benchmarked: bool) -> list[Block]:
    """Returns of every calendar month and year, the latest year first."""
    past = past[~past["status"].str.startswith(NO_CAPITAL)]
    if not len(past):
        return []
    dates = past["business_date"]
    month = (dates.dt.year * 12 + dates.dt.month - 1).to_numpy(np.int64)
    ours, theirs = past["daily_return"].to_numpy(np.float64), past["benchmark_return"].to_numpy(np.float64)
    table = _months("Calendar returns, net", month, ours, theirs if benchmarked else None)
    if not benchmarked or not np.isfinite(theirs).any():
        return [table]
    return [table, Fold("The benchmark by calendar month", [_months("Benchmark", month, theirs, None)])]


def _months(caption: str, month: NDArray[np.int64], returns: Floats, benchmark: Floats | None) -> Grid:
    """Months side by side, a line for each year; ``month`` counts them, sorted."""
    by_month = dict(zip(*_linked(month, returns), strict=True))
    years, whole = _linked(month // 12, returns)
    whole = 100 * whole
    order = np.argsort(-years)
    lines = [[_cell(by_month, int(year) * 12 + n) for n in range(12)] for year in years[order]]
    columns = [Column("Year", [str(year) for year in years[order]])]
    columns += [Column(label, [line[n] for line in lines], "amount") for n, label in enumerate(_MONTHS)]
    columns.append(Column("Year", whole[order], "change", "", "a session of the year has no return"))
    if benchmark is not None:
        theirs = 100 * _linked(month // 12, benchmark)[1][order]
        missing = "a session of the year has no benchmark return"
        columns.append(Column("Benchmark", theirs, "change", "year", missing))
        columns.append(Column("Active", whole[order] - theirs, "change", "year", missing))
    notes = ["Of the first and the last month and year, the part in which the book was there."]
    return grid(f"{caption}, in per cent", columns, notes=notes, dense=True)


def _linked(group: NDArray[np.int64], returns: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Each number in ``group``, which is sorted, with the returns of its rows linked; missing where one is."""
    first = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    return group[first], np.multiply.reduceat(1 + returns, first) - 1


def _cell(by_month: "dict[int, float]", month: int) -> str:
    """The return of a month in per cent; nothing where the book was not there."""
    return figures.change(100 * figures.number(by_month[month])) if month in by_month else ""


def _of_money(rows: pd.DataFrame) -> Grid:
    """What a unit of capital earned beside what the money in the book earned."""
    return grid(
        "Time-weighted and money-weighted",
        [
            Column("Period", [periods.name(period) for period in rows["period"]]),
            Column("Time-weighted", rows["time_weighted"], "percent_change", "", _MISSING),
            Column("Money-weighted", rows["money_weighted"], "percent_change", "", _MISSING),
            Column("Timing of flows", rows["timing_effect"], "percent_change", "difference", _MISSING),
            Column("XIRR", rows["xirr"], "percent_change", "a year", _NOT_A_YEAR),
            Column("Modified Dietz", rows["modified_dietz"], "percent_change", "", _MISSING),
            Column("Simple Dietz", rows["simple_dietz"], "percent_change", "", _MISSING),
            Column("Linked Dietz", rows["linked_dietz"], "percent_change", "", _MISSING),
        ],
        notes=[
            "Time-weighted: what the manager earned on each unit of capital, whatever came and went. Money-weighted:"
            " what the investors earned on the money they had in the book; it is the higher one where money came"
            " before good times, or left before bad ones."
        ],
        dense=True,
    )


def _flow_effects(day: Day, book: str, rows: pd.DataFrame) -> list[Grid]:
    """Which flows make the two returns differ, over the longest period for which that is known."""
    effects = day.rows("flow_effects", book)
    known = [period for period in rows["period"][::-1] if period in set(effects["period"])]
    if not known:
        return []
    of = effects[effects["period"] == known[0]]
    of = of.iloc[np.argsort(-of["effect"].abs().fillna(0).to_numpy(), kind="stable")]
    currency = day.currencies.get(book, "")
    return [
        grid(
            f"Why the two differ, {_lower(periods.name(known[0]))}",
            [
                Column("Flow on", of["flow_date"], "day", total="Sum"),
                Column("Kind", [_plain(kind) for kind in of["kind"]]),
                Column("Amount", of["flows"], "whole_change", currency),
                Column("In the book", of["day_weight"], "percent", "of the period"),
                Column("Return since", of["growth"], "percent_change", "time-weighted"),
                Column("Effect", of["effect"], "percent_change", "", total=float(of["effect"].sum(skipna=False))),
            ],
            limit=_MOST_FLOWS,
            more="The largest effects first; the sum is over all.",
            notes=["The effects add up to the timing of flows of the period."],
            dense=True,
        )
    ]


def _before_fees(rows: pd.DataFrame) -> Grid:
    """The same periods before and after fees, without exchange rates, and hedged."""
    return grid(
        "Before and after fees and currencies",
        [
            Column("Period", [periods.name(period) for period in rows["period"]]),
            Column("Net", rows["time_weighted"], "percent_change", "after fees", _MISSING),
            Column("Gross", rows["gross_return"], "percent_change", "before fees", _MISSING),
            Column("Fees", rows["time_weighted"] - rows["gross_return"], "percent_change", "net − gross", _MISSING),
            Column("Local", rows["local_return"], "percent_change", "exchange rates unchanged", _MISSING),
            Column("Currency", rows["currency_return"], "percent_change", "net − local", _MISSING),
            Column("Hedged", rows["hedged_return"], "percent_change", "currency sold forward", _MISSING),
        ],
        dense=True,
    )


def _share_classes(day: Day, book: str) -> list[Grid]:
    rows = day.rows("share_class_performance", book).sort_values("share_class", kind="stable")
    if not len(rows):
        return []
    missing = "see the status"
    return [
        grid(
            "Share classes, in their own currency",
            [
                Column("Class", rows["share_class"]),
                Column("Net", rows["daily_return"], "percent_change", "day", missing),
                Column("Gross", rows["gross_return"], "percent_change", "day", missing),
                Column("Benchmark", rows["benchmark_return"], "percent_change", "day", "no benchmark return"),
                Column("Active", rows["active_return"], "percent_change", "day", "no benchmark return"),
                Column("Net", rows["cumulative_return"], "percent_change", "since launch", missing),
                Column("Status", rows["status"].mask(rows["status"] == "ok", ""), optional=True),
            ],
        )
    ]


def _conventions(rows: pd.DataFrame) -> list[Fold]:
    """How the returns of each period are computed, in the words of its rows; what holds for many periods together."""
    by: dict[str, list[str]] = {}
    for period, convention in zip(rows["period"], rows["convention"], strict=True):
        for part in filter(None, convention.split("; ")):
            by.setdefault(part, []).append(periods.name(period))
    if not by:
        return []
    every = rows["period"].nunique()
    told: dict[str, list[str]] = {}
    for part, names in by.items():
        told.setdefault("All" if len(names) == every > 1 else ", ".join(names), []).append(part)
    columns = [Column("Period", list(told)), Column("Convention", ["; ".join(parts) for parts in told.values()])]
    return [Fold("How the returns are computed", [grid("How the returns are computed", columns)])]


def _growth(day: Day, book: str, key: str, label: str) -> list[Chart]:
    """Cumulative return, and the benchmark from where its returns are unbroken."""
    past = day.past("performance", book)
    ours = past["cumulative_return"].to_numpy(np.float64)
    if not np.isfinite(ours).any():
        return []
    dates = past["business_date"].to_numpy("datetime64[D]")
    lines = [Line(_short(label), ours)]
    note = "Linked daily returns since the first session, net of fees."
    theirs, first = benchmark_line(ours, past["benchmark_return"].to_numpy(np.float64))
    if first is not None:
        lines.append(Line("Benchmark", theirs, "other"))
        if first:
            note += f" The benchmark starts at the book's level of {figures.day(dates[first - 1])}."
    title = f"Cumulative return, {figures.words(label)}" if label != "Book" else "Cumulative return"
    title += f" against {figures.words(day.benchmarks[book])}" if book in day.benchmarks and first is not None else ""
    return [Chart(charts.line(key, title, dates, lines, "percent"), title, note)]


def _short(label: str) -> str:
    return label if len(label) <= 11 else label[:10] + "…"


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:]


def _plain(kind: str) -> str:
    return figures.words(kind).replace("_", " ")


def _without_benchmark(day: Day, books: Sequence[str]) -> Words:
    without = [book for book in books if book not in day.benchmarks]
    return Words(f"No benchmark: {listed(without)}. There is no active return and no attribution for it.")
