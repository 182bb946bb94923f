"""Scenarios: what positions would earn if past sessions came back, as they were or as a model would have them.

Belongs here: returns of every line (an instrument seen from a base currency) in every past session, the values that
the books hold in those lines, the sets of scenarios of each model, and the P&L of one in the other. Does not belong
here: what is read off the P&L vectors (``var``), shocks that are not past sessions (``stress``).

Conventions (CONTRACT 2.11): a scenario return is (1 + local total return) x (1 + FX return into base) - 1, applied to
values at the close; a future earns exposure x local return x (1 + FX return). Cash in base currency earns 0, foreign
cash the FX return. A return that is missing counts 0, and its line does not count to coverage; where a proxy is
declared for the instrument, its return stands for the missing one (``proxies``). The scenarios of session D are the
last ``window`` sessions up to D on which any instrument has a return, oldest first.

Options and bonds whose terms and model are known are revalued in full (``revaluation``): an option with the local
return of what it is written on, a bond with the change of its own yield, else of its curve's. A bond without yields of
its own in every scenario for which a proxy is declared moves with that instead.

What else is not worth what it moves with is approximated to the first order: a currency forward earns exposure x return
of the currency bought x (1 + FX return), and the FX return on its market value. So does an option that has no return of
its own in every scenario and whose delta is known, with what it is written on; it does not count to coverage. Any other
bond moves as its clean price does.

The sets, by method: ``historical`` is the past as it was; ``age_weighted`` the same with a weight for each session,
w_i = decay^(i-1) (1 - decay) / (1 - decay^S) for the i-th newest (Boudoukh, Richardson and Whitelaw 1998, The best of
both worlds, Risk 11(5)); ``filtered`` local and FX returns at today's volatility (``filtering``); ``factor`` local
returns as exposure x factor return plus specific returns drawn from the instrument's own (``factor_models``,
``simulation``), FX returns as they were; ``monte_carlo`` mixes of the centred historical scenarios (``simulation``).
Several sessions ahead, ``overlapping`` compounds local and FX returns over each h sessions in a row that end within the
window, S - h + 1 scenarios that share sessions; ``square_root`` takes one session's returns times the root of h.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.ledger.valuation import WITHOUT_DELTA
from daybook.market import dated
from daybook.market.fx import rates
from daybook.market.security_master import attributes
from daybook.performance.benchmarks import VIEW, Sources
from daybook.risk import benchmark, factors, filtering, proxies, revaluation, simulation
from daybook.risk.factors import Factors
from daybook.risk.models import Model, in_force, making, set_name
from daybook.risk.revaluation import YIELD, Curved

CASH = "CASH:"
DAY = pd.Timedelta(days=1)
NOTHING = Model("historical", window=0)
"""What is made of a model that cannot be made: no scenario."""
LINE = ["driver", "currency", "base_currency", "linear"]
"""What makes a scenario return: whose local return, seen from which currency, on a value or on an exposure."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Dates = NDArray[np.datetime64]


@dataclass(frozen=True)
class Facts:
    """What scenarios read beside values, returns and rates; each may be left out.

    Attributes:
        var_models, proxies, risk_factors, alternative_data: facts.
        books, benchmark_weights, benchmark_levels, benchmark_blends, benchmark_terms: facts; the books whose benchmarks
            are wanted, and what those are computed from.
        model_prices: table of the sessions; without it nothing is revalued.
        prices: golden, as far back as returns, and one session more: the yields of bonds.
        risk_free_rates: facts: the yields of bonds that have none of their own.
    """

    var_models: pd.DataFrame = field(default_factory=lambda: tables.empty("var_models"))
    proxies: pd.DataFrame = field(default_factory=lambda: tables.empty("proxies"))
    risk_factors: pd.DataFrame = field(default_factory=lambda: tables.empty("risk_factors"))
    books: pd.DataFrame = field(default_factory=lambda: tables.empty("books"))
    benchmark_weights: pd.DataFrame = field(default_factory=lambda: tables.empty("benchmark_weights"))
    benchmark_levels: pd.DataFrame = field(default_factory=lambda: tables.empty("benchmark_levels"))
    benchmark_blends: pd.DataFrame = field(default_factory=lambda: tables.empty("benchmark_blends"))
    benchmark_terms: pd.DataFrame = field(default_factory=lambda: tables.empty("benchmark_terms"))
    alternative_data: pd.DataFrame = field(default_factory=lambda: tables.empty("alternative_data"))
    model_prices: pd.DataFrame = field(default_factory=lambda: tables.empty("model_prices"))
    prices: pd.DataFrame = field(default_factory=lambda: tables.empty("prices"))
    risk_free_rates: pd.DataFrame = field(default_factory=lambda: tables.empty("risk_free_rates"))


