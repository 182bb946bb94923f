"""Prices by model: bonds from a curve, options, currency forwards; with what they were made of, or why there is none.

Belongs here: curves from risk-free rates, the volatility that serves, and the models (QuantLib). Does not belong here:
which price values a position (``valuation.quoted``), prices of the market.

Time to maturity is in days / 365, rates are continuous and yearly. On one core an analytic option takes 0.05 ms, an
American one 0.6 ms, a bond 0.03 ms per session, a forward 0.001 ms; options of equal terms and inputs are priced once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.ledger import day_count
from daybook.market import dated, fx, security_master

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRICED = ("bond", "option", "forward")
"""Asset classes that have models."""
STEPS = 401
"""Steps of the lattice of American options where the boundary method does not go: its error is then below 1e-3."""
BUMP = 1e-3
"""Part of the spot by which it is moved both ways for the delta of an American option."""
BOND_DAY_COUNTS: Mapping[str, str] = {
    "actual/actual": "actual/actual (ICMA)",
    "actual/365": "actual/365",
    "actual/360": "actual/360",
    "30/360": "30/360 (bond basis)",
    "30e/360": "30E/360",
}
"""Day counts of bonds, as ``spelled`` writes them; the default is the first, ICMA Rule 251."""
LONGEST = 365 * 99
"""Days to maturity, and of rates, beyond which nothing is priced: QuantLib's calendar ends in 2199."""
CASH = "CASH:"
_TERMS = (
    *("asset_class", "currency", "underlying", "maturity_date", "strike", "option_type", "exercise_style"),
    *("coupon_rate", "coupon_frequency", "day_count", "issue_date"),
)
_OVERNIGHT = ("ON", "O/N", "TN", "T/N", "SN", "S/N")


@dataclass(frozen=True, eq=False)
class Curve:
    """Discount factors of one currency on one session, log-linear in days, with constant forward rates beyond.

    Attributes:
        days: days from the session, increasing, from 0.
        logs: logarithms of the discount factors, from 0.
    """

    days: Ints
    logs: Floats

    def discount(self, days: Any) -> Floats:
        """Discount factor over ``days``; 1 for days that are past."""
        wanted = np.maximum(np.asarray(days, np.float64), 0.0)
        slope = (self.logs[-1] - self.logs[-2]) / (self.days[-1] - self.days[-2])
        beyond = self.logs[-1] + slope * (wanted - self.days[-1])
        return np.exp(np.where(wanted > self.days[-1], beyond, np.interp(wanted, self.days, self.logs)))

    def zero(self, days: Any) -> Floats:
        """Continuous yearly rate over ``days``; over nothing that of the first day."""
        wanted = np.maximum(np.asarray(days, np.float64), 1.0)
        return np.asarray(-np.log(self.discount(wanted)) * 365.0 / wanted)


