"""Why the books differ from their benchmarks: effects by sector, over the day and longer, down to the names, in money.

Belongs here: the sections attribution. Does not belong here: effects by currency and factor (``sources``), what each
name added (``contributions``), active risk (``active_risk``), the effects themselves (``daybook.attribution``).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup

from daybook.pack import charts, effects, figures, periods
from daybook.pack.blocks import Block, Chart, Fold, Section, Side, Tree, Words
from daybook.pack.day import Day
from daybook.pack.effects import EFFECTS
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.money import listed
from daybook.pack.tree import levels, tree

_ATTRIBUTION = (
    "In basis points (bp) of opening NAV + inflows; one bp is a hundredth of a per cent. Allocation = (w_p − w_b)"
    "(r_b,s − r_b): being in the sectors that did well. Selection = w_b (r_p,s − r_b,s): holding the better names"
    " within them. Interaction = (w_p − w_b)(r_p,s − r_b,s): both together. Trades, fees: what they cost."
    " (w weight, r return, p book, b benchmark, s sector.) The effects add up to the active return. Longer periods link"
    " the sessions by the declared method, so that they add up as well."
)
_MONEY = "P&L in the base currency, by the sector of what earned it; cash bears the fees of the book."
_TITLE = "Attribution"
_WATERFALLS = ("day", "month", "year", "inception")
_OPEN = ("month", "inception")
_FIRM = ("month", "year", "inception")
BRINSON = ("brinson_fachler", "brinson_hood_beebower")
"""Methods that explain by segment, the first where both are there."""
_MOST_ROWS = 200
_CENT = 0.005


def firm(day: Day) -> Section:
    """The effects of each book, summed over segments, against its active return: of the day and linked."""
    rows = by_segment(day.rows("attribution"))
    if not len(rows):
        return Section("attribution", _TITLE, _ATTRIBUTION, _nothing(day, day.names))
    summed = rows.groupby(rows["book"].astype("object"))[_effects_of(rows)].sum()
    active = day.rows("performance").drop_duplicates("book", keep="last").set_index("book")["active_return"]
    rest = [book for book in day.names if book not in summed.index]
    without = [Words(said, tone) for said, tone in _unexplained(day, rest)]
    title = "Why the books differ from their benchmarks"
    used = effects.used(summed)
    parts = {EFFECTS[name]: summed[name].to_numpy(np.float64) * 1e4 for name in used}
    svg = charts.bars("effects", title, list(summed.index), parts, "bp", total=_bp(summed["total"]))
    chart = Chart(svg, title, "bp of opening NAV + inflows, this date only.")
    today = _by_book("Effects by book, this date", summed, active.reindex(summed.index))
    return Section("attribution", _TITLE, _ATTRIBUTION, [*without, today, Side([chart]), *_linked_by_book(day)])


def book(day: Day, book: str) -> Section:
    """The effects of one book by segment, as a waterfall, over the day and linked, by name and in money."""
    rows = by_segment(day.rows("attribution", book))
    linked = _linked(day, book)
    if not len(rows) and not np.isfinite(linked["total"]).any() and (book not in day.benchmarks or not len(linked)):
        return Section("attribution", _TITLE, _MONEY, [*_nothing(day, [book]), *_money(day, book)])
    blocks: list[Block] = []
    if len(rows):
        active = day.rows("performance", book)["active_return"]
        active_return = figures.number(active.iloc[-1]) if len(active) else np.nan
        blocks.append(effects.adds_up(effects.whole(rows["total"]), active_return, "this date"))
    else:
        blocks.append(Words("There is no attribution of this date alone.", "care"))
    said = periods.statuses(linked)
    drawn = _waterfalls(rows, linked)
    blocks += [Side(drawn)] if drawn else []
    if len(rows):
        rows = rows.sort_values("total", ascending=False, kind="stable")
        blocks += [_by_segment("Effects by sector, this date", rows, []), Side(_bars(rows, linked))]
    tables = _over_periods(linked)
    blocks += [table for period, table in tables.items() if period in _OPEN]
    blocks += [Words(text, "care") for text in said]
    folded = [table for period, table in tables.items() if period not in _OPEN]
    blocks += [Fold("Effects by sector over other periods", folded)] if folded else []
    trees = _trees(day, book, linked)
    blocks += [Fold("Down to every name", trees)] if trees else []
    blocks += [*_money(day, book), *_methods(day, book)]
    return Section("attribution", _TITLE, _ATTRIBUTION, blocks)


def by_segment(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the method by segment that each book has: Brinson-Fachler where it is there."""
    found = rows[rows["method"].isin(BRINSON)]
    first = found["method"] == BRINSON[0]
    return found[first | ~found["book"].isin(found.loc[first, "book"])]


