"""What could be lost: value at risk of every book by every model, of groups of books, and why it changed.

Belongs here: the section value at risk. Does not belong here: where it comes from (``components``), its record
(``backtest``), and the measures themselves.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from daybook.pack import charts, figures, models
from daybook.pack.blocks import Block, Chart, Fold, Section, Side, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.money import book_column

_VAR = (
    "VaR at confidence c over S scenarios = minus the k-th smallest P&L, k = ⌈S(1 − c)⌉; ES = minus the mean of the k"
    " smallest; what other models do instead can be opened below. Positive is a loss; base currency; positions at"
    " the close of the date, which do not age. Of the benchmark: VaR of the same NAV held in the benchmark."
)
_GROUPS = (
    " Groups: P&L of the books added scenario by scenario, exchanged at the closing rate; diversification = 1 − VaR /"
    " sum of the books' VaR, and may be negative."
)
_EXPLAIN = (
    " Day over day: data = what was corrected since, model = models declared since, positions = what was traded,"
    " market = prices, rates and scenarios; the four add up to the change."
)
_TITLE = "Value at risk"
_MISSING = "no figure, see the status"
_UNSPLIT = "not split, see the status"
STEPS = {
    "data_effect": "Data",
    "model_effect": "Model",
    "position_effect": "Positions",
    "market_effect": "Market",
}
_GROUPINGS = ("firm", "entity", "manager", "strategy", "parent_book")
_MOST_BOOKS = 12
_MOST_ROWS = 40


def firm(day: Day) -> Section:
    """VaR of the firm and its groups, of every book by its main model, by every model, and why it changed."""
    rows = models.ordered(day.rows("var"))
    if not len(rows):
        return Section("var", _TITLE, _VAR, [Words("VaR has not been computed for this date.", "care")])
    shown = models.main_model(rows).sort_values(["book", "confidence"], kind="stable")
    keys = shown[["book"]].drop_duplicates()
    lead = [Column("Book", keys["book"]), Column("", [day.currencies.get(b, "") for b in keys["book"]])]
    one = models.named(models.main(shown))
    blocks: list[Block] = [_covered(shown), *_groups(day)]
    blocks.append(
        _by_confidence("VaR by book" + (f", {one.split(',')[0]}" if one else ""), shown, keys, lead, "base currency")
    )
    blocks += [*_by_model(day, rows), *_explained(day, None)]
    if len(day.names) > 1 and not len(day.rows("group_var")):
        blocks.append(Words("VaR of the books together has not been computed; it is not the sum of theirs.", "care"))
    return Section("var", _TITLE, _VAR + _GROUPS + _EXPLAIN, [*blocks, _conventions(rows)])


def book(day: Day, book: str) -> Section:
    """VaR of one book by every model, and why it changed."""
    rows = models.ordered(day.rows("var", book))
    if not len(rows):
        return Section("var", _TITLE, _VAR, [Words("VaR has not been computed for this date.", "care")])
    keys = rows[["method", "horizon_days"]].drop_duplicates()
    table = _by_confidence(
        "VaR and expected shortfall by model, the main one first",
        rows,
        keys,
        [Column("Model", models.labels(keys))],
        day.currencies.get(book, ""),
    )
    blocks = [_covered(rows), table, *_explained(day, book), _conventions(rows)]
    return Section("var", _TITLE, _VAR + _EXPLAIN, blocks)


def _by_confidence(caption: str, rows: pd.DataFrame, keys: pd.DataFrame, lead: Sequence[Column], currency: str) -> Grid:
    """One row for each of ``keys``, VaR and ES of each confidence side by side."""
    by = list(keys.columns)
    index = pd.MultiIndex.from_frame(keys) if len(by) > 1 else pd.Index(keys[by[0]])
    levels = sorted(set(rows["confidence"]))
    found = {c: rows[rows["confidence"] == c].set_index(by).reindex(index) for c in levels}
    top = found[levels[-1]]
    status = rows.groupby([rows[name].astype("object") for name in by], sort=False)["status"]
    said = status.agg(lambda words: "; ".join(dict.fromkeys(w for w in words if w != "ok"))).reindex(index)
    percent = figures.confidence(levels[-1])
    columns = list(lead)
    for c in levels:
        columns.append(Column(f"VaR {figures.confidence(c)}", found[c]["var"], "whole", currency, _MISSING))
        columns.append(Column(f"ES {figures.confidence(c)}", found[c]["es"], "whole", currency, _MISSING))
    columns.append(Column(f"VaR {percent}", top["nav_fraction"], "percent", "of NAV", "no figure, or no NAV above 0"))
    if np.isfinite(top["benchmark_var"]).any():
        missing = "no benchmark, or too little of it has returns"
        columns.append(Column(f"VaR {percent}", top["benchmark_var"], "whole", "of the benchmark", missing))
    columns.append(Column("Scenarios", top["scenarios"], "count"))
    columns.append(Column("Status", said, optional=True))
    return grid(caption, columns, limit=_MOST_ROWS, more="All: daybook show var", dense=True)


def _covered(rows: pd.DataFrame) -> Words:
    """How much of the value has a history of its own, by proxy, and none."""
    rows = rows.assign(proxy_coverage=rows["proxy_coverage"].fillna(0.0))
    by = "book" if rows["book"].nunique() > 1 else "method"
    firsts = rows.drop_duplicates([by, "coverage", "proxy_coverage"])
    known = firsts[np.isfinite(firsts["coverage"])]
    if not len(known):
        return Words("No history counts: nothing is held, or there is no figure.", "plain")
    without = 1.0 - known["coverage"] - known["proxy_coverage"]
    tone = "care" if (without > 5e-5).any() else "good" if (known["coverage"] > 1 - 5e-5).all() else "plain"
    if len(known[["coverage", "proxy_coverage"]].drop_duplicates()) == 1:
        return Words(f"{_shares(known.iloc[0])}{' in every book' if by == 'book' else ''}.", tone)
    worst = known.iloc[np.argsort(known["coverage"].to_numpy(), kind="stable")]
    parts = [f"{models.word(row[by]) if by == 'method' else row[by]}: {_shares(row)}" for _, row in worst.iterrows()]
    return Words("; ".join(parts[:_MOST_BOOKS]) + ("." if len(parts) <= _MOST_BOOKS else "; and others."), tone)


def _shares(row: "pd.Series[float]") -> str:
    own, proxy = float(row["coverage"]), float(row["proxy_coverage"])
    said = f"{own * 100:.1f} % of value on own history"
    if own > 1 - 5e-5:
        return said
    return f"{said}, {proxy * 100:.1f} % by proxy, {max(0.0, 1 - own - proxy) * 100:.1f} % without"


def _by_model(day: Day, rows: pd.DataFrame) -> list[Grid]:
    """VaR of every model as a part of NAV, a column for each book and one for the firm."""
    highest = rows[rows["confidence"] == rows["confidence"].max()]
    keys = highest[["method", "horizon_days"]].drop_duplicates()
    if len(keys) < 2:
        return []
    index = pd.MultiIndex.from_frame(keys)
    books = sorted(set(highest["book"]))
    whole = day.rows("group_var")
    whole = whole[(whole["grouping"] == "firm") & (whole["confidence"] == highest["confidence"].max())]
    whole = whole.set_index(["method", "horizon_days"]).reindex(index)
    of_nav = whole["var"] / whole["nav"].where(whole["nav"] > 0)
    shown = [
        Column(name, highest[highest["book"] == name].set_index(list(keys.columns)).reindex(index)["nav_fraction"],
               "percent", "of NAV", "no figure, or no NAV above 0")
        for name in books[:_MOST_BOOKS]
    ]  # fmt: skip
    firm = [Column("Firm", of_nav, "percent", "of NAV", "not computed")] if np.isfinite(of_nav).any() else []
    notes = [f"The first {_MOST_BOOKS} of {len(books)} books."] if len(books) > _MOST_BOOKS else []
    caption = f"VaR {figures.confidence(highest['confidence'].max())} by every model"
    return [grid(caption, [Column("Model", models.labels(keys)), *firm, *shown], notes=notes, dense=True)]


def _groups(day: Day) -> list[Block]:
    """VaR of the firm and of every group of several books, with what each book adds to that of the firm."""
    by = ("grouping", "member")
    rows = models.main(day.rows("group_var"), by)
    parts = models.main(day.rows("group_var_components"), by)
    if not len(rows):
        return []
    members = parts.groupby(["grouping", "member"])["book"].apply(lambda names: tuple(sorted(names)))
    order = rows["grouping"].map({name: n for n, name in enumerate(_GROUPINGS)}).fillna(len(_GROUPINGS))
    rows = rows.assign(_order=order).sort_values(["_order", "member"], kind="stable")
    called: dict[tuple[str, ...], list[str]] = {}
    kept = []
    for n, (grouping, member, status) in enumerate(zip(rows["grouping"], rows["member"], rows["status"], strict=True)):
        books = members.get((grouping, member), ())
        name = "Firm" if grouping == "firm" else f"{figures.words(grouping).replace('_', ' ')} {figures.words(member)}"
        if books in called:
            called[books].append(name)
        elif len(books) > 1 or grouping == "firm" or status != "ok":
            called[books] = [name]
            kept.append(n)
    rows = rows.iloc[kept]
    what = models.named(rows)
    table = grid(
        "VaR of books together" + (f", {what}" if what else ""),
        [
            Column("Group", ["; ".join(names) for names in called.values()]),
            Column("Books", [len(books) for books in called], "count"),
            Column("VaR", rows["var"], "whole", "", _MISSING),
            Column("", rows["currency"]),
            Column("VaR", rows["var"] / rows["nav"].where(rows["nav"] > 0), "percent", "of NAV", "no NAV above 0"),
            Column("ES", rows["es"], "whole", "", _MISSING),
            Column("Sum of the books", rows["undiversified"], "whole", "VaR of each", _MISSING),
            Column("Diversification", rows["diversification"], "percent", "of the sum", "the sum is not above 0"),
            Column("Coverage", rows["coverage"], "percent", "own history", "nothing is held"),
            Column("Status", models.said(rows["status"]), optional=True),
        ],
        limit=_MOST_ROWS,
        more="All: daybook show group_var",
        notes=["Groups of one book alone, and groups of the same books, are not repeated."],
        dense=True,
    )
    return [table, *_of_the_firm(parts[parts["grouping"] == "firm"], rows)]


def _of_the_firm(parts: pd.DataFrame, rows: pd.DataFrame) -> list[Side]:
    """What each book adds to the VaR of the firm."""
    whole = rows[rows["grouping"] == "firm"]
    parts = parts.sort_values("component", ascending=False, kind="stable")
    if len(parts) < 2 or not len(whole):
        return []
    var, currency = figures.number(whole["var"].iloc[0]), str(whole["currency"].iloc[0])
    share = parts["component"] / (var if var else np.nan)
    table = grid(
        "What each book adds to VaR of the firm",
        [
            Column("Book", parts["book"], total="Sum"),
            Column("Component", parts["component"], "whole_change", currency, total=float(parts["component"].sum())),
            Column("Share", share, "percent", "of VaR", "VaR is zero or not known"),
            Column("Incremental", parts["incremental"], "whole_change", currency),
        ],
        limit=_MOST_ROWS,
        more="The sum is over all.",
    )
    top = parts[np.isfinite(parts["component"])].head(_MOST_BOOKS)
    if not len(top):
        return [Side([table])]
    title = "VaR of the firm by book"
    svg = charts.bars(
        "var-firm", title, list(top["book"]), {"Component": top["component"].to_numpy(np.float64)}, "money", currency
    )
    return [Side([table, Chart(svg, title, f"{currency}; components add up to VaR of the firm.")])]


def _explained(day: Day, book: str | None) -> list[Block]:
    """Why VaR is not what it was: a picture of the main figure of a book, or a line for each book."""
    rows = models.ordered(day.rows("var_explain", book))
    if not len(rows):
        return []
    shown = models.main(rows).sort_values("book", kind="stable") if book is None else models.main_model(rows)
    currency = "base currency" if book is None else day.currencies.get(book, "")
    what = models.named(shown) or models.labels(shown)[0]
    table = _steps_table(f"VaR day over day, {what}", shown, currency, book)
    if book is None:
        return [table]
    others = rows.drop(index=shown.index)
    fold = [Fold("Day over day by other models", [_steps_table("VaR day over day", others, currency, book)])]
    picture = _waterfall(models.main(rows).iloc[0], currency)
    return [Side([table, *picture]), *(fold if len(others) else [])]


def steps(row: "pd.Series[float]") -> list[tuple[str, float]]:
    """What led from VaR of the session before to today's, by name; none where it could not be split."""
    found = [(label, figures.number(row[name])) for name, label in STEPS.items()]
    return found if np.isfinite([value for _, value in found]).all() else []