def model_prices(
    held: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    volatilities: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    order: Sequence[str],
) -> pd.DataFrame:
    """Price, accrued interest and delta of bonds, options and forwards by model.

    * bond: clean price per 100 of its coupons and redemption, discounted on the risk-free curve of its currency without
      a spread; accrued_interest per 100 from the last coupon to the session, the day of the coupon being 0. Coupon
      dates go back from maturity in whole periods (month ends stay month ends), the first one from issue_date.
    * option: European ones by Black and Scholes (1973) and Merton (1973), American ones by the exercise boundary of
      Andersen, Lake and Offengenden (2016), or by the lattice of Leisen and Reimer (1996) where rates below zero make
      two boundaries. Dividends to come are not foreseen; an underlying that is a future yields the rate (Black 1976),
      a currency its own rate (Garman and Kohlhagen 1983). From the day of maturity on, what an exercise brings.
    * forward: units of ``currency`` for one unit of the underlying currency at maturity by covered interest parity,
      spot x discount factor of the underlying's currency / that of ``currency``; delta is the former. On and after
      maturity the spot rate.

    A rate or volatility is the last one at most five sessions old (``fx.MAX_AGE``). Rates up to a year are simple,
    longer ones compound yearly, by their day count (actual/365 where none is given). Of an option's own volatility and
    that of its underlying its own serves first.

    Args:
        held: business_date and instrument wanted; others than bonds, options and forwards are left out.
        prices: golden prices of ``sessions``, for what options are written on.
        fx_rates: golden rates of ``sessions``.
        risk_free_rates: facts.
        volatilities: facts.
        instruments: reference facts, dated by valid_from.
        sessions: midnight, naive.
        order: preference among the sources of volatilities.

    Returns:
        Table ``model_prices``. ``rate`` is the continuous rate to maturity in ``currency``. Where there is no price,
        ``reason`` says why.
    """
    wanted = held.loc[held["business_date"].isin(sessions), ["business_date", "instrument"]].drop_duplicates()
    wanted = wanted[~wanted["instrument"].str.startswith(CASH)].sort_values(["business_date", "instrument"])
    rows = wanted.reset_index(drop=True)
    rows = rows.join(security_master.attributes(instruments, "instrument", rows, list(_TERMS)))
    rows = rows[rows["asset_class"].isin(PRICED)].reset_index(drop=True)
    rows["days"] = (rows["maturity_date"] - rows["business_date"]).dt.days.astype("float64")
    numbers = ("price", "accrued_interest", "delta", "discount_factor", "spot", "rate", "volatility", "dividend_yield")
    rows = rows.assign(**dict.fromkeys(numbers, np.nan), model="", convention="", reason="")
    curve = _curves(rows, risk_free_rates)
    parts = [
        _bonds(rows[rows["asset_class"] == "bond"].reset_index(drop=True), curve),
        _options(
            rows[rows["asset_class"] == "option"].reset_index(drop=True),
            curve,
            prices,
            fx_rates,
            volatilities,
            instruments,
            order,
        ),
        _forwards(rows[rows["asset_class"] == "forward"].reset_index(drop=True), curve, fx_rates),
    ]
    found = pd.concat([part for part in parts if len(part)], ignore_index=True) if len(rows) else rows
    for name in numbers:
        found[name] = found[name].round(12)
    ordered = found.sort_values(["business_date", "instrument"], kind="stable")
    return tables.conform("model_prices", ordered[list(tables.TABLES["model_prices"].names)])


def spelled(convention: str) -> str:
    """The name of a day count as this module and ``day_count`` write it: ACT/365F is actual/365."""
    name = convention.strip().lower().replace("actual", "act").replace("act", "actual")
    return name.removesuffix("f") if name.endswith("/365f") else name


def day_counts(conventions: "pd.Series[str]") -> "pd.Series[str]":
    """Day counts of interest, ``spelled``; actual/365 where none is given or known."""
    count = conventions.fillna("").map(spelled).astype("str")
    return count.where(count.isin(day_count.CONVENTIONS), "actual/365")


def bond_day_count(conventions: "pd.Series[str]") -> "pd.Series[str]":
    """Day counts of bonds, ``spelled``: where none is given the first of ``BOND_DAY_COUNTS``, of an unknown one ""."""
    count = conventions.fillna("").map(spelled).astype("str")
    return count.mask(count == "", next(iter(BOND_DAY_COUNTS))).where(lambda name: name.isin(BOND_DAY_COUNTS), "")


def zero_rates(rows: pd.DataFrame, risk_free_rates: pd.DataFrame) -> Floats:
    """Continuous yearly rate from business_date to maturity_date of each of ``rows`` on the curve of its currency.

    NaN where no rate is at most ``fx.MAX_AGE`` sessions old, and where maturity is not known or has come.
    """
    wanted = rows.assign(days=(rows["maturity_date"] - rows["business_date"]).dt.days.astype("float64"), underlying="")
    _, zero = _over(wanted, _curves(wanted, risk_free_rates), wanted["currency"])
    return np.where((wanted["days"] > 0) & (wanted["days"] <= LONGEST), zero, np.nan)