def _linked(day: Day, book: str | None) -> pd.DataFrame:
    """Effects over periods by the declared linking, of every node; a period that could not be explained has one row."""
    every = day.rows("period_attribution", book)
    return periods.ordered(effects.declared(by_segment(every), every))


def _effects_of(rows: pd.DataFrame) -> list[str]:
    return [*(name for name in EFFECTS if name in rows.columns), "total"]


def _by_book(caption: str, rows: pd.DataFrame, active: "pd.Series[float]") -> Grid:
    """Effects of each book; ``rows`` by book."""
    used = effects.used(rows)
    return grid(
        caption,
        [
            Column("Book", rows.index),
            *(Column(EFFECTS[name], rows[name], "fraction_bp", "bp") for name in used),
            Column("Sum", rows["total"], "fraction_bp", "bp"),
            Column("Active return", active, "fraction_bp", "bp", "no benchmark return"),
            Column("Adds up", effects.verdicts(rows["total"], active), "status"),
        ],
        limit=_MOST_ROWS,
        more="All: daybook show attribution",
        dense=True,
    )


def _linked_by_book(day: Day) -> list[Grid]:
    """Effects of each book over the longer periods."""
    linked = _linked(day, None)
    whole = linked[(linked["node"] == "") & np.isfinite(linked["total"])]
    returns = day.rows("period_returns")
    found = []
    for period in periods.present(whole, _FIRM):
        rows = whole[whole["period"] == period].drop_duplicates("book").set_index("book").sort_index()
        active = returns[returns["period"] == period].drop_duplicates("book").set_index("book")["active_return"]
        found.append(_by_book(_titled("Effects by book", rows), rows, active.reindex(rows.index)))
    return found


def _titled(what: str, rows: pd.DataFrame) -> str:
    """A caption with the period and, where they are all linked alike, the method of linking."""
    how = rows["linking"].unique()
    by = f", linked by {effects.linking_word(how[0])}" if len(how) == 1 else ""
    return f"{what}, {figures.words(periods.name(rows['period'].iloc[0])).lower()}{by}"


def _waterfalls(rows: pd.DataFrame, linked: pd.DataFrame) -> list[Chart]:
    """How the effects lead to the active return: of the day, and of the longer periods."""
    summed = {"day": rows[_effects_of(rows)].sum(skipna=False)} if len(rows) else {}
    whole = linked[linked["node"] == ""].drop_duplicates("period").set_index("period")
    summed |= {period: whole.loc[period] for period in whole.index if period != "day"}
    found = []
    for period in _WATERFALLS:
        if period not in summed:
            continue
        title = f"Active return by effect, {periods.name(period).lower()}"
        svg = picture(f"effects-{period}", title, summed[period])
        if svg is not None:
            found.append(Chart(svg, title, "bp; each bar starts where the last one ended."))
    return found


def picture(key: str, title: str, row: "pd.Series[float]") -> Markup | None:
    """The waterfall of the effects in ``row``, by name; those that not every method knows only where they are not 0."""
    frame = pd.DataFrame({name: [figures.number(row[name])] for name in EFFECTS if name in row.index})
    return effects.waterfall(key, title, frame[effects.used(frame)].iloc[0])


