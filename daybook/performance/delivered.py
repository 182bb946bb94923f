"""Benchmarks with delivered weights: what stands at the open of a session, and what each member earned.

Belongs here: drift of delivered weights. Does not belong here: hedges and sums (``benchmarks``).

Conventions (CONTRACT 2.9): weights delivered for D are weights at the close of D, used from the next session on.
Between deliveries a weight drifts with the return of its instrument in base currency, unhedged, and the weights of a
session are divided by their sum. The return is the total one, dividends gross, or the price return where
``benchmark_terms`` say so. The sessions are those of the book's own calendar; the returns between two of them are
linked. A return that is missing leaves the weight where it was, and later sessions say so.
"""

import numpy as np
import pandas as pd

from daybook import calendars, tables
from daybook.market.constituents import WEIGHT_NET, WEIGHT_SUM
from daybook.market.fx import rates
from daybook.performance.views import CASH, KEY, VIEW, previous, terms

LINE = ["instrument", "weight", "total_return", "local_return", "currency", "currency_move"]


def lines(
    benchmark_weights: pd.DataFrame,
    benchmark_terms: pd.DataFrame,
    returns: pd.DataFrame,
    fx_rates: pd.DataFrame,
    wanted: pd.DataFrame,
    closing: bool = False,
) -> pd.DataFrame:
    """Members of each benchmark at the open of each session that is wanted; none before the first delivery.

    Args:
        benchmark_weights: facts; per benchmark those since the last delivery before the first session suffice.
        benchmark_terms: facts.
        returns: table ``returns`` of every session since that delivery.
        fx_rates: table ``fx_rates`` of every session since that delivery, that of the delivery included.
        wanted: KEY: the sessions wanted of each benchmark, each as its books see it.
        closing: whether no delivery counts that is dated after the session before.

    Returns:
        KEY, ``LINE`` (returns are fractions, unhedged, NaN where there is none; weights add up to 1, and are empty
        where their sum is not positive, or below ``WEIGHT_NET`` of the gross one), delivered, and held: sessions since
        then on which a member with a weight had no return. Sorted by KEY and instrument.
    """
    lives = _lives(benchmark_weights, wanted, closing)
    members = benchmark_weights[["benchmark", "business_date", "instrument", "weight"]].rename(
        columns={"business_date": "delivered"}
    )
    rows = lives.merge(members, on=["benchmark", "delivered"]).sort_values(
        [*VIEW, "delivered", "instrument", "business_date"], ignore_index=True
    )
    rows = rows.join(_returns(rows, returns, fx_rates, benchmark_terms))
    line = rows.groupby([*VIEW, "delivered", "instrument"], sort=False).ngroup().to_numpy()
    growth = (1 + rows["total_return"]).fillna(1.0)
    before = growth.groupby(line).shift().fillna(1.0)
    lacking = (rows["total_return"].isna() & rows["weight"].ne(0)).astype("int64")
    rows["held"] = lacking.groupby(line).cumsum() - lacking
    rows["weight"] *= before.groupby(line).cumprod()
    if closing:  # what is delivered at a weekend drifts on Monday, and counts from Monday's close on
        rows = rows[rows["previous"] >= rows["delivered"]]
    # pandas adds a group that stands together in another way than one that is scattered: a sort before each sum
    # makes a range of sessions give the very numbers of single ones.
    rows = rows.merge(wanted[KEY], on=KEY).sort_values([*KEY, "instrument"], ignore_index=True)
    whole = rows.groupby(KEY)["weight"].transform("sum")
    gross = rows["weight"].abs().groupby([rows[name] for name in KEY]).transform("sum")
    rows["weight"] = rows["weight"] / whole.where(whole.gt(0) & (whole >= WEIGHT_NET * gross))
    return rows[[*KEY, *LINE, "delivered", "held"]]


def notes(rows: pd.DataFrame, benchmark_weights: pd.DataFrame, benchmark_terms: pd.DataFrame) -> pd.DataFrame:
    """KEY, convention, reason (why there can be no return) and note (what is odd) of each session of ``lines``."""
    sums = benchmark_weights.groupby(["benchmark", "business_date"], as_index=False).agg(
        whole=("weight", "sum"), least=("weight", "min")
    )
    found = rows.groupby(KEY, as_index=False).agg(
        delivered=("delivered", "first"), held=("held", "sum"), known=("weight", "count")
    )
    sums = sums.rename(columns={"business_date": "delivered"})
    found = found.merge(sums, on=["benchmark", "delivered"], how="left")
    kind = terms(benchmark_terms, found)["return_kind"]
    of = "weights of " + found["delivered"].dt.strftime("%Y-%m-%d").astype("str")
    reason = ("benchmark: " + of + " cancel, or add up to less than 0").where(found["known"].eq(0), "")
    whole = found["whole"].map("{:.6f}".format).astype("str")
    off = (of + " add up to " + whole + ", divided by that").where((found["whole"] - 1).abs() > WEIGHT_SUM, "")
    short = pd.Series("negative weights", found.index, dtype="str").where(found["least"] < 0, "")
    count = found["held"].astype("str")
    kept = ("weights held over " + count + " missing returns of members").where(found["held"] > 0, "")
    return found[KEY].assign(
        convention="weights as delivered, drifting; " + kind + " return",
        reason=reason,
        note=joined([off, short, kept]),
    )


