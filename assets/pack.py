"""The end of the day's graph: what the checks found, which sessions stand, and the pack that somebody signs.

Belongs here: collecting what was found and shown. Does not belong here: the checks (``daybook``) and the pages
(``daybook.pack``).
"""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from assets.partitions import PRIOR, WITH_PRIOR, session_days
from assets.sessions import OF_THE_DAY, OWNER, RESULT, back, outs, sessions_of, shown
from daybook import identities
from daybook.control import unexplained
from daybook.ledger import elections as elected
from daybook.market import files, quality
from daybook.market.quality import closed_periods
from daybook.market.quality.moves import WINDOW
from daybook.pack import morning as of_the_morning
from daybook.pack import page
from daybook.reconciliation import definitions, statements
from daybook.risk import look_through
from resources import audit, break_events, closes, register, reports, struck
from resources import morning as looked
from resources.feeds import FeedsResource
from resources.gather import gather
from resources.settings import settings

GROUP = "pack"
OF_EVERY_SESSION = (
    "prices", "fx_rates", "returns", "transfer_prices", "lots", "realised", "positions", "entitlements", "cash",
    "activity", "accruals", "cash_ladder", "wash_sales", "confirmations", "postings", "book_failures",
    "ledger_cash", "ledger_activity", "ledger_accruals", "ledger_postings", "ledger_failures", "gross_values",
    "dealings", "fee_accruals", "share_class_nav",
    "model_prices", "valuations", "nav", "pnl", "lot_pnl", "nav_bridge", "performance", "attribution",
    "external_flows", "benchmark_returns", "share_class_performance",
    "attribution_nodes", "attribution_pnl", "currency_attribution", "factor_attribution", "var",
)  # fmt: skip
OF_THE_DATE = (
    "period_returns", "flow_effects", "ratios", "drawdowns", "period_attribution", "contributions",
    "risk_attribution",
    "reconciliation_breaks", "transaction_matches", "break_hypotheses",
    "position_views", "scenario_pnl", "var_components", "var_backtest", "stress", "exposures",
    "var_contributions", "group_var", "group_var_components", "var_explain",
    "stress_components", "reverse_stress", "liquidity", "liquidity_profile",
    "volatility_forecasts", "factor_returns", "factor_exposures", "specific_risks", "factor_risk", "betas",
    "look_through_exposures", "limit_consumption",
    "limit_usage", "compliance_results", "targets", "proposed_orders", "portfolio_failures", "feed_outcomes",
    "timeline", "unexplained_pnl",
)  # fmt: skip


@dg.asset(
    partitions_def=RESULT["partitions_def"],
    backfill_policy=RESULT["backfill_policy"],
    deps=list(OF_EVERY_SESSION),
    group_name=GROUP,
    owners=[OWNER],
    kinds={"python", "postgres"},
)
def computed(context: dg.AssetExecutionContext, feeds: FeedsResource) -> dg.MaterializeResult:
    """The register of sessions whose results stand, with the last delivery that they saw."""
    through = register.mark(feeds.open().engine, sessions_of(context), _facts_read_from(context), context.run_id)
    return dg.MaterializeResult(metadata={"through_delivery": through})


def _facts_read_from(context: dg.AssetExecutionContext) -> pd.Timestamp | None:
    """The instant from which on this run read facts: its start, or the end of what it took in itself."""
    taken_in = context.instance.get_latest_materialization_event(dg.AssetKey("deliveries"))
    if taken_in is not None and taken_in.run_id == context.run_id:
        return pd.Timestamp(taken_in.timestamp, unit="s", tz="UTC")
    record = context.instance.get_run_record_by_id(context.run_id)
    return pd.Timestamp(record.start_time, unit="s", tz="UTC") if record and record.start_time else None


@dg.asset(
    partitions_def=OF_THE_DAY["partitions_def"],
    backfill_policy=OF_THE_DAY["backfill_policy"],
    deps=["nav", "findings", "unexplained_pnl", "reconciliation_breaks"],
    group_name=GROUP,
    owners=[OWNER],
    kinds={"html"},
)
def morning(context: dg.AssetExecutionContext, feeds: FeedsResource) -> dg.MaterializeResult:
    """The morning page of the date, beside its pack: what it left behind, and whose turn it is."""
    session = sessions_of(context)[0]
    found = looked.look(feeds.open(), context.instance, session, pd.Timestamp.now("UTC"))
    path = reports.write_morning(session, of_the_morning.html(found))
    return dg.MaterializeResult(metadata={"page": dg.MetadataValue.path(path)})