@dataclass(frozen=True)
class Moves:
    """Returns of lines and of what they are made of, on every session read.

    Attributes:
        dates: sessions, sorted, shape (T,).
        names: instrument of each local series, ``CASH:EUR>USD`` for the return of a currency, ``YIELD:B`` for the
            changes of a bond's yield, shape (I,).
        security: whether each is an instrument, shape (I,).
        local: local returns, NaN where missing, shape (I, T).
        bonds: which local series are changes of yields, shape (Y,).
        curve: changes of the rate that stands for a missing one, NaN where there is none, shape (Y, T).
        fx: returns of a currency into another, NaN where missing, shape (P, T).
        of: line -> index into ``local``, shape (L,).
        via: line -> index into ``fx``, shape (L,).
        linear: whether the line earns local return x (1 + FX return), shape (L,).
        returns: of each line in base currency, 0 where missing, shape (L, T).
        known: whether the line has a return of its own, shape (L, T).
        seen: known returns before each session, shape (L, T + 1).
        stale: local returns from prices that were not of their session, before each session, shape (I, T + 1).
    """

    dates: Dates
    names: NDArray[np.object_]
    security: Flags
    local: Floats
    bonds: Ints
    curve: Floats
    fx: Floats
    of: Ints
    via: Ints
    linear: Flags
    returns: Floats
    known: Flags
    seen: Ints
    stale: Ints


@dataclass(frozen=True)
class Placed:
    """Positions against one window: what each earns from, and how much of it is known.

    Attributes:
        first, last: the window's sessions, indices into ``Moves.dates``.
        used: lines that anything held moves with, index into ``Moves.returns``, shape (U,).
        line: position -> index into ``used``.
        money: position -> index into ``used`` of what is carried.
        value: what the line's return applies to, base currency; 0 of what is revalued.
        carried: what the FX return applies to besides, base currency; likewise.
        gross: size of what is at risk, base currency.
        covered: whether a position has a return of its own in every session.
        proxied: whether a proxy, or what revalues it, fills every gap of one that is not covered.
        by_delta: whether an option moves to the first order with what it is written on.
        curved: positions that are revalued in full.
        curve: position -> index into ``curved``, -1 where it is not revalued.
        stale: part of the position's returns that come from prices that were not of their session.
        local, fx: returns of what the lines are made of over the window, gaps filled, NaN where still missing.
        of, via: line used -> index into ``local`` and ``fx``.
        series, pairs: rows of ``Moves.local`` and ``Moves.fx`` that these are.
        changed: whether a proxy may have changed the line's returns, shape (U,).
        whole: whether the line has a return, its own or a proxy's, in every session, shape (U,).
        some: whether it has one in any session, shape (U,).
        held: value and carried, book by line used, sparse.
        benchmark: weights of each benchmark, by line used, sparse.
    """

    first: int
    last: int
    used: Ints
    line: Ints
    money: Ints
    value: Floats
    carried: Floats
    gross: Floats
    covered: Flags
    proxied: Flags
    by_delta: Flags
    curved: Curved
    curve: Ints
    stale: Floats
    local: Floats
    fx: Floats
    of: Ints
    via: Ints
    series: Ints
    pairs: Ints
    changed: Flags
    whole: Flags
    some: Flags
    held: Any
    benchmark: Any


@dataclass(frozen=True)
class ScenarioSet:
    """All books of one session in the scenarios of one model.

    Attributes:
        name: of the set, as table ``scenario_pnl`` has it.
        model: whose scenarios they are.
        dates: session in which each scenario ended, oldest first; NaT where simulated, shape (S,).
        sessions: past scenarios that it was made from: S, or the number of those that were mixed.
        weights: probability of each scenario, ``None`` where all are equal, shape (S,).
        placed: positions against the model's window.
        returns: scenario returns of ``placed.used``; with ``mix`` about their mean; shape (U, sessions).
        mix: how simulated scenarios mix past ones, ``None`` where they are not simulated.
        curved: P&L of each position that is revalued in each scenario, shape (R, S).
        pnl: P&L of each book in each scenario, rounded to 10^-6, shape (B, S).
        benchmark: return of each benchmark in each scenario, shape (M, S).
        fallback: positions whose series no declared volatility model could be fitted to.
    """

    name: str
    model: Model
    dates: Dates
    sessions: int
    weights: Floats | None
    placed: Placed
    returns: Floats
    mix: Floats | None
    curved: Floats
    pnl: Floats
    benchmark: Floats
    fallback: Flags

    def earned(self, at: Any, scenario: Any) -> Floats:
        """P&L of the positions ``at`` in ``scenario``, before rounding.

        Args:
            at: indices or a slice of ``Day.rows``.
            scenario: ``slice(None)`` for every scenario, shape (n, S), or the index of one scenario for each of ``at``,
                shape (n,).
        """
        placed = self.placed
        value, carried = placed.value[at], placed.carried[at]
        line, money = placed.line[at], placed.money[at]
        if self.mix is None:
            by_line, by_money = self.returns[line, scenario], self.returns[money, scenario]
            shape = (-1,) + (1,) * (by_line.ndim - 1)
            found = value.reshape(shape) * by_line + carried.reshape(shape) * by_money
        else:
            base = value[:, None] * self.returns[line] + carried[:, None] * self.returns[money]
            if isinstance(scenario, slice):
                found = simulation.paths(base, self.mix)[:, scenario]
            else:
                found = simulation.at(base, self.mix, np.asarray(scenario))
        curve = placed.curve[at]
        there = np.flatnonzero(curve >= 0)
        if len(there):
            each = scenario if isinstance(scenario, slice) else np.asarray(scenario)[there]
            found[there] = self.curved[curve[there], each]
        return np.asarray(found)


