"""The tree of a number: nodes that add up to it, and the evidence beside them.

Belongs here: the form of a tree, that its parts add up, its order, and folding it. Does not belong here: what the nodes
say (the modules named after tables), how they are shown (``page``).

A node is a part, which adds to the node above it, or evidence (a price, a rate, an action), which does not. Money of
parts is compared in whole numbers of 10^-6. What rounding leaves between a node and its parts is a leaf of its own, as
long as it is no more than their number of roundings explains; more than that is a leaf named ``NOT_EXPLAINED``.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]

COLUMNS = (
    *("node", "parent", "depth", "label", "value", "currency", "part", "how", "source", "file", "line", "version"),
)
"""Columns of a tree: node (number, from 0), parent (-1 of the root), depth, label, value (NaN where it has none),
currency, part, how (the arithmetic, or the convention), source (a table), file and line of the fact (0: none), version
of the table (-1: none)."""
ROUNDING, NOT_EXPLAINED = "rounding", "not explained"
SCALE = 1_000_000
_TEXT = {"label": "", "currency": "", "how": "", "source": "", "file": ""}
_PLAIN: dict[str, Any] = {**_TEXT, "value": np.nan, "part": True, "line": 0, "version": -1}


class Tree:
    """A tree that grows by many nodes at once."""

    def __init__(self) -> None:
        self._chunks: list[dict[str, Any]] = []
        self._count = 0
        self._demanded: list[Ints] = []

    def add(self, parent: Any, label: Any, value: Any = np.nan, **columns: Any) -> Ints:
        """Add one node for each of ``parent``.

        Args:
            parent: number of the node above each; -1 of the root.
            label: text of each, or of all.
            value: of each, or of all.
            **columns: others of ``COLUMNS``, of each or of all; ``part`` is True unless it is given.

        Returns:
            Numbers of the new nodes.
        """
        above = np.atleast_1d(np.asarray(parent, np.int64))
        given = {**_PLAIN, **columns, "label": label, "value": value}
        made = {name: np.broadcast_to(np.asarray(each, _type(name)), above.shape) for name, each in given.items()}
        self._chunks.append({"parent": above, **made})
        first, self._count = self._count, self._count + len(above)
        return np.arange(first, self._count)

    def demand(self, nodes: Ints) -> None:
        """Say that ``nodes`` have parts: one that has none is not explained, unless it is 0."""
        self._demanded.append(np.asarray(nodes, np.int64))

    def frame(self) -> pd.DataFrame:
        """Every node: parents before their children, evidence first, then parts by size, what rounding leaves last."""
        columns = {name: np.concatenate([chunk[name] for chunk in self._chunks]) for name in self._chunks[0]}
        frame = pd.DataFrame({"node": np.arange(self._count), **columns})
        demanded = np.zeros(self._count, bool)
        demanded[np.concatenate([*self._demanded, np.empty(0, np.int64)])] = True
        frame = _ordered(_closed(frame, demanded))
        return frame.astype(dict.fromkeys(_TEXT, "str"))[list(COLUMNS)]


def _type(name: str) -> Any:
    return {"value": np.float64, "part": np.bool_, "line": np.int64, "version": np.int64}.get(name, object)


def micros(values: Any) -> Ints:
    """Money as whole numbers of 10^-6; a missing one counts as 0."""
    return np.rint(np.nan_to_num(np.asarray(values, np.float64)) * SCALE).astype(np.int64)


def _closed(frame: pd.DataFrame, demanded: NDArray[np.bool_]) -> pd.DataFrame:
    """``frame`` with a leaf for what is between a node and the sum of its parts, where it has or should have some."""
    part = frame["part"].to_numpy(bool) & (frame["parent"] >= 0).to_numpy()
    above, value = frame["parent"].to_numpy(np.int64)[part], frame["value"].to_numpy(np.float64)
    total, count, size = (np.zeros(len(frame), kind) for kind in (np.int64, np.int64, np.float64))
    np.add.at(total, above, micros(value[part]))
    np.add.at(count, above, 1)
    np.maximum.at(size, above, np.abs(np.nan_to_num(value[part])))
    gap = np.where((count > 0) | demanded, micros(value) - total, 0)
    at = np.flatnonzero(gap)
    # Each part and the node were rounded once; beyond that float64 keeps some 16 digits of each.
    allowed = 0.5 * (count[at] + 1) + count[at] * size[at] * SCALE * 2.0**-50
    fine = np.abs(gap[at]) <= allowed
    more = pd.DataFrame(
        {
            **{name: np.full(len(at), plain) for name, plain in _PLAIN.items()},
            "node": len(frame) + np.arange(len(at)),
            "parent": at,
            "label": np.where(fine, ROUNDING, NOT_EXPLAINED),
            "value": gap[at] / SCALE,
            "currency": frame["currency"].to_numpy(object)[at],
            "how": np.where(fine, "every part is rounded to the millionth", "its parts do not add up to it"),
        }
    )
    return pd.concat([frame, more.astype(frame.dtypes.to_dict())], ignore_index=True) if len(at) else frame


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` in its order, numbered anew: evidence first, then parts by size, what rounding leaves last."""
    parent, part = frame["parent"].to_numpy(np.int64), frame["part"].to_numpy(bool)
    size = np.where(part, -np.abs(np.nan_to_num(frame["value"].to_numpy(np.float64))), 0.0)
    depth = depths(parent)
    return _placed(frame.assign(depth=depth), np.lexsort((np.arange(len(frame)), size, _left(frame), part, parent)))


