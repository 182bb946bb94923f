"""Value of every position and cash balance, and the net asset value of every book.

Belongs here: which price values a position, the market's or a model's, quantity x price x exchange rate, what the day's
activity is worth in the book's currency, and NAV. Does not belong here: golden prices (``daybook.market.prices``),
models (``pricing``), what was traded (``journal``), why NAV changed (``pnl``).

Money in a book's currency is a whole number of 10^-6 inside these functions (``micros``): each value is rounded to it
once, half to even, and everything else is a sum of such numbers. That is what makes the identities exact.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from daybook import calendars, tables
from daybook.market import fx, security_master

Ints = NDArray[np.int64]

SCALE = 1_000_000
LIMIT = 2.0**61 / SCALE
"""Money from which on sums of 64-bit integers could overflow (2.3e12 in the book's currency)."""
LEVELS = {"ok": 1, "closed": 1, "stale": 2, "override": 3}
"""Fair value level (IFRS 13) of a price by its status: quoted for the session, or the last one of a closed market; the
last one of an open market; one that people decided. A model of observable inputs is of level 2."""
MODEL = 2
WITHOUT_ACCRUED = "without accrued interest: "
"""How the reason of a bond begins that is valued clean."""
WITHOUT_DELTA = "exposure without delta"
"""How the reason of an option begins whose exposure is its market value."""
AMOUNTS = ("consideration", "income", "fees", "external", "transferred", "trading")
KEY = ["business_date", "book"]
DAY = ["business_date", "instrument"]


def quoted(prices: pd.DataFrame, model_prices: pd.DataFrame) -> pd.DataFrame:
    """What values each instrument on each session: the golden price or, where none is of that session, a model's.

    A model's price serves in place of a stale one too, but for bonds: the last price of a bond has its issuer's credit
    in it, the model's has not.

    Args:
        prices: golden.
        model_prices: table of the same sessions; empty is allowed.

    Returns:
        business_date, instrument, close (NaN where there is none), currency, source (``model``), status, reason,
        fair_value_level; and by model, where known: accrued_interest (per 100), delta, spot, discount_factor, and
        ``lacking``, why the model gives no price.
    """
    rows = prices[[*DAY, "close", "currency", "source", "status", "reason"]].assign(
        fair_value_level=prices["status"].map(LEVELS).fillna(1).astype("int64"),
        **dict.fromkeys(("accrued_interest", "delta", "spot", "discount_factor"), np.nan),
        lacking="",
    )
    if model_prices.empty:
        return rows
    by_model = rows["instrument"].isin(model_prices["instrument"])
    market = rows.loc[by_model, [*DAY, "close", "currency", "source", "status", "reason", "fair_value_level"]]
    both = market.merge(model_prices, how="outer", on=DAY, suffixes=("", "_model"))
    is_bond = both["accrued_interest"].notna()
    used = both["price"].notna() & (both["close"].isna() | (both["status"] == "stale") & ~is_bond)
    said = "by model: " + both["model"].fillna("") + ", " + both["convention"].fillna("")
    made = both.assign(
        close=both["close"].mask(used, both["price"]),
        currency=both["currency"].fillna("").mask(used | both["close"].isna(), both["currency_model"]),
        source=both["source"].fillna("").mask(used, "model"),
        status=both["status"].fillna("").mask(used, "ok"),
        reason=both["reason"].fillna("").mask(used, said),
        fair_value_level=both["fair_value_level"].fillna(MODEL).mask(used, MODEL).astype("int64"),
        lacking=both["reason_model"].fillna(""),
    )
    return pd.concat([rows[~by_model], made[list(rows.columns)]], ignore_index=True)


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

    market_value = quantity x price x multiplier in the price's currency, but

    * of a bond quantity x (price + accrued interest per 100) / 100; accrued_interest is the money of it. Where its
      coupon is not known it is valued clean, and ``reason`` says so;
    * of a future 0: its gain is variation margin, in cash or accrued;
    * of a forward (quantity x price x multiplier - open notional) x discount factor to maturity; not discounted where
      no curve is known, and ``reason`` says so.

    exposure_base is market_value_base; of a future quantity x price x multiplier, of an option and a forward
    quantity x delta x price of the underlying x multiplier (an option's market value where its delta is not known).
    fair_value_level: ``LEVELS``. weight is the share of the book's value, empty when that is not positive or not known.
    Positions without quantity have no row, unless something agreed forward is still to be settled.

    Args:
        positions: table of ``sessions``.
        cash: table of ``sessions``.
        prices: result of ``quoted``, of ``sessions``; golden prices alone do as well.
        fx_rates: golden, of ``sessions``.
        books: reference facts; a book has rows on the sessions of its own calendar.
        instruments: reference facts.
        sessions: midnight, naive.

    Returns:
        Table ``valuations``. A row that cannot be valued has status ``failed``, no value, and the reason; ``reason`` of
        the others says when the price is not one of that session, and by which model it was made.
    """
    rows = pd.concat([_held(positions), _balances(cash)], ignore_index=True)
    rows = on_own_sessions(rows, books, sessions)
    rows = rows.join(unit_values(rows, prices, instruments))
    empty = (rows["quantity"] == 0) & ~rows["is_forward"] & ~rows["instrument"].str.startswith("CASH:")
    rows = rows[~empty].reset_index(drop=True) if empty.any() else rows
    rate = pd.Series(fx.rates(fx_rates, rows["currency"], rows["base_currency"], rows["business_date"]), rows.index)
    local = rows["quantity"] * rows["unit"] - rows["notional"].where(rows["is_forward"], 0.0) * rows["discount_factor"]
    value, exposure = local * rate, rows["quantity"] * rows["exposure"] * rate
    failure = rows["failure"]
    if rate.isna().any():
        failure = failure.mask((failure == "") & rate.isna(), _no_rate(rows))
    fits = (value.abs() < LIMIT) & (exposure.abs() < LIMIT)
    failure = failure.mask((failure == "") & ~fits, "the value is too large to be kept exactly")
    failed = failure != ""
    value, exposure = (
        pd.Series(micros(amount.mask(failed, 0.0)) / SCALE, rows.index).mask(failed) for amount in (value, exposure)
    )
    valued = rows.assign(
        fx_rate=rate,
        market_value=local.round(6).mask(failed),
        market_value_base=value,
        accrued_interest=(rows["quantity"] * rows["accrued"]).round(6),
        exposure_base=exposure,
        weight=_weights(rows, value),
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
        failures: table ``book_failures`` of ``sessions``; one that lasts has a row on each, so that a session alone
            and a range say the same.
        prices: result of ``quoted``, of ``sessions``; golden prices alone do as well.
        fx_rates: golden, of ``sessions``.
        books: reference facts.
        instruments: reference facts.
        sessions: midnight, naive.

    Returns:
        Table ``nav``. A book with a row that could not be valued, or with a failure, has status ``failed``, no money at
        all, and the reason, which names the instrument.
    """
    worth = valued_activity(activity, prices, fx_rates, books, instruments)
    barred = failures[[*KEY, "reason"]]
    known = pd.concat([frame[KEY] for frame in (valuations, cash, worth, barred)], ignore_index=True)
    rows = on_own_sessions(known.drop_duplicates().sort_values(KEY), books, sessions)
    at = pd.MultiIndex.from_frame(rows[KEY])
    value = micros(valuations["market_value_base"].fillna(0.0))
    is_cash = valuations["instrument"].str.startswith("CASH:").to_numpy()
    total, in_cash, held = _sums(valuations, at, value, np.where(is_cash, value, 0), np.abs(value) / SCALE)
    (balances,) = _sums(cash, at, _balances_base(cash, fx_rates, books))
    flows, moved = _sums(worth, at, (worth["external"] + worth["transferred"]).to_numpy(), worth["gross"].to_numpy())
    gross = held + moved
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
        prices: result of ``quoted``, of its sessions; golden prices alone do as well.
        fx_rates: golden, of its sessions.
        books: reference facts.
        instruments: reference facts.

    Returns:
        One row for each of ``activity``: business_date, book, instrument, cash (the row ``CASH:<CCY>`` that the money
        moved in), and as integers consideration (a sale positive), income, fees (a cost negative), external and
        transferred (into the book positive), trading (traded quantity at the closing price + consideration, of a
        forward less its notional at the discount factor); gross, the sum of their sizes in money; failure, the reason
        why an amount is not known, all amounts of that row being 0.
    """
    base = security_master.attributes(books, "book", activity, ["base_currency"])["base_currency"]
    rows = activity.assign(base_currency=base).reset_index(drop=True)
    paid = fx.rates(fx_rates, rows["currency"], rows["base_currency"], rows["business_date"])
    unit = unit_values(rows, prices, instruments)
    own = fx.rates(fx_rates, unit["currency"], rows["base_currency"], rows["business_date"])
    # What was bought and sold again within the day needs no price: its quantities cancel.
    price = np.where(unit["failure"] == "", unit["unit"] * own, np.nan)
    agreed = rows["notional"].where(unit["is_forward"], 0.0) * unit["discount_factor"] * own
    idle = (rows["traded_quantity"] == 0) & (agreed == 0)
    bought = np.where(idle, 0.0, np.nan_to_num(rows["traded_quantity"] * price - agreed))
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
    columns = [*KEY, "instrument", "quantity", "notional"]
    return positions.loc[(positions["quantity"] != 0) | (positions["notional"] != 0), columns]


def _balances(cash: pd.DataFrame) -> pd.DataFrame:
    return cash[KEY].assign(
        instrument="CASH:" + cash["currency"], quantity=(cash["balance"] + cash["accrued"]).round(6), notional=0.0
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
        # A book without a known calendar failed for that; its failure is told on every session.
        known = calendars.is_calendar(calendar)
        is_open[here] = calendars.is_session(calendar, rows["business_date"][here]) if known else True
    return rows[is_open].reset_index(drop=True)


def unit_values(rows: pd.DataFrame, prices: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """Value of one unit of each row's instrument.

    Args:
        rows: business_date, instrument.
        prices: result of ``quoted``, of their sessions; golden prices alone do as well.
        instruments: reference facts.

    Returns:
        One row for each of ``rows``: unit (money per unit; of a forward without what was agreed, of a future 0), price,
        currency, price_source, fair_value_level, exposure (economic exposure of one unit), accrued (the part of unit
        that is accrued interest), is_forward, discount_factor (of a forward, else 1), failure, remark.
    """
    # Books hold the same instruments: each is looked at once a session.
    session, instrument = pd.factorize(rows["business_date"])[0], pd.factorize(rows["instrument"])[0]
    code, pairs = pd.factorize(session * (instrument.max(initial=0) + 1) + instrument)
    first = np.full(len(pairs), len(rows), np.int64)
    np.minimum.at(first, code, np.arange(len(rows)))
    distinct = _unit_values(rows[DAY].take(first).reset_index(drop=True), prices, instruments)
    return distinct.take(code).set_axis(rows.index)


def _unit_values(rows: pd.DataFrame, prices: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    terms = security_master.attributes(instruments, "instrument", rows, ["asset_class", "multiplier"])
    known = prices if "fair_value_level" in prices else quoted(prices, tables.empty("model_prices"))
    keys = known[DAY].assign(at=np.arange(len(known)))
    at = rows[DAY].merge(keys, how="left", on=DAY, validate="many_to_one")["at"].fillna(-1).to_numpy(np.int64)
    found = known.drop(columns=DAY).reset_index(drop=True).reindex(at).set_axis(rows.index)
    is_cash = rows["instrument"].str.startswith("CASH:")
    is_bond, is_future, is_option, is_forward = (
        terms["asset_class"] == name for name in ("bond", "future", "option", "forward")
    )
    price = found["close"].mask(is_cash, 1.0)
    point = security_master.point_value(terms["asset_class"], terms["multiplier"]).mask(is_cash, 1.0)
    accrued = (found["accrued_interest"].fillna(0.0) * point).where(is_bond, 0.0)
    discount = found["discount_factor"].fillna(1.0).where(is_forward, 1.0)
    unit = (price * point * discount + accrued).mask(is_future & price.notna(), 0.0)
    by_delta = found["delta"] * found["spot"] * point
    exposure = unit.mask(is_future, price * point).mask((is_option | is_forward) & by_delta.notna(), by_delta)
    lacking = found["lacking"].fillna("")
    failure = pd.Series("", rows.index, dtype="str").mask(price.isna(), "no price was ever delivered")
    failure = failure.mask(
        price.isna() & (lacking != ""), "no price was ever delivered, and no model gives one: " + lacking
    )
    # Without a row of its own in model_prices nothing is known of the terms.
    coupon = lacking.mask(lacking == "", "its coupon is not known")
    without = pd.Series("", rows.index, dtype="str")
    without = without.mask(is_bond & found["accrued_interest"].isna(), WITHOUT_ACCRUED + coupon)
    without = without.mask(is_option & by_delta.isna(), WITHOUT_DELTA + (": " + lacking).where(lacking != "", ""))
    without = without.mask(is_forward & found["discount_factor"].isna(), "not discounted: " + lacking)
    remark = found["reason"].fillna("")
    apart = pd.Series("; ", rows.index, dtype="str").where((without != "") & (remark != ""), "")
    return pd.DataFrame(
        {
            "unit": unit,
            "price": price,
            "currency": found["currency"].fillna("").mask(is_cash, rows["instrument"].str[5:]),
            "price_source": found["source"].fillna(""),
            "fair_value_level": found["fair_value_level"].fillna(1).astype("int64"),
            "exposure": exposure,
            "accrued": accrued,
            "is_forward": is_forward,
            "discount_factor": discount,
            "failure": failure,
            "remark": without + apart + remark,
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


def _sums(rows: pd.DataFrame, at: pd.MultiIndex, *amounts: NDArray[Any]) -> list[NDArray[Any]]:
    """Sums of each of ``amounts`` of ``rows`` for every (business_date, book) of ``at``, 0 where there are none."""
    keyed = rows[KEY].assign(**{str(n): amount for n, amount in enumerate(amounts)})
    found = keyed.groupby(KEY).sum().reindex(at, fill_value=0)
    return [found[str(n)].to_numpy() for n in range(len(amounts))]


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
