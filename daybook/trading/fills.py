"""Fills as transactions.

Belongs here: what transaction a fill is. Does not belong here: how it reaches the log (the inbox), and what it costs.
"""

import pandas as pd

from daybook.market import security_master

KINDS = {"buy": "buy", "buy_to_cover": "buy", "sell": "sell", "sell_short": "sell"}
"""Side of an order -> kind of transaction; whether it opens or closes follows from the holding."""
COLUMNS = [
    "transaction_id", "book", "instrument", "kind", "trade_date", "quantity", "price", "currency", "fees",
    "executed_at", "counterparty", "source",
]  # fmt: skip


def transactions(executions: pd.DataFrame, orders: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """Rows of a file of transactions, one for each execution, sorted by transaction_id within trade_date.

    The id is broker and execution id, so that the same fill from two places is one transaction. The trade date is the
    UTC date of the execution.

    Args:
        executions: execution_id, order_id, executed_at (UTC), quantity, price, fees (Decimal), broker.
        orders: order_id, book, instrument, side; of every execution.
        instruments: reference facts.

    Returns:
        COLUMNS, all text, numbers with every digit.

    Raises:
        ValueError: an instrument is not known.
    """
    rows = executions.merge(orders[["order_id", "book", "instrument", "side"]], on="order_id", validate="many_to_one")
    broker, dates = rows["broker"], rows["executed_at"].dt.tz_localize(None)
    at = security_master.in_force(instruments, "instrument", rows["instrument"], dates)
    unknown = rows.loc[at < 0, "instrument"]
    if len(unknown):
        raise ValueError(f"instrument {unknown.iloc[0]} of a fill is not known")
    made = rows.assign(
        transaction_id=broker + ":" + rows["execution_id"],
        kind=rows["side"].map(KINDS),
        trade_date=rows["executed_at"].dt.strftime("%Y-%m-%d"),
        currency=instruments["currency"].take(at).to_numpy(),
        executed_at=rows["executed_at"].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        counterparty=broker,
        source=broker,
    )
    for name in ("quantity", "price", "fees"):
        made[name] = rows[name].map("{:f}".format)
    return made[COLUMNS].astype("str").sort_values(["trade_date", "transaction_id"], ignore_index=True)
