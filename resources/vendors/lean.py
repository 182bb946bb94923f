"""The vendor ``lean``: a folder in the daily format of QuantConnect's LEAN, read as it is.

Belongs here: what the files of that format mean, and saying it in the words of the contract. Does not belong here:
checking prices and actions; that is the inbox's.

What the folder holds (``DAYBOOK_LEAN_DATA``), every date written as 20140606:

* ``<ticker>_daily_raw_e4.csv.gz``: date, open, high, low, close (raw, times 10,000), volume of whoever had the ticker.
* ``map_files/<name>.csv``: date, ticker, exchange; the ticker of one security, valid up to and including the date. The
  first row is its first date.
* ``factor_files/<name>.csv``: date, price factor, split factor, reference price; both factors are products of all
  later ones, valid up to and including the date. The event between two rows is ex on the session after the first.

A price belongs to the security whose map gives it the file's ticker on that date, to the one that took the ticker last
where two do. Prices that no map claims are an earlier (or unmapped) company's: one instrument for each stretch between
those that are claimed. An instrument's permanent id is its first ticker and its first date, as in LEAN.

Factors are rounded products, and the format keeps no terms. They are found again like this:

* A split is the ratio of two split factors. Ratios of whole numbers up to 10 are recognised within 2 in 10,000, because
  LEAN multiplies factors that were rounded to four digits (3.0003 stands for 3); of any other ratio, the simplest
  fraction within 1 in 1,000,000 is taken (``terms``).
* A cash dividend is reference price x (1 - ratio of two price factors), to the fewest decimal places that lie within
  what the rounding of both factors to 7 places leaves open, 6 at most. What is within it of nothing is no dividend.
* A rename is a change of ticker within one map, ex on the session after its date; a change of exchange alone is none. A
  map that ends before the prices of the folder do is a delisting, ex on the session after its last date. It says no
  payment, nor what became of the company.
* The format has no pay dates (``pay_date`` is the ex_date), and what a spin-off or a warrant was worth is in it as a
  cash dividend.

Source of the format: QuantConnect/Lean, ``Common/Data/Auxiliary/MapFile.cs`` and ``CorporateFactorRow.cs``.
"""

import zlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from daybook import calendars
from resources.settings import Settings, SettingsError

MARKETS = {"A": "XASE", "N": "XNYS", "P": "ARCX", "Q": "XNAS", "Z": "BATS", "": "XNYS"}
"""Letter of the exchange in a map file -> MIC. Old maps have none: New York is the contract's default."""
CALENDAR = "XNYS"
"""Every market of the folder ``equity/usa`` keeps this calendar."""

_PRICES = "_daily_raw_e4.csv.gz"
_OPEN = pd.Timestamp("2050-12-31")
_DAY = pd.Timedelta(days=1)
_DATES: Final = "datetime64[us]"
_SMALL, _SMALL_ERROR, _ERROR = 10, Fraction(2, 10_000), Fraction(1, 1_000_000)
_FACTOR_ERROR, _PLACES = 0.5e-7, 6


class LeanDataError(ValueError):
    """A file of the folder is not in the format; the message names file, line, column, value and reason."""