def _by_segment(caption: str, rows: pd.DataFrame, notes: Sequence[str]) -> Grid:
    """Weights, returns and effects of each segment; its name is in ``segment``."""
    used = effects.used(rows)
    return grid(
        caption,
        [
            Column("Sector", rows["segment"].map(figures.words), total="Sum"),
            *effects.weights(rows, rows[["portfolio_weight", "benchmark_weight"]].sum(skipna=False)),
            Column("Book", rows["portfolio_return"], "percent_change", "return", "not held at the opening"),
            Column("Benchmark", rows["benchmark_return"], "percent_change", "return", "not in the benchmark"),
            *effects.columns(rows, used),
        ],
        notes=notes,
        dense=True,
    )


def _bars(rows: pd.DataFrame, linked: pd.DataFrame) -> list[Chart]:
    """The effects of each segment, of the date and since inception."""
    title = "Active return by sector and effect, this date"
    found = [Chart(sectors("effects", title, rows), title, "bp of opening NAV + inflows.")]
    longest = linked[(linked["period"] == "inception") & (linked["depth"] == 1)].rename(columns={"node": "segment"})
    if len(longest):
        title = "Active return by sector and effect, since inception"
        longest = longest.sort_values("total", ascending=False, kind="stable")
        found.append(Chart(sectors("effects-linked", title, longest), title, "bp, linked."))
    return found


def sectors(key: str, title: str, rows: pd.DataFrame) -> Markup:
    """The effects of each segment, stacked, with their sum."""
    parts = {EFFECTS[name]: _bp(rows[name]) for name in effects.used(rows)}
    return charts.bars(key, title, list(rows["segment"]), parts, "bp", total=_bp(rows["total"]))


def _over_periods(linked: pd.DataFrame) -> dict[str, Grid]:
    """Effects by segment, a table for each period but the day."""
    found = {}
    for period in periods.present(linked, list(periods.NAMES)[1:]):
        rows = linked[(linked["period"] == period) & (linked["depth"] == 1)]
        if not len(rows):
            continue
        rows = rows.sort_values("total", ascending=False, kind="stable").assign(segment=rows["node"])
        note = "Weights are means of the opening weights of the sessions; returns are linked."
        found[period] = _by_segment(_titled("Effects by sector", rows), rows, [note])
    return found


def _trees(day: Day, book: str, linked: pd.DataFrame) -> list[Tree]:
    """The effects of every node down to the names: of the day, and since inception."""
    found = []
    nodes = by_segment(day.rows("attribution_nodes", book))
    if (nodes["depth"] > 1).any():
        found.append(_tree(day, f"Effects by {levels(nodes)}, this date", nodes))
    longest = linked[linked["period"] == "inception"]
    if (longest["depth"] > 1).any():
        found.append(_tree(day, _titled(f"Effects by {levels(longest)}", longest), longest))
    return found


def _tree(day: Day, caption: str, rows: pd.DataFrame) -> Tree:
    root = rows[rows["node"] == ""].iloc[:1]
    below = rows[rows["node"] != ""]
    below = below.iloc[np.argsort(-below["total"].fillna(0).to_numpy(), kind="stable")]
    whole = root.iloc[0] if len(root) else below[below["depth"] == 1][_effects_of(rows)].sum(skipna=False)
    names = [*effects.used(below), "total"]
    parts = [
        Column({**EFFECTS, "total": "Sum"}[name], below[name], "fraction_bp", "bp", total=figures.number(whole[name]))
        for name in names
    ]
    above = (
        ["From above: what the bets of the levels above it earned in this part."] if "allocation_above" in names else []
    )
    notes = [*above, "Selection has what the levels below decided."]
    return tree(day, caption, below, [*effects.weights(below, whole), *parts], notes=notes)


