"""Factor attribution: which part of a book's active return factors explain, from its holdings and by regression.

Belongs here: table ``factor_attribution``, exposures of holdings, the split of a return and its identity. Does not
belong here: exposures of books by regression (``regression``), what is known of factors before a month (``estimates``).

Conventions. The part of a factor is (exposure of the book - exposure of its benchmark) x the factor's return of the
session (Grinold and Kahn 1999, Active Portfolio Management, chapter 17). From holdings, the exposures of a book are
its opening values times the exposures of what is held (``daybook.risk.factor_models.holdings``), over its denominator;
those of a benchmark are its opening weights times the same, but for currency that it hedges. ``trading`` is
(trading_pnl + fees) / denominator, as in the Brinson effects. ``specific`` is the rest: what names did by themselves,
income of cash, products of two returns, and what no model covers, whose size ``coverage`` tells. So the totals add up
to the active return. Where a book has none, for want of a benchmark or of its return, they add up to the book's own
return, and ``status`` says why.

A factor without a return of the session has no part, and ``status`` names it; one to which neither side has an exposure
is no row.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.attribution import regression
from daybook.attribution.estimates import Month, Sources, months, on_calendar, returned, seen_from
from daybook.market.security_master import attributes
from daybook.performance import local
from daybook.performance.views import CASH, VIEW
from daybook.risk import factor_models
from daybook.risk.factors import Factors, Flags, Floats, Texts
from daybook.risk.scenarios import positions

HOLDINGS, REGRESSION = "factor_holdings", "factor_regression"
SPECIFIC = factor_models.SPECIFIC
TRADING = "trading"
KEY = ["business_date", "book"]


def factor_attribution(
    valuations: pd.DataFrame,
    pnl: pd.DataFrame,
    nav: pd.DataFrame,
    performance: pd.DataFrame,
    opening: pd.DataFrame,
    views: pd.DataFrame,
    sources: Sources,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``factor_attribution`` of the books that have a return.

    Args:
        valuations: table ``valuations`` of the sessions and of each book's session before.
        pnl: table ``pnl`` of the sessions.
        nav: table ``nav`` of every session since each book's first one.
        performance: table ``performance`` of every session since each book's first one.
        opening: what benchmarks hold at the open (``benchmarks.computed``, its lines).
        views: the benchmark of each book by session (``benchmarks.book_views``).
        sources: what factors have their returns from.
        sessions: sessions to compute.
    """
    scope = _scope(nav, pnl, performance, views, sessions)
    held = _opened(valuations, nav, sources.instruments, scope)
    beside = _benchmark_positions(opening, sources.instruments, scope)
    frames = []
    for month in months(sources, sessions):
        rows = scope.loc[scope["month"] == month.period].reset_index(drop=True)
        sides = [
            _exposed(month, _among(lines, rows[side]), rows[side]) for lines, side in ((held, "at"), (beside, "view"))
        ]
        for (calendar, base), group in rows.groupby(["calendar", "base_currency"]):
            seen = on_calendar(month.factors, str(calendar))
            at = group.index.to_numpy(np.int64)
            part = group.reset_index(drop=True)
            own, theirs = (side.take(at) for side in sides)
            frames.append(_by_holdings(month, seen_from(str(base), seen), part, own, theirs))
            frames.append(_by_regression(month, regression.chosen(seen, str(base), month.declared), part, performance))
    if not frames:
        return tables.empty("factor_attribution")
    found = pd.concat(frames).sort_values([*KEY, "method", "factor"], ignore_index=True)
    found = found.assign(risk_model=factor_models.TIME_SERIES)
    return tables.conform("factor_attribution", found.reindex(columns=list(tables.TABLES["factor_attribution"].names)))


def split(exposures: Floats, factor_returns: Floats, whole: Floats, trading: Floats) -> tuple[Floats, Floats]:
    """Part of each factor in a return, and what is left: both rounded to 12 places, so that they add up as rounded.

    Args:
        exposures: NaN counts as none, shape (n, F).
        factor_returns: NaN where unknown: then there is no part, shape (n, F).
        whole: the return to explain, shape (n,).
        trading: part of it that is apart, shape (n,).
    """
    parts = _rounded(np.nan_to_num(exposures * factor_returns))
    return parts, _rounded(whole - parts.sum(axis=1) - trading)


