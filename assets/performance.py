"""Performance: returns of books, share classes and benchmarks, of every session and of periods that end on the date.

Belongs here: which tables returns are derived from. Does not belong here: the formulas (``daybook.performance``), why
book and benchmark differ (``assets.attribution``).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pandas as pd

from assets import plots
from assets.partitions import SESSIONS, WITH_PRIOR
from assets.sessions import OF_THE_DAY, OWNER, RESULT, SINCE_START, outs, sessions_of, shown
from daybook import performance as measurement
from daybook.ledger.valuation import quoted as quotes
from daybook.performance import periods, ratios
from daybook.tables import TABLES
from resources.lake import Lake
from resources.reports import write_tearsheets
from resources.settings import settings

GROUP = "performance"
OF_SESSIONS = ("performance", "external_flows", "benchmark_returns", "share_class_performance")
"""What one step makes of every session of the history."""
OF_PERIODS = ("period_returns", "flow_effects", "ratios", "drawdowns")
"""What one step makes of the periods that end on the date."""


signed_returns = dg.AssetSpec(
    "signed_returns",
    description=TABLES["signed_returns"].meaning,
    group_name=GROUP,
    owners=[OWNER],
    kinds={"postgres"},
    partitions_def=SESSIONS,
)
"""Written by ``daybook close``."""


def _since_start(*names: str) -> dict[str, dg.AssetIn]:
    return {name: dg.AssetIn(metadata=SINCE_START) for name in names}


@dg.multi_asset(
    name="returns_of_books",
    outs=outs(GROUP, OF_SESSIONS),
    ins={
        "valuations": dg.AssetIn(partition_mapping=WITH_PRIOR),
        **_since_start("nav", "pnl", "activity", "prices", "model_prices", "fx_rates", "returns"),
        **_since_start("share_class_nav", "fee_accruals"),
    },
    partitions_def=RESULT["partitions_def"],
    backfill_policy=RESULT["backfill_policy"],
)
def returns_of_books(
    context: dg.AssetExecutionContext,
    nav: pd.DataFrame,
    pnl: pd.DataFrame,
    activity: pd.DataFrame,
    valuations: pd.DataFrame,
    prices: pd.DataFrame,
    model_prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    returns: pd.DataFrame,
    share_class_nav: pd.DataFrame,
    fee_accruals: pd.DataFrame,
    benchmark_weights: pd.DataFrame,
    benchmark_levels: pd.DataFrame,
    benchmark_blends: pd.DataFrame,
    benchmark_terms: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    flow_rules: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Daily returns of books, share classes and benchmarks, and the timing of flows that they count with."""
    sessions = sessions_of(context)
    sources = measurement.benchmarks.Sources(
        benchmark_weights=benchmark_weights,
        returns=returns,
        fx_rates=fx_rates,
        benchmark_levels=benchmark_levels,
        benchmark_blends=benchmark_blends,
        benchmark_terms=benchmark_terms,
        risk_free_rates=risk_free_rates,
    )
    frames = measurement.measured(
        nav,
        pnl,
        activity,
        valuations,
        quotes(prices, model_prices),
        share_class_nav,
        fee_accruals,
        sources,
        flow_rules,
        books,
        instruments,
        sessions,
    )
    before = sessions[0] - pd.Timedelta(days=1)

    def plotted() -> Mapping[str, Any]:
        known = Lake(settings().lake_uri).read("performance", last=before)
        return plots.cumulative(pd.concat([known, frames["performance"]]))

    for name, frame in frames.items():
        yield shown(context, frame, plotted if name == "performance" else None, output_name=name)


@dg.multi_asset(
    name="performance_of_periods",
    outs=outs(GROUP, OF_PERIODS),
    ins=_since_start("performance", "nav", "external_flows", "signed_returns"),
    partitions_def=OF_THE_DAY["partitions_def"],
    backfill_policy=OF_THE_DAY["backfill_policy"],
)
def performance_of_periods(
    context: dg.AssetExecutionContext,
    performance: pd.DataFrame,
    nav: pd.DataFrame,
    external_flows: pd.DataFrame,
    signed_returns: pd.DataFrame,
    performance_rules: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    books: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """Returns of periods that end on the date, what the timing of flows did, ratios and drawdowns."""
    frames = measurement.of_periods(
        performance,
        nav,
        external_flows,
        signed_returns,
        performance_rules,
        risk_free_rates,
        books,
        sessions_of(context)[0],
    )
    for name, frame in frames.items():
        drawn = (lambda: plots.under_water(performance)) if name == "drawdowns" else None
        yield shown(context, frame, drawn, output_name=name)


@dg.asset(
    partitions_def=SESSIONS,
    group_name=GROUP,
    owners=[OWNER],
    kinds={"python"},
    ins={"performance": dg.AssetIn(metadata=SINCE_START)},
)
def tearsheets(
    context: dg.AssetExecutionContext,
    performance: pd.DataFrame,
    performance_rules: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    books: pd.DataFrame,
) -> dg.MaterializeResult:
    """quantstats tear sheet of each book, on demand and at the end of a month."""
    date = pd.Timestamp(context.partition_key).as_unit("us")
    spans = periods.spans(performance, date)
    if spans.empty:
        raise dg.Failure(f"no returns of {date:%Y-%m-%d} yet: daybook eod --date {date:%Y-%m-%d}")
    there = performance.loc[performance["book"].isin(spans["book"])]
    scales = ratios.scales(there, spans, performance_rules, risk_free_rates, books)
    paths = write_tearsheets(there, scales, date)
    return dg.MaterializeResult(metadata={path.stem: dg.MetadataValue.path(path) for path in paths})