def held(positions: pd.DataFrame, activity: pd.DataFrame) -> pd.DataFrame:
    """business_date and instrument of what was held or traded on each session of ``positions`` and ``activity``."""
    parts = [frame[["business_date", "instrument"]].drop_duplicates() for frame in (positions, activity)]
    return pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True)


CurveOf = Callable[[str, pd.Timestamp], Curve | None]


def _curves(rows: pd.DataFrame, risk_free_rates: pd.DataFrame) -> CurveOf:
    """The curve of a currency on a session, for all that ``rows`` may ask; None where no rate is recent enough."""
    currencies = pd.concat([rows["currency"], rows["underlying"].str[len(CASH) :]]).unique()
    facts = risk_free_rates[risk_free_rates["currency"].isin(currencies)]
    sessions = pd.DataFrame({"session": rows["business_date"].unique()})
    dates = facts[["currency", "business_date"]].drop_duplicates().sort_values("business_date")
    pairs = sessions.merge(pd.DataFrame({"currency": dates["currency"].unique()}), how="cross")
    known, sought = dated.codes([dates["currency"]], [pairs["currency"]])
    at = dated.last(known, dates["business_date"], sought, pairs["session"])
    pairs = pairs[at >= 0].assign(business_date=dates["business_date"].to_numpy()[at[at >= 0]])
    pairs = pairs[_age(pairs["business_date"], pairs["session"]) <= fx.MAX_AGE]
    nodes = _nodes(pairs.merge(facts[["currency", "business_date", "tenor", "rate", "day_count"]]))
    made = {
        key: Curve(np.r_[0, group["days"]].astype(np.int64), np.r_[0.0, group["log"]])
        for key, group in nodes.groupby(["currency", "session"])
    }
    return lambda currency, session: made.get((currency, session))


def _nodes(rates: pd.DataFrame) -> pd.DataFrame:
    """Days and logarithm of the discount factor of each rate: currency, session, days, log; tenors that say no term,
    and rates that leave nothing to discount, are left out.
    """
    tenor = rates["tenor"].str.upper().where(~rates["tenor"].str.upper().isin(_OVERNIGHT), "1D")
    parts = tenor.str.extract(r"^(\d{1,3})([DWMY])$")
    rates = rates[parts[0].notna()].reset_index(drop=True)
    parts = parts[parts[0].notna()].reset_index(drop=True)
    number = parts[0].astype("int64").to_numpy()
    start = rates["session"].to_numpy("datetime64[us]").astype("datetime64[D]")
    months = number * parts[1].map({"D": 0, "W": 0, "M": 1, "Y": 12}).to_numpy(np.int64)
    end = _later(start, months) + number * parts[1].map({"D": 1, "W": 7, "M": 0, "Y": 0}).to_numpy(np.int64)
    years = np.zeros(len(rates))
    convention = day_counts(rates["day_count"])
    for name in convention.unique():
        of = (convention == name).to_numpy()
        years[of] = day_count.position(name, end[of]) - day_count.position(name, start[of])
    rate = rates["rate"].to_numpy(np.float64)
    short = months <= 12
    with np.errstate(invalid="ignore", divide="ignore"):
        log = -np.where(short, np.log1p(rate * years), years * np.log1p(rate))
    found = rates[["currency", "session"]].assign(days=(end - start).astype(np.int64), log=log)
    found = found[np.isfinite(log) & (found["days"] > 0) & (found["days"] <= LONGEST)].drop_duplicates(
        ["currency", "session", "days"]
    )
    return found.sort_values(["currency", "session", "days"])


def _later(start: NDArray[np.datetime64], months: Ints) -> NDArray[np.datetime64]:
    """The same day ``months`` later, or the last of its month."""
    month = start.astype("datetime64[M]")
    then = month + months
    day = (start - month.astype("datetime64[D]")).astype(np.int64)
    last = ((then + 1).astype("datetime64[D]") - then.astype("datetime64[D]")).astype(np.int64) - 1
    return np.asarray(then.astype("datetime64[D]") + np.minimum(day, last))


