"""What could be lost, where it comes from, and how close to the limits that is.

Belongs here: the sections value at risk, components, stress, exposures, limits. Does not belong here: the measures.
"""

import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray

from daybook.pack import charts, figures, grids
from daybook.pack.blocks import Block, Chart, Section, Side, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.money import book_column, counted, instruments

Floats = NDArray[np.float64]

_VAR = (
    "VaR at confidence c over S scenarios = minus the k-th smallest P&L, k = ⌈S(1 − c)⌉; ES = minus the mean of the k"
    " smallest. Positive is a loss; base currency; positions at the close of the date. VaR of one session is tested"
    " against the P&L of the next: clean = price + FX + income, actual = with trading and fees."
)
_COMPONENTS = (
    "Component = minus the position's P&L in the scenario that is the VaR, so the components add up to VaR; marginal ="
    " component / value; incremental = VaR − VaR without the position. A negative component lowers the risk."
)
_STRESS = "P&L of today's positions if the scenario happened at once, in base currency and as a share of NAV."
_EXPOSURES = (
    "Long ≥ 0, short ≤ 0, gross = long − short, net = long + short, at the closing price and FX, in base currency and"
    " as a share of NAV. Cash counts in the dimensions currency and asset class."
)
_LIMITS = "Utilisation = value / hard level; the line in the bar is 100 %. A limit that cannot be evaluated has failed."
_METHODS = ("historical", "parametric", "filtered", "age_weighted", "monte_carlo")
_TESTED = 250
_MOST_CHARTS = 12
_MOST_COMPONENTS = 20
_MOST_BARS = 12
_MOST_LIMITS = 40
_MOST_BUCKETS = 10
_DIMENSIONS = ("asset_class", "sector", "country", "currency", "issuer")
_URGENCY = {"failed": 0, "breach": 1, "warning": 2, "pass": 3}


def var_firm(day: Day) -> Section:
    """VaR of every book and its record; no sum, for books in several currencies diversify each other."""
    blocks = _var_tables(day, None, [])
    pictures = [p for n, book in enumerate(day.names[:_MOST_CHARTS]) for p in _var_chart(day, book, f"var-{n}", book)]
    if pictures:
        blocks.append(Side(pictures))
    if len(day.names) > 1:
        blocks.append(Words("VaR is not added up over books: the sum would ignore that they offset each other."))
    return Section("var", "Value at risk", _VAR, blocks)


def var_book(day: Day, book: str) -> Section:
    """VaR of one book, its record, and each session's P&L against it."""
    pictures = _var_chart(day, book, "var", "")
    return Section("var", "Value at risk", _VAR, _var_tables(day, book, pictures))


def components(day: Day, book: str | None) -> Section:
    """Where VaR comes from: the largest components of a book, or the largest three of each book."""
    rows = _main(day.rows("var_components", book))
    if not len(rows):
        return Section("components", "Components of VaR", _COMPONENTS, [Words("No components have been computed.")])
    var = _main(day.rows("var", book)).drop_duplicates("book").set_index("book")["var"]
    rows = rows.iloc[np.argsort(-rows["component"].abs().fillna(0).to_numpy(), kind="stable")]
    if book is None:
        rows = rows.groupby("book", sort=True).head(3).sort_values("book", kind="stable")
    share = rows["component"].to_numpy(np.float64) / rows["book"].map(var).replace(0, np.nan).to_numpy(np.float64)
    currency = "base currency" if book is None else day.currencies.get(book, "")
    total = float(rows["component"].sum()) if book else None
    confidence = figures.confidence(float(rows["confidence"].iloc[0]))
    table = grid(
        "Largest components of each book" if book is None else "Components, largest first",
        [
            *book_column(rows, book),
            Column("Instrument", instruments(day, rows["instrument"]), "markup", total="Sum" if book else None),
            Column("Component", rows["component"], "whole_change", currency, total=total),
            Column("Share", share, "percent", f"of VaR {confidence}", "VaR is zero or not known"),
            Column("Marginal", rows["marginal"], "ratio", "per unit of value", "the position has no value"),
            Column("Incremental", rows["incremental"], "whole_change", currency),
        ],
        limit=0 if book is None else _MOST_COMPONENTS,
        more="The sum is over all.",
        dense=book is not None,
    )
    blocks: list[Block] = [table]
    if book:
        blocks = [_components_add_up(total or 0.0, figures.number(var.get(book)), currency)]
        top = rows.head(_MOST_BARS).sort_values("component", ascending=False)
        title = f"What VaR {confidence} is made of"
        labels = [day.instrument_names.get(code, code) for code in top["instrument"]]
        svg = charts.bars("components", title, labels, {"Component": _floats(top, "component")}, "money", currency)
        blocks.append(Side([table, Chart(svg, title, f"{currency}; to the left: lowers the risk.")]))
    return Section("components", "Components of VaR", _COMPONENTS, blocks)


