"""What the books are worth, how they got there, and where the custodian differs.

Belongs here: the sections NAV and P&L, holdings, breaks. Does not belong here: valuation and matching themselves.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup

from daybook.pack import charts, figures
from daybook.pack.blocks import Block, Chart, Figure, Figures, Section, Side, Words
from daybook.pack.bridge import STEPS
from daybook.pack.charts import Line
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid, named

_NAV = (
    "Trade date. NAV = market value + cash + accruals at the closing price and closing FX of the date, in the book's"
    " base currency. Price = opening quantity × change of price × closing FX; FX = opening value × change of FX;"
    " trading = traded quantity × (closing price − trade price); income net of withholding; flows are external"
    " money only."
)
_MOST_CHARTS = 12
_MOST_HOLDINGS = 40
_MOST_MOVERS = 6
_MOST_BREAKS = 40


def firm(day: Day, bridge: pd.DataFrame) -> Section:
    """NAV and P&L of all books: the bridge of each, with a sum for each base currency, and its picture."""
    if not len(bridge):
        return Section("nav", "NAV and P&L", _NAV, [Words("No book has a session on this date.")])
    blocks: list[Block] = [_adds_up(bridge), _bridge_by_book(bridge)]
    pictures = []
    for n, (currency, books) in enumerate(_by_currency(bridge)):
        title = f"From opening to closing NAV, {counted(len(books), 'book')} in {currency or 'an unknown currency'}"
        steps = [(label, float(books[step].sum())) for step, label in STEPS.items()]
        svg = charts.waterfall(f"bridge-{n}", title, steps, currency)
        pictures.append(Chart(svg, title, f"{currency}; the axis starts at the opening NAV."))
    if pictures:
        blocks.append(Side(pictures[:_MOST_CHARTS]))
    return Section("nav", "NAV and P&L", _NAV, [*blocks, *_two_ways(day, None)])


def book(day: Day, book: str, bridge: pd.DataFrame) -> Section:
    """NAV and P&L of one book: key figures, the bridge line by line, NAV over time, what moved it."""
    row = bridge.iloc[0]
    currency = str(row["currency"])
    blocks: list[Block] = [_key_figures(day, book, bridge), _adds_up(bridge)]
    if not row["reason"]:
        title = "From opening to closing NAV"
        steps = [(label, float(row[step])) for step, label in STEPS.items()]
        note = f"{currency}; the axis starts at the opening NAV."
        picture = Chart(charts.waterfall("bridge", title, steps, currency), title, note)
        blocks.append(Side([_bridge_down(bridge), picture]))
    pictures = [*_nav_chart(day, book, currency), *_movers(day, book, currency)]
    if pictures:
        blocks.append(Side(pictures))
    return Section("nav", "NAV and P&L", _NAV, [*blocks, *_two_ways(day, book)])


def holdings(day: Day, book: str) -> Section:
    """Every position and cash balance of the book that fits on a page, the largest first."""
    convention = (
        "Quantity on trade date, price and FX at the close; weight = value / NAV. Cash in a currency is the balance and"
        " the accruals in that currency at price 1."
    )
    rows = day.rows("valuations", book)
    if not len(rows):
        return Section("holdings", "Holdings", convention, [Words("The book holds nothing on this date.")])
    currency = day.currencies.get(book, "")
    rows = rows.merge(day.rows("pnl", book)[["instrument", "total"]], on="instrument", how="left")
    gains = day.rows("positions", book)[["instrument", "unrealised_base"]]
    rows = rows.merge(gains, on="instrument", how="left")
    rows = rows.iloc[np.argsort(-rows["market_value_base"].abs().fillna(np.inf).to_numpy(), kind="stable")]
    cash = rows["instrument"].str.startswith("CASH:")
    value = rows["market_value_base"]
    table = grid(
        "Positions and cash, largest value first",
        [
            Column("Instrument", instruments(day, rows["instrument"]), "markup", total="Sum"),
            Column(
                "Quantity", rows["quantity"].mask(cash, rows["quantity"].round(2)), "quantity", "units", "no quantity"
            ),
            Column("Price", rows["price"].mask(cash), "price", "per unit", "cash has no price"),
            Column("", rows["currency"]),
            Column("Value", value, "money", currency, "no price, see status", float(value.sum())),
            Column("Weight", rows["weight"], "percent", "of NAV", "NAV is not positive or not known"),
            Column("P&L", rows["total"], "change", currency, "not held on this date or the one before"),
            Column("Unrealised", rows["unrealised_base"], "change", currency, "cash has no unrealised gain"),
            Column("Status", rows["status"], "status"),
            Column("Reason", rows["reason"], optional=True),
        ],
        limit=_MOST_HOLDINGS,
        more=f"All: daybook show valuations --date {figures.day(day.business_date)} --book {book}",
        notes=["The sum is over all rows, shown or not, before rounding to cents."],
    )
    return Section("holdings", "Holdings", convention, [table])


def breaks(day: Day, book: str | None) -> Section:
    """Where the custodian's records, and dividends that were confirmed, differ from the books."""
    convention = (
        "Difference = theirs − ours. Positions are compared with settled quantity where the custodian gives it, cash"
        " with settled cash. Impact is the likely effect on NAV, in base currency and in basis points (bp) of NAV."
    )
    rows = day.rows("reconciliation_breaks", book)
    scope = day.names if book is None else (book,)
    compared = set(day.reconciled) | set(rows.loc[rows["kind"] != "transaction", "book"])
    silent = [name for name in scope if name not in compared]
    blocks: list[Block] = []
    if silent:
        blocks.append(Words(f"Not compared: no custodian file for this date ({listed(silent)}).", "care"))
    if len(silent) == len(scope) and not len(rows):
        return Section("breaks", "Breaks", convention, blocks)
    if not len(rows):
        blocks.append(Words("Compared with the custodian: no breaks.", "good"))
        return Section("breaks", "Breaks", convention, blocks)
    rows = rows.iloc[np.argsort(-rows["impact_bp"].abs().fillna(np.inf).to_numpy(), kind="stable")]
    ages = (day.business_date - rows["opened_on"]).dt.days
    since = [
        Markup('<span class="day">{}</span> {}').format(figures.day(d), counted(int(n), "day")) if n == n else ""
        for d, n in zip(rows["opened_on"], ages, strict=True)
    ]
    owner = rows["owner"].where(rows["owner"] != "", "not assigned")
    table = grid(
        "Breaks, largest impact first",
        [
            *book_column(rows, book),
            Column(
                "What", instruments(day, rows["instrument"].where(rows["instrument"] != "", rows["currency"])), "markup"
            ),
            Column("Kind", rows["kind"]),
            Column("Ours", rows["ours"], "quantity", "", "not in our books"),
            Column("Theirs", rows["theirs"], "quantity", "", "not in the custodian's file"),
            Column("Difference", rows["difference"], "quantity", "theirs − ours", "one side is missing"),
            Column("", rows["currency"]),
            Column("Impact", rows["impact_base"], "whole_change", "base currency", "no price to value it"),
            Column("Impact", rows["impact_bp"], "bp", "bp of NAV", "no price or no NAV to value it"),
            Column("Open since", since, "markup"),
            Column("Likely cause", rows["cause"]),
            Column("Whose turn", owner),
            Column("Status", rows["status"], "status"),
        ],
        limit=_MOST_BREAKS,
        more=f"All: daybook show reconciliation_breaks --date {figures.day(day.business_date)}",
        notes=["Ours, theirs and difference are in units for positions, else in the currency of the row."],
        dense=True,
    )
    return Section("breaks", "Breaks", convention, [*blocks, table])