class LeanVendor:
    """Instruments, tickers, raw prices and corporate actions of US equities from a folder of LEAN's daily data.

    Nothing is delivered before its own date: an instrument on its first, a ticker when it begins and again when it
    ends, an action on its ex_date.

    Raises:
        SettingsError: ``DAYBOOK_LEAN_DATA`` is not set, or is no folder.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.lean_data is None:
            raise SettingsError("DAYBOOK_LEAN_DATA is not set: the vendor lean needs the folder of its data")
        if not settings.lean_data.is_dir():
            raise SettingsError(f"DAYBOOK_LEAN_DATA={str(settings.lean_data)!r} is not a folder")
        self._folder = settings.lean_data

    def last_session(self) -> pd.Timestamp:
        """The last date of any price in the folder."""
        return pd.Timestamp(self._quotes["date"].max())

    def default_date(self) -> pd.Timestamp:
        """The last session."""
        return self.last_session()

    def deliver(self, after: pd.Timestamp | None, through: pd.Timestamp) -> Iterator[tuple[str, bytes]]:
        """Files with what is dated later than ``after`` and not later than ``through``, reference tables first.

        The row of a ticker that ends in that time is delivered again, unchanged: maps are continued as time goes by.

        Raises:
            LeanDataError: a file cannot be read.
        """
        last = pd.Timestamp(through)
        for table, (dated, frame) in self._tables.items():
            wanted = pd.Series(False, index=frame.index)
            for column in dated:
                within = frame[column] <= last
                wanted |= within if after is None else within & (frame[column] > pd.Timestamp(after))
            if wanted.any():
                rows = frame[wanted].drop(columns="first", errors="ignore")
                text = rows.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d")
                yield f"{table}_{last:%Y-%m-%d}_lean.csv", text.encode()

    @cached_property
    def _tables(self) -> dict[str, tuple[tuple[str, ...], pd.DataFrame]]:
        """Table -> the columns by which a row is delivered, and every row."""
        spans = self._spans
        return {
            "instruments": (("first",), _instruments(spans)),
            "identifiers": (("valid_from", "valid_to"), _identifiers(spans)),
            "corporate_actions": (("ex_date",), self._actions),
            "prices": (("business_date",), self._prices),
        }

    @cached_property
    def _quotes(self) -> pd.DataFrame:
        """Every row of every price file: ticker, date, open, high, low, close, volume."""
        paths = sorted(self._folder.glob(f"*{_PRICES}"))
        if not paths:
            raise LeanDataError(f"{self._folder}: no price file *{_PRICES}")
        names = ["date", "open", "high", "low", "close", "volume"]
        parts = []
        for path in paths:
            frame = _read(path, names, numbers=names[1:])
            frame[names[1:5]] /= 1e4
            parts.append(frame.assign(ticker=path.name.removesuffix(_PRICES).upper()))
        return pd.concat(parts).sort_values(["date", "ticker"], ignore_index=True)

    @cached_property
    def _mapped(self) -> pd.DataFrame:
        """Who had which ticker: name (of the map file), instrument, ticker, exchange, first, last."""
        parts = [_map(path) for path in sorted((self._folder / "map_files").glob("*.csv"))]
        none = pd.DataFrame({name: pd.Series(dtype="str") for name in ("name", "instrument", "ticker", "exchange")})
        dates = {name: pd.Series(dtype="datetime64[us]") for name in ("first", "last")}
        return pd.concat([none.assign(**dates), *parts]).sort_values(["first", "name"], ignore_index=True)

    @cached_property
    def _owned(self) -> pd.DataFrame:
        """``_quotes`` with the instrument to which each row belongs; ``mapped`` tells whether by a map."""
        spans = self._mapped[["ticker", "first", "last", "instrument"]]
        rows = pd.merge_asof(self._quotes, spans, left_on="date", right_on="first", by="ticker")
        rows["mapped"] = rows["date"] <= rows["last"]
        strays = rows[~rows["mapped"]]
        began = strays.groupby(["ticker", "first"], dropna=False)["date"].transform("min")
        rows.loc[~rows["mapped"], "instrument"] = _ids(strays["ticker"], began)
        return rows

    @cached_property
    def _spans(self) -> pd.DataFrame:
        """``_mapped`` and the stretches of prices that no map claims, by instrument and first date."""
        mapped = self._mapped
        strays = self._owned[~self._owned["mapped"]].groupby(["instrument", "ticker"], as_index=False)
        found = strays["date"].agg(first="min", last="max").assign(exchange=MARKETS[""])
        taken = mapped.groupby("ticker")["first"].max().reindex(found["ticker"]).to_numpy()
        # The file ends, not the ticker: unless somebody else took it later, it is still theirs.
        still = ~(taken > found["last"].to_numpy())
        found.loc[still, "last"] = _OPEN
        own = found["ticker"].str.lower()
        found["name"] = own.where(still & ~own.isin(mapped["name"]), "")
        spans: pd.DataFrame = pd.concat([mapped, found])
        return spans.sort_values(["instrument", "first"], ignore_index=True)

    @cached_property
    def _prices(self) -> pd.DataFrame:
        rows = self._owned.rename(columns={"date": "business_date"})
        names = ["business_date", "instrument", "close", "open", "high", "low", "volume"]
        rows = rows[names].sort_values(names[:2], ignore_index=True)
        return rows.assign(currency="USD", price_basis="raw", source="lean")

    @cached_property
    def _actions(self) -> pd.DataFrame:
        instruments = self._spans.drop_duplicates("name").set_index("name")["instrument"].drop("", errors="ignore")
        paths = {name: self._folder / "factor_files" / f"{name}.csv" for name in instruments.index}
        parts = [_events(_factors(path), instruments[name]) for name, path in paths.items() if path.is_file()]
        columns = ["action_id", "instrument", "kind", "ex_date", "numerator", "denominator", "amount", "currency"]
        named = _naming(self._mapped, self.last_session())
        events = pd.concat([named, *parts], ignore_index=True).fillna(dict.fromkeys(columns[4:], ""))
        if events.empty:
            return pd.DataFrame({name: pd.Series(dtype="str") for name in columns}).astype({"ex_date": _DATES})
        events["ex_date"] = calendars.next_session(CALENDAR, events["date"])
        day = events["ex_date"].dt.strftime("%Y-%m-%d")
        events["action_id"] = "lean:" + events["instrument"] + ":" + events["kind"] + ":" + day
        return events.sort_values(["ex_date", "instrument", "kind"], ignore_index=True)[columns]


def terms(factor: float) -> Fraction:
    """New units per old one of a split that multiplied earlier prices by ``factor``; 1 is no split.

    .1428572 gives 7, 20 gives 1/20, .997307 gives 1114/1111. The module tells how.
    """
    exact = 1 / Fraction(factor)
    low = min(exact, 1 / exact).limit_denominator(_SMALL)
    if 0 < low < 1:
        small = low if exact < 1 else 1 / low
        if abs(small / exact - 1) <= _SMALL_ERROR:
            return small
    return _simplest(exact * (1 - _ERROR), exact * (1 + _ERROR))


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """The fraction of smallest denominator between two positive ones, by their common continued fraction."""
    whole = ceil(low)
    if whole <= high:
        return Fraction(whole)
    return whole - 1 + 1 / _simplest(1 / (high - whole + 1), 1 / (low - whole + 1))


def _factors(path: Path) -> pd.DataFrame:
    """The rows of one factor file; both factors divide, so neither may be zero."""
    names = ["price_factor", "split_factor"]
    rows = _read(path, ["date", *names, "reference"], numbers=[*names, "reference"])
    for name in names:
        low = np.flatnonzero(rows[name] <= 0)
        if len(low):
            raise _refused(path, int(low[0]), name, float(rows[name].iloc[low[0]]), "not above zero")
    return rows


def _events(factors: pd.DataFrame, instrument: str) -> pd.DataFrame:
    """The splits and dividends between the rows of one factor file."""
    now, later = factors.iloc[:-1].reset_index(drop=True), factors.iloc[1:].reset_index(drop=True)
    ratios = [terms(factor) for factor in now["split_factor"] / later["split_factor"]]
    split = pd.DataFrame(
        {
            "date": now["date"],
            "kind": "split",
            "numerator": [str(ratio.numerator) for ratio in ratios],
            "denominator": [str(ratio.denominator) for ratio in ratios],
            "amount": "",
            "currency": "",
        }
    )[[ratio != 1 for ratio in ratios]]
    paid, amounts = _dividends(now, later)
    dividend = pd.DataFrame(
        {
            "date": now["date"],
            "kind": "cash_dividend",
            "numerator": "",
            "denominator": "",
            "amount": amounts,
            "currency": "USD",
        }
    )[paid]
    dividend["amount"] = dividend["amount"].map(repr)
    both: pd.DataFrame = pd.concat([split, dividend])
    return both.assign(instrument=instrument)


def _naming(mapped: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """Renames, and delistings before ``last``: date (the last day of the ticker), kind, instrument."""
    spans = mapped.sort_values(["name", "first"])
    following = spans.groupby("name")["ticker"].shift(-1)
    renamed = following.notna() & (following != spans["ticker"])
    delisted = following.isna() & (spans["last"] < last)
    found = spans.assign(kind=np.where(delisted, "delisting", "rename"), date=spans["last"])[renamed | delisted]
    return found[["date", "kind", "instrument"]]


def _dividends(now: pd.DataFrame, later: pd.DataFrame) -> tuple[Any, Any]:
    """Whether one was paid between each two rows, and how much."""
    factor, reference = later["price_factor"], now["reference"]
    ratio = now["price_factor"] / factor
    amount = reference * (1.0 - ratio)
    doubt = reference * (1.0 + ratio) / factor * _FACTOR_ERROR
    rounded = amount.round(_PLACES)
    for places in reversed(range(_PLACES)):
        shorter = amount.round(places)
        rounded = shorter.where((shorter - amount).abs() <= doubt, rounded)
    return amount.abs() > doubt, rounded


def _map(path: Path) -> pd.DataFrame:
    """The spans of one map file, adjoining ones of the same ticker and exchange as one."""
    rows = _read(path, ["date", "ticker", "letter"])
    if not rows["date"].is_monotonic_increasing:
        raise LeanDataError(f"{path}: the dates are not in order")
    unknown = np.flatnonzero(~rows["letter"].isin(list(MARKETS)))
    if len(unknown):
        raise _refused(path, unknown[0], "exchange", rows["letter"].iloc[unknown[0]], "unknown exchange")
    rows["ticker"] = rows["ticker"].str.upper()
    rows["exchange"] = rows["letter"].map(MARKETS)
    rows["first"] = (rows["date"].shift() + _DAY).fillna(rows["date"])
    changed = (rows[["ticker", "exchange"]] != rows[["ticker", "exchange"]].shift()).any(axis=1)
    spans = rows.groupby(changed.cumsum().to_numpy(), as_index=False).agg(
        ticker=("ticker", "first"), exchange=("exchange", "first"), first=("first", "min"), last=("date", "max")
    )
    spans["instrument"] = _ids(spans["ticker"], spans["first"]).iloc[0]
    return spans.assign(name=path.name.removesuffix(".csv"))


def _ids(tickers: "pd.Series[Any]", dates: "pd.Series[Any]") -> "pd.Series[Any]":
    ids: pd.Series[Any] = tickers + "-" + dates.dt.strftime("%Y-%m-%d")
    return ids


def _instruments(spans: pd.DataFrame) -> pd.DataFrame:
    """One row per instrument, named by its last ticker; ``first`` is the date on which it is delivered."""
    found = spans.groupby("instrument", as_index=False).agg(
        first=("first", "min"), name=("ticker", "last"), exchange=("exchange", "last")
    )
    return found.assign(asset_class="equity", currency="USD")


def _identifiers(spans: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "instrument": spans["instrument"],
            "scheme": "ticker",
            "exchange": spans["exchange"],
            "valid_from": spans["first"],
            "value": spans["ticker"],
            "valid_to": spans["last"].where(spans["last"] < _OPEN),
        }
    )


def _read(path: Path, names: Sequence[str], numbers: Sequence[str] = ()) -> pd.DataFrame:
    """The rows of a file without header: ``date`` as a date, ``numbers`` as numbers, the rest as text."""
    try:
        rows = pd.read_csv(
            path, header=None, names=list(names), index_col=False, dtype="str", keep_default_na=False,
            skip_blank_lines=False,
        ).fillna("")  # fmt: skip
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise LeanDataError(f"{path}: cannot be read: {error}") from error
    # A blank line at the end of a file says nothing, and does not move the lines before it.
    rows = rows[(rows != "").any(axis=1)]
    if rows.empty:
        raise LeanDataError(f"{path}: holds no rows")
    dates = pd.to_datetime(rows["date"].str[:8], format="%Y%m%d", errors="coerce").astype(_DATES)
    typed: dict[str, Any] = {"date": dates}
    for name in numbers:
        found = pd.to_numeric(rows[name], errors="coerce").astype("float64")
        typed[name] = found.where(np.isfinite(found))
    for name, found in typed.items():
        bad = found.index[found.isna()]
        if len(bad):
            reason = "not a date written as 20140606" if name == "date" else "not a number"
            raise _refused(path, bad[0], name, rows.loc[bad[0], name], reason)
    return rows.assign(**typed).reset_index(drop=True)


def _refused(path: Path, row: int, column: str, value: Any, reason: str) -> LeanDataError:
    return LeanDataError(f"{path}, line {row + 1}, column {column}: {value!r}: {reason}")
