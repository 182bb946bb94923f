"""Proxies: what stands for returns that an instrument does not have.

Belongs here: which proxy holds for an instrument on a date, and the returns that it fills in. Does not belong here: how
much of a book rests on proxies (``scenarios``), options that move with what they are written on.

Conventions: a row of the facts ``proxies`` holds from valid_from to valid_to, both included; an instrument's own row
goes before its issuer's, that before its sector's, that before its asset class's. A missing return is beta x the return
of the proxy in the same session, local return for local return. The proxy is an instrument or a risk factor; one that
has no return in that session itself leaves the gap open.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.market.security_master import attributes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DIMENSIONS = ("instrument", "issuer", "sector", "asset_class")


def stand_ins(
    proxies: pd.DataFrame, instruments: pd.DataFrame, date: pd.Timestamp, names: Sequence[str]
) -> tuple[NDArray[np.object_], Floats]:
    """The proxy of each of ``names`` on ``date`` and its beta; "" and NaN where none is declared.

    Args:
        proxies: facts; of two rows of one dimension and bucket in force the later valid_from counts.
        instruments: facts, dated by valid_from.
        date: midnight, naive.
        names: instruments.
    """
    wanted = pd.DataFrame({"business_date": date, "instrument": pd.Series(list(names), dtype="str")})
    known = attributes(instruments, "instrument", wanted, DIMENSIONS[1:])
    holds = proxies["valid_from"].le(date) & (proxies["valid_to"].isna() | proxies["valid_to"].ge(date))
    rows = proxies.loc[holds].sort_values(["dimension", "bucket", "valid_from"])
    rows = rows.drop_duplicates(["dimension", "bucket"], keep="last")
    found, beta = np.full(len(wanted), "", object), np.full(len(wanted), np.nan)
    for dimension in reversed(DIMENSIONS):
        declared = rows.loc[rows["dimension"].eq(dimension) & rows["bucket"].ne("")]
        bucket = wanted["instrument"] if dimension == "instrument" else known[dimension]
        at = pd.Index(declared["bucket"]).get_indexer(pd.Index(bucket))
        found[at >= 0] = declared["proxy"].to_numpy(object)[at[at >= 0]]
        beta[at >= 0] = declared["beta"].to_numpy(np.float64)[at[at >= 0]]
    return found, beta


def filled(returns: Floats, beta: Floats, stand_in: Floats) -> Floats:
    """``returns`` with beta x the return of the proxy where there is none; NaN where the proxy has none either.

    Args:
        returns: local returns, NaN where missing, shape (N, S).
        beta: shape (N,), NaN where there is no proxy.
        stand_in: returns of the proxies, NaN where missing, shape (N, S).
    """
    return np.where(np.isnan(returns), beta[:, None] * stand_in, returns)
