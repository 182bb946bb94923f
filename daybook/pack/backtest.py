"""Whether value at risk was right: its record against what the books then earned.

Belongs here: the section back-test, and the P&L of each session beside the VaR of the session before. Does not belong
here: the tests themselves (``daybook.risk.backtest``).
"""

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from daybook.pack import charts, figures, models
from daybook.pack.blocks import Block, Chart, Fold, Section, Side, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.money import book_column, counted

Floats = NDArray[np.float64]

_BACKTEST = (
    "VaR of one session against the P&L of the next: clean = price + FX + income of what was held, actual = with"
    " trading and fees; an exception is a loss greater than VaR. LR: likelihood ratio, chi-squared; p below 0.05 (✕)"
    " speaks against the model. Zone and plus factor: Basel 1996, last 250 sessions. Struck: sessions whose VaR is as"
    " the pack of its date said it; the rest is derived again from what is known now."
)
_TESTS = (
    ("kupiec", "Number", "as many as claimed (Kupiec 1995)"),
    ("christoffersen", "Independence", "one does not follow another (Christoffersen 1998)"),
    ("coverage", "Both", "as many as claimed and independent (Christoffersen 1998)"),
    ("tuff", "First", "the first came when it should (Kupiec 1995)"),
    ("tbf", "Times", "between exceptions are those of independent exceptions (Haas 2001)"),
    ("mixed", "Mixed", "number and times together (Haas 2001)"),
)
_ES = ("es", "ES", "losses are as large as ES says; Z is 0 if so, below 0 if larger (Acerbi and Szekely 2014)")
_AGAINST = 0.05
_SILENT = "the ratio says nothing: no observation, or no exception"
_TITLE = "Back-test of VaR"
_TESTED = 250
_MOST_CHARTS = 12
_MOST_ROWS = 40


def firm(day: Day) -> Section:
    """The record of each book's main model, exceptions of every model, and each session's P&L against VaR."""
    rows = day.rows("var_backtest")
    pictures = [p for n, book in enumerate(day.names[:_MOST_CHARTS]) for p in _picture(day, book, f"losses-{n}", book)]
    side: list[Block] = [Side(pictures)] if pictures else []
    if not len(rows):
        return Section("backtest", _TITLE, _BACKTEST, [_untested(), *side])
    shown = _merged(models.main(rows)).sort_values(["book", "pnl_basis"], kind="stable")
    what = models.named(shown)
    table = _record("Record by book" + (f", {what}" if what else ""), shown, None)
    return Section("backtest", _TITLE, _BACKTEST, [table, *side, *_exceptions_by_model(rows)])


def book(day: Day, book: str) -> Section:
    """The record of one book: P&L against VaR, every test of the main model, the other models folded."""
    rows = models.ordered(day.rows("var_backtest", book))
    pictures = _picture(day, book, "losses", "")
    if not len(rows):
        return Section("backtest", _TITLE, _BACKTEST, [_untested(), *([Side(pictures)] if pictures else [])])
    main = _merged(models.main_model(rows))
    model = models.labels(main)[0]
    record = _record(f"Record of VaR, {model}", main, book)
    blocks: list[Block] = [Side([*pictures, record]) if pictures else record, _tests(f"Tests of VaR, {model}", main)]
    others = _merged(models.ordered(rows[~rows.index.isin(models.main_model(rows).index)]))
    if len(others):
        blocks.append(Fold("The other models", [_record("Record of the other models", others, book)]))
    return Section("backtest", _TITLE, _BACKTEST, blocks)


def _untested() -> Words:
    return Words("VaR has not been back-tested: there is no session yet whose P&L can be compared.")


def _merged(rows: pd.DataFrame) -> pd.DataFrame:
    """One row where clean and actual P&L gave the same record."""
    told = [name for name in rows.columns if name != "pnl_basis"]
    ordered = rows.sort_values("pnl_basis", ascending=False, kind="stable")  # clean before actual
    twice = ordered.duplicated(told, keep=False)
    both = ordered.assign(pnl_basis=ordered["pnl_basis"].mask(twice, "both"))
    return both[~ordered.duplicated(told)].sort_index(kind="stable")


def _record(caption: str, rows: pd.DataFrame, book: str | None) -> Grid:
    """Counts and zone of each row; with p-values where a row stands for a book or for one of many models."""
    models_here = len(rows[["method", "horizon_days"]].drop_duplicates())
    asked = [*_TESTS[:3], _ES] if book is None else [*_TESTS, _ES] if models_here > 1 else []
    observed, struck = rows["observations"], rows["struck"]
    columns = [
        *book_column(rows, book),
        *([Column("Model", models.labels(rows))] if models_here > 1 else []),
        *([Column("VaR", rows["confidence"], "confidence")] if rows["confidence"].nunique() > 1 else []),
        Column("P&L", rows["pnl_basis"]),
        Column("Sessions", observed, "count"),
        Column("Exceptions", rows["exceptions"], "count"),
        Column("Expected", (observed * (1 - rows["confidence"])).round(1), "quantity"),
        Column("Zone", rows["zone"], "status"),
        Column("Plus", rows["plus_factor"], "money", "factor", "Basel's plus factor is for 99 % and one session"),
        *(_p_column(rows, name, label) for name, label, _ in asked),
        Column("Struck", struck, "count"),
        Column("Status", models.said(rows["status"]) if asked else [], optional=True),
    ]
    notes = [] if asked else [f"{status}." for status in dict.fromkeys(rows["status"]) if status != "ok"]
    return grid(caption, columns, limit=_MOST_ROWS, more="All: daybook show var_backtest", notes=notes, dense=True)


