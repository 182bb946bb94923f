"""Components of value at risk: what it comes from.

Belongs here: component, marginal and incremental VaR of parts of a P&L vector, and of positions. Does not belong here:
which positions make a part (``contributions``), groups of books (``groups``).

Conventions (CONTRACT 2.11): of a method that reads a scenario, the component of a part is minus its P&L in that
scenario. Of a method that reads moments it is Euler's: the derivative of VaR by the size of the part, times its size;
VaR is homogeneous of degree one, so these add up to it too (Garman 1996, Risk 9(10); Tasche 1999; for Cornish-Fisher
Boudt, Peterson and Croux 2008, Journal of Risk 11(2)). marginal = component / market_value_base, empty when that is 0.
incremental = VaR - VaR without the part, computed anew, positive when the part adds risk.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from daybook import tables
from daybook.risk.models import BY_MOMENTS, Model
from daybook.risk.scenarios import Day, Floats, Ints, ScenarioSet
from daybook.risk.var import figures, moments, normal, tail_scenario

CELLS = 4_000_000
"""Cells of P&L of parts held at a time (32 MB)."""
AMPLIFIED = 100.0
"""By how much skewness and kurtosis may multiply the rounding of P&L to 10^-6 in Cornish-Fisher VaR."""
KEY = ["business_date", "book", "method", "confidence", "horizon_days"]

Parts = Callable[[slice], Floats]
"""Gives the P&L vectors of some of the parts: shape (m, S) of a slice of length m."""
Reading = Callable[[Floats, Ints], Floats]
"""Component of parts, shape (m, confidences), from their P&L vectors and from whose they are."""


def attributed(
    whole: Floats, of: Ints, part: Parts, model: Model, weights: Floats | None, sessions: int | None = None
) -> tuple[Floats, Floats]:
    """Component and incremental VaR of parts of P&L vectors.

    Args:
        whole: P&L vectors, shape (N, S), oldest scenario first.
        of: which of them each part belongs to, shape (n,).
        part: the parts; over all parts of a vector they add up to it.
        model: how VaR is read off a vector.
        weights: probability of each scenario, None where all are equal.
        sessions: past scenarios that simulated ones were made from; S by default.

    Returns:
        component and incremental, in the unit of ``whole``, both of shape (n, confidences); NaN where VaR is.
    """
    var = figures(whole, weights, model, sessions)[0]
    component, incremental = np.full((2, len(of), var.shape[1]), np.nan)
    if np.isnan(var).all():
        return component, incremental
    reading = (_by_moments if model.method in BY_MOMENTS else _by_scenario)(whole, var, model, weights)
    step = max(1, CELLS // whole.shape[1])
    for start in range(0, len(of), step):
        at = slice(start, start + step)
        pnl = part(at)
        component[at] = reading(pnl, of[at])
        incremental[at] = var[of[at]] - figures(whole[of[at]] - pnl, weights, model, sessions)[0]
    return component, incremental


def _by_scenario(whole: Floats, var: Floats, model: Model, weights: Floats | None) -> Reading:
    """Minus the P&L in the scenario that VaR is read from."""
    none = np.zeros(len(whole), np.int64)
    read = [
        tail_scenario(whole, weights, confidence) if np.isfinite(var[:, j]).any() else none
        for j, confidence in enumerate(model.confidences)
    ]
    at = np.stack(read, axis=1)

    def component(pnl: Floats, of: Ints) -> Floats:
        found: Floats = np.where(np.isnan(var[of]), np.nan, -np.take_along_axis(pnl, at[of], axis=1))
        return found

    return component


def _by_moments(whole: Floats, var: Floats, model: Model, weights: Floats | None) -> Reading:
    """Derivative of VaR by the size of a part. Of a vector that does not move there is none: 0, which is its VaR.

    With x the vector about its mean, p a part about its own and E the mean, the second, third and fourth moment of x
    change by 2 E[x p], 3 E[x^2 p] and 4 E[x^3 p] times the relative change of the part.
    """
    scenarios = whole.shape[1]
    weight = np.full(scenarios, 1 / scenarios) if weights is None else weights
    about = whole - (whole * weight).sum(axis=1, keepdims=True)
    about[np.ptp(whole, axis=1) == 0] = 0.0
    variance = ((about**2) * weight).sum(axis=1)
    deviation, skewness, kurtosis = moments(whole, weights)
    slopes = [_slopes(skewness, confidence) for confidence in model.confidences]

    def component(pnl: Floats, of: Ints) -> Floats:
        part = (pnl - (pnl * weight).sum(axis=1, keepdims=True)) * weight
        x, square = about[of], np.where(variance > 0, variance, np.inf)[of]
        second = (x * part).sum(axis=1) / square
        found: Floats = second[:, None] * var[of]
        if model.method == "cornish_fisher":
            third = (x**2 * part).sum(axis=1) / square**1.5
            fourth = (x**3 * part).sum(axis=1) / square**2
            more_skewness = 3 * (third - skewness[of] * second)
            more_kurtosis = 4 * (fourth - (kurtosis[of] + 3) * second)
            for j, (by_skewness, by_kurtosis) in enumerate(slopes):
                found[:, j] += deviation[of] * (by_skewness[of] * more_skewness + by_kurtosis * more_kurtosis)
        return found

    return component


def _slopes(skewness: Floats, confidence: float) -> tuple[Floats, float]:
    """Derivatives of Cornish-Fisher VaR, for a deviation of 1, by skewness and by kurtosis."""
    z, _ = normal(confidence)
    return (2 * z**3 - 5 * z) * skewness / 18 - (z**2 - 1) / 6, -(z**3 - 3 * z) / 24


def components(days: Iterable[Day]) -> pd.DataFrame:
    """Table ``var_components``: where VaR comes from, by position, in base currency.

    A book without VaR by a model has no rows of it.

    Args:
        days: of ``scenarios.days``.
    """
    frames = [_positions(day, model) for day in days for model in day.models if not model.problem]
    return tables.conform("var_components", pd.concat(frames)) if frames else tables.empty("var_components")


def of_positions(made: ScenarioSet, count: int) -> Callable[[Any], Floats]:
    """P&L vectors of positions, by slice or by indices: made once where they are few, which simulated ones are glad of.

    Args:
        made: the scenarios.
        count: number of positions.
    """
    if count * made.pnl.shape[1] > CELLS:
        return lambda at: made.earned(at, slice(None))
    whole = made.earned(slice(None), slice(None))
    return lambda at: np.asarray(whole[at])


def _positions(day: Day, model: Model) -> pd.DataFrame:
    made = day.scenarios(model)
    part = of_positions(made, len(day.rows))
    component, incremental = attributed(made.pnl, day.book, part, model, made.weights, made.sessions)
    worth = day.rows["market_value_base"].to_numpy()[:, None]
    marginal = np.divide(component, worth, out=np.full(component.shape, np.nan), where=worth != 0)
    n = len(model.confidences)
    frame = pd.DataFrame(
        {
            "business_date": day.date,
            "book": np.repeat(day.rows["book"].to_numpy(object), n),
            "instrument": np.repeat(day.rows["instrument"].to_numpy(object), n),
            "method": model.method,
            "confidence": np.tile(model.confidences, len(day.rows)),
            "horizon_days": model.horizon_days,
            "marginal": marginal.round(12).ravel(),
            "component": component.round(6).ravel(),
            "incremental": incremental.round(6).ravel(),
        }
    )
    return frame.dropna(subset="component")


def identity_gaps(var: pd.DataFrame, parts: pd.DataFrame) -> pd.DataFrame:
    """Books whose components do not add up to VaR, beyond the rounding of each component to 10^-6.

    Args:
        var: table ``var``.
        parts: table ``var_components``, or ``var_contributions`` of one dimension; of a book without rows there it
            is enough that VaR is 0.

    Returns:
        business_date, book, method, confidence, horizon_days, var, total, gap = total - var; empty when all is well.
    """
    sums = parts.groupby(KEY)["component"].agg(total="sum", parts="size").reset_index()
    both = var.loc[var["var"].notna(), [*KEY, "var"]].merge(sums, on=KEY, how="left")
    both[["total", "parts"]] = both[["total", "parts"]].fillna(0.0)
    both["gap"] = both["total"] - both["var"]
    allowed = 1e-6 * (both["parts"] + 1) + 1e-12 * both["var"].abs()
    allowed = allowed.mask(both["method"].eq("cornish_fisher"), allowed * AMPLIFIED)
    return both.loc[both["gap"].abs() > allowed].drop(columns="parts").reset_index(drop=True)