def _age(since: Any, dates: Any) -> Ints:
    """Sessions from ``since`` to ``dates``."""
    known = calendars.sessions(fx.CALENDAR).to_numpy()
    first, last = (np.searchsorted(known, np.asarray(day, "datetime64[us]"), side="right") for day in (since, dates))
    return (last - first).astype(np.int64)


def _over(rows: pd.DataFrame, curve: CurveOf, currency: "pd.Series[str]") -> tuple[Floats, Floats]:
    """Discount factor and continuous rate to each row's maturity in ``currency``; NaN without a curve."""
    factor, zero = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    keys = pd.DataFrame({"currency": currency.to_numpy(object), "session": rows["business_date"].to_numpy()})
    groups: dict[Any, Any] = keys.groupby(["currency", "session"]).indices
    for (name, session), at in groups.items():
        found = curve(name, session)
        if found is not None:
            days = rows["days"].to_numpy(np.float64)[at]
            factor[at], zero[at] = found.discount(days), found.zero(days)
    return factor, zero


def _first(rows: pd.DataFrame, tests: Sequence[tuple[Any, Any]]) -> "pd.Series[str]":
    """The text of the first test that holds for each row."""
    reason = pd.Series("", rows.index, dtype="str")
    for failed, text in tests:
        reason = reason.mask((reason == "") & failed, text)
    return reason


def _no_curve(currency: Any) -> Any:
    return "no risk-free rates of " + currency + f" of this session or the {fx.MAX_AGE} before it"


def _forwards(rows: pd.DataFrame, curve: CurveOf, fx_rates: pd.DataFrame) -> pd.DataFrame:
    other = rows["underlying"].str[len(CASH) :].where(rows["underlying"].str.startswith(CASH), "")
    spot = fx.rates(fx_rates, other, rows["currency"], rows["business_date"])
    factor, zero = _over(rows, curve, rows["currency"])
    foreign, _ = _over(rows, curve, other)
    past = (rows["days"] <= 0).to_numpy()
    factor, foreign = np.where(past, 1.0, factor), np.where(past, 1.0, foreign)
    tests = [
        ((other == "") | rows["maturity_date"].isna(), "its underlying CASH:<CCY> and maturity_date are not known"),
        (np.isnan(spot), "no exchange rate " + other + "/" + rows["currency"]),
        (np.isnan(factor), _no_curve(rows["currency"])),
        (np.isnan(foreign), _no_curve(other)),
    ]
    reason = _first(rows, tests)
    good = reason == ""
    return rows.assign(
        price=np.where(good, spot * foreign / factor, np.nan),
        delta=np.where(good, foreign, np.nan),
        discount_factor=np.where(good, factor, np.nan),
        spot=spot,
        rate=np.where(past, np.nan, zero),
        model=np.where(good, "covered interest parity", ""),
        convention="outright rate, " + rows["currency"] + " for one " + other + ", risk-free curves of both",
        reason=reason,
    )


