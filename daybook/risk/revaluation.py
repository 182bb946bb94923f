"""Full revaluation: what options and bonds are worth after a move, not what their last moves would make of them.

Belongs here: the terms and inputs of what can be revalued, the changes of bond yields, and P&L after moves of spot,
rate, volatility and currency, all positions and scenarios at once. Does not belong here: where moves come from
(``scenarios``, ``stress``), prices of the day (``daybook.ledger.pricing``).

Conventions: a move is instantaneous, at the close; nothing ages, as for positions that earn value x return. Of an
option the volatility is the one implied by the price that values it; where that price lies outside what the model can
give, the model's own, the loss of one unit then ending at its price. Rate and dividend yield are those of table
``model_prices``. Of a bond the yield is the one, continuous in days / 365, at which its coupons and redemption are
worth price + accrued interest; a scenario moves it by the change that it had in a past session. So without a move the
P&L is 0, and nothing long loses more than it is worth. P&L in base currency = units x change of price x (1 + FX return)
+ market value x FX return.

Prices agree with those of QuantLib in ``pricing``: European options and bonds to 1e-9, American ones to ``TOLERANCE``
of the strike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook.ledger import pricing
from daybook.market import security_master

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CONVENTION = "; options and bonds by full revaluation"
"""What the convention of a figure says where positions were revalued."""
YIELD = "YIELD:"
"""How the driver of a bond begins: its scenario "return" is the change of its yield."""
KINDS = ("option", "bond")
OWN = ("ok", "override")
"""Status of golden prices that are of their session, and so make yields."""
STEPS = 300
"""Steps of the lattice of American options."""
TOLERANCE = 4e-4
"""Part of the strike within which American options agree with ``pricing.option_value``."""
VOLATILITIES = (1e-3, 5.0)
"""Between what an implied volatility is looked for."""
_REACH = 6.0
"""Standard deviations of the logarithm that the lattice covers on either side: beyond lies 1e-9."""
_TINY = 1e-300
"""A price whose logarithm stands for that of nothing."""
_WIDEST = 4096
"""Nodes on either side of the widest lattice."""
_ITERATIONS = 60
_CLOSE = 1e-8
"""Part of the strike to which an implied volatility gives back the price."""
_CELLS = 2_000_000
"""Numbers held at a time (16 MB an array)."""
_TERMS = (
    *("asset_class", "multiplier", "underlying", "maturity_date", "strike", "option_type", "exercise_style"),
    *("coupon_rate", "coupon_frequency", "day_count", "issue_date"),
)
_HELD = ("quantity", "price", "fx_rate", "market_value_base")
_OPTION = ("sign", "american", "spot", "strike", "years", "rate", "dividend", "volatility")
_BOND = ("coupon_rate", "coupon_frequency", "maturity_date", "issue_date", "count")
COLUMNS = (
    *("business_date", "instrument", "base_currency", "kind", "driver", "price", "units", "value"),
    *_OPTION,
    *_BOND,
)
"""Columns of ``terms``."""
_TYPES: dict[str, str] = {
    **dict.fromkeys(COLUMNS, "float64"),
    **dict.fromkeys(("instrument", "base_currency", "kind", "driver", "count"), "str"),
    **dict.fromkeys(("business_date", "maturity_date", "issue_date"), "datetime64[us]"),
    "american": "bool",
}
"""Their types, of days on which nothing is revalued."""


@dataclass(frozen=True, eq=False)
class Curved:
    """Positions of one session that are revalued in full.

    Attributes:
        rows: which positions of the session they are, shape (n,).
        terms: their rows of ``terms``.
    """

    rows: Ints
    terms: pd.DataFrame

    @property
    def driver(self) -> NDArray[np.object_]:
        """What moves each: the underlying of an option, by its local return; ``YIELD`` + the name of a bond."""
        return self.terms["driver"].to_numpy(object)

    def pnl(self, at: Any, local: Floats, fx: Floats) -> Floats:
        """P&L in base currency of the positions ``at`` (indices or a slice of ``rows``).

        Args:
            at: which of them, n.
            local: local return of the underlying of each option, change of the yield of each bond, shape (n, S).
            fx: return of the position's currency into base, shape (n, S).
        """
        chosen = self.terms.iloc[at]
        option = chosen["kind"].eq("option").to_numpy()[:, None]
        return revalued(chosen, np.where(option, local, 0.0), rate=np.where(option, 0.0, local), currency=fx)


def terms(held: pd.DataFrame, model_prices: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """What is needed to revalue the options and bonds of ``held``.

    An option needs its terms and a row of ``model_prices`` with a price, the dividend yield included; a bond its coupon
    and a value above 0. Others, and positions without quantity, are left out, and keep the rule of their history.

    Args:
        held: business_date, instrument, currency, base_currency, asset_class, quantity, price, fx_rate,
            market_value_base; any sessions.
        model_prices: table of the same sessions.
        instruments: facts, dated by valid_from.

    Returns:
        One row for each position that can be revalued, with the index of ``held``: business_date, instrument,
        base_currency, kind, driver, price (per unit, of a bond with accrued interest, per 100), units (base currency
        for one unit of price), value (base currency); of an option sign (1 call, -1 put), american, spot, strike,
        years, rate, dividend, volatility; of a bond rate, its yield, and its coupon's terms.
    """
    rows = held[held["asset_class"].isin(KINDS) & (held["quantity"] != 0) & (held["price"] > 0)]
    rows = rows[["business_date", "instrument", "currency", "base_currency", *_HELD]]
    if rows.empty:  # of most books, and what follows takes 50 ms for nothing
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _TYPES.items()}, index=rows.index)
    rows = rows.join(security_master.attributes(instruments, "instrument", rows, list(_TERMS)))
    point = security_master.point_value(rows["asset_class"], rows["multiplier"])
    rows = rows.assign(
        units=rows["quantity"] * point * rows["fx_rate"],
        value=rows["market_value_base"],
        years=(rows["maturity_date"] - rows["business_date"]).dt.days / 365.0,
        count=pricing.bond_day_count(rows["day_count"]),
        kind=rows["asset_class"],
    )
    parts = [_options(rows[rows["kind"] == "option"], model_prices), _bonds(rows[rows["kind"] == "bond"])]
    return pd.concat([part[list(COLUMNS)] for part in parts]).sort_index()


def _options(rows: pd.DataFrame, model_prices: pd.DataFrame) -> pd.DataFrame:
    """Options of which a model gave a price, with the volatility that the price in use implies."""
    inputs = ["spot", "rate", "volatility", "dividend_yield"]
    known = model_prices.loc[model_prices["price"].notna(), ["business_date", "instrument", "price", *inputs]]
    known = known.rename(columns={"price": "modelled", "dividend_yield": "dividend"})
    rows = rows.reset_index(names="at").merge(known, on=["business_date", "instrument"], how="left").set_index("at")
    past = rows["years"] <= 0
    rows = rows.assign(years=rows["years"].clip(lower=0.0), driver=rows["underlying"])
    for name in ("rate", "volatility", "dividend"):
        rows[name] = rows[name].mask(past, 0.0)
    good = rows["modelled"].notna() & rows[["spot", "rate", "volatility", "dividend", "strike"]].notna().all(axis=1)
    rows = rows[good & (rows["spot"] > 0) & (rows["volatility"] >= 0)]
    rows = rows.assign(
        sign=np.where(rows["option_type"] == "call", 1.0, -1.0), american=rows["exercise_style"] == "american"
    )
    # The price of the market, where it is not the model's own, knows better what the option's volatility is.
    quoted = ((rows["price"] / rows["modelled"] - 1).abs() > 1e-9) & (rows["years"] > 0)
    if quoted.any():
        each, at, _ = _distinct(rows[quoted], [*_OPTION, "price"])
        rows.loc[quoted, "volatility"] = _implied(each)[at]
    return rows


def _bonds(rows: pd.DataFrame) -> pd.DataFrame:
    """Bonds whose coupons are known and still to come."""
    rows = rows[_payable(rows)]
    each, at, _ = _distinct(rows, ["business_date", *_BOND, "price"])
    flows = _flows(each)
    dirty = each["price"].to_numpy() + flows.accrued
    unused = dict.fromkeys(("spot", "strike", "dividend", "volatility"), np.nan)
    return rows.assign(
        price=dirty[at],
        rate=_yields(dirty, flows)[at],
        driver=YIELD + rows["instrument"],
        sign=1.0,
        american=False,
        **unused,
    )


def _payable(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Whether the coupons of bonds are known and still to come."""
    known = rows["coupon_rate"].notna() & ((rows["coupon_rate"] == 0) | (rows["coupon_frequency"] > 0))
    return known & (rows["years"] > 0) & (rows["years"] * 365 <= pricing.LONGEST) & (rows["count"] != "")


