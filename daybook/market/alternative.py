"""Other data series, point in time: which observation may be used on a session, and which may be published.

Belongs here: the one rule for back-tests, the day and its documents alike. Does not belong here: what a series is used
for, and whether it has ended (``quality``).

An observation may be used from ``usable_from`` on, never before it was made; where the source names no such date, from
the day on which it was known here (``known_at``, in UTC).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.market import dated

WITHHELD = ("internal", "non-commercial", "evaluation")
"""Licences that let the house use the data and not pass it on. No licence told counts as one of them."""

SERIES = ["instrument", "series"]


def usable(alternative_data: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """The latest observation of every series that may be used on each session.

    Args:
        alternative_data: facts.
        sessions: midnight, naive.

    Returns:
        business_date and the columns of the facts, ``usable_from`` as it was judged, sorted by business_date,
        instrument and series. No row before a series' first usable observation.
    """
    facts = alternative_data.assign(usable_from=usable_from(alternative_data))
    facts = facts.sort_values(["usable_from", "observed_on"], kind="stable", ignore_index=True)
    wanted = dated.grid(sessions, facts[SERIES].drop_duplicates().sort_values(SERIES))
    series, asked = dated.codes([facts[name] for name in SERIES], [wanted[name] for name in SERIES])
    # The latest observation usable by each row's date, which one that came late does not replace.
    day = facts["observed_on"].to_numpy("datetime64[us]").astype(np.int64)
    latest = pd.Series(np.where(day == pd.Series(day).groupby(series).cummax(), np.arange(len(facts)), -1))
    newest = np.asarray(latest.groupby(series).cummax(), np.int64)
    at = dated.last(series, facts["usable_from"], asked, wanted["business_date"])
    rows = facts.take(newest[at[at >= 0]])
    rows.insert(0, "business_date", wanted["business_date"].to_numpy()[at >= 0])
    return rows.reset_index(drop=True)


def withheld(licences: Any) -> NDArray[np.bool_]:
    """Whether each of ``licences`` forbids publication: one of ``WITHHELD``, in any case, or none told."""
    words = pd.Series(np.asarray(licences, object), dtype="str").str.strip().str.lower()
    return words.isin(["", *WITHHELD]).to_numpy(bool)


def usable_from(facts: pd.DataFrame) -> NDArray[np.datetime64]:
    """The date from which each of ``facts`` may be used."""
    known = facts["known_at"].dt.tz_localize(None).dt.normalize()
    told = facts["usable_from"].fillna(known)
    observed = facts["observed_on"].to_numpy("datetime64[us]")
    return np.asarray(np.maximum(told.to_numpy("datetime64[us]"), observed))
