"""What the books follow: betas, volatility, and the factors behind it.

Belongs here: the section factors. Does not belong here: the models (``daybook.risk``).
"""

import numpy as np
import pandas as pd

from daybook.pack import charts, figures
from daybook.pack.blocks import Block, Chart, Figure, Figures, Fold, Section, Side, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.models import said

_FACTORS = (
    "Beta: least squares of what the book holds today on one factor at a time, last 250 sessions, ± standard error;"
    " styles in excess of the market. Exposure: to all factors at once, as a part of NAV; a currency is exposure 1 to"
    " it and −1 to the base currency. Volatility of a session, as a part of NAV; the parts add up to that of the book."
)
_TITLE = "Factors and volatility"
_FIRST = "time_series"
_NAMES = {"ewma": "EWMA", "garch": "GARCH", "gjr": "GJR", "egarch": "EGARCH"}
_MOST_FACTORS = 12
_MOST_BARS = 12
_MOST_ROWS = 40


def firm(day: Day) -> Section:
    """Betas of every book to every factor, and its volatility by every model."""
    betas, volatility = day.of_books("betas"), _volatilities(day)
    if not len(betas) and not len(volatility):
        return Section("factors", _TITLE, _FACTORS, [Words("No betas and no factor models have been computed.")])
    blocks: list[Block] = []
    if len(betas):
        factors = sorted(set(betas["factor"]), key=lambda name: (name != "market", name))
        books = sorted(set(betas["book"]))
        columns = [Column("Book", books)]
        for name in factors[:_MOST_FACTORS]:
            part = betas[betas["factor"] == name].set_index("book").reindex(books)
            cells = [_beta(b, e) for b, e in zip(part["beta"], part["standard_error"], strict=True)]
            columns.append(Column(figures.words(name).replace("_", " "), cells, "amount"))
        notes = _unknown(betas)
        if len(factors) > _MOST_FACTORS:
            notes.append(f"The first {_MOST_FACTORS} of {len(factors)} factors.")
        blocks.append(grid("Betas, ± standard error", columns, limit=_MOST_ROWS, notes=notes, dense=True))
    if len(volatility):
        models = list(dict.fromkeys(volatility["model"]))
        books = sorted(set(volatility["book"]))
        parts = {m: volatility[volatility["model"] == m].set_index("book").reindex(books) for m in models}
        columns = [Column(m, parts[m]["volatility"], "percent", "of NAV", "see the note") for m in models]
        table = [Column("Book", books), *columns]
        notes = _unknown(volatility.rename(columns={"model": "factor"}))
        blocks.append(grid("Volatility of a session", table, limit=_MOST_ROWS, notes=notes, dense=True))
    return Section("factors", _TITLE, _FACTORS, blocks)


def book(day: Day, book: str) -> Section:
    """Betas of one book beside what the factors make of its volatility."""
    betas, risk = day.of_books("betas", book), day.rows("factor_risk", book)
    volatility = _volatilities(day, book)
    if not len(betas) and not len(volatility):
        return Section("factors", _TITLE, _FACTORS, [Words("No betas and no factor models have been computed.")])
    blocks: list[Block] = []
    if len(volatility):
        blocks.append(Figures([_figure(row) for _, row in volatility.iterrows()]))
    side: list[Chart | Grid] = []
    first = risk[risk["risk_model"] == (_FIRST if (risk["risk_model"] == _FIRST).any() else "")]
    drawn = first[np.isfinite(first["volatility_part"])]
    if len(drawn):
        title = "Volatility of a session by factor"
        top = drawn.iloc[np.argsort(-drawn["volatility_part"].abs().to_numpy(), kind="stable")[:_MOST_BARS]]
        top = top.sort_values("volatility_part", ascending=False, kind="stable")
        parts = {"Part": top["volatility_part"].to_numpy(np.float64) * 1e4}
        svg = charts.bars("factors", title, _words(top["factor"]), parts, "bp")
        side.append(Chart(svg, title, "bp of NAV, time series model; the bars add up to the volatility of the book."))
    if len(betas):
        side.append(_betas(betas))
    if side:
        blocks.append(Side(side))
    tables = [_parts(str(name), part) for name, part in risk.groupby("risk_model", sort=True)]
    if tables:
        blocks.append(Fold("Every factor model", sorted(tables, key=lambda t: "time series" not in t.caption)))
    return Section("factors", _TITLE, _FACTORS, blocks)


