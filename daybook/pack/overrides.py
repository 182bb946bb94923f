"""Prices that people put in place of the market's, until they end; and what a second person has yet to agree to.

Belongs here: the section overrides. Does not belong here: which override holds (``daybook.market.overrides``).
"""

import numpy as np
import pandas as pd

from daybook.market.overrides import STATUS
from daybook.pack.blocks import Block, Section, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.money import counted, instruments

_OVERRIDES = (
    "One person asked for the price and a second one agreed; it stands in place of the market's until its last date, or"
    " until two people end it. Difference: value at the override − value at the market's price, in the book's base"
    " currency and in basis points (bp) of NAV."
)
_MOST = 40


def overrides(day: Day, book: str | None) -> Section:
    """Overrides in force on the date, by book that holds them, and those that wait for a second person."""
    held = set(day.rows("valuations", book)["instrument"])
    standing, waiting = day.overrides, day.waiting
    if book is not None:
        standing, waiting = (rows[rows["instrument"].isin(held)] for rows in (standing, waiting))
    none = "No price is overridden." if book is None else "No price of a held instrument is overridden."
    blocks: list[Block] = [Words(none, "good")]
    if len(standing):
        said = f"{counted(len(standing), 'price')} overridden: NAV is not what the market says."
        blocks = [Words(said, "care"), _standing(day, standing, book)]
    if len(waiting):
        blocks += [Words(f"{counted(len(waiting), 'request')} for a second person to decide.", "care")]
        blocks += [_waiting(day, waiting)]
    return Section("overrides", "Overridden prices", _OVERRIDES, blocks)


def _standing(day: Day, standing: pd.DataFrame, book: str | None) -> Grid:
    """One line for each override and each book that holds it, the largest difference of NAV first."""
    prices = day.rows("prices")
    prices = prices.loc[prices["status"] == STATUS, ["instrument", "close", "market_close", "currency"]]
    valued = day.rows("valuations", book)[["instrument", "book", "market_value_base"]]
    terms = standing.drop(columns=["currency", "price"])
    rows = terms.merge(prices, on="instrument", how="left").merge(valued, on="instrument", how="left")
    rows = rows.merge(day.rows("nav")[["book", "nav"]], on="book", how="left")
    difference = rows["market_value_base"] * (1.0 - rows["market_close"] / rows["close"])
    bp = difference / rows["nav"].where(rows["nav"] > 0) * 1e4
    order = np.argsort(-bp.abs().fillna(-1.0).to_numpy(np.float64), kind="stable")
    rows, difference, bp = rows.iloc[order], difference.iloc[order], bp.iloc[order]
    columns = [] if book else [Column("Book", rows["book"].fillna("not held"))]
    return grid(
        "Prices overridden on this date",
        [
            Column("Number", rows["override_id"]),
            Column("Instrument", instruments(day, rows["instrument"]), "markup"),
            Column("Override", rows["close"], "price", "per unit", "the prices were not computed since"),
            Column("Market", rows["market_close"], "price", "per unit", "the market has no price in this currency"),
            Column("", rows["currency"].fillna("")),
            *columns,
            Column("Difference", difference, "whole_change", "base currency", "no market price, or no holder"),
            Column("Difference", bp, "bp", "bp of NAV", "no market price, no holder, or no NAV"),
            Column("From", rows["valid_from"], "day"),
            Column("Until", rows["valid_to"], "day"),
            Column("Asked, approved", rows["entered_by"] + ", " + rows["approved_by"]),
            Column("Why", rows["reason"]),
        ],
        limit=_MOST,
        more="All: daybook override list",
        dense=True,
    )


def _waiting(day: Day, waiting: pd.DataFrame) -> Grid:
    """What somebody asked for and nobody else has decided yet."""
    prices = day.rows("prices")[["instrument", "close", "currency"]]
    rows = waiting.merge(prices, on="instrument", how="left")
    return grid(
        "Waiting for a second person",
        [
            Column("Number", rows["id"], "count"),
            Column("Instrument", instruments(day, rows["instrument"]), "markup"),
            Column("Asked for", rows["subject"]),
            Column("Price used now", rows["close"], "price", "per unit", "it has no price"),
            Column("", rows["currency"].fillna("")),
            Column("Why", rows["reason"]),
            Column("Asked by", rows["requested_by"]),
            Column("On", rows["requested_at"], "day"),
        ],
        limit=_MOST,
        more="All: daybook override list",
        notes=["Nothing changes until somebody other than who asked says daybook approve, or daybook reject."],
    )
