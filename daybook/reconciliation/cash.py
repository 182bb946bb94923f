"""Cash of the books and of a custodian.

Belongs here: both sides of each balance. Does not belong here: which differences are breaks (``breaks``).
"""

import pandas as pd

from daybook.reconciliation.positions import lines, named
from daybook.reconciliation.sides import answering


def compared(cash: pd.DataFrame, custodian: pd.DataFrame, reports: pd.DataFrame, every: bool = False) -> pd.DataFrame:
    """Settled balances and those of a custodian, where they differ or one is not known (contract 2.4).

    Args:
        cash: table; all sessions that were reported.
        custodian: custodian_cash, facts of the same sessions.
        reports: custodian_reports of kind cash: business_date, book, source, whole.
        every: also the balances that agree.

    Returns:
        Columns ``sides.LINE``, kind ``cash``, compared_field ``settled``, instrument CASH:<CCY>.
    """
    sides = answering(cash, custodian, reports, "currency")
    rows = lines(sides, sides.of_ours(cash["settled"]), sides.of_theirs(custodian["balance"]), reports, every)
    found = named(rows, sides, cash, custodian, reports, "currency")
    return found.assign(instrument="CASH:" + found["currency"], kind="cash", compared_field="settled")
