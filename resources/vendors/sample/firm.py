"""The demonstration firm: four books that trade at real closes by a documented, seeded rule.

Belongs here: the rule, and the transactions that it makes. Does not belong here: prices (``prices``), what the books
are called and bound by (``reference``), or what the custodian says (``custodian``).

The rule, in full in docs/demonstration.md: on its trading sessions a book computes target weights from closes up to the
session before, shaken a little by ``noise``, and trades whole shares at that session's close. Randomness comes from
SHA-256 of the seed, the book, the session and the instrument, so that a day's trades never depend on which days were
asked for, nor on the version of a random number generator.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from daybook import calendars
from resources.vendors.sample.prices import FACTOR_ETFS, STOCKS
from resources.vendors.sample.reference import MARKET

SEED = 20201001
FLOW_SESSION = 5
"""Flows are announced on the first session of a quarter and paid five sessions later, after trades have settled."""
SMALLEST_TRADE = 0.003
"""A holding is left alone while it is nearer to its target than this fraction of NAV."""
SMALLEST_CASH = 0.005
"""A book that may not go short keeps at least this fraction of NAV in cash after it trades."""
CUSTODY_FEE = 0.0002
"""Yearly custody fee, as a fraction of NAV, taken quarterly."""
BORROW_FEE = 0.004
"""Yearly cost of borrowing the shares sold short, as a fraction of their value, taken monthly."""

Floats = npt.NDArray[np.float64]
Weights = Callable[[Floats, Floats], Floats]

N_STOCKS = len(STOCKS)
_INSTRUMENTS = [*STOCKS, *FACTOR_ETFS]
_EARNED = {"sell": 1, "deposit": 1, "interest": 1, "buy": -1, "withdrawal": -1, "fee": -1}


def benchmark_tilt(history: Floats, noise: Floats) -> Floats:
    """All 20 stocks near equal weight, tilted to those with the higher return from 12 months to 1 month ago."""
    momentum = _score(history[-21, :N_STOCKS] / history[-252, :N_STOCKS])
    raw = 1 + 0.35 * momentum + 0.15 * noise[:N_STOCKS]
    return _filled(np.arange(N_STOCKS), 0.985 * raw / raw.sum())


def low_volatility(history: Floats, noise: Floats) -> Floats:
    """The 12 stocks of lowest volatility over 250 sessions, weighted by its inverse."""
    volatility = np.diff(np.log(history[-251:, :N_STOCKS]), axis=0).std(axis=0)
    calm = np.argsort(volatility, kind="stable")[:12]
    raw = (1 + 0.1 * noise[calm]) / volatility[calm]
    return _filled(calm, 0.985 * raw / raw.sum())


def long_short(history: Floats, noise: Floats) -> Floats:
    """Long the 8 stocks of highest 63-session return with 10 % each, short the 8 of lowest with 6.25 % each."""
    score = _score(history[-1, :N_STOCKS] / history[-64, :N_STOCKS]) + 0.25 * noise[:N_STOCKS]
    order = np.argsort(score, kind="stable")
    return _filled(order[-8:], np.full(8, 0.10)) + _filled(order[:8], np.full(8, -0.0625))


def multi_strategy(history: Floats, noise: Floats) -> Floats:
    """45 % in five factor ETFs, 30 % in the 6 stocks of best half year, 15 % in the 4 of worst month."""
    half_year = _score(history[-1, :N_STOCKS] / history[-127, :N_STOCKS]) + 0.2 * noise[:N_STOCKS]
    month = _score(history[-1, :N_STOCKS] / history[-22, :N_STOCKS]) + 0.2 * noise[:N_STOCKS]
    funds = _filled(np.arange(N_STOCKS, len(_INSTRUMENTS)), np.full(len(FACTOR_ETFS), 0.09))
    best = _filled(np.argsort(half_year, kind="stable")[-6:], np.full(6, 0.05))
    worst = _filled(np.argsort(month, kind="stable")[:4], np.full(4, 0.0375))
    return funds + best + worst


@dataclass(frozen=True)
class Style:
    """How a book trades.

    Attributes:
        book: its name.
        currency: its base currency; securities are in USD.
        capital: deposit on the first session.
        yearly_fee: management fee as a fraction of NAV, taken monthly.
        sessions: sessions of each month, counted from 0, on which it trades.
        weights: target weights from past closes and noise.
        shorts: whether it may hold short positions.
    """

    book: str
    currency: str
    capital: int
    yearly_fee: float
    sessions: tuple[int, ...]
    weights: Weights
    shorts: bool = False


STYLES = (
    Style("US-CORE", "USD", 100_000_000, 0.0060, (0,), benchmark_tilt),
    Style("LOW-VOL", "USD", 60_000_000, 0.0050, (2,), low_volatility),
    Style("LONG-SHORT", "USD", 40_000_000, 0.0120, (0, 10), long_short, shorts=True),
    Style("EURO-MULTI", "EUR", 50_000_000, 0.0080, (0, 16), multi_strategy),
)

_COLUMNS = "transaction_id book instrument kind trade_date settle_date quantity price currency fees counterparty"


def transactions(closes: pd.DataFrame, eur_usd: pd.Series, inception: pd.Timestamp) -> pd.DataFrame:
    """Every transaction of the firm from ``inception`` to the last session but one of ``closes``.

    Args:
        closes: prices in USD, sessions x ``STOCKS`` and ``FACTOR_ETFS``, reaching back a year before ``inception``.
        eur_usd: USD for one EUR on the same sessions, the last published one where none was.
        inception: the first session of the books.

    Returns:
        Rows in order of book, date and occurrence; quantities, prices and fees as exact decimal text. The last session
        is left to the orders that the day before it proposes.
    """
    market = _Market(closes, eur_usd)
    rows = [row for style in STYLES for row in _life(style, market, inception)]
    frame = pd.DataFrame(rows, columns=["book", "trade_date", *_Entry.__slots__])
    number = frame.groupby(["book", "trade_date"]).cumcount() + 1
    day = frame["trade_date"].dt.strftime("%Y%m%d")
    frame["transaction_id"] = frame["book"] + "-" + day + "-" + number.astype("str").str.zfill(3)
    waits = frame["kind"].isin(["buy", "sell", "fx"])
    frame["settle_date"] = frame["trade_date"].where(
        ~waits, pd.Series(calendars.settlement_date(MARKET, frame["trade_date"]), index=frame.index)
    )
    return frame[_COLUMNS.split()]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a transaction says beside book and date."""

    kind: str
    instrument: str
    quantity: str
    price: str
    currency: str
    fees: str
    counterparty: str