def instruments(day: Day, codes: Iterable[str]) -> list[Markup]:
    """Names with ids below them."""
    return [named(day.called(code), code) for code in codes]


def book_column(rows: pd.DataFrame, book: str | None) -> list[Column]:
    """The column that names the book, on the page of the firm."""
    return [] if book else [Column("Book", rows["book"])]


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names in a sentence, the first few of many."""
    shown = ", ".join(figures.words(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def counted(n: int, noun: str, nouns: str = "") -> str:
    """A number of things with the word for one or for many."""
    return f"{n:,} {noun if n == 1 else nouns or noun + 's'}"


def _sound(bridge: pd.DataFrame) -> pd.DataFrame:
    return bridge[bridge["reason"] == ""]


def _by_currency(bridge: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Base currency -> the books that have a bridge in it."""
    return [(str(currency), books) for currency, books in _sound(bridge).groupby("currency", sort=True)]


def _adds_up(bridge: pd.DataFrame) -> Words:
    """Whether opening + flows + P&L = closing, for the books that have a bridge."""
    sound = _sound(bridge)
    broken = sound[sound["gap"] != 0]
    if not len(sound):
        why = "; ".join(dict.fromkeys(figures.words(r) for r in bridge["reason"]))
        return Words(f"There is no bridge from opening to closing NAV: {why}.", "bad")
    if len(broken):
        worst = ", ".join(
            f"{figures.words(b)} {figures.change(gap)} {currency}"
            for b, gap, currency in zip(broken.index, broken["gap"], broken["currency"], strict=True)
        )
        return Words(f"Does not add up: closing NAV differs from opening + flows + P&L ({worst}).", "bad")
    failed = len(bridge) - len(sound)
    without = f" {counted(failed, 'book')} without a bridge, see the reason." if failed else ""
    return Words(
        "Adds up to the cent: opening + flows + price + FX + income + trading + fees = closing NAV." + without, "good"
    )