def _p_column(rows: pd.DataFrame, name: str, label: str) -> Column:
    return Column(label, [_p(value) for value in rows[f"{name}_p"]], "amount", "p")


def _p(value: float) -> str | Markup:
    """A p-value, marked where it speaks against the model."""
    number = figures.number(value)
    if not np.isfinite(number):
        return figures.DASH
    text = f"{number:.3f}" if number >= 0.001 else "<0.001"
    return Markup("<b>✕ {}</b>").format(text) if number < _AGAINST else text


def _tests(caption: str, rows: pd.DataFrame) -> Grid:
    """Every test in a line, a column for each confidence and P&L."""
    told = [("_lr", name, label, asks) for name, label, asks in _TESTS] + [("_z", *_ES)]
    columns = [Column("Test", [label for _, _, label, _ in told]), Column("Asks", [asks for *_, asks in told])]
    told_cells = []
    for _, row in rows.iterrows():
        cells = [_test(row[name + kind], row[f"{name}_p"], "LR" if kind == "_lr" else "Z") for kind, name, *_ in told]
        told_cells.append(cells)
        basis = {"both": "clean and actual"}.get(str(row["pnl_basis"]), str(row["pnl_basis"]))
        columns.append(Column(figures.confidence(row["confidence"]), cells, "amount", f"{basis} P&L"))
    empty = any(cell == figures.DASH for cells in told_cells for cell in cells)
    return grid(caption, columns, notes=[f"{figures.DASH}: {_SILENT}."] if empty else [])


def _test(statistic: float, p: float, letters: str) -> str | Markup:
    number = figures.number(statistic)
    if not np.isfinite(number):
        return figures.DASH
    return Markup("{} {}, p {}").format(letters, figures.decimal(number, 2), _p(p))


def _exceptions_by_model(rows: pd.DataFrame) -> list[Grid]:
    """Exceptions and zone of every model at the highest confidence, a column for each book."""
    rows = models.ordered(rows[(rows["confidence"] == rows["confidence"].max()) & (rows["pnl_basis"] == "clean")])
    keys = rows[["method", "horizon_days"]].drop_duplicates()
    if len(keys) < 2:
        return []
    index = pd.MultiIndex.from_frame(keys)
    books = sorted(set(rows["book"]))
    columns = [Column("Model", models.labels(keys))]
    for name in books[:_MOST_CHARTS]:
        found = rows[rows["book"] == name].set_index(["method", "horizon_days"]).reindex(index)
        columns.append(
            Column(name, [_counted(e, z) for e, z in zip(found["exceptions"], found["zone"], strict=True)], "amount")
        )
    notes = [f"The first {_MOST_CHARTS} of {len(books)} books."] if len(books) > _MOST_CHARTS else []
    caption = f"Exceptions of every model at {figures.confidence(rows['confidence'].max())}, clean P&L"
    return [grid(caption, columns, notes=notes, dense=True)]


def _counted(exceptions: float, zone: object) -> str | Markup:
    number = figures.number(exceptions)
    if not np.isfinite(number):
        return figures.DASH
    tone = {"yellow": "care", "red": "bad"}.get(str(zone), "good")
    return Markup('<span class="pill {}">{} {}</span>').format(tone, figures.count(number), figures.words(zone))


def _picture(day: Day, book: str, key: str, label: str) -> list[Chart]:
    """The P&L of the last sessions against the VaR of the session before each."""
    var, pnl = models.main_model(day.past("var", book)), day.past("pnl", book)
    if not len(var) or not len(pnl):
        return []
    levels = sorted(set(var["confidence"]), reverse=True)[:2]
    dates = pnl["business_date"].to_numpy("datetime64[D]")[-_TESTED:]
    clean = pnl[["price_pnl", "fx_pnl", "income"]].sum(axis=1, skipna=False).to_numpy(np.float64)[-_TESTED:]
    sessions = pnl["business_date"].to_numpy("datetime64[D]")
    lines = [(f"−VaR {c * 100:g}%", _before(var[var["confidence"] == c], sessions)[-_TESTED:]) for c in levels]
    if not np.isfinite(clean).any() or not np.isfinite(lines[0][1]).any():
        return []
    currency = day.currencies.get(book, "")
    title = ("P&L against VaR" + (f", {figures.words(label)}" if label else "")) + f", last {len(dates)} sessions"
    hits = int((clean < -lines[0][1]).sum())
    note = f"{currency}; clean P&L of each session, {models.labels(var)[0]} VaR of the session before as derived now;"
    note += f" {counted(hits, 'exception')} (▲) at {levels[0] * 100:g}%."
    return [Chart(charts.losses(key, title, dates, clean, lines, currency), title, note.lstrip("; "))]


def _before(var: pd.DataFrame, sessions: NDArray[np.datetime64]) -> Floats:
    """For each session the VaR of the session before it."""
    known = pd.Series(var["var"].to_numpy(np.float64), index=var["business_date"].to_numpy("datetime64[D]"))
    known = known[~known.index.duplicated(keep="last")]
    return np.asarray(known.reindex(sessions).shift(1).to_numpy(np.float64))
