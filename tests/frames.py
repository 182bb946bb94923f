"""Frames of a table from a few columns, for tests of pure functions."""

import pandas as pd

from daybook import tables

ZEROS = {"float": float("nan"), "int": 0, "text": "", "bool": True}
DEFAULTS = {
    "calendar": "XNYS",
    "exchange": "XNYS",
    "asset_class": "equity",
    "multiplier": 1.0,
    "price_basis": "raw",
    "source": "file",
    "valid_from": pd.Timestamp("2000-01-01"),
    "base_currency": "USD",
    "currency": "USD",
    "withholding_rate": 0.0,
}


def frame(table: str, columns: str, *rows: tuple) -> pd.DataFrame:
    """Rows of ``table``, given for the named columns in order; the others take a harmless default."""
    known = tables.TABLES[table].columns
    given = pd.DataFrame(list(rows), columns=columns.split())
    built = {}
    for column in known:
        default = DEFAULTS.get(column.name, ZEROS.get(column.type, pd.NaT))
        if column.type == "date":
            values = given.get(column.name, pd.Series([default] * len(rows)))
            built[column.name] = pd.to_datetime(values).astype("datetime64[us]")
        elif column.type == "time":
            values = given.get(column.name, pd.Series([default] * len(rows)))
            built[column.name] = pd.to_datetime(values, utc=True).astype("datetime64[us, UTC]")
        else:
            built[column.name] = given.get(column.name, pd.Series([default] * len(rows)))
    return tables.conform(table, pd.DataFrame(built)) if rows else tables.empty(table)


def sessions(*dates: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(list(dates)).as_unit("us")
