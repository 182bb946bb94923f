"""Liquidity: how many sessions positions take to sell, at what cost, and whether a book can pay those who leave.

Belongs here: days to liquidate, cost, buckets, the profile of a book and its coverage of redemptions. Does not belong
here: limits on them (``limits``).

Conventions: average daily volume = mean of the volumes delivered for the last ``WINDOW`` sessions of the instrument's
market up to the date, in units of today; without at least ``FEWEST`` of them the declared ``daily_value``; without both
the position is illiquid and says so. days = |quantity| / (participation x daily volume), at a constant rate, positions
of all books apart. Cost of selling at the rate r (units a session / daily volume) = value x (spread / 2 + impact x
sqrt(r)): half the spread and the square root law of market impact (Torre 1997, BARRA Market Impact Model Handbook;
Almgren, Thum, Hauptmann and Li 2005, Risk 18(7), estimate an exponent of 0.6 in its place), where ``impact`` is what
selling one whole daily volume in a session costs.

Buckets are those of SEC rule 22e-4 (17 CFR 270.22e-4(a)(6), (8), (10), (12)), for the whole position at the declared
participation, which stands for "without the conversion significantly changing the market value": highly liquid is cash
within three business days, moderately liquid cash within seven calendar days, less liquid sold within seven calendar
days and settled later, illiquid anything slower. Cash = sold and settled by the cycle of the market, the first session
of selling being day 0; seven calendar days are ``WEEK`` sessions. A declared bucket goes before the computed one.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.market import dated
from daybook.market.actions import split_ratio
from daybook.market.declared import in_force
from daybook.market.security_master import attributes

Floats = NDArray[np.float64]

WINDOW = 20
"""Sessions over which volume is averaged."""
FEWEST = 5
"""Volumes without which an average is not one."""
PARTICIPATION = 0.2
"""Share of a session's volume that may be traded where no rule says another."""
HORIZONS = (1, 2, 3, 5, 10, 20, 60)
"""Sessions at which every book is profiled."""
THREE_DAYS, WEEK = 3, 5
"""Sessions in three business days, and in seven calendar days."""
PRECEDENCE = ("instrument", "issuer", "sector", "asset_class")
RULED = ("participation", "daily_value", "spread", "impact", "liquidity_bucket")
CASH = "CASH:"
ON_EXPOSURE = ("future", "forward")
"""Asset classes whose size is their exposure: their market value is what they have gained."""
KEY = ["business_date", "book"]


def liquidity(
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    raw_prices: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    instruments: pd.DataFrame,
    liquidity_rules: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    order: Sequence[str],
) -> pd.DataFrame:
    """Table ``liquidity``: every security of the books that have a NAV.

    Args:
        valuations: table ``valuations`` of the sessions.
        nav: table ``nav`` of the sessions.
        raw_prices: facts, reaching ``WINDOW`` sessions back from the first session.
        corporate_actions: facts: a split within the window restates the volumes before it.
        instruments: facts, dated by valid_from.
        liquidity_rules: facts; each of their columns is taken from the most specific row in force that fills it.
        sessions: sessions to compute.
        order: sources of prices, the preferred one first.
    """
    held = _held(valuations, nav, instruments, sessions)
    rules = _ruled(liquidity_rules, held)
    units, seen = _volumes(held, raw_prices, corporate_actions, order)
    quantity = held["quantity"].abs().to_numpy(np.float64)
    price = np.divide(held["size"], quantity, out=np.full(len(held), np.nan), where=quantity > 0)
    declared = np.divide(rules["daily_value"], price, out=np.full(len(held), np.nan), where=price > 0)
    own = seen >= FEWEST
    volume = np.where(own, units, declared)
    participation = rules["participation"].fillna(PARTICIPATION).to_numpy(np.float64)
    pace = participation * volume
    days = np.divide(quantity, pace, out=np.full(len(held), np.nan), where=pace > 0)
    rate = np.minimum(participation, np.divide(quantity, volume, out=np.full(len(held), np.nan), where=volume > 0))
    bucket = rules["liquidity_bucket"].mask(rules["liquidity_bucket"].eq(""), buckets(days, _cycles(held)))
    traded = np.where(volume > 0, "", np.where(own, f"no volume in {WINDOW} sessions", "no volume and no daily value"))
    few = seen.astype(str).astype(object) + f" of {WINDOW} sessions with volume"
    traded = np.where(own & (seen < WINDOW) & (volume > 0), few, traded)
    no_cost = (rules["spread"].isna() | rules["impact"].isna()).to_numpy()
    rows = held.assign(
        daily_volume=np.round(volume, 8),
        participation=participation,
        days_to_liquidate=np.round(days, 12),
        liquidation_cost=np.round(held["size"] * _cost(rules["spread"], rules["impact"], rate), 6),
        liquidity_bucket=bucket,
        basis=np.where(own, "volume", np.where(volume > 0, "rule", "none")),
        reason=_joined(traded, np.where(no_cost, "no spread or impact declared", "")),
    )
    names = list(tables.TABLES["liquidity"].names)
    return tables.conform("liquidity", rows[names].sort_values([*KEY, "instrument"]))


