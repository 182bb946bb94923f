"""Stress: what the books would lose in a crisis that came back, and in one that somebody thought of.

Belongs here: what a scenario does to each position, and its P&L. Does not belong here: which scenarios there are (a
YAML file, ``resources.stress_scenarios``), what the rest does when a part is shocked (``propagation``), the scenario
that loses a given amount (``reverse_stress``), scenarios that are single past sessions (``scenarios``).

Conventions: P&L = value at the close x ((1 + local return)(1 + FX return into base) - 1), a future's = exposure x local
return x (1 + FX return), one shock at once, positions unchanged. Forwards move with the currency that they buy.

A replay gives an instrument what it returned from close to close, if it has a return on every session between; else
gaps are filled by its declared proxy; else an equity, fund, index, or future on one moves by its beta to the market (1
where none is estimated) times the declared move of the market, losing no more than all. Exchange rates of the replay,
else those declared with it; else the currency is held still. Whatever is not the instrument's own counts to
``proxy_coverage``, never to ``coverage``, and ``reason`` says how much it is. A replay says nothing of a session before
its last one.

A shock gives local returns by the most specific name that it has for an instrument (``DIMENSIONS``, in that order), 0
to everything else. Shocks of factors reach what they do not name by its exposures in the time-series factor model; an
equity without any takes the shock of the market. A correlated shock moves the factors that it does not name as far as
they are expected to go (``propagation``). A derivative that a shock does not name moves as what it is written on.

An option whose terms and model are known is revalued (``revaluation``); one without takes its own history, else moves
to the first order, by its delta, a long one losing no more than it is worth. A bond is revalued under a shock of rates.
A position that a scenario says nothing about counts 0 and to no coverage; where that is all of the book, the P&L is
empty with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.market.fx import rates
from daybook.market.security_master import attributes
from daybook.risk import covariance, factors, propagation, proxies, revaluation
from daybook.risk.betas import to_market
from daybook.risk.scenarios import CASH, Floats, positions

Texts = NDArray[np.object_]

DERIVED = ("future", "option", "forward")
"""Asset classes that move as what they are written on unless they are named."""
EQUITY = ("equity", "etf", "fund", "index")
"""Asset classes that move with the market where nothing better is known: what a fund holds nobody says, and the loss
must not be understated."""
DIMENSIONS = ("instrument", "issuer", "sector", "country", "currency", "asset_class")
"""What a shock may name instruments by, the most specific first."""
OF_ITSELF = ("instrument", "asset_class")
"""By which of them a derivative is named itself: its sector is that of what it is written on."""
PIVOT = "USD"
"""Currency against which moves of currencies are declared."""
CALENDAR = "XNYS"
MODEL = "time_series"
KEY = ["business_date", "book"]

OWN, SHOCK, FACTOR, REVALUED, DELTA = "own", "shock", "factor", "revalued", "delta"
PROXY, BETA, UNIT_BETA, NONE = "proxy", "beta", "unit beta", "none"
"""What the return of a position rests on."""
DECLARED, STILL = "currency declared", "currency still"
"""What its currency rests on where that is not the rates of the replay."""
STANDING_IN = {
    PROXY: "by proxy",
    BETA: "by beta to the market",
    UNIT_BETA: "by a beta of 1",
    DECLARED: "with its currency at the declared rate",
    STILL: "with its currency held still",
}


@dataclass(frozen=True)
class Replay:
    """What happened from the close of ``first`` to the close of ``last``.

    Attributes:
        first: date of the first close.
        last: date of the last close.
        market: return of the equity market between, for names without a history; NaN where none is declared.
        currencies: return of currencies in dollars between, where there are no rates.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    market: float = np.nan
    currencies: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Shock:
    """Moves that somebody thought of, all at once.

    Attributes:
        local: local returns by dimension and name (``DIMENSIONS``).
        foreign_currency: return into base of every currency that is not the base currency.
        currencies: return of currencies against those that are not named; not together with ``foreign_currency``.
        factors: returns of risk factors.
        rates: change of every continuous yearly rate and yield, 0.01 is 100 basis points.
        volatility: relative change of every implied volatility, 0.2 turns 0.25 into 0.30.
        correlated: whether factors that are not named move as expected; instruments and currencies named count as
            given, names of other dimensions do not.
    """

    local: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    foreign_currency: float = 0.0
    currencies: Mapping[str, float] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    rates: float = 0.0
    volatility: float = 0.0
    correlated: bool = False


