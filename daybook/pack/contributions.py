"""What each holding added to the return of a book.

Belongs here: the section contributions. Does not belong here: how contributions are computed
(``daybook.attribution.contributions``), effects against a benchmark (``attribution``).
"""

import numpy as np
import pandas as pd
from markupsafe import Markup

from daybook.pack import charts, effects, figures, periods
from daybook.pack.blocks import Block, Chart, Fold, Section, Side, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.money import instruments

_CONTRIBUTIONS = (
    "In basis points (bp). Contribution of a day = P&L of the holding with its trades and fees, as a part of opening"
    " NAV + inflows; days are linked by Carino's method, so that contributions add up to the time-weighted return of"
    " the period. Local: without the change of exchange rates. Cash bears the fees of the book. No benchmark is"
    " needed."
)
_TITLE = "Contribution by name"
_DRAWN = ("month", "inception")
_COLUMNS = ("day", "month", "year", "one_year", "inception")
_EACH_END = 10
_MOST_ROWS = 40


def section(day: Day, book: str) -> Section:
    """The names that added most and took most, over the month and since inception, and all of them in a table."""
    every = day.rows("contributions", book)
    if not len(every):
        return Section("contributions", _TITLE, _CONTRIBUTIONS, [Words("No contributions have been computed.")])
    rows = every[np.isfinite(every["contribution"])]
    blocks: list[Block] = [Words(text, "care") for text in periods.statuses(periods.ordered(every))]
    shown = periods.present(rows, _COLUMNS)
    if not shown:
        return Section("contributions", _TITLE, _CONTRIBUTIONS, blocks or [Words("No contribution is known.", "care")])
    longest = rows[rows["period"] == shown[-1]]
    returns = day.rows("period_returns", book).drop_duplicates("period").set_index("period")["time_weighted"]
    whole, when = effects.whole(longest["contribution"]), periods.name(shown[-1]).lower()
    blocks.append(effects.adds_up(whole, figures.number(returns.get(shown[-1])), when, "contributions", "return"))
    drawn = []
    for period in periods.present(rows, _DRAWN):
        title = f"What added and what took, {periods.name(period).lower()}"
        part = rows[rows["period"] == period]
        labels = pd.Series([day.called(code) for code in part["instrument"]], index=part.index)
        drawn.append(Chart(picture(f"contributed-{period}", title, part.assign(label=labels)), title, _note(part)))
    blocks += [Side(drawn), _table(day, rows, shown), Fold("Price and currency by name", [_parts(day, longest)])]
    return Section("contributions", _TITLE, _CONTRIBUTIONS, blocks)


def picture(key: str, title: str, rows: pd.DataFrame) -> Markup:
    """The names that added most and those that took most; ``rows`` of one period have label, contribution."""
    ends = rows.iloc[np.argsort(-rows["contribution"].to_numpy(), kind="stable")]
    if len(ends) > 2 * _EACH_END:
        ends = pd.concat([ends.head(_EACH_END), ends.tail(_EACH_END)])
    parts = {"Contribution": ends["contribution"].to_numpy(np.float64) * 1e4}
    return charts.bars(key, title, list(ends["label"]), parts, "bp")


def _note(rows: pd.DataFrame) -> str:
    if len(rows) <= 2 * _EACH_END:
        return "bp; the bars add up to the return of the book."
    return f"bp; the {_EACH_END} largest at each end of {len(rows):,}."


def _table(day: Day, rows: pd.DataFrame, shown: list[str]) -> Grid:
    """Contributions over the periods side by side, the largest of the longest period first."""
    by = rows.drop_duplicates(["instrument", "period"]).pivot(index="instrument", columns="period")
    contribution, weight = by["contribution"], by["average_weight"][shown[-1]]
    size = contribution[shown[-1]].abs().fillna(0).to_numpy()
    order = contribution.index[np.argsort(-size, kind="stable")]
    totals = rows.groupby("period")["contribution"].sum()
    return grid(
        "Contribution by name",
        [
            Column("Name", instruments(day, order), "markup", total="Sum"),
            Column("Weight", weight.reindex(order), "percent", "mean of the sessions", "not held in the period"),
            *(
                Column(
                    periods.name(period),
                    contribution[period].reindex(order),
                    "fraction_bp",
                    "bp",
                    "not held in the period",
                    total=float(totals[period]),
                )
                for period in shown
            ),
        ],
        limit=_MOST_ROWS,
        more="The sums are over all. All: daybook show contributions",
        dense=True,
    )


def _parts(day: Day, rows: pd.DataFrame) -> Grid:
    """What of each contribution came from exchange rates, and what from trading."""
    rows = rows.iloc[np.argsort(-rows["contribution"].to_numpy(), kind="stable")]
    labels = {"local_contribution": "Local", "currency_contribution": "Currency", "contribution": "Sum"}
    return grid(
        f"Contribution by name, {periods.name(rows['period'].iloc[0]).lower()}",
        [
            Column("Name", instruments(day, rows["instrument"]), "markup", total="Sum"),
            *(
                Column(label, rows[name], "fraction_bp", "bp", total=effects.whole(rows[name]))
                for name, label in labels.items()
            ),
            Column("Of it trading", rows["trading"], "fraction_bp", "bp", total=effects.whole(rows["trading"])),
        ],
        limit=2 * _MOST_ROWS,
        more="The sums are over all. All: daybook show contributions",
        dense=True,
    )