@dg.multi_asset(
    name="findings_tables",
    outs=outs(GROUP, ("unexplained_pnl", "findings")),
    partitions_def=OF_THE_DAY["partitions_def"],
    backfill_policy=OF_THE_DAY["backfill_policy"],
    ins={
        "nav": dg.AssetIn(partition_mapping=WITH_PRIOR),
        "valuations": dg.AssetIn(partition_mapping=WITH_PRIOR),
        "positions": dg.AssetIn(partition_mapping=WITH_PRIOR),
        "fx_rates": dg.AssetIn(partition_mapping=WITH_PRIOR),
        "administrator_nav": dg.AssetIn(metadata=back(PRIOR)),
        "returns": dg.AssetIn(metadata=back(WINDOW)),
        "raw_prices": dg.AssetIn(metadata=back(WINDOW)),
    },
)
def findings_tables(
    context: dg.AssetExecutionContext,
    feeds: FeedsResource,
    nav: pd.DataFrame,
    valuations: pd.DataFrame,
    cash: pd.DataFrame,
    cash_ladder: pd.DataFrame,
    cash_rates: pd.DataFrame,
    lots: pd.DataFrame,
    realised: pd.DataFrame,
    positions: pd.DataFrame,
    activity: pd.DataFrame,
    entitlements: pd.DataFrame,
    pnl: pd.DataFrame,
    lot_pnl: pd.DataFrame,
    nav_bridge: pd.DataFrame,
    share_class_nav: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    returns: pd.DataFrame,
    raw_prices: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    books: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    elections: pd.DataFrame,
    price_sources: pd.DataFrame,
    benchmark_weights: pd.DataFrame,
    benchmark_blends: pd.DataFrame,
    constituents: pd.DataFrame,
    alternative_data: pd.DataFrame,
    identifiers: pd.DataFrame,
    reconciliation_breaks: pd.DataFrame,
    close_rules: pd.DataFrame,
    reconciliations: pd.DataFrame,
    tolerances: pd.DataFrame,
    accounts: pd.DataFrame,
    custodian_positions: pd.DataFrame,
    custodian_cash: pd.DataFrame,
    custodian_reports: pd.DataFrame,
    administrator_nav: pd.DataFrame,
    expected_feeds: pd.DataFrame,
    feed_outcomes: pd.DataFrame,
    performance: pd.DataFrame,
    external_flows: pd.DataFrame,
    period_returns: pd.DataFrame,
    flow_effects: pd.DataFrame,
    period_attribution: pd.DataFrame,
    contributions: pd.DataFrame,
    attribution: pd.DataFrame,
    attribution_nodes: pd.DataFrame,
    attribution_pnl: pd.DataFrame,
    factor_attribution: pd.DataFrame,
    risk_attribution: pd.DataFrame,
    currency_attribution: pd.DataFrame,
    var: pd.DataFrame,
    var_components: pd.DataFrame,
    var_explain: pd.DataFrame,
) -> Iterator[dg.Output[pd.DataFrame]]:
    """What of P&L is unexplained, and what the checks found, with its likely effect on NAV.

    A blocking finding stands against signing the day.
    """
    sessions, doors = sessions_of(context), feeds.open()
    held, values, worth, rates = (
        rows[rows["business_date"].isin(sessions)] for rows in (positions, valuations, nav, fx_rates)
    )
    doubts = quality.doubtful_prices(
        nav=worth,
        valuations=values,
        lots=lots,
        prices=prices,
        fx_rates=rates,
        returns=returns,
        raw_prices=raw_prices,
        instruments=instruments,
        corporate_actions=corporate_actions,
        declared=price_sources,
    )
    of_pnl = unexplained.unexplained_pnl(
        pnl, attribution_pnl, nav, valuations, fx_rates, doubts, administrator_nav, close_rules, books, sessions
    )
    yield shown(context, of_pnl, output_name="unexplained_pnl")
    stated = statements.Statements(held, cash, custodian_positions, custodian_cash, custodian_reports)
    register_of_files, days = doors.deliveries(), session_days(settings().calendars)
    unsigned = closes.late(doors.engine, sessions[0], sessions[-1])
    frame = quality.findings(
        sessions,
        nav=worth,
        valuations=values,
        cash=cash,
        cash_ladder=cash_ladder,
        cash_rates=cash_rates,
        pnl=pnl,
        unexplained_pnl=of_pnl,
        performance=performance,
        period_returns=period_returns,
        prices=prices,
        fx_rates=rates,
        raw_fx_rates=raw_fx_rates,
        instruments=instruments,
        doubts=doubts,
        weights=benchmark_weights,
        blends=benchmark_blends,
        funds=constituents,
        circles=look_through.circles(constituents, instruments, sessions),
        reconciliation_breaks=reconciliation_breaks,
        close_rules=close_rules,
        feed_outcomes=feed_outcomes,
        custodian_reports=custodian_reports,
        expected_feeds=expected_feeds,
        unlisted=statements.uncompared(stated, sessions),
        odd=stated.findings(accounts, books, sessions),
        unused=definitions.unknown(reconciliations, tolerances),
        ignored=elected.ignored(elections, corporate_actions),
        late=closed_periods.of_sessions(unsigned, books, sessions),
        drift=files.drift(register_of_files, days, sessions),
        copies=files.copies(register_of_files, days, sessions),
        quarantine=doors.inbox.entries(),
        alternative_data=alternative_data,
        identifiers=identifiers,
        gaps=identities.gaps(
            valuations=valuations,
            activity=activity,
            entitlements=entitlements,
            corporate_actions=corporate_actions,
            books=books,
            instruments=instruments,
            nav=nav,
            pnl=pnl,
            unexplained_pnl=of_pnl,
            lot_pnl=lot_pnl,
            nav_bridge=nav_bridge,
            share_class_nav=share_class_nav,
            lots=lots,
            realised=realised,
            positions=positions,
            attribution=attribution,
            attribution_nodes=attribution_nodes,
            attribution_pnl=attribution_pnl,
            factor_attribution=factor_attribution,
            risk_attribution=risk_attribution,
            currency_attribution=currency_attribution,
            performance=performance,
            external_flows=external_flows,
            period_returns=period_returns,
            flow_effects=flow_effects,
            period_attribution=period_attribution,
            contributions=contributions,
            var=var,
            var_components=var_components,
            var_explain=var_explain,
            sessions=sessions,
        ),
    )
    yield shown(context, frame, output_name="findings")


