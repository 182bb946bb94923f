"""What currencies and factors did to the active return.

Belongs here: the section sources. Does not belong here: effects by sector (``attribution``), and how effects are
computed (``daybook.attribution``).
"""

import numpy as np
import pandas as pd

from daybook.pack import effects, figures, periods
from daybook.pack.blocks import Block, Fold, Section, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid

_SOURCES = (
    "Effects of this date in basis points (bp), those of longer periods linked by the declared method; each table adds"
    " up to the active return (of a book without a benchmark, to its own). Local return: exchange rates unchanged."
    " Forward premium: what a fair forward on the currency earns by the two interest rates. Factor effect = (exposure"
    " of the book − that of the benchmark) × factor return; specific is what no factor explains."
)
_TITLE = "Currencies and factors"
_PERIODS = ("month", "year", "inception")
_FIRST = ("karnosky_singer", "factor_holdings")
_FACTORS = {"factor_holdings": "from holdings", "factor_regression": "by regression"}
_MOST_ROWS = 60
_REST = "what no factor explains, and trading, have none"


def section(day: Day, book: str) -> Section:
    """Effects by currency and by factor: one method of each, the others folded."""
    currencies, factors = day.rows("currency_attribution", book), day.rows("factor_attribution", book)
    if not len(currencies) and not len(factors):
        said = "No effects by currency or factor have been computed for this date."
        return Section("sources", _TITLE, _SOURCES, [Words(said)])
    blocks: list[Block] = []
    for rows, table, what in ((currencies, _by_currency, "Currencies"), (factors, _by_factor, "Factors")):
        if _plain(rows):
            said = f"The book and its benchmark are in {rows['currency'].iloc[0]} alone: currencies made no difference."
            blocks.append(Words(said))
            continue
        methods = sorted(set(rows["method"]), key=lambda name: (name not in _FIRST, name))
        tables = [table(day, book, rows[rows["method"] == method]) for method in methods]
        blocks += tables[0] if tables else []
        others = [one for several in tables[1:] for one in several]
        blocks += [Fold(f"{what} by other methods", others)] if others else []
    return Section("sources", _TITLE, _SOURCES, blocks)


def _plain(rows: pd.DataFrame) -> bool:
    """Whether these are effects by currency of one currency, fully known and without any of its own."""
    own = [name for name in ("premium_effect", "currency_effect", "hedge_effect") if name in rows.columns]
    return bool(own) and rows["currency"].nunique() == 1 and bool((rows[own] == 0).all(axis=None))


def _by_currency(day: Day, book: str, rows: pd.DataFrame) -> list[Grid]:
    rows = rows.sort_values("total", ascending=False, kind="stable")
    method = rows["method"].iloc[0]
    missing = "nothing on this side, or not known"
    weights = rows[["portfolio_weight", "benchmark_weight"]].sum(skipna=False)
    what = grid(
        f"Currencies held, {effects.method_word(method)}",
        [
            Column("Currency", rows["currency"], total="Sum"),
            *effects.weights(rows, weights),
            Column("Hedges", rows["hedge_weight"], "percent_change", "bought or sold forward"),
            Column("Book", rows["portfolio_local_return"], "percent_change", "local return", missing),
            Column("Benchmark", rows["benchmark_local_return"], "percent_change", "local return", missing),
            Column("Currency", rows["currency_return"], "percent_change", "return", missing),
            Column("Forward", rows["forward_premium"], "percent_change", "premium", missing),
        ],
        dense=True,
    )
    why = grid(
        f"Active return by currency, {effects.method_word(method)}",
        [
            Column("Currency", rows["currency"], total="Sum"),
            *effects.columns(rows, effects.used(rows), missing),
            *_longer(day, book, method, rows["currency"]),
        ],
        notes=_odd(rows),
        dense=True,
    )
    return [what, why]


def _by_factor(day: Day, book: str, rows: pd.DataFrame) -> list[Grid]:
    rows = rows.iloc[(-rows["total"].abs().fillna(0)).argsort(kind="stable")]
    method = rows["method"].iloc[0]
    against = bool(np.isfinite(rows["benchmark_exposure"]).any())
    columns = [Column("Factor", [figures.words(name).replace("_", " ") for name in rows["factor"]], total="Sum")]
    columns.append(Column("Book", rows["portfolio_exposure"], "beta", "exposure", _REST))
    if against:
        columns.append(Column("Benchmark", rows["benchmark_exposure"], "beta", "exposure", _REST))
        columns.append(Column("Active", rows["exposure"], "beta", "exposure", _REST))
    table = grid(
        f"{'Active return' if against else 'Return'} by factor, {_FACTORS.get(method, effects.method_word(method))}",
        [
            *columns,
            Column("Factor", rows["factor_return"], "percent_change", "return", _REST),
            Column("Effect", rows["total"], "fraction_bp", "bp", total=effects.whole(rows["total"])),
            *_longer(day, book, method, rows["factor"]),
        ],
        limit=_MOST_ROWS,
        more="The sum is over all. All: daybook show factor_attribution",
        notes=[*_estimated(rows), *_odd(rows)],
        dense=True,
    )
    return [table]


def _estimated(rows: pd.DataFrame) -> list[str]:
    """How exposures were estimated, and how much they cover or explain."""
    said = [figures.words(text).replace(" x ", " × ") for text in dict.fromkeys(rows["convention"]) if text]
    covered, fitted = (figures.number(rows[name].iloc[0]) for name in ("coverage", "r_squared"))
    said += [f"{figures.percent(covered)} of both sides have exposures of their own"] if np.isfinite(covered) else []
    said += [f"R² {figures.percent(fitted)}"] if np.isfinite(fitted) else []
    return [f"{_sentence('; '.join(said))}."] if said else []


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _longer(day: Day, book: str, method: str, nodes: pd.Series) -> list[Column]:
    """The linked effects of the same rows over the longer periods."""
    every = day.rows("period_attribution", book)
    rows = effects.declared(every[every["method"] == method], every)
    found = []
    for period in periods.present(rows, _PERIODS):
        of = rows[rows["period"] == period].drop_duplicates("node").set_index("node")["total"]
        whole = figures.number(of.get("", of.drop("", errors="ignore").sum(skipna=False)))
        missing = "not there in the period, or not explained"
        found.append(Column(periods.name(period), of.reindex(nodes), "fraction_bp", "bp, linked", missing, total=whole))
    return found


def _odd(rows: pd.DataFrame) -> list[str]:
    """What is not all well, once each."""
    if "status" not in rows.columns:
        return []
    said = dict.fromkeys(text.removeprefix("ok; ") for text in rows["status"] if text not in ("", "ok"))
    return [f"{_sentence(figures.words(text))}." for text in said]
