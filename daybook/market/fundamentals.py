"""Fundamentals, point in time: the figure of the newest period that was known on a date, as first published and since.

Belongs here: which of the published figures counts on a session. Does not belong here: what a field means, or how a
vendor's filing becomes a figure (``resources.vendors``).

A figure is known at the end of session T when it was published before midnight UTC after T: the same day by which the
inbox judges whether a figure is later than its file, and by which facts are read. What comes out after New York's close
counts for that evening; results of T serve from the next session on. (Sydney and Wellington open before midnight UTC:
for a decision at their open, take the session before.) A period counts from its end on, so that a forecast, or a year
mistyped as 2201, never stands for what was reported.

Restating an old period changes what is known of that period, and never which period is the newest.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.market import dated

SERIES = ["instrument", "field"]
FIGURE = [*SERIES, "period_end"]


def latest(fundamentals: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The newest period's figure of every instrument and field at the end of each session.

    Args:
        fundamentals: facts; the same figure published again, with whatever value, is another row.
        sessions: midnight, naive.

    Returns:
        Table ``latest_fundamentals``. ``value`` and what describes it (unit, period_start, published_at, form, file,
        line) are those of the latest publication by then, ``first_value`` and ``first_published_at`` those of the
        first publication of the same period. No row before a field's first figure.
    """
    known = _ordered(fundamentals)
    first = known.groupby(FIGURE, sort=False)[["value", "published_at"]].transform("first")
    known = known.assign(first_value=first["value"], first_published_at=first["published_at"])
    wanted = dated.grid(sessions, known[SERIES].drop_duplicates().sort_values(SERIES))
    series, asked = _codes(known, wanted, SERIES)
    # The end of the newest period known by each row's date, row after row of its series.
    ends = known["period_end"].groupby(series).cummax()
    at = dated.last(series, known["known_on"], asked, wanted["business_date"])
    wanted = wanted[at >= 0].assign(period_end=ends.to_numpy()[at[at >= 0]])
    figures, asked = _codes(known, wanted, FIGURE)
    at = dated.last(figures, known["known_on"], asked, wanted["business_date"])
    rows = known.take(at).assign(business_date=wanted["business_date"].to_numpy())
    rows = rows.sort_values(["business_date", *SERIES], kind="stable")
    return tables.conform("latest_fundamentals", rows[list(tables.TABLES["latest_fundamentals"].names)])


def as_first_published(fundamentals: pd.DataFrame) -> pd.DataFrame:
    """The first publication of every instrument, field and period, as facts, sorted by these."""
    return _ordered(fundamentals)[list(fundamentals)].drop_duplicates(FIGURE).sort_values(FIGURE, ignore_index=True)


def as_restated(fundamentals: pd.DataFrame, period_end: pd.Timestamp, on: pd.Timestamp) -> pd.DataFrame:
    """What was known at the end of ``on`` of the period that ended on ``period_end``: one fact an instrument and field.

    Forecasts of a period that has not ended by then are among them.
    """
    known = _ordered(fundamentals[fundamentals["period_end"] == period_end])
    known = known[_day(known["published_at"]) <= np.datetime64(on)]
    return known[list(fundamentals)].drop_duplicates(FIGURE, keep="last").sort_values(SERIES, ignore_index=True)


def _ordered(fundamentals: pd.DataFrame) -> pd.DataFrame:
    """The facts from the first published to the last, with ``known_on``, the first date whose end knows them."""
    day = _day(fundamentals["published_at"])
    known_on = np.maximum(day, fundamentals["period_end"].to_numpy("datetime64[us]"))
    ordered = fundamentals.assign(known_on=known_on).sort_values(["known_on", "published_at", *FIGURE], kind="stable")
    return ordered.reset_index(drop=True)


def _day(instants: "pd.Series[pd.Timestamp]") -> "np.ndarray[tuple[int], np.dtype[np.datetime64]]":
    return np.asarray(instants.dt.tz_localize(None).dt.normalize(), "datetime64[us]")


def _codes(known: pd.DataFrame, wanted: pd.DataFrame, key: list[str]) -> tuple[dated.Ints, dated.Ints]:
    return dated.codes([known[name] for name in key], [wanted[name] for name in key])