@dataclass(frozen=True)
class Unreadable:
    """A scenario that is declared and cannot be used.

    Attributes:
        reason: where, and what is wrong.
    """

    reason: str


Scenario = Replay | Shock | Unreadable


@dataclass(frozen=True)
class Estimates:
    """What stands in for what is not known, each an empty table by default.

    Attributes:
        proxies: facts.
        risk_factors: facts.
        betas: table ``betas`` of the sessions.
        factor_returns: table ``factor_returns`` of the sessions.
        factor_exposures: table ``factor_exposures`` of the sessions.
        specific_risks: table ``specific_risks`` of the sessions.
        model_prices: table ``model_prices`` of the sessions.
        history: series of risk factors that proxies may name; None where no proxy does.
    """

    proxies: pd.DataFrame = field(default_factory=lambda: tables.empty("proxies"))
    risk_factors: pd.DataFrame = field(default_factory=lambda: tables.empty("risk_factors"))
    betas: pd.DataFrame = field(default_factory=lambda: tables.empty("betas"))
    factor_returns: pd.DataFrame = field(default_factory=lambda: tables.empty("factor_returns"))
    factor_exposures: pd.DataFrame = field(default_factory=lambda: tables.empty("factor_exposures"))
    specific_risks: pd.DataFrame = field(default_factory=lambda: tables.empty("specific_risks"))
    model_prices: pd.DataFrame = field(default_factory=lambda: tables.empty("model_prices"))
    history: factors.Factors | None = None


@dataclass(frozen=True)
class Stressed:
    """Tables ``stress`` and ``stress_components``."""

    stress: pd.DataFrame
    components: pd.DataFrame


@dataclass(frozen=True)
class Moves:
    """What a scenario does to each line, NaN where it says nothing; shape (L,) each."""

    local: Floats
    currency: Floats
    basis: Texts
    money: Texts


def stress(
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    scenarios: Mapping[str, Scenario],
    estimates: Estimates | None = None,
) -> Stressed:
    """One row per session, book and scenario, and of each its positions; books without a NAV have none.

    Args:
        valuations: table ``valuations`` of the sessions.
        nav: table ``nav`` of the sessions.
        returns: table ``returns`` of the sessions of each replay.
        fx_rates: table ``fx_rates`` of the first and last session of each replay.
        instruments: facts, dated by valid_from.
        sessions: sessions to compute.
        scenarios: by name.
        estimates: what stands in for what is not known.

    Returns:
        Components are in base currency, those left out that do not move; they add up to ``pnl`` but for the rounding of
        each to 10^-6. ``basis`` says what the return rests on.
    """
    estimates = estimates or Estimates()
    held = positions(valuations, nav, instruments, sessions)
    terms = _terms(held, valuations, estimates.model_prices, instruments)
    books = nav.loc[nav["status"].eq("ok") & nav["business_date"].isin(sessions), [*KEY, "nav"]]
    rows, parts = [tables.empty("stress")], [tables.empty("stress_components")]
    for date in sessions:
        there = books.loc[books["business_date"].eq(date)].reset_index(drop=True)
        day = _Day(date, held.loc[held["business_date"].eq(date)], terms, instruments, estimates)
        made = [_played(name, scenario, day, returns, fx_rates) for name, scenario in scenarios.items()]
        if made and len(there):
            rows.append(_by_book(day, there, made))
            parts += [_by_position(day, each) for each in made]
    return Stressed(
        tables.conform("stress", _stacked(rows).sort_values([*KEY, "scenario"])),
        tables.conform("stress_components", _stacked(parts).sort_values([*KEY, "scenario", "instrument"])),
    )


