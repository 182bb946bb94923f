"""Price policy: which sources of prices go first, how old a price may be, how far two may differ.

Belongs here: the declared rows of table ``price_sources`` in force on a date, and the rank of a source under them. Does
not belong here: choosing the price (``prices``), what a stale or strange price means for the close (``quality``).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from daybook.market import dated, security_master

MAX_STALE = 5.0
"""Sessions of its own market that a price may be carried forward where the firm declares nothing: as long as the
contract lets an exchange rate stand."""
TOLERANCE = 0.005
"""By how much the closes of two sources may differ, as a fraction, where the firm declares nothing."""
_DAY = pd.Timedelta(days=1)


def policy(price_sources: pd.DataFrame, instruments: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """``max_stale`` (sessions) and ``tolerance`` (fraction) for each of ``rows``, in its order.

    Args:
        price_sources: facts.
        instruments: reference facts; the asset class in force on the date counts.
        rows: instrument and business_date.
    """
    at = in_force(price_sources, instruments, rows)
    found = price_sources[["max_stale", "tolerance"]].reset_index(drop=True).reindex(at).set_axis(rows.index)
    return found.fillna({"max_stale": MAX_STALE, "tolerance": TOLERANCE})


def in_force(price_sources: pd.DataFrame, instruments: pd.DataFrame, rows: pd.DataFrame) -> dated.Ints:
    """Position in ``price_sources`` of the row in force for each of ``rows``, -1 where there is none.

    That of the instrument's asset class, else that of the empty asset class. Of several that hold on a date
    (valid_from to valid_to, both included) the one with the latest valid_from counts, so that a policy for a while
    gives way to the one before it. Takes the arguments of ``policy``.
    """
    if price_sources.empty:
        return np.full(len(rows), -1, np.int64)
    classes = security_master.attributes(instruments, "instrument", rows, ["asset_class"])["asset_class"]
    steps = _steps(price_sources)
    own, others = (
        _at(steps, wanted, rows["business_date"]) for wanted in (classes, pd.Series("", classes.index, dtype="str"))
    )
    return np.where(own >= 0, own, others)


def ranks(price_sources: pd.DataFrame, at: dated.Ints, sources: "pd.Series[str]", order: Sequence[str]) -> dated.Ints:
    """Rank of each source under the policy at that position: 0 is the best.

    Args:
        price_sources: facts.
        at: what ``in_force`` gives; ``order`` counts where that is -1.
        sources: one for each of ``at``.
        order: sources, the preferred one first.

    Returns:
        As ``dated.ranks``.
    """
    codes, names = pd.factorize(sources)
    # One turn a policy; the last line is that of no policy, where -1 points.
    orders = [*(line.split() for line in price_sources["sources"]), order]
    return np.asarray(np.stack([dated.ranks(names, each) for each in orders])[at, codes], np.int64)


def _steps(price_sources: pd.DataFrame) -> pd.DataFrame:
    """asset_class, since, row: from each date on which something changes, which row holds; -1 for none."""
    rows = price_sources[["asset_class", "valid_from", "valid_to"]].assign(row=np.arange(len(price_sources)))
    changes = pd.concat(
        [
            rows[["asset_class"]].assign(since=rows["valid_from"]),
            rows[["asset_class"]].assign(since=rows["valid_to"] + _DAY).dropna(),
        ]
    ).drop_duplicates()
    pairs = changes.merge(rows, on="asset_class")
    holds = (pairs["valid_from"] <= pairs["since"]) & ~(pairs["valid_to"] < pairs["since"])
    pairs = pairs.assign(holds=holds, row=pairs["row"].where(holds, -1))
    return pairs.sort_values(["holds", "valid_from"], kind="stable").drop_duplicates(
        ["asset_class", "since"], keep="last", ignore_index=True
    )


def _at(steps: pd.DataFrame, classes: "pd.Series[str]", dates: "pd.Series[pd.Timestamp]") -> dated.Ints:
    known, wanted = dated.codes([steps["asset_class"]], [classes])
    at = dated.last(known, steps["since"], wanted, dates)
    return np.append(steps["row"].to_numpy(np.int64), -1)[at]
