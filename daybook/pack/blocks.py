"""What a section of a page is made of.

Belongs here: the few kinds of block that the template can write. Does not belong here: what they say.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from daybook.pack.grids import Cell, Grid


@dataclass(frozen=True)
class Words:
    """A sentence; ``tone`` good, care, bad or plain."""

    text: str
    tone: str = "plain"
    block: str = field(default="words", init=False)


@dataclass(frozen=True)
class Chart:
    """A chart with its caption (what it shows) and a note (unit, convention)."""

    svg: Markup
    caption: str
    note: str = ""
    block: str = field(default="chart", init=False)


@dataclass(frozen=True)
class Side:
    """Charts and small tables side by side where there is room."""

    items: Sequence[Chart | Grid]
    block: str = field(default="side", init=False)


@dataclass(frozen=True)
class Figure:
    """A key figure: its name, the number, a line of explanation, and the unit."""

    label: str
    value: str
    note: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Figures:
    """Key figures in a row."""

    items: Sequence[Figure]
    block: str = field(default="figures", init=False)


@dataclass(frozen=True)
class Branch:
    """A row of a tree: its name, its figures, and the rows below it, which stay closed until somebody opens it."""

    name: str
    cells: Sequence[Cell]
    below: Sequence["Branch"] = ()


@dataclass(frozen=True)
class Tree:
    """Rows within rows under one head of (label, unit); ``whole`` stands below them all."""

    caption: str
    head: Sequence[tuple[str, str]]
    branches: Sequence[Branch]
    whole: Branch
    notes: Sequence[str] = ()
    block: str = field(default="tree", init=False)


@dataclass(frozen=True)
class Fold:
    """Tables that stay closed until somebody opens them; open in print."""

    title: str
    items: Sequence[Grid | Tree]
    block: str = field(default="fold", init=False)


Block = Words | Side | Figures | Fold | Grid | Tree


@dataclass(frozen=True)
class Section:
    """A part of the page: anchor, heading, the convention its figures follow, and what it shows."""

    key: str
    title: str
    convention: str
    blocks: Sequence[Block]