def _bridge_by_book(bridge: pd.DataFrame) -> Grid:
    """One line per book, below it one per base currency; the lines of a currency add up to its sum."""
    steps = ["opening", *STEPS, "rounding", "gap", "closing"]
    steps = [s for s in steps if s not in ("rounding", "gap") or (_sound(bridge)[s] != 0).any()]
    heads = {"opening": "Opening", "closing": "Closing", "rounding": "Rounding", "gap": "Unexplained"} | STEPS
    missing = "the book has no bridge, see the reason"
    columns = [
        Column("Book", bridge.index),
        Column("", bridge["currency"]),
        *(
            Column(heads[s], bridge[s], "money" if s in ("opening", "closing") else "change", "", missing)
            for s in steps
        ),
    ]
    reasons = bridge["reason"].mask((bridge["reason"] == "") & bridge["first"], "first session of the book")
    if (reasons != "").any():
        columns.append(Column("Reason", reasons))
    extra = [None] * (len(columns) - 2 - len(steps))
    foots = [
        ["Sum", currency, *(float(books[s].sum()) for s in steps), *extra] for currency, books in _by_currency(bridge)
    ]
    notes = ["Books are added up only within one base currency."] if len(foots) > 1 else []
    return grid("Opening to closing NAV by book, in base currency", columns, foots=foots, notes=notes, dense=True)


def _bridge_down(bridge: pd.DataFrame) -> Grid:
    """The bridge of one book, line by line."""
    row = bridge.iloc[0]
    lines = [("Opening NAV" + (" (first session)" if row["first"] else ""), figures.money(row["opening"]))]
    lines += [(label, figures.change(row[step])) for step, label in STEPS.items()]
    lines += [("Rounding to cents", figures.change(row["rounding"]))] if row["rounding"] else []
    lines += [("Unexplained", figures.change(row["gap"]))] if row["gap"] else []
    opening = row["opening"] if row["opening"] > 0 else np.nan
    shares = ["", *(figures.decimal(row[s] / opening * 1e4, 2, signed=True) for s in STEPS)]
    shares += [""] * (len(lines) - len(shares))
    return grid(
        "Opening to closing NAV",
        [
            Column("", [label for label, _ in lines], total="Closing NAV"),
            Column(
                "Amount",
                [text for _, text in lines],
                "amount",
                str(row["currency"]),
                total=figures.money(row["closing"]),
            ),
            Column("Share", shares, "amount", "bp of opening NAV"),
        ],
    )


