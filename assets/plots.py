"""Plots in an asset's metadata: the charts of the pack, as pictures that stand alone.

Belongs here: wrapping a chart for the Dagster UI; every function draws the first ``MOST`` books by name. Does
not belong here: drawing (``daybook.pack.charts``).
"""

import base64
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from assets.metadata import table
from daybook.pack import active_risk, charts, components, effects, exposures, liquidity, models, ratios, stress, var
from daybook.pack import attribution as attributed
from daybook.pack import contributions as contribution
from daybook.pack.charts import Line
from daybook.pack.performance import benchmark_line
from daybook.performance import drawdowns

CONFIDENCE = 0.99
MOST = 12
"""Books that are drawn, the first by name: every picture is kept with its event for good."""
SCALE, MARGIN = 1.5, 20.0
"""Pixels of the UI for one unit of a chart, and units added at its left and right."""
_BOX = re.compile(r'viewBox="0 0 \S+ (\S+)"')


def cumulative(performance: pd.DataFrame) -> dict[str, Any]:
    """One plot a book: linked return since inception, beside the benchmark's; none where nothing is known."""
    drawn = performance[np.isfinite(performance["cumulative_return"])]
    return {f"plot {book}": _picture(_growth(book, rows)) for book, rows in _books(drawn)}


def under_water(performance: pd.DataFrame) -> dict[str, Any]:
    """One plot a book: the loss from its last peak, since inception."""

    def drawn(book: str, rows: pd.DataFrame) -> str:
        return ratios.picture(f"water-{book}", f"{book}: loss from the last peak", rows.reset_index())

    lost = drawdowns.under_water(performance)
    return _drawn(lost[np.isfinite(lost["drawdown"])], drawn)


def sectors(attribution: pd.DataFrame) -> dict[str, Any]:
    """One plot a book: effects of the session by sector, with their sum."""

    def drawn(book: str, rows: pd.DataFrame) -> str:
        return attributed.sectors(f"sectors-{book}", f"{book}: active return by sector and effect", rows)

    return _drawn(attributed.by_segment(attribution), drawn)


def waterfalls(period_attribution: pd.DataFrame) -> dict[str, Any]:
    """One plot a book: how the linked effects lead to its active return since inception, of those fully explained."""

    def drawn(book: str, rows: pd.DataFrame) -> str:
        return str(attributed.picture(f"effects-{book}", f"{book}: active return by effect", rows.iloc[0]))

    linked = effects.declared(attributed.by_segment(period_attribution), period_attribution)
    whole = linked[(linked["node"] == "") & (linked["period"] == "inception")]
    return _drawn(whole[np.isfinite(whole["total"])], drawn)


def contributed(contributions: pd.DataFrame) -> dict[str, Any]:
    """One plot a book: the names that added most to its return since inception, and those that took most."""

    def drawn(book: str, rows: pd.DataFrame) -> str:
        title = f"{book}: contribution by name"
        return contribution.picture(f"contributed-{book}", title, rows.assign(label=rows["instrument"]))

    known = contributions[np.isfinite(contributions["contribution"])]
    return _drawn(known[known["period"] == "inception"], drawn)


def tracking(risk_attribution: pd.DataFrame) -> dict[str, Any]:
    """One plot a book: where its tracking error comes from."""

    def drawn(book: str, rows: pd.DataFrame) -> str:
        return active_risk.picture(f"tracking-{book}", f"{book}: where the tracking error comes from", rows)

    parts = risk_attribution[risk_attribution["depth"] == 1]
    return _drawn(parts[np.isfinite(parts["active_risk"])], drawn)


def var_against_pnl(var: pd.DataFrame, nav_bridge: pd.DataFrame) -> dict[str, Any]:
    """One plot a book: P&L of each session against minus the 99 % VaR of the session before.

    A book without any P&L has no plot.
    """
    at = var[(var["confidence"] == CONFIDENCE) & (var["method"] == "historical") & (var["horizon_days"] == 1)]
    totals = nav_bridge.set_index(["book", "business_date"])[["gains", "carry", "fees"]].sum(axis=1, skipna=False)
    drawn = at[at["book"].isin(nav_bridge["book"])]
    return {f"plot {book}": _picture(_losses(book, rows, totals)) for book, rows in _books(drawn)}


def component_bars(var_components: pd.DataFrame) -> dict[str, Any]:
    """One plot a book: the positions that add most to VaR, and take most from it."""

    def drawn(book: str, rows: pd.DataFrame) -> str:
        title = f"{book}: VaR by position, {models.named(rows)}"
        return components.picture(f"components-{book}", title, rows.assign(label=rows["instrument"]), "")

    main = models.main(var_components)
    return _drawn(main[np.isfinite(main["component"])], drawn)