@dataclass(frozen=True)
class _Played:
    """A scenario and what each position of a session, shape (P,), earns in it.

    Attributes:
        name: of the scenario.
        kind: of the scenario.
        problem: why it cannot be used, else "".
        pnl: base currency, NaN where the scenario says nothing.
        gross: size of the position, base currency.
        basis: what its return rests on.
        money: what its currency rests on, "" for rates.
        by_delta: whether it is an option moved by its delta.
    """

    name: str
    kind: str
    problem: str
    pnl: Floats
    gross: Floats
    basis: Texts
    money: Texts
    by_delta: NDArray[np.bool_]


class _Day:
    """Positions of one session, and the lines they stand in: an instrument seen from a base currency, with what it is
    written on as a line of its own.
    """

    def __init__(
        self,
        date: pd.Timestamp,
        held: pd.DataFrame,
        terms: pd.DataFrame,
        instruments: pd.DataFrame,
        estimates: Estimates,
    ) -> None:
        self.date, self.held, self.instruments, self.estimates = date, held, instruments, estimates
        self.terms = terms.loc[terms.index.intersection(held.index)]
        self.revalued = held.index.get_indexer(self.terms.index)
        columns = ["instrument", "driver", "currency", "base_currency", "asset_class", "linear"]
        under = held.loc[held["proxy"].ne("") | held.index.isin(self.terms.index)]
        under = under.assign(instrument=under["proxy"].mask(under["proxy"].eq(""), self._written(under)))
        under = under.assign(driver=under["instrument"], asset_class=under["underlying_class"], linear=True)
        under = under.loc[under["instrument"].ne("")]
        # An option that is revalued, or moves by its delta, needs its underlying's line in its own currencies.
        lines = pd.concat([held[columns], under[columns]]).drop_duplicates(columns[:4], ignore_index=True)
        known = pd.MultiIndex.from_frame(lines[columns[:4]])
        self.line = known.get_indexer(pd.MultiIndex.from_frame(held[columns[:4]]))
        self.under = np.full(len(held), -1, np.int64)
        at = held.index.get_indexer(under.index)
        self.under[at] = known.get_indexer(pd.MultiIndex.from_frame(under[columns[:4]]))
        self.lines = self._classified(lines)
        names = pd.unique(lines.loc[~lines["driver"].str.startswith(CASH), "driver"])
        self.names, self.beta = np.asarray(names, object), np.full(len(names), np.nan)
        if len(estimates.betas):
            found = to_market(estimates.betas, estimates.risk_factors, date)
            self.beta = found.reindex(names).to_numpy(np.float64)
        self.stand_in, self.stand_in_beta = proxies.stand_ins(estimates.proxies, instruments, date, list(names))
        self.driver = pd.Index(names).get_indexer(pd.Index(lines["driver"]))
        past = estimates.history
        self.history = past.window(date, len(past.dates)) if past is not None else None

    def _written(self, rows: pd.DataFrame) -> "pd.Series[str]":
        return attributes(self.instruments, "instrument", rows, ["underlying"])["underlying"]

    def _classified(self, lines: pd.DataFrame) -> pd.DataFrame:
        """``lines`` with the dimensions of what moves them, and whether they are derivatives."""
        at = lines[["instrument", "currency"]].assign(business_date=self.date)
        derived = lines["asset_class"].isin(DERIVED)
        mover = at.assign(instrument=at["instrument"].mask(derived, self._written(at)))
        known = attributes(self.instruments, "instrument", mover, ["issuer", "sector", "country", "asset_class"])
        known = known.assign(instrument=mover["instrument"], currency=lines["currency"])
        known["asset_class"] = known["asset_class"].mask(lines["instrument"].str.startswith(CASH), "cash")
        return pd.concat([lines.assign(derived=derived), known.add_prefix("mover_")], axis=1)


