"""Target weights: what each book should hold, by the policy of its strategy.

Belongs here: which strategy has which policy, what a policy is told, and what becomes of its answer. Does not belong
here: the policies (one module each in ``policies``), and the trades that lead to the targets (``rebalance``).
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from daybook import tables
from daybook.market import fx, security_master
from daybook.performance import benchmarks, closing
from daybook.portfolio.policies import NoTargets, Policy, Problem, benchmark_tracking, minimum_risk

REGISTRY: Mapping[str, Policy] = MappingProxyType(
    {
        benchmark_tracking.NAME: benchmark_tracking.weights,
        minimum_risk.NAME: minimum_risk.weights,
    }
)
"""Strategy of a book -> its policy. A strategy that is not here has no targets and no orders."""
WINDOW = 250
"""Sessions of returns that a policy sees: a year, long enough for a covariance and short enough for its changes."""
CASH = "CASH:"
"""Prefix of cash rows, which no policy chooses."""


def targets(
    books: pd.DataFrame,
    nav: pd.DataFrame,
    valuations: pd.DataFrame,
    sources: benchmarks.Sources,
    session: pd.Timestamp,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Target weights of every book whose strategy has a policy, at the close of one session.

    Args:
        books: reference facts.
        nav: table ``nav``, at least the session's rows. A book without a row is not open yet and has no targets.
        valuations: table ``valuations``, at least the session's rows.
        sources: what benchmarks are computed from, at the close as for the next open; one that is known by its levels
            has no weights to track. ``returns`` and ``fx_rates`` of WINDOW sessions up to ``session`` at least; the
            window counts sessions of every calendar (an instrument whose market was closed returned 0). A return in
            base currency is (1 + local total return) (1 + FX return) - 1, the FX return from the session before in the
            window; its first session has none.
        session: midnight, naive.

    Returns:
        Table ``targets``: one row for each security that is held or wanted, 0 for what is to be sold whole; what is
        missing to 1 is cash. Then the books left out: frame (book, reason). Their reason is never a substitute target.
    """
    chosen = _chosen(books, nav, session)
    problems = _Problems(chosen, valuations, sources, session)
    found, failed = [tables.empty("targets")], []
    for book, strategy, why in zip(chosen["book"], chosen["strategy"], chosen["why"], strict=True):
        # One optimisation for each book is the unit of work here.
        try:
            if why:
                raise NoTargets(why)
            problem = problems.of(book)
            weights = REGISTRY[strategy](problem).reindex(problem.returns.columns, fill_value=0.0)
        except NoTargets as reason:
            failed.append((book, str(reason)))
        else:
            found.append(
                pd.DataFrame(
                    {
                        "business_date": session,
                        "book": book,
                        "instrument": weights.index,
                        "target_weight": weights.to_numpy(np.float64).round(12),
                        "policy": strategy,
                    }
                )
            )
    return tables.conform("targets", pd.concat(found)), pd.DataFrame(failed, columns=["book", "reason"], dtype="str")


def _chosen(books: pd.DataFrame, nav: pd.DataFrame, session: pd.Timestamp) -> pd.DataFrame:
    """Open books with a policy: book, strategy, base_currency, benchmark, nav, and why there can be no targets."""
    reference = security_master.effective(books, "book", pd.DatetimeIndex([session]))
    reference = reference.loc[
        reference["strategy"].isin(list(REGISTRY)), ["book", "strategy", "base_currency", "benchmark", "calendar"]
    ]
    today = nav.loc[nav["business_date"] == session, ["book", "nav", "status", "reason"]]
    joined = reference.merge(today, on="book").sort_values("book", ignore_index=True)
    why = pd.Series("", index=joined.index, dtype="str")
    why = why.mask(~(joined["nav"] > 0), "its NAV is not above 0")
    return joined.assign(why=why.mask(joined["status"] != "ok", "its NAV failed: " + joined["reason"]))


def _closing_weights(chosen: pd.DataFrame, sources: benchmarks.Sources, session: pd.Timestamp) -> pd.DataFrame:
    """Benchmark weights at the close of ``session``, of the benchmarks that are known down to their names."""
    views = chosen.loc[chosen["benchmark"] != "", benchmarks.VIEW].drop_duplicates()
    held = closing.weights(sources, views, pd.DatetimeIndex([session]).as_unit("us"))
    names = held["instrument"]
    published = names.isin(sources.benchmark_levels["benchmark"]) & ~names.isin(sources.returns["instrument"])
    shut = published.groupby([held[name] for name in benchmarks.VIEW]).transform("any")
    return held[~shut & (held["weight"] > 0)]


class _Problems:
    """What each policy is asked, made from tables that are read once."""

    def __init__(
        self,
        chosen: pd.DataFrame,
        valuations: pd.DataFrame,
        sources: benchmarks.Sources,
        session: pd.Timestamp,
    ) -> None:
        today = valuations[(valuations["business_date"] == session) & valuations["book"].isin(chosen["book"])]
        self._held = today[~today["instrument"].str.startswith(CASH) & (today["quantity"] != 0)].set_index("book")
        self._books = chosen.set_index("book")
        self._closing = _closing_weights(chosen, sources, session)
        returns = sources.returns
        past = returns[returns["business_date"] <= session]
        past = past[past["business_date"].isin(np.sort(past["business_date"].unique())[-WINDOW:])]
        self._local = past.pivot(index="business_date", columns="instrument", values="local_return")
        self._currency = past.sort_values("business_date").groupby("instrument")["currency"].last()
        self._fx_rates = sources.fx_rates

    def of(self, book: str) -> Problem:
        view = self._books.loc[book]
        mine = self._held.loc[self._held.index == book]
        held = mine.set_index("instrument")["market_value_base"] / view["nav"]
        closing = self._closing[(self._closing[benchmarks.VIEW] == view[benchmarks.VIEW]).all(axis=1)]
        benchmark = closing.set_index("instrument")["weight"]
        names = held.index.union(benchmark.index)
        return Problem(book, held, benchmark, self._base_returns(names, str(view["base_currency"])))

    def _base_returns(self, names: pd.Index, base_currency: str) -> pd.DataFrame:
        """Sessions x names; NaN where there is no return or no rate on one of the two sessions."""
        local = self._local.reindex(columns=names)
        currencies = self._currency.reindex(names).fillna(base_currency)
        dates, foreign = local.index.to_numpy(), currencies.unique()
        rates = fx.rates(
            self._fx_rates,
            np.tile(foreign, len(dates)),
            np.repeat(base_currency, len(dates) * len(foreign)),
            np.repeat(dates, len(foreign)),
        ).reshape(len(dates), len(foreign))
        moved = pd.DataFrame(np.ones_like(rates), index=local.index, columns=foreign)
        moved.iloc[1:] = rates[1:] / rates[:-1]
        moved.iloc[:1] = np.where(foreign == base_currency, 1.0, np.nan)
        return (1.0 + local) * moved[currencies].to_numpy() - 1.0
