"""Value at risk as it was struck, in PostgreSQL: what a back-test is made on, whatever becomes of the facts.

Belongs here: writing it. Does not belong here: the figures (``daybook.risk.var``) and what is made of them
(``daybook.risk.backtest``).

The first figure of a session, book and model stands. It is written when the pack of the session is, and only while no
later session has a price: what comes after cannot have been known.
"""

import pandas as pd
import sqlalchemy as sa

from resources import bulk, records

_KEY = ["book", "method", "confidence", "horizon_days"]
_VALUES = ["var", "es", "convention"]


def strike(engine: sa.Engine, session: pd.Timestamp, var: pd.DataFrame, latest: pd.Timestamp | None) -> int:
    """Keep the figures of ``session`` that have none yet, while no later session has a price.

    Args:
        engine: the records.
        session: the date.
        var: table ``var`` of the session; a row without a figure is not struck.
        latest: the latest session with a price, None for none.

    Returns:
        How many were struck.
    """
    if latest is None or session < latest:
        return 0
    table = records.struck_var
    date = session.date()
    with engine.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"struck:{date}"))))
        there = sa.select(*(table.c[name] for name in _KEY)).where(table.c.business_date == date)
        stand = pd.MultiIndex.from_frame(records.read(connection, there).astype({"confidence": "float64"}))
        rows = var.loc[var["business_date"].eq(session) & var["var"].notna(), [*_KEY, *_VALUES]]
        new = rows[~pd.MultiIndex.from_frame(rows[_KEY]).isin(stand)]
        if len(new):
            now = connection.execute(sa.select(sa.func.now())).scalar_one()
            values = new[[*_KEY, *_VALUES]].astype(object).where(new.notna(), None)
            columns = {str(name): column.tolist() for name, column in values.items()}
            columns |= {"business_date": [date] * len(new), "recorded_at": [now] * len(new)}
            bulk.copy(connection, table, columns)
    return len(new)