def _options(
    rows: pd.DataFrame,
    curve: CurveOf,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    volatilities: pd.DataFrame,
    instruments: pd.DataFrame,
    order: Sequence[str],
) -> pd.DataFrame:
    under = rows[["business_date"]].assign(instrument=rows["underlying"])
    kind = security_master.attributes(instruments, "instrument", under, ["asset_class"])["asset_class"]
    is_money = rows["underlying"].str.startswith(CASH)
    other = rows["underlying"].str[len(CASH) :].where(is_money, "")
    spot, spot_currency = _spots(rows, is_money, other, prices, fx_rates)
    factor, rate = _over(rows, curve, rows["currency"])
    dividend = np.where(kind == "future", rate, np.where(is_money, _over(rows, curve, other)[1], 0.0))
    volatility, named, seen = _volatility(rows, volatilities, order)
    past = rows["days"] <= 0
    unknown = (rows["underlying"] == "") | rows["maturity_date"].isna() | rows["strike"].isna()
    unknown = unknown | ~rows["option_type"].isin(["call", "put"]) | (rows["exercise_style"] == "")
    tests = [
        (unknown, "its underlying, maturity_date, strike, option_type and exercise_style are not all known"),
        (np.isnan(spot), "no price of " + rows["underlying"] + ", which it is written on"),
        (spot_currency != rows["currency"], rows["underlying"] + " is priced in " + spot_currency),
        (~past & np.isnan(rate), _no_curve(rows["currency"])),
        (~past & np.isnan(dividend), _no_curve(other)),
        (~past & np.isnan(volatility), "no volatility of it or of " + rows["underlying"] + " within 5 sessions"),
    ]
    reason = _first(rows, tests)
    price, delta = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    inputs = zip(
        *(rows[name] for name in ("option_type", "exercise_style")),
        *(np.asarray(a, np.float64).tolist() for a in (spot, rows["strike"], rows["days"], rate, dividend, volatility)),
        strict=True,
    )
    good = (reason == "").to_numpy()
    for at, terms in enumerate(inputs):
        if good[at]:
            price[at], delta[at] = option_value(*terms)
    european = rows["exercise_style"] == "european"
    model = np.where(european, "Black-Scholes-Merton", "American exercise boundary (Andersen, Lake, Offengenden)")
    model = np.where(past, "intrinsic value", model)
    text = "volatility of " + named + " of " + seen + ", rate to maturity, no dividends foreseen"
    return rows.assign(
        price=price,
        delta=delta,
        discount_factor=np.where(past, 1.0, factor),
        spot=spot,
        rate=np.where(past, np.nan, rate),
        volatility=np.where(past, np.nan, volatility),
        dividend_yield=np.where(past, np.nan, dividend),
        model=np.where(good, model, ""),
        convention=np.where(past, "what an exercise brings; its maturity has come", np.where(good, text, "")),
        reason=reason,
    )


def _spots(
    rows: pd.DataFrame, is_money: Any, other: "pd.Series[str]", prices: pd.DataFrame, fx_rates: pd.DataFrame
) -> tuple[Floats, "pd.Series[str]"]:
    """Golden price of what each option is written on, and its currency."""
    quoted = prices.loc[
        prices["instrument"].isin(rows["underlying"]), ["business_date", "instrument", "close", "currency"]
    ]
    quoted = quoted.set_axis(["business_date", "underlying", "close", "quoted"], axis=1)
    found = rows[["business_date", "underlying"]].merge(quoted, how="left", on=["business_date", "underlying"])
    rate = fx.rates(fx_rates, other, rows["currency"], rows["business_date"])
    currency = found["quoted"].fillna("").mask(is_money.to_numpy(), rows["currency"])
    return np.where(is_money, rate, found["close"].to_numpy(np.float64)), currency


def _volatility(
    rows: pd.DataFrame, volatilities: pd.DataFrame, order: Sequence[str]
) -> tuple[Floats, NDArray[np.object_], "pd.Series[str]"]:
    """The volatility of each option, what it is of, and of which date."""
    facts = dated.preferred(volatilities, ["instrument"], order)
    value, named = np.full(len(rows), np.nan), np.full(len(rows), "", object)
    seen = rows["business_date"].to_numpy(copy=True)
    for column in ("instrument", "underlying"):
        known, sought = dated.codes([facts["instrument"]], [rows[column]])
        at = dated.last(known, facts["business_date"], sought, rows["business_date"])
        dates = facts["business_date"].to_numpy()
        left = np.flatnonzero(np.isnan(value) & (at >= 0))
        left = left[_age(dates[at[left]], rows["business_date"].to_numpy()[left]) <= fx.MAX_AGE]
        value[left] = facts["volatility"].to_numpy(np.float64)[at[left]]
        named[left], seen[left] = rows[column].to_numpy(object)[left], dates[at[left]]
    return value, named, dated.iso(seen)


