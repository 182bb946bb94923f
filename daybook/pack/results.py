"""How the books did, against what, and why.

Belongs here: the sections performance and attribution; linking daily returns over a month or a year. Does not belong
here: daily returns and effects themselves.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.pack import charts, figures
from daybook.pack.blocks import Block, Chart, Figure, Figures, Section, Side, Words
from daybook.pack.charts import Line
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.money import listed

Floats = NDArray[np.float64]

SESSIONS_A_YEAR = 252
_PERFORMANCE = (
    "Time-weighted, net of fees: return = P&L / (opening NAV + inflows); inflows count at the start of the day,"
    " outflows at the end. Longer periods link the days. Benchmark: opening weights × total returns, dividends gross,"
    " in the book's base currency. Active = book − benchmark. Nothing is annualised unless it says so."
)
_ATTRIBUTION = (
    "Brinson-Fachler, one day, by sector, in basis points (bp) of opening NAV + inflows: allocation = (w_p − w_b)"
    "(r_b,s − r_b); selection = w_b (r_p,s − r_b,s); interaction = (w_p − w_b)(r_p,s − r_b,s); trading = trades and"
    " fees of the day. The effects add up to the active return."
)
_EFFECTS = {
    "allocation": "Allocation",
    "selection": "Selection",
    "interaction": "Interaction",
    "currency_effect": "Currency",
    "trading": "Trading",
}
_ADDS_UP_WITHIN = 1e-9
_MOST_CHARTS = 12


def performance_firm(day: Day) -> Section:
    """Returns of every book over the usual periods, and a chart for each."""
    books = [book for book in day.names if len(day.past("performance", book))]
    if not books:
        return Section("performance", "Performance", _PERFORMANCE, [Words("No returns have been computed yet.")])
    periods = {book: _periods(day, book) for book in books}
    blocks: list[Block] = [_without_benchmark(day, books)] if set(books) - set(day.benchmarks) else []
    blocks.append(_period_table(day, periods))
    pictures = [
        chart for n, book in enumerate(books[:_MOST_CHARTS]) for chart in _return_chart(day, book, f"return-{n}", book)
    ]
    blocks.append(Side(pictures))
    if len(books) > _MOST_CHARTS:
        blocks.append(Words(f"Charts of the first {_MOST_CHARTS} books; the others have theirs on their own page."))
    return Section("performance", "Performance", _PERFORMANCE, blocks)


def performance_book(day: Day, book: str) -> Section:
    """Returns of one book over the usual periods, its chart against the benchmark, and how bumpy the way was."""
    past = day.past("performance", book)
    if not len(past):
        return Section("performance", "Performance", _PERFORMANCE, [Words("No returns have been computed yet.")])
    blocks: list[Block] = []
    if book not in day.benchmarks:
        blocks.append(_without_benchmark(day, [book]))
    blocks.append(Side([_period_grid(_periods(day, book)), *_return_chart(day, book, "return", "Book")]))
    blocks.append(_risk_figures(past))
    return Section("performance", "Performance", _PERFORMANCE, blocks)


def attribution_firm(day: Day) -> Section:
    """The effects of each book, summed over segments, against its active return."""
    rows = day.rows("attribution")
    if not len(rows):
        return _no_attribution(day, day.names)
    effects = rows.groupby(rows["book"].astype("object"))[[*_EFFECTS, "total"]].sum()
    active = _active(day).reindex(effects.index)
    used = _used(effects)
    parts = {_EFFECTS[name]: effects[name].to_numpy(np.float64) * 1e4 for name in used}
    title = "Why the books differ from their benchmarks"
    table = grid(
        "Effects by book",
        [
            Column("Book", effects.index),
            *(Column(_EFFECTS[name], effects[name], "fraction_bp", "bp") for name in used),
            Column("Sum", effects["total"], "fraction_bp", "bp"),
            Column("Active return", active, "fraction_bp", "bp", "no benchmark return on this date"),
            Column("Adds up", _verdicts(effects["total"], active), "status"),
        ],
    )
    svg = charts.bars("effects", title, list(effects.index), parts, "bp", total=_bp(effects["total"]))
    chart = Chart(svg, title, "bp of opening NAV + inflows, this date only.")
    rest = [book for book in day.names if book not in effects.index]
    without: list[Block] = (
        [Words(f"No attribution for {listed(rest)}: no benchmark, or no weights yet.")] if rest else []
    )
    return Section("attribution", "Attribution", _ATTRIBUTION, [*without, table, Side([chart])])


def attribution_book(day: Day, book: str) -> Section:
    """The effects of one book by segment."""
    rows = day.rows("attribution", book)
    if not len(rows):
        return _no_attribution(day, [book])
    rows = rows.sort_values("total", ascending=False, kind="stable")
    used = _used(rows)
    active = figures.number(_active(day).get(book, np.nan))
    total = float(rows["total"].sum())
    table = grid(
        "Effects by sector",
        [
            Column("Sector", rows["segment"], total="Sum"),
            Column("Book", rows["portfolio_weight"], "percent", "weight", total=float(rows["portfolio_weight"].sum())),
            Column(
                "Benchmark", rows["benchmark_weight"], "percent", "weight", total=float(rows["benchmark_weight"].sum())
            ),
            Column("Book", rows["portfolio_return"], "percent_change", "return", "not held at the opening"),
            Column("Benchmark", rows["benchmark_return"], "percent_change", "return", "not in the benchmark"),
            *(Column(_EFFECTS[n], rows[n], "fraction_bp", "bp", total=float(rows[n].sum())) for n in used),
            Column("Sum", rows["total"], "fraction_bp", "bp", total=total),
        ],
        dense=True,
    )
    title = "Active return by sector and effect"
    parts = {_EFFECTS[name]: rows[name].to_numpy(np.float64) * 1e4 for name in used}
    svg = charts.bars("effects", title, list(rows["segment"]), parts, "bp", total=_bp(rows["total"]))
    chart = Chart(svg, title, "bp of opening NAV + inflows, this date only.")
    return Section("attribution", "Attribution", _ATTRIBUTION, [_adds_up(total, active), table, Side([chart])])


def _periods(day: Day, book: str) -> list[tuple[str, float, float, float, str]]:
    """(period, book, benchmark, active, why one is missing) for the day, month, quarter, year and since inception.

    A period with a day that has no return has none: what is not known is not taken for zero.
    """
    past = day.past("performance", book)
    dates = past["business_date"].to_numpy("datetime64[D]")
    returns, benchmark = past["daily_return"].to_numpy(np.float64), past["benchmark_return"].to_numpy(np.float64)
    date = day.business_date
    starts = (
        ("Day", date),
        ("Month to date", date.replace(day=1)),
        ("Quarter to date", pd.Timestamp(date.year, 3 * ((date.month - 1) // 3) + 1, 1)),
        ("Year to date", date.replace(month=1, day=1)),
        ("Since inception", pd.Timestamp(dates[0])),
    )
    found = []
    for label, start in starts:
        within = dates >= np.datetime64(start, "D")
        ours, theirs = _linked(returns[within]), _linked(benchmark[within])
        found.append((label, ours, theirs, ours - theirs, _why(past[within], book in day.benchmarks)))
    return found


def _linked(returns: Floats) -> float:
    return float(np.prod(1 + returns) - 1) if len(returns) else np.nan


def _why(rows: pd.DataFrame, benchmarked: bool) -> str:
    """Why a return of these sessions may be missing."""
    bare = int((~np.isfinite(rows["daily_return"].to_numpy(np.float64))).sum())
    if not len(rows):
        return "no session in the period"
    if bare:
        return f"{bare} of {len(rows)} sessions without a return"
    if not benchmarked:
        return "no benchmark"
    bare = int((~np.isfinite(rows["benchmark_return"].to_numpy(np.float64))).sum())
    return f"{bare} of {len(rows)} sessions without a benchmark return" if bare else ""


def _period_table(day: Day, periods: dict[str, list[tuple[str, float, float, float, str]]]) -> Grid:
    """Periods side by side, one line per book."""
    books = list(periods)
    columns = [Column("Book", books), Column("Benchmark", [day.benchmarks.get(b, "no benchmark") for b in books])]
    missing = "a session of the period has no return, or the book has no benchmark; the book's page tells which"
    for n, (label, *_) in enumerate(periods[books[0]]):
        columns.append(Column(label, [periods[b][n][1] for b in books], "percent_change", "book", missing))
        columns.append(Column("", [periods[b][n][3] for b in books], "percent_change", "active", missing))
    return grid("Returns by period", columns, dense=True)


def _period_grid(periods: Sequence[tuple[str, float, float, float, str]]) -> Grid:
    label, ours, theirs, active, _ = zip(*periods, strict=True)
    columns = [
        Column("Period", label),
        Column("Book", ours, "percent_change", "net return", ""),
        Column("Benchmark", theirs, "percent_change", "return", ""),
        Column("Active", active, "percent_change", "book − benchmark", ""),
    ]
    reasons: dict[str, list[str]] = {}
    for period, *_, why in periods:
        reasons.setdefault(why, []).append(period.lower())
    notes = [f"{figures.DASH} for {', '.join(names)}: {why}." for why, names in reasons.items() if why]
    return grid("Returns by period", columns, notes=notes)


def _risk_figures(past: pd.DataFrame) -> Figures:
    """Volatility, tracking error and drawdown."""
    returns = past["daily_return"].to_numpy(np.float64)
    active = past["active_return"].to_numpy(np.float64)
    level = np.cumprod(1 + returns[np.isfinite(returns)])
    drawdown = float(np.min(level / np.maximum.accumulate(np.maximum(level, 1.0)) - 1)) if len(level) else np.nan
    return Figures(
        [
            _spread("Volatility", returns),
            _spread("Tracking error", active),
            Figure("Largest drawdown", figures.percent(drawdown), "since inception, daily closes, net of fees"),
        ]
    )


def _spread(label: str, returns: Floats) -> Figure:
    """Standard deviation of the last year's daily returns, annualised."""
    last = returns[-SESSIONS_A_YEAR:]
    last = last[np.isfinite(last)]
    if len(last) < 20:
        return Figure(label, figures.DASH, f"{len(last)} daily figures; at least 20 are needed")
    value = float(last.std(ddof=1) * np.sqrt(SESSIONS_A_YEAR))
    return Figure(label, figures.percent(value), f"a year: daily over {len(last)} sessions × √{SESSIONS_A_YEAR}")


