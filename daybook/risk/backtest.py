"""Back-test of VaR: were losses beyond it as frequent, and as unrelated to each other, as it claims?

Belongs here: exceptions, the two likelihood ratios, the traffic light. Does not belong here: VaR itself.

Conventions (CONTRACT 2.11): VaR of a session is tested against the P&L of the book's next session; an exception is a
loss greater than VaR. The last ``WINDOW`` observations count. Sources: Kupiec (1995), Techniques for verifying the
accuracy of risk measurement models, Journal of Derivatives 3(2); Christoffersen (1998), Evaluating interval forecasts,
International Economic Review 39(4); Basel Committee (1996), Supervisory framework for the use of backtesting.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables

WINDOW = 250
GREEN_BELOW, YELLOW_BELOW = 0.95, 0.9999
"""Cumulative probability at which Basel's yellow and red zones begin."""
KEY = ["business_date", "book"]
MODEL = ["method", "confidence", "horizon_days"]
BASES = {"clean": ["price_pnl", "fx_pnl", "income"], "actual": ["total"]}

Floats = NDArray[np.float64]


def kupiec(observations: Any, exceptions: Any, confidence: Any) -> Floats:
    """Likelihood ratio of unconditional coverage (Kupiec 1995), chi-squared with 1 degree of freedom.

    -2 ln[(1-p)^(T-x) p^x] + 2 ln[(1-x/T)^(T-x) (x/T)^x] with p = 1 - c, T observations, x exceptions, 0 ln 0 = 0.
    NaN without observations.
    """
    from scipy.special import xlogy

    t, x = np.asarray(observations, np.float64), np.asarray(exceptions, np.float64)
    p = 1 - np.asarray(confidence, np.float64)
    rate = np.divide(x, t, out=np.full(np.broadcast(x, t).shape, np.nan), where=t > 0)
    claimed = xlogy(t - x, 1 - p) + xlogy(x, p)
    observed = xlogy(t - x, 1 - rate) + xlogy(x, rate)
    return np.asarray(np.maximum(-2 * (claimed - observed), 0.0))


def christoffersen(n00: Any, n01: Any, n10: Any, n11: Any) -> Floats:
    """Likelihood ratio of independence (Christoffersen 1998), chi-squared with 1 degree of freedom.

    n_ij counts observations in state j that follow one in state i, 1 being an exception. Compares the probability of an
    exception after an exception with that after none; 0 when one of them was never seen. NaN without a pair.
    """
    from scipy.special import xlogy

    a, b, c, d = (np.asarray(n, np.float64) for n in (n00, n01, n10, n11))

    def likelihood(misses: Floats, hits: Floats) -> Floats:
        total = misses + hits
        rate = np.divide(hits, total, out=np.zeros(np.shape(total)), where=total > 0)
        return np.asarray(xlogy(misses, 1 - rate) + xlogy(hits, rate))

    ratio = -2 * (likelihood(a + c, b + d) - likelihood(a, b) - likelihood(c, d))
    return np.where(a + b + c + d > 0, np.maximum(ratio, 0.0), np.nan)


def p_value(ratio: Any) -> Floats:
    """Probability of a greater likelihood ratio under the model, chi-squared with 1 degree of freedom."""
    from scipy.stats import chi2

    return np.asarray(chi2.sf(ratio, 1), np.float64)


def zone(observations: Any, exceptions: Any, confidence: Any) -> NDArray[np.object_]:
    """Basel traffic light: by the probability of that many exceptions or fewer, were the model right.

    Yellow from 95 %, red from 99.99 %; for 250 observations at 0.99 that is green 0-4, yellow 5-9, red 10 and more. No
    exception is green however few the observations; empty without any.
    """
    from scipy.stats import binom

    t, x = np.asarray(observations), np.asarray(exceptions)
    probability = binom.cdf(x, t, 1 - np.asarray(confidence, np.float64))
    colour = np.select([(probability < GREEN_BELOW) | (x == 0), probability < YELLOW_BELOW], ["green", "yellow"], "red")
    return np.where(t > 0, colour, "").astype(object)


