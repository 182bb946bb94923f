"""The vendor ``sample``: a demonstration firm that trades at real prices, from data inside installed packages.

Belongs here: what is delivered, and when. Does not belong here: the data (``prices``), the firm (``reference``,
``firm``) and its custodian (``custodian``). docs/demonstration.md describes the whole.
"""

from collections.abc import Iterator
from functools import cached_property

import pandas as pd

from resources.settings import Settings, SettingsError
from resources.vendors.sample import custodian, firm, prices, reference


class SampleVendor:
    """The demonstration firm's market data, transactions and custodian records, from ``sample_start`` on.

    Nothing reads the network. The books begin on 2020-10-01, or on the second session delivered when ``sample_start``
    is later: a short history for trying things out is a firm of its own, by the same rule.
    """

    def __init__(self, settings: Settings) -> None:
        self._start = pd.Timestamp(settings.sample_start)

    def last_session(self) -> pd.Timestamp:
        """The last session of the data: 2022-12-28."""
        return self._sessions[-1]

    def default_date(self) -> pd.Timestamp:
        """The last session but one, so that the orders it proposes find real prices to be filled at."""
        return self._sessions[-2]

    def deliver(self, after: pd.Timestamp | None, through: pd.Timestamp) -> Iterator[tuple[str, bytes]]:
        """Files with the facts dated later than ``after`` and not later than ``through``, reference tables first.

        ``after`` None asks for everything since ``sample_start``; reference tables come then and never again. A table
        without rows has no file: there are no corporate actions, because the prices are adjusted, and no risk-free
        rates.
        """
        last = pd.Timestamp(through)
        if after is None:
            for table, frame in self._reference.items():
                yield _file(table, last, frame)
        for table, (dated, frame) in self._facts.items():
            wanted = frame[dated] <= last
            if after is not None:
                wanted &= frame[dated] > pd.Timestamp(after)
            if wanted.any():
                yield _file(table, last, frame[wanted])

    def first_date(self) -> pd.Timestamp:
        """``sample_start``."""
        return self._start

    def deliver_before(self, date: pd.Timestamp) -> Iterator[tuple[str, bytes]]:
        """Files with the facts before ``date``, under the date of the day before; reference tables once more.

        Raises:
            SettingsError: the firm delivered from ``date`` on began its books then; one that starts earlier is another.
        """
        if self._inception < date:
            raise SettingsError(
                f"DAYBOOK_SAMPLE_START={self._start:%Y-%m-%d} makes another firm than the one that began with"
                f" {date:%Y-%m-%d}: set it back, or start in another DAYBOOK_HOME"
            )
        return self.deliver(None, date - pd.Timedelta(days=1))

    @cached_property
    def _sessions(self) -> pd.DatetimeIndex:
        sessions = pd.DatetimeIndex(prices.closes().index)
        return sessions[sessions >= self._start]

    @cached_property
    def _inception(self) -> pd.Timestamp:
        # The second session delivered: benchmark weights and returns need the close before the first.
        return max(reference.INCEPTION, self._sessions[1])

    @cached_property
    def _reference(self) -> dict[str, pd.DataFrame]:
        return {
            "instruments": reference.instruments(),
            "issuers": reference.issuers(),
            "identifiers": reference.identifiers(),
            "books": reference.books(self._inception),
            "share_classes": reference.share_classes(self._inception),
            "accounts": reference.accounts(),
            "limits": reference.limits(),
            "limit_raises": reference.limit_raises(),
            "rules": reference.rules(),
            "risk_factors": reference.risk_factors(),
            "liquidity_rules": reference.liquidity_rules(),
            "redemption_terms": reference.redemption_terms(),
            "expected_feeds": reference.expected_feeds(),
        }

    @cached_property
    def _facts(self) -> dict[str, tuple[str, pd.DataFrame]]:
        """Table -> the column by which it is delivered, and every row from ``sample_start`` on."""
        transactions = self._transactions
        held = self._sessions[self._sessions >= self._inception]
        accounts = reference.accounts().set_index("book")["account"]
        return {
            "prices": ("business_date", _prices(self._sessions)),
            "fx_rates": ("business_date", _fx_rates(self._start, self._sessions[-1])),
            "benchmark_weights": ("business_date", _benchmark_weights(self._sessions, self._inception)),
            "benchmark_levels": ("business_date", _benchmark_levels(self._sessions)),
            "alternative_data": ("observed_on", _alternative_data(self._start, self._sessions[-1])),
            "transactions": ("trade_date", transactions),
            "custodian_positions": (
                "business_date",
                custodian.positions(transactions, prices.closes().loc[held], accounts),
            ),
            "custodian_cash": ("business_date", custodian.cash(transactions, held, accounts)),
        }

    @cached_property
    def _transactions(self) -> pd.DataFrame:
        closes = prices.closes()
        eur_usd = prices.fx_rates()["USD"].reindex(closes.index, method="ffill")
        return firm.transactions(closes, eur_usd, self._inception)


def _prices(sessions: pd.DatetimeIndex) -> pd.DataFrame:
    frame = prices.long(prices.closes().loc[sessions], "business_date", "instrument", "close")
    frame["currency"] = "USD"
    frame["price_basis"] = "adjusted"
    frame["source"] = "sample"
    return frame


def _fx_rates(first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    frame = prices.long(prices.fx_rates().loc[first:last], "business_date", "quote", "rate")
    frame.insert(1, "base", "EUR")
    frame["source"] = "sample"
    return frame


def _benchmark_weights(sessions: pd.DatetimeIndex, inception: pd.Timestamp) -> pd.DataFrame:
    """Weights at the close before each quarter's first session, and at the close before the books begin."""
    quarters = pd.Series(sessions.to_period("Q"), index=sessions)
    before = quarters[(quarters != quarters.shift(-1)) & (quarters.index < sessions[-1])].index
    first = sessions[sessions < inception][-1]
    delivered = before[before > first].union([first])
    rows = [
        (session, benchmark, instrument, weight)
        for session in delivered
        for benchmark, weights in reference.BENCHMARKS.items()
        for instrument, weight in weights.items()
    ]
    return pd.DataFrame(rows, columns=["business_date", "benchmark", "instrument", "weight"])


def _benchmark_levels(sessions: pd.DatetimeIndex) -> pd.DataFrame:
    level = prices.index_level().loc[sessions]
    return pd.DataFrame(
        {
            "business_date": sessions,
            "benchmark": "SP500",
            "level": level.to_numpy(),
            "return_kind": "price",
            "currency": "USD",
        }
    )


def _alternative_data(first: pd.Timestamp, last: pd.Timestamp) -> pd.DataFrame:
    frame = prices.series()
    frame = frame[frame["observed_on"].between(first, last)]
    frame.insert(0, "instrument", "")
    return frame


def _file(table: str, through: pd.Timestamp, frame: pd.DataFrame) -> tuple[str, bytes]:
    text = frame.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d")
    return f"{table}_{through:%Y-%m-%d}_sample.csv", text.encode()