def _left(frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Which nodes are what rounding leaves, or what is not explained."""
    named = np.asarray(frame["label"].isin((ROUNDING, NOT_EXPLAINED)), np.bool_)
    return named & np.asarray(frame["part"], np.bool_)


def _placed(frame: pd.DataFrame, among: Ints) -> pd.DataFrame:
    """``frame`` so that each node is followed by what is below it, siblings in the order ``among``, numbered anew."""
    parent, depth = frame["parent"].to_numpy(np.int64), frame["depth"].to_numpy(np.int64)
    rank = np.empty(len(frame), np.int64)
    rank[among] = np.arange(len(frame))
    paths = np.full((int(depth.max()) + 1, len(frame)), -1, np.int64)
    at = np.arange(len(frame))
    for level in range(len(paths) - 1, -1, -1):
        here = depth[at] == level
        paths[level, here] = rank[at[here]]
        at = np.where(here & (parent[at] >= 0), parent[at], at)
    order = np.lexsort(paths[::-1])
    place = np.empty(len(frame), np.int64)
    place[order] = np.arange(len(frame))
    above = np.where(parent < 0, -1, place[parent])
    return frame.assign(node=place, parent=above).take(order).reset_index(drop=True)


def depths(parent: Ints) -> Ints:
    """How many nodes are above each."""
    depth, at = np.zeros(len(parent), np.int64), parent.copy()
    while (there := at >= 0).any():
        depth[there] += 1
        at[there] = parent[at[there]]
    return depth


def leaves(frame: pd.DataFrame) -> pd.DataFrame:
    """The parts that have no parts below them, all the way up being parts: they add up to the root."""
    part = frame["part"].to_numpy(bool).copy()
    parent = frame["parent"].to_numpy(np.int64)
    # Below evidence nothing adds to the root; parents stand before their children.
    for _ in range(int(frame["depth"].max())):
        part &= np.where(parent >= 0, part[parent], True)
    inner = np.zeros(len(frame), bool)
    inner[parent[part & (parent >= 0)]] = True
    return frame[part & ~inner]


def gap(frame: pd.DataFrame) -> float:
    """By how much the leaves do not add up to the root: what rounding does not explain, with its sign removed."""
    found = leaves(frame)
    missing = found.loc[found["label"] == NOT_EXPLAINED, "value"].abs().sum()
    return float(missing + abs(int(micros(found["value"]).sum()) - int(micros(frame["value"].iloc[:1])[0])) / SCALE)


def folded(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    """``frame`` with no more than ``most`` parts, and as much evidence, below each node.

    The smallest ones are one node, ``and n more``, with their sum and nothing below it. What rounding leaves, and what
    is not explained, always stays.
    """
    parent = frame["parent"].to_numpy(np.int64)
    # Nodes stand in the order of their size among their siblings.
    among = frame.assign(left=_left(frame)).groupby(["parent", "part", "left"])
    rank, size = among.cumcount().to_numpy(), among["node"].transform("size").to_numpy()
    # One more is shown rather than told of.
    gone = ~_left(frame) & (rank >= most) & (size > most + 1)
    below = gone.copy()
    for _ in range(int(frame["depth"].max())):
        below |= np.where(parent >= 0, below[parent], False)
    first = frame[gone & ~np.where(parent >= 0, below[parent], False)]
    if first.empty:
        return frame
    groups = first.assign(micro=micros(first["value"])).groupby(["parent", "part"], as_index=False, sort=False)
    sums = groups.agg(
        count=("node", "size"), micro=("micro", "sum"), currency=("currency", "first"), depth=("depth", "first")
    )
    more = pd.DataFrame(
        {
            **{name: np.full(len(sums), plain) for name, plain in _PLAIN.items()},
            **{name: sums[name] for name in ("parent", "depth", "part")},
            "node": -1,
            "label": "and " + sums["count"].map("{:,}".format).astype("str") + " more",
            "value": (sums["micro"] / SCALE).where(sums["part"]),
            "currency": sums["currency"].where(sums["part"], ""),
        }
    )
    both = pd.concat([frame[~below], more[list(COLUMNS)].astype(frame.dtypes.to_dict())], ignore_index=True)
    place = np.full(len(frame), -1, np.int64)
    place[frame["node"].to_numpy()[~below]] = np.arange(len(frame) - int(below.sum()))
    above = both["parent"].to_numpy(np.int64)
    both = both.assign(parent=np.where(above < 0, -1, place[above]))
    among_all = np.lexsort((np.arange(len(both)), _left(both), both["part"], both["parent"]))
    return _placed(both, among_all)