def stress(day: Day, book: str | None) -> Section:
    """P&L under the stress scenarios."""
    rows = day.rows("stress", book).sort_values(["book", "scenario"], kind="stable")
    if not len(rows):
        return Section("stress", "Stress", _STRESS, [Words("No stress scenario has been computed.")])
    missing = "the scenario could not be computed, see the reason"
    currency = "base currency" if book is None else day.currencies.get(book, "")
    table = grid(
        "Stress scenarios",
        [
            *book_column(rows, book),
            Column("Scenario", rows["scenario"]),
            Column("P&L", rows["pnl"], "whole_change", currency, missing),
            *([Column("", [day.currencies.get(b, "") for b in rows["book"]])] if book is None else []),
            Column("P&L", rows["pnl_fraction"], "percent_change", "of NAV", missing),
            Column("Coverage", rows["coverage"], "percent", "of gross value", missing),
            Column("Reason", rows["reason"], optional=True),
        ],
    )
    pictures = [
        Chart(_stress_bars(f"stress-{n}", str(title), part, book), figures.words(title), "% of NAV.")
        for n, (title, part) in enumerate(_stress_pictures(rows, book))
    ]
    if book and pictures:
        return Section("stress", "Stress", _STRESS, [Side([table, *pictures])])
    return Section("stress", "Stress", _STRESS, [table, *([Side(pictures)] if pictures else [])])


def exposures_firm(day: Day) -> Section:
    """Long, short, gross and net of every book, and net by sector side by side."""
    rows = day.rows("exposures")
    if not len(rows):
        return _no_exposures()
    held = rows[rows["dimension"] == "instrument"]
    money = held.groupby(held["book"].astype("object"))[
        ["long", "short", "gross", "net", "gross_fraction", "net_fraction"]
    ]
    total = money.sum(min_count=1)
    table = grid(
        "Exposure by book, without cash",
        [
            Column("Book", total.index),
            Column("", [day.currencies.get(str(book), "") for book in total.index]),
            *(Column(n.capitalize(), total[n], "whole", "base currency") for n in ("long", "short", "gross", "net")),
            *(
                Column(n.capitalize(), total[f"{n}_fraction"], "percent", "of NAV", "NAV is not positive or not known")
                for n in ("gross", "net")
            ),
        ],
    )
    return Section("exposures", "Exposures", _EXPOSURES, [table, *_sector_matrix(rows)])


def exposures_book(day: Day, book: str) -> Section:
    """Exposure of one book by each dimension."""
    rows = day.rows("exposures", book)
    rows = rows[rows["dimension"].isin(_DIMENSIONS)]
    if not len(rows):
        return _no_exposures()
    currency = day.currencies.get(book, "")
    blocks: list[Block] = []
    pictures, tables = [], []
    for dimension in _DIMENSIONS:
        part = rows[rows["dimension"] == dimension].sort_values("gross", ascending=False, kind="stable")
        if not len(part):
            continue
        word = dimension.replace("_", " ")
        tables.append(_exposure_table(part, word, currency))
        if dimension in ("sector", "currency"):
            title = f"Exposure by {word}, share of NAV"
            shown = part[np.isfinite(part["net_fraction"])].head(_MOST_BARS)
            if len(shown):
                pictures.append(Chart(_exposure_bars(f"exposure-{dimension}", title, shown), title, "% of NAV."))
    if pictures:
        blocks.append(Side(pictures))
    return Section("exposures", "Exposures", _EXPOSURES, [*blocks, *tables])


