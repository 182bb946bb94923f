"""Where value at risk comes from: by position, and by sector, factor and whatever else positions have in common.

Belongs here: the section components. Does not belong here: the measures (``daybook.risk``).
"""

import numpy as np
import pandas as pd
from markupsafe import Markup

from daybook.pack import charts, figures, models
from daybook.pack.blocks import Block, Chart, Fold, Section, Side, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.money import book_column, instruments

_COMPONENTS = (
    "Component = minus the P&L of the part in the scenario that is the VaR, so components add up to VaR. One scenario"
    " is one session: parametric components, from all scenarios, move slowly and stand beside. Marginal = component /"
    " value; incremental = VaR − VaR without the part. A negative component lowers the risk. Factor: exposure × factor"
    " return of the time-series model; specific is all the rest."
)
_TITLE = "Where VaR comes from"
_DRAWN = ("sector", "factor", "asset_class")
_DIMENSIONS = ("sector", "factor", "asset_class", "currency", "country", "issuer", "strategy")
_MOST_COMPONENTS = 20
_MOST_BARS = 12


def section(day: Day, book: str | None) -> Section:
    """The largest components of a book with what they have in common, or the largest three of each book."""
    every = day.rows("var_components", book)
    rows = models.main(every)
    if not len(rows):
        return Section("components", _TITLE, _COMPONENTS, [Words("No components have been computed.")])
    var = models.main(day.rows("var", book)).drop_duplicates("book").set_index("book")["var"]
    rows = rows.iloc[np.argsort(-rows["component"].abs().fillna(0).to_numpy(), kind="stable")]
    if book is None:
        rows = rows.groupby("book", sort=True).head(3).sort_values("book", kind="stable")
    table = _table(day, rows, _beside(every, rows), var, book)
    if book is None:
        return Section("components", _TITLE, _COMPONENTS, [table])
    currency = day.currencies.get(book, "")
    whole = figures.number(var.get(book))
    blocks: list[Block] = [_add_up(float(rows["component"].sum()), whole, currency)]
    title = f"VaR {figures.confidence(float(rows['confidence'].iloc[0]))} by position"
    svg = picture("components", title, rows.assign(label=_names(day, rows["instrument"])), currency)
    chart = Chart(svg, title, f"{currency}; the largest; to the left: lowers the risk.".lstrip("; "))
    drawn, rest = _contributions(day, book, currency, whole)
    return Section("components", _TITLE, _COMPONENTS, [*blocks, Side([chart, *drawn]), table, *rest])


def picture(key: str, title: str, rows: pd.DataFrame, currency: str) -> Markup:
    """The largest components as bars, from what adds most to what takes most away; ``rows`` have label, component."""
    size = rows["component"].abs().fillna(0).to_numpy()
    top = rows.iloc[np.argsort(-size, kind="stable")[:_MOST_BARS]].sort_values("component", ascending=False)
    parts = {"Component": top["component"].to_numpy(np.float64)}
    return charts.bars(key, title, list(top["label"]), parts, "money", currency)


def _table(
    day: Day, rows: pd.DataFrame, beside: "pd.Series[float] | None", var: "pd.Series[float]", book: str | None
) -> Grid:
    share = rows["component"].to_numpy(np.float64) / rows["book"].map(var).replace(0, np.nan).to_numpy(np.float64)
    currency = "base currency" if book is None else day.currencies.get(book, "")
    what = models.named(rows)
    return grid(
        ("Largest components of each book" if book is None else "Largest components") + (f", {what}" if what else ""),
        [
            *book_column(rows, book),
            Column("Instrument", instruments(day, rows["instrument"]), "markup", total="Sum" if book else None),
            Column("Component", rows["component"], "whole_change", currency,
                   total=float(rows["component"].sum()) if book else None),
            Column("Share", share, "percent", "of VaR", "VaR is zero or not known"),
            *([] if beside is None else [Column("Parametric", beside, "whole_change", currency)]),
            Column("Marginal", rows["marginal"], "ratio", "per unit of value", "the position has no value"),
            Column("Incremental", rows["incremental"], "whole_change", currency),
        ],
        limit=0 if book is None else _MOST_COMPONENTS,
        more="The sum is over all.",
        dense=True,
    )  # fmt: skip


def _beside(every: pd.DataFrame, rows: pd.DataFrame) -> "pd.Series[float] | None":
    """The parametric components of the same positions, horizon and confidence; None where the main ones are."""
    key = ["book", "instrument", "horizon_days", "confidence"]
    found = every[every["method"] == "parametric"]
    if not len(found) or (rows["method"] == "parametric").all():
        return None
    return found.set_index(key)["component"].reindex(pd.MultiIndex.from_frame(rows[key]))


def _contributions(day: Day, book: str, currency: str, var: float) -> tuple[list[Chart], list[Block]]:
    """The same VaR by sector and factor in pictures, and by every dimension in tables."""
    rows = models.main(day.rows("var_contributions", book))
    if not len(rows):
        return [], [Words("VaR by sector and factor has not been computed.")]
    confidence = figures.confidence(float(rows["confidence"].iloc[0]))
    pictures, tables = [], []
    for dimension in sorted(set(rows["dimension"]), key=_place):
        part = rows[rows["dimension"] == dimension].sort_values("component", ascending=False, kind="stable")
        word = dimension.replace("_", " ")
        if dimension in _DRAWN and len(part) > 1:
            title = f"VaR {confidence} by {word}"
            svg = picture(f"components-{dimension}", title, part.assign(label=_words(part["bucket"])), currency)
            pictures.append(Chart(svg, title, f"{currency}; the bars add up to VaR.".lstrip("; ")))
        if len(part) > 1:
            tables.append(_by_bucket(word, part, currency, var))
    said = [] if "factor" in set(rows["dimension"]) else [Words("VaR by factor: not computed for this model.")]
    fold = [Fold("By sector, factor and other dimensions", tables)] if tables else []
    return pictures, [*said, *fold]


def _by_bucket(word: str, part: pd.DataFrame, currency: str, var: float) -> Grid:
    share = part["component"] / (var if var else np.nan)
    return grid(
        f"VaR by {word}",
        [
            Column(word.capitalize(), _words(part["bucket"]), total="Sum"),
            Column("Component", part["component"], "whole_change", currency, total=float(part["component"].sum())),
            Column("Share", share, "percent", "of VaR", "VaR is zero or not known"),
            Column("Incremental", part["incremental"], "whole_change", currency),
        ],
        limit=_MOST_COMPONENTS,
        more="The sum is over all.",
        dense=True,
    )  # fmt: skip


def _place(dimension: str) -> tuple[int, str]:
    return (_DIMENSIONS.index(dimension) if dimension in _DIMENSIONS else len(_DIMENSIONS), dimension)


def _words(buckets: pd.Series) -> list[str]:
    return [figures.words(bucket).replace("_", " ") for bucket in buckets]


def _names(day: Day, codes: pd.Series) -> list[str]:
    return [day.called(code) for code in codes]


def _add_up(total: float, var: float, currency: str) -> Words:
    if not np.isfinite(var):
        return Words("There is no VaR to compare the components with.", "care")
    said = f"components {figures.whole(total)} {currency}, VaR {figures.whole(var)} {currency}."
    if abs(total - var) < 0.5 + 1e-9 * abs(var):
        return Words(f"Adds up: {said}", "good")
    return Words(f"Does not add up: {said}", "bad")
