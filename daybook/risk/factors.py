"""Risk factors: what moves many prices at once, and what each of them returned in past sessions.

Belongs here: declared factors, and those that hold where none is declared, as series of returns. Does not belong here:
how instruments follow them (``factor_models``, ``betas``).

Conventions. A factor has one source: an instrument (its local total return), the level of a benchmark, a series of
alternative data, or a currency. Its return is the ratio of two values less 1; of kind ``rate`` it is the change of the
value as delivered. It is known on a session only with a value on it and on the session before: nothing is carried
forward, so that a monthly series has no return of any session. Factors of kind ``style`` and ``sector`` are returns in
excess of the market's: five funds of US stocks move with the market far more than with their style, and their plain
returns could not be told apart. A currency is measured against the numeraire, positive when it gains.

Where no market is declared, ``market`` is the mean local return of all equities and etfs, each weighted alike. A
currency with a rate that no row declares is a factor by its own code: every holding has its currency.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.market import alternative, fx
from daybook.market.security_master import attributes

MARKET = "market"
"""Kind of the factor that everything moves with, and the name of the one that holds where none is declared."""
CURRENCY = "currency"
RATE = "rate"
KINDS = (MARKET, "style", "sector", RATE, "commodity", CURRENCY)
"""In the order in which factors stand, and in which the earlier ones go first where two say the same."""
EXCESS = ("style", "sector")
MARKET_CLASSES = ("equity", "etf")
SOURCES = ("instrument", "benchmark", "series", "currency")
LARGEST = 1e9
"""Largest return that can be one: beyond it a price is a mistake, and its powers leave nothing of other numbers."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Texts = NDArray[np.object_]
Dates = NDArray[np.datetime64]


@dataclass(frozen=True)
class Factors:
    """Returns of risk factors.

    Attributes:
        names: in the order of ``KINDS``, by name within a kind, shape (F,).
        kinds: market, style, sector, rate, commodity or currency, shape (F,).
        currencies: the currency of a factor of that kind, "" for the others, shape (F,).
        dates: sessions, sorted, shape (T,).
        returns: 0 where unknown, shape (F, T).
        known: shape (F, T).
        usable: the date from which each return may be used, shape (F, T).
        numeraire: what currencies are measured against.
        reasons: why a factor has no source, by name; other factors are not in it.
    """

    names: Texts
    kinds: Texts
    currencies: Texts
    dates: Dates
    returns: Floats
    known: Flags
    usable: Dates
    numeraire: str
    reasons: dict[str, str]

    def window(self, date: pd.Timestamp, sessions: int) -> "Factors":
        """The last ``sessions`` dates up to ``date``, as known at its close."""
        at = np.datetime64(date, "us")
        last = int(np.searchsorted(self.dates, at, "right"))
        part = slice(max(0, last - sessions), last)
        known = self.known[:, part] & (self.usable[:, part] <= at)
        returns = np.where(known, self.returns[:, part], 0.0)
        return replace(self, dates=self.dates[part], returns=returns, known=known, usable=self.usable[:, part])


def in_force(risk_factors: pd.DataFrame, date: pd.Timestamp) -> pd.DataFrame:
    """Rows of ``risk_factors`` that hold on ``date``, one a factor, in the order of ``KINDS``, then by name."""
    begun = risk_factors.loc[risk_factors["valid_from"] <= date].sort_values("valid_from", kind="stable")
    rows = begun.drop_duplicates("factor", keep="last")
    rows = rows.loc[~(rows["valid_to"] < date)]
    order = np.lexsort((rows["factor"].to_numpy(object), np.array([KINDS.index(kind) for kind in rows["kind"]])))
    return rows.take(order).reset_index(drop=True)


def market(risk_factors: pd.DataFrame, date: pd.Timestamp) -> str:
    """Name of the factor that betas to the market are measured against on ``date``."""
    rows = in_force(risk_factors, date)
    declared = rows.loc[rows["kind"].eq(MARKET), "factor"]
    return str(declared.iloc[0]) if len(declared) else MARKET


