"""Delivered rows that wait for a decision.

Belongs here: what they may mean for NAV. Does not belong here: deciding (the command ``quarantine``).
"""

import pandas as pd

from daybook.market.quality.finding import joined

MONEY_TABLES = ("raw_prices", "raw_fx_rates", "transactions", "corporate_actions", "books", "instruments")
"""Facts that NAV is made of."""


def open_quarantine(quarantine: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Delivered rows that wait for a decision: ``quarantine_<table>``; blocking where NAV is made of that table.

    Args:
        quarantine: file, line, column, reason, status, table_name, business_date (empty: about every session).
        sessions: midnight, naive.
    """
    waiting = quarantine[quarantine["status"].isin(["open", "waiting"])]
    waiting = waiting.assign(since=pd.to_datetime(waiting["business_date"]).astype("datetime64[us]"))
    rows = waiting.drop(columns="business_date").merge(pd.DataFrame({"business_date": sessions}), how="cross")
    rows = rows[rows["since"].isna() | (rows["since"] <= rows["business_date"])].sort_values(["file", "line", "column"])
    place = rows["file"] + " line " + rows["line"].astype("str")
    column = (", column " + rows["column"]).mask(rows["column"] == "", "")
    named = rows.assign(check="quarantine_" + rows["table_name"], text=place + column + ": " + rows["reason"])
    money = rows["table_name"].isin(MONEY_TABLES)
    return pd.concat([joined(named[money], "blocking"), joined(named[~money], "warning")])