def limits(day: Day, book: str | None) -> Section:
    """Every limit with what is used of it, the worst first."""
    rows = day.rows("limit_usage", book)
    if not len(rows):
        if len(day.limits):
            said = "Limits are declared, but not one was evaluated on this date: that is a failure, not a pass."
            return Section("limits", "Limits", _LIMITS, [Words(said, "bad")])
        return Section("limits", "Limits", _LIMITS, [Words("The firm has declared no limits.")])
    order = np.lexsort((-rows["utilisation"].fillna(0).to_numpy(np.float64), rows["status"].map(_URGENCY).fillna(0)))
    rows = rows.iloc[order]
    units = measured(day, rows, declared(rows, day.limits, "limit", "basis"))
    meters = [
        charts.meter(figures.number(u), grids.tone_of(s))
        for u, s in zip(rows["utilisation"], rows["status"], strict=True)
    ]
    table = grid(
        "Limits, worst first",
        [
            *book_column(rows, book),
            Column("Limit", rows["limit"]),
            Column("Measure", declared(rows, day.limits, "limit", "measure"), optional=True),
            Column("Dimension", rows["dimension"].str.replace("_", " "), optional=True),
            Column("Bucket", rows["bucket"], optional=True),
            Column("Value", [level(v, u) for v, u in zip(rows["value"], units, strict=True)], "amount"),
            Column("Hard level", [level(v, u) for v, u in zip(rows["threshold"], units, strict=True)], "amount"),
            Column("Utilisation", rows["utilisation"], "percent", "of hard level", "not evaluated, see the reason"),
            Column("", meters, "markup"),
            Column("Status", rows["status"], "status"),
            Column("Reason", rows["reason"], optional=True),
            Column("Owner", declared(rows, day.limits, "limit", "owner"), optional=True),
        ],
        limit=_MOST_LIMITS,
        more=f"All: daybook show limit_usage --date {figures.day(day.business_date)}",
    )
    return Section("limits", "Limits", _LIMITS, [tally(rows, "limit"), table, *_breaches(day, book)])


def _breaches(day: Day, book: str | None) -> list[Block]:
    """Breaches that stand, with whoever has answered them."""
    rows = day.breaches if book is None else day.breaches[day.breaches["book"] == book]
    if not len(rows):
        return []
    due = ["" if pd.isna(at) else f"{at:%Y-%m-%d %H:%M} UTC" for at in rows["due_at"]]
    table = grid(
        "Breaches that stand",
        [
            *book_column(rows, book),
            Column("Breach", rows["breach_id"]),
            Column("Limit", rows["limit"]),
            Column("Bucket", rows["bucket"], optional=True),
            Column("Since", [figures.day(at) for at in rows["business_date"]]),
            Column("Reached", rows["reached"]),
            Column("Status", rows["status"]),
            Column("Answer due", due, optional=True),
            Column("Acknowledged by", rows["acknowledged_by"], optional=True),
            Column("Comment", rows["comment"], optional=True),
        ],
        notes=["Answer with: daybook limits acknowledge BREACH --comment TEXT"],
    )
    return [table]


def measured(day: Day, rows: pd.DataFrame, basis: list[str]) -> list[str]:
    """Unit of each row's value: base currency for basis money, fraction for another, empty where none is declared."""
    return [
        day.currencies.get(book, "base currency") if on == "money" else "fraction" if on else ""
        for on, book in zip(basis, rows["book"], strict=True)
    ]


def level(value: float, unit: str) -> str:
    """A level with its unit beside it."""
    number = figures.number(value)
    if unit == "fraction":
        return figures.percent(number)
    if not np.isfinite(number):
        return figures.DASH
    return f"{figures.whole(number)} {figures.words(unit)}" if unit else figures.quantity(round(number, 6))


def _var_tables(day: Day, book: str | None, pictures: list[Chart]) -> list[Block]:
    rows = day.rows("var", book).sort_values(["book", "method", "horizon_days", "confidence"], kind="stable")
    if not len(rows):
        return [Words("VaR has not been computed for this date.", "care")]
    currency = "base currency" if book is None else day.currencies.get(book, "")
    missing = "too few scenarios, see the status"
    ahead = sorted(set(rows["horizon_days"]))
    one = counted(ahead[0], "session") + " ahead" if len(ahead) == 1 else ""
    one_method = rows["method"].nunique() == 1
    known = [figures.words(rows["method"].iloc[0])] if one_method else []
    known += [one] if one else []
    table = grid(
        ", ".join(["Value at risk and expected shortfall", *known]),
        [
            *book_column(rows, book),
            *([] if one_method else [Column("Method", rows["method"])]),
            *([] if one else [Column("Ahead", rows["horizon_days"], "count", "sessions")]),
            Column("Confidence", rows["confidence"], "confidence"),
            Column("VaR", rows["var"], "whole", currency, missing),
            Column("VaR", rows["nav_fraction"], "percent", "of NAV", missing),
            Column("ES", rows["es"], "whole", currency, missing),
            *([Column("", [day.currencies.get(b, "") for b in rows["book"]])] if book is None else []),
            Column("Scenarios", rows["scenarios"], "count", ""),
            Column("Coverage", rows["coverage"], "percent", "of gross value", "nothing is held"),
            Column("Status", rows["status"].mask(rows["status"] == "ok", ""), optional=True),
        ],
        notes=[
            f"Convention: {words}."
            for words in dict.fromkeys(figures.words(c).rstrip(".") for c in rows["convention"])
            if words
        ],
        dense=True,
    )
    return [Side([table, *pictures]) if pictures else table, *_backtests(day, book)]


