"""Compliance: the rules that a book must keep, judged on the close.

Belongs here: which tables rules are evaluated on. The rules are facts, their logic is in ``daybook.compliance``.
"""

import dagster as dg
import pandas as pd

from assets.partitions import WITH_PRIOR
from assets.sessions import OF_THE_DAY, sessions_of, shown
from daybook.compliance.rules import evaluate


@dg.asset(
    **OF_THE_DAY,
    group_name="compliance",
    ins={name: dg.AssetIn(partition_mapping=WITH_PRIOR) for name in ("valuations", "nav")},
)
def compliance_results(
    context: dg.AssetExecutionContext,
    rules: pd.DataFrame,
    exposures: pd.DataFrame,
    valuations: pd.DataFrame,
    pnl: pd.DataFrame,
    nav: pd.DataFrame,
    instruments: pd.DataFrame,
) -> dg.Output[pd.DataFrame]:
    """Every rule on every book: pass, warning, breach (active or passive), or failed when it cannot be judged."""
    frame = evaluate(rules, exposures, valuations, pnl, nav, instruments, sessions_of(context))
    return shown(context, frame)