def _played(name: str, scenario: Scenario, day: _Day, returns: pd.DataFrame, fx_rates: pd.DataFrame) -> _Played:
    held, problem, moves = day.held, "", _nothing(len(day.lines))
    if isinstance(scenario, Unreadable):
        problem = scenario.reason
    elif isinstance(scenario, Replay) and scenario.last > day.date:
        problem = "had not happened yet"
    elif isinstance(scenario, Replay):
        moves = replayed(day, scenario, returns, fx_rates)
    elif strangers := _strangers(day, scenario):
        problem = "no instrument is called " + ", ".join(strangers)
    else:
        try:
            moves = shocked(day, scenario)
        except propagation.PropagationError as error:
            problem = str(error)
    pnl, basis, by_delta = _earned(day, scenario, moves)
    value, exposure = (held[column].abs().to_numpy(np.float64) for column in ("value", "exposure_base"))
    gross = np.where(by_delta, exposure, value)
    kind = type(scenario).__name__.lower()
    return _Played(name, kind, problem, pnl, gross, basis, moves.money[day.line], by_delta)


def _by_book(day: _Day, books: pd.DataFrame, made: list[_Played]) -> pd.DataFrame:
    """Rows of table ``stress``: all scenarios of all books of one session."""
    book = pd.Index(books["book"]).get_indexer(pd.Index(day.held["book"]))

    def summed(weights: Any) -> Floats:
        return np.bincount(book, np.asarray(weights, np.float64), len(books)).astype(np.float64)

    frames = []
    for each in made:
        known = ~np.isnan(each.pnl)
        stands_in = known & (np.isin(each.basis, list(STANDING_IN)) | (each.money != ""))
        shares = {
            note: summed(each.gross * (known & ((each.basis == key) | (each.money == key))))
            for key, note in STANDING_IN.items()
        }
        sums = {
            "pnl": summed(np.where(known, each.pnl, 0.0)),
            "gross": summed(each.gross),
            "own": summed(each.gross * (known & ~stands_in)),
            "filled": summed(each.gross * stands_in),
            "by_delta": summed(each.by_delta & known),
        }
        frames.append(books.assign(scenario=each.name, kind=each.kind, problem=each.problem, **sums, **shares))
    rows = pd.concat(frames, ignore_index=True)
    whole = rows["gross"].where(rows["gross"] > 0)
    covered = ((rows["own"] + rows["filled"]) / whole).round(12)
    unknown = covered.eq(0) | rows["problem"].ne("")
    said = pd.Series("", rows.index, dtype="str").mask(
        covered < 1, "only " + _percent(covered) + " % of gross value has a return in this scenario, the rest counts 0"
    )
    for note in STANDING_IN.values():
        said = _with(said, rows[note] > 0, _percent(rows[note] / whole) + " % " + note)
    said = _with(said, rows["by_delta"] > 0, "options by delta")
    why = rows["problem"].mask(rows["problem"].eq(""), "nothing held has a return in this scenario")
    amount = rows["pnl"].round(6).mask(unknown)
    rows = rows.assign(
        pnl=amount,
        pnl_fraction=(amount / rows["nav"].where(rows["nav"] > 0)).round(12),
        coverage=(rows["own"] / whole).round(12),
        proxy_coverage=(rows["filled"] / whole).fillna(0.0).round(12),
        reason=said.mask(unknown, why),
    )
    return rows[list(tables.TABLES["stress"].names)]


def _by_position(day: _Day, each: _Played) -> pd.DataFrame:
    """Rows of table ``stress_components``."""
    # What stays as it is by the scenario's own word needs no row: cash in base currency, in every scenario.
    shown = each.pnl != 0
    text = np.where(each.money == "", each.basis, each.basis + "; " + each.money)[shown]
    kept: pd.DataFrame = day.held.loc[shown, [*KEY, "instrument"]]
    return kept.assign(scenario=each.name, pnl=np.round(each.pnl[shown], 6), basis=text)