def sold(days: Any, horizon: Any) -> Floats:
    """Part of a position sold within ``horizon`` sessions; 0 where its days to liquidate are not known."""
    days = np.asarray(days, np.float64)
    share = np.divide(horizon, days, out=np.ones(np.broadcast(days, horizon).shape), where=days > 0)
    return np.where(np.isnan(days), 0.0, np.minimum(share, 1.0))


def profile(
    liquidity: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    instruments: pd.DataFrame,
    liquidity_rules: pd.DataFrame,
    redemption_terms: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``liquidity_profile``: each book after each of ``HORIZONS`` and after its notice of redemption.

    liquidated_fraction = gross value of securities sold by then at the declared participation / all of it; 1 where no
    security is held. liquidation_cost = cost of selling everything by then at whatever rate that takes: the cost curve,
    falling in the horizon. redemption_coverage = (cash + what has been sold by then) / (redemption_fraction x NAV);
    covering a short takes cash, futures and forwards bring none. Trades count when they are done: settlement comes on
    top.

    Args:
        liquidity: table ``liquidity`` of the sessions.
        valuations: table ``valuations`` of the sessions.
        nav: table ``nav`` of the sessions.
        instruments: facts, dated by valid_from.
        liquidity_rules: facts.
        redemption_terms: facts; a row that names the book goes before one for every book.
        sessions: sessions to compute.
    """
    books = nav.loc[nav["status"].eq("ok") & nav["business_date"].isin(sessions), [*KEY, "nav", "cash"]]
    terms = in_force(redemption_terms.assign(terms=""), "terms", books[KEY])
    books = books.merge(terms[[*KEY, "redemption_fraction", "notice_days"]], on=KEY, how="left")
    notice = books.loc[books["notice_days"].notna(), [*KEY, "notice_days"]]
    notice = notice[KEY].assign(horizon_days=np.maximum(np.ceil(notice["notice_days"]), 1).astype("int64"))
    grid = books[KEY].merge(pd.DataFrame({"horizon_days": HORIZONS}), how="cross")
    grid = pd.concat([grid, notice]).drop_duplicates(ignore_index=True)
    held = _held(valuations, nav, instruments, sessions).merge(
        liquidity[[*KEY, "instrument", "daily_volume", "days_to_liquidate"]], on=[*KEY, "instrument"], how="left"
    )
    rules = _ruled(liquidity_rules, held)
    parts = held.assign(spread=rules["spread"], impact=rules["impact"]).merge(grid, on=KEY)
    horizon = parts["horizon_days"].to_numpy(np.float64)
    gone = sold(parts["days_to_liquidate"], horizon)
    rate = parts["quantity"].abs() / (horizon * parts["daily_volume"].where(parts["daily_volume"] > 0))
    cost = parts["size"] * _cost(parts["spread"], parts["impact"], rate)
    parts = parts.assign(
        gone=parts["size"] * gone,
        raised=parts["market_value_base"] * gone,
        cost=cost.fillna(0.0),
        priced=parts["size"].where(cost.notna(), 0.0),
    )
    at = [*KEY, "horizon_days"]
    sums = parts.groupby(at, as_index=False)[["size", "gone", "raised", "cost", "priced"]].sum()
    rows = grid.merge(sums, on=at, how="left").fillna(dict.fromkeys(["size", "gone", "raised", "cost", "priced"], 0.0))
    rows = rows.merge(books, on=KEY)
    whole = rows["size"].where(rows["size"] > 0)
    owed = (rows["redemption_fraction"] * rows["nav"]).where(lambda owed: owed > 0)
    unpriced = (100 * (1 - rows["priced"] / whole)).round(1)
    terms_known = rows["redemption_fraction"].notna().to_numpy()
    rows = rows.assign(
        liquidated_fraction=(rows["gone"] / whole).fillna(1.0).round(12),
        liquidation_cost=rows["cost"].where((rows["priced"] > 0) | whole.isna()).round(6),
        redemption_coverage=((rows["cash"] + rows["raised"]) / owed).round(12),
        reason=_joined(
            np.where(whole.isna(), "no securities held", ""),
            np.where(unpriced > 0, "cost of " + unpriced.astype("str") + " % of value not known", ""),
            np.where(terms_known, np.where(owed.isna(), "nothing to redeem", ""), "no redemption terms"),
        ),
    )
    return tables.conform("liquidity_profile", rows[list(tables.TABLES["liquidity_profile"].names)].sort_values(at))


def _held(
    valuations: pd.DataFrame, nav: pd.DataFrame, instruments: pd.DataFrame, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    """Securities of the books that have a NAV, with their classification and ``size``: value in money, >= 0."""
    good = nav.loc[nav["status"].eq("ok") & nav["business_date"].isin(sessions), KEY]
    held = valuations.loc[~valuations["instrument"].str.startswith(CASH) & valuations["quantity"].ne(0)].merge(good)
    known = attributes(instruments, "instrument", held, ["issuer", "sector", "asset_class", "exchange"])
    by_exposure = known["asset_class"].isin(ON_EXPOSURE)
    size = held["exposure_base"].where(by_exposure, held["market_value_base"]).abs()
    kept = held[[*KEY, "instrument", "quantity", "market_value_base"]]
    return pd.concat([kept, known], axis=1).assign(size=size)


def _ruled(rules: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """``RULED`` of each of ``held``, each from the most specific row in force that fills it."""
    ordered = rules.sort_values("valid_from", kind="stable", ignore_index=True)
    found = pd.DataFrame({name: pd.Series(np.nan, held.index) for name in RULED[:-1]})
    found["liquidity_bucket"] = pd.Series("", held.index, dtype="str")
    for dimension in PRECEDENCE:
        known, wanted = dated.codes(
            [ordered["dimension"], ordered["bucket"]], [np.full(len(held), dimension, object), held[dimension]]
        )
        at = dated.last(known, ordered["valid_from"], wanted, held["business_date"])
        row = ordered.reindex(at).set_axis(held.index)
        row = row[~(row["valid_to"] < held["business_date"])].reindex(held.index)
        for name in RULED[:-1]:
            found[name] = found[name].fillna(row[name].astype("float64"))
        bucket = row["liquidity_bucket"].fillna("")
        found["liquidity_bucket"] = found["liquidity_bucket"].mask(found["liquidity_bucket"].eq(""), bucket)
    return found


def _volumes(
    held: pd.DataFrame, raw_prices: pd.DataFrame, corporate_actions: pd.DataFrame, order: Sequence[str]
) -> tuple[Floats, NDArray[np.int64]]:
    """Mean volume of each position's instrument, in units of its date, and of how many sessions it is the mean."""
    wanted = held[["business_date", "instrument", "exchange"]].drop_duplicates(ignore_index=True)
    given = raw_prices.loc[raw_prices["volume"].notna() & raw_prices["instrument"].isin(wanted["instrument"])]
    facts = dated.preferred(given, ["instrument"], order)
    pairs = wanted.assign(pair=np.arange(len(wanted))).merge(
        facts[["business_date", "instrument", "volume", "price_basis"]].rename(columns={"business_date": "on"}),
        on="instrument",
    )
    pairs = pairs[pairs["on"] <= pairs["business_date"]]
    age = calendars.sessions_between(pairs["exchange"], pairs["on"], pairs["business_date"])
    pairs = pairs[age < WINDOW]
    ratio = split_ratio(corporate_actions, pairs["instrument"], pairs["on"], pairs["business_date"])
    units = pairs["volume"] * np.where(pairs["price_basis"].eq("adjusted"), 1.0, ratio)
    counts = np.bincount(pairs["pair"], minlength=len(wanted))
    sums = np.bincount(pairs["pair"], units, minlength=len(wanted))
    mean = np.divide(sums, counts, out=np.full(len(wanted), np.nan), where=counts > 0)
    keys = ["business_date", "instrument"]
    at = pd.MultiIndex.from_frame(wanted[keys]).get_indexer(pd.MultiIndex.from_frame(held[keys]))
    return mean[at], counts[at].astype(np.int64)


def _cost(spread: Any, impact: Any, rate: Any) -> Any:
    """Cost as a fraction of value of selling at ``rate`` daily volumes a session."""
    return spread / 2 + impact * np.sqrt(rate)


def buckets(days: Any, cycle: Any) -> NDArray[np.object_]:
    """Bucket of SEC rule 22e-4 of what takes ``days`` sessions to sell and ``cycle`` sessions from trade to settlement.

    The first session of selling is day 0: what is sold in it is cash after ``cycle`` days.
    """
    # What is sold within one session takes that one: 0.01 and 1 session are the same to who waits for cash.
    last = np.maximum(np.ceil(np.round(np.asarray(days, np.float64), 9)), 1.0) - 1
    cash = last + np.asarray(cycle)
    choices = ["highly_liquid", "moderately_liquid", "less_liquid"]
    return np.select([cash <= THREE_DAYS, cash <= WEEK, last <= WEEK], choices, "illiquid").astype(object)


def _cycles(held: pd.DataFrame) -> NDArray[np.int64]:
    """Sessions from trade to settlement in the market of each position; two where it has no known calendar."""
    cycle = np.full(len(held), 2, np.int64)
    for market in held["exchange"].unique():  # one turn a market
        here = held["exchange"].eq(market).to_numpy()
        if calendars.is_calendar(market):
            traded = held.loc[here, "business_date"]
            settled = pd.Series(calendars.settlement_date(market, traded), traded.index)
            cycle[here] = calendars.sessions_between(held.loc[here, "exchange"], traded, settled)
    return cycle


def _joined(*parts: Any) -> "pd.Series[str]":
    """The texts of each row that are not empty, set apart by semicolons."""
    whole = pd.Series(np.asarray(parts[0], object))
    for part in parts[1:]:
        text = pd.Series(np.asarray(part, object))
        whole = whole + np.where(whole.ne("") & text.ne(""), "; ", "") + text
    return whole.astype("str")