def revalued(
    terms: pd.DataFrame, spot: Floats, *, rate: Any = 0.0, volatility: Any = 0.0, currency: Any = 0.0
) -> Floats:
    """P&L in base currency of options and bonds after moves at the close.

    Args:
        terms: n rows of what ``terms`` gives.
        spot: local return of what each option is written on, shape (n, S); of no meaning for a bond. A return below -1
            counts as -1.
        rate: change of the continuous yearly rate of an option, of the yield of a bond: 0.01 is one point more. It and
            the next two broadcast to (n, S).
        volatility: relative change of an option's volatility, 0.2 for a fifth more.
        currency: return of the position's currency into base.

    Returns:
        Shape (n, S). Positions of the same instrument and base currency have the same P&L by unit.
    """
    spot, rate, volatility, currency = (
        np.broadcast_to(np.asarray(move, np.float64), spot.shape) for move in (spot, rate, volatility, currency)
    )
    change = np.zeros(spot.shape)
    for kind, prices in (("option", _option_changes), ("bond", _bond_changes)):
        at = np.flatnonzero(terms["kind"].to_numpy() == kind)
        if spot[at].size:
            change[at] = prices(terms.iloc[at], spot[at], rate[at], volatility[at])
    units, value = (terms[name].to_numpy(np.float64)[:, None] for name in ("units", "value"))
    return np.asarray(units * change * (1.0 + currency) + value * currency)