def var_steps(var_explain: pd.DataFrame) -> dict[str, Any]:
    """One plot a book: why VaR is not what it was the session before; none where it could not be split."""

    def drawn(book: str, rows: pd.DataFrame) -> str:
        title = f"{book}: why VaR changed, {models.named(rows)}"
        return charts.waterfall(f"explain-{book}", title, var.steps(rows.iloc[0]), "")

    main = models.main(var_explain)
    return _drawn(main[np.isfinite(main[list(var.STEPS)]).all(axis=1)], drawn)


def tornadoes(stressed: pd.DataFrame) -> dict[str, Any]:
    """One plot a book: P&L under every scenario that could be computed, as a part of NAV."""

    def drawn(book: str, rows: pd.DataFrame) -> str:
        return stress.tornado(f"stress-{book}", f"{book}: P&L under stress, share of NAV", rows)

    return _drawn(stressed[np.isfinite(stressed["pnl_fraction"])], drawn)


def exposure_bars(exposed: pd.DataFrame) -> dict[str, Any]:
    """One plot a book: long, short and net by sector, as parts of NAV."""

    def drawn(book: str, rows: pd.DataFrame) -> str:
        return exposures.picture(f"exposure-{book}", f"{book}: exposure by sector, share of NAV", rows)

    return _drawn(exposed[(exposed["dimension"] == "sector") & np.isfinite(exposed["net_fraction"])], drawn)


def sold(profile: pd.DataFrame) -> dict[str, Any]:
    """One plot a book: what is sold after so many sessions."""

    def drawn(book: str, rows: pd.DataFrame) -> str:
        return liquidity.picture(f"sold-{book}", f"{book}: sold by then, share of gross value", rows)

    return _drawn(profile[np.isfinite(profile["liquidated_fraction"])], drawn)


def headroom(limit_usage: pd.DataFrame) -> dict[str, Any]:
    """A table of the limits that are used most, those that failed first, with a bar of ten for the hard level."""
    order = np.lexsort((-limit_usage["utilisation"].fillna(np.inf), limit_usage["status"] != "failed"))
    worst = limit_usage.iloc[order].head(3 * MOST)
    tenths = (worst["utilisation"].fillna(0).clip(0, 1) * 10).round().astype(int)
    shown = worst[["book", "limit", "measure", "dimension", "bucket", "value", "threshold", "headroom", "status"]]
    return {"headroom": table(shown.assign(used=["▮" * n + "▯" * (10 - n) for n in tenths], reason=worst["reason"]))}


def _drawn(frame: pd.DataFrame, draw: Callable[[str, pd.DataFrame], str]) -> dict[str, Any]:
    return {f"plot {book}": _picture(str(draw(book, rows))) for book, rows in _books(frame)}


def _books(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each of the first books, by session."""
    first = sorted(set(frame["book"]))[:MOST]
    for book, rows in frame[frame["book"].isin(first)].groupby("book"):
        yield str(book), rows.set_index("business_date").sort_index(kind="stable")


def _growth(book: str, rows: pd.DataFrame) -> str:
    ours = rows["cumulative_return"].to_numpy(np.float64)
    theirs, first = benchmark_line(ours, rows["benchmark_return"].to_numpy(np.float64))
    lines = [Line("Book", ours)]
    if first is not None:
        lines.append(Line("Benchmark", theirs, "other"))
    return str(charts.line(f"growth-{book}", f"{book}: return since inception", _days(rows), lines, "percent"))


def _losses(book: str, rows: pd.DataFrame, totals: "pd.Series[float]") -> str:
    gained = totals.get(book, pd.Series(dtype="float64")).reindex(rows.index).to_numpy(np.float64)
    limit = ("99 % VaR", rows["var"].shift(1).to_numpy(np.float64))
    return str(charts.losses(f"var-{book}", f"{book}: P&L and value at risk", _days(rows), gained, [limit], ""))


def _days(rows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    return rows.index.to_numpy().astype("datetime64[D]")


def _picture(svg: str) -> dg.MarkdownMetadataValue:
    """An SVG chart as a Markdown image, with the style that the pack gives it, a size of its own and a margin.

    A picture cuts off what a page lets overflow, such as the label of a line in a wider font than expected.
    """
    box = _BOX.search(svg)
    if box is None:
        raise ValueError("a chart without viewBox")
    width, height = charts.WIDTH + 2 * MARGIN, float(box[1])
    size = f'xmlns="http://www.w3.org/2000/svg" width="{SCALE * width:.0f}" height="{SCALE * height:.0f}"'
    whole = svg.replace(box[0], f'{size} viewBox="{-MARGIN:.0f} 0 {width:.0f} {height:.0f}"', 1)
    at = whole.index(">") + 1
    styled = f"{whole[:at]}<style>{_style()}</style>{whole[at:]}"
    return dg.MetadataValue.md(f"![plot](data:image/svg+xml;base64,{base64.b64encode(styled.encode()).decode()})")


@cache
def _style() -> str:
    """The charts' rules, without the one that fits a chart into a page; a picture has no page to take a font from."""
    rules = (resources.files("daybook.pack") / "templates" / "charts.css").read_text(encoding="utf-8")
    return rules + ".chart{width:auto;font-family:system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif}"
