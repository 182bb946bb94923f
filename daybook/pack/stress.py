"""What would happen if: stress scenarios, the positions that lose most in the worst, and the likeliest way to lose.

Belongs here: the section stress. Does not belong here: the scenarios and their mathematics.
"""

import numpy as np
import pandas as pd
from markupsafe import Markup

from daybook.pack import charts, figures
from daybook.pack.blocks import Block, Chart, Section, Side, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.money import instruments, listed

_STRESS = (
    "P&L of today's positions if the scenario happened at once. Replay: what happened then; shock: what somebody"
    " thought of. Own: value whose return in the scenario is its own; by proxy: by beta to the market or by a declared"
    " proxy; what has neither counts 0."
)
_REVERSE = (
    " Reverse stress: the most likely returns of the factors that lose so much; distance in standard deviations of a"
    " session; specific is a part of NAV; linear, so that options count by delta."
)
_TITLE = "Stress"
_MISSING = "the scenario could not be computed, see the reason"
_MOST_BARS = 16
_MOST_BOOKS = 12
_MOST_ROWS = 40
_WORST = 8


def firm(day: Day) -> Section:
    """The worst scenario of each book, and all scenarios with a column for each book."""
    rows = day.rows("stress")
    if not len(rows):
        return Section("stress", _TITLE, _STRESS, [Words("No stress scenario has been computed.")])
    known = rows[np.isfinite(rows["pnl"])].sort_values("pnl", kind="stable")
    worst = known.drop_duplicates("book").sort_values("book", kind="stable")
    positions = _worst_positions(day.rows("stress_components"), worst)
    by_book = grid(
        "Worst scenario of each book",
        [
            Column("Book", worst["book"]),
            Column("Scenario", _words(worst["scenario"])),
            Column("P&L", worst["pnl"], "whole_change", "base currency", _MISSING),
            Column("", [day.currencies.get(b, "") for b in worst["book"]]),
            Column("P&L", worst["pnl_fraction"], "percent_change", "of NAV", "no NAV above 0"),
            Column("Own", worst["coverage"], "percent", "of gross value", "nothing is held"),
            Column("By proxy", worst["proxy_coverage"], "percent", "of gross value", "nothing is held"),
            *([] if positions is None else [Column("Loses most", instruments(day, positions), "markup")]),
            Column("Reason", worst["reason"], optional=True),
        ],
        limit=_MOST_ROWS,
        more="All: daybook show stress",
        dense=True,
    )
    return Section("stress", _TITLE, _STRESS, [*_not_computed(rows), by_book, _matrix(rows)])


def book(day: Day, book: str) -> Section:
    """Every scenario of one book, the worst first, the positions behind the worst, and reverse stress."""
    rows = day.rows("stress", book)
    if not len(rows):
        return Section("stress", _TITLE, _STRESS, [Words("No stress scenario has been computed.")])
    rows = rows.iloc[np.argsort(rows["pnl"].fillna(-np.inf).to_numpy(), kind="stable")]
    currency = day.currencies.get(book, "")
    table = grid(
        "Scenarios, the worst first",
        [
            Column("Scenario", _words(rows["scenario"])),
            Column("Kind", rows["kind"], optional=True),
            Column("P&L", rows["pnl"], "whole_change", currency, _MISSING),
            Column("P&L", rows["pnl_fraction"], "percent_change", "of NAV", "no figure, or no NAV above 0"),
            Column("Own", rows["coverage"], "percent", "of gross value", _MISSING),
            Column("By proxy", rows["proxy_coverage"], "percent", "of gross value", _MISSING),
            Column("Reason", rows["reason"], optional=True),
        ],
        dense=True,
    )
    pictures = []
    drawn = rows[np.isfinite(rows["pnl_fraction"])]
    if len(drawn):
        title = "P&L under stress, share of NAV"
        pictures.append(Chart(tornado("stress", title, drawn), title, "% of NAV."))
    pictures += _behind(day, book, drawn, currency)
    blocks: list[Block] = [*_not_computed(rows), table]
    if pictures:
        blocks.append(Side(pictures))
    reverse = _reverse(day, book)
    return Section("stress", _TITLE, _STRESS + (_REVERSE if reverse else ""), [*blocks, *reverse])


def tornado(key: str, title: str, rows: pd.DataFrame) -> Markup:
    """The scenarios as bars of NAV, losses above gains; ``rows`` have a finite pnl_fraction."""
    shown = rows.iloc[np.argsort(-rows["pnl_fraction"].abs().to_numpy(), kind="stable")[:_MOST_BARS]]
    shown = shown.sort_values("pnl_fraction", kind="stable")
    parts = {"P&L": shown["pnl_fraction"].to_numpy(np.float64)}
    return charts.bars(key, title, _words(shown["scenario"]), parts, "percent")