@dataclass(frozen=True)
class Weights:
    """What the benchmarks hold: which one, line (index into ``Moves.returns``) and weight of each part; how many."""

    which: Ints
    line: Ints
    weight: Floats
    count: int


@dataclass(frozen=True, eq=False)
class Day:
    """All books of one session that have a NAV, to be put into the scenarios of any model.

    Attributes:
        date: the session.
        books: their names, sorted, shape (B,).
        base_currency: of each book, shape (B,).
        nav: their NAV in base currency, shape (B,).
        rows: positions, as ``positions`` describes them.
        book: position -> index into ``books``.
        models: those in force on the session.
        benchmark: book -> index of its benchmark, -1 for none, shape (B,).
        weights: what the benchmarks hold at the close.
        past: what all days of a run share.
    """

    date: pd.Timestamp
    books: NDArray[np.object_]
    base_currency: NDArray[np.object_]
    nav: Floats
    rows: pd.DataFrame
    book: Ints
    models: tuple[Model, ...]
    benchmark: Ints
    weights: Weights
    past: "Past"
    _placed: dict[int, Placed] = field(default_factory=dict, repr=False)
    _sets: dict[tuple[object, ...], ScenarioSet] = field(default_factory=dict, repr=False)

    def scenarios(self, model: Model) -> ScenarioSet:
        """P&L of all books in the scenarios of ``model``, in force or not; none where it has a problem."""
        key = () if model.problem else making(model)
        if key not in self._sets:
            self._sets[key] = self._made(NOTHING if model.problem else model)
        made = self._sets[key]
        weights = age_weights(made.pnl.shape[1], model.decay) if model.weighted else None
        return replace(made, model=model, name=set_name(model, (*self.models, model)), weights=weights)

    def placed(self, window: int) -> Placed:
        """The positions against the last ``window`` sessions."""
        if window not in self._placed:
            self._placed[window] = self._against(window)
        return self._placed[window]

    def _made(self, model: Model) -> ScenarioSet:
        placed, moves = self.placed(model.window), self.past.moves
        local, fx, fallback = self._modelled(placed, model)
        h = model.horizon_days
        linear = moves.linear[placed.used]
        if local is placed.local and h == 1:
            returns = moves.returns[placed.used, placed.first : placed.last]
            if placed.changed.any():
                changed = placed.changed
                returns[changed] = combined(local, fx, placed.of[changed], placed.via[changed], linear[changed], 1)
        else:
            steps = h if model.scaling == "overlapping" else 1
            returns = combined(local, fx, placed.of, placed.via, linear, steps)
        if model.scaling == "square_root":
            returns = returns * np.sqrt(h)
        dates = moves.dates[placed.first : placed.last]
        dates = dates[len(dates) - returns.shape[1] :]
        sessions, mix = len(dates), None
        if model.method == "monte_carlo" and sessions > 1:
            fat = model.degrees_of_freedom if model.distribution == "student_t" else float("nan")
            mix = simulation.draws(model.window, model.paths // 2, model.seed, fat)
            returns = returns - returns.mean(axis=1, keepdims=True)
            dates = np.full(model.paths, np.datetime64("NaT", "us"))
        elif model.method == "monte_carlo":  # there is nothing to mix
            returns, dates = returns[:, :0], dates[:0]
        vectors = np.concatenate([placed.held @ returns, placed.benchmark @ returns])
        rows = placed.curved.rows
        line, money = returns[placed.line[rows]], returns[placed.money[rows]]
        if mix is not None:
            vectors, line, money = (simulation.paths(base, mix) for base in (vectors, line, money))
        pnl, benchmark = np.split(vectors, [len(self.books)])
        curved = placed.curved.pnl(slice(None), line / (1 + money), money) if len(rows) else line
        np.add.at(pnl, self.book[rows], curved)
        return ScenarioSet(
            name=model.set_name,
            model=model,
            dates=dates,
            sessions=sessions,
            weights=None,
            placed=placed,
            returns=returns,
            mix=mix,
            curved=curved,
            pnl=np.round(pnl, 6, out=pnl),
            benchmark=benchmark,
            fallback=fallback,
        )

    def _modelled(self, placed: Placed, model: Model) -> tuple[Floats, Floats, Flags]:
        """Local and FX returns as the method has them, and positions whose series the model could not be fitted to."""
        none = np.zeros(len(self.rows), bool)
        if model.method == "filtered":
            fits, money_fits = self.past.fits(self.date, model) if model.volatility_model != "ewma" else ([], [])
            own = [fits[i] for i in placed.series.tolist()] if fits else []
            money = [money_fits[i] for i in placed.pairs.tolist()] if money_fits else []
            by_local, back = filtering.variances(placed.local, model, own)
            by_fx, fx_back = filtering.variances(placed.fx, model, money)
            fallback = (back[placed.of] | fx_back[placed.via])[placed.line]
            return filtering.rescaled(placed.local, by_local), filtering.rescaled(placed.fx, by_fx), fallback
        if model.method == "factor":
            local, left = self.past.by_factors(self.date, placed, model)
            return local, placed.fx, left[placed.of][placed.line]
        return placed.local, placed.fx, none

    def _against(self, window: int) -> Placed:
        from scipy.sparse import csr_matrix

        moves, rows = self.past.moves, self.rows
        last = int(np.searchsorted(moves.dates, np.datetime64(self.date, "us"), "right"))
        first = max(0, last - window)
        own, proxy, money, full = (
            rows[name].to_numpy(np.int64) for name in ("line", "proxy_line", "money", "curve_line")
        )

        def known(line: Ints) -> Flags:
            return np.asarray(moves.seen[line, last] - moves.seen[line, first] == last - first)

        # What a proxy is declared for need not move by a yield that the bond does not have.
        curved = (full >= 0) & (known(full) | ~rows["proxied"].to_numpy(bool))
        covered = known(own) | (curved & rows["asset_class"].eq("bond").to_numpy() & known(full))
        by_delta = ~covered & (proxy >= 0) & ~curved
        value, carried = rows["value"].to_numpy(np.float64), rows["carried"].to_numpy(np.float64)
        value = np.where(by_delta, rows["exposure_base"], value)
        gross = np.abs(value)
        value, carried = np.where(curved, 0.0, value), np.where(curved, 0.0, carried)
        carried = np.where(by_delta, rows["market_value_base"], carried)
        line = np.where(curved, full, np.where(by_delta, proxy, own))
        parts = self.weights
        used, at = np.unique(
            np.r_[line, np.where((carried != 0) | curved, money, line), parts.line], return_inverse=True
        )
        line, money, beside = np.split(at, [len(rows), 2 * len(rows)])
        series, of = np.unique(moves.of[used], return_inverse=True)
        pairs, via = np.unique(moves.via[used], return_inverse=True)
        local = moves.local[series, first:last]
        gaps = np.asarray(np.isnan(local).any(axis=1))
        changed = gaps if len(self.past.facts.proxies) else np.zeros(len(gaps), bool)
        if changed.any():
            local[gaps] = self.past.filled(self.date, moves.names[series[gaps]], local[gaps], slice(first, last))
        if len(moves.bonds):
            _, bonds, its = np.intersect1d(series, moves.bonds, return_indices=True)
            local[bonds] = np.where(np.isnan(local[bonds]), moves.curve[its, first:last], local[bonds])
            changed = changed | (gaps & np.isin(series, moves.bonds))
        fx = moves.fx[pairs, first:last]
        there = np.isfinite(local[of]) & np.isfinite(fx[via])
        whole, some = np.asarray(there.all(axis=1)), np.asarray(there.any(axis=1))
        covered &= ~curved | whole[line]
        shape = (len(self.books), len(used))
        return Placed(
            first=first,
            last=last,
            used=used,
            line=line,
            money=money,
            value=value,
            carried=carried,
            gross=gross,
            covered=covered,
            proxied=~covered & ~by_delta & whole[line],
            by_delta=by_delta,
            curved=Curved(np.flatnonzero(curved), self.past.curves.loc[rows.index[curved]]),
            curve=np.where(curved, np.cumsum(curved) - 1, -1),
            stale=(moves.stale[moves.of[used], last] - moves.stale[moves.of[used], first])[line] / max(last - first, 1),
            local=local,
            fx=fx,
            of=of,
            via=via,
            series=series,
            pairs=pairs,
            changed=changed[of],
            whole=whole,
            some=some,
            held=csr_matrix((np.r_[value, carried], (np.r_[self.book, self.book], np.r_[line, money])), shape=shape),
            benchmark=csr_matrix((parts.weight, (parts.which, beside)), shape=(parts.count, len(used))),
        )


@dataclass(frozen=True, eq=False)
class Past:
    """What all sessions of a run share: returns, facts, and what was worked out of them once.

    Attributes:
        moves: of the lines of every session.
        returns, fx_rates, instruments: the tables they came from.
        facts: what else was read.
        sessions: of the run, sorted.
        curves: what is needed to revalue positions, by their index in ``Day.rows``.
    """

    moves: Moves
    returns: pd.DataFrame
    fx_rates: pd.DataFrame
    instruments: pd.DataFrame
    facts: Facts
    sessions: pd.DatetimeIndex
    curves: pd.DataFrame
    _kept: dict[tuple[object, ...], Any] = field(default_factory=dict, repr=False)

    @cached_property
    def changes(self) -> Dates:
        """Dates from which other risk factors are in force."""
        return dated.changes(self.facts.risk_factors)

    @cached_property
    def words(self) -> simulation.Words:
        """Hash of the name of each local series."""
        return pd.util.hash_array(self.moves.names).astype(np.uint64)

    def fits(self, date: pd.Timestamp, model: Model) -> tuple[list[Any], list[Any]]:
        """Parameters of a declared volatility model for every local and every FX series, once a month."""
        key = ("fits", date.to_period("M"), making(model))
        if key not in self._kept:
            self._kept[key] = tuple(
                filtering.fitted(series, self.moves.dates, date, model) for series in (self.moves.local, self.moves.fx)
            )
        found: tuple[list[Any], list[Any]] = self._kept[key]
        return found

    def factors(self, date: pd.Timestamp) -> Factors:
        """The risk factors in force on ``date`` with their returns on every session read up to it."""
        declared = self.facts.risk_factors
        changes = self.changes
        segment = int(np.searchsorted(changes, np.datetime64(date, "us"), "right"))
        key = ("factors", segment)
        if key not in self._kept:
            sessions = self.sessions.to_numpy("datetime64[us]")
            ahead = sessions[np.searchsorted(changes, sessions, "right") == segment]
            # Asked once for the last session on which the same rows hold: what an earlier one knew is a window of it.
            self._kept[key] = factors.series(
                declared,
                self.returns,
                self.facts.benchmark_levels,
                self.facts.alternative_data,
                self.fx_rates,
                self.instruments,
                max(date, pd.Timestamp(ahead[-1])) if len(ahead) else date,
            )
        found: Factors = self._kept[key]
        return found

    def filled(self, date: pd.Timestamp, names: NDArray[np.object_], local: Floats, window: slice) -> Floats:
        """``local`` of the instruments ``names`` over ``window`` with the returns of their proxies where missing."""
        stand_in, beta = proxies.stand_ins(self.facts.proxies, self.instruments, date, names.tolist())
        moves = self.moves
        at = pd.Index(moves.names).get_indexer(pd.Index(stand_in))
        # A name that never has a return is a risk factor's, or nobody's.
        at = np.where(np.isfinite(moves.local[at]).any(axis=1), at, -1)
        found = np.where((at >= 0)[:, None], moves.local[at, window], np.nan)
        others = (at < 0) & (stand_in != "")
        if others.any():
            known = self.factors(date).window(date, window.stop - window.start)
            which = pd.Index(known.names).get_indexer(pd.Index(stand_in[others]))
            found[others] = np.where((which >= 0)[:, None] & known.known[which], known.returns[which], np.nan)
        return proxies.filled(local, beta, found)

    def by_factors(self, date: pd.Timestamp, placed: Placed, model: Model) -> tuple[Floats, Flags]:
        """Local returns over the window as the time-series factor model has them, and those that stay as they were."""
        from daybook.risk import factor_models

        moves = self.moves
        security = np.flatnonzero(moves.security[placed.series])
        local, left = placed.local.copy(), np.zeros(len(placed.series), bool)
        if not len(security) or placed.last == placed.first:
            return local, left
        series = placed.series[security]
        known = ~np.isnan(local[security])
        window = self.factors(date).window(date, placed.last - placed.first)
        fitted = factor_models.time_series(moves.names[series], np.where(known, local[security], 0.0), known, window)
        good = fitted.status == "ok"
        left[security] = ~good
        returns = window.returns[pd.Index(window.names).get_indexer(pd.Index(fitted.factors))]
        seen = known[good][:, np.isin(window.dates, fitted.dates)]
        since = dated.days(moves.dates[placed.first : placed.last])
        words = self.words[series[good]]
        drawn = simulation.shuffled(fitted.residuals[good], seen, words, since, model.seed)
        local[security[good]] = fitted.exposures[good] @ returns + drawn
        return local, left


def positions(
    valuations: pd.DataFrame, nav: pd.DataFrame, instruments: pd.DataFrame, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    """Positions of the books that have a NAV, with what a scenario return applies to.

    Args:
        valuations: table ``valuations``, cash rows included.
        nav: table ``nav``.
        instruments: facts, dated by valid_from.
        sessions: sessions to keep.

    Returns:
        business_date, book, instrument, currency, base_currency, asset_class, market_value_base, exposure_base; driver
        (the instrument or ``CASH:<CCY>`` whose local return it has), linear (whether on its exposure), value (base
        currency: what the return applies to), carried (base currency: what the FX return applies to besides), proxy
        (what moves an option of known delta, else ""), underlying_class, and quantity, price and fx_rate of
        ``valuations``; sorted by session, book and instrument.
    """
    good = nav.loc[nav["status"].eq("ok") & nav["business_date"].isin(sessions)]
    held = valuations.loc[valuations["business_date"].isin(sessions)].merge(
        good[["business_date", "book", "base_currency"]], on=["business_date", "book"]
    )
    known = attributes(instruments, "instrument", held, ["asset_class", "underlying"])
    held["asset_class"] = known["asset_class"].mask(held["instrument"].str.startswith(CASH), "cash")
    forward = held["asset_class"].eq("forward") & known["underlying"].ne("")
    by_delta = held["asset_class"].eq("option") & ~held["reason"].str.startswith(WITHOUT_DELTA)
    held["driver"] = held["instrument"].mask(forward, known["underlying"])
    held["linear"] = held["asset_class"].eq("future") | forward
    held["value"] = held["exposure_base"].where(held["linear"], held["market_value_base"])
    held["carried"] = held["market_value_base"].where(held["linear"], 0.0)
    held["proxy"] = known["underlying"].where(by_delta, "")
    under = held[["business_date"]].assign(instrument=known["underlying"])
    held["underlying_class"] = attributes(instruments, "instrument", under, ["asset_class"])["asset_class"]
    kept = ["business_date", "book", "instrument", *LINE, "asset_class", "market_value_base", "exposure_base"]
    kept += ["value", "carried", "proxy", "underlying_class", "quantity", "price", "fx_rate"]
    return held[kept].sort_values(["business_date", "book", "instrument"], ignore_index=True)


def scenario_returns(
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    lines: pd.DataFrame,
    also: list[str],
    instruments: pd.DataFrame,
    facts: Facts,
) -> Moves:
    """Returns of ``lines`` in base currency on every session of ``returns``.

    Args:
        returns: table ``returns`` (local total return per instrument and session).
        fx_rates: table ``fx_rates``, from at least one session before the first return on.
        lines: driver, currency, base_currency, linear; one row a line.
        also: instruments whose local returns are wanted beside, whether a line moves with them or not.
        instruments: facts, dated by valid_from.
        facts: prices and risk-free rates, for the yields of bonds.
    """
    own = factors.credible(returns)
    dates = np.unique(own["business_date"].to_numpy("datetime64[us]"))
    money = lines["driver"].str.startswith(CASH)
    abroad = lines["driver"].str[len(CASH) :].where(money, lines["currency"])
    series = pd.DataFrame(
        {
            "name": lines["driver"].where(~money, lines["driver"] + ">" + lines["currency"]),
            "currency": abroad,
            "base_currency": lines["currency"],
        }
    )
    distinct = series.drop_duplicates("name", ignore_index=True)
    beside = [name for name in dict.fromkeys(also) if name not in set(distinct["name"])]
    names = pd.Index([*distinct["name"], *beside])
    local, stale = _local(own, names, dates)
    exchanged = distinct["name"].str.startswith(CASH).to_numpy()
    local[: len(distinct)][exchanged] = _currency(fx_rates, distinct[exchanged], dates)
    bonds = np.flatnonzero(names.str.startswith(YIELD))
    curve = local[bonds]
    if len(bonds):
        wanted = names[bonds].str[len(YIELD) :].tolist()
        changes = revaluation.yield_changes(wanted, facts.prices, facts.risk_free_rates, instruments, dates)
        local[bonds], curve = changes
    pairs = lines[["currency", "base_currency"]].drop_duplicates(ignore_index=True)
    fx = _currency(fx_rates, pairs, dates)
    of = names.get_indexer(pd.Index(series["name"]))
    via = pd.MultiIndex.from_frame(pairs).get_indexer(pd.MultiIndex.from_frame(lines[["currency", "base_currency"]]))
    linear = lines["linear"].to_numpy(bool)
    known = np.isfinite(local[of]) & np.isfinite(fx[via])
    before = np.zeros((len(lines), 1), np.int64)
    return Moves(
        dates=dates,
        names=names.to_numpy(object),
        security=~np.asarray(names.str.startswith(CASH), bool),
        local=local,
        bonds=bonds,
        curve=curve,
        fx=fx,
        of=of,
        via=via,
        linear=linear,
        returns=combined(local, fx, of, via, linear, 1),
        known=known,
        seen=np.concatenate([before, known.cumsum(axis=1)], axis=1),
        stale=np.concatenate([np.zeros((len(names), 1), np.int64), stale.cumsum(axis=1)], axis=1),
    )


def combined(local: Floats, fx: Floats, of: Ints, via: Ints, linear: Flags, steps: int) -> Floats:
    """Returns of lines in base currency over each ``steps`` sessions in a row; a missing session counts 0.

    Args:
        local: local returns, NaN where missing, shape (I, S).
        fx: returns of currencies, NaN where missing, shape (P, S).
        of: line -> index into ``local``, shape (L,).
        via: line -> index into ``fx``, shape (L,).
        linear: whether the line earns local return x (1 + FX return), shape (L,).
        steps: sessions that are compounded.

    Returns:
        Shape (L, S - steps + 1), no column where there are fewer sessions than ``steps``.
    """
    own, move = local[of], fx[via]
    if steps > 1:
        there = np.isfinite(own) & np.isfinite(move)
        own, move = compounded(np.where(there, own, 0.0), steps), compounded(np.where(there, move, 0.0), steps)
    total = np.where(linear[:, None], own * (1 + move), (1 + own) * (1 + move) - 1)
    return np.where(np.isfinite(total), total, 0.0)


def compounded(returns: Floats, steps: int) -> Floats:
    """Return over each ``steps`` sessions in a row, shape (N, S - steps + 1)."""
    count = max(returns.shape[1] - steps + 1, 0)
    growth = np.ones((len(returns), count))
    for step in range(steps if count else 0):
        growth *= 1 + returns[:, step : step + count]
    return np.asarray(growth - 1)


def age_weights(scenarios: int, decay: float) -> Floats:
    """Weight of each scenario, oldest first, adding up to 1: that of the newest is the largest.

    Boudoukh, Richardson and Whitelaw (1998): decay^(i-1) (1 - decay) / (1 - decay^S) for the i-th newest.
    """
    age = np.arange(scenarios - 1, -1, -1, dtype=np.float64)
    weight = decay**age
    return np.asarray(weight / weight.sum())


def _local(own: pd.DataFrame, names: pd.Index, dates: Dates) -> tuple[Floats, Flags]:
    """Local returns of ``names``, NaN where there is none, and which of them come from stale prices."""
    at = names.get_indexer(pd.Index(own["instrument"]))
    there = at >= 0
    found, stale = np.full((len(names), len(dates)), np.nan), np.zeros((len(names), len(dates)), bool)
    when = np.searchsorted(dates, own["business_date"].to_numpy("datetime64[us]")[there])
    found[at[there], when] = own["local_return"].to_numpy()[there]
    stale[at[there], when] = own["status"].eq("stale").to_numpy()[there]
    return found, stale


def _currency(fx_rates: pd.DataFrame, lines: pd.DataFrame, dates: NDArray[np.datetime64]) -> Floats:
    """Return of each line's currency into its base currency, by session; 0 where they are the same."""
    pairs = lines[["currency", "base_currency"]].drop_duplicates(ignore_index=True)
    fixings = np.unique(fx_rates["business_date"].to_numpy("datetime64[us]"))
    at = np.searchsorted(fixings, dates) - 1
    usable = at >= 0
    moves = np.full((len(pairs), len(dates)), np.nan)
    if usable.any():
        n = int(usable.sum())
        base = np.repeat(pairs["currency"].to_numpy(object), n)
        quote = np.repeat(pairs["base_currency"].to_numpy(object), n)
        after = rates(fx_rates, base, quote, np.tile(dates[usable], len(pairs)))
        before = rates(fx_rates, base, quote, np.tile(fixings[at[usable]], len(pairs)))
        moves[:, usable] = (after / before - 1).reshape(len(pairs), n)
    moves[pairs["currency"].eq(pairs["base_currency"]).to_numpy()] = 0.0
    index = pd.MultiIndex.from_frame(pairs).get_indexer(pd.MultiIndex.from_frame(lines[["currency", "base_currency"]]))
    return moves[index]


def days(
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    facts: Facts | None = None,
) -> Iterator[Day]:
    """Each of ``sessions`` with all its books, ready for the scenarios of any model.

    Args:
        valuations: table ``valuations`` of the sessions.
        nav: table ``nav`` of the sessions.
        returns: table ``returns``, reaching ``models.BACK`` sessions back from the first one where there are as many.
        fx_rates: table ``fx_rates``, reaching one session further.
        instruments: facts, dated by valid_from.
        sessions: sessions to compute.
        facts: what else is declared, nothing by default.
    """
    facts = facts or Facts()
    held = positions(valuations, nav, instruments, sessions)
    curves = revaluation.terms(held, facts.model_prices, instruments)
    sources = Sources(
        benchmark_weights=facts.benchmark_weights,
        returns=returns,
        fx_rates=fx_rates,
        benchmark_levels=facts.benchmark_levels,
        benchmark_blends=facts.benchmark_blends,
        benchmark_terms=facts.benchmark_terms,
    )
    views, weights = benchmark.closing_weights(sources, facts.books, instruments, sessions)
    weights = weights.assign(driver=weights["instrument"], linear=False)
    beside = held[LINE].assign(driver=held["proxy"], linear=True)
    money = held[LINE].assign(driver=CASH + held["currency"], linear=False)
    full = held[LINE].assign(driver=curves["driver"].reindex(held.index).fillna(""), linear=True)
    curved = full["driver"].ne("")
    approximate = held["linear"] | held["proxy"].ne("") | curved
    wanted = [held[LINE], beside[held["proxy"].ne("")], full[curved], money[approximate], weights[LINE]]
    lines = pd.concat(wanted).drop_duplicates(ignore_index=True)
    known = pd.MultiIndex.from_frame(lines)
    for name, of in (("line", held[LINE]), ("proxy_line", beside), ("money", money), ("curve_line", full)):
        held[name] = known.get_indexer(pd.MultiIndex.from_frame(of))
    weights["line"] = known.get_indexer(pd.MultiIndex.from_frame(weights[LINE]))
    held["proxied"] = False
    if curved.any() and len(facts.proxies):
        held["proxied"] = _proxied(held, curves, facts.proxies, instruments)
    seen = benchmark.levelled(returns, facts.benchmark_levels, weights)
    moves = scenario_returns(seen, fx_rates, lines, facts.proxies["proxy"].tolist(), instruments, facts)
    past = Past(moves, returns, fx_rates, instruments, facts, sessions, curves)
    good = nav.loc[nav["status"].eq("ok")].sort_values(["business_date", "book"])
    views = views.merge(good[["business_date", "book"]], on=["business_date", "book"])
    views, weights = views.sort_values(["business_date", "book"]), weights.sort_values("business_date", kind="stable")
    weights["code"], views["code"] = dated.codes([weights[name] for name in VIEW], [views[name] for name in VIEW])
    _, names = pd.factorize(good["book"], sort=True)
    held["forward"] = held["asset_class"].eq("forward")
    for frame in (good, held, views):
        frame["number"] = names.get_indexer(pd.Index(frame["book"]))
    changes = dated.changes(facts.var_models)
    segments = np.searchsorted(changes, sessions.to_numpy("datetime64[us]"), "right").tolist()
    models: dict[int, tuple[Model, ...]] = {}
    bounds = [_bounds(frame, sessions) for frame in (good, held, views, weights)]
    for i, date in enumerate(sessions):
        if segments[i] not in models:
            models[segments[i]] = in_force(facts.var_models, date)
        books, rows, seen, parts = (
            frame.iloc[slice(*bound[i])] for frame, bound in zip((good, held, views, weights), bounds, strict=True)
        )
        if len(books):
            yield _day(date, books, rows, seen, parts, models[segments[i]], past)


def _proxied(
    held: pd.DataFrame, curves: pd.DataFrame, declared: pd.DataFrame, instruments: pd.DataFrame
) -> NDArray[np.bool_]:
    """Whether each position is a bond that can be revalued, and for which a proxy is declared on its session."""
    found = np.zeros(len(held), bool)
    bonds = held.loc[curves.index[curves["kind"].eq("bond")]]
    for date, rows in bonds.groupby("business_date"):
        names = rows["instrument"].tolist()
        found[rows.index] = proxies.stand_ins(declared, instruments, pd.Timestamp(str(date)), names)[0] != ""
    return found


def _bounds(frame: pd.DataFrame, sessions: pd.DatetimeIndex) -> list[tuple[int, int]]:
    """First and last+1 row of each session in a frame sorted by business_date."""
    dates = frame["business_date"].to_numpy("datetime64[us]")
    wanted = sessions.to_numpy("datetime64[us]")
    left, right = np.searchsorted(dates, wanted, "left"), np.searchsorted(dates, wanted, "right")
    return list(zip(left.tolist(), right.tolist(), strict=True))


def _day(
    date: pd.Timestamp,
    books: pd.DataFrame,
    rows: pd.DataFrame,
    views: pd.DataFrame,
    parts: pd.DataFrame,
    models: tuple[Model, ...],
    past: Past,
) -> Day:
    number = books["number"].to_numpy(np.int64)
    kinds, which = np.unique(parts["code"].to_numpy(np.int64), return_inverse=True)
    followed = views["code"].to_numpy(np.int64)
    of = np.searchsorted(kinds, followed)
    there = of < len(kinds)
    there[there] = kinds[of[there]] == followed[there]
    follows = np.full(len(books), -1, np.int64)
    follows[np.searchsorted(number, views["number"].to_numpy(np.int64)[there])] = of[there]
    return Day(
        date=date,
        books=books["book"].to_numpy(object),
        base_currency=books["base_currency"].to_numpy(object),
        nav=books["nav"].to_numpy(),
        rows=rows,
        book=np.searchsorted(number, rows["number"].to_numpy(np.int64)),
        models=models,
        benchmark=follows,
        weights=Weights(which, parts["line"].to_numpy(np.int64), parts["weight"].to_numpy(np.float64), len(kinds)),
        past=past,
    )


def scenario_sets(day: Day) -> list[ScenarioSet]:
    """The distinct sets of scenarios that the models in force on ``day`` read, by name; one that cannot be made is not
    among them.
    """
    made = [day.scenarios(model) for model in day.models if not model.problem]
    return list({made_set.name: made_set for made_set in made}.values())


def scenario_pnl(days: Iterable[Day]) -> pd.DataFrame:
    """Table ``scenario_pnl``: P&L in base currency of each book in each scenario of each set, oldest first.

    Books without a NAV have no row. ``weights`` is empty where all scenarios are equally likely; of simulated scenarios
    ``window_start`` and ``window_end`` are those of the past that they mix.

    Args:
        days: of ``days``.
    """
    frames = [_vectors(day, made) for day in days for made in scenario_sets(day)]
    if not frames:
        return tables.empty("scenario_pnl")
    rows = pd.concat(frames).sort_values(["business_date", "book", "scenario_set"], ignore_index=True)
    return tables.conform("scenario_pnl", rows)


def _vectors(day: Day, made: ScenarioSet) -> pd.DataFrame:
    placed, dates = made.placed, day.past.moves.dates
    weights: list[Any] = [] if made.weights is None else made.weights.tolist()
    return pd.DataFrame(
        {
            "business_date": day.date,
            "book": day.books,
            "scenario_set": made.name,
            "pnl": list(made.pnl + 0.0),
            "weights": [weights] * len(day.books),
            "scenarios": made.pnl.shape[1],
            "window_start": dates[placed.first] if made.sessions else pd.NaT,
            "window_end": dates[placed.last - 1] if made.sessions else pd.NaT,
        }
    )