class _Market:
    """Closes and exchange rates as arrays, and where each session stands in its month and quarter."""

    def __init__(self, closes: pd.DataFrame, eur_usd: pd.Series) -> None:
        self.sessions = pd.DatetimeIndex(closes.index)
        self.closes: Floats = closes[_INSTRUMENTS].to_numpy(np.float64)
        self.eur_usd: Floats = eur_usd.reindex(self.sessions).to_numpy(np.float64)
        months = pd.Series(self.sessions.to_period("M"))
        self.of_month = months.groupby(months).cumcount().to_numpy()
        self.in_quarter_start = np.asarray(self.sessions.month % 3 == 1)

    def usd(self, currency: str, at: int) -> float:
        """USD for one unit of ``currency``."""
        return float(self.eur_usd[at]) if currency == "EUR" else 1.0


@dataclass
class _State:
    """What a book holds while the rule runs; the books themselves are Daybook's to derive."""

    style: Style
    market: _Market
    shares: Floats = field(default_factory=lambda: np.zeros(len(_INSTRUMENTS)))
    cash: dict[str, float] = field(default_factory=lambda: {"USD": 0.0, "EUR": 0.0})

    def nav(self, at: int) -> float:
        """Value at the closes of session ``at`` in USD."""
        held = self.shares != 0
        securities = float(self.shares[held] @ self.market.closes[at, held])
        return securities + self.cash["USD"] + self.cash["EUR"] * float(self.market.eur_usd[at])

    def money(self, kind: str, amount: float, counterparty: str) -> _Entry:
        """A transaction in the base currency; ``amount`` is rounded to cents."""
        amount = round(amount, 2)
        self.cash[self.style.currency] += _EARNED[kind] * amount
        return _Entry(kind, "", f"{amount:.2f}", "", self.style.currency, "0", counterparty)


def _life(style: Style, market: _Market, inception: pd.Timestamp) -> list[tuple[Any, ...]]:
    """All transactions of one book."""
    state = _State(style, market)
    first = int(market.sessions.searchsorted(inception))
    promised = 0.0
    rows: list[tuple[Any, ...]] = []
    for at in range(first, len(market.sessions) - 1):
        of_month, quarter_start = int(market.of_month[at]), bool(market.in_quarter_start[at])
        entries: list[_Entry] = []
        if at == first:
            entries.append(state.money("deposit", style.capital, "Demonstration Investors"))
        elif of_month == 0:
            entries += _month_costs(state, at, quarter_start)
        if at > first and quarter_start and of_month == 0:
            promised = _promise(state, at)
        if quarter_start and of_month == FLOW_SESSION and promised:
            kind = "deposit" if promised > 0 else "withdrawal"
            entries.append(state.money(kind, abs(promised), "Demonstration Investors"))
            promised = 0.0
        if at == first or of_month in style.sessions:
            entries += _rebalance(state, at, reserve=max(-promised, 0.0))
        rows += [(style.book, market.sessions[at], *(getattr(e, n) for n in _Entry.__slots__)) for e in entries]
    return rows