def _earned(day: _Day, scenario: Scenario, moves: Moves) -> tuple[Floats, Texts, NDArray[np.bool_]]:
    """P&L of each position in base currency, NaN where there is none; what it rests on; which ones go by delta."""
    held, line = day.held, day.line
    local, currency, basis = moves.local[line], moves.currency[line], moves.basis[line].copy()
    value, carried, worth, exposure = (
        held[name].to_numpy(np.float64) for name in ("value", "carried", "market_value_base", "exposure_base")
    )
    total = np.where(held["linear"], local * (1 + currency), (1 + local) * (1 + currency) - 1)
    pnl = value * total + np.where(carried != 0, carried * currency, 0.0)
    shift = scenario if isinstance(scenario, Shock) else Shock()
    at = day.revalued[_revaluable(day, shift, basis)]
    if len(at):
        spot = np.where(day.under[at] >= 0, moves.local[day.under[at]], 0.0)
        made = revaluation.revalued(
            day.terms.loc[held.index[at]],
            np.nan_to_num(spot)[:, None],
            rate=shift.rates,
            volatility=shift.volatility,
            currency=currency[at][:, None],
        )[:, 0]
        fine = np.isfinite(made) & np.isfinite(spot) & np.isfinite(currency[at])
        pnl[at[fine]] = made[fine]
        basis[at[fine]] = _through(moves.basis[day.under[at]], REVALUED)[fine]
    approximate = np.isnan(pnl) & (held["proxy"] != "").to_numpy() & (day.under >= 0)
    under = day.under[approximate]
    made = exposure[approximate] * moves.local[under] * (1 + currency[approximate])
    made += np.where(worth[approximate] != 0, worth[approximate] * currency[approximate], 0.0)
    pnl[approximate] = np.where(worth[approximate] > 0, np.maximum(made, -worth[approximate]), made)
    basis[approximate] = _through(moves.basis[under], DELTA)
    basis[np.isnan(pnl)] = NONE
    return pnl, basis, approximate


def _through(under: Texts, otherwise: str) -> Texts:
    """What an option rests on: on what stands in for its underlying, where something does."""
    return np.where(np.isin(under, list(STANDING_IN)), under, otherwise).astype(object)


def _revaluable(day: _Day, shift: Shock, basis: Texts) -> NDArray[np.bool_]:
    """Which of the positions that can be revalued are: options the scenario does not name, bonds if rates move."""
    option = day.terms["kind"].eq("option").to_numpy() if len(day.terms) else np.zeros(0, bool)
    free = basis[day.revalued] != SHOCK
    # An option that no shock names has no local return of its own; a bond has one of 0, which is none.
    return np.where(option, free, (shift.rates != 0) & ~_named(day, shift)[day.line[day.revalued]])


def replayed(day: _Day, replay: Replay, returns: pd.DataFrame, fx_rates: pd.DataFrame) -> Moves:
    """Local return and currency return of each line over ``replay``."""
    lines = day.lines
    grown, by = _grown(day, replay, returns)
    derived_class = lines["mover_asset_class"].to_numpy(object)
    at = day.driver
    # A line that is driven by money is at -1: the last element, of nothing.
    local, basis, slope = np.append(grown, np.nan)[at], np.append(by, NONE)[at], np.append(day.beta, np.nan)[at]
    # Derivatives are not worth what they move with: an option without history moves by its delta.
    moved = np.isnan(local) & np.isin(derived_class, EQUITY) & (lines["linear"] | ~lines["derived"]).to_numpy()
    if np.isfinite(replay.market) and moved.any():
        guess = np.maximum(np.where(np.isnan(slope), 1.0, slope) * replay.market, -1.0)
        local[moved] = guess[moved]
        basis[moved] = np.where(np.isnan(slope), UNIT_BETA, BETA)[moved]
    cash = lines["driver"].str.startswith(CASH)
    of = pd.concat([lines["currency"], _bought(lines)[cash]])
    into = pd.concat([lines["base_currency"], lines["currency"][cash]])
    move, said = _exchanged(of, into, replay, fx_rates)
    currency, money, at_cash = move[: len(lines)], said[: len(lines)], np.flatnonzero(cash)
    local[at_cash], basis[at_cash] = move[len(lines) :], OWN
    money[at_cash] = np.where(said[len(lines) :] != "", said[len(lines) :], money[at_cash])
    return Moves(local, currency, basis, money)


