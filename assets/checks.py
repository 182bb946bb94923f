"""Checks in the graph: Great Expectations on what was delivered, identities on what was derived.

Belongs here: which suite or identity judges which asset. A check here records a verdict and never stops the day; what
stands against signing is in the table ``findings``.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import pandas as pd

from assets.market_data import BY_SESSION, LOGS
from assets.metadata import table
from assets.partitions import SESSIONS
from assets.sessions import back
from daybook import identities
from daybook.ledger import pnl as profit
from daybook.ledger import postings as journal
from daybook.market.suites import SUITES
from resources.feeds import FeedsResource


def _expectations(what: str, names: Sequence[str], partitioned: bool) -> dg.AssetChecksDefinition:
    """Great Expectations on the tables of facts ``names``: a check for each, in one step."""

    @dg.multi_asset_check(
        name=f"expectations_of_{what}",
        specs=[
            dg.AssetCheckSpec(
                f"{name}_expectations",
                asset=name,
                description=f"Great Expectations on the rows delivered for {name}.",
                partitions_def=SESSIONS if partitioned else None,
            )
            for name in names
        ],
        can_subset=True,
    )
    def checks(context: dg.AssetCheckExecutionContext, feeds: FeedsResource) -> Iterator[dg.AssetCheckResult]:
        from resources.validator import validate

        facts = feeds.open().facts
        day = pd.Timestamp(context.partition_key) if partitioned else None
        for key in sorted(context.selected_asset_check_keys):
            name = key.asset_key.path[-1]
            verdict = validate(name, SUITES[name], facts.current(name, day, day))
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=verdict.passed,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"evaluated": verdict.evaluated, "failed": list(verdict.failed)},
            )

    return checks


expectations_of_sessions = _expectations("sessions", BY_SESSION, partitioned=True)
expectations_of_logs = _expectations("logs", [name for name in LOGS if name in SUITES], partitioned=False)


@dg.asset_check(
    asset="positions",
    partitions_def=SESSIONS,
    additional_ins={"lots": dg.AssetIn("lots"), "books": dg.AssetIn("books")},
)
def lots_add_up_to_positions(positions: pd.DataFrame, lots: pd.DataFrame, books: pd.DataFrame) -> dg.AssetCheckResult:
    """The lots of every holding add up to its position."""
    return _verdict(identities.lot_gaps(lots, positions, books))


@dg.asset_check(asset="postings", partitions_def=SESSIONS)
def debits_are_credits(postings: pd.DataFrame) -> dg.AssetCheckResult:
    """What each transaction and action debits is what it credits, in every currency, to the millionth."""
    return _verdict(journal.imbalances(postings))


@dg.asset_check(
    asset="pnl",
    partitions_def=SESSIONS,
    # Checks do not honour partition mappings; ten sessions back is where the one before of any book is.
    additional_ins={"nav": dg.AssetIn("nav", metadata=back(10)), "books": dg.AssetIn("books")},
)
def change_of_nav_is_pnl_and_flows(
    context: dg.AssetCheckExecutionContext, pnl: pd.DataFrame, nav: pd.DataFrame, books: pd.DataFrame
) -> dg.AssetCheckResult:
    """Closing NAV less opening NAV is the sum of P&L and flows, to the millionth, for every book."""
    sessions = pd.DatetimeIndex([context.partition_key]).as_unit("us")
    return _verdict(profit.identity_gaps(nav, pnl, books, sessions))


@dg.asset_check(asset="nav", partitions_def=SESSIONS)
def every_book_has_a_nav(nav: pd.DataFrame) -> dg.AssetCheckResult:
    """No book failed; the reasons of those that did are in the metadata."""
    return _verdict(nav[nav["status"] != "ok"][["business_date", "book", "reason"]])


@dg.asset_check(asset="findings", partitions_def=SESSIONS)
def nothing_blocks_the_close(findings: pd.DataFrame) -> dg.AssetCheckResult:
    """No blocking finding stands against signing."""
    against = findings[(findings["severity"] == "blocking") & (findings["status"] == "open")]
    return _verdict(against[["business_date", "book", "check", "reason"]])


def _verdict(offenders: pd.DataFrame) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=offenders.empty,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "offenders": len(offenders),
            "sample": table(offenders.head(10)),
        },
    )
