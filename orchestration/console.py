"""What the ``daybook`` command shows: tables, progress, one-line errors, exit codes.

Belongs here: how things look in a terminal. Does not belong here: what they are.
"""

import json
import os
import re
import sys
import unicodedata
from collections.abc import Collection
from typing import Any, Literal

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

DONE, FAILED, USAGE, NOT_CLOSABLE = 0, 1, 2, 3

WIDE = 160
"""Characters of a line where no terminal sets them: rich would fold every table into 80."""

# What spreadsheets take for the start of a formula, also as wide characters of East Asian keyboards.
_STARTS = tuple("=+-@\t\r\n＝＋－＠")
_OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def shown(text: str) -> str:
    """``text`` with every character that a terminal obeys instead of showing as its escape, line ends and tabs kept.

    Reasons, names and files are what others wrote: a control character could clear a line or write another one, and
    one that turns the direction of writing could show a number backwards.
    """
    return "".join(
        character if character in "\n\t" or unicodedata.category(character) not in _OBEYED else ascii(character)[1:-1]
        for character in text
    )


class _Terminal(Console):
    """A console on which no text acts: control characters are shown, ``:A:`` (as in ids of breaks) is no emoji."""

    def render_str(self, text: str, **how: Any) -> Text:  # type: ignore[override]
        return super().render_str(shown(text), **how)


out = _Terminal(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDE, emoji=False)
err = _Terminal(stderr=True, emoji=False)


class Refused(Exception):
    """The command cannot do what it was asked; the message says what, where and what to do."""


class Misused(Refused):
    """The words of the command are wrong."""


def table(
    title: str, frame: pd.DataFrame, rows: int = 60, right: Collection[str] = (), whole: Collection[str] = ()
) -> None:
    """Print the last ``rows`` rows of ``frame`` as a table; numbers and the columns ``right`` to the right.

    What somebody types again, the columns ``whole``, is not folded into several lines.
    """
    shown = Table(title=escape(title), title_justify="left", header_style="bold", show_lines=False)
    for name in frame.columns:
        numeric = pd.api.types.is_numeric_dtype(frame[name]) and not pd.api.types.is_bool_dtype(frame[name])
        justify: Literal["left", "right"] = "right" if numeric or name in right else "left"
        shown.add_column(str(name), justify=justify, overflow="fold", no_wrap=name in whole)
    for row in frame.tail(rows).itertuples(index=False):
        shown.add_row(*(escape(cell(value)) for value in row))
    out.print(shown)
    if len(frame) > rows:
        out.print(f"[dim]the last {rows} of {len(frame):,} rows; --format csv gives all[/dim]")


def cell(value: Any) -> str:
    """One value for a person: thousands separators, no NaN."""
    if isinstance(value, float):
        if pd.isna(value):
            return "–"
        return f"{value:,.2f}" if abs(value) >= 1000 else f"{value:,.6g}"
    if value is None or value is pd.NaT:
        return "–"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}" if value == value.normalize() and value.tz is None else f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, (list, tuple)) or hasattr(value, "shape"):
        return f"[{len(value)} values]"
    return str(value)


def machine(frame: pd.DataFrame, form: str) -> None:
    """Write ``frame`` to standard output as csv or json: column names, full precision and nothing else.

    In csv a text that a spreadsheet would run is made one that it shows (``tamed``); json has every text as delivered.
    """
    plain = frame.copy(deep=False)
    for name in plain.columns:
        if isinstance(plain[name].dtype, pd.DatetimeTZDtype):
            plain[name] = plain[name].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        elif pd.api.types.is_datetime64_dtype(plain[name]):
            plain[name] = plain[name].dt.strftime("%Y-%m-%d")
        elif plain[name].map(lambda value: isinstance(value, np.ndarray)).any():
            lists = plain[name].map(list)
            plain[name] = lists.map(json.dumps) if form == "csv" else lists
        elif form == "csv" and (plain[name].dtype == "str" or plain[name].dtype == "object"):
            plain[name] = tamed(plain[name])
    if form == "csv":
        plain.to_csv(sys.stdout, index=False)
    else:
        sys.stdout.write(plain.to_json(orient="records", double_precision=15) + "\n")


def tamed(texts: "pd.Series[Any]") -> "pd.Series[Any]":
    """``texts`` with ``'`` before those that a spreadsheet takes for a formula (OWASP, CSV injection; CWE-1236).

    A number stays as it is, signed or not, and so does everything that is no text.
    """
    return texts.map(
        lambda cell: (
            f"'{cell}" if isinstance(cell, str) and cell.startswith(_STARTS) and not _NUMBER.fullmatch(cell) else cell
        )
    )


def complain(message: str) -> None:
    """One line on standard error, however many lines ``message`` has: what, where, what to do."""
    err.print(f"[bold red]daybook:[/bold red] {escape(' '.join(message.split()))}", soft_wrap=True)
