"""The end of the day's graph: what the checks found, which sessions stand, and the pack that somebody signs.

Belongs here: collecting what was found and shown. Does not belong here: the checks (``daybook``) and the pages
(``daybook.pack``).
"""

import dagster as dg
import pandas as pd

from assets.sessions import OF_THE_DAY, OWNER, RESULT, sessions_of
from daybook.pack import page
from resources import closes, register, reports
from resources.feeds import FeedsResource
from resources.gather import gather

GROUP = "pack"
OF_EVERY_SESSION = (
    "prices", "fx_rates", "returns", "lots", "realised", "positions", "cash", "activity", "book_failures",
    "valuations", "nav", "pnl", "performance", "attribution", "var",
)  # fmt: skip
OF_THE_DATE = (
    "reconciliation_breaks", "scenario_pnl", "var_components", "var_backtest", "stress", "exposures", "limit_usage",
    "compliance_results", "targets", "proposed_orders", "portfolio_failures",
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
    record = context.instance.get_run_record_by_id(context.run_id)
    began = pd.Timestamp(record.start_time, unit="s", tz="UTC") if record and record.start_time else None
    through = register.mark(feeds.open().engine, sessions_of(context), began, context.run_id)
    return dg.MaterializeResult(metadata={"through_delivery": through})


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
    day = gather(doors, session, context.run_id)
    pages = {"index.html": page.firm(day)} | {page.file_name(book): page.book(day, book) for book in day.names}
    path = reports.write_pages(session, pages)
    closes.propose(doors.engine, session, day.names, register.through(doors.engine, session) or 0)
    return dg.MaterializeResult(metadata={"pack": dg.MetadataValue.path(path), "pages": len(pages)})