def _option_changes(terms: pd.DataFrame, spot: Floats, rate: Floats, volatility: Floats) -> Floats:
    """Change of the price of one unit of each option, not below what it costs."""
    inputs = terms[list(_OPTION)].reset_index(drop=True)
    now = inputs["spot"].to_numpy()[:, None]
    moved, more = np.maximum(now * (1.0 + spot), 0.0), np.maximum(1.0 + volatility, 0.0)
    change = np.empty(moved.shape)
    same = (rate == rate[:, :1]).all(axis=1) & (volatility == volatility[:, :1]).all(axis=1)
    # One lattice serves all spots of an option; a rate or volatility of its own needs one for each scenario.
    for at, wide in ((np.flatnonzero(same), moved.shape[1]), (np.flatnonzero(~same), 1)):
        row = np.repeat(at, moved.shape[1] // wide)
        then = inputs.iloc[row].assign(
            rate=inputs["rate"].to_numpy()[row] + rate[at][:, ::wide].ravel(),
            volatility=inputs["volatility"].to_numpy()[row] * more[at][:, ::wide].ravel(),
        )
        change[at] = _worth(then, moved[at].reshape(len(row), wide)).reshape(moved[at].shape)
    least = -terms["price"].to_numpy(np.float64)[:, None]
    return np.asarray(np.maximum(change - _worth(inputs, now), least))


def _worth(options: pd.DataFrame, spot: Floats) -> Floats:
    """Price of each option (columns ``_OPTION``) at each spot, shape (n, S); equal ones are computed once."""
    each, at, first = _distinct(options.assign(row=_equal(spot)), [*_OPTION, "row"])
    return option_prices(*_inputs(each, spot[first]))[at]


def _inputs(options: pd.DataFrame, spot: Floats) -> tuple[Any, ...]:
    """What ``option_prices`` takes."""
    sign, american, _, *others = (options[name].to_numpy() for name in _OPTION)
    return sign, american, spot, *others


def _equal(values: Floats) -> Ints:
    """The same number for equal rows of ``values``."""
    whole = np.ascontiguousarray(values)
    raw = whole.view(np.dtype((np.void, whole.dtype.itemsize * whole.shape[1]))).ravel()
    return np.asarray(np.unique(raw, return_inverse=True)[1].ravel(), np.int64)


def _distinct(rows: pd.DataFrame, columns: Sequence[str]) -> tuple[pd.DataFrame, Ints, Ints]:
    """The distinct rows by ``columns``, which of them each row is, and where each stands first."""
    code = rows.groupby(list(columns), sort=False, dropna=False).ngroup().to_numpy()
    first = np.flatnonzero(~pd.Series(code).duplicated().to_numpy())
    return rows.iloc[first].reset_index(drop=True), np.asarray(code, np.int64), np.asarray(first, np.int64)


def option_prices(
    sign: Any, american: Any, spot: Floats, strike: Any, years: Any, rate: Any, dividend: Any, volatility: Any
) -> Floats:
    """Prices of options on one unit of what they are written on.

    European: Black and Scholes (1973) with the yield of Merton (1973). American: that and the value of early exercise
    from a trinomial lattice of ``STEPS`` steps on which the price of the underlying, its drift taken out, is a
    martingale (Boyle 1988), by the control variate of Hull and White (1988); within ``TOLERANCE``.

    Args:
        sign: 1 for a call, -1 for a put, shape (n,), as all others but spot.
        american: whether it may be exercised early.
        spot: prices of the underlying, not below 0, shape (n, S).
        strike: above 0.
        years: to maturity; 0 gives what an exercise brings.
        rate: continuous, yearly.
        dividend: continuous yield of the underlying, yearly.
        volatility: yearly; 0 gives the discounted value of the forward's exercise.
    """
    sign, spot, strike, years, rate, dividend, volatility = (
        np.asarray(column, np.float64) for column in (sign, spot, strike, years, rate, dividend, volatility)
    )
    flat = (column[:, None] for column in (strike, years, rate, dividend, volatility))
    price = _european(sign[:, None], spot, *flat)
    # Without a yield that an exercise saves, or a rate that it earns, waiting costs nothing.
    early = np.where(sign > 0, (dividend > 0) | (rate < 0), (rate > 0) | (dividend < 0))
    at = np.flatnonzero(np.asarray(american, bool) & early & (years > 0) & (volatility > 0))
    if len(at):
        inputs = (column[at] for column in (sign, strike, years, rate, dividend, volatility))
        longer = price[at] + np.maximum(_early(spot[at], *inputs), 0.0)
        price[at] = np.maximum(longer, sign[at, None] * (spot[at] - strike[at, None]))
    return price


def _european(
    sign: Floats, spot: Floats, strike: Floats, years: Floats, rate: Floats, dividend: Floats, volatility: Floats
) -> Floats:
    from scipy.special import ndtr

    deviation = volatility * np.sqrt(years)
    paid, owed = spot * np.exp(-dividend * years), strike * np.exp(-rate * years)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = np.log(paid / owed) / deviation
        above, below = middle + deviation / 2, middle - deviation / 2
        random = sign * (paid * ndtr(sign * above) - owed * ndtr(sign * below))
    certain = np.maximum(sign * (paid - owed), 0.0)
    return np.asarray(np.where((deviation > 0) & (paid > 0), np.maximum(random, 0.0), certain))


def _early(
    spot: Floats, sign: Floats, strike: Floats, years: Floats, rate: Floats, dividend: Floats, volatility: Floats
) -> Floats:
    """What early exercise adds at each spot, shape (n, S), on a lattice for each option; 0 beyond it."""
    log_spot = np.log(np.maximum(spot, _TINY))
    found = np.zeros(log_spot.shape)
    step = volatility * np.sqrt(3.0 * years / STEPS)
    needed = (_REACH * volatility * np.sqrt(years) + np.abs(rate - dividend) * years / 2) / step
    # Widths are powers of two: each option has its own, whatever it is computed with.
    half = np.minimum(2 ** np.ceil(np.log2(needed)), _WIDEST).astype(np.int64)
    for width in np.unique(half).tolist():
        alike = np.flatnonzero(half == width)
        count = max(1, _CELLS // max(2 * width + 1, log_spot.shape[1]))
        for first in range(0, len(alike), count):
            at = alike[first : first + count]
            inputs = (column[at] for column in (sign, strike, years, rate, dividend, volatility))
            start, premium = _lattice(width, step[at], *inputs)
            place = (log_spot[at] - start[:, None]) / step[at][:, None]
            inside = (place >= 1) & (place < 2 * width - 1)
            found[at] = np.where(inside, _between(premium, np.where(inside, place, 1.0)), 0.0)
    return found


def _lattice(
    half: int,
    step: Floats,
    sign: Floats,
    strike: Floats,
    years: Floats,
    rate: Floats,
    dividend: Floats,
    volatility: Floats,
) -> tuple[Floats, Floats]:
    """Logarithm of the lowest spot, shape (n,), and the value of early exercise at 2 half + 1 spots, ``step`` apart.

    A node x at time t is the spot exp(x + (rate - dividend) t): what is left of its move is a martingale. The strike is
    a node at maturity.
    """
    carry = rate - dividend
    start = np.log(strike) - carry * years + (np.round(carry * years / 2 / step) - half) * step
    node = np.exp(start[:, None] + np.arange(2 * half + 1) * step[:, None])
    up = 1.0 / (3.0 * (1.0 + np.exp(step)))
    discount = np.exp(-rate * years / STEPS)
    rise, stay, fall = ((p * discount)[:, None] for p in (up, np.full(len(up), 2 / 3), 1 / 3 - up))
    sign, strike = sign[:, None], strike[:, None]
    european = np.maximum(sign * (node * np.exp(carry * years)[:, None] - strike), 0.0)
    american = european.copy()
    edge = [0, -1]
    for remaining in range(1, STEPS + 1):
        left = (years * (remaining / STEPS))[:, None]
        grown = np.exp(carry[:, None] * (years[:, None] - left))
        paid = node[:, edge] * grown * np.exp(-dividend[:, None] * left)
        outside = np.maximum(sign * (paid - strike * np.exp(-rate[:, None] * left)), 0.0)
        for values in (european, american):
            values[:, 1:-1] = rise * values[:, 2:] + stay * values[:, 1:-1] + fall * values[:, :-2]
            values[:, edge] = outside
        np.maximum(american, sign * (node * grown - strike), out=american)
    return start, american - european


def _between(values: Floats, place: Floats) -> Floats:
    """``values`` (n, m) at the fractional columns ``place`` (n, S), from 1 to m - 2, by cubics through four of them."""
    column = np.floor(place).astype(np.int64)
    part = place - column
    before, here, after, beyond = (np.take_along_axis(values, column + k, axis=1) for k in (-1, 0, 1, 2))
    return np.asarray(
        -before * part * (part - 1) * (part - 2) / 6
        + here * (part + 1) * (part - 1) * (part - 2) / 2
        - after * (part + 1) * part * (part - 2) / 2
        + beyond * (part + 1) * part * (part - 1) / 6
    )


def _implied(options: pd.DataFrame) -> Floats:
    """Volatility at which each option (columns ``_OPTION``) costs its ``price``; its own where there is none.

    Newton's method with the vega of the European option, kept between bounds that it narrows.
    """
    found = options["volatility"].to_numpy(np.float64, copy=True)
    price, strike = options["price"].to_numpy(), options["strike"].to_numpy()

    def off(at: Ints, volatility: Floats) -> Floats:
        part = options.iloc[at].assign(volatility=volatility)
        worth = option_prices(*_inputs(part, part["spot"].to_numpy()[:, None]))[:, 0]
        return np.asarray(worth - price[at])

    everyone = np.arange(len(options))
    low, high = (np.full(len(options), bound) for bound in VOLATILITIES)
    open_ = np.flatnonzero((off(everyone, low) < 0) & (off(everyone, high) > 0))
    guess = np.clip(found, low, high)
    for _ in range(_ITERATIONS):
        gap = off(open_, guess[open_])
        low[open_] = np.where(gap < 0, guess[open_], low[open_])
        high[open_] = np.where(gap < 0, high[open_], guess[open_])
        found[open_] = guess[open_]
        left = np.abs(gap) > _CLOSE * strike[open_]
        open_, gap = open_[left], gap[left]
        if not len(open_):
            break
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            newton = guess[open_] - gap / _vega(options.iloc[open_], guess[open_])
        within = (newton > low[open_]) & (newton < high[open_])
        guess[open_] = np.where(within, newton, (low[open_] + high[open_]) / 2)
    return found


def _vega(options: pd.DataFrame, volatility: Floats) -> Floats:
    spot, strike, years, rate, dividend = (
        options[name].to_numpy(np.float64) for name in ("spot", "strike", "years", "rate", "dividend")
    )
    deviation = volatility * np.sqrt(years)
    above = (np.log(spot / strike) + (rate - dividend) * years) / deviation + deviation / 2
    return np.asarray(spot * np.exp(-dividend * years - above**2 / 2) * np.sqrt(years / (2 * np.pi)))


@dataclass(frozen=True, eq=False)
class _Flows:
    """What bonds of 100 still pay after a session, and what of the next coupon has accrued by then.

    Attributes:
        years: from the session, shape (n, F); 0 where there is no payment.
        amounts: payments, shape (n, F); 0 where there is none.
        accrued: accrued interest, shape (n,).
    """

    years: Floats
    amounts: Floats
    accrued: Floats


def _flows(rows: pd.DataFrame) -> _Flows:
    """The flows of bonds (business_date and columns ``_BOND``)."""
    each, at, _ = _distinct(rows, _BOND)
    schedules = [pricing.cash_flows(*bond) for bond in each[list(_BOND)].itertuples(index=False, name=None)]
    width = max((len(schedule[0]) for schedule in schedules), default=0)
    # Aligned at their end, so that what is past stands in the first columns of all.
    table = np.zeros((4, len(schedules), width))
    for bond, schedule in enumerate(schedules):
        table[:, bond, width - len(schedule[0]) :] = schedule
    start, end, amount, coupon = table[:, at]
    day = rows["business_date"].to_numpy("datetime64[D]").astype(np.int64)[:, None]
    used = ((end > day) & (amount > 0)).any(axis=0)
    start, end, amount, coupon = (column[:, used] for column in (start, end, amount, coupon))
    ahead = (end > day) & (amount > 0)
    running = ahead & (start <= day)
    count = rows["count"].to_numpy(object)
    part = _counted(count, start, np.broadcast_to(day, start.shape)) / np.maximum(_counted(count, start, end), 1)
    return _Flows(
        years=np.where(ahead, (end - day) / 365.0, 0.0),
        amounts=np.where(ahead, amount, 0.0),
        accrued=np.where(running, coupon * part, 0.0).sum(axis=1),
    )


def _counted(count: NDArray[np.object_], start: Floats, end: Floats) -> Floats:
    """Days between two dates (days since 1970) by the day count of each row."""
    days = end - start
    for name in ("30/360", "30e/360"):
        at = np.flatnonzero(count == name)
        if len(at):
            (year, first), (later, last) = (_months(dates[at]) for dates in (start, end))
            first = np.minimum(first, 30)
            last = np.minimum(last, 30) if name == "30e/360" else np.where(first == 30, np.minimum(last, 30), last)
            days[at] = 30 * (later - year) + last - first
    return np.asarray(days)


def _months(days: Floats) -> tuple[Ints, Ints]:
    """Months since 1970 and the day of the month."""
    date = days.astype(np.int64).astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    return month.astype(np.int64), (date - month.astype("datetime64[D]")).astype(np.int64) + 1


def _yields(dirty: Floats, flows: _Flows) -> Floats:
    """Continuous yearly yield at which ``flows`` are worth ``dirty``, above 0; NaN where nothing is paid any more.

    The logarithm of the worth is convex in the yield: Newton's method from 0 comes from one side after its first step.
    """
    found = np.where((flows.amounts > 0).any(axis=1) & (dirty > 0), 0.0, np.nan)
    at = np.flatnonzero(found == 0)
    for _ in range(_ITERATIONS):
        years = flows.years[at]
        worth = flows.amounts[at] * np.exp(-found[at][:, None] * years)
        total = worth.sum(axis=1)
        step = np.log(total / dirty[at]) * total / (worth * years).sum(axis=1)
        found[at] += step
        at = at[np.abs(step) > 1e-13 * np.maximum(np.abs(found[at]), 1.0)]
        if not len(at):
            break
    return found


def _bond_changes(terms: pd.DataFrame, spot: Floats, rate: Floats, volatility: Floats) -> Floats:
    """Change of the price with accrued interest, per 100, of each bond whose yield changes by ``rate``."""
    keyed = terms.assign(row=_equal(rate))
    each, at, first = _distinct(keyed, ["business_date", *_BOND, "rate", "row"])
    flows, moves = _flows(each), rate[first]
    worth = flows.amounts * np.exp(-each["rate"].to_numpy()[:, None] * flows.years)
    change = np.empty(moves.shape)
    count = max(1, _CELLS // max(1, moves.shape[1] * worth.shape[1]))
    for start in range(0, len(each), count):
        part = slice(start, start + count)
        growth = np.expm1(-moves[part][:, :, None] * flows.years[part][:, None, :])
        change[part] = (growth * worth[part][:, None, :]).sum(axis=2)
    return np.asarray(change[at])


def yield_changes(
    bonds: Sequence[str],
    prices: pd.DataFrame,
    risk_free_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    dates: NDArray[np.datetime64],
) -> tuple[Floats, Floats]:
    """Change of the yield of each bond over the session that ends on each date, and of its curve.

    Its own comes from golden prices that are of both sessions; its curve's is the zero rate to its maturity on the
    risk-free curve of its currency.

    Args:
        bonds: instruments.
        prices: golden, from the session before the first date on.
        risk_free_rates: facts.
        instruments: facts, dated by valid_from.
        dates: sessions, sorted, shape (T,).

    Returns:
        Changes of the yield and of the zero rate, continuous and yearly (0.0001 is a basis point), NaN where they are
        not known, both of shape (bonds, T).
    """
    names = pd.Index(bonds)
    sessions = np.unique(np.r_[prices["business_date"].to_numpy("datetime64[us]"), dates])
    sessions = sessions[: np.searchsorted(sessions, dates[-1], "right")] if len(dates) else sessions
    rows = pd.DataFrame(
        {"instrument": np.repeat(names.to_numpy(object), len(sessions)), "business_date": np.tile(sessions, len(names))}
    ).astype({"instrument": "str"})
    rows = rows.join(security_master.attributes(instruments, "instrument", rows, [*_TERMS, "currency"]))
    quoted = prices.loc[prices["status"].isin(OWN), ["business_date", "instrument", "close"]]
    rows = rows.merge(quoted, on=["business_date", "instrument"], how="left")
    years = (rows["maturity_date"] - rows["business_date"]).dt.days / 365.0
    rows = rows.assign(count=pricing.bond_day_count(rows["day_count"]), years=years)
    rows = rows.assign(kind="bond", price=rows["close"])
    shape = (len(names), len(sessions))
    own = pd.Series(np.nan, rows.index)
    live = rows[(rows["price"] > 0) & _payable(rows)]
    flows = _flows(live)
    own.loc[live.index] = _yields(live["price"].to_numpy() + flows.accrued, flows)
    curve = pricing.zero_rates(rows[["business_date", "currency", "maturity_date"]], risk_free_rates)
    at = np.searchsorted(sessions, dates)
    before = np.where(at > 0, at - 1, at)
    levels = (np.asarray(level, np.float64).reshape(shape) for level in (own, curve))
    changes, general = (np.where(at > 0, level[:, at] - level[:, before], np.nan) for level in levels)
    return changes, general
