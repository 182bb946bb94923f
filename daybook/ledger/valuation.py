"""Value of every position and cash balance, and the net asset value of every book.

Belongs here: quantity x price x exchange rate, what the day's activity is worth in the book's currency, and NAV. Does
not belong here: choosing prices (``daybook.market.prices``), what was traded (``journal``), why NAV changed (``pnl``).

Money in a book's currency is a whole number of 10^-6 inside these functions (``micros``): each value is rounded to it
once, half to even, and everything else is a sum of such numbers. That is what makes the identities exact.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from daybook import calendars, tables
from daybook.market import fx, security_master

Ints = NDArray[np.int64]

SCALE = 1_000_000
LIMIT = 2.0**61 / SCALE
"""Money from which on sums of 64-bit integers could overflow (2.3e12 in the book's currency)."""
UNSUPPORTED = ("future", "option", "forward")
AMOUNTS = ("consideration", "income", "fees", "external", "transferred", "trading")
KEY = ["business_date", "book"]


def micros(amounts: ArrayLike) -> Ints:
    """``amounts`` of money as whole numbers of 10^-6, rounded half to even.

    Raises:
        OverflowError: an amount is missing or not below ``LIMIT``.
    """
    values = np.asarray(amounts, np.float64)
    if not (np.abs(values) < LIMIT).all():
        raise OverflowError(f"an amount of money is missing or not below {LIMIT:.3g}")
    return np.rint(values * SCALE).astype(np.int64)


def valuations(
    positions: pd.DataFrame,
    cash: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Value of every position and, as ``CASH:<CCY>``, of every cash balance with what is accrued (contract 2.5).

    market_value = quantity x price x multiplier in the price's currency; a bond's price is clean per 100, so that its
    value is quantity x price / 100. Instruments carry no coupon terms yet: a bond's accrued interest is taken as 0 and
    ``reason`` says so. exposure_base is market_value_base. weight is the share of the book's value, empty when that is
    not positive or not known. Positions without quantity (unsettled only) have no row.

    Args:
        positions: table of ``sessions``.
        cash: table of ``sessions``.
        prices: golden, of ``sessions``.
        fx_rates: golden, of ``sessions``.
        books: reference facts; a book has rows on the sessions of its own calendar.
        instruments: reference facts.
        sessions: midnight, naive.

    Returns:
        Table ``valuations``. A row that cannot be valued has status ``failed``, no value, and the reason; ``reason`` of
        the others says when the price is not one of that session.
    """
    rows = pd.concat([_held(positions), _balances(cash)], ignore_index=True)
    rows = on_own_sessions(rows, books, sessions)
    rows = rows.join(unit_values(rows, prices, instruments))
    rate = pd.Series(fx.rates(fx_rates, rows["currency"], rows["base_currency"], rows["business_date"]), rows.index)
    local = rows["quantity"] * rows["unit"]
    value = local * rate
    failure = rows["failure"].mask((rows["failure"] == "") & rate.isna(), _no_rate(rows))
    failure = failure.mask((failure == "") & ~(value.abs() < LIMIT), "the value is too large to be kept exactly")
    failed = failure != ""
    value = pd.Series(micros(value.mask(failed, 0.0)) / SCALE, rows.index).mask(failed)
    valued = rows.assign(
        fx_rate=rate,
        market_value=local.round(6).mask(failed),
        market_value_base=value,
        accrued_interest=0.0,
        exposure_base=value,
        weight=_weights(rows, value),
        fair_value_level=1,
        status=np.where(failed, "failed", "ok"),
        reason=rows["remark"].mask(failed, failure),
    )
    ordered = valued.sort_values([*KEY, "instrument"], kind="stable")
    return tables.conform("valuations", ordered[list(tables.TABLES["valuations"].names)])


def nav(
    valuations: pd.DataFrame,
    cash: pd.DataFrame,
    activity: pd.DataFrame,
    failures: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Net asset value of every book on every session of its calendar on which it holds, owes or does something.

    nav = market_value + cash + accruals, exactly: nav is the sum of the book's rows in ``valuations``, market_value
    that of its securities, cash the sum of its balances, each at closing FX and rounded once, and accruals the rest.
    flows are external: money at closing FX, securities transferred at that day's market value, into the book positive.

    Args:
        valuations: table of ``sessions``.
        cash: table of ``sessions``; a book that once had cash has a row there on every session since.
        activity: what ``journal.activity`` says of ``sessions``.
        failures: book, business_date from which on it cannot be computed, reason.
        prices: golden, of ``sessions``.
        fx_rates: golden, of ``sessions``.
        books: reference facts.
        instruments: reference facts.
        sessions: midnight, naive.

    Returns:
        Table ``nav``. A book with a row that could not be valued, or with a failure, has status ``failed``, no money at
        all, and the reason, which names the instrument.
    """
    worth = valued_activity(activity, prices, fx_rates, books, instruments)
    barred = _barred(failures, sessions)
    known = pd.concat([frame[KEY] for frame in (valuations, cash, worth, barred)], ignore_index=True)
    rows = on_own_sessions(known.drop_duplicates().sort_values(KEY), books, sessions)
    at = pd.MultiIndex.from_frame(rows[KEY])
    value = micros(valuations["market_value_base"].fillna(0.0))
    is_cash = valuations["instrument"].str.startswith("CASH:").to_numpy()
    total = _sum(valuations, value, at)
    in_cash = _sum(valuations, np.where(is_cash, value, 0), at)
    balances = _sum(cash, _balances_base(cash, fx_rates, books), at)
    flows = _sum(worth, (worth["external"] + worth["transferred"]).to_numpy(), at)
    gross = _sum(valuations, np.abs(value) / SCALE, at) + _sum(worth, worth["gross"].to_numpy(), at)
    too_large = pd.DataFrame({"reason": np.where(gross < LIMIT, "", "its gross value is too large to be kept exactly")})
    reason = _first_reason(
        [barred, _named(valuations, "reason"), _named(worth, "failure"), rows[KEY].join(too_large)], at
    )
    money = {
        "nav": total,
        "market_value": total - in_cash,
        "cash": balances,
        "accruals": in_cash - balances,
        "flows": flows,
    }
    return tables.conform(
        "nav",
        rows[[*KEY, "base_currency"]].assign(
            status=np.where(reason == "", "ok", "failed"),
            reason=reason,
            **{name: np.where(reason == "", amount / SCALE, np.nan) for name, amount in money.items()},
        ),
    )


def valued_activity(
    activity: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
) -> pd.DataFrame:
    """The day's activity in 10^-6 of each book's currency, at closing FX, each amount rounded once.

    Both sides of an amount (the instrument's row and the cash row) must use these very integers.

    Args:
        activity: what ``journal.activity`` says.
        prices: golden, of its sessions.
        fx_rates: golden, of its sessions.
        books: reference facts.
        instruments: reference facts.

    Returns:
        One row for each of ``activity``: business_date, book, instrument, cash (the row ``CASH:<CCY>`` that the money
        moved in), and as integers consideration (a sale positive), income, fees (a cost negative), external and
        transferred (into the book positive), trading (traded quantity at the closing price + consideration); gross, the
        sum of their sizes in money; failure, the reason why an amount is not known, all amounts of that row being 0.
    """
    base = security_master.attributes(books, "book", activity, ["base_currency"])["base_currency"]
    rows = activity.assign(base_currency=base).reset_index(drop=True)
    paid = fx.rates(fx_rates, rows["currency"], rows["base_currency"], rows["business_date"])
    unit = unit_values(rows, prices, instruments)
    own = fx.rates(fx_rates, unit["currency"], rows["base_currency"], rows["business_date"])
    # What was bought and sold again within the day needs no price: its quantities cancel.
    price = np.where(unit["failure"] == "", unit["unit"] * own, np.nan)
    bought = np.where(rows["traded_quantity"] == 0, 0.0, np.nan_to_num(rows["traded_quantity"] * price))
    moved = np.where(rows["transferred_quantity"] == 0, 0.0, rows["transferred_quantity"] * price)
    amounts = {name: (rows[name] * paid).to_numpy() for name in ("consideration", "income", "fees", "external")}
    amounts |= {"transferred": moved, "trading": bought + amounts["consideration"]}

    gross = np.sum([np.abs(amount) for amount in amounts.values()], axis=0)
    failure = unit["failure"].where(np.isnan(moved), "")
    failure = failure.mask((failure == "") & np.isnan(moved), _no_rate(rows.assign(currency=unit["currency"])))
    failure = failure.mask((failure == "") & np.isnan(paid), _no_rate(rows))
    failure = failure.mask((failure == "") & ~(gross < LIMIT), "an amount of the day is too large to be kept exactly")
    good = (failure == "").to_numpy()
    return rows[[*KEY, "instrument"]].assign(
        cash="CASH:" + rows["currency"],
        **{name: micros(np.where(good, amounts[name], 0.0)) for name in AMOUNTS},
        gross=np.where(good, gross, 0.0),
        failure=failure,
    )


def _held(positions: pd.DataFrame) -> pd.DataFrame:
    columns = [*KEY, "instrument", "quantity"]
    return positions.loc[positions["quantity"] != 0, columns]


def _balances(cash: pd.DataFrame) -> pd.DataFrame:
    return cash[KEY].assign(
        instrument="CASH:" + cash["currency"], quantity=(cash["balance"] + cash["accrued"]).round(6)
    )


def _balances_base(cash: pd.DataFrame, fx_rates: pd.DataFrame, books: pd.DataFrame) -> Ints:
    """Each balance without accruals in 10^-6 of the book's currency; 0 where it has no rate or is too large."""
    base = security_master.attributes(books, "book", cash, ["base_currency"])["base_currency"]
    value = cash["balance"].to_numpy() * fx.rates(fx_rates, cash["currency"], base, cash["business_date"])
    return micros(np.where(np.abs(value) < LIMIT, value, 0.0))


def on_own_sessions(rows: pd.DataFrame, books: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """``rows`` on the wanted sessions of their book's calendar, with the book's base_currency and calendar."""
    rows = rows[rows["business_date"].isin(sessions)].reset_index(drop=True)
    rows = rows.join(security_master.attributes(books, "book", rows, ["base_currency", "calendar"]))
    is_open = np.zeros(len(rows), bool)
    for calendar in rows["calendar"].unique():
        here = (rows["calendar"] == calendar).to_numpy()
        is_open[here] = calendars.is_session(calendar, rows["business_date"][here])
    return rows[is_open].reset_index(drop=True)


def unit_values(rows: pd.DataFrame, prices: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """Value of one unit of each row's instrument: unit, price, currency, price_source, failure, remark."""
    terms = security_master.attributes(instruments, "instrument", rows, ["asset_class", "multiplier"])
    quoted = ["business_date", "instrument", "close", "currency", "source", "reason"]
    found = rows[["business_date", "instrument"]].merge(
        prices[quoted], how="left", on=["business_date", "instrument"], validate="many_to_one"
    )
    found.index = rows.index
    is_cash = rows["instrument"].str.startswith("CASH:")
    is_bond = terms["asset_class"] == "bond"
    price = found["close"].mask(is_cash, 1.0)
    per_unit = terms["multiplier"].fillna(1.0).mask(is_bond, 0.01).mask(is_cash, 1.0)
    failure = pd.Series("", rows.index, dtype="str").mask(price.isna(), "no price was ever delivered")
    failure = failure.mask(
        terms["asset_class"].isin(UNSUPPORTED), "a " + terms["asset_class"] + " is not supported yet"
    )
    remark = found["reason"].fillna("")
    apart = ("; " + remark).where(remark != "", "")
    remark = remark.mask(is_bond, "without accrued interest: its coupon is not known" + apart)
    return pd.DataFrame(
        {
            "unit": price * per_unit,
            "price": price,
            "currency": found["currency"].fillna("").mask(is_cash, rows["instrument"].str[5:]),
            "price_source": found["source"].fillna(""),
            "failure": failure,
            "remark": remark,
        }
    )


def _no_rate(rows: pd.DataFrame) -> "pd.Series[str]":
    pair = rows["currency"] + "/" + rows["base_currency"]
    return "no exchange rate " + pair + f" of this session or the {fx.MAX_AGE} before it"


def _weights(rows: pd.DataFrame, value: "pd.Series[float]") -> "pd.Series[float]":
    """Value / sum of values of the book; missing when that is not positive, or when one of them is missing."""
    keyed = rows[KEY].assign(value=value, missing=value.isna())
    book = keyed.groupby(KEY)[["value", "missing"]].transform("sum")
    return (value / book["value"].where((book["missing"] == 0) & (book["value"] > 0))).round(12)


def _sum(rows: pd.DataFrame, amounts: NDArray[np.int64] | NDArray[np.float64], at: pd.MultiIndex) -> NDArray[np.int64]:
    """Sum of ``amounts`` of ``rows`` for each (business_date, book) of ``at``, 0 where there are none."""
    found: NDArray[np.int64] = (
        rows[KEY].assign(amount=amounts).groupby(KEY)["amount"].sum().reindex(at, fill_value=0).to_numpy()
    )
    return found


def _barred(failures: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Every session on which a failure holds: business_date, book, reason; the earliest failure first."""
    since = failures.sort_values("business_date", kind="stable").drop_duplicates("book")
    since = since.rename(columns={"business_date": "since"})
    rows = since.merge(pd.DataFrame({"business_date": sessions}), how="cross")
    return rows.loc[rows["business_date"] >= rows["since"], [*KEY, "reason"]]


def _named(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """The failed rows with their reason, which names the instrument."""
    failed = rows[(rows["status"] == "failed") if "status" in rows else (rows[column] != "")]
    return failed[KEY].assign(reason=failed["instrument"] + ": " + failed[column])


def _first_reason(parts: list[pd.DataFrame], at: pd.MultiIndex) -> NDArray[np.object_]:
    """For each (business_date, book) of ``at`` the first reason, with the number of the others; "" where none."""
    found = pd.concat([part.loc[part["reason"] != "", [*KEY, "reason"]] for part in parts]).drop_duplicates()
    each = found.groupby(KEY, sort=False)["reason"].agg(["first", "size"])
    others = " (and " + (each["size"] - 1).astype("str") + " more)"
    reason = each["first"] + others.where(each["size"] > 1, "")
    filled: NDArray[np.object_] = reason.reindex(at).astype(object).fillna("").to_numpy(object)
    return filled
