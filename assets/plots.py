"""Plots in an asset's metadata: the charts of the pack, as pictures that stand alone.

Belongs here: wrapping a chart for the Dagster UI. Does not belong here: drawing (``daybook.pack.charts``).
"""

import base64
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from daybook.pack import charts
from daybook.pack.charts import Line

CONFIDENCE = 0.99


def cumulative(performance: pd.DataFrame) -> dict[str, Any]:
    """One plot a book: linked return since inception, beside the benchmark's."""
    return {f"plot {book}": _picture(_growth(book, rows)) for book, rows in _books(performance)}


def var_against_pnl(var: pd.DataFrame, pnl: pd.DataFrame) -> dict[str, Any]:
    """One plot a book: P&L of each session against minus the VaR of the session before."""
    at = var[(var["confidence"] == CONFIDENCE) & (var["method"] == "historical")]
    totals = pnl.groupby(["book", "business_date"])["total"].sum()
    return {f"plot {book}": _picture(_losses(book, rows, totals)) for book, rows in _books(at)}


def _books(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for book, rows in frame.groupby("book"):
        yield str(book), rows.set_index("business_date").sort_index()


def _growth(book: str, rows: pd.DataFrame) -> str:
    benchmark = (1 + rows["benchmark_return"].fillna(0)).cumprod() - 1
    lines = [Line(book, rows["cumulative_return"].to_numpy(np.float64))]
    if rows["benchmark_return"].notna().any():
        lines.append(Line("benchmark", benchmark.to_numpy(np.float64), "other"))
    return str(charts.line(f"growth-{book}", f"{book}: return since inception", _days(rows), lines, "percent"))


def _losses(book: str, rows: pd.DataFrame, totals: "pd.Series[float]") -> str:
    gained = totals.get(book, pd.Series(dtype="float64")).reindex(rows.index).to_numpy(np.float64)
    limit = ("99 % VaR of the session before", rows["var"].shift(1).to_numpy(np.float64))
    return str(charts.losses(f"var-{book}", f"{book}: P&L and value at risk", _days(rows), gained, [limit], ""))


def _days(rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    return rows.index.to_numpy().astype("datetime64[D]")


def _picture(svg: str) -> dg.MarkdownMetadataValue:
    """An SVG chart as a Markdown image, with the style that the pack gives it."""
    whole = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    at = whole.index(">") + 1
    styled = f"{whole[:at]}<style>{_style()}</style>{whole[at:]}"
    return dg.MetadataValue.md(f"![plot](data:image/svg+xml;base64,{base64.b64encode(styled.encode()).decode()})")


@cache
def _style() -> str:
    return (resources.files("daybook.pack") / "templates" / "style.css").read_text(encoding="utf-8")
