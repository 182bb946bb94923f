"""Models of value at risk: which method, over which window and horizon, with which parameters.

Belongs here: what may be declared (facts ``var_models``), its defaults, and which set of scenarios each model reads.
Does not belong here: how scenarios are made (``scenarios``), what is read off them (``var``).

Conventions: a declared row holds from valid_from to valid_to, both included, and replaces the default of its method and
horizon; a cell that is empty takes the default of the method. Methods with a declared row for a horizon of their own
are computed beside the default one session.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from math import isnan
from typing import Any

import pandas as pd

WINDOW = 500
"""Sessions that make the scenarios of a default model: two years."""
MOST = 1_000
"""Longest window that may be declared: four years."""
MOST_PATHS = 100_000
"""Most simulated scenarios that may be declared: the standard error of VaR at 0.99 is then 0.8 % of it."""
LEAST_DECAY = 0.01
"""Least decay that may be declared: 99 % of the weight is then on one session."""
BACK = MOST + 24
"""Sessions to read back: the window, and the month since a GARCH model was fitted on one."""


@dataclass(frozen=True)
class Model:
    """One way to compute value at risk.

    Attributes:
        method: historical, age_weighted, filtered, parametric, cornish_fisher, monte_carlo or factor.
        horizon_days: sessions ahead.
        window: sessions back; overlapping horizons leave horizon_days - 1 scenarios fewer.
        scaling: ``overlapping`` compounds returns over the horizon, ``square_root`` multiplies those of one session.
        decay: of the weights (age_weighted; parametric and cornish_fisher where declared) or of the variance (filtered
            by EWMA); NaN for none.
        volatility_model: ewma, garch, gjr or egarch, of ``filtered``; "" for none.
        distribution: normal or student_t, of ``parametric``, ``monte_carlo`` and the GARCH family.
        degrees_of_freedom: of Student's t, NaN for none; the GARCH family estimates its own.
        paths: simulated scenarios of ``monte_carlo``, each second one the mirror image of the one before: even.
        seed: of the draws of ``monte_carlo`` and ``factor``.
        confidences: 0.99, not 99; sorted.
    """

    method: str
    horizon_days: int = 1
    window: int = WINDOW
    scaling: str = "overlapping"
    decay: float = float("nan")
    volatility_model: str = ""
    distribution: str = "normal"
    degrees_of_freedom: float = float("nan")
    paths: int = 0
    seed: int = 0
    confidences: tuple[float, ...] = (0.95, 0.99)

    @property
    def set_name(self) -> str:
        """Name of the model's own set of scenarios: the method, and the horizon where it is not one session."""
        return self.method if self.horizon_days == 1 else f"{self.method}_{self.horizon_days}"

    @property
    def weighted(self) -> bool:
        """Whether older scenarios weigh less."""
        return self.method in ("age_weighted", *BY_MOMENTS) and not isnan(self.decay)

    @property
    def problem(self) -> str:
        """Why no figure can be computed with what is declared, "" when one can."""
        if self.window > MOST:
            return f"a window of {self.window} sessions is longer than the {MOST} that are read"
        if self.horizon_days > MOST:
            return f"a horizon of {self.horizon_days} sessions is longer than the {MOST} that are read"
        if self.paths > MOST_PATHS:
            return f"{self.paths} paths are more than the {MOST_PATHS} that are simulated"
        if self.decay < LEAST_DECAY:
            return f"a decay of {self.decay:g} is below {LEAST_DECAY:g}: one session alone would count"
        drawn = self.method in ("parametric", "monte_carlo") and self.distribution == "student_t"
        if drawn and not self.degrees_of_freedom > 2:
            return "Student's t needs more than 2 degrees of freedom to have a variance"
        if not all(0 < c < 1 for c in self.confidences):
            return "confidences must lie between 0 and 1"
        return ""


BY_MOMENTS = ("parametric", "cornish_fisher")
"""Methods that read moments of P&L vectors instead of their tail."""
HISTORICAL = Model("historical")
DEFAULTS = (
    # At 0.98 half of the weight is on the last 34 sessions, as in Boudoukh, Richardson and Whitelaw (1998).
    Model("age_weighted", decay=0.98),
    Model("cornish_fisher"),
    Model("factor", seed=1),
    # RiskMetrics' daily decay (1996).
    Model("filtered", decay=0.94, volatility_model="ewma"),
    HISTORICAL,
    # The standard error of VaR at 0.99 from 5,000 paths is 3.5 % of it.
    Model("monte_carlo", distribution="student_t", degrees_of_freedom=6.0, paths=5_000, seed=1),
    Model("parametric"),
)


def in_force(var_models: pd.DataFrame, session: pd.Timestamp) -> tuple[Model, ...]:
    """The models of ``session``, sorted by method and horizon.

    Args:
        var_models: facts; of two rows of one method and horizon in force the later valid_from counts.
        session: midnight, naive.
    """
    if not len(var_models):
        return DEFAULTS
    holds = var_models["valid_from"].le(session) & (var_models["valid_to"].isna() | var_models["valid_to"].ge(session))
    rows = var_models.loc[holds].sort_values(["method", "horizon_days", "valid_from"])
    rows = rows.drop_duplicates(["method", "horizon_days"], keep="last")
    found = {(model.method, model.horizon_days): model for model in DEFAULTS}
    for row in rows.to_dict("records"):
        default = next(model for model in DEFAULTS if model.method == row["method"])
        model = _declared(default, row)
        found[model.method, model.horizon_days] = model
    return tuple(found[key] for key in sorted(found))


def _declared(default: Model, row: Mapping[Hashable, Any]) -> Model:
    words = ("scaling", "volatility_model", "distribution", "decay", "degrees_of_freedom")
    given: dict[str, Any] = {name: row[name] for name in words if row[name] != "" and not pd.isna(row[name])}
    numbers = ("horizon_days", "window", "paths", "seed")
    whole = {name: round(row[name]) for name in numbers if not pd.isna(row[name])}
    if "paths" in whole:
        whole["paths"] += whole["paths"] % 2
    confidences = tuple(sorted({float(number) for number in row["confidences"].split()}))
    if confidences:
        given["confidences"] = confidences
    return replace(default, **given, **whole)


def set_name(model: Model, among: tuple[Model, ...]) -> str:
    """Name of the set of scenarios that ``model`` reads: moments are those of the historical one of the same making.

    Args:
        model: one of ``among``.
        among: the models in force.
    """
    if model.method in BY_MOMENTS and not model.weighted:
        for other in among:
            if other.method == "historical" and making(other) == making(model):
                return other.set_name
    return model.set_name


def making(model: Model) -> tuple[object, ...]:
    """What makes the returns of the model's scenarios: two of the same making have the same P&L vectors."""
    base = (model.horizon_days, model.window, model.scaling)
    if model.method == "filtered":
        ewma = model.decay if model.volatility_model == "ewma" else None
        return ("filtered", *base, ewma, model.volatility_model, model.distribution)
    if model.method == "factor":
        return ("factor", *base, model.seed)
    if model.method == "monte_carlo":
        fat = model.degrees_of_freedom if model.distribution == "student_t" else None
        return ("monte_carlo", *base, fat, model.paths, model.seed)
    return ("historical", *base)