def joined(parts: list[pd.Series]) -> pd.Series:
    """The texts of each row that are not empty, with semicolons between them."""
    text = parts[0]
    for part in parts[1:]:
        text = text + pd.Series("; ", part.index, dtype="str").where(text.ne("") & part.ne(""), "") + part
    return text


def _lives(weights: pd.DataFrame, wanted: pd.DataFrame, closing: bool) -> pd.DataFrame:
    """VIEW, delivered, previous, business_date: each session that a delivery which ``wanted`` needs lives through."""
    frames = [_calendar_lives(weights, rows, str(name), closing) for name, rows in wanted.groupby("calendar")]
    empty = pd.DataFrame(
        {
            **{name: pd.Series(dtype="str") for name in VIEW},
            **{name: pd.Series(dtype="datetime64[us]") for name in ("delivered", "previous", "business_date")},
        }
    )
    return pd.concat([empty, *frames], ignore_index=True)


def _calendar_lives(weights: pd.DataFrame, wanted: pd.DataFrame, calendar: str, closing: bool) -> pd.DataFrame:
    delivered = weights[["benchmark", "business_date"]].drop_duplicates().sort_values("business_date")
    delivered = delivered.rename(columns={"business_date": "delivered"})
    rows = wanted[KEY].sort_values("business_date", kind="stable")
    rows["until"] = rows["business_date"] - pd.Timedelta(days=1)
    if closing:  # the first session that is known of a calendar has none before
        rows["until"] = previous(rows).fillna(rows["until"])
    used = pd.merge_asof(rows, delivered, left_on="until", right_on="delivered", by="benchmark")
    spans = used.dropna(subset="delivered").groupby([*VIEW, "delivered"], as_index=False)["business_date"].max()
    days = calendars.sessions(calendar).to_numpy()
    low = np.searchsorted(days, spans["delivered"].to_numpy("datetime64[us]"), "right")
    count = np.searchsorted(days, spans["business_date"].to_numpy("datetime64[us]"), "right") - low
    lived = spans[[*VIEW, "delivered"]].take(np.repeat(np.arange(len(spans)), count)).reset_index(drop=True)
    step = np.arange(len(lived)) - np.repeat(np.cumsum(count) - count, count)
    at = np.repeat(low, count) + step
    lived["business_date"], lived["previous"] = days[at], days[at - 1]
    return pd.DataFrame(lived)


def _returns(
    rows: pd.DataFrame, returns: pd.DataFrame, fx_rates: pd.DataFrame, benchmark_terms: pd.DataFrame
) -> pd.DataFrame:
    """total_return, local_return, currency and currency_move of each row's instrument since the session before."""
    used = returns.loc[returns["instrument"].isin(rows["instrument"].unique()) & returns["local_return"].notna()]
    found = _local(rows, used)
    price = terms(benchmark_terms, rows)["return_kind"].eq("price")
    if price.any():
        of_price = _local(rows[price], used.assign(local_return=used["price_return"]))
        found.loc[price, "local_return"] = of_price["local_return"]
    cash = rows["instrument"].str.startswith(CASH)
    local = found["local_return"].mask(cash, 0.0)
    own = found["currency"].mask(cash, rows["instrument"].str.removeprefix(CASH))
    currency = own.fillna(rows["base_currency"])
    move = moves(currency, rows, fx_rates)
    return pd.DataFrame(
        {
            "total_return": (1 + local) * (1 + move) - 1,
            "local_return": local,
            "currency": currency,
            "currency_move": move,
        }
    )


def moves(currency: pd.Series, rows: pd.DataFrame, fx_rates: pd.DataFrame) -> pd.Series:
    """Change of each currency against base_currency from ``previous`` to business_date; NaN without a rate."""
    abroad = currency.ne(rows["base_currency"]).to_numpy()
    move = np.zeros(len(rows))
    pair = currency[abroad].to_numpy(object), rows.loc[abroad, "base_currency"].to_numpy(object)
    after = rates(fx_rates, *pair, rows.loc[abroad, "business_date"])
    before = rates(fx_rates, *pair, rows.loc[abroad, "previous"])
    move[abroad] = after / before - 1
    return pd.Series(move, rows.index)


def _local(rows: pd.DataFrame, returns: pd.DataFrame) -> pd.DataFrame:
    """local_return and currency of each row's instrument since the session before of its calendar."""
    linked = [on_calendar(returns, str(name)).assign(calendar=name) for name in rows["calendar"].unique()]
    known = pd.concat(linked) if linked else tables.empty("returns").assign(calendar="")
    key = ["calendar", "business_date", "instrument"]
    found = rows[key].merge(known[[*key, "local_return", "currency"]], on=key, how="left")
    return found[["local_return", "currency"]].set_axis(rows.index)


def on_calendar(returns: pd.DataFrame, calendar: str) -> pd.DataFrame:
    """``returns`` on the sessions of ``calendar``; a day on which it is closed is linked into its next session.

    Args:
        returns: business_date, instrument, local_return (none missing), currency.
        calendar: MIC.
    """
    if calendars.is_session(calendar, returns["business_date"]).all():
        return returns
    grown = returns.assign(local_return=1 + returns["local_return"]).sort_values(["instrument", "business_date"])
    grown["business_date"] = calendars.roll_forward(calendar, grown["business_date"])
    linked = grown.groupby(["instrument", "business_date"], as_index=False).agg(
        local_return=("local_return", "prod"), currency=("currency", "last")
    )
    return linked.assign(local_return=linked["local_return"] - 1)