def _volatilities(day: Day, book: str | None = None) -> pd.DataFrame:
    """Volatility of every book by every model: book, model, volatility, status."""
    forecasts = day.of_books("volatility_forecasts", book)
    forecasts = forecasts.assign(model=forecasts["volatility_model"].map(lambda name: _NAMES.get(name, name)))
    risk = day.rows("factor_risk", book)
    keys = [risk["book"].astype("object"), risk["risk_model"].astype("object")]
    summed = risk.groupby(keys, sort=True).agg(
        volatility=("volatility_part", lambda parts: parts.sum(skipna=False)), status=("status", "first")
    )
    by_factors = summed.reset_index().rename(columns={"risk_model": "model"})
    by_factors = by_factors.assign(model=by_factors["model"].str.replace("_", " ") + " factors")
    columns = ["book", "model", "volatility", "status"]
    return pd.concat([forecasts[columns], by_factors[columns]], ignore_index=True)


def _figure(row: "pd.Series[float]") -> Figure:
    note = "of NAV, next session" if str(row["status"]) == "ok" else figures.words(row["status"])
    return Figure(f"Volatility, {row['model']}", figures.percent(figures.number(row["volatility"])), note)


def _betas(rows: pd.DataFrame) -> Grid:
    rows = rows.iloc[np.lexsort((rows["factor"].astype("object"), rows["factor"] != "market"))]
    return grid(
        "Betas",
        [
            Column("Factor", _words(rows["factor"])),
            Column("Beta", rows["beta"], "beta", "", "see the status"),
            Column("±", rows["standard_error"], "beta", "standard error", "see the status"),
            Column("R²", rows["r_squared"], "percent", "", "see the status"),
            Column("Sessions", rows["observations"], "count"),
            Column("Status", said(rows["status"]), optional=True),
        ],
        dense=True,
    )


def _parts(name: str, rows: pd.DataFrame) -> Grid:
    """Exposure and volatility of a book by each factor of one model, adding up."""
    rows = rows.sort_values("volatility_part", ascending=False, kind="stable")
    whole = float(rows["volatility_part"].sum(skipna=False))
    covered = rows["coverage"].iloc[0]
    status = list(dict.fromkeys(s for s in rows["status"] if s != "ok"))
    return grid(
        f"{figures.words(name).replace('_', ' ').capitalize()} factors",
        [
            Column("Factor", _words(rows["factor"]), total="Book"),
            Column("Exposure", rows["exposure"], "beta", "of NAV", "specific risk has no exposure"),
            Column("Alone", rows["factor_volatility"], "percent", "of NAV"),
            Column("Part", rows["volatility_part"], "percent", "of NAV", total=whole),
            Column("Share", rows["volatility_part"] / (whole if whole else np.nan), "percent", "", "no volatility"),
        ],
        notes=[f"Estimated for {figures.percent(figures.number(covered))} of gross value.", *(f"{s}." for s in status)],
        dense=True,
    )


def _beta(beta: float, error: float) -> str:
    number = figures.number(beta)
    if not np.isfinite(number):
        return figures.DASH
    return f"{figures.decimal(number, 2)} ± {figures.decimal(figures.number(error), 2)}"


def _unknown(rows: pd.DataFrame) -> list[str]:
    """Why figures are missing, by book and factor."""
    odd = rows[rows["status"] != "ok"]
    told = (odd["book"] + ", " + odd["factor"] + ": " + odd["status"]).tolist()
    shown = [figures.words(text) for text in told[:8]]
    return [*shown, f"and {len(told) - 8} more."] if len(told) > 8 else shown


def _words(names: "pd.Series") -> list[str]:
    return [figures.words(name).replace("_", " ") for name in names]