def _grown(day: _Day, replay: Replay, returns: pd.DataFrame) -> tuple[Floats, Texts]:
    """Local return of each of the day's names over the replay, NaN where there is none, and what it rests on."""
    names = day.names
    local, basis = np.full(len(names), np.nan), np.full(len(names), NONE, object)
    wanted = pd.Index(pd.unique(np.r_[names, day.stand_in]))
    dates = returns["business_date"]
    begin = calendars.sessions(CALENDAR, replay.first, replay.last)
    # Data that begin or end within the replay would call a part of it the whole.
    if not len(dates) or len(begin) < 2 or dates.min() > begin[1] or dates.max() < replay.last:
        return local, basis
    window = factors.credible(returns.loc[dates.gt(replay.first) & dates.le(replay.last)])
    steps = np.unique(window["business_date"].to_numpy("datetime64[us]"))
    if not len(steps):
        return local, basis
    daily = np.full((len(wanted), len(steps)), np.nan)
    row = wanted.get_indexer(pd.Index(window["instrument"]))
    kept = row >= 0
    column = np.searchsorted(steps, window["business_date"].to_numpy("datetime64[us]"))
    daily[row[kept], column[kept]] = window["local_return"].to_numpy()[kept]
    history = day.history
    if history is not None:
        at, when = wanted.get_indexer(pd.Index(history.names)), np.searchsorted(history.dates, steps)
        inside = when < len(history.dates)
        inside[inside] = history.dates[when[inside]] == steps[inside]
        series = np.where(history.known, history.returns, np.nan)
        daily[np.ix_(at[at >= 0], inside)] = series[np.ix_(at >= 0, when[inside])]
    own = daily[wanted.get_indexer(pd.Index(names))]
    filled = proxies.filled(own, day.stand_in_beta, daily[wanted.get_indexer(pd.Index(day.stand_in))])
    whole = np.isfinite(own).all(axis=1)
    made = np.isfinite(filled).all(axis=1)
    local[made] = np.prod(1 + filled[made], axis=1) - 1
    basis[made] = PROXY
    basis[whole] = OWN
    return local, basis


def _exchanged(
    base: "pd.Series[str]", quote: "pd.Series[str]", replay: Replay, fx_rates: pd.DataFrame
) -> tuple[Floats, Texts]:
    """Return of each ``base`` in ``quote`` over the replay, and what it rests on: "" where that is the rates."""
    pairs = pd.DataFrame({"base": base.to_numpy(object), "quote": quote.to_numpy(object)})
    distinct = pairs.drop_duplicates()
    pair = distinct["base"].to_numpy(object), distinct["quote"].to_numpy(object)
    fx_rates = fx_rates.loc[fx_rates["business_date"].isin([replay.first, replay.last])]
    first, last = (
        rates(fx_rates, *pair, np.full(len(distinct), np.datetime64(date, "us")))
        for date in (replay.first, replay.last)
    )
    declared = {**replay.currencies, PIVOT: 0.0}
    moved = [np.array([declared.get(str(name), np.nan) for name in side], np.float64) for side in pair]
    crossed = (1 + moved[0]) / (1 + moved[1]) - 1
    own = last / first - 1
    move = np.where(np.isfinite(own), own, np.where(np.isfinite(crossed), crossed, 0.0))
    said = np.where(np.isfinite(own), "", np.where(np.isfinite(crossed), DECLARED, STILL)).astype(object)
    found = pairs.merge(distinct.assign(move=move, said=said), on=["base", "quote"], how="left")
    return np.array(found["move"], np.float64), np.array(found["said"], object)