def _return_chart(day: Day, book: str, key: str, label: str) -> list[Chart]:
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


def _short(label: str) -> str:
    return label if len(label) <= 11 else label[:10] + "…"


def _active(day: Day) -> pd.Series:
    return day.rows("performance").drop_duplicates("book", keep="last").set_index("book")["active_return"]


def _used(effects: pd.DataFrame) -> list[str]:
    """The effects that are not zero everywhere; the currency effect belongs to another method."""
    return [name for name in _EFFECTS if name != "currency_effect" or bool((effects[name].fillna(0) != 0).any())]


def _bp(values: pd.Series) -> Floats:
    return np.asarray(values.to_numpy(np.float64) * 1e4)


def _verdicts(total: pd.Series, active: pd.Series) -> list[str]:
    gaps = (total - active).abs()
    return ["" if not np.isfinite(g) else "ok" if g <= _ADDS_UP_WITHIN else "failed" for g in gaps]


def _adds_up(total: float, active: float) -> Words:
    if not np.isfinite(active):
        return Words("There is no active return on this date to compare the effects with.", "care")
    said = f"effects {figures.fraction_bp(total)} bp, active return {figures.fraction_bp(active)} bp."
    if abs(total - active) <= _ADDS_UP_WITHIN:
        return Words(f"Adds up: {said}", "good")
    return Words(f"Does not add up: {said}", "bad")


def _without_benchmark(day: Day, books: Sequence[str]) -> Words:
    without = [book for book in books if book not in day.benchmarks]
    return Words(f"No benchmark: {listed(without)}. There is no active return and no attribution for it.")


def _no_attribution(day: Day, books: Sequence[str]) -> Section:
    with_one = [book for book in books if book in day.benchmarks]
    if with_one:
        said = f"No attribution on this date for {listed(with_one)}: no benchmark weights yet, or no return to explain."
        return Section("attribution", "Attribution", _ATTRIBUTION, [Words(said, "care")])
    said = "No book has a benchmark" if len(books) != 1 else "The book has no benchmark"
    return Section("attribution", "Attribution", _ATTRIBUTION, [Words(f"{said}, so there is nothing to attribute.")])
