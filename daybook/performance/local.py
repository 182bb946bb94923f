"""Returns without exchange rates, and with exchange rates hedged.

Belongs here: P&L at opening exchange rates, the part of a return that is currency, the return of the same book hedged.
Does not belong here: why that differs from the benchmark's (``daybook.attribution.currency``).

Conventions. local_return = P&L at opening rates / denominator: each row's P&L but fx_pnl, which is kept at closing
rates, times X0 / X1. currency_return = daily_return - local_return, so that what prices and rates did together is
currency. All P&L of a hedge, which is what is written on a currency (``currency_bought``), is currency.

hedged_return = daily_return + sum over foreign currencies of opening exposure / denominator x (forward premium -
(X1 / X0 - 1)): the book as if what it had open abroad at the close before, net of its own currency forwards, had been
sold forward for the session at the fair rate. As published hedged indices do, it hedges what was held at the open, not
what that became. The premium is (1 + r_base) / (1 + r_currency) - 1 by covered interest parity (Keynes 1923), 0 where
one of the two has no risk-free rate, and ``convention`` says so.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.market.fx import rates
from daybook.market.security_master import attributes
from daybook.performance import flows
from daybook.performance.risk_free import forward_premiums
from daybook.performance.views import CASH

KEY = ["business_date", "book"]
MEASURES = "net of fees and taxes, gross before kind fee"
HEDGED = "; hedged at "


def parted(
    performance: pd.DataFrame,
    pnl: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    views: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    flow_rules: pd.DataFrame,
) -> pd.DataFrame:
    """``performance`` with local_return, currency_return, hedged_return and convention.

    Args:
        performance: table, of the sessions wanted.
        pnl: table of the same sessions.
        valuations: table of the same sessions and of each book's session before.
        nav: table of the same sessions and of each book's session before.
        fx_rates: table likewise.
        instruments: facts, dated by valid_from.
        views: ``views.book_views`` of the sessions.
        risk_free_rates: facts.
        flow_rules: facts.
    """
    rows = performance[[*KEY, "daily_return", "denominator"]].merge(dated(nav), on=KEY, how="left")
    earned = pnl.loc[pnl["business_date"].isin(rows["business_date"])]
    earned = earned.assign(local=at_opening_rates(earned, nav, fx_rates, instruments))
    sums = earned.sort_values([*KEY, "instrument"]).groupby(KEY)["local"].agg(["sum", "count", "size"]).reset_index()
    rows = rows.merge(sums.assign(local=sums["sum"].where(sums["count"].eq(sums["size"]))), on=KEY, how="left")
    known = rows["daily_return"].notna()
    rows["local"] = rows["local"].where(rows["size"].notna(), 0.0)
    local = (rows["local"] / rows["denominator"].where(known)).round(12)
    gained, foreign, lacking = _hedges(valuations, rows, instruments, fx_rates, risk_free_rates)
    hedged = (rows["daily_return"] + gained / rows["denominator"].where(known)).round(12)
    words = rows[KEY].merge(views, on=KEY, how="left")
    against = ("; against " + words["benchmark"].fillna("")).where(words["benchmark"].fillna("").ne(""), "")
    abroad = pd.Series("", index=rows.index, dtype="str").mask(foreign, HEDGED + "covered interest parity")
    abroad = abroad.mask(lacking.ne(""), HEDGED + "a premium of 0 for " + lacking + " (no risk-free rate)")
    return tables.conform(
        "performance",
        performance.reset_index(drop=True).assign(
            local_return=local,
            currency_return=(rows["daily_return"] - local).round(12),
            hedged_return=hedged,
            convention="flows " + flows.declared(rows, flow_rules) + "; " + MEASURES + against + abroad,
        ),
    )


def dated(nav: pd.DataFrame) -> pd.DataFrame:
    """business_date, book, base_currency, previous (the book's session before; NaT on the first one known)."""
    rows = nav.sort_values(["book", "business_date"], ignore_index=True)[[*KEY, "base_currency"]]
    return rows.assign(previous=rows.groupby("book", sort=False)["business_date"].shift())


def at_opening_rates(
    pnl: pd.DataFrame, nav: pd.DataFrame, fx_rates: pd.DataFrame, instruments: pd.DataFrame
) -> "pd.Series[float]":
    """P&L of each row of ``pnl`` if no exchange rate had moved: base currency, 6 places, on the index of ``pnl``.

    (total - fx_pnl) x X0 / X1; total where the row is in base currency; 0 for what is written on a currency. On a
    book's first session nothing was held before, and the rates are those of its close. NaN where a rate is missing.

    Args:
        pnl: table.
        nav: table ``nav`` of the same sessions and of each book's session before.
        fx_rates: table ``fx_rates`` likewise.
        instruments: facts, dated by valid_from.
    """
    rows = pnl[[*KEY, "instrument"]].merge(dated(nav), on=KEY, how="left").set_axis(pnl.index)
    own = currencies(rows, instruments)
    abroad = (own.ne(rows["base_currency"]) & rows["previous"].notna()).to_numpy()
    pair = own[abroad].to_numpy(object), rows.loc[abroad, "base_currency"].to_numpy(object)
    ratio = np.ones(len(rows))
    after = rates(fx_rates, *pair, rows.loc[abroad, "business_date"])
    ratio[abroad] = rates(fx_rates, *pair, rows.loc[abroad, "previous"]) / after
    kept = (pnl["total"] - pnl["fx_pnl"].where(own.ne(rows["base_currency"]), 0.0)) * ratio
    return kept.mask(currency_bought(rows, instruments).ne(""), 0.0).round(6)


def currencies(rows: pd.DataFrame, instruments: pd.DataFrame) -> "pd.Series[str]":
    """Currency of each row's instrument on its session; that of the book where the instrument is not known."""
    found = attributes(instruments, "instrument", rows, ["currency"])["currency"]
    found = found.mask(found.eq(""), rows["base_currency"])
    return found.mask(rows["instrument"].str.startswith(CASH), rows["instrument"].str.removeprefix(CASH))


def currency_bought(rows: pd.DataFrame, instruments: pd.DataFrame) -> "pd.Series[str]":
    """The currency that each row's instrument buys where it is a hedge, written on ``CASH:<CCY>``; "" of all others.

    A forward, a future or an option on a currency: what it earns comes from the currency, whatever its class.
    """
    under = attributes(instruments, "instrument", rows, ["underlying"])["underlying"]
    return under.where(under.str.startswith(CASH), "").str.removeprefix(CASH)


def _hedges(
    valuations: pd.DataFrame,
    rows: pd.DataFrame,
    instruments: pd.DataFrame,
    fx_rates: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
) -> tuple["pd.Series[float]", "pd.Series[bool]", "pd.Series[str]"]:
    """What hedging all open currency would have gained, whether there was any, and the currencies without a rate.

    Args:
        valuations: with the session before of each of ``rows``.
        rows: business_date, book, base_currency, previous.
        instruments: facts.
        fx_rates: table of the sessions and of those before.
        risk_free_rates: facts.
    """
    opened = rows[[*KEY, "base_currency", "previous"]].rename(columns={"business_date": "session"})
    columns = [*KEY, "instrument", "currency", "market_value_base", "exposure_base"]
    held = valuations[columns].merge(opened, left_on=["business_date", "book"], right_on=["previous", "book"])
    key = ["session", "book", "currency", "base_currency", "previous"]
    pairs = _open_currency(held, instruments).sort_values([*key, "instrument"])
    pairs = pairs.groupby(key, as_index=False)[["open"]].sum().rename(columns={"session": "business_date"})
    pair = pairs["currency"].to_numpy(object), pairs["base_currency"].to_numpy(object)
    move = rates(fx_rates, *pair, pairs["business_date"]) / rates(fx_rates, *pair, pairs["previous"]) - 1
    premium = forward_premiums(risk_free_rates, pairs)
    pairs["gained"] = pairs["open"] * (premium["forward_premium"].to_numpy() - move)
    pairs["lacking"] = pairs["currency"].where(~premium["known"].to_numpy())
    sums = pairs.groupby(KEY, as_index=False).agg(
        gained=("gained", "sum"), known=("gained", "count"), size=("gained", "size")
    )
    said = rows[KEY].merge(sums, on=KEY, how="left")
    foreign = said["size"].notna()
    gained = said["gained"].mask(said["known"] < said["size"]).where(foreign, 0.0)
    at, lacking = pd.MultiIndex.from_frame(rows[KEY]), pd.Series("", index=rows.index, dtype="str")
    for currency, lines in pairs.dropna(subset="lacking").groupby("lacking"):
        here = at.isin(pd.MultiIndex.from_frame(lines[KEY]))
        lacking = lacking.mask(here, lacking + " " + str(currency))
    return gained, foreign, lacking.str.strip()


def _open_currency(held: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """``held`` with ``open``, its value in foreign currency; a hedge is long one currency and short the other."""
    bought = currency_bought(held, instruments)
    hedge = bought.ne("")
    agreed = held.loc[hedge]
    both = pd.concat(
        [
            held.loc[~hedge].assign(open=held["market_value_base"]),
            agreed.assign(currency=bought[hedge], open=agreed["exposure_base"]),
            agreed.assign(open=agreed["market_value_base"] - agreed["exposure_base"]),
        ]
    )
    return pd.DataFrame(both.loc[both["currency"].ne(both["base_currency"])])
