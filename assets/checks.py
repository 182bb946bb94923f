"""Checks in the graph: Great Expectations on what was delivered, identities on what was derived.

Belongs here: which suite or identity judges which asset. A check here records a verdict and never stops the day; what
stands against signing is in the table ``findings``.
"""

import dagster as dg
import pandas as pd

from assets.partitions import SESSIONS, WITH_PRIOR
from daybook import identities
from daybook.ledger import pnl as profit
from daybook.market import suites
from daybook.market.suites import Suite


def _expectations(asset: str, suite: Suite, partitioned: bool = True) -> dg.AssetChecksDefinition:
    """A check that runs ``suite`` against the delivered rows of ``asset``."""

    @dg.asset_check(
        asset=asset,
        name=f"{asset}_expectations",
        description=f"Great Expectations on the rows delivered for {asset}.",
        partitions_def=SESSIONS if partitioned else None,
    )
    def check(frame: pd.DataFrame) -> dg.AssetCheckResult:
        from resources.validator import validate

        verdict = validate(asset, suite, frame)
        return dg.AssetCheckResult(
            passed=verdict.passed,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"evaluated": verdict.evaluated, "failed": list(verdict.failed)},
        )

    return check


raw_prices_expectations = _expectations("raw_prices", suites.raw_prices())
raw_fx_rates_expectations = _expectations("raw_fx_rates", suites.raw_fx_rates())
custodian_positions_expectations = _expectations("custodian_positions", suites.custodian_positions())
transactions_expectations = _expectations("transactions", suites.transactions(), partitioned=False)


@dg.asset_check(asset="positions", partitions_def=SESSIONS, additional_ins={"lots": dg.AssetIn("lots")})
def lots_add_up_to_positions(positions: pd.DataFrame, lots: pd.DataFrame) -> dg.AssetCheckResult:
    """The lots of every holding add up to its position."""
    return _verdict(identities.lot_gaps(lots, positions))


@dg.asset_check(
    asset="pnl",
    partitions_def=SESSIONS,
    additional_ins={"nav": dg.AssetIn("nav", partition_mapping=WITH_PRIOR), "books": dg.AssetIn("books")},
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
            "sample": dg.MetadataValue.md(offenders.head(10).to_markdown(index=False) if len(offenders) else "none"),
        },
    )
