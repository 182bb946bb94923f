"""Where the books stand: long, short, gross and net by every dimension, by beta, and with funds looked through.

Belongs here: the section exposures. Does not belong here: the measures (``daybook.risk``).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from daybook.pack import charts, figures
from daybook.pack.blocks import Block, Chart, Fold, Section, Side, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid

Floats = NDArray[np.float64]

_EXPOSURES = (
    "Long ≥ 0, short ≤ 0, gross = long − short, net = long + short, at the closing price and FX, options by delta, in"
    " base currency and as a share of NAV. Cash counts in currency, asset class and counterparty. By beta = net × beta"
    " to the market, 1 where it is unknown. Notional: gross, derivatives at the size of what they are written on."
    " Looked through: funds and index futures by their constituents."
)
_TITLE = "Exposures"
_NO_NAV = "NAV is not positive or not known"
_DIMENSIONS = ("asset_class", "sector", "currency", "country", "issuer", "parent", "counterparty", "strategy")
_FIRST = ("sector", "currency")
_MOST_BOOKS = 12
_MOST_BARS = 12
_MOST_BUCKETS = 20
_MOST_ROWS = 40


def firm(day: Day) -> Section:
    """Long, short, gross and net of every book, by beta and by notional, and net by sector side by side."""
    rows = day.rows("exposures")
    if not len(rows):
        return _none()
    held = rows[rows["dimension"] == "instrument"]
    names = ["long", "short", "gross", "net", "gross_fraction", "net_fraction", "beta_adjusted", "notional_base"]
    total = held.groupby(held["book"].astype("object"))[names].sum(min_count=1)
    nav = day.rows("nav").set_index("book")["nav"].reindex(total.index)
    nav = nav.where(nav > 0)
    known = (held["gross"] * held["beta_coverage"]).groupby(held["book"].astype("object")).sum(min_count=1)
    through = day.rows("look_through_exposures")
    through = through[through["dimension"] == "instrument"]
    opened = _looked_through(through).reindex(total.index)
    table = grid(
        "Exposure by book, without cash",
        [
            Column("Book", total.index),
            Column("", [day.currencies.get(str(book), "") for book in total.index]),
            *(Column(n.capitalize(), total[n], "whole", "base currency") for n in ("long", "short", "gross", "net")),
            *(Column(n.capitalize(), total[f"{n}_fraction"], "percent", "of NAV", _NO_NAV) for n in ("gross", "net")),
            Column("By beta", total["beta_adjusted"] / nav, "percent", "of NAV", "not computed, or no NAV above 0"),
            Column("Beta known", known / total["gross"].where(total["gross"] > 0), "percent", "of gross"),
            Column("Notional", total["notional_base"] / nav, "percent", "of NAV", "not computed, or no NAV above 0"),
            *([Column("In funds", 1 - opened, "percent", "not looked through")] if len(through) else []),
        ],
        limit=_MOST_ROWS,
        more="All: daybook show exposures",
        dense=True,
    )
    return Section("exposures", _TITLE, _EXPOSURES, [table, *_sector_matrix(rows)])


def book(day: Day, book: str) -> Section:
    """Exposure of one book by each dimension: pictures and the main tables, the others folded."""
    rows = day.rows("exposures", book)
    if not rows["dimension"].isin(_DIMENSIONS).any():
        return _none()
    currency = day.currencies.get(book, "")
    nav = figures.number(day.rows("nav", book)["nav"].max())
    through = day.rows("look_through_exposures", book)
    pictures, tables = [], {}
    for dimension in _DIMENSIONS:
        part = rows[rows["dimension"] == dimension].sort_values("gross", ascending=False, kind="stable")
        if not len(part) or (dimension == "strategy" and len(part) == 1):
            continue
        word = dimension.replace("_", " ")
        opened = through[through["dimension"] == dimension]
        tables[dimension] = _table(part, opened, word, currency, nav if nav > 0 else np.nan)
        if dimension in _FIRST and np.isfinite(part["net_fraction"]).any():
            title = f"Exposure by {word}, share of NAV"
            pictures.append(Chart(picture(f"exposure-{dimension}", title, part), title, "% of NAV."))
    pictures = [*pictures[:1], *_by_beta(rows, nav), *pictures[1:]][:2]
    if "parent" in tables and _same(rows, "parent", "issuer"):
        del tables["parent"]
    blocks: list[Block] = [*_opened(through)]
    if pictures:
        blocks.append(Side(pictures))
    first = [tables.pop(name) for name in _FIRST if name in tables]
    rest = [Fold("By " + _listed([table.caption.removeprefix("Exposure by ") for table in tables.values()]),
                 list(tables.values()))] if tables else []  # fmt: skip
    return Section("exposures", _TITLE, _EXPOSURES, [*blocks, *first, *rest])


def picture(key: str, title: str, part: pd.DataFrame) -> Markup:
    """The largest buckets: long to the right, short to the left, net marked, as shares of NAV."""
    shown = part[np.isfinite(part["net_fraction"])].sort_values("gross", ascending=False, kind="stable")
    shown = shown.head(_MOST_BARS)
    gross, net = _floats(shown, "gross_fraction"), _floats(shown, "net_fraction")
    parts = {"Long": (gross + net) / 2, "Short": (net - gross) / 2}
    return charts.bars(key, title, list(shown["bucket"]), parts, "percent", total=net, total_name="Net")


def _by_beta(rows: pd.DataFrame, nav: float) -> list[Chart]:
    """Net exposure by sector with what it is by beta."""
    part = rows[
        (rows["dimension"] == "sector") & np.isfinite(rows["beta_adjusted"]) & np.isfinite(rows["net_fraction"])
    ]
    if not len(part) or not nav > 0:
        return []
    part = part.sort_values("gross", ascending=False, kind="stable").head(_MOST_BARS)
    title = "Net exposure by sector, and by beta"
    beta = _floats(part, "beta_adjusted") / nav
    parts = {"Net": _floats(part, "net_fraction")}
    svg = charts.bars(
        "exposure-beta", title, list(part["bucket"]), parts, "percent", total=beta, total_name="By beta to the market"
    )
    return [Chart(svg, title, "% of NAV; the number is net × beta to the market.")]


def _table(part: pd.DataFrame, opened: pd.DataFrame, word: str, currency: str, nav: float) -> Grid:
    """Exposure by one dimension, with the columns that say more than net does."""
    through = opened.set_index("bucket")["net_fraction"].reindex(part["bucket"]) if len(opened) else None
    moved = through is not None and not np.allclose(
        through.fillna(0.0).to_numpy(), part["net_fraction"].fillna(0.0).to_numpy(), atol=1e-9
    )
    notional = part["notional_base"]
    larger = not np.allclose(notional.fillna(part["gross"]), part["gross"], rtol=1e-9, equal_nan=True)
    columns = [
        Column(word.capitalize(), part["bucket"]),
        *(Column(n.capitalize(), part[n], "whole", currency) for n in ("long", "short", "gross", "net")),
        *(Column(n.capitalize(), part[f"{n}_fraction"], "percent", "of NAV", _NO_NAV) for n in ("gross", "net")),
    ]
    if np.isfinite(part["beta_adjusted"]).any():
        columns.append(Column("By beta", part["beta_adjusted"] / nav, "percent", "of NAV", _NO_NAV))
    if larger:
        columns.append(Column("Notional", notional / nav, "percent", "of NAV", _NO_NAV))
    if moved and through is not None:
        columns.append(Column("Net looked through", through, "percent", "of NAV", "nothing is left there"))
    only = sorted(set(opened["bucket"]) - set(part["bucket"])) if len(opened) else []
    notes = [f"Held through funds alone: {_listed(only[:8])}{' and others' if len(only) > 8 else ''}."] if only else []
    return grid(
        f"Exposure by {word}",
        columns,
        limit=_MOST_BUCKETS,
        more="The largest gross exposures.",
        notes=notes,
        dense=True,
    )


def _looked_through(through: pd.DataFrame) -> "pd.Series[float]":
    """Book -> part of gross exposure that does not stand in a fund nobody looked through."""
    by = through["book"].astype("object")
    gross = through["gross"].where(np.isfinite(through["coverage"]))
    return (gross * through["coverage"]).groupby(by).sum() / gross.groupby(by).sum()


def _opened(through: pd.DataFrame) -> list[Words]:
    """How much stands in funds that could not be looked through; nothing where no fund is held."""
    share = _looked_through(through[through["dimension"] == "instrument"])
    if not len(share) or not np.isfinite(share.iloc[0]) or share.iloc[0] > 1 - 5e-5:
        return []
    closed = figures.percent(1 - float(share.iloc[0]))
    return [Words(f"{closed} of gross exposure stands in funds whose constituents nobody delivered.", "care")]


def _sector_matrix(rows: pd.DataFrame) -> list[Grid]:
    """Net exposure by sector, one column per book."""
    part = rows[rows["dimension"] == "sector"]
    if not len(part):
        return []
    table = part.pivot_table(index="bucket", columns="book", values="net_fraction", aggfunc="sum", sort=True)
    shown = table.iloc[:, :_MOST_BOOKS]
    notes = [f"The first {_MOST_BOOKS} of {table.shape[1]} books."] if table.shape[1] > _MOST_BOOKS else []
    missing = "the book holds nothing in that sector"
    columns = [Column(figures.words(book), shown[book], "percent", "of NAV", missing) for book in shown.columns]
    return [grid("Net exposure by sector", [Column("Sector", shown.index), *columns], notes=notes)]


def _same(rows: pd.DataFrame, one: str, other: str) -> bool:
    """Whether two dimensions have the same buckets with the same exposures."""
    both = [rows[rows["dimension"] == name].set_index("bucket")["net"].sort_index() for name in (one, other)]
    return both[0].equals(both[1])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(figures.words(name) for name in names)


def _none() -> Section:
    return Section("exposures", _TITLE, _EXPOSURES, [Words("No exposures have been computed for this date.")])


def _floats(frame: pd.DataFrame, column: str) -> Floats:
    return np.asarray(frame[column].to_numpy(np.float64))
