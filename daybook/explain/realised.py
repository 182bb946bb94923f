"""Realised gains: what a sale brought and what the lots that it closed had cost.

Belongs here: the table realised (contract 2.6). Does not belong here: unrealised gains (``holdings``).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.explain.evidence import Evidence, Unexplained, iso, number
from daybook.explain.holdings import chosen
from daybook.explain.tree import Tree
from daybook.ledger import exact, lots

Ints = NDArray[np.int64]

KEY = ["instrument", "transaction_id", "lot"]
BASE = ("gain_base", "market_gain_base", "currency_gain_base")


def realised(tree: Tree, evidence: Evidence, column: str, instrument: str) -> None:
    """Table ``realised``: gain = proceeds - cost, of each closing transaction and lot."""
    rows = evidence.rows("realised")
    if rows.empty:
        raise Unexplained(f"{evidence.book} realised nothing on {evidence.session:%Y-%m-%d}")
    if column not in BASE or instrument != "":
        rows = chosen(evidence, "realised", column, instrument)
    currency = evidence.base if column in BASE else rows["currency"].iloc[0]
    common = {"currency": currency, "source": "realised", "version": evidence.version("realised")}
    of = f"{evidence.book} {instrument}".strip()
    title = f"realised {column} of {of} on {evidence.session:%Y-%m-%d}"
    root = tree.add(-1, title, rows[column].sum(), how=f"sum of {len(rows)} rows", **common)
    label = (
        rows["transaction_id"]
        + " closed "
        + number(rows["quantity"])
        + " "
        + rows["instrument"]
        + " of lot "
        + rows["lot"]
    )
    nodes = tree.add(np.repeat(root, len(rows)), label, rows[column], **common)
    exactly = _parts(evidence).reindex(pd.MultiIndex.from_frame(rows[KEY])).fillna(0).reset_index(drop=True)
    for name, sign in _SIDES[column]:
        values = sign * exact.money(exactly[name].to_numpy(np.int64))
        if name in ("proceeds", "proceeds_base"):
            _sold(tree, nodes, evidence, rows, values, str(currency))
        elif name in ("cost", "cost_base"):
            _bought(tree, nodes, evidence, rows, values, str(currency))
        else:
            how = number(rows["gain"]) + " x the rate of the closing transaction, " + number(exactly["rate"])
            made = tree.add(nodes, "gain at the rate of the closing transaction", values, how=how, **common)
            rate = exactly["rate"].to_numpy(np.float64)
            _sold(tree, made, evidence, rows, np.round(sign * rows["proceeds"].to_numpy() * rate, 6), str(currency))
            _bought(tree, made, evidence, rows, np.round(-sign * rows["cost"].to_numpy() * rate, 6), str(currency))


_SIDES: dict[str, tuple[tuple[str, float], ...]] = {
    "gain": (("proceeds", 1.0), ("cost", -1.0)),
    "proceeds": (("proceeds", 1.0),),
    "cost": (("cost", 1.0),),
    "gain_base": (("proceeds_base", 1.0), ("cost_base", -1.0)),
    "market_gain_base": (("market_gain_base", 1.0),),
    "currency_gain_base": (("proceeds_base", 1.0), ("cost_base", -1.0), ("market_gain_base", -1.0)),
}
"""What each column is the sum of, with its sign."""


def _parts(evidence: Evidence) -> pd.DataFrame:
    """Exact amounts of the session by ``KEY``, as the journal has them, and the rate of the closing transaction."""
    journal = evidence.journal
    parts, events = journal.parts, journal.events
    day = events["session"].to_numpy(np.int64)[parts["posted"]]
    own = (journal.book_of(parts["holding"], parts["member"]) == evidence.book) & (day == evidence.day)
    parts = parts[own].reset_index(drop=True)
    closing = events.take(parts["closing"].to_numpy(np.int64))
    names = ["proceeds", "cost", "proceeds_base", "cost_base", "market_gain_base"]
    frame = parts[names].assign(
        instrument=journal.holdings["instrument"].to_numpy(object)[parts["holding"]],
        transaction_id=closing["transaction_id"].to_numpy(object),
        lot=lots.names(parts["lot"].to_numpy(np.int64), journal.matched.derived, events["transaction_id"]),
        rate=[float(rate) for rate in closing["fx_rate"]],
    )
    found: pd.DataFrame = frame.groupby(KEY).agg(dict.fromkeys(names, "sum") | {"rate": "first"})
    return found


def _sold(
    tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame, values: NDArray[np.float64], currency: str
) -> None:
    said = evidence.told(rows["transaction_id"])
    tree.add(
        parent,
        "proceeds: " + said["label"].where(said["label"] != "", rows["transaction_id"]),
        values,
        currency=currency,
        how="its part by quantity, after fees",
        **{name: said[name] for name in ("source", "file", "line")},
    )


def _bought(
    tree: Tree, parent: Ints, evidence: Evidence, rows: pd.DataFrame, values: NDArray[np.float64], currency: str
) -> None:
    # The name of a lot that a spin-off made ends in :<action>.
    said = evidence.told(rows["lot"])
    opener = evidence.told(rows["lot"].str.split(":", n=1).str[0])
    said = said.where(said["source"] != "", opener)
    pool = "average cost of the pool, opened " + iso(rows["opened_on"])
    tree.add(
        parent,
        "cost: " + said["label"].where(said["label"] != "", pool),
        values,
        currency=currency,
        how="its part by quantity, with fees",
        **{name: said[name] for name in ("source", "file", "line")},
    )
