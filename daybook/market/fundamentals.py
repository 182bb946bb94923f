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
from numpy.typing import NDArray

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
    known = _known(fundamentals, sessions.max())
    series, _ = dated.codes([known[name] for name in SERIES], [known[name].iloc[:0] for name in SERIES])
    ends, published = dated.days(known["period_end"]), known["published_at"].to_numpy("datetime64[us]")
    order = np.lexsort((ends, published, known["known_on"], series))
    known, series = known.take(order), series[order]
    # One integer a figure that sorts by series, then period: the newest known by each row is the greatest so far.
    figures = (series << 32) + ends[order] + 2**31
    newest = np.maximum.accumulate(figures)
    wanted = dated.grid(sessions, pd.DataFrame({"series": np.unique(series)}))
    at = dated.last(series, known["known_on"], wanted["series"].to_numpy(), wanted["business_date"])
    wanted, at = wanted[at >= 0], at[at >= 0]
    figures, asked = dated.codes([figures], [newest[at]])
    first = np.zeros(figures.max(initial=-1) + 1, np.int64)
    first[figures[::-1]] = np.arange(len(figures))[::-1]
    rows = known.take(dated.last(figures, known["known_on"], asked, wanted["business_date"]))
    rows = rows.assign(
        business_date=wanted["business_date"].to_numpy(),
        first_value=known["value"].to_numpy()[first[asked]],
        first_published_at=known["published_at"].array[first[asked]],
    )
    rows = rows.sort_values(["business_date", *SERIES], kind="stable")
    return tables.conform("latest_fundamentals", rows[list(tables.TABLES["latest_fundamentals"].names)])


def as_first_published(fundamentals: pd.DataFrame) -> pd.DataFrame:
    """The first publication of every instrument, field and period, as facts, sorted by these."""
    ordered = fundamentals.sort_values("published_at", kind="stable")
    return ordered.drop_duplicates(FIGURE).sort_values(FIGURE, ignore_index=True)


def as_restated(fundamentals: pd.DataFrame, period_end: pd.Timestamp, on: pd.Timestamp) -> pd.DataFrame:
    """What was known at the end of ``on`` of the period that ended on ``period_end``: one fact an instrument and field.

    Forecasts of a period that has not ended by then are among them.
    """
    published = (_day(fundamentals) <= np.datetime64(on)) & (fundamentals["period_end"] == period_end)
    ordered = fundamentals[published].sort_values("published_at", kind="stable")
    return ordered.drop_duplicates(FIGURE, keep="last").sort_values(SERIES, ignore_index=True)


def _known(fundamentals: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """The facts known at the end of ``last``, with ``known_on``, the first date whose end knows them."""
    known_on = np.maximum(_day(fundamentals), fundamentals["period_end"].to_numpy("datetime64[us]"))
    at = np.flatnonzero(known_on <= np.datetime64(last))
    return fundamentals.take(at).assign(known_on=known_on[at])


def _day(fundamentals: pd.DataFrame) -> NDArray[np.datetime64]:
    """The date of publication in UTC."""
    return np.asarray(fundamentals["published_at"].dt.tz_localize(None).dt.normalize(), "datetime64[us]")
