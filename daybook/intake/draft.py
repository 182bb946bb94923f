"""Draft: the rows of one file on their way from text to facts, and what was found wrong with them so far.

Belongs here: what all checks share. Does not belong here: the checks (``rows``, ``transactions``, ``actions``).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from daybook import tables
from daybook.intake import terms, values
from daybook.intake.names import Name
from daybook.intake.sheet import Sheet, shown
from daybook.market import currencies

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Reference:
    """What is known when a file arrives: current views of facts, as ``resources.facts`` gives them.

    Attributes:
        books, instruments, accounts, identifiers: all versions of each row.
        corporate_actions: the actions in force.
        transactions: the log, or at least every row whose transaction_id the file names or corrects.
        share_classes: all versions of each row.
        closes: the newest signed session of each book, with business_date, version and signed_by; those at least that
            are no earlier than the transactions in question.
        close_rules: every row, where there are closes.
    """

    books: pd.DataFrame
    instruments: pd.DataFrame
    accounts: pd.DataFrame
    identifiers: pd.DataFrame
    corporate_actions: pd.DataFrame
    transactions: pd.DataFrame
    share_classes: pd.DataFrame
    closes: pd.DataFrame
    close_rules: pd.DataFrame


@dataclass
class Draft:
    """A sheet on its way to facts: texts, values as far as they are typed, and what was found wrong so far."""

    name: Name
    sheet: Sheet
    reference: Reference
    arrived: pd.Timestamp
    texts: dict[str, pa.Array]
    cells: dict[str, NDArray[Any]] = field(default_factory=dict)
    coded: dict[str, tuple[NDArray[Any], NDArray[np.int64], NDArray[Any]]] = field(default_factory=dict)
    refusals: list[pd.DataFrame] = field(default_factory=list)
    dropped: Bools = field(default_factory=lambda: np.zeros(0, bool))
    notes: list[str] = field(default_factory=list)
    known: tuple[str, ...] = ()

    @property
    def table(self) -> tables.Table:
        """The table of facts."""
        return tables.TABLES[self.name.table]

    def __len__(self) -> int:
        return len(self.sheet.lines)

    def has(self, column: str) -> bool:
        """Whether the table has ``column``."""
        return column in self.texts

    def filled(self, column: str) -> Bools:
        """Where ``column`` holds something."""
        return values.filled(self.texts[column])

    def strings(self, column: str) -> NDArray[Any]:
        """The texts of ``column``."""
        return values.strings(self.texts[column])

    def words(self, column: str) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """The distinct cells of a column of text, and for each row which of them it is; found once."""
        cells = self.cells[column]
        held = self.coded.get(column)
        if held is None or held[0] is not cells:
            codes, distinct = pd.factorize(cells)
            held = self.coded[column] = (cells, codes.astype(np.int64), np.asarray(distinct, object))
        return held[1:]

    def matching(self, column: str, accepts: Callable[[NDArray[Any]], Bools]) -> Bools:
        """Where ``accepts`` holds, asked of the distinct cells of a column of text."""
        codes, distinct = self.words(column)
        return np.append(accepts(distinct), False)[codes]

    def fill(self, column: str, where: Bools, with_: Any) -> None:
        """Put ``with_`` (one text or one for each row) where ``column`` is empty and ``where`` holds."""
        wanted = where & ~self.filled(column)
        if not wanted.any():
            return
        if isinstance(with_, str):
            self.texts[column] = pc.if_else(pa.array(wanted), pa.scalar(with_, pa.large_string()), self.texts[column])
        else:
            replaced = np.where(wanted, with_, self.strings(column))
            self.texts[column] = pa.array(replaced.tolist(), pa.large_string())

    def refuse(self, where: Bools, column: str, reason: Any, waits_for: Any = "") -> None:
        """Note that ``column`` is wrong ``where``; reason and waits_for are one text or one for each row."""
        at = np.flatnonzero(where)
        if not len(at):
            return
        delivered = self.sheet.columns.get(column)
        source = delivered if delivered is not None else self.texts.get(column)
        shown_values = [""] * len(at) if source is None else [shown(source[int(row)].as_py()) for row in at]
        found = {"at": at, "column": column, "value": shown_values}
        for key, given in (("reason", reason), ("waits_for", waits_for)):
            found[key] = given if isinstance(given, str) else np.asarray(given, object)[at]
        self.refusals.append(pd.DataFrame(found))

    def sound(self, *columns: str) -> Bools:
        """Rows of which none of ``columns`` (all columns when none is named) was refused so far."""
        good = np.ones(len(self), bool)
        for found in self.refusals:
            rows = found if not columns else found[found["column"].isin(columns)]
            good[rows["at"].to_numpy(np.int64)] = False
        return good

    def dates(self) -> NDArray[Any]:
        """The date that each row is about: its own, or that of delivery."""
        column = terms.ROW_DATE.get(self.name.table, "business_date")
        delivered = np.full(len(self), self.name.delivered.to_datetime64(), "datetime64[us]")
        if not column:
            return delivered
        days = self.cells[column].astype("datetime64[D]").astype("datetime64[us]")
        return np.where(np.isnat(days), delivered, days)


def beyond(places: int) -> str:
    """Why a number cannot be kept."""
    kind = "a quantity" if places == terms.QUANTITY_PLACES else "an amount of money"
    return f"{kind} of {terms.LIMITS[places]:.0e} or more cannot be kept exactly"


def content(draft: Draft, leave: Iterable[str] = ()) -> pd.DataFrame:
    """What the rows say, without when and how they arrived."""
    skipped = {*tables.FACT_COLUMNS, *leave}
    return pd.DataFrame(
        {column: draft.cells[column] for column in draft.table.names if column not in skipped}, copy=False
    )


def known_instruments(draft: Draft, column: str) -> None:
    """Refuse instruments that are not known yet; cash is one where a table may hold cash."""
    codes, words = draft.words(column)
    cash = is_cash(words)
    minor = values.among(words, tuple(f"CASH:{name}" for name in currencies.MINOR))
    known = values.among(words, draft.reference.instruments["instrument"].to_numpy(object))
    missing = (words != "") & ~minor & ~known & ~cash
    if minor.any():
        reasons = np.array([currencies.refusal(word[5:]) for word in words], object)
        draft.refuse(minor[codes], column, reasons[codes])
    if missing.any():
        draft.refuse(missing[codes], column, "unknown instrument", ("instrument:" + words)[codes])
    if draft.name.table not in terms.HOLD_CASH:
        draft.refuse(cash[codes], column, "cash is no instrument here")


def is_cash(words: NDArray[Any]) -> Bools:
    """Where a word is CASH: and a currency."""
    codes, distinct = pd.factorize(words)
    return np.array([word.startswith("CASH:") and is_currency(word[5:]) for word in distinct] + [False], bool)[codes]


def is_currency(word: str) -> bool:
    """Whether ``word`` is three capital letters, and not the name of a minor unit."""
    return len(word) == 3 and word.isascii() and word.isalpha() and word.isupper() and word not in currencies.MINOR