def shocked(day: _Day, shock: Shock) -> Moves:
    """Local return and currency return of each line under ``shock``.

    Raises:
        PropagationError: a factor has no returns, or what is given cannot be propagated.
    """
    lines = day.lines
    local = _local(lines, shock)
    basis = np.full(len(lines), SHOCK, object)
    currencies, expected = dict(shock.currencies), _factor_moves(day, shock)
    if expected is not None:
        currencies |= {
            currency: float(expected[name])
            for name, currency in _currency_factors(day, list(expected.index)).items()
            if currency not in currencies
        }
        local, basis = _by_exposure(day, local, expected)
    derived = lines["derived"].to_numpy(bool)
    linear = lines["linear"].to_numpy(bool)
    # What is written on something unknown is unknown; what is written on something else moves with that one.
    lost = np.isnan(local) & derived & (~linear | lines["mover_asset_class"].isin(["", *DERIVED]).to_numpy())
    local = np.where(np.isnan(local) & ~lost & (expected is None), 0.0, local)
    bonds = (lines["asset_class"] == "bond").to_numpy() & ~_named(day, shock) & (shock.rates != 0)
    local[bonds] = np.nan

    def worth(currency: "pd.Series[str]", base: "pd.Series[str]") -> Floats:
        if shock.foreign_currency:
            return np.asarray(1 + shock.foreign_currency * currency.ne(base), np.float64)
        of, into = (
            1 + side.map(currencies).astype("float64").fillna(0.0).to_numpy(np.float64) for side in (currency, base)
        )
        return np.asarray(of / into, np.float64)

    moved = worth(lines["currency"], lines["base_currency"])
    money = lines["driver"].str.startswith(CASH).to_numpy()
    local = np.where(money, worth(_bought(lines), lines["base_currency"]) / moved - 1, local)
    basis[money] = SHOCK
    basis[np.isnan(local)] = NONE
    return Moves(local, moved - 1, basis, np.full(len(lines), "", object))


def _local(lines: pd.DataFrame, shock: Shock) -> Floats:
    """The local return that the shock names for each line, NaN where it names none."""
    found = pd.Series(np.nan, lines.index)
    derived = lines["derived"]
    for dimension in DIMENSIONS:
        named = dict(shock.local.get(dimension, {}))
        if not named:
            continue
        if dimension in OF_ITSELF:
            found = found.fillna(lines[dimension].map(named).astype("float64"))
        mover = lines["mover_" + dimension].map(named).astype("float64")
        found = found.fillna(mover.mask(derived & ~lines["linear"]))
    return np.asarray(found, np.float64)


def _strangers(day: _Day, shock: Shock) -> list[str]:
    """What the shock takes for instruments and nobody ever declared: a slip of the pen, not a book that holds none."""
    named = [name for name in shock.local.get("instrument", {}) if not name.startswith(CASH)]
    return sorted(set(named).difference(day.instruments["instrument"]))


def _named(day: _Day, shock: Shock) -> NDArray[np.bool_]:
    return np.isfinite(_local(day.lines, shock))


def _factor_moves(day: _Day, shock: Shock) -> "pd.Series[float] | None":
    """Returns of the factors under ``shock``, by name; None where the shock is not about factors."""
    if not shock.factors and not shock.correlated:
        return None
    table = day.estimates.factor_returns
    table = table.loc[table["business_date"].eq(day.date) & table["risk_model"].eq(MODEL)]
    table = table.loc[table["return_series"].map(len).gt(1)]  # a factor that the model leaves out has none
    names = pd.Index(table["factor"])
    by_currency = {currency: name for name, currency in _currency_factors(day, list(names)).items()}
    given = dict(shock.factors)
    if shock.correlated:
        given |= {by_currency.get(code, code): move for code, move in shock.currencies.items()}
    if factors.MARKET in given and factors.MARKET not in names:
        given[factors.market(day.estimates.risk_factors, day.date)] = given.pop(factors.MARKET)
    missing = sorted(set(given) - set(names))
    if missing:
        raise propagation.PropagationError("no returns of the factor " + ", ".join(missing))
    if not shock.correlated:
        return pd.Series(given, dtype="float64").reindex(names).fillna(0.0)
    instruments = dict(shock.local.get("instrument", {}))
    exposure = _exposures(day, names, list(instruments))
    missing = [name for name, row in zip(instruments, exposure, strict=True) if np.isnan(row).any()]
    if missing:
        raise propagation.PropagationError("no exposures of " + ", ".join(missing))
    specific = day.estimates.specific_risks
    specific = specific.loc[specific["business_date"].eq(day.date) & specific["risk_model"].eq(MODEL)]
    risk = specific.set_index("instrument")["specific_volatility"].reindex(list(instruments))
    returns = np.array(table["return_series"].tolist(), np.float64)
    expected = propagation.expected(
        covariance.ledoit_wolf(returns).covariance,
        np.vstack([np.eye(len(names))[names.get_indexer(pd.Index(list(given)))], exposure]),
        np.r_[np.zeros(len(given)), risk.fillna(0.0).to_numpy(np.float64)],
        np.r_[list(given.values()), list(instruments.values())],
    )
    return pd.Series(expected, index=names)


