"""Consumption: which trade of the session used a limit, or freed it.

Belongs here: what each trade moved, by position and by limit. Does not belong here: the value of limits (``limits``),
trades that are only supposed.

Conventions: ``consumed`` is the size of what the limit measures less its size without that one trade, in the unit of
the value, positive where the trade used the limit. Each trade is left out alone, so consumptions need not add up. NAV
stays what it is. Told for long, short, gross, net and beta_adjusted exposure without look-through, by whatever basis;
what a trade does to VaR or to a stress loss takes a recomputation of the book (what-if).

A trade's exposure is the quantity it moved at the closing exposure of a unit of the position; where nothing is left of
the position, at what was paid. Its money moves cash, which counts in the dimensions currency and asset_class. Trades
are those of the session's journal (table ``postings``): buys, sells, transfers, expiries, exercises, assignments, fx.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.ledger.transactions import UNITS
from daybook.market.declared import in_force
from daybook.risk.exposures import CASH, KEY, PLACE, Reference, held, placed

MEASURES = ("long", "short", "gross", "net", "beta_adjusted")
KINDS = (*UNITS, "fx")
MONEY = ("cash", "unsettled", "receivables")
"""Ledger accounts whose sum is the cash row of a currency."""
LIMIT = [*KEY, "limit", "dimension", "bucket"]


def limit_consumption(
    usage: pd.DataFrame,
    limits: pd.DataFrame,
    postings: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    instruments: pd.DataFrame,
    reference: Reference,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``limit_consumption`` of ``sessions``; trades that moved nothing of a limit have no row.

    Args:
        usage: table ``limit_usage`` of the sessions.
        limits: facts: which limits look through funds.
        postings: table of the sessions.
        valuations: table of the sessions.
        nav: table of the sessions.
        instruments: facts, dated by valid_from.
        reference: what tells groups and betas.
        sessions: sessions to compute.
    """
    terms = in_force(limits, "limit", nav.loc[nav["business_date"].isin(sessions), KEY])
    asked = usage.merge(terms.loc[~terms["look_through"], [*KEY, "limit"]], on=[*KEY, "limit"])
    asked = asked.loc[asked["measure"].isin(MEASURES) & asked["status"].ne("failed")]
    asked = asked[[*LIMIT, "measure", "basis", "value"]].merge(nav[[*KEY, "nav"]], on=KEY)
    moved = _moved(postings, valuations, nav, sessions)
    rows = placed(moved.assign(notional_base=0.0), instruments, reference)
    whole = rows.loc[rows["dimension"].eq("instrument")].assign(dimension="", bucket="")
    rows = pd.concat([rows, whole]).drop(columns="notional_base")
    now = held(valuations, instruments, nav, sessions, reference)[[*KEY, "instrument", "exposure_base"]]
    rows = rows.merge(now.rename(columns={"exposure_base": "exposure"}), on=[*KEY, "instrument"], how="left")
    after = rows["exposure"].fillna(0.0)
    before = after - rows["exposure_base"]
    rows["long"] = after.clip(lower=0) - before.clip(lower=0)
    rows["short"] = after.clip(upper=0) - before.clip(upper=0)
    rows["gross"], rows["net"] = after.abs() - before.abs(), rows["exposure_base"]
    rows["beta_adjusted"] = rows["exposure_base"] * rows["beta"].fillna(1.0)
    by = rows.groupby([*PLACE, "transaction_id"], as_index=False)[list(MEASURES)].sum()
    found = asked.merge(by, on=PLACE)
    change = np.select([found["measure"].eq(name) for name in MEASURES], [found[name] for name in MEASURES], np.nan)
    money = found["basis"].eq("money")
    change = np.where(money, change, change / found["nav"])
    used = _size(found["measure"], found["value"]) - _size(found["measure"], found["value"] - change)
    found["consumed"] = used.round(6).where(money, used.round(12))
    found = found.loc[found["consumed"].ne(0)].sort_values([*LIMIT, "transaction_id"])
    return tables.conform("limit_consumption", found[[*LIMIT, "transaction_id", "consumed"]])


def _moved(
    postings: pd.DataFrame, valuations: pd.DataFrame, nav: pd.DataFrame, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    """What each trade moved: business_date, book, transaction_id, instrument (also cash), currency, exposure_base."""
    rows = postings.loc[postings["business_date"].isin(sessions) & postings["kind"].isin(KINDS)]
    rows = rows.merge(nav.loc[nav["status"].eq("ok"), [*KEY, "base_currency"]], on=KEY)
    known = valuations.loc[valuations["fx_rate"].notna(), [*KEY, "currency", "fx_rate"]]
    rates = known.drop_duplicates([*KEY, "currency"])
    rows = rows.merge(rates, on=[*KEY, "currency"], how="left")
    rows["fx_rate"] = rows["fx_rate"].mask(rows["currency"].eq(rows["base_currency"]), 1.0)
    # The rate of a currency of which nothing is left is not in the valuations: what moved in it is not told.
    rows["amount"] = rows["debit"] * rows["fx_rate"]
    trade = [*KEY, "transaction_id"]
    paid = rows.loc[rows["ledger_account"].isin((*MONEY, "contracts"))].groupby(trade)["amount"].sum(min_count=1)
    units = rows.loc[rows["ledger_account"].eq("securities") & rows["quantity"].ne(0)]
    units = pd.DataFrame(units.groupby([*trade, "instrument", "currency"], as_index=False)["quantity"].sum())
    now = valuations[[*KEY, "instrument", "quantity", "exposure_base"]].rename(columns={"quantity": "held"})
    units = units.merge(now, on=[*KEY, "instrument"], how="left")
    unit = units["exposure_base"] / units["held"].where(units["held"].ne(0))
    spent = -units[trade].merge(paid.reset_index(), on=trade, how="left")["amount"]
    units["exposure_base"] = (units["quantity"] * unit).fillna(spent)
    money = rows.loc[rows["ledger_account"].isin(MONEY)].groupby([*trade, "currency"])["amount"]
    cash = money.sum(min_count=1).reset_index()
    cash = cash.assign(instrument=CASH + cash["currency"], exposure_base=cash["amount"])
    columns = [*trade, "instrument", "currency", "exposure_base"]
    found = pd.concat([units[columns], cash[columns]], ignore_index=True)
    found = found.loc[found["exposure_base"].notna()]
    return pd.DataFrame(found.sort_values([*trade, "instrument"], ignore_index=True))


def _size(measure: "pd.Series[str]", value: "pd.Series[float]") -> "pd.Series[float]":
    return (-value).where(measure.eq("short"), value.abs().where(measure.isin(("net", "beta_adjusted")), value))
