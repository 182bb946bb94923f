"""Benchmarks of which only levels are published: one line that is the benchmark itself.

Belongs here: which level counts on a session, and its return. Does not belong here: when levels serve at all
(``benchmarks``).

Conventions: the return of a session leads from the level that counts on the session before to the one that counts on
it, each turned into base currency at closing FX. The last level at or before a session counts, for at most
``MAX_AGE`` sessions of the calendar: where an index was not computed it earned nothing that day, and the next level
brings the whole move. What kind of return that is, the level says: an index without dividends is a price index, and
called one.
"""

import numpy as np
import pandas as pd

from daybook import calendars
from daybook.performance.delivered import LINE, moves
from daybook.performance.views import KEY, previous

MAX_AGE = 5
"""Sessions for which the last level may stand in for a missing one, as an exchange rate may (contract 2.14)."""


def lines(
    benchmark_levels: pd.DataFrame, fx_rates: pd.DataFrame, wanted: pd.DataFrame, closing: bool = False
) -> pd.DataFrame:
    """One line of weight 1 for each of ``wanted`` whose benchmark has a level by then.

    Args:
        benchmark_levels: facts.
        fx_rates: table ``fx_rates`` of the sessions and of those before.
        wanted: KEY.
        closing: whether a benchmark must have a level at the session before.

    Returns:
        KEY, ``LINE``, return_kind ("" where the level does not say), and levelled: the date of the level.
    """
    rows = wanted[KEY].assign(previous=previous(wanted))
    after = _levels(benchmark_levels, rows, "business_date")
    before = _levels(benchmark_levels, rows, "previous")
    currency = after["currency"].mask(after["currency"].eq(""), rows["base_currency"])
    # A level in another currency than the one before cannot be compared with it.
    local = (after["level"] / before["level"] - 1).where(after["currency"].eq(before["currency"]))
    has = (before if closing else after)["levelled"].notna()
    rows, currency, local = rows[has], currency[has], local[has]
    move = moves(currency, rows, fx_rates)
    found = rows[KEY].assign(
        instrument=rows["benchmark"],
        weight=1.0,
        total_return=(1 + local) * (1 + move) - 1,
        local_return=local,
        currency=currency,
        currency_move=move,
        return_kind=after["return_kind"],
        levelled=after["levelled"],
    )
    return found[[*KEY, *LINE, "return_kind", "levelled"]]


def notes(rows: pd.DataFrame) -> pd.DataFrame:
    """KEY, convention, reason (why there is no return) and note (what is odd about it) of each of ``lines``."""
    of = rows["levelled"].dt.strftime("%Y-%m-%d").astype("str")
    kind = rows["return_kind"].mask(rows["return_kind"].eq(""), "unnamed")
    kind = ("published levels of a " + kind + " index").where(
        rows["return_kind"].isin(["", "price"]), "published levels, " + kind + " return"
    )
    lacking = rows["total_return"].isna()
    return rows[KEY].assign(
        convention=kind,
        reason=("benchmark: no return by levels, the last is of " + of).where(lacking, ""),
        note=("no level of this session, that of " + of + " stands").where(
            rows["levelled"].lt(rows["business_date"]) & ~lacking, ""
        ),
    )


def _levels(benchmark_levels: pd.DataFrame, rows: pd.DataFrame, at: str) -> pd.DataFrame:
    """level (NaN where too old), return_kind, currency and levelled, its date, of each row at its date ``at``."""
    known = benchmark_levels[["benchmark", "business_date", "level", "return_kind", "currency"]]
    known = known.rename(columns={"business_date": "levelled"}).sort_values("levelled", kind="stable")
    asked = rows[["benchmark", "calendar", at]].rename_axis("place").reset_index()
    asked = asked.dropna(subset=at).sort_values(at, kind="stable")
    found = pd.merge_asof(asked, known.assign(**{at: known["levelled"]}), on=at, by="benchmark")
    found = found.set_index("place").reindex(rows.index)
    age = np.zeros(len(found), np.int64)
    dated = found["levelled"].notna().to_numpy()
    age[dated] = calendars.sessions_between(
        rows.loc[dated, "calendar"], found.loc[dated, "levelled"], found.loc[dated, at]
    )
    texts = found[["return_kind", "currency"]].fillna("")
    return texts.assign(level=found["level"].where(age <= MAX_AGE), levelled=found["levelled"])