def _waterfall(row: "pd.Series[float]", currency: str) -> list[Chart]:
    found = steps(row)
    if not found:
        return []
    title = f"Why VaR {figures.confidence(float(row['confidence']))} changed"
    ends = [figures.whole(figures.number(row[name])) for name in ("opening_var", "closing_var")]
    note = f"{currency}; from {ends[0]} to {ends[1]}; the axis starts at the opening VaR."
    return [Chart(charts.waterfall("explain", title, found, currency), title, note.lstrip("; "))]


def _steps_table(caption: str, rows: pd.DataFrame, currency: str, book: str | None) -> Grid:
    status = models.said(rows["status"])
    same = status.nunique() == 1 and bool(status.iloc[0])
    return grid(
        caption,
        [
            *book_column(rows, book),
            *([Column("Model", models.labels(rows))] if rows["method"].nunique() > 1 else []),
            *([Column("Confidence", rows["confidence"], "confidence")] if book else []),
            Column("Before", rows["opening_var"], "whole", currency, "no figure on the session before"),
            *(Column(label, rows[name], "whole_change", "", _UNSPLIT) for name, label in STEPS.items()),
            Column("Change", rows["closing_var"] - rows["opening_var"], "whole_change", "", "one end has no figure"),
            Column("Status", [] if same else status, optional=True),
        ],
        limit=_MOST_ROWS,
        more="All: daybook show var_explain",
        notes=[f"In every row: {status.iloc[0]}."] if same else [],
        dense=True,
    )


def _conventions(rows: pd.DataFrame) -> Fold:
    """How each model is computed, in the words of its rows."""
    keys = rows[["method", "horizon_days", "convention"]].drop_duplicates()
    table = grid(
        "How each model is computed",
        [Column("Model", models.labels(keys)), Column("Convention", keys["convention"])],
        limit=_MOST_ROWS,
        more="All: daybook show var",
    )
    return Fold("How each model is computed", [table])