def series(
    risk_factors: pd.DataFrame,
    returns: pd.DataFrame,
    benchmark_levels: pd.DataFrame,
    alternative_data: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    date: pd.Timestamp,
) -> Factors:
    """Returns of the factors in force on ``date``, on every session up to it on which any instrument has a return.

    What an earlier session knew is ``window`` of it, as long as the same rows were in force (``in_force``).

    Args:
        risk_factors: facts.
        returns: table ``returns``; it begins a session before the first one wanted, whose return of a level is unknown.
        benchmark_levels: facts.
        alternative_data: facts; the rows without an instrument are series.
        fx_rates: table ``fx_rates``, from a session before the first return on.
        instruments: facts, dated by valid_from: which of them make the market where none is declared.
        date: the session.
    """
    own = credible(returns)
    own = own.loc[own["business_date"] <= date]
    dates = np.unique(own["business_date"].to_numpy("datetime64[us]"))
    rows = _complete(in_force(risk_factors, date), fx_rates)
    base = numeraire(fx_rates)
    moves = np.full((len(rows), len(dates)), np.nan)
    usable = np.tile(dates, (len(rows), 1))
    reasons: dict[str, str] = {}
    for i, row in enumerate(rows.to_dict("records")):
        factor, kind = str(row["factor"]), str(row["kind"])
        given = {name: str(row[name]) for name in SOURCES if row[name]}
        source, name = next(iter(given.items()), ("", ""))
        if len(given) > 1:
            reasons[factor] = "more than one source: " + ", ".join(given)
        elif source == "instrument":
            of = own.loc[own["instrument"].eq(name)]
            moves[i, np.searchsorted(dates, of["business_date"].to_numpy("datetime64[us]"))] = of["local_return"]
        elif source == "benchmark":
            of = benchmark_levels.loc[benchmark_levels["benchmark"].eq(name)]
            moves[i], _ = _changes(of["business_date"], of["level"], of["business_date"], dates, kind)
        elif source == "series":
            of = alternative_data.loc[alternative_data["series"].eq(name) & alternative_data["instrument"].eq("")]
            moves[i], usable[i] = _changes(of["observed_on"], of["value"], alternative.usable_from(of), dates, kind)
        elif source == "currency":
            moves[i] = _currency(fx_rates, name, base, dates)
        elif factor == MARKET:
            moves[i] = _equally_weighted(own, instruments, dates)
        else:
            reasons[factor] = "no source is declared"
    kinds = rows["kind"].to_numpy(object)
    first = np.flatnonzero(kinds == MARKET)[0]
    above = np.isin(kinds, EXCESS)
    moves[above] -= moves[first]
    known = np.isfinite(moves)
    return Factors(
        names=rows["factor"].to_numpy(object),
        kinds=kinds,
        currencies=rows["currency"].where(rows["kind"].eq(CURRENCY), "").to_numpy(object),
        dates=dates,
        returns=np.where(known, moves, 0.0),
        known=known,
        usable=usable,
        numeraire=base,
        reasons=reasons,
    )


def numeraire(fx_rates: pd.DataFrame) -> str:
    """What currencies are measured against: the first of USD, EUR and GBP that has a rate, else the first by name."""
    names = _currencies(fx_rates)
    return next((name for name in fx.PIVOTS if name in names), names[0] if names else fx.PIVOTS[0])


def _currencies(fx_rates: pd.DataFrame) -> list[str]:
    return sorted(set(fx_rates["base"].unique()) | set(fx_rates["quote"].unique()))


def _complete(declared: pd.DataFrame, fx_rates: pd.DataFrame) -> pd.DataFrame:
    """The factors declared, the market where there is none, and every currency that has a rate and no row."""
    columns = ["factor", "kind", *SOURCES]
    rows = [declared[columns]]
    if not declared["kind"].eq(MARKET).any():
        rows.insert(0, _rows(["factor", "kind"], [(MARKET, MARKET)]))
    own = set(declared.loc[declared["kind"].eq(CURRENCY), "currency"]) | {numeraire(fx_rates)}
    left = [name for name in _currencies(fx_rates) if name not in own]
    rows.append(_rows(["factor", "kind", "currency"], [(name, CURRENCY, name) for name in left]))
    return pd.concat(rows, ignore_index=True).reindex(columns=columns).fillna("").astype("str")


