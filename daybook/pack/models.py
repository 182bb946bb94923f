"""Which model of value at risk speaks first, and what models are called.

Belongs here: choosing the main figure among models, horizons and confidences, and their names. Does not belong here:
what is said of a figure (the sections).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.pack import figures

FIRST = "historical"
"""The main model wherever it is computed; else the first by name."""
_WORDS = {"monte_carlo": "Monte Carlo", "cornish_fisher": "Cornish-Fisher", "age_weighted": "age-weighted"}


def word(method: str) -> str:
    """A method as it is written in a sentence."""
    return _WORDS.get(method, figures.words(method))


def labels(rows: pd.DataFrame) -> list[str]:
    """What the model of each row is called, with its horizon where it is not one session."""
    return [
        word(method) + (f", {days:g} sessions" if days != 1 else "")
        for method, days in zip(rows["method"], rows["horizon_days"], strict=True)
    ]


def ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` by model, the main one first: method, then horizon, then confidence."""
    later = rows["method"] != FIRST
    keys = rows.assign(_later=later).sort_values(["_later", "method", "horizon_days", "confidence"], kind="stable")
    return keys.drop(columns="_later")


def main_model(rows: pd.DataFrame, by: Sequence[str] = ("book",)) -> pd.DataFrame:
    """The rows of the main model of each ``by``: the first method there is, at its shortest horizon."""
    names, methods = np.unique(rows["method"].to_numpy(object), return_inverse=True)
    rank = np.argsort(np.lexsort((names, names != FIRST)))[methods] if len(names) else methods
    rows = rows[_least(rank, rows, by)]
    return rows[_least(rows["horizon_days"].to_numpy(), rows, by)]


def main(rows: pd.DataFrame, by: Sequence[str] = ("book",)) -> pd.DataFrame:
    """The rows of the main figure of each ``by``: the main model at its highest confidence."""
    rows = main_model(rows, by)
    return rows[_least(-rows["confidence"].to_numpy(), rows, by)]


def _least(values: NDArray[Any], rows: pd.DataFrame, by: Sequence[str]) -> NDArray[np.bool_]:
    """Where a row's value is the least of its group."""
    group = np.zeros(len(rows), np.intp)
    for name in by:
        codes = pd.factorize(rows[name])[0]
        group = pd.factorize(group * (int(codes.max(initial=0)) + 1) + codes)[0]
    least = np.full(int(group.max(initial=-1)) + 1, np.inf)
    np.minimum.at(least, group, values)
    return np.asarray(values == least[group])


def named(rows: pd.DataFrame) -> str:
    """The one model of ``rows`` in words, such as "historical, 99%, 1 session ahead"; empty for rows of several."""
    if len(rows) == 0 or len(rows[["method", "horizon_days", "confidence"]].drop_duplicates()) > 1:
        return ""
    first = rows.iloc[0]
    ahead = f"{first['horizon_days']:g} session{'s' if first['horizon_days'] != 1 else ''} ahead"
    return f"{word(first['method'])}, {figures.confidence(first['confidence'])}, {ahead}"


def said(status: pd.Series) -> pd.Series:
    """A status for a column that is left out when all is well."""
    return status.mask(status == "ok", "")