def backtest(var: pd.DataFrame, pnl: pd.DataFrame, nav: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Table ``var_backtest`` of ``sessions``.

    Args:
        var: table ``var`` of every session that may be observed: ``WINDOW`` observations up to each of ``sessions``.
        pnl: table ``pnl`` of the same sessions.
        nav: table ``nav`` of the same sessions; a session without NAV, or after one, is no observation.
        sessions: sessions to compute.

    Returns:
        One row per session, book, model and P&L basis (clean = price_pnl + fx_pnl + income, actual = total).
    """
    long = _observations(var, pnl, nav)
    series = ["book", *MODEL, "pnl_basis"]
    long = long.sort_values([*series, "business_date"], ignore_index=True)
    counts = _window_counts(long, np.asarray(long.groupby(series, sort=False).ngroup(), np.int64))
    rows = pd.concat([long[["business_date", *series]], counts], axis=1)
    rows = rows.loc[rows["business_date"].isin(sessions)].reset_index(drop=True)
    t, x = rows["observations"].to_numpy(), rows["exceptions"].to_numpy()
    rows["kupiec_lr"] = kupiec(t, x, rows["confidence"]).round(12)
    rows["kupiec_p"] = p_value(rows["kupiec_lr"]).round(12)
    rows["christoffersen_lr"] = christoffersen(rows["n00"], rows["n01"], rows["n10"], rows["n11"]).round(12)
    rows["christoffersen_p"] = p_value(rows["christoffersen_lr"]).round(12)
    rows["zone"] = zone(t, x, rows["confidence"])
    few = rows["observations"].astype("str") + f" of {WINDOW} observations"
    rows["status"] = pd.Series("ok", index=rows.index, dtype="str").mask(rows["observations"] < WINDOW, few)
    rows = rows.drop(columns=["n00", "n01", "n10", "n11"])
    names = ("coverage_lr", "coverage_p", "tuff_lr", "tuff_p", "tbf_lr", "tbf_p", "plus_factor", "es_z", "es_p")
    rows = rows.assign(**dict.fromkeys(names, np.nan), struck=0, origin="reconstructed")
    return tables.conform("var_backtest", rows.sort_values(["business_date", *series]))


def _observations(var: pd.DataFrame, pnl: pd.DataFrame, nav: pd.DataFrame) -> pd.DataFrame:
    """Every session, model and basis with ``hit``: 1 for an exception, 0 for none, NaN for no observation."""
    books = nav.sort_values(["book", "business_date"], ignore_index=True)[[*KEY, "status"]]
    books["previous"] = books.groupby("book", sort=False)["business_date"].shift()
    books["good"] = books["status"].eq("ok") & books.groupby("book", sort=False)["status"].shift().eq("ok")
    parts = pd.DataFrame(
        {**{name: pnl[columns].sum(axis=1) for name, columns in BASES.items()}, **pnl[[*KEY, "instrument"]]}
    )
    parts = parts.sort_values([*KEY, "instrument"])
    sums = parts.groupby(KEY, as_index=False)[list(BASES)].sum().round(dict.fromkeys(BASES, 6))
    earned = books.merge(sums, on=KEY, how="left").fillna(dict.fromkeys(BASES, 0.0))
    models = var[["book", *MODEL]].drop_duplicates()
    forecast = var[[*KEY, *MODEL, "var"]].rename(columns={"business_date": "previous"})
    rows = earned.merge(models, on="book").merge(forecast, on=["previous", "book", *MODEL], how="left")
    long = rows.melt(
        id_vars=[*KEY, *MODEL, "var", "good"], value_vars=list(BASES), var_name="pnl_basis", value_name="result"
    )
    usable = long["good"] & long["var"].notna()
    long["hit"] = long["result"].lt(-long["var"]).astype("float64").where(usable)
    return long


def _window_counts(long: pd.DataFrame, series: NDArray[np.int64]) -> pd.DataFrame:
    """Observations, exceptions and transitions of the last ``WINDOW`` observations up to each row of its series."""
    hit = long["hit"].to_numpy()
    seen = ~np.isnan(hit)
    order, of = np.flatnonzero(seen), series[seen]
    state = hit[seen].astype(np.int64)
    first = np.searchsorted(of, of, "left")
    follows = np.arange(len(of)) > first
    before = np.concatenate([[0], state[:-1]]) if len(state) else state
    pairs = {f"n{i}{j}": follows & (before == i) & (state == j) for i in (0, 1) for j in (0, 1)}
    # Up to each row: the observations of its series so far; the window is the last WINDOW of them.
    end = np.cumsum(seen)
    begin = np.searchsorted(of, series, "left")
    start = np.maximum(begin, end - WINDOW)
    end = np.maximum(end, start)

    def count(flags: NDArray[Any], since: NDArray[np.int64]) -> NDArray[np.int64]:
        total = np.concatenate([[0], np.cumsum(flags)])
        return np.asarray(total[end] - total[np.minimum(since, end)], np.int64)

    counts = {"observations": count(np.ones(len(order)), start), "exceptions": count(state, start)}
    # The first observation of a window has no predecessor within it.
    counts |= {name: count(flags, start + 1) for name, flags in pairs.items()}
    return pd.DataFrame(counts)