def _exposures(day: _Day, factor_names: "pd.Index[Any]", names: list[str]) -> Floats:
    """Exposures of instruments to factors in the time-series model; NaN where an instrument has none."""
    table = day.estimates.factor_exposures
    table = table.loc[table["business_date"].eq(day.date) & table["risk_model"].eq(MODEL) & table["exposure"].notna()]
    found = np.full((len(names), len(factor_names)), np.nan)
    row = pd.Index(names).get_indexer(pd.Index(table["instrument"]))
    column = factor_names.get_indexer(pd.Index(table["factor"]))
    kept = (row >= 0) & (column >= 0)
    found[np.unique(row[kept])] = 0.0
    found[row[kept], column[kept]] = table["exposure"].to_numpy()[kept]
    return found


def _by_exposure(day: _Day, local: Floats, expected: "pd.Series[float]") -> tuple[Floats, Texts]:
    """``local`` with what the factors make of lines that the shock does not name."""
    lines, at = day.lines, day.driver
    made = _exposures(day, expected.index, list(day.names)) @ expected.to_numpy()
    market = expected.get(factors.market(day.estimates.risk_factors, day.date), np.nan)
    by = np.append(made, np.nan)[at]
    free = (lines["linear"] | ~lines["derived"]).to_numpy()
    unit = np.isnan(by) & np.isin(lines["mover_asset_class"].to_numpy(object), EQUITY)
    by = np.where(free, np.maximum(np.where(unit, market, by), -1.0), np.nan)
    named = np.isfinite(local)
    cash = (lines["asset_class"] == "cash").to_numpy()
    basis = np.where(named | cash, SHOCK, np.where(unit, UNIT_BETA, FACTOR)).astype(object)
    return np.where(named, local, by), basis


def _currency_factors(day: _Day, names: list[str]) -> dict[str, str]:
    """The currency of each factor that is one."""
    declared = factors.in_force(day.estimates.risk_factors, day.date)
    found = dict(zip(declared["factor"], declared["currency"].where(declared["kind"].eq("currency"), ""), strict=True))
    # A currency that nobody declares is a factor by its own code.
    known = {name: found.get(name, name if len(name) == 3 and name.isupper() else "") for name in names}
    return {name: currency for name, currency in known.items() if currency}


def _terms(
    held: pd.DataFrame, valuations: pd.DataFrame, model_prices: pd.DataFrame, instruments: pd.DataFrame
) -> pd.DataFrame:
    """Terms of the positions that can be revalued, by the index of ``held``."""
    curved = held.loc[held["asset_class"].isin(revaluation.KINDS)]
    if not len(curved):
        return pd.DataFrame({"kind": pd.Series(dtype="str")}, index=held.index[:0])
    named = [*KEY, "instrument"]
    priced = curved[named].merge(valuations[[*named, "quantity", "price", "fx_rate"]], on=named, how="left")
    whole = curved.assign(**{name: priced[name].to_numpy() for name in ("quantity", "price", "fx_rate")})
    return revaluation.terms(whole, model_prices, instruments)


def _nothing(lines: int) -> Moves:
    unknown = np.full(lines, np.nan)
    return Moves(unknown, unknown.copy(), np.full(lines, NONE, object), np.full(lines, "", object))


def _bought(lines: pd.DataFrame) -> "pd.Series[str]":
    """The currency that drives each line whose driver is one."""
    return lines["driver"].str[len(CASH) :]


def _percent(share: "pd.Series[float]") -> "pd.Series[str]":
    return (100 * share).round(1).astype("str")


def _with(said: "pd.Series[str]", where: "pd.Series[bool]", note: "pd.Series[str] | str") -> "pd.Series[str]":
    """``said`` with one more note where it applies, set apart by a semicolon."""
    return said.mask(where, said.mask(said != "", said + "; ") + note)


def _stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
