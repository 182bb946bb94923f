"""Where the book may come to differ from its benchmark, beside where it did: the tracking error by the same tree.

Belongs here: the section active risk. Does not belong here: how it is computed (``daybook.attribution.active_risk``).
"""

import numpy as np
import pandas as pd
from markupsafe import Markup

from daybook.pack import charts, effects, figures, periods
from daybook.pack.attribution import BRINSON
from daybook.pack.blocks import Block, Chart, Fold, Section, Side, Tree, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.tree import levels, tree

_ACTIVE_RISK = (
    "Tracking error: the yearly standard deviation of the active return that today's weights would have had. Active"
    " risk of a part = covariance of its effect with the active return / standard deviation of the active return, so"
    " the parts add up to the tracking error; a negative part makes the book more like its benchmark. Active return:"
    " the linked effect of the same part over the period named."
)
_TITLE = "Active risk"
_BESIDE = ("one_year", "inception", "year", "month")
_MOST_BARS = 12


def section(day: Day, book: str) -> Section:
    """Active risk by segment beside active return, and down to the names."""
    rows = day.rows("risk_attribution", book)
    root = rows[rows["node"] == ""]
    if not len(rows):
        return Section("active_risk", _TITLE, _ACTIVE_RISK, [Words("No active risk has been computed.")])
    status = [figures.words(text) for text in dict.fromkeys(rows["status"]) if text not in ("", "ok")]
    whole = figures.number(root["active_risk"].iloc[0]) if len(root) else np.nan
    parts = rows[rows["depth"] == 1].sort_values("active_risk", ascending=False, kind="stable")
    if not np.isfinite(whole) or not len(parts):
        said = f"No tracking error: {'; '.join(status)}." if status else "No tracking error is known."
        return Section("active_risk", _TITLE, _ACTIVE_RISK, [Words(said)])
    period, earned = _beside(day, book)
    blocks: list[Block] = [
        effects.adds_up(effects.whole(parts["active_risk"]), whole, "by the year", "parts", "tracking error")
    ]
    blocks += [Words(f"{text[:1].upper()}{text[1:]}.") for text in status]
    blocks += [_by_segment(parts, whole, period, earned), Side(_bars(parts))]
    below = rows[rows["node"] != ""]
    if (below["depth"] > 1).any():
        blocks.append(Fold("Active risk down to every name", [_tree(day, below, root.iloc[0], period, earned)]))
    convention = "; ".join(dict.fromkeys(figures.words(text) for text in rows["convention"] if text))
    observed = int(root["observations"].iloc[0])
    said = f" Computed over {observed:,} sessions{f': {convention}' if convention else ''}."
    return Section("active_risk", _TITLE, _ACTIVE_RISK + said, blocks)


def _beside(day: Day, book: str) -> tuple[str, "pd.Series[float]"]:
    """The longest of the usual periods that is explained, and the linked effect of each node over it."""
    every = day.rows("period_attribution", book)
    rows = effects.declared(every[every["method"].isin(BRINSON) & np.isfinite(every["total"])], every)
    shown = periods.present(rows, _BESIDE)
    if not shown:
        return "", pd.Series(dtype="float64")
    of = rows[rows["period"] == shown[0]].drop_duplicates("node").set_index("node")["total"]
    return periods.name(shown[0]).lower(), of


def _figures(rows: pd.DataFrame, root: "pd.Series[float]", period: str, earned: "pd.Series[float]") -> list[Column]:
    """Active weight, active risk with its two sources, and what the same node earned."""
    labels = {"allocation_risk": "Allocation", "selection_risk": "Selection", "active_risk": "Active risk"}
    columns = [Column("Weight", rows["active_weight"], "percent_change", "book − benchmark")]
    columns += [
        Column(label, rows[name], "fraction_bp", "bp a year", total=figures.number(root[name]))
        for name, label in labels.items()
    ]
    share = rows["active_risk"] / (root["active_risk"] or np.nan)
    columns.append(Column("Share", share, "percent", "of active risk", "no active risk"))
    if period:
        of = earned.reindex(rows["node"])
        total = figures.number(earned.get(""))
        columns.append(Column("Active return", of, "fraction_bp", f"bp, {period}", "not held in it", total=total))
    return columns


def _by_segment(parts: pd.DataFrame, whole: float, period: str, earned: "pd.Series[float]") -> Grid:
    root = parts[["allocation_risk", "selection_risk"]].sum(skipna=False)
    root["active_risk"] = whole
    columns = [Column("Sector", parts["node"].map(figures.words), total="Tracking error")]
    beside = " beside active return" if period else ""
    return grid(f"Active risk by sector{beside}", [*columns, *_figures(parts, root, period, earned)], dense=True)


def picture(key: str, title: str, parts: pd.DataFrame) -> Markup:
    """The parts of the tracking error, allocation and selection stacked; ``parts`` are the nodes of one level."""
    size = parts["active_risk"].abs().fillna(0).to_numpy()
    top = parts.iloc[np.argsort(-size, kind="stable")[:_MOST_BARS]].sort_values("active_risk", ascending=False)
    values = {"Allocation": "allocation_risk", "Selection": "selection_risk"}
    stacked = {label: top[name].to_numpy(np.float64) * 1e4 for label, name in values.items()}
    return charts.bars(
        key, title, list(top["node"]), stacked, "bp", total=top["active_risk"].to_numpy(np.float64) * 1e4
    )


def _bars(parts: pd.DataFrame) -> list[Chart]:
    title = "Where the tracking error comes from"
    svg = picture("active-risk", title, parts)
    return [Chart(svg, title, "bp a year; to the left: makes the book more like its benchmark.")]


def _tree(day: Day, below: pd.DataFrame, root: "pd.Series[float]", period: str, earned: "pd.Series[float]") -> Tree:
    below = below.iloc[np.argsort(-below["active_risk"].abs().fillna(0).to_numpy(), kind="stable")]
    columns = _figures(below, root, period, earned)
    return tree(day, f"Active risk by {levels(below)}", below, columns, "Tracking error")
