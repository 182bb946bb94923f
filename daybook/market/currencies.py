"""Minor units: the hundredths of a currency in which some markets quote.

Belongs here: what they are called, and prices in them as prices in the currency itself. Does not belong here: exchange
rates (``fx``). A minor unit is no currency: cash, rates, trades and books are in the major unit alone.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MINOR: Mapping[str, tuple[str, int]] = {
    "GBX": ("GBP", 100),  # London: pence, in the words of the exchange
    "GBp": ("GBP", 100),  # pence, in those of Bloomberg and Reuters
    "ZAc": ("ZAR", 100),  # Johannesburg: cents
    "ILA": ("ILS", 100),  # Tel Aviv: agorot
}
"""Name of each minor unit, its currency, and how many make one. None of the names is in ISO 4217."""


def major(currencies: "pd.Series[str]") -> tuple["pd.Series[str]", NDArray[np.float64]]:
    """The currency behind each name, and how many of the named unit make one of it (1 where it is no minor unit)."""
    named = currencies.isin(list(MINOR))
    if not named.any():
        return currencies, np.ones(len(currencies))
    names = currencies.map({name: of for name, (of, _) in MINOR.items()}).astype("str").where(named, currencies)
    parts = currencies.map({name: float(count) for name, (_, count) in MINOR.items()}).where(named, 1.0)
    return names, np.asarray(parts, np.float64)


def refusal(name: Any) -> str:
    """Why ``name`` cannot stand for a currency; "" where it is no minor unit."""
    if name not in MINOR:
        return ""
    of, count = MINOR[name]
    return f"{name} is no currency but 1/{count} of {of}: give {of}, and amounts in {of}"