def _money(day: Day, book: str) -> list[Block]:
    """The same effects in money, beside the P&L of the books."""
    rows = day.rows("attribution_pnl", book)
    if not len(rows):
        return []
    currency = day.currencies.get(book, "")
    rows = rows.iloc[np.argsort(-rows["total"].abs().fillna(0).to_numpy(), kind="stable")]
    total, earned = effects.whole(rows["total"]), effects.whole(day.rows("pnl", book)["total"])
    said = f"sectors {figures.change(total)} {currency}, P&L of the book {figures.change(earned)} {currency}."
    if not np.isfinite(total - earned):
        word = Words("The effects in money cannot be compared with the P&L of the book.", "care")
    elif abs(total - earned) < _CENT:
        word = Words(f"Adds up to the cent: {said}", "good")
    else:
        word = Words(f"Does not add up: {said}", "bad")
    labels = {
        "passive_pnl": ("Benchmark", "at its return"),
        "allocation_pnl": ("Allocation", ""),
        "selection_pnl": ("Selection", ""),
        "interaction_pnl": ("Interaction", ""),
        "trading_pnl": ("Trading", ""),
        "fees": ("Fees", ""),
    }
    against = ("passive_pnl", "allocation_pnl", "interaction_pnl")
    if book not in day.benchmarks and not rows[list(against)].fillna(0).to_numpy().any():
        labels = {"selection_pnl": ("Holdings", ""), "trading_pnl": ("Trading", ""), "fees": ("Fees", "")}
    table = grid(
        "The P&L of this date by sector and effect" if "passive_pnl" in labels else "The P&L of this date by sector",
        [
            Column("Sector", rows["segment"].map(figures.words), total="Sum"),
            *(
                Column(label, rows[name], "change", unit or currency, total=effects.whole(rows[name]))
                for name, (label, unit) in labels.items()
            ),
            Column("P&L", rows["total"], "change", currency, total=total),
        ],
        dense=True,
    )
    return [word, table]


def _methods(day: Day, book: str) -> list[Fold]:
    """The same active return linked by every method, over the longest period."""
    rows = by_segment(day.rows("period_attribution", book))
    rows = periods.ordered(rows[(rows["node"] == "") & np.isfinite(rows["total"]) & (rows["period"] != "day")])
    if rows["linking"].nunique() < 2:
        return []
    rows = rows[rows["period"] == rows["period"].iloc[-1]].drop_duplicates("linking")
    table = grid(
        f"Effects by method of linking, {periods.name(rows['period'].iloc[0]).lower()}",
        [
            Column("Linking", [effects.linking_word(name) for name in rows["linking"]]),
            *(Column(EFFECTS[name], rows[name], "fraction_bp", "bp") for name in effects.used(rows)),
            Column("Sum", rows["total"], "fraction_bp", "bp"),
        ],
        notes=["Geometric effects compound, and so does their sum: (1 + book) / (1 + benchmark) − 1."],
    )
    return [Fold("By other methods of linking", [table])]


def _bp(values: pd.Series) -> effects.Floats:
    return np.asarray(values.to_numpy(np.float64) * 1e4)


def _nothing(day: Day, books: Sequence[str]) -> list[Block]:
    if any(book in day.benchmarks for book in books):
        return [Words(text, tone) for text, tone in _unexplained(day, books)]
    none = "No book has a benchmark" if len(books) != 1 else "The book has no benchmark"
    return [Words(f"{none}, so there is nothing to attribute.")]


def _unexplained(day: Day, books: Sequence[str]) -> list[tuple[str, str]]:
    """Why books have no attribution on the date, each reason with its tone."""
    without = [book for book in books if book not in day.benchmarks]
    others = [book for book in books if book in day.benchmarks]
    found = [(f"No benchmark, so nothing to attribute: {listed(without)}.", "plain")] if without else []
    said = f"No attribution on this date for {listed(others)}: no benchmark weights yet, or no return to explain."
    return [*found, (said, "care")] if others else found
