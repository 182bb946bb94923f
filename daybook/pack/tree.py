"""A tree of sectors, industries and names as rows within rows.

Belongs here: which row stands below which, and how many are shown. Does not belong here: what the figures mean.
"""

from collections.abc import Sequence

import pandas as pd

from daybook.pack import figures
from daybook.pack.blocks import Branch, Tree
from daybook.pack.day import Day
from daybook.pack.grids import Cell, Column, cells, reasons

_MOST_LEAVES = 160
"""Names in one tree; of more, the largest below each node, and the others of the node together."""
_FEWEST = 3
_LEVELS = {"instrument": "name"}


def tree(
    day: Day,
    caption: str,
    rows: pd.DataFrame,
    columns: Sequence[Column],
    name: str = "Sum",
    notes: Sequence[str] = (),
) -> Tree:
    """The nodes below the whole, largest first, as they come in ``rows``.

    Args:
        day: gives instruments their names.
        caption: what the tree shows.
        rows: node, parent_node, dimension of every node but the whole.
        columns: figures of the same rows. ``total`` is that of the whole, and says that the figures of nodes add up.
        name: what the whole is called.
        notes: what stands below it.
    """
    values = [list(column.values) for column in columns]
    written = [cells(column, found) for column, found in zip(columns, values, strict=True)]
    numbers = [[figures.number(value) for value in found] for found in values]
    labels = _labels(day, rows)
    below: dict[str, list[int]] = {}
    for place, parent in enumerate(rows["parent_node"]):
        below.setdefault(parent, []).append(place)
    nodes = rows["node"].tolist()
    over_leaves = [at for at in below.values() if all(nodes[n] not in below for n in at)]
    leaves = sum(len(at) for at in over_leaves)
    most = leaves if leaves <= _MOST_LEAVES else max(_FEWEST, _MOST_LEAVES // len(over_leaves))

    def branches(parent: str) -> list[Branch]:
        at = below.get(parent, [])
        cut = at if len(at) <= most + 1 or any(nodes[n] in below for n in at) else at[:most]
        found = [Branch(labels[n], [_bare(column[n]) for column in written], branches(nodes[n])) for n in cut]
        rest = at[len(cut) :]
        return [*found, Branch(f"the other {len(rest):,}", _together(columns, numbers, rest))] if rest else found

    whole = Branch(name, [_one(column, column.total) for column in columns])
    head = [("", ""), *((column.label, column.unit) for column in columns)]
    return Tree(caption, head, branches(""), whole, [*notes, *reasons(columns, written)])


def levels(rows: pd.DataFrame) -> str:
    """What the levels of a tree are, from the top down, as in "sector, industry and name"."""
    below = rows[rows["node"] != ""]
    deepest = below.groupby(below["dimension"].astype("object"), sort=False)["depth"].max().sort_values(kind="stable")
    found = [_LEVELS.get(name, name.replace("_", " ")) for name in deepest.index]
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


def _labels(day: Day, rows: pd.DataFrame) -> list[str]:
    found = []
    for node, parent, dimension in zip(rows["node"], rows["parent_node"], rows["dimension"], strict=True):
        own = node[len(parent) + 3 :] if parent else node
        found.append(figures.words(day.called(own) if dimension == "instrument" else own))
    return found


def _together(columns: Sequence[Column], numbers: Sequence[Sequence[float]], at: Sequence[int]) -> list[Cell]:
    """The figures of several nodes in one row: sums, where the figures of nodes add up."""
    return [
        _one(column, sum(values[n] for n in at) if column.total is not None else None)
        for column, values in zip(columns, numbers, strict=True)
    ]


def _one(column: Column, value: float | None) -> Cell:
    return Cell("", "") if value is None else _bare(cells(column, [value])[0])


def _bare(cell: Cell) -> Cell:
    """A figure without what every figure of a tree has, its place at the right, and what the notes say."""
    return Cell(cell.text, cell.css.removeprefix("n").strip())
