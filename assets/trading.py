"""Trading: proposals become orders that a person may approve.

Belongs here: which proposals may become orders. Orders and their states are in ``daybook.trading``.
"""

import dagster as dg
import pandas as pd

from assets.sessions import OF_THE_DAY, OWNER, sessions_of
from daybook.compliance.clean import unclean
from resources.feeds import FeedsResource
from resources.settings import settings


@dg.asset(
    partitions_def=OF_THE_DAY["partitions_def"], group_name="trading", owners=[OWNER], kinds={"python", "postgres"}
)
def orders(
    context: dg.AssetExecutionContext,
    feeds: FeedsResource,
    proposed_orders: pd.DataFrame,
    compliance_results: pd.DataFrame,
    nav: pd.DataFrame,
    findings: pd.DataFrame,
) -> dg.MaterializeResult:
    """Orders with status proposed, for every book whose compliance is clean and whose day nothing blocks."""
    session = sessions_of(context)[0]
    doors = feeds.open()
    refused = unclean(nav, compliance_results, doors.lay_over("findings", findings))
    outcome = doors.orders.propose(proposed_orders, session, context.run_id, settings().user, refused)
    return dg.MaterializeResult(
        metadata={
            "proposed": len(outcome.proposed),
            "refused": dg.MetadataValue.json({str(book): reason for book, reason in outcome.refused.items()}),
            "withheld": dg.MetadataValue.json({str(order): reason for order, reason in outcome.withheld.items()}),
        }
    )