def _rounded(values: Any) -> Floats:
    return np.asarray(np.round(values, 12), np.float64)


def _scope(
    nav: pd.DataFrame, pnl: pd.DataFrame, performance: pd.DataFrame, views: pd.DataFrame, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    """The returns to explain, by session and book: KEY, VIEW, denominator, month, previous, explained, active, trading,
    said; ``at`` counts them, ``view`` counts the benchmarks behind them, session by session, -1 for none.
    """
    columns = [*KEY, "denominator", "daily_return", "active_return", "status"]
    rows = performance.loc[performance["business_date"].isin(sessions) & performance["daily_return"].notna(), columns]
    before = local.dated(nav)[[*KEY, "previous"]]
    rows = rows.merge(views[[*KEY, *VIEW]], on=KEY).merge(before, on=KEY, how="left")
    traded = pnl[KEY].assign(traded=pnl["trading_pnl"] + pnl["fees"], instrument=pnl["instrument"])
    traded = traded.sort_values([*KEY, "instrument"]).groupby(KEY, as_index=False)[["traded"]].sum()
    rows = rows.merge(traded, on=KEY, how="left").sort_values(KEY, ignore_index=True)
    active = rows["active_return"].notna()
    view = pd.MultiIndex.from_frame(rows[["business_date", *VIEW]])
    return rows.assign(
        at=np.arange(len(rows)),
        view=np.where(active, pd.factorize(view, sort=True)[0], -1),
        month=rows["business_date"].dt.to_period("M"),
        active=active,
        explained=rows["active_return"].where(active, rows["daily_return"]),
        trading=(rows["traded"].fillna(0.0).round(6) / rows["denominator"]).round(12),
        said=("own return: " + rows["status"].str.removeprefix("ok; ")).mask(active, ""),
    )


def _opened(
    valuations: pd.DataFrame, nav: pd.DataFrame, instruments: pd.DataFrame, scope: pd.DataFrame
) -> pd.DataFrame:
    """Positions that the books of ``scope`` opened with, as of ``scenarios.positions``; ``row``: the book's ``at``."""
    before = scope[["book", "previous", "at"]].dropna().set_axis(["book", "business_date", "row"], axis=1)
    known = nav.merge(before[KEY], on=KEY)
    dates = pd.DatetimeIndex(known["business_date"].unique())
    held = positions(valuations, known, instruments, dates).merge(before, on=KEY)
    return held.sort_values(["row", "instrument"], ignore_index=True)


def _benchmark_positions(opening: pd.DataFrame, instruments: pd.DataFrame, scope: pd.DataFrame) -> pd.DataFrame:
    """Opening weights of benchmarks as positions of a book of 1; ``row``: its ``view``. What is hedged is carried in no
    foreign currency.
    """
    key = ["business_date", *VIEW]
    seen = scope.loc[scope["view"] >= 0, [*key, "view"]].drop_duplicates().rename(columns={"view": "row"})
    rows = opening.loc[opening["weight"].ne(0)].merge(seen, on=key)
    rows = rows.sort_values(["row", "instrument"], ignore_index=True)
    cash = rows["instrument"].str.startswith(CASH)
    own = attributes(instruments, "instrument", rows, ["asset_class", "currency"])
    currency = own["currency"].mask(cash, rows["instrument"].str[len(CASH) :])
    return rows.assign(
        driver=rows["instrument"],
        proxy="",
        asset_class=own["asset_class"],
        currency=currency.mask(currency.eq(""), rows["base_currency"]),
        linear=True,
        value=rows["weight"],
        exposure_base=rows["weight"],
        market_value_base=rows["weight"] * (1 - rows["hedge_ratio"]),
    )


def _among(lines: pd.DataFrame, rows: pd.Series) -> pd.DataFrame:
    """``lines``, sorted by ``row``, from the first to the last of ``rows``."""
    known = rows[rows >= 0]
    if not len(known):
        return lines.iloc[:0]
    low, high = np.searchsorted(lines["row"], [known.min(), known.max() + 1])
    return lines.iloc[low:high].reset_index(drop=True)


@dataclass(frozen=True)
class Sums:
    """Positions added up, in the unit of their values.

    Attributes:
        names: what ``exposures`` are to: factors of local returns by name, currencies by code, shape (F,).
        exposures: NaN where there is nothing to add up, shape (n, F).
        gross: size of the values, shape (n,).
        covered: the part of it that has exposures of its own, shape (n,).
    """

    names: Texts
    exposures: Floats
    gross: Floats
    covered: Floats

    def take(self, at: NDArray[np.int64]) -> "Sums":
        """Some of the rows."""
        return replace(self, exposures=self.exposures[at], gross=self.gross[at], covered=self.covered[at])

    def to(self, factors: Factors) -> Floats:
        """Exposures to ``factors``, in their order; 0 to one that is not among ``names``."""
        at = pd.Index(self.names).get_indexer(pd.Index(factors.names))
        known = np.concatenate([self.exposures, 0 * self.exposures[:, :1]], axis=1)
        return np.asarray(known[:, at], np.float64)


def _exposed(month: Month, lines: pd.DataFrame, rows: pd.Series) -> Sums:
    """Exposures of each of ``rows``, of which -1 has none: sums over the ``lines`` of that ``row``."""
    found = factor_models.holdings(month.model, lines)
    local = np.flatnonzero(month.model.local)
    money, fair = _currencies(month, found, lines)
    values = np.concatenate([found.exposures[:, local], money], axis=1)
    gross = np.abs(lines["value"].to_numpy(np.float64))
    every = [*values.T, gross, gross * (found.covered & fair)]
    known = rows[rows >= 0]
    begin, end = (int(known.min()), int(known.max()) + 1) if len(known) else (0, 0)
    row = lines["row"].to_numpy(np.int64) - begin
    sums = np.array([np.bincount(row, amounts, end - begin) for amounts in every])
    sums = np.append(sums, np.full((len(every), 1), np.nan), axis=1)[:, np.where(rows >= 0, rows - begin, -1)]
    return Sums(
        names=np.concatenate([month.model.factors[local], _codes(month)]).astype(object),
        exposures=sums[:-2].T,
        gross=np.nan_to_num(sums[-2]),
        covered=np.nan_to_num(sums[-1]),
    )


def _codes(month: Month) -> Texts:
    """Currencies of the model's factors, and the numeraire."""
    return np.append(month.model.currencies[~month.model.local], month.model.numeraire)


def _currencies(month: Month, found: factor_models.Holdings, lines: pd.DataFrame) -> tuple[Floats, Flags]:
    """Exposure of each position to each of ``_codes``, and whether it is known.

    What is in one currency is out of another: exposures to all currencies add up to 0, so that what those to factors
    leave is the numeraire's. A position of which one currency has no factor has none of them.
    """
    exposed = found.exposures[:, ~month.model.local]
    codes = _codes(month)
    bought = lines["driver"].str[len(CASH) :].where(lines["driver"].str.startswith(CASH), lines["currency"])
    fair = np.logical_and.reduce([names.isin(codes) for names in (lines["currency"], lines["base_currency"], bought)])
    same = (lines["currency"].eq(lines["base_currency"]) & bought.eq(lines["currency"])).to_numpy()
    every = np.concatenate([exposed, -exposed.sum(axis=1, keepdims=True)], axis=1)
    return np.where(fair[:, None], every, 0.0), fair | same


def _by_holdings(month: Month, factors: Factors, scope: pd.DataFrame, own: Sums, theirs: Sums) -> pd.DataFrame:
    """Rows of method ``factor_holdings`` of books of one base currency and calendar."""
    divisor = scope["denominator"].to_numpy(np.float64)
    whole, known = own.gross / divisor + theirs.gross, own.covered / divisor + theirs.covered
    share = np.divide(known, whole, out=np.full(len(scope), np.nan), where=whole > 0)
    sessions = len(month.model.dates)
    return _rows(
        HOLDINGS,
        scope,
        factors,
        own.to(factors) / divisor[:, None],
        theirs.to(factors),
        scope["trading"].to_numpy(np.float64),
        coverage=_rounded(np.minimum(share, 1.0)),
        observations=np.full(len(scope), sessions),
        convention=f"opening weights x exposures on {sessions} sessions up to {month.estimated:%Y-%m-%d}",
    )


def _by_regression(month: Month, factors: Factors, scope: pd.DataFrame, performance: pd.DataFrame) -> pd.DataFrame:
    """Rows of method ``factor_regression`` of books of one base currency and calendar."""
    found = regression.exposed(performance, factors, month.estimated, scope)
    return _rows(
        REGRESSION,
        scope.assign(said=_joined(scope["said"], found.status)),
        found.factors,
        found.portfolio,
        found.benchmark,
        np.zeros(len(scope)),
        r_squared=_rounded(found.r_squared),
        observations=found.observations,
        convention=f"regression on {regression.WINDOW} sessions up to {month.estimated:%Y-%m-%d}",
    )


def _rows(
    method: str,
    scope: pd.DataFrame,
    factors: Factors,
    portfolio: Floats,
    benchmark: Floats,
    trading: Floats,
    *,
    convention: str,
    **said: NDArray[Any],
) -> pd.DataFrame:
    """Rows of each factor, of ``specific`` and, from holdings, of ``trading``: their totals add up to ``explained``.

    ``said`` are further columns, a value for each row of ``scope``.
    """
    moves = _rounded(returned(factors, scope["business_date"].to_numpy("datetime64[us]")))
    portfolio, benchmark = _rounded(portfolio), _rounded(benchmark)
    exposure = _rounded(np.where(np.isnan(benchmark), portfolio, portfolio - benchmark))
    parts, rest = split(exposure, moves, scope["explained"].to_numpy(np.float64), trading)
    there = (np.nan_to_num(portfolio) != 0) | (np.nan_to_num(benchmark) != 0)
    row, column = np.nonzero(there)
    figures = dict(zip(_FIGURES, (portfolio, benchmark, exposure, moves, parts), strict=True))
    every = np.arange(len(scope))
    frames = [
        pd.DataFrame(
            {"row": row, "factor": factors.names[column]}
            | {name: values[row, column] for name, values in figures.items()}
        ),
        pd.DataFrame({"row": every, "factor": SPECIFIC, "total": rest}),
    ]
    if method == HOLDINGS:
        frames.append(pd.DataFrame({"row": every, "factor": TRADING, "total": trading}))
    found = pd.concat(frames, ignore_index=True)
    status = _joined(scope["said"], _lost(factors.names, there & np.isnan(moves)))
    at = found["row"].to_numpy(np.int64)
    return found.assign(
        business_date=scope["business_date"].to_numpy()[at],
        book=scope["book"].to_numpy(object)[at],
        method=method,
        status=np.where(status == "", "ok", status)[at],
        convention=convention,
        **{name: values[at] for name, values in said.items()},
    )


_FIGURES = ("portfolio_exposure", "benchmark_exposure", "exposure", "factor_return", "total")


def _lost(names: Texts, missing: Flags) -> Texts:
    """Which factors have no return in each row of ``missing``, shape (n, F); "" where all that matter have one."""
    found = np.full(len(missing), "", object)
    for i in np.flatnonzero(missing.any(axis=0)):
        found[missing[:, i]] = _joined(found[missing[:, i]], np.full(missing[:, i].sum(), f"no return of {names[i]}"))
    return found


def _joined(said: Any, more: Texts) -> Texts:
    """Two notes in one."""
    first = np.asarray(said, object)
    return np.asarray(first + np.where((first != "") & (more != ""), "; ", "") + more, object)


def identity_gaps(factor_attribution: pd.DataFrame, performance: pd.DataFrame) -> pd.DataFrame:
    """Books and methods whose parts do not add up within 1e-12 to the active return, or where there is none to the
    book's own.

    Returns:
        business_date, book, method, explained, total, gap = total - explained; empty when all is well. A book with a
        return and no attribution is one of them.
    """
    sums = factor_attribution.groupby([*KEY, "method"], as_index=False)[["total"]].sum(min_count=1)
    known = performance.loc[performance["daily_return"].notna()]
    due = known[KEY].assign(explained=known["active_return"].fillna(known["daily_return"]))
    due = due.merge(pd.DataFrame({"method": [HOLDINGS, REGRESSION]}), how="cross")
    both = due.merge(sums, on=[*KEY, "method"], how="left")
    both["gap"] = both["total"].fillna(0.0) - both["explained"]
    return both.loc[(both["gap"].abs() > 1e-12) | both["total"].isna()].reset_index(drop=True)