@lru_cache(maxsize=100_000)
def option_value(
    option_type: str,
    exercise_style: str,
    spot: float,
    strike: float,
    days: float,
    rate: float,
    dividend: float,
    volatility: float,
) -> tuple[float, float]:
    """Price and delta of an option on one unit of what it is written on.

    Args:
        option_type: call or put.
        exercise_style: european (Black and Scholes 1973, with the yield of Merton 1973) or american (Andersen, Lake and
            Offengenden 2016, else the lattice of Leisen and Reimer 1996 of ``STEPS`` steps).
        spot: price of the underlying.
        strike: in the same currency.
        days: to maturity; from 0 on downwards the option is worth what an exercise brings.
        rate: continuous, yearly.
        dividend: continuous yield of the underlying, yearly.
        volatility: yearly.
    """
    sign = 1.0 if option_type == "call" else -1.0
    if days <= 0:
        intrinsic = max(sign * (spot - strike), 0.0)
        return intrinsic, sign if intrinsic > 0 else 0.0
    import QuantLib as ql

    today, counter = ql.Date(1, 1, 2001), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today
    quote = ql.SimpleQuote(spot)
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(quote),
        ql.YieldTermStructureHandle(ql.FlatForward(today, dividend, counter)),
        ql.YieldTermStructureHandle(ql.FlatForward(today, rate, counter)),
        ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), volatility, counter)),
    )
    end = today + int(days)
    payoff = ql.PlainVanillaPayoff(ql.Option.Call if option_type == "call" else ql.Option.Put, strike)
    if exercise_style == "european":
        option = ql.VanillaOption(payoff, ql.EuropeanExercise(end))
        option.setPricingEngine(ql.AnalyticEuropeanEngine(process))
        return option.NPV(), option.delta()
    option = ql.VanillaOption(payoff, ql.AmericanExercise(today, end))
    option.setPricingEngine(ql.QdFpAmericanEngine(process))
    try:
        price = option.NPV()
    except RuntimeError:  # two exercise boundaries
        option.setPricingEngine(ql.BinomialVanillaEngine(process, "lr", STEPS))
        return option.NPV(), option.delta()
    around = []
    for step in (BUMP, -BUMP):
        quote.setValue(spot * (1.0 + step))
        around.append(option.NPV())
    return price, (around[0] - around[1]) / (2.0 * BUMP * spot)


def _bonds(rows: pd.DataFrame, curve: CurveOf) -> pd.DataFrame:
    count = bond_day_count(rows["day_count"])
    known = rows["coupon_rate"].notna() & rows["maturity_date"].notna()
    known &= (rows["coupon_rate"] == 0) | (rows["coupon_frequency"] > 0)
    tests = [
        (~known, "its coupon is not known"),
        (count == "", "day count " + rows["day_count"].fillna("") + " is not known for bonds"),
        (rows["days"] <= 0, "it has matured on " + dated.iso(rows["maturity_date"])),
        (rows["days"] > LONGEST, f"it matures in more than {LONGEST // 365} years"),
    ]
    reason = _first(rows, tests)
    price, accrued = np.full(len(rows), np.nan), np.where(known & (count != ""), 0.0, np.nan)
    factor, zero = _over(rows, curve, rows["currency"])
    terms = rows[["coupon_rate", "coupon_frequency", "maturity_date", "issue_date"]].assign(count=count)
    bonds = list(terms.itertuples(index=False, name=None))
    live = np.flatnonzero(reason == "")
    groups: dict[Any, Any] = rows.loc[live].groupby(["currency", "business_date"]).indices
    for (currency, session), at in groups.items():
        found = curve(currency, session)
        discounts = None if found is None else _term_structure(found, session)
        for row in live[at]:
            price[row], accrued[row] = _bond_value(_bond(*bonds[row]), session, discounts)
    reason = reason.mask((reason == "") & np.isnan(factor), _no_curve(rows["currency"]))
    good = reason == ""
    text = (
        "clean per 100, risk-free curve of "
        + rows["currency"]
        + " without a spread; accrued "
        + count.map({**BOND_DAY_COUNTS, "": ""})
    )
    return rows.assign(
        price=price,
        accrued_interest=accrued,
        discount_factor=factor,
        rate=zero,
        model=np.where(good, "discounted cash flows", ""),
        convention=text.where(~np.isnan(accrued), ""),
        reason=reason,
    )


