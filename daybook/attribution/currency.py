"""Currency attribution: what markets, names, currencies and hedges did, currency by currency and session by session.

Belongs here: the weights and returns of both sides by currency, and table ``currency_attribution``. Does not belong
here: the formulas of the methods (``currency_effects``), other attributes of instruments (``tree``), linking.

Conventions. A line counts in the currency that it is valued in; the flows of the day in the base currency. What a
line earned at the exchange rates of the open is (price_pnl + income) / (1 + c), c the change of its currency over the
session; the rest of price_pnl + fx_pnl + income is the currency's, with the product of both. A hedge is an instrument
written on ``CASH:CCY``: a forward, a future or an option on a currency. It buys its exposure of that currency and sells
as much of its own; its market value is a weight in its own currency, which earns the change of that currency alone, and
everything else that it earned is the hedge's. trading_pnl and fees are ``trading``, as in CONTRACT 2.10. The premium of
a fair forward comes from risk-free rates by covered interest parity; where that of one of the two currencies is not
known it is 0 and the currency is taken to pay what the base currency does, which ``status`` says.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.attribution.currency_effects import METHODS, Sides, forward_return
from daybook.attribution.linking import LOST
from daybook.attribution.sides import FLOWS, KEY, LINE
from daybook.market import fx
from daybook.market.security_master import attributes
from daybook.performance import local
from daybook.performance.risk_free import forward_premiums, risk_free_of
from daybook.performance.views import CASH, VIEW, previous
from daybook.risk.limits import following

PLACE = [*KEY, "currency"]
MARKET = ["business_date", "base_currency", "calendar", "currency"]
"""An exchange rate as a book sees it over a session."""
OF_BOOK = ["opened", "at_home", "base", "hedge", "hedged", "traded"]
"""Money of a book by currency; ``at_home`` is price_pnl + income, at the exchange rates of the close."""
OF_BENCHMARK = ["benchmark_weight", "benchmark_base", "benchmark_local", "benchmark_hedge_weight", "benchmark_hedged"]
WEIGHTS = ["portfolio_weight", "benchmark_weight", "hedge_weight", "benchmark_hedge_weight"]
RETURNS = ["portfolio_local_return", "benchmark_local_return", "currency_return", "deposit_return", "forward_premium"]
EFFECTS = ["allocation", "selection", "interaction", "premium_effect", "currency_effect", "hedge_effect", "trading"]


def currency_attribution(
    lines: pd.DataFrame,
    opening: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    instruments: pd.DataFrame,
    rules: pd.DataFrame,
    fx_rates: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``currency_attribution``: a row per session, book, method and currency, of books with an active return.

    Args:
        lines: both sides, line by line (``sides.lines``).
        opening: ``lines`` of ``benchmarks.computed``.
        valuations: table ``valuations`` of the sessions and of each book's session before.
        nav: table ``nav`` of the sessions and of each book's session before.
        instruments: facts, dated by valid_from.
        rules: ``rules.in_force`` of the books and sessions; the imputation counts.
        fx_rates: table ``fx_rates`` of the sessions and of those before.
        risk_free_rates: facts.
        sessions: sessions to compute.

    Returns:
        Fractions. The base currency has a row always, another one where either side has anything in it. The totals of
        each method add up to the active return in the table: what rounding to 12 places leaves of it is in ``trading``
        of the base currency. Where a method is not defined (an exchange rate is missing, or a notional fund loses all
        it has) its effects are empty and ``status`` says why.
    """
    rows = lines[lines["active_return"].notna()].reset_index(drop=True)
    rows = rows.join(_currencies(rows, valuations, nav, instruments, sessions))
    market = _market(rows, opening, fx_rates, risk_free_rates, sessions)
    scope = rows[[*KEY, *VIEW, "denominator", "active_return"]].drop_duplicates(KEY)
    placed = _placed(_book_side(rows, market), _benchmark_side(opening, scope), scope, market)
    placed = placed.merge(rules[[*KEY, "imputation"]], on=KEY, how="left")
    sides = _sides(placed)
    found = [_by_method(name, placed, sides) for name in METHODS]
    table = pd.concat(found).sort_values([*KEY, "method", "currency"])
    return tables.conform("currency_attribution", table[list(tables.TABLES["currency_attribution"].names)])


