"""Components of value at risk: which positions it comes from.

Belongs here: marginal, component and incremental VaR by position. Does not belong here: sums of them by dimension
(``contributions``), groups of books (``groups``).
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.risk.scenarios import Day, Floats, Ints, days
from daybook.risk.var import CONFIDENCES, HORIZON_DAYS, METHOD, enough, tail

_CELLS = 4_000_000
"""Cells of P&L without one position held at a time (32 MB)."""


def kth_scenario(pnl: Floats, k: int) -> Ints:
    """Index of the scenario with the k-th smallest P&L of each book; among equals the earliest.

    Args:
        pnl: P&L, shape (books, scenarios), oldest first.
        k: from 1.
    """
    return np.asarray(np.argsort(pnl, axis=1, kind="stable")[:, k - 1], np.int64)


def components(
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``var_components``: where VaR comes from, in base currency; arguments as of ``scenarios.days``.

    component = minus the position's P&L in the k-th scenario, the one that VaR was read from, so that components add up
    to VaR. marginal = component / market_value_base, empty when that is 0. incremental = VaR - VaR without the
    position, positive when the position adds risk. No rows where VaR is empty.
    """
    frames = [
        _parts(day, confidence)
        for day in days(valuations, nav, returns, fx_rates, instruments, sessions)
        for confidence in CONFIDENCES
        if enough(day.pnl.shape[1], confidence)
    ]
    return tables.conform("var_components", pd.concat(frames)) if frames else tables.empty("var_components")


def _parts(day: Day, confidence: float) -> pd.DataFrame:
    k = tail(day.pnl.shape[1], confidence)
    component = -day.earned(np.arange(len(day.rows)), kth_scenario(day.pnl, k)[day.book])
    market_value = day.rows["market_value_base"].to_numpy()
    marginal = np.divide(component, market_value, out=np.full(len(component), np.nan), where=market_value != 0)
    return pd.DataFrame(
        {
            "business_date": day.date,
            "book": day.rows["book"].to_numpy(),
            "instrument": day.rows["instrument"].to_numpy(),
            "method": METHOD,
            "confidence": confidence,
            "horizon_days": HORIZON_DAYS,
            "marginal": marginal.round(12),
            "component": component.round(6),
            "incremental": _incremental(day, k).round(6),
        }
    )


def _incremental(day: Day, k: int) -> Floats:
    """VaR less VaR without the position, for each position."""
    whole = -np.partition(day.pnl, k - 1, axis=1)[:, k - 1]
    without = np.empty(len(day.rows))
    step = max(1, _CELLS // day.pnl.shape[1])
    for start in range(0, len(without), step):
        part = slice(start, start + step)
        left = day.pnl[day.book[part]] - day.earned(part, slice(None))
        without[part] = -np.partition(left, k - 1, axis=1)[:, k - 1]
    return whole[day.book] - without


def identity_gaps(var: pd.DataFrame, var_components: pd.DataFrame) -> pd.DataFrame:
    """Books whose components do not add up to VaR, beyond the rounding of each component to 10^-6.

    Returns:
        business_date, book, method, confidence, horizon_days, var, total, gap = total - var; empty when all is well.
    """
    key = ["business_date", "book", "method", "confidence", "horizon_days"]
    sums = var_components.groupby(key)["component"].agg(total="sum", parts="size").reset_index()
    both = var.loc[var["var"].notna(), [*key, "var"]].merge(sums, on=key, how="left")
    both[["total", "parts"]] = both[["total", "parts"]].fillna(0.0)
    both["gap"] = both["total"] - both["var"]
    allowed = 1e-6 * (both["parts"] + 1) + 1e-12 * both["var"].abs()
    return both.loc[both["gap"].abs() > allowed].drop(columns="parts").reset_index(drop=True)