def _backtests(day: Day, book: str | None) -> list[Block]:
    rows = day.rows("var_backtest", book).sort_values(["book", "method", "confidence", "pnl_basis"], kind="stable")
    if not len(rows):
        return [Words("VaR has not been back-tested: there is no session yet whose P&L can be compared.")]
    missing = "too few sessions, see the status"
    expected = rows["observations"] * (1 - rows["confidence"])
    return [
        grid(
            "Back-test of VaR",
            [
                *book_column(rows, book),
                Column("Method", rows["method"]),
                Column("Confidence", rows["confidence"], "confidence"),
                Column("P&L", rows["pnl_basis"]),
                Column("Sessions", rows["observations"], "count"),
                Column("Exceptions", rows["exceptions"], "count"),
                Column("Expected", expected.round(1), "quantity"),
                Column("Kupiec", rows["kupiec_lr"], "ratio", "LR", missing),
                Column("", rows["kupiec_p"], "ratio", "p", missing),
                Column("Christoffersen", rows["christoffersen_lr"], "ratio", "LR", missing),
                Column("", rows["christoffersen_p"], "ratio", "p", missing),
                Column("Zone", rows["zone"], "status"),
                Column("Status", rows["status"].mask(rows["status"] == "ok", ""), optional=True),
            ],
            notes=[
                "LR: likelihood ratio, chi-squared with 1 degree of freedom; p below 0.05 speaks against the model"
                " (Kupiec 1995: number of exceptions; Christoffersen 1998: their independence). Zone: Basel, last 250"
                " sessions."
            ],
            dense=True,
        )
    ]


def _var_chart(day: Day, book: str, key: str, label: str) -> list[Chart]:
    """The P&L of the last sessions against the VaR of the session before each."""
    var, pnl = day.past("var", book), day.past("pnl", book)
    if not len(var) or not len(pnl):
        return []
    var = var[(var["method"] == _method(var)) & (var["horizon_days"] == var["horizon_days"].min())]
    levels = sorted(set(var["confidence"]), reverse=True)[:2]
    dates = pnl["business_date"].to_numpy("datetime64[D]")[-_TESTED:]
    clean = pnl[["price_pnl", "fx_pnl", "income"]].sum(axis=1, skipna=False).to_numpy(np.float64)[-_TESTED:]
    sessions = pnl["business_date"].to_numpy("datetime64[D]")
    lines = [(f"−VaR {c * 100:g}%", _before(var[var["confidence"] == c], sessions)[-_TESTED:]) for c in levels]
    if not np.isfinite(clean).any() or not np.isfinite(lines[0][1]).any():
        return []
    currency = day.currencies.get(book, "")
    title = ("P&L against VaR" + (f", {figures.words(label)}" if label else "")) + f", last {len(dates)} sessions"
    hits = int((clean < -lines[0][1]).sum())
    note = f"{currency}; clean P&L of each session, VaR of the session before; {counted(hits, 'exception')} (▲)"
    note += f" at {levels[0] * 100:g}%."
    return [Chart(charts.losses(key, title, dates, clean, lines, currency), title, note)]


def _before(var: pd.DataFrame, sessions: NDArray[np.datetime64]) -> Floats:
    """For each session the VaR of the session before it."""
    known = pd.Series(_floats(var, "var"), index=var["business_date"].to_numpy("datetime64[D]"))
    known = known[~known.index.duplicated(keep="last")]
    return np.asarray(known.reindex(sessions).shift(1).to_numpy(np.float64))


