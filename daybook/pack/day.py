"""What the pack knows about one business date: frames in, nothing computed.

Belongs here: ``Day``, the only input of the pages. Does not belong here: words, numbers as text, charts, arithmetic.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import pandas as pd

from daybook.tables import empty

TABLES = (
    "nav", "pnl", "nav_bridge", "valuations", "positions", "cash", "reconciliation_breaks", "performance",
    "attribution", "var", "group_var", "group_var_components", "var_explain", "var_components", "var_contributions",
    "var_backtest", "stress", "stress_components", "reverse_stress", "volatility_forecasts", "factor_risk", "betas",
    "liquidity", "liquidity_profile", "exposures", "look_through_exposures", "limit_usage", "limit_consumption",
    "compliance_results",
    "targets", "proposed_orders", "portfolio_failures", "findings", "prices", "feed_outcomes", "timeline",
    "unexplained_pnl",
    "accruals", "cash_ladder", "share_class_nav", "fee_accruals", "share_class_performance",
    "period_returns", "flow_effects", "ratios", "drawdowns", "attribution_nodes", "attribution_pnl",
    "currency_attribution", "factor_attribution", "period_attribution", "contributions", "risk_attribution",
)  # fmt: skip
"""The tables of one date that the pages read."""

PNL_COLUMNS = ("business_date", "book", "price_pnl", "fx_pnl", "income", "trading_pnl", "fees", "total")
"""The columns of ``Day.history['pnl']``: the table ``pnl`` summed over instruments."""


_CASH = "CASH:"
WAITING_COLUMNS = ("id", "instrument", "subject", "reason", "requested_by", "requested_at")
"""The columns of ``Day.waiting`` that are shown; others may be there."""


def _nothing_waits() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="str") for name in WAITING_COLUMNS})


def _none(table: str) -> "partial[pd.DataFrame]":
    return partial(empty, table)


@dataclass(frozen=True)
class Day:
    """Everything that the pages show, as frames in the columns of ``daybook/tables.py``. Any frame may be empty.

    Attributes:
        business_date: the session D.
        status: book -> state of its day: ``open`` (not computed to the end), ``candidate``, ``closed`` or
            ``restated``. Has every book with a session on D; a book whose calendar is closed on D is left out.
        run_id: the run that computed D; empty if none did.
        tables: name -> rows of D alone, for the names in ``TABLES``. A name left out counts as without rows.
        history: ``nav``, ``performance`` and ``var`` (columns of the tables) and ``pnl`` (``PNL_COLUMNS``), all
            sessions up to and including D, any order.
        previous_nav: table nav, for each book the session before D; a book without a row has its first session.
        quarantine: table quarantine, rows that are not settled yet (status open or waiting).
        versions: table -> (Delta version, content hash) as read for this pack.
        orders: table orders, those made for D and any still open.
        closes: table closes, the signatures on D.
        books: reference in force on D, columns of table books (book, name, base_currency, benchmark, strategy).
        instruments: reference in force on D (instrument, name, asset_class, multiplier).
        limits: limits in force on D, columns of table limits.
        breaches: those of limits that stand when the pack is made, columns of table breaches.
        rules: compliance rules in force on D, columns of table rules.
        overrides: price overrides in force on D, one for each instrument, columns of table price_overrides.
        waiting: requests about overrides that a second person has not decided, ``WAITING_COLUMNS``.
        waivers: of findings and breaks, in force on D, columns of table waivers.
        waiver_requests: those for waivers that a second person has not decided: id, subject, reason,
            requested_by, requested_at.
        series: what could be used on D of each other data series, as ``daybook.market.alternative.usable`` gives it.
        reconciled: books for which the custodian delivered something for D. Tells "no breaks" from "not compared".
    """

    business_date: pd.Timestamp
    status: Mapping[str, str]
    run_id: str
    tables: Mapping[str, pd.DataFrame]
    history: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    previous_nav: pd.DataFrame = field(default_factory=_none("nav"))
    quarantine: pd.DataFrame = field(default_factory=_none("quarantine"))
    versions: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    orders: pd.DataFrame = field(default_factory=_none("orders"))
    closes: pd.DataFrame = field(default_factory=_none("closes"))
    books: pd.DataFrame = field(default_factory=_none("books"))
    instruments: pd.DataFrame = field(default_factory=_none("instruments"))
    limits: pd.DataFrame = field(default_factory=_none("limits"))
    breaches: pd.DataFrame = field(default_factory=_none("breaches"))
    rules: pd.DataFrame = field(default_factory=_none("rules"))
    overrides: pd.DataFrame = field(default_factory=_none("price_overrides"))
    waiting: pd.DataFrame = field(default_factory=_nothing_waits)
    waivers: pd.DataFrame = field(default_factory=_none("waivers"))
    waiver_requests: pd.DataFrame = field(default_factory=_nothing_waits)
    series: pd.DataFrame = field(default_factory=_none("alternative_data"))
    reconciled: Collection[str] = ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The books of the day, in alphabetical order."""
        return tuple(sorted(self.status))

    @cached_property
    def currencies(self) -> Mapping[str, str]:
        """Book -> base currency."""
        nav = self.rows("nav")
        return _filled(self.books, "book", "base_currency") | _filled(nav, "book", "base_currency")

    @cached_property
    def benchmarks(self) -> Mapping[str, str]:
        """Book -> id of its benchmark, for the books that have one."""
        return _filled(self.books, "book", "benchmark")

    @cached_property
    def book_names(self) -> Mapping[str, str]:
        """Book -> display name, for the books that have one."""
        return _filled(self.books, "book", "name")

    @cached_property
    def instrument_names(self) -> Mapping[str, str]:
        """Instrument -> display name, for those that have one."""
        return _filled(self.instruments, "instrument", "name")

    def called(self, instrument: str) -> str:
        """The display name of an instrument, cash in words; its id where it has none."""
        known = self.instrument_names.get(instrument)
        return known or (f"Cash in {instrument[len(_CASH) :]}" if instrument.startswith(_CASH) else instrument)

    def rows(self, table: str, book: str | None = None) -> pd.DataFrame:
        """Rows of ``table`` on D, of ``book`` or of the whole firm."""
        frame = self._tables.get(table)
        if frame is None:
            return empty(table)
        return frame if book is None else self._of_book(frame, table, book)

    def of_books(self, table: str, book: str | None = None) -> pd.DataFrame:
        """Rows of a table of subjects that are about books, its column ``subject`` called ``book``."""
        if table not in self._about_books:
            rows = self.rows(table)
            self._about_books[table] = rows[rows["subject_kind"] == "book"].rename(columns={"subject": "book"})
        frame = self._about_books[table]
        return frame if book is None else self._of_book(frame, f"books of {table}", book)

    def past(self, table: str, book: str) -> pd.DataFrame:
        """Rows of ``table`` for ``book`` over all sessions up to D, oldest first."""
        frame = self._history.get(table)
        return empty(table) if frame is None else self._of_book(frame, f"past {table}", book)

    @cached_property
    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {name: _finite(frame) for name, frame in self.tables.items() if "business_date" in frame.columns}

    @cached_property
    def _history(self) -> Mapping[str, pd.DataFrame]:
        found = {name: frame for name, frame in self.history.items() if "business_date" in frame.columns}
        return {name: _finite(frame.sort_values("business_date", kind="stable")) for name, frame in found.items()}

    @cached_property
    def _about_books(self) -> dict[str, pd.DataFrame]:
        return {}

    @cached_property
    def _books(self) -> dict[str, dict[str, pd.DataFrame]]:
        return {}

    def _of_book(self, frame: pd.DataFrame, name: str, book: str) -> pd.DataFrame:
        """The rows of ``book``: each table is taken apart once, whatever the number of books."""
        if name not in self._books:
            self._books[name] = {str(key): part for key, part in frame.groupby("book", sort=False)}
        return self._books[name].get(book, frame.iloc[:0])


def _finite(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with infinite numbers as missing ones: no page shows either."""
    floats = frame.select_dtypes("float64")
    if not np.isinf(floats.to_numpy()).any():
        return frame
    return frame.assign(**{str(name): floats[name].replace([np.inf, -np.inf], np.nan) for name in floats.columns})


def _filled(frame: pd.DataFrame, key: str, value: str) -> dict[str, str]:
    """``key`` -> ``value`` for the rows where value is not empty."""
    if key not in frame.columns or value not in frame.columns:
        return {}
    return {str(k): v for k, v in zip(frame[key], frame[value], strict=True) if isinstance(v, str) and v}
