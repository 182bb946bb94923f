"""Why the return differs from the benchmark's.

Belongs here: which functions make the tables of attribution, of every session (``of_sessions``) and of periods that end
on a date (``of_periods``). The formulas are in the modules: ``brinson`` and ``geometric`` for one segment, ``segments``
and ``tree`` for those of a book, ``money``, ``currency``, ``factors``, ``periods``, ``active_risk``.
"""

from collections.abc import Mapping

import pandas as pd

from daybook import tables
from daybook.attribution import (
    active_risk,
    contributions,
    currency,
    estimates,
    factors,
    geometric,
    money,
    periods,
    segments,
    sides,
    tree,
)
from daybook.attribution import rules as declared
from daybook.attribution.brinson import BRINSON_FACHLER, BRINSON_HOOD_BEEBOWER
from daybook.performance import benchmarks
from daybook.performance.risk_free import risk_free_of
from daybook.risk.scenarios import Facts


def of_sessions(
    valuations: pd.DataFrame,
    pnl: pd.DataFrame,
    nav: pd.DataFrame,
    performance: pd.DataFrame,
    sources: benchmarks.Sources,
    factor_sources: estimates.Sources,
    attribution_rules: pd.DataFrame,
    books: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> dict[str, pd.DataFrame]:
    """The tables of ``brinson_tables``, ``currency_attribution`` and ``factor_attribution`` of ``sessions``.

    Args:
        valuations: table of the sessions and of each book's session before.
        pnl: table of the sessions.
        nav: table of every session since each book's first one.
        performance: table likewise.
        sources: what benchmarks are computed from.
        factor_sources: what factors have their returns from, with the instruments.
        attribution_rules: facts.
        books: facts, dated by valid_from.
        sessions: sessions to compute.
    """
    instruments, free = factor_sources.instruments, sources.risk_free_rates
    views = benchmarks.book_views(books, sessions)
    opened = benchmarks.computed(sources, views, sessions).lines
    scope = sides.scope_of(performance, views, sessions)
    lines = sides.lines(valuations, pnl, nav, scope, opened)
    rules = declared.in_force(attribution_rules, scope)
    return {
        **brinson_tables(lines, scope, rules, free, instruments),
        "currency_attribution": currency.currency_attribution(
            lines, opened, valuations, nav, instruments, rules, sources.fx_rates, free, sessions
        ),
        "factor_attribution": factors.factor_attribution(
            valuations, pnl, nav, performance, opened, views, factor_sources, sessions
        ),
    }


def of_periods(
    performance: pd.DataFrame,
    nodes: pd.DataFrame,
    pnl: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    sources: benchmarks.Sources,
    attribution_rules: pd.DataFrame,
    performance_rules: pd.DataFrame,
    instruments: pd.DataFrame,
    facts: Facts,
    date: pd.Timestamp,
) -> dict[str, pd.DataFrame]:
    """Tables ``period_attribution``, ``contributions`` and ``risk_attribution`` of ``date``.

    Args:
        performance: table of every session since each book's first one.
        nodes: effects of the same sessions (``effects.gathered``).
        pnl: table likewise.
        valuations: table likewise.
        nav: table likewise.
        sources: what benchmarks are computed from.
        attribution_rules: facts.
        performance_rules: facts.
        instruments: facts, dated by valid_from.
        facts: what scenarios read besides.
        date: the session.
    """
    today = {name: rows.loc[rows["business_date"].eq(date)] for name, rows in (("held", valuations), ("nav", nav))}
    rules = declared.in_force(attribution_rules, performance.loc[performance["business_date"].eq(date)])
    return {
        "period_attribution": periods.period_attribution(performance, nodes, rules, date),
        "contributions": contributions.contributions(
            performance, pnl, valuations, nav, sources.fx_rates, instruments, date
        ),
        "risk_attribution": active_risk.risk_attribution(
            today["held"], today["nav"], sources, instruments, attribution_rules, performance_rules, facts, date
        ),
    }


def brinson_tables(
    lines: pd.DataFrame,
    scope: pd.DataFrame,
    rules: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    instruments: pd.DataFrame,
) -> Mapping[str, pd.DataFrame]:
    """Tables ``attribution``, ``attribution_nodes`` and ``attribution_pnl``.

    Args:
        lines: both sides, line by line (``sides.lines``).
        scope: the books and sessions of ``lines`` (``sides.scope_of``).
        rules: ``rules.in_force`` of ``scope``. A book that declares a level that instruments do not have gets no tree
            (``tree.identity_gaps`` names it); its other rows are there.
        risk_free_rates: facts; 0 where there are none.
        instruments: facts, dated by valid_from.
    """
    free = scope[sides.KEY].assign(risk_free=risk_free_of(risk_free_rates, scope))
    lines = lines.merge(free, on=sides.KEY).assign(
        earned=lambda rows: rows["price_pnl"] + rows["fx_pnl"] + rows["income"],
        traded=lambda rows: rows["trading_pnl"] + rows["fees"],
        denominator=lambda rows: rows["denominator"].where(rows["denominator"] > 0),
    )
    active = scope["active_return"].notna()
    by_sector = segments.sectors(lines, scope, BRINSON_FACHLER, instruments)
    found = [segments.attribution(by_sector, scope["active_return"].to_numpy(), BRINSON_FACHLER)]
    other = scope.loc[active & rules["method"].eq(BRINSON_HOOD_BEEBOWER)]
    if len(other):
        of_these = segments.sectors(_of(lines, other), other, BRINSON_HOOD_BEEBOWER, instruments)
        found.append(segments.attribution(of_these, other["active_return"].to_numpy(), BRINSON_HOOD_BEEBOWER))
    return {
        "attribution": _sorted("attribution", found),
        "attribution_nodes": nodes(lines, scope, rules, instruments),
        "attribution_pnl": money.attribution_pnl(lines, by_sector, active.to_numpy()),
    }


def nodes(lines: pd.DataFrame, scope: pd.DataFrame, rules: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """Table ``attribution_nodes``: the declared tree of each book with an active return, and method ``geometric``.

    Args:
        lines: as of ``tree.nodes``.
        scope: business_date, book, daily_return, active_return of every book and session of ``lines``.
        rules: ``rules.in_force`` of ``scope``.
        instruments: facts, dated by valid_from.
    """
    able = scope["active_return"].notna() & declared.unknown_levels(rules["levels"]).eq("")
    wanted, rules = scope.loc[able], rules.loc[able]
    whole = tree.nodes(_of(lines, wanted), rules, instruments)
    active, daily = wanted["active_return"].to_numpy(), wanted["daily_return"].to_numpy()
    rows = tree.rounded(whole, active).assign(method=rules["method"].to_numpy(object)[whole.whole])
    compounding = geometric.rows(whole, daily, wanted["benchmark_return"].to_numpy()).assign(method=geometric.METHOD)
    return _sorted("attribution_nodes", [rows, compounding])


def _of(lines: pd.DataFrame, scope: pd.DataFrame) -> pd.DataFrame:
    """The lines of the books and sessions of ``scope``."""
    return lines.merge(scope[sides.KEY], on=sides.KEY)


def _sorted(name: str, frames: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all ``frames`` as table ``name``, by its key."""
    table = tables.TABLES[name]
    rows = pd.concat([frame[list(table.names)] for frame in frames])
    return tables.conform(name, rows.sort_values(list(table.key)))