def _date(day: Any) -> Any:
    import QuantLib as ql

    stamp = pd.Timestamp(day)
    return ql.Date(stamp.day, stamp.month, stamp.year)


def _term_structure(curve: Curve, session: Any) -> Any:
    """``curve`` as QuantLib knows it."""
    import QuantLib as ql

    start = _date(session)
    dates = [start + int(days) for days in curve.days]
    made = ql.DiscountCurve(dates, np.exp(curve.logs).tolist(), ql.Actual365Fixed())
    made.enableExtrapolation()
    return made


def _bond_value(bond: Any, session: Any, discounts: Any) -> tuple[float, float]:
    """Clean price per 100 (NaN without a curve) and accrued interest per 100 on ``session``, before maturity."""
    import QuantLib as ql

    day = _date(session)
    ql.Settings.instance().evaluationDate = day
    price = float("nan") if discounts is None else ql.BondFunctions.cleanPrice(bond, discounts, day)
    return price, bond.accruedAmount(day)


@lru_cache(maxsize=100_000)
def cash_flows(
    rate: float, frequency: float, maturity: pd.Timestamp, issued: pd.Timestamp, count: str
) -> tuple[Ints, Ints, Floats, Floats]:
    """Start and end (days since 1970) of each period of a bond of 100, what is paid at its end, and the coupon of it.

    The last payment has the redemption in it. A bond without coupons has one period, which ends at maturity.

    Args:
        rate: yearly coupon, as a fraction.
        frequency: coupons a year.
        maturity: last day.
        issued: date from which the first coupon accrues; NaT for coupons that go back further than any session.
        count: one of ``BOND_DAY_COUNTS``.
    """
    import QuantLib as ql

    end = pd.Timestamp(maturity).to_datetime64().astype("datetime64[D]").astype(np.int64)
    coupons = [ql.as_coupon(flow) for flow in _bond(rate, frequency, maturity, issued, count).cashflows()[:-1]]
    if not coupons:
        return np.array([end - 1]), np.array([end]), np.array([100.0]), np.zeros(1)
    since = end - _date(maturity).serialNumber()
    starts, ends = (
        np.array([day.serialNumber() + since for day in days])
        for days in ([c.accrualStartDate() for c in coupons], [c.accrualEndDate() for c in coupons])
    )
    paid = np.array([coupon.amount() for coupon in coupons])
    return starts, ends, paid + 100.0 * (np.arange(len(paid)) == len(paid) - 1), paid


@lru_cache(maxsize=100_000)
def _bond(rate: float, frequency: float, maturity: pd.Timestamp, issued: pd.Timestamp, count: str) -> Any:
    """The bond of these terms, of 100."""
    import QuantLib as ql

    end = _date(maturity)
    if rate == 0:
        return ql.ZeroCouponBond(0, ql.NullCalendar(), 100.0, end)
    # Without an issue date the coupons go back further than any session: their dates depend on maturity alone.
    months = 12 // int(frequency)
    start = _date(issued) if pd.notna(issued) else end - ql.Period(months * (100 * 12 // months), ql.Months)
    schedule = ql.Schedule(
        start,
        end,
        ql.Period(months, ql.Months),
        ql.NullCalendar(),
        ql.Unadjusted,
        ql.Unadjusted,
        ql.DateGeneration.Backward,
        ql.Date.isEndOfMonth(end),
    )
    counters = {
        "actual/actual": lambda: ql.ActualActual(ql.ActualActual.ISMA, schedule),
        "actual/365": ql.Actual365Fixed,
        "actual/360": ql.Actual360,
        "30/360": lambda: ql.Thirty360(ql.Thirty360.BondBasis),
        "30e/360": lambda: ql.Thirty360(ql.Thirty360.EurobondBasis),
    }
    return ql.FixedRateBond(0, 100.0, schedule, [rate], counters[count]())
