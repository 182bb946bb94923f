"""Effects of attribution on a page: their names, the columns and the waterfall they make, and whether they add up.

Belongs here: what every table and picture of effects has in common. Does not belong here: which effects are shown
where (``attribution``, ``sources``), and how they are computed (``daybook.attribution``).
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from daybook.pack import charts, figures
from daybook.pack.blocks import Words
from daybook.pack.grids import Column

Floats = NDArray[np.float64]
_Frame = TypeVar("_Frame", bound=pd.DataFrame)

EFFECTS = {
    "allocation": "Allocation",
    "allocation_above": "From above",
    "selection": "Selection",
    "interaction": "Interaction",
    "premium_effect": "Interest",
    "currency_effect": "Currency",
    "hedge_effect": "Hedges",
    "trading": "Trades, fees",
}
"""Effect -> what it is called, in order."""
_ALWAYS = ("allocation", "selection", "interaction", "trading")
_ADDS_UP_WITHIN = 1e-9
_FIRST_LINKING = "carino"


def used(rows: pd.DataFrame) -> list[str]:
    """The effects that ``rows`` have; those that not every method knows only where one is not zero."""
    there = [name for name in EFFECTS if name in rows.columns]
    return [name for name in there if name in _ALWAYS or bool((rows[name].fillna(0) != 0).any())]


def columns(rows: pd.DataFrame, names: Sequence[str], missing: str = "not computed") -> list[Column]:
    """A column for each effect and one for their sum, in basis points, with totals."""
    each = [Column(EFFECTS[name], rows[name], "fraction_bp", "bp", missing, total=whole(rows[name])) for name in names]
    return [*each, Column("Sum", rows["total"], "fraction_bp", "bp", missing, total=whole(rows["total"]))]


def weights(rows: pd.DataFrame, totals: "pd.Series[float]") -> list[Column]:
    """The weights of the book and of the benchmark, with ``totals`` by the same names where they are known."""
    labels = {"portfolio_weight": "Book", "benchmark_weight": "Benchmark"}
    return [
        Column(label, rows[name], "percent", "weight", total=figures.number(totals.get(name)))
        for name, label in labels.items()
    ]


def whole(values: pd.Series) -> float:
    """The sum; missing where one is."""
    return float(values.sum(skipna=False)) if len(values) else np.nan


def waterfall(key: str, title: str, parts: "pd.Series[float]", name: str = "Active") -> Markup | None:
    """How the effects in ``parts``, by name, lead to their sum; nothing where one is missing."""
    found = [n for n in EFFECTS if n in parts.index]
    values = parts[found].to_numpy(np.float64) * 1e4
    if not len(values) or not np.isfinite(values).all():
        return None
    steps = [(EFFECTS[n], float(value)) for n, value in zip(found, values, strict=True)]
    return charts.waterfall(key, title, steps, "basis points", "bp", name)


def adds_up(total: float, active: float, when: str, what: str = "effects", to: str = "active return") -> Words:
    """Whether effects add up to what they explain ``when``, both as fractions."""
    if not np.isfinite(active):
        return Words(f"There is no {to} to compare the {what} with.", "care")
    said = f"{what} {figures.fraction_bp(total)} bp, {to} {figures.fraction_bp(active)} bp."
    if np.isfinite(total) and abs(total - active) <= _ADDS_UP_WITHIN:
        return Words(f"Adds up, {when}: {said}", "good")
    return Words(f"Does not add up, {when}: {said}", "bad")


def verdicts(total: pd.Series, active: pd.Series) -> list[str]:
    """The same for many books: ``ok``, ``failed``, or nothing where there is nothing to compare."""
    gaps = (total - active).abs()
    return ["" if not np.isfinite(g) else "ok" if g <= _ADDS_UP_WITHIN else "failed" for g in gaps]


def declared(rows: _Frame, every: _Frame) -> _Frame:
    """Of effects linked by several methods, those of the method that each book declares, for each method of effects.

    Only the declared one links currencies and factors, and the tree down to its last level. A tree of one level is
    linked by all of them alike: its book's currencies tell.

    Args:
        rows: of some methods of effects.
        every: rows of every method of the same books.
    """
    if not len(rows):
        return rows
    key = ["book", "method"]
    depth = rows.groupby([rows[n].astype("object") for n in [*key, "linking"]])["depth"].max().reset_index()
    single = every.groupby(key)["linking"].transform("nunique").eq(1)
    told = every.loc[single, ["book", "linking"]].drop_duplicates("book").astype("object").assign(told=True)
    depth = depth.merge(told, on=["book", "linking"], how="left")
    depth["told"] = depth["told"].isna()
    depth["later"] = depth["linking"] != _FIRST_LINKING
    order = depth.sort_values(["told", "depth", "later", "linking"], ascending=[True, False, True, True], kind="stable")
    chosen = order.drop_duplicates(key)[[*key, "linking"]]
    kept = pd.MultiIndex.from_frame(rows[[*key, "linking"]]).isin(pd.MultiIndex.from_frame(chosen))
    return rows[kept]


def linking_word(linking: str) -> str:
    """A method of linking as it is written in a sentence."""
    words = {"carino": "Carino", "menchero": "Menchero", "grap": "GRAP", "frongello": "Frongello"}
    return {**words, "davies_laker": "Davies-Laker"}.get(linking, figures.words(linking).replace("_", " "))


def method_word(method: str) -> str:
    """A method of attribution as it is written in a sentence."""
    words = {"brinson_fachler": "Brinson-Fachler", "brinson_hood_beebower": "Brinson-Hood-Beebower"}
    words |= {"ankrim_hensel": "Ankrim-Hensel", "karnosky_singer": "Karnosky-Singer"}
    return words.get(method, figures.words(method).replace("_", " "))
