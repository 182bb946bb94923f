"""Market and reference data: what was delivered, and the golden prices and rates made from it.

Belongs here: facts as assets, and the results derived from them alone. How a file is read is in ``resources.inbox``,
how a price is chosen in ``daybook.market``.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import pandas as pd

from assets.metadata import table
from assets.partitions import SESSIONS, WITH_PRIOR
from assets.sessions import OF_THE_DAY, OWNER, RESULT, SINCE_START, sessions_of, shown
from daybook.market import actions
from daybook.market import fx as rates
from daybook.market import prices as golden
from daybook.tables import TABLES
from resources import feed_outcomes as outcomes
from resources.feeds import FeedsResource
from resources.settings import settings

GROUP = "market_data"
BY_SESSION = (
    *("raw_prices", "raw_fx_rates", "custodian_positions", "custodian_cash"),
    *("custodian_transactions", "broker_transactions", "administrator_nav"),
)
"""Facts that are one delivery a session; the others are logs, read as a whole."""
LOGS = (
    "books",
    "instruments",
    "identifiers",
    "issuers",
    "accounts",
    "corporate_actions",
    "elections",
    "transactions",
    "cash_rates",
    "share_classes",
    "benchmark_weights",
    "benchmark_levels",
    "risk_free_rates",
    "volatilities",
    "alternative_data",
    "limits",
    "limit_raises",
    "rules",
    "var_models",
    "risk_factors",
    "proxies",
    "constituents",
    "liquidity_rules",
    "redemption_terms",
    "flow_rules",
    "benchmark_blends",
    "benchmark_terms",
    "performance_rules",
    "attribution_rules",
    "price_sources",
    "price_overrides",
    "expected_feeds",
    "reconciliations",
    "tolerances",
    "close_rules",
    "deadlines",
    "custodian_reports",
    "fundamentals",
)


class Intake(dg.Config):
    """Which files to take in: names in the inbox, or empty for all that wait."""

    files: list[str] = []


@dg.asset(group_name=GROUP, owners=[OWNER], kinds={"python", "postgres"})
def deliveries(context: dg.AssetExecutionContext, config: Intake, feeds: FeedsResource) -> dg.MaterializeResult:
    """Files, vendor data and broker reports taken in; bad rows are in quarantine with their reason."""
    through = context.run.tags.get("dagster/partition")
    doors = feeds.open()
    taken = (
        doors.inbox.take_in(config.files) if config.files else doors.collect(pd.Timestamp(through) if through else None)
    )
    for failed in taken.unreached:
        context.log.error(f"{failed.file}: {failed.reason}")
    report = pd.DataFrame([vars(file) for file in taken.delivered])
    return dg.MaterializeResult(
        metadata={
            "files": len(taken.delivered),
            "rows": taken.rows,
            "quarantined": taken.quarantined,
            "report": table(report, "nothing new"),
        }
    )


def _facts(what: str, names: Sequence[str], partitioned: bool) -> dg.AssetsDefinition:
    """The assets of tables of facts: they report what is known, and are read by others through the lake.

    One step for all of them, since a step costs Dagster 65 ms and there are more than thirty.
    """

    @dg.multi_asset(
        name=what,
        specs=[
            dg.AssetSpec(
                name,
                deps=[deliveries],
                description=TABLES[name].meaning,
                group_name=GROUP,
                owners=[OWNER],
                kinds={"postgres" if name == "transactions" else "deltalake"},
                partitions_def=SESSIONS if partitioned else None,
            )
            for name in names
        ],
        can_subset=True,
    )
    def facts(context: dg.AssetExecutionContext, feeds: FeedsResource) -> Iterator[dg.MaterializeResult]:
        day = pd.Timestamp(context.partition_key) if partitioned else None
        known = feeds.open().facts
        for key in sorted(context.selected_asset_keys):
            frame = known.current(key.path[-1], day, day)
            files = ", ".join(sorted(set(frame["file"]))[-5:])
            yield dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": len(frame), "files": files})

    return facts


facts_of_sessions = _facts("facts_of_sessions", BY_SESSION, partitioned=True)
facts_of_logs = _facts("facts_of_logs", LOGS, partitioned=False)


@dg.asset(**RESULT, group_name=GROUP, ins={"raw_prices": dg.AssetIn(metadata=SINCE_START)})
def prices(
    context: dg.AssetExecutionContext,
    raw_prices: pd.DataFrame,
    instruments: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    price_sources: pd.DataFrame,
    price_overrides: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Golden price of each instrument: the source chosen, and why it is overridden, stale, closed or missing."""
    frame = golden.golden(
        raw_prices,
        instruments,
        corporate_actions,
        price_sources,
        price_overrides,
        sessions_of(context),
        settings().vendors,
    )
    return shown(context, frame)


@dg.asset(**RESULT, group_name=GROUP, ins={"raw_fx_rates": dg.AssetIn(metadata=SINCE_START)})
def fx_rates(context: dg.AssetExecutionContext, raw_fx_rates: pd.DataFrame) -> dg.Output[pd.DataFrame]:
    """Golden exchange rates; a missing rate is the last one, marked stale, for at most five sessions."""
    return shown(context, rates.golden(raw_fx_rates, sessions_of(context), settings().vendors))


@dg.asset(**RESULT, group_name=GROUP, ins={"prices": dg.AssetIn(partition_mapping=WITH_PRIOR)})
def returns(
    context: dg.AssetExecutionContext, prices: pd.DataFrame, corporate_actions: pd.DataFrame
) -> dg.Output[pd.DataFrame]:
    """Price and total return of each instrument over the session, splits undone."""
    return shown(context, actions.returns(prices, corporate_actions, sessions_of(context)))


@dg.asset(**OF_THE_DAY, group_name=GROUP, deps=[*BY_SESSION, "expected_feeds", "instruments", "books", "positions"])
def feed_outcomes(context: dg.AssetExecutionContext, feeds: FeedsResource) -> dg.Output[pd.DataFrame]:
    """What each feed should have brought for the session, and what came: a failed feed is never read as nothing."""
    doors, session = feeds.open(), sessions_of(context)[0]
    return shown(context, outcomes.outcomes(doors, session, doors.lake.read("positions", session, session)))
