"""How fast the books could be sold, at what cost, and whether they could pay those who leave.

Belongs here: the section liquidity. Does not belong here: the measures (``daybook.risk.liquidity``).
"""

import numpy as np
import pandas as pd
from markupsafe import Markup

from daybook.pack import charts, figures
from daybook.pack.blocks import Block, Chart, Section, Side, Words
from daybook.pack.day import Day
from daybook.pack.grids import Column, Grid, grid
from daybook.pack.money import counted, instruments, listed

_LIQUIDITY = (
    "Days = quantity / (participation × average daily volume), each book on its own; sold: part of gross value sold by"
    " then at the declared participation. Cost: of selling everything by then, half the spread and the square root law"
    " of impact. Coverage: (cash + what has been sold) / redemption under stress. Buckets by SEC rule 22e-4. A position"
    " whose volume nobody knows counts as not sold."
)
_TITLE = "Liquidity"
_NO_RULE = "no spread or impact is declared"
_NO_TERMS = "no terms of redemption are declared"
_MOST_SLOW = 8
_MOST_ROWS = 40
_SHOWN = (1, 5, 20)


def firm(day: Day) -> Section:
    """What each book could sell and pay, a line for each book."""
    rows = day.rows("liquidity_profile")
    if not len(rows):
        return Section("liquidity", _TITLE, _LIQUIDITY, [Words("Liquidity has not been computed for this date.")])
    books = sorted(set(rows["book"]))
    ahead = sorted(set(rows["horizon_days"]))
    horizons = [h for h in _SHOWN if h in ahead] or ahead[:3]
    at = {h: rows[rows["horizon_days"] == h].set_index("book").reindex(books) for h in horizons}
    first = at[horizons[0]]
    unknown = day.rows("liquidity")
    unknown = unknown[~np.isfinite(unknown["days_to_liquidate"])].groupby("book").size().reindex(books).fillna(0)
    reasons = rows[rows["reason"] != ""].drop_duplicates("book").set_index("book")["reason"].reindex(books).fillna("")
    table = grid(
        "Sold and paid by book",
        [
            Column("Book", books),
            *(Column(f"Sold in {h:g}", at[h]["liquidated_fraction"], "percent", "sessions") for h in horizons),
            Column(f"Cost in {horizons[0]:g}", first["liquidation_cost"], "whole", "base currency", _NO_RULE),
            Column("Unknown", unknown, "count", "positions"),
            Column("Redemption", first["redemption_fraction"], "percent", "of NAV", _NO_TERMS),
            *(Column(f"Covered in {h:g}", at[h]["redemption_coverage"], "times", "times", _NO_TERMS) for h in horizons),
            Column("Reason", reasons, optional=True),
        ],
        limit=_MOST_ROWS,
        more="All: daybook show liquidity_profile",
        dense=True,
    )
    return Section("liquidity", _TITLE, _LIQUIDITY, [table])


def book(day: Day, book: str) -> Section:
    """The profile of one book, its buckets, and what takes longest."""
    rows = day.rows("liquidity_profile", book).sort_values("horizon_days", kind="stable")
    held = day.rows("liquidity", book)
    if not len(rows):
        return Section("liquidity", _TITLE, _LIQUIDITY, [Words("Liquidity has not been computed for this date.")])
    currency = day.currencies.get(book, "")
    blocks: list[Block] = [_redeemed(rows), *_unknown(held)]
    profile = grid(
        "Profile of the book",
        [
            Column("Sessions", rows["horizon_days"], "count"),
            Column("Cost", rows["liquidation_cost"], "whole", f"{currency}, all sold by then".strip(", "), _NO_RULE),
            Column("Covered", rows["redemption_coverage"], "times", "times", _NO_TERMS),
            Column("Reason", rows["reason"], optional=True),
        ],
        dense=True,
    )
    side: list[Chart | Grid] = []
    if np.isfinite(rows["liquidated_fraction"]).any():
        title = "Sold by then, share of gross value"
        side.append(Chart(picture("liquidity", title, rows), title, "% of gross value without cash."))
    blocks.append(Side([*side, profile]))
    if len(held):
        blocks.append(Side([_slowest(day, held, currency), _buckets(day, book, held)]))
    return Section("liquidity", _TITLE, _LIQUIDITY, blocks)


def picture(key: str, title: str, rows: pd.DataFrame) -> Markup:
    """What is sold after so many sessions, as bars."""
    labels = [counted(int(n), "session") for n in rows["horizon_days"]]
    return charts.bars(
        key, title, labels, {"Sold": rows["liquidated_fraction"].to_numpy(np.float64)}, "percent", signed=False
    )


def _redeemed(rows: pd.DataFrame) -> Words:
    """Whether redemption under stress could be paid, from the first session on which it could."""
    asked, covered = figures.number(rows["redemption_fraction"].iloc[0]), rows["redemption_coverage"]
    if not np.isfinite(asked):
        return Words("No terms of redemption are declared: whether those who leave could be paid is not known.")
    what = f"A redemption of {figures.percent(asked)} of NAV"
    paid = rows[covered >= 1]
    if len(paid):
        return Words(
            f"{what} could be paid within {counted(int(paid['horizon_days'].iloc[0]), 'session')},"
            f" {figures.decimal(float(paid['redemption_coverage'].iloc[0]), 1)} times over.",
            "good",
        )
    if not np.isfinite(covered).any():
        return Words(f"{what}: coverage could not be computed.", "care")
    return Words(f"{what} could not be paid within {counted(int(rows['horizon_days'].iloc[-1]), 'session')}.", "bad")


def _unknown(held: pd.DataFrame) -> list[Words]:
    lacking = held[~np.isfinite(held["days_to_liquidate"])]
    if not len(lacking):
        return []
    told = lacking["instrument"] + (" (" + lacking["reason"] + ")").where(lacking["reason"] != "", "")
    return [Words(f"Nobody knows how fast these can be sold: {listed(list(told))}.", "care")]


def _slowest(day: Day, held: pd.DataFrame, currency: str) -> Grid:
    slow = held.iloc[np.argsort(-held["days_to_liquidate"].fillna(np.inf).to_numpy(), kind="stable")]
    return grid(
        "Slowest to sell",
        [
            Column("Instrument", instruments(day, slow["instrument"]), "markup"),
            Column("Days", slow["days_to_liquidate"].round(2), "quantity", "sessions", "no volume, see the reason"),
            Column("Cost", slow["liquidation_cost"], "whole", currency, _NO_RULE),
            Column("Volume by", slow["basis"], optional=True),
            Column("Reason", slow["reason"], optional=True),
        ],
        limit=_MOST_SLOW,
        more="All: daybook show liquidity",
        dense=True,
    )


def _buckets(day: Day, book: str, held: pd.DataFrame) -> Grid:
    """Positions and gross exposure of each bucket."""
    gross = day.rows("valuations", book).set_index("instrument")["exposure_base"].abs()
    bucket = held["liquidity_bucket"].replace("", "not known").str.replace("_", " ").astype("object")
    size = held["instrument"].map(gross)
    by = pd.DataFrame({"size": size.to_numpy(), "bucket": bucket.to_numpy()}).groupby("bucket")["size"]
    sizes, whole = by.sum(min_count=1), float(size.sum())
    return grid(
        "By bucket",
        [
            Column("Bucket", sizes.index),
            Column("Positions", by.size(), "count"),
            Column("Gross", sizes / (whole if whole else np.nan), "percent", "of gross exposure", "no exposure"),
        ],
        dense=True,
    )