def _two_ways(day: Day, book: str | None) -> list[Grid]:
    """The gains of each book by what was held and traded, and by what its lots realised and did not."""
    rows = day.rows("nav_bridge", book)
    if not len(rows):
        return []
    gains = {
        "Gains": rows["gains"],
        "Held": rows["holding"],
        "Traded": rows["trading_pnl"],
        "Realised, market": rows["realised_market"],
        "Realised, currency": rows["realised_currency"],
        "Unrealised, market": rows["unrealised_market"],
        "Unrealised, currency": rows["unrealised_currency"],
        "Outside lots": rows["outside_lots"],
        "Carry": rows["carry"],
        "Fees": rows["fees"],
    }
    unknown = "the value of a lot is not known"
    columns = [Column(label, values, "change", "", unknown) for label, values in gains.items()]
    currencies = Column("", [day.currencies.get(name, "") for name in rows["book"]])
    notes = [
        "Held + traded = gains. Realised + change of unrealised + outside lots = gains + fees and taxes of trades,"
        " which are in the cost and the proceeds of lots. Outside lots: cash by exchange rates, trades booked at"
        " another rate than the closing one, less unrealised gains that came or went with transfers. Carry is income,"
        " which is no gain."
    ]
    title = "The same gains in two ways, in base currency"
    return [grid(title, [*book_column(rows, book), currencies, *columns], notes=notes, dense=True)]


def _key_figures(day: Day, book: str, bridge: pd.DataFrame) -> Figures:
    """NAV, its parts, and the day's P&L."""
    row = bridge.iloc[0]
    currency = str(row["currency"])
    nav = day.rows("nav", book)
    items = []
    for label, column in (("NAV", "nav"), ("Market value", "market_value"), ("Cash", "cash"), ("Accruals", "accruals")):
        value = figures.number(nav[column].iloc[-1]) if len(nav) else np.nan
        known = np.isfinite(value)
        note = "base currency, at the close" if known else row["reason"] or "not computed"
        items.append(Figure(label, figures.money(value), note, currency if known else ""))
    pnl = float(row["closing"] - row["opening"] - row["flows"]) if not row["reason"] else np.nan
    known = np.isfinite(pnl)
    note = "closing − opening − flows" if known else str(row["reason"])
    items.insert(1, Figure("P&L of the day", figures.change(pnl), note, currency if known else ""))
    return Figures(items)


def _nav_chart(day: Day, book: str, currency: str) -> list[Chart]:
    """NAV over all sessions with the days of external flows."""
    past = day.past("nav", book)
    values = past["nav"].to_numpy(np.float64)
    if not np.isfinite(values).any():
        return []
    dates = past["business_date"].to_numpy("datetime64[D]")
    flowed = dates[np.nan_to_num(past["flows"].to_numpy(np.float64)) != 0]
    svg = charts.line(
        "nav-line",
        "NAV since the first session",
        dates,
        [Line("NAV", values)],
        "money",
        currency,
        flowed,
        "external flow",
    )
    return [Chart(svg, "NAV since the first session", f"{currency}, at the close; ▲ a day with an external flow.")]


def _movers(day: Day, book: str, currency: str) -> list[Chart]:
    """The instruments that made and lost most on the day."""
    rows = day.rows("pnl", book)
    rows = rows[np.isfinite(rows["total"]) & (rows["total"] != 0)].sort_values("total", ascending=False, kind="stable")
    if not len(rows):
        return []
    rows = rows if len(rows) <= 2 * _MOST_MOVERS else pd.concat([rows.head(_MOST_MOVERS), rows.tail(_MOST_MOVERS)])
    labels = [day.called(code) for code in rows["instrument"]]
    title = "P&L by instrument, largest gains and losses"
    svg = charts.bars("movers", title, labels, {"P&L": rows["total"].to_numpy(np.float64)}, "money", currency)
    return [Chart(svg, title, f"{currency}; price + FX + income + trading + fees.")]
