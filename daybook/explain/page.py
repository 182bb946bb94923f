"""A tree as text, and as a page that opens and closes.

Belongs here: the layout of both. Does not belong here: which nodes there are (``tree``).

The page needs nothing else: no script, nothing from elsewhere. Every text in it is escaped: labels and reasons come
from files.
"""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import Any

import pandas as pd

WIDTH = 22
"""Characters of the column of values."""
_STYLE = """body{font:14px/1.45 system-ui,sans-serif;margin:2em;color:#222;background:#fff}
h1{font-size:1.3em}ul{list-style:none;margin:0;padding-left:1.4em}summary{cursor:pointer}
b{font-variant-numeric:tabular-nums}.e{color:#555}.s{color:#777;font-size:.86em}.x{color:#a00;font-weight:bold}"""


def text(frame: pd.DataFrame, wide: int) -> Iterator[str]:
    """One line for each node: its value, its label by depth, how it comes about and where it stands; ``wide`` at most.

    Evidence has a colon before its value, because it does not add to what is above it.
    """
    nodes: Iterable[Any] = frame.itertuples(index=False)
    for node in nodes:
        value = _value(node)
        told = "; ".join(part for part in (node.how, _place(node)) if part)
        line = f"{value if node.part else '':>{WIDTH}}  {'  ' * node.depth}{node.label}"
        if not node.part and value:
            line += f": {value}"
        line += f" {node.currency}" if node.depth == 0 and node.currency else ""
        yield _cut(f"{line}  [{told}]" if told else line, wide)


def html(frame: pd.DataFrame, notes: Sequence[str]) -> str:
    """A whole document: the root, ``notes`` below it, and the tree, of which the first two levels are open."""
    title = escape(str(frame["label"].iloc[0]))
    said = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1>{said}<ul>{''.join(_items(frame))}</ul></html>\n"
    )


def _items(frame: pd.DataFrame) -> Iterator[str]:
    depths = [*frame["depth"].tolist(), 0]
    for node, (depth, following) in zip(frame.itertuples(index=False), pairwise(depths), strict=True):
        if following > depth:
            yield f"<li><details{' open' if depth < 2 else ''}><summary>{_line(node)}</summary><ul>"
        else:
            yield f"<li>{_line(node)}</li>" + "</ul></details></li>" * (depth - following)


def _line(node: Any) -> str:
    value, told = _value(node), "; ".join(part for part in (node.how, _place(node)) if part)
    kind = "x" if node.label == "not explained" else "" if node.part else "e"
    money = f"<b>{value}</b> " if value else ""
    small = f' <span class="s">{escape(told)}</span>' if told else ""
    return f'<span class="{kind}">{money}{escape(node.label)}</span>{small}'


def _value(node: Any) -> str:
    if node.value != node.value:
        return ""
    return f"{node.value:,.6f}" if node.part else f"{node.value:,.10g}"


def _place(node: Any) -> str:
    """File and line, else the table and its version."""
    if node.file:
        return f"{node.file}:{node.line}" if node.line > 0 else str(node.file)
    return f"{node.source} version {node.version}" if node.version >= 0 else str(node.source)


def _cut(line: str, wide: int) -> str:
    return line if len(line) <= wide else line[: wide - 1] + "…"