def identity_gaps(currency_attribution: pd.DataFrame, performance: pd.DataFrame) -> pd.DataFrame:
    """Books whose effects by a method do not add up to the active return within 1e-12 and 10^-13 of their size.

    Returns:
        business_date, book, method, active_return, total, gap = total - active_return; empty when all is well. A book
        with an active return and no rows of a method is one of them; one whose ``status`` says why a method is not
        defined is not.
    """
    rows = currency_attribution.assign(size=currency_attribution["total"].abs())
    sums = rows.groupby([*KEY, "method"], as_index=False).agg(
        total=("total", "sum"), rows=("total", "size"), known=("total", "count"), size=("size", "sum")
    )
    due = performance.loc[performance["active_return"].notna(), [*KEY, "active_return"]]
    due = due.merge(pd.DataFrame({"method": pd.Series(sorted(METHODS), dtype="str")}), how="cross")
    both = due.merge(sums, on=[*KEY, "method"], how="left")
    both["gap"] = both["total"].fillna(0.0) - both["active_return"]
    undefined = both["known"].eq(0)
    wrong = both["known"].ne(both["rows"]) | (both["gap"].abs() > 1e-12 + LOST * both["size"].fillna(0.0))
    return both.loc[wrong & ~undefined].drop(columns=["rows", "known", "size"]).reset_index(drop=True)


