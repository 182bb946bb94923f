"""Performance: returns of the books and of their benchmarks.

Belongs here: which tables returns are derived from. Does not belong here: the formulas (``daybook.performance``), why
book and benchmark differ (``assets.attribution``).
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandas as pd

from assets import plots
from assets.partitions import SESSIONS
from assets.sessions import OWNER, RESULT, SINCE_START, sessions_of, shown
from daybook import performance as measurement
from daybook.ledger.valuation import quoted as quotes
from resources.lake import Lake
from resources.reports import write_tearsheets
from resources.settings import settings

GROUP = "performance"


def _since_start(*names: str) -> dict[str, dg.AssetIn]:
    return {name: dg.AssetIn(metadata=SINCE_START) for name in names}


@dg.asset(
    **RESULT,
    group_name=GROUP,
    ins=_since_start("nav", "pnl", "activity", "prices", "model_prices", "fx_rates", "returns"),
)
def performance(
    context: dg.AssetExecutionContext,
    nav: pd.DataFrame,
    pnl: pd.DataFrame,
    activity: pd.DataFrame,
    prices: pd.DataFrame,
    model_prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    returns: pd.DataFrame,
    benchmark_weights: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Daily time-weighted return of each book, gross and net of fees, beside its benchmark; linked since inception."""
    sessions = sessions_of(context)
    quoted = quotes(prices, model_prices)
    frame = measurement.measured(
        nav, pnl, activity, quoted, fx_rates, returns, benchmark_weights, books, instruments, sessions
    )
    before = sessions[0] - pd.Timedelta(days=1)

    def plotted() -> Mapping[str, Any]:
        return plots.cumulative(pd.concat([Lake(settings().lake_uri).read("performance", last=before), frame]))

    return shown(context, frame, plotted)


@dg.asset(
    partitions_def=SESSIONS,
    group_name=GROUP,
    owners=[OWNER],
    kinds={"python"},
    ins={"performance": dg.AssetIn(metadata=SINCE_START)},
)
def tearsheets(context: dg.AssetExecutionContext, performance: pd.DataFrame) -> dg.MaterializeResult:
    """quantstats tear sheet of each book, on demand."""
    paths = write_tearsheets(performance, pd.Timestamp(context.partition_key))
    return dg.MaterializeResult(metadata={path.stem: dg.MetadataValue.path(path) for path in paths})
