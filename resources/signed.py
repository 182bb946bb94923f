"""Returns as they were signed, in PostgreSQL: one row for each session whose figures a close signed anew.

Belongs here: writing them. Does not belong here: which figures those are (``daybook.performance.signed``).
"""

import pandas as pd
import sqlalchemy as sa

from daybook import tables
from daybook.performance import signed
from resources import bulk, records


def sign(connection: sa.Connection, performance: pd.DataFrame, close_date: pd.Timestamp, version: int) -> int:
    """Keep the figures of ``performance`` that are not signed as they are, in the transaction of ``connection``.

    Args:
        connection: in the transaction that signs the close.
        performance: table ``performance`` of one book, every session up to ``close_date``.
        close_date: the session that is closed.
        version: version of the close.

    Returns:
        How many sessions were signed, for the first time or anew.
    """
    if performance.empty:
        return 0
    table = records.signed_returns
    stand = sa.select(*(table.c[name] for name in tables.TABLES["signed_returns"].names))
    stand = stand.where(table.c.book == str(performance["book"].iloc[0]), table.c.business_date <= close_date.date())
    new = signed.to_sign(performance, tables.conform("signed_returns", records.read(connection, stand)))
    if len(new):
        now = connection.execute(sa.select(sa.func.now())).scalar_one()
        values = new.assign(business_date=new["business_date"].dt.date).astype(object).where(new.notna(), None)
        columns = {str(name): column.tolist() for name, column in values.items()}
        same = {"close_date": close_date.date(), "version": version, "recorded_at": now}
        bulk.copy(connection, table, columns | {name: [value] * len(new) for name, value in same.items()})
    return len(new)
