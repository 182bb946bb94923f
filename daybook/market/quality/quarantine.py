"""Delivered rows that wait for a decision.

Belongs here: what they may mean for NAV. Does not belong here: deciding (the command ``quarantine``).
"""

import pandas as pd

from daybook.intake.terms import SCHEMES
from daybook.market import currencies, security_master
from daybook.market.quality.finding import BY_IMPACT, and_more, finding, holdings, joined

MONEY_TABLES = ("raw_fx_rates", "transactions", "corporate_actions", "books", "instruments", "price_overrides")
"""Facts that NAV is made of: a row of them that waits blocks. Prices block by what they could change."""
PRICES = "raw_prices"
SHOWN = 40
"""Characters of a refused value that a finding shows; ``daybook quarantine show`` has all."""


def open_quarantine(
    quarantine: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    valuations: pd.DataFrame,
    prices: pd.DataFrame,
    identifiers: pd.DataFrame,
) -> pd.DataFrame:
    """Delivered rows that wait for a decision: ``quarantine_<table>``.

    Blocking where NAV is made of that table, a warning for the others. A price blocks by impact the books that hold its
    instrument on its session: impact_base is what NAV would change by, without sign, if it were taken, and cannot be
    told where it is no number. Prices of other sessions, and of instruments that no book holds, warn.

    Args:
        quarantine: columns of the record: file, line, column, value, reason, status, table_name, business_date (empty:
            about every session) and row.
        sessions: midnight, naive.
        valuations: table of ``sessions``.
        prices: golden, of ``sessions``.
        identifiers: facts.
    """
    waiting = quarantine[quarantine["status"].isin(["open", "waiting"])]
    waiting = waiting.assign(since=pd.to_datetime(waiting["business_date"]).astype("datetime64[us]"))
    rows = waiting.drop(columns="business_date").merge(pd.DataFrame({"business_date": sessions}), how="cross")
    rows = rows[rows["since"].isna() | (rows["since"] <= rows["business_date"])].sort_values(["file", "line", "column"])
    place = rows["file"] + " line " + rows["line"].astype("str")
    column = (", column " + rows["column"]).mask(rows["column"] == "", "")
    named = rows.assign(
        check="quarantine_" + rows["table_name"], text=place + column + ": " + rows["reason"] + _value(rows)
    ).reset_index(drop=True)
    told = named["table_name"] == PRICES
    delivered = _named(named[told], identifiers)
    untold, delivered = delivered[delivered["instrument"] == ""], delivered[delivered["instrument"] != ""]
    concerned = _concerned(delivered, valuations, prices)
    other = delivered[~delivered.index.isin(concerned["at"])]
    money = named["table_name"].isin(MONEY_TABLES)
    return pd.concat(
        [
            _worst(concerned),
            joined(pd.concat([named[money], untold]), "blocking"),
            joined(pd.concat([named[~money & ~told], other]), "warning"),
        ]
    )


def _value(rows: pd.DataFrame) -> "pd.Series[str]":
    """What stood there, on one line and in brackets, where there was something; its beginning if it is long."""
    value = rows["value"].astype("str").str.split().str.join(" ")
    short = value.mask(value.str.len() > SHOWN, value.str[:SHOWN] + "...")
    return (" (" + short + ")").where(value != "", "")


def _named(rows: pd.DataFrame, identifiers: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with the instrument that each names, itself or by an identifier, the close and where it stands.

    The instrument is "" where the row names none; an identifier of nothing, or of several, stands for itself.
    """
    names = ["instrument", "exchange", "close", "currency", *SCHEMES]
    said = pd.DataFrame(rows["row"].tolist(), index=rows.index, columns=names).fillna("").astype("str")
    instrument = said["instrument"]
    on = rows["since"].fillna(rows["business_date"])
    for scheme in SCHEMES:
        ask = (instrument == "") & (said[scheme] != "")
        if ask.any():
            found, _ = security_master.resolve(
                identifiers, scheme, said.loc[ask, scheme], said.loc[ask, "exchange"], on[ask]
            )
            known = pd.Series(found, said.index[ask], dtype="str")
            instrument = instrument.mask(ask, known.mask(known == "", said[scheme]))
    close = pd.to_numeric(said["close"], errors="coerce") / currencies.major(said["currency"])[1]
    return rows.assign(instrument=instrument, delivered=close, at=rows.index)


def _concerned(rows: pd.DataFrame, valuations: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """The rows about the price of a holding on its session, once for each book, with what they could change."""
    today = rows[rows["since"].isna() | (rows["since"] == rows["business_date"])]
    day = ["business_date", "instrument"]
    held = today.merge(holdings(valuations), on=day).merge(prices[[*day, "close"]], on=day, how="left")
    return held.assign(impact=held["market_value_base"].abs() * (held["delivered"] / held["close"] - 1.0).abs())


def _worst(rows: pd.DataFrame) -> pd.DataFrame:
    """One finding for each holding: the row with the largest impact, one that cannot be told first, and how many."""
    key = ["business_date", "check", "book", "instrument"]
    ordered = rows.sort_values([*key, "impact"], kind="stable")
    first = ordered.drop_duplicates(key, keep="last").reset_index(drop=True)
    count = ordered.groupby(key)["text"].size().to_numpy()
    reason = first["text"] + and_more(pd.Series(count))
    return finding(first, first["check"], BY_IMPACT, reason, first["impact"])
