"""Which model of value at risk speaks first, and what models are called.

Belongs here: choosing the main figure among models, horizons and confidences, and their names. Does not belong here:
what is said of a figure (the sections).
"""

from collections.abc import Sequence

import pandas as pd

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
    if not len(rows):
        return rows
    order = sorted(set(rows["method"]), key=lambda name: (name != FIRST, name))
    rank = rows["method"].map({name: n for n, name in enumerate(order)})
    groups = [rows[name].astype("object") for name in by]
    rows = rows[(rank == rank.groupby(groups).transform("min")).to_numpy()]
    groups = [rows[name].astype("object") for name in by]
    return rows[(rows["horizon_days"] == rows["horizon_days"].groupby(groups).transform("min")).to_numpy()]


def main(rows: pd.DataFrame, by: Sequence[str] = ("book",)) -> pd.DataFrame:
    """The rows of the main figure of each ``by``: the main model at its highest confidence."""
    rows = main_model(rows, by)
    if not len(rows):
        return rows
    groups = [rows[name].astype("object") for name in by]
    return rows[(rows["confidence"] == rows["confidence"].groupby(groups).transform("max")).to_numpy()]


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