def _not_computed(rows: pd.DataFrame) -> list[Words]:
    """The scenarios without a figure, by name and reason."""
    failed = rows[~np.isfinite(rows["pnl"])]
    if not len(failed):
        return []
    told = (failed["scenario"].str.replace("_", " ") + ": " + failed["reason"]).drop_duplicates()
    return [Words(f"Not computed: {listed(list(told))}.", "bad")]


def _matrix(rows: pd.DataFrame) -> Grid:
    """P&L as a part of NAV: a row for each scenario, the worst on the average first, a column for each book."""
    table = rows.pivot_table(index="scenario", columns="book", values="pnl_fraction", aggfunc="sum", dropna=False)
    blank = rows.pivot_table(index="scenario", columns="book", values="pnl_fraction", aggfunc="count", dropna=False)
    table = table.where(blank > 0)
    table = table.iloc[np.argsort(table.mean(axis=1).fillna(-np.inf).to_numpy(), kind="stable")]
    shown = table.iloc[:, :_MOST_BOOKS]
    notes = [f"The first {_MOST_BOOKS} of {table.shape[1]} books."] if table.shape[1] > _MOST_BOOKS else []
    columns = [Column(str(book), shown[book], "percent_change", "of NAV", "not computed") for book in shown.columns]
    return grid("Scenarios by book", [Column("Scenario", _words(shown.index)), *columns], notes=notes, dense=True)


def _worst_positions(parts: pd.DataFrame, worst: pd.DataFrame) -> "list[str] | None":
    """The position that loses most in the worst scenario of each book."""
    if not len(parts):
        return None
    key = ["book", "scenario"]
    losing = parts.sort_values("pnl", kind="stable").drop_duplicates(key).set_index(key)["instrument"]
    return [str(name) for name in losing.reindex(pd.MultiIndex.from_frame(worst[key])).fillna("")]


def _behind(day: Day, book: str, drawn: pd.DataFrame, currency: str) -> list[Chart]:
    """The positions that lose most in the worst scenario, and what their returns rest on."""
    parts = day.rows("stress_components", book)
    if not len(drawn) or not len(parts):
        return []
    name = str(drawn["scenario"].iloc[0])
    parts = parts[(parts["scenario"] == name) & np.isfinite(parts["pnl"])].sort_values("pnl", kind="stable")
    if not len(parts):
        return []
    rest = float(parts["pnl"].iloc[_WORST:].sum())
    top = parts.head(_WORST)
    labels = [day.called(code) for code in top["instrument"]]
    values = top["pnl"].to_numpy(np.float64)
    if len(parts) > _WORST:
        labels, values = [*labels, f"the other {len(parts) - _WORST}"], np.append(values, rest)
    rests_on = top["basis"].value_counts()
    on = "; ".join(f"{n} by {figures.words(basis)}" for basis, n in rests_on.items())
    title = f"What loses in the worst: {_words([name])[0]}"
    svg = charts.bars("stress-worst", title, labels, {"P&L": values}, "money", currency)
    return [
        Chart(svg, title, f"{currency}; the bars add up to the scenario. Returns of those named: {on}.".lstrip("; "))
    ]


def _reverse(day: Day, book: str) -> list[Block]:
    """The likeliest scenario for each loss: shocks side by side, with the part of the loss that each factor makes."""
    rows = day.rows("reverse_stress", book)
    if not len(rows):
        return []
    failed = rows[rows["reason"] != ""].drop_duplicates("reason")
    said: list[Block] = [Words(f"Reverse stress: {listed(list(failed['reason']))}.", "care")] if len(failed) else []
    rows = rows[np.isfinite(rows["shock"])]
    if not len(rows):
        return said
    losses = sorted(set(rows["loss_fraction"]))
    first = rows[rows["loss_fraction"] == losses[0]].sort_values("pnl", kind="stable")
    share = first["pnl"] / first["pnl"].sum()
    columns = [Column("Factor", _words(first["factor"])), Column("Part", share, "percent", "of the loss")]
    distances = []
    for loss in losses:
        part = rows[rows["loss_fraction"] == loss].set_index("factor").reindex(first["factor"])
        columns.append(Column(f"Loss of {loss * 100:g}%", part["shock"], "percent_change", "return"))
        distances.append(figures.decimal(figures.number(part["distance"].iloc[0]), 1))
    asked = ", ".join(f"{loss * 100:g}%" for loss in losses)
    note = f"A loss of {asked} of NAV lies {', '.join(distances)} standard deviations of a session away."
    table = grid("The most likely scenario that loses so much", columns, notes=[note])
    return [*said, table]


def _words(names: "pd.Series | pd.Index | list[str]") -> list[str]:
    return [figures.words(name).replace("_", " ") for name in names]