def _rows(columns: list[str], values: list[tuple[str, ...]]) -> pd.DataFrame:
    return pd.DataFrame(values, columns=columns, dtype="str")


def _equally_weighted(own: pd.DataFrame, instruments: pd.DataFrame, dates: Dates) -> Floats:
    """Mean return of what is an equity or etf on the session, NaN where none has a return."""
    kind = attributes(instruments, "instrument", own, ["asset_class"])["asset_class"]
    of = own.loc[kind.isin(MARKET_CLASSES).to_numpy()].sort_values(["business_date", "instrument"])
    at = np.searchsorted(dates, of["business_date"].to_numpy("datetime64[us]"))
    total = np.bincount(at, of["local_return"].to_numpy(np.float64), len(dates))
    count = np.bincount(at, minlength=len(dates))
    return np.asarray(np.divide(total, count, out=np.full(len(dates), np.nan), where=count > 0), np.float64)


def _changes(
    observed: pd.Series, values: pd.Series, usable_from: object, dates: Dates, kind: str
) -> tuple[Floats, Dates]:
    """Change of a value from each of ``dates`` to the next, NaN at the first, and when both ends were usable."""
    level = np.full(len(dates), np.nan)
    usable = dates.copy()
    day = observed.to_numpy("datetime64[us]")
    at = np.searchsorted(dates, day)
    there = at < len(dates)
    there[there] = dates[at[there]] == day[there]
    level[at[there]] = values.to_numpy(np.float64)[there]
    usable[at[there]] = np.maximum(day, np.asarray(usable_from, "datetime64[us]"))[there]
    before = np.concatenate([[np.nan], level[:-1]])[: len(dates)]
    with np.errstate(divide="ignore", invalid="ignore"):
        change = level - before if kind == RATE else np.where(before > 0, level / before - 1, np.nan)
    return np.asarray(change, np.float64), np.maximum(usable, np.concatenate([dates[:1], usable[:-1]]))


def _currency(fx_rates: pd.DataFrame, currency: str, base: str, dates: Dates) -> Floats:
    """Return of a currency in the numeraire; between the golden rates of a session and of the one with rates before."""
    fixings = np.unique(fx_rates["business_date"].to_numpy("datetime64[us]"))
    at = np.searchsorted(fixings, dates) - 1
    found = np.full(len(dates), np.nan)
    usable = np.flatnonzero(at >= 0)
    both = np.concatenate([dates[usable], fixings[at[usable]]])
    rate = fx.rates(fx_rates, np.repeat(currency, len(both)), np.repeat(base, len(both)), both)
    found[usable] = rate[: len(usable)] / rate[len(usable) :] - 1
    return found


def credible(returns: pd.DataFrame) -> pd.DataFrame:
    """Rows of table ``returns`` that have a local return, and one that can be: at most ``LARGEST``."""
    return returns.loc[returns["local_return"].abs() <= LARGEST]


def local_returns(returns: pd.DataFrame, dates: Dates) -> tuple[Texts, Floats, Flags]:
    """Instruments by name, their local returns on ``dates`` (0 where unknown) and whether they are known, (N, T)."""
    own = credible(returns)
    day = own["business_date"].to_numpy("datetime64[us]")
    own = own.loc[np.isin(day, dates)]
    row, names = pd.factorize(own["instrument"], sort=True)
    column = np.searchsorted(dates, own["business_date"].to_numpy("datetime64[us]"))
    values = np.zeros((len(names), len(dates)))
    known = np.zeros((len(names), len(dates)), bool)
    values[row, column] = own["local_return"].to_numpy(np.float64)
    known[row, column] = True
    return np.asarray(names, object), values, known