def _currencies(
    rows: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """currency of each line, bought (the currency that a hedge buys, else empty) and exposure (at the open, of hedges).

    A line is valued in the currency of its price; one that was not there at the open in that of the close.
    """
    columns = [*LINE, "currency", "exposure_base"]
    opened = following(nav, {"opened": valuations[columns]}, sessions)["opened"]
    closed = valuations.loc[valuations["business_date"].isin(sessions), [*LINE, "currency"]]
    terms = attributes(instruments, "instrument", rows, ["currency"])
    found = rows[LINE].merge(opened, on=LINE, how="left").merge(closed, on=LINE, how="left", suffixes=("", "_closed"))
    cash = rows["instrument"].str.startswith(CASH)
    named = rows["instrument"].str.removeprefix(CASH).mask(rows["instrument"].eq(FLOWS), rows["base_currency"])
    currency = found["currency"].fillna(found["currency_closed"]).fillna(terms["currency"]).mask(cash, named)
    bought = local.currency_bought(rows, instruments)
    return pd.DataFrame(
        {
            "currency": currency,
            "bought": bought,
            "exposure": found["exposure_base"].fillna(0.0).where(bought.ne(""), 0.0),
        }
    )


def _market(
    rows: pd.DataFrame,
    opening: pd.DataFrame,
    fx_rates: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """MARKET, currency_return, deposit_return, forward_premium, known: what each currency did over each session."""
    hedges = rows[rows["bought"] != ""]
    named = [rows.assign(currency=rows["base_currency"]), hedges.assign(currency=hedges["bought"])]
    found = pd.concat([part[MARKET] for part in (rows, *named, opening)]).drop_duplicates()
    found = found.sort_values(MARKET, ignore_index=True)
    found["previous"] = previous(found)
    pair = found["currency"], found["base_currency"]
    move = fx.rates(fx_rates, *pair, found["business_date"]) / fx.rates(fx_rates, *pair, found["previous"]) - 1
    fair = forward_premiums(risk_free_rates, found[["business_date", "previous", "currency", "base_currency"]])
    premium = fair["forward_premium"].to_numpy()
    return found[MARKET].assign(
        currency_return=move,
        deposit_return=(1 + risk_free_of(risk_free_rates, found)) / (1 + premium) - 1,
        forward_premium=premium,
        known=fair["known"].to_numpy(),
    )


def _book_side(rows: pd.DataFrame, market: pd.DataFrame) -> pd.DataFrame:
    """PLACE and ``OF_BOOK``, in base currency, of the books."""
    earned, hedge = rows["price_pnl"] + rows["income"], rows["bought"] != ""
    held = rows.assign(
        at_home=earned.mask(hedge, 0.0),
        base=(earned + rows["fx_pnl"]).mask(hedge, rows["fx_pnl"]),
        traded=rows["trading_pnl"] + rows["fees"],
    )
    forward = rows[hedge].drop(columns="opened").merge(market, on=MARKET, how="left")
    # The currency sold is worth what a fair forward made of it; the rest of what the hedge earned is the bought one's.
    fair = forward_return(
        *(forward[name].to_numpy() for name in ("currency_return", "deposit_return", "forward_premium"))
    )
    sold = forward.assign(hedge=-forward["exposure"], hedged=-forward["exposure"] * fair)
    bought = forward.assign(
        currency=forward["bought"],
        hedge=forward["exposure"],
        hedged=forward["price_pnl"] + forward["income"] - sold["hedged"],
    )
    parts = [part.reindex(columns=[*LINE, "currency", *OF_BOOK]) for part in (held, sold, bought)]
    every = pd.concat(parts, ignore_index=True).fillna(dict.fromkeys(OF_BOOK, 0.0))
    every = every.sort_values([*PLACE, "instrument"], kind="stable")
    return every.groupby(PLACE, as_index=False)[OF_BOOK].sum()


def _benchmark_side(opening: pd.DataFrame, scope: pd.DataFrame) -> pd.DataFrame:
    """PLACE and ``OF_BENCHMARK``, fractions, of each book's benchmark."""
    weight = opening["weight"]
    unhedged = (1 + opening["local_return"]) * (1 + opening["currency_move"]) - 1
    sold = (weight * opening["hedge_ratio"]).mask(opening["currency"].eq(opening["base_currency"]), 0.0)
    rows = opening.assign(
        benchmark_weight=weight,
        benchmark_base=weight * unhedged,
        benchmark_local=weight * opening["local_return"],
        benchmark_hedge_weight=-sold,
        benchmark_hedged=weight * (opening["total_return"] - unhedged),
    )
    rows = rows[weight.ne(0)]
    bought = rows[rows["benchmark_hedge_weight"].ne(0)]
    bought = bought.assign(
        currency=bought["base_currency"], benchmark_hedge_weight=-bought["benchmark_hedge_weight"], benchmark_hedged=0.0
    )
    bought[["benchmark_weight", "benchmark_base", "benchmark_local"]] = 0.0
    place = ["business_date", *VIEW, "currency"]
    every = pd.concat([rows, bought]).sort_values([*place, "instrument"], kind="stable")
    sums = every.groupby(place, as_index=False)[OF_BENCHMARK].sum()
    return scope[[*KEY, *VIEW]].merge(sums, on=["business_date", *VIEW])[[*PLACE, *OF_BENCHMARK]]


def _placed(book: pd.DataFrame, benchmark: pd.DataFrame, scope: pd.DataFrame, market: pd.DataFrame) -> pd.DataFrame:
    """Every currency that is on either side, and the base currency, with ``scope`` and ``market``; sorted by PLACE."""
    figures = [*OF_BOOK, *OF_BENCHMARK]
    # Not outer merges: pandas 3.1 cannot make one of two frames without rows.
    rows = pd.concat([book, benchmark]).groupby(PLACE, as_index=False)[figures].sum()
    rows = rows[rows[figures].ne(0).any(axis=1)]
    home = scope[[*KEY, "base_currency"]].rename(columns={"base_currency": "currency"})
    rows = pd.concat([rows, home]).drop_duplicates(PLACE).fillna(dict.fromkeys(figures, 0.0))
    rows = rows.merge(scope, on=KEY).merge(market, on=MARKET, how="left")
    return rows.sort_values(PLACE, ignore_index=True)


def _sides(rows: pd.DataFrame) -> Sides:
    """The arrays that the methods take."""
    divisor = rows["denominator"].to_numpy()
    move = rows["currency_return"].to_numpy()
    base, at_home = rows["base"].to_numpy() / divisor, rows["at_home"].to_numpy() / divisor
    return Sides(
        whole=rows.groupby(KEY, sort=False).ngroup().to_numpy().astype(np.int64),
        weight=rows["opened"].to_numpy() / divisor,
        base=base,
        local=at_home / (1 + move),
        hedge_weight=rows["hedge"].to_numpy() / divisor,
        hedged=rows["hedged"].to_numpy() / divisor,
        **{name: rows[name].to_numpy() for name in OF_BENCHMARK},
        currency_return=move,
        deposit_return=rows["deposit_return"].to_numpy(),
        forward_premium=rows["forward_premium"].to_numpy(),
        from_benchmark=rows["imputation"].eq("benchmark").to_numpy(),
    )


def _by_method(method: str, rows: pd.DataFrame, sides: Sides) -> pd.DataFrame:
    """The rows of one method; empty where it is not defined for the book and session."""
    found = METHODS[method](sides)
    table = rows.assign(
        method=method,
        portfolio_weight=sides.weight,
        hedge_weight=sides.hedge_weight,
        portfolio_local_return=found.portfolio_return,
        benchmark_local_return=found.benchmark_return,
        allocation=found.allocation,
        selection=found.selection,
        interaction=found.interaction,
        market=found.market,
        premium_effect=found.premium,
        currency_effect=found.currency,
        hedge_effect=found.hedge,
        trading=rows["traded"].to_numpy() / rows["denominator"].to_numpy(),
    )
    undefined = table[EFFECTS].isna().any(axis=1).groupby(sides.whole).transform("any")
    table.loc[undefined, [*EFFECTS, "market"]] = np.nan
    return _closed(table, sides).assign(status=_status(table, undefined, sides))


def _closed(rows: pd.DataFrame, sides: Sides) -> pd.DataFrame:
    """``rows`` rounded, with their total; what rounding leaves of the active return is in trading of the base currency.

    Only what rounding can explain is moved; a real gap stays, for ``identity_gaps`` to name.
    """
    table = rows.assign(**rows[[*WEIGHTS, *RETURNS, *EFFECTS, "market"]].round(12))
    # The last of the three effects of a market takes what rounding leaves of their sum.
    chosen = table["interaction"].eq(0)
    rest = (table["market"] - table["allocation"] - table["selection"].mask(chosen, 0.0)).round(12)
    table["selection"] = table["selection"].mask(chosen, rest)
    table["interaction"] = table["interaction"].where(chosen, rest)
    parts = table[["market", "premium_effect", "currency_effect", "hedge_effect", "trading"]]
    total = parts.sum(axis=1, skipna=False).round(12)
    whole = total.groupby(sides.whole)
    left = (table["active_return"] - whole.transform("sum")).round(12)
    explained = left.abs() <= 4e-12 * whole.transform("size")
    taken = left.where(explained & total.notna() & table["currency"].eq(table["base_currency"]), 0.0)
    return table.assign(trading=(table["trading"] + taken).round(12), total=(total + taken).round(12))


def _status(rows: pd.DataFrame, undefined: "pd.Series[bool]", sides: Sides) -> "pd.Series[str]":
    """``ok``, what was taken for granted, or why a method is not defined."""
    pair = rows["currency"] + "/" + rows["base_currency"]
    guessed = "ok; no risk-free rate of " + rows["currency"] + " or of " + rows["base_currency"] + ": premium 0"
    status = pd.Series("ok", index=rows.index, dtype="str").mask(~rows["known"].astype("bool"), guessed)
    missing = pair.where(rows["currency_return"].isna()).groupby(sides.whole).transform("first")
    why = ("no exchange rate " + missing + " of this session or the one before").fillna(
        "a notional fund loses all it has"
    )
    return status.mask(undefined, why.astype("str"))