def _main(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the main figure: the first method there is, the shortest horizon, the highest confidence."""
    if not len(rows):
        return rows
    rows = rows[(rows["method"] == _method(rows)) & (rows["horizon_days"] == rows["horizon_days"].min())]
    highest: pd.DataFrame = rows[rows["confidence"] == rows["confidence"].max()]
    return highest


def _method(rows: pd.DataFrame) -> str:
    there = set(rows["method"])
    return next((m for m in _METHODS if m in there), min(there))


def _components_add_up(total: float, var: float, currency: str) -> Words:
    if not np.isfinite(var):
        return Words("There is no VaR to compare the components with.", "care")
    said = f"components {figures.whole(total)} {currency}, VaR {figures.whole(var)} {currency}."
    if abs(total - var) < 0.5 + 1e-9 * abs(var):
        return Words(f"Adds up: {said}", "good")
    return Words(f"Does not add up: {said}", "bad")


def _sector_matrix(rows: pd.DataFrame) -> list[Grid]:
    """Net exposure by sector, one column per book."""
    part = rows[rows["dimension"] == "sector"]
    if not len(part):
        return []
    table = part.pivot_table(index="bucket", columns="book", values="net_fraction", aggfunc="sum", sort=True)
    shown = table.iloc[:, :_MOST_BARS]
    notes = [f"The first {_MOST_BARS} of {table.shape[1]} books."] if table.shape[1] > _MOST_BARS else []
    missing = "the book holds nothing in that sector"
    return [
        grid(
            "Net exposure by sector",
            [
                Column("Sector", shown.index),
                *(Column(figures.words(book), shown[book], "percent", "of NAV", missing) for book in shown.columns),
            ],
            notes=notes,
        )
    ]


def _exposure_table(part: pd.DataFrame, word: str, currency: str) -> Grid:
    missing = "NAV is not positive or not known"
    return grid(
        f"Exposure by {word}",
        [
            Column(word.capitalize(), part["bucket"]),
            *(Column(n.capitalize(), part[n], "whole", currency) for n in ("long", "short", "gross", "net")),
            *(Column(n.capitalize(), part[f"{n}_fraction"], "percent", "of NAV", missing) for n in ("gross", "net")),
        ],
        limit=_MOST_BUCKETS if word == "issuer" else 30,
        more="The largest gross exposures.",
    )


def _exposure_bars(key: str, title: str, part: pd.DataFrame) -> Markup:
    """Long to the right, short to the left, net marked, as shares of NAV."""
    gross, net = _floats(part, "gross_fraction"), _floats(part, "net_fraction")
    parts = {"Long": (gross + net) / 2, "Short": (net - gross) / 2}
    return charts.bars(key, title, list(part["bucket"]), parts, "percent", total=net, total_name="Net")


def _stress_pictures(rows: pd.DataFrame, book: str | None) -> list[tuple[str, pd.DataFrame]]:
    """What to draw: the scenarios of a book in one chart, or the books of each scenario."""
    rows = rows[np.isfinite(rows["pnl_fraction"])]
    if book:
        return [("P&L under stress, share of NAV", rows.head(_MOST_BARS))] if len(rows) else []
    found = [(f"P&L under stress: {name}", part.head(_MOST_BARS)) for name, part in rows.groupby("scenario", sort=True)]
    return found[:_MOST_CHARTS]


def _stress_bars(key: str, title: str, rows: pd.DataFrame, book: str | None) -> Markup:
    labels = list(rows["scenario" if book else "book"])
    return charts.bars(key, title, labels, {"P&L": _floats(rows, "pnl_fraction")}, "percent")


def _no_exposures() -> Section:
    return Section("exposures", "Exposures", _EXPOSURES, [Words("No exposures have been computed for this date.")])


def declared(rows: pd.DataFrame, facts: pd.DataFrame, key: str, value: str) -> list[str]:
    """The ``value`` declared for the limit or rule that each row names: for the row's book, else for every book."""
    latest = facts.sort_values("valid_from", kind="stable")
    found = dict(zip(zip(latest[key], latest["book"], strict=True), latest[value], strict=True))
    names = zip(rows[key], rows["book"], strict=True)
    return [figures.words(found.get((name, book), found.get((name, ""), ""))) for name, book in names]


def tally(rows: pd.DataFrame, noun: str) -> Words:
    """How many failed, are breached, warn and pass."""
    found = rows["status"].value_counts()
    words = {
        "failed": "could not be evaluated",
        "breach": "breached",
        "warning": "at the warning level",
        "pass": "kept",
    }
    said = ", ".join(f"{int(found.get(s, 0))} {word}" for s, word in words.items() if found.get(s, 0))
    bad = found.get("failed", 0) or found.get("breach", 0)
    return Words(f"{noun.capitalize()} tests: {said}.", "bad" if bad else "care" if found.get("warning", 0) else "good")


def _floats(frame: pd.DataFrame, column: str) -> Floats:
    return np.asarray(frame[column].to_numpy(np.float64))