@dg.asset(
    partitions_def=OF_THE_DAY["partitions_def"],
    backfill_policy=OF_THE_DAY["backfill_policy"],
    deps=[*OF_EVERY_SESSION, *OF_THE_DATE, "findings", computed],
    group_name=GROUP,
    owners=[OWNER],
    kinds={"html"},
)
def pack(context: dg.AssetExecutionContext, feeds: FeedsResource) -> dg.MaterializeResult:
    """The end-of-day pack: a page for the firm and one for each book. The day becomes a candidate for signature."""
    session, doors = sessions_of(context)[0], feeds.open()
    used, values = (doors.lake.read(name, session, session) for name in ("limit_usage", "nav"))
    doors.breaches.record(used, doors.facts.current("limits"), values, session)
    break_events.tell(doors.engine, doors.lake.read("reconciliation_breaks", session, session))
    day = gather(doors, session, context.run_id)
    pages = {"index.html": page.firm(day)} | {page.file_name(book): page.book(day, book) for book in day.names}
    if (seen := day.versions.get("audit_events")) is not None:
        pages[audit.ANCHOR] = f"{seen[0]} {seen[1]}\n"
    path = reports.write_pages(session, pages)
    struck.strike(doors.engine, session, doors.lake.read("var", session, session), doors.latest_priced_session())
    closes.propose(doors.engine, session, day.names, register.through(doors.engine, session) or 0)
    return dg.MaterializeResult(metadata={"pack": dg.MetadataValue.path(path), "pages": 1 + len(day.names)})