def _month_costs(state: _State, at: int, quarter_start: bool) -> list[_Entry]:
    """Management, custody and borrowing costs on values of the session before."""
    style, market = state.style, state.market
    rate = market.usd(style.currency, at - 1)
    nav = state.nav(at - 1) / rate
    entries = [state.money("fee", nav * style.yearly_fee / 12, "Daybook Demonstration Ltd")]
    if quarter_start:
        entries.append(state.money("fee", nav * CUSTODY_FEE / 4, "Demonstration Custody Bank"))
    short = state.shares < 0
    if short.any():
        borrowed = float(-state.shares[short] @ market.closes[at - 1, short])
        entries.append(state.money("interest", -borrowed * BORROW_FEE / 12, "Demonstration Prime Broker"))
    return entries


def _promise(state: _State, at: int) -> float:
    """The quarter's flow in the base currency: between -3 % and 5 % of NAV in tens of thousands, none below 1 %."""
    nav = state.nav(at) / state.market.usd(state.style.currency, at)
    share = 0.01 + 0.04 * noise(state.style.book, state.market.sessions[at], ["flow"])[0]
    return round(nav * share, -4) if abs(share) >= 0.01 else 0.0


def _rebalance(state: _State, at: int, reserve: float) -> list[_Entry]:
    """Trades towards the target weights, and the currency trade that pays for them."""
    style, market = state.style, state.market
    session, price = market.sessions[at], market.closes[at]
    rate = market.usd(style.currency, at)
    # A promised withdrawal is no longer there to be invested.
    nav = state.nav(at) - reserve * rate
    shaken = noise(style.book, session, _INSTRUMENTS)
    # Targets are whole basis points, so that the last bit of a logarithm cannot change a trade.
    target = np.round(style.weights(market.closes[at - 252 : at], shaken), 4)
    wanted = np.trunc(target * nav / price)
    trade = wanted - state.shares
    trade[(np.abs(trade) * price < SMALLEST_TRADE * nav) & (wanted != 0)] = 0
    if not style.shorts:
        cash = state.cash["USD"] + state.cash["EUR"] * float(market.eur_usd[at])
        trade = _affordable(trade, price, cash - reserve * rate - SMALLEST_CASH * nav)
    fees = np.where(trade != 0, np.maximum(1.0, np.round(0.0035 * np.abs(trade), 2)), 0.0)
    state.shares = state.shares + trade
    state.cash["USD"] -= float(trade @ price) + float(fees.sum())
    entries = [
        _Entry(
            "buy" if trade[i] > 0 else "sell",
            _INSTRUMENTS[i],
            str(int(abs(trade[i]))),
            repr(float(price[i])),
            "USD",
            f"{fees[i]:.2f}",
            "Demonstration Broker",
        )
        for i in np.flatnonzero(trade)
    ]
    return entries if style.currency == "USD" else [*_currency_trade(state, at, nav), *entries]


def _affordable(trade: Floats, price: Floats, cash: float) -> Floats:
    """``trade`` with its purchases scaled down to what ``cash`` and the sales can pay."""
    bought, sold = np.maximum(trade, 0), np.minimum(trade, 0)
    wanted, available = float(bought @ price), cash - float(sold @ price)
    return trade if wanted <= available else sold + np.trunc(bought * max(available, 0.0) / wanted)


def _currency_trade(state: _State, at: int, nav: float) -> list[_Entry]:
    """Buys or sells USD against EUR until 1 % of NAV is in USD cash, up to 8 bp away from the ECB's rate."""
    session, fixing = state.market.sessions[at], float(state.market.eur_usd[at])
    need = 0.01 * nav - state.cash["USD"]
    if abs(need) < 0.002 * nav:
        return []
    away = 1 + 0.0008 * noise(state.style.book, session, ["fx"])[0]
    bought, paid = ("USD", "EUR") if need > 0 else ("EUR", "USD")
    quantity = round(need if need > 0 else -need / fixing, 2)
    price = round(float(away) * (1 / fixing if need > 0 else fixing), 6)
    state.cash[bought] += quantity
    state.cash[paid] -= round(quantity * price, 6)
    return [_Entry("fx", f"CASH:{bought}", f"{quantity:.2f}", repr(price), paid, "0", "Demonstration FX Bank")]


def noise(book: str, session: pd.Timestamp, names: Sequence[str]) -> Floats:
    """A number in [-1, 1) for each of ``names``, the same for ever: SHA-256 of seed, book, session and name."""
    keys = (f"{SEED}|{book}|{session:%Y-%m-%d}|{name}".encode() for name in names)
    drawn = [int.from_bytes(hashlib.sha256(key).digest()[:8], "big") for key in keys]
    return np.array(drawn, np.float64) / 2.0**63 - 1.0


def _score(values: Floats) -> Floats:
    """Ranks spread evenly over [-1, 1]; equal values keep their order."""
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return 2.0 * ranks / (len(values) - 1) - 1.0


def _filled(positions: npt.NDArray[np.int64], weights: Floats) -> Floats:
    """A weight for every instrument, 0 where none is named."""
    result = np.zeros(len(_INSTRUMENTS))
    result[positions] = weights
    return result
