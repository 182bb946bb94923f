"""What is wrong or odd with a day's data, as findings with their likely effect on NAV.

Belongs here: one small function a check, from frames to rows of table ``findings``. Does not belong here: refusing a
row (``daybook.intake``), and what a blocking finding prevents (``daybook.closing``). A finding is about one session;
history before it never stops it. severity ``blocking``: money is or may be wrong, or cannot be known.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import calendars, tables
from daybook.market import check_digits, currencies, dated, fx, security_master

Floats = NDArray[np.float64]

KEY = ["business_date", "check", "book", "instrument"]
MAX_STALE = 5
"""Sessions of its own market after which a stale price blocks: as long as the contract lets an exchange rate stand."""
WINDOW, ENOUGH = 60, 20
"""Returns from which own volatility is taken (about a quarter), and how many of them there must be."""
SPIKE = 6.0
"""Volatilities beyond which a return is worth a look: six a year in the sample vendor's 25 series, 1990 to 2022."""
UNEQUAL = 0.005
"""Spread between two sources' closes, as a fraction, beyond which they do not mean the same price."""
TRIANGLE = 0.005
"""Gain of a round trip through three rates of one source beyond which they are not of one moment: as for prices; the
rounding of a rate given to four digits is a tenth of it."""
MATERIAL_BP = 50.0
"""Basis points of NAV, summed over a book's breaks without sign, beyond which they block its close: what CSSF circular
02/77 tolerates as a NAV error of bond and mixed funds (0.5 %; 1 % for equity funds)."""
WEIGHT_SUM = 0.001
"""By how much the weights of a benchmark may differ from 1 in sum (contract 2.9)."""
ENDED = 4.0
"""Usual distances between a series' observations after which it has ended: a monthly series in the fifth month."""
MONEY_TABLES = ("raw_prices", "raw_fx_rates", "transactions", "corporate_actions", "books", "instruments")
"""Facts that NAV is made of."""


def findings(
    sessions: pd.DatetimeIndex,
    *,
    nav: pd.DataFrame,
    valuations: pd.DataFrame,
    cash: pd.DataFrame,
    lots: pd.DataFrame,
    pnl: pd.DataFrame,
    prices: pd.DataFrame,
    fx_rates: pd.DataFrame,
    returns: pd.DataFrame,
    raw_prices: pd.DataFrame,
    raw_fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    weights: pd.DataFrame,
    reconciliation_breaks: pd.DataFrame,
    custodian_positions: pd.DataFrame,
    custodian_cash: pd.DataFrame,
    quarantine: pd.DataFrame,
    deliveries: pd.DataFrame,
    alternative_data: pd.DataFrame,
    identifiers: pd.DataFrame,
    gaps: Mapping[str, pd.DataFrame],
) -> pd.DataFrame:
    """Table ``findings`` of ``sessions``: all checks of this module.

    Args:
        sessions: midnight, naive.
        nav: table of ``sessions``.
        valuations: table of ``sessions``.
        cash: table of ``sessions``.
        lots: table of ``sessions``.
        pnl: table of ``sessions``.
        prices: golden, of ``sessions``.
        fx_rates: golden, of ``sessions``.
        returns: table of ``sessions`` and of ``WINDOW`` sessions before.
        raw_prices: facts of ``sessions`` and of more than ``MAX_STALE`` before.
        raw_fx_rates: facts of ``sessions``.
        instruments: reference facts.
        corporate_actions: facts.
        weights: facts of table benchmark_weights.
        reconciliation_breaks: table of ``sessions``.
        custodian_positions: facts of ``sessions`` and from before.
        custodian_cash: facts of ``sessions`` and from before.
        quarantine: records, with business_date.
        deliveries: the file register.
        alternative_data: facts.
        identifiers: facts.
        gaps: see ``identities``.
    """
    found = [
        unvalued(valuations),
        failed_books(nav),
        missing_pnl(nav, pnl),
        stale_prices(valuations, prices, raw_prices, returns, instruments),
        spikes(valuations, returns),
        unequal_prices(valuations, raw_prices),
        adjusted_with_action(valuations, prices, lots, corporate_actions),
        unknown_accruals(valuations, instruments),
        stale_rates(valuations, fx_rates, nav),
        fx_triangles(raw_fx_rates, sessions),
        negative_cash(cash),
        breaks(reconciliation_breaks),
        missing_custodian(nav, valuations, custodian_positions, custodian_cash),
        missing_prices(prices, raw_prices),
        failed_feeds(deliveries, sessions),
        open_quarantine(quarantine, sessions),
        benchmark_weights(weights, sessions),
        ended_series(alternative_data, sessions),
        identifier_forms(identifiers, valuations),
        identities(gaps),
    ]
    return collect(found, nav)


def collect(found: Sequence[pd.DataFrame], nav: pd.DataFrame) -> pd.DataFrame:
    """Table ``findings`` from the rows of all checks, status ``open``, with impact_bp = impact_base / NAV x 10^4.

    Args:
        found: frames as the checks return them.
        nav: table ``nav`` of their sessions; impact_bp is missing where NAV is not positive or not known.
    """
    rows = pd.concat([part for part in found if len(part)] or [_finding(nav.head(0), "", "", "")], ignore_index=True)
    worth = rows[["business_date", "book"]].merge(nav[["business_date", "book", "nav"]], how="left")["nav"]
    impact = rows["impact_base"].round(6)
    scaled = (impact / worth.where(worth > 0) * 1e4).round(12)
    ordered = rows.assign(impact_base=impact, impact_bp=scaled, status="open").sort_values(KEY, kind="stable")
    return tables.conform("findings", ordered[list(tables.TABLES["findings"].names)])


def unvalued(valuations: pd.DataFrame) -> pd.DataFrame:
    """Rows without a value: ``price_missing``, ``fx_missing`` or ``not_valued``; blocking."""
    rows = valuations[valuations["status"] == "failed"]
    check = np.where(
        rows["price"].isna(), "price_missing", np.where(rows["fx_rate"].isna(), "fx_missing", "not_valued")
    )
    return _finding(rows, check, "blocking", rows["reason"])


def failed_books(nav: pd.DataFrame) -> pd.DataFrame:
    """Books without a NAV: ``book_failed``, blocking."""
    rows = nav[nav["status"] == "failed"]
    return _finding(rows, "book_failed", "blocking", rows["reason"])


def missing_pnl(nav: pd.DataFrame, pnl: pd.DataFrame) -> pd.DataFrame:
    """Books with a NAV and no P&L, because what they started from is not known: ``pnl_missing``, warning."""
    known = pd.MultiIndex.from_frame(pnl[["business_date", "book"]])
    rows = nav[(nav["status"] == "ok") & ~pd.MultiIndex.from_frame(nav[["business_date", "book"]]).isin(known)]
    return _finding(rows, "pnl_missing", "warning", "no P&L: the NAV of the session before is not known")


def stale_prices(
    valuations: pd.DataFrame,
    prices: pd.DataFrame,
    raw_prices: pd.DataFrame,
    returns: pd.DataFrame,
    instruments: pd.DataFrame,
) -> pd.DataFrame:
    """Held instruments whose market was open without a new price: ``price_stale``.

    Warning; blocking when the last price is more than ``MAX_STALE`` sessions of its market old. impact_base is one
    standard deviation of what the price may have moved since: value x own daily volatility x square root of the age.

    Args:
        valuations: table of the sessions that are checked.
        prices: golden, of the same sessions.
        raw_prices: facts of the sessions and of more than ``MAX_STALE`` before; an older price blocks.
        returns: table with ``WINDOW`` sessions before each that is checked.
        instruments: reference facts.
    """
    old = prices.loc[prices["status"].isin(["stale", "closed"]), ["business_date", "instrument"]]
    rows = _held(valuations).merge(old, on=["business_date", "instrument"])
    known, wanted = dated.codes([raw_prices["instrument"]], [rows["instrument"]])
    at = dated.last(known, raw_prices["business_date"], wanted, rows["business_date"])
    used = raw_prices["business_date"].reset_index(drop=True).reindex(at).reset_index(drop=True)
    exchange = security_master.attributes(instruments, "instrument", rows, ["exchange"])["exchange"]
    beyond = used.isna()
    age = _sessions_between(exchange, used.fillna(rows["business_date"]), rows["business_date"])
    late = (age > 0) | beyond
    old_price = "price of " + dated.iso(used) + ": " + pd.Series(age, rows.index).astype("str") + " session(s) old"
    # The facts given reach back further than MAX_STALE, so a price that is not among them is older than that.
    reason = old_price.mask(beyond, "the last price is older than all prices that were looked at")
    impact = rows["market_value_base"].abs() * _volatility(rows, returns) * np.sqrt(age)
    return _finding(
        rows[late],
        "price_stale",
        np.where(beyond | (age > MAX_STALE), "blocking", "warning")[late],
        reason[late],
        impact.mask(beyond)[late],
    )


def spikes(valuations: pd.DataFrame, returns: pd.DataFrame) -> pd.DataFrame:
    """Held instruments whose return is beyond ``SPIKE`` of their own volatilities: ``price_spike``, warning.

    Volatility is the standard deviation of price_return over the ``WINDOW`` sessions before; it needs ``ENOUGH`` of
    them. impact_base is what NAV would change by if the price had not moved.

    Args:
        valuations: table of the sessions that are checked.
        returns: table of the same sessions and of ``WINDOW`` sessions before each.
    """
    today = returns[["business_date", "instrument", "price_return"]]
    rows = _held(valuations).merge(today, on=["business_date", "instrument"])
    volatility = _volatility(rows, returns)
    moved = rows["price_return"]
    odd = (moved.abs() > SPIKE * volatility).to_numpy()
    times = (moved.abs() / volatility).map("{:.0f}".format).astype("str")
    reason = "moved by " + moved.map("{:+.1%}".format).astype("str") + ", " + times + " times its own daily volatility"
    impact = -rows["market_value_base"] * moved / (1.0 + moved)
    return _finding(rows[odd], "price_spike", "warning", reason[odd], impact[odd])


def unequal_prices(valuations: pd.DataFrame, raw_prices: pd.DataFrame) -> pd.DataFrame:
    """Held instruments with closes of several sources that differ by more than ``UNEQUAL``: ``price_unequal``.

    Warning; impact_base is the value of the whole spread. Raw and adjusted prices, and other currencies, do not mean
    the same and are not compared; prices in a minor unit are compared in its currency.
    """
    same = ["business_date", "instrument", "currency", "price_basis"]
    found = raw_prices[raw_prices["business_date"].isin(valuations["business_date"].unique())]
    currency, parts = currencies.major(found["currency"])
    found = found.assign(currency=currency, close=found["close"] / parts)
    spread = found.groupby(same, as_index=False)["close"].agg(["min", "max"])
    spread["fraction"] = spread["max"] / spread["min"] - 1.0
    widest = spread.sort_values("fraction", kind="stable").drop_duplicates(["business_date", "instrument"], keep="last")
    rows = _held(valuations).merge(widest[widest["fraction"] > UNEQUAL], on=["business_date", "instrument"])
    low, high = (rows[name].map("{:g}".format).astype("str") for name in ("min", "max"))
    reason = "sources differ: from " + low + " to " + high
    return _finding(rows, "price_unequal", "warning", reason, rows["market_value_base"].abs() * rows["fraction"])


def adjusted_with_action(
    valuations: pd.DataFrame, prices: pd.DataFrame, lots: pd.DataFrame, corporate_actions: pd.DataFrame
) -> pd.DataFrame:
    """Adjusted prices of what was held through a split or cash dividend: ``adjusted_price_with_action``, blocking.

    The price holds the action already and the books post it once more. It stands as long as a lot from before the
    ex_date is held. impact_base is the gross dividends counted twice; a split alone has none that could be told.

    Args:
        valuations: table of the sessions that are checked.
        prices: golden, of the same sessions.
        lots: table of the same sessions.
        corporate_actions: facts.
    """
    day = ["business_date", "instrument"]
    adjusted = prices.loc[prices["price_basis"] == "adjusted", day]
    oldest = lots.groupby(["business_date", "book", "instrument"], as_index=False)["opened_on"].min()
    held = _held(valuations).merge(adjusted, on=day).merge(oldest, on=["business_date", "book", "instrument"])
    posted = corporate_actions["kind"].isin(["split", "cash_dividend"]) & (corporate_actions["status"] != "cancelled")
    columns = ["action_id", "instrument", "kind", "ex_date", "amount"]
    both = held.merge(corporate_actions.loc[posted, columns], on="instrument")
    both = both[(both["opened_on"] < both["ex_date"]) & (both["ex_date"] <= both["business_date"])]
    paid = both["kind"] == "cash_dividend"
    both = both.assign(twice=(both["quantity"] * both["amount"] * both["fx_rate"]).where(paid))
    both = both.sort_values(["business_date", "book", "instrument", "ex_date", "action_id"])
    key = ["business_date", "book", "instrument"]
    last, twice = both.groupby(key)[["kind", "ex_date"]].last(), both.groupby(key)["twice"]
    rows = last.join(twice.agg(["size", "sum", "count"])).reset_index()
    more = (" and " + (rows["size"] - 1).astype("str") + " more").where(rows["size"] > 1, "")
    reason = "the price is adjusted and " + rows["kind"] + " of " + dated.iso(rows["ex_date"]) + more + " was booked"
    return _finding(rows, "adjusted_price_with_action", "blocking", reason, rows["sum"].where(rows["count"] > 0))


def unknown_accruals(valuations: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """Bonds valued without accrued interest, their coupon not being known: ``accrued_interest_missing``, warning."""
    rows = _held(valuations)
    is_bond = security_master.attributes(instruments, "instrument", rows, ["asset_class"])["asset_class"] == "bond"
    return _finding(rows[is_bond], "accrued_interest_missing", "warning", "valued clean: its coupon is not known")


def stale_rates(valuations: pd.DataFrame, fx_rates: pd.DataFrame, nav: pd.DataFrame) -> pd.DataFrame:
    """Stale rates between currencies that books hold or report in: ``fx_stale``, warning, ``instrument`` the pair."""
    sides = [
        valuations[["business_date", "currency"]],
        nav[["business_date", "base_currency"]].set_axis(["business_date", "currency"], axis=1),
    ]
    used = pd.MultiIndex.from_frame(pd.concat(sides).drop_duplicates())
    concerns = [pd.MultiIndex.from_frame(fx_rates[["business_date", side]]).isin(used) for side in ("base", "quote")]
    rows = fx_rates[(fx_rates["status"] == "stale") & concerns[0] & concerns[1]]
    named = rows.assign(instrument=rows["base"] + "/" + rows["quote"])
    return _finding(named, "fx_stale", "warning", rows["reason"])


def fx_triangles(raw_fx_rates: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Three rates of one source whose round trip gains more than ``TRIANGLE``: ``fx_triangle``, warning.

    ``instrument`` holds the three currencies. Of several sources the one with the widest gap is named.

    Args:
        raw_fx_rates: facts; those of ``sessions`` count.
        sessions: midnight, naive.
    """
    found = fx.triangles(raw_fx_rates, sessions, TRIANGLE)
    named = found.assign(
        instrument=found["first"] + "/" + found["second"] + "/" + found["third"], gap=np.log(found["product"]).abs()
    )
    day = ["business_date", "instrument"]
    rows = named.sort_values([*day, "gap"], kind="stable").drop_duplicates(day, keep="last")
    trip = rows["first"] + " to " + rows["second"] + " to " + rows["third"] + " and back"
    gives = " gives " + rows["product"].map("{:.6f}".format).astype("str")
    reason = "source " + rows["source"] + ": " + rows["legs"] + " do not agree: 1 " + trip + gives
    return _finding(rows, "fx_triangle", "warning", reason)


def identifier_forms(identifiers: pd.DataFrame, valuations: pd.DataFrame) -> pd.DataFrame:
    """Identifiers of held instruments that are none of their scheme: ``identifier_<scheme>``, warning.

    An identifier is taken as delivered, since what it names is known by it alone; a wrong check digit says that
    somebody mistyped it, and that the next file may not find its instrument.

    Args:
        identifiers: facts; those in force on the session count.
        valuations: table of the sessions that are checked.
    """
    held = valuations[["business_date", "instrument"]].drop_duplicates()
    rows = identifiers[identifiers["scheme"].isin(check_digits.SCHEMES)].merge(held, on="instrument")
    rows = rows[(rows["valid_from"] <= rows["business_date"]) & ~(rows["valid_to"] < rows["business_date"])]
    reasons = pd.Series("", index=rows.index, dtype="str")
    for scheme, group in rows.groupby("scheme"):
        reasons[group.index] = check_digits.faults(str(scheme), group["value"])
    wrong = rows.assign(reason=rows["value"] + " is " + reasons)[reasons != ""]
    wrong = wrong.drop_duplicates(["business_date", "instrument", "scheme"])
    return _finding(wrong, "identifier_" + wrong["scheme"], "warning", wrong["reason"])


def negative_cash(cash: pd.DataFrame) -> pd.DataFrame:
    """Overdrawn balances: ``cash_negative``, warning."""
    rows = cash[cash["balance"] < 0]
    amount = rows["balance"].map("{:,.2f}".format).astype("str")
    named = rows.assign(instrument="CASH:" + rows["currency"])
    return _finding(named, "cash_negative", "warning", "the balance is " + amount + " " + rows["currency"])


def breaks(reconciliation_breaks: pd.DataFrame) -> pd.DataFrame:
    """Each break a warning, ``break_open``; a book whose breaks are material is blocked, ``break_material``.

    Material is more than ``MATERIAL_BP`` in sum, without sign, or one whose effect on NAV is not known.
    """
    names = ["business_date", "book", "instrument"]
    rows = reconciliation_breaks.assign(size=reconciliation_breaks["impact_bp"].abs())
    first = (
        rows.sort_values("size", kind="stable", na_position="last")
        .drop_duplicates(names, keep="last")
        .sort_values(names)
    )
    money, units = (first["difference"].abs().map(text.format).astype("str") for text in ("{:,.2f}", "{:,.10g}"))
    size = units.mask(first["kind"] == "cash", money + " " + first["currency"])
    side = pd.Series(np.where(first["difference"] < 0, " less", " more"), first.index, dtype="str")
    since = ", open since " + dated.iso(first["opened_on"]).set_axis(first.index)
    reason = first["kind"] + ": the custodian has " + size + side + " than the books, " + first["cause"] + since
    each = _finding(first, "break_open", "warning", reason, first["impact_base"])
    book = rows.groupby(["business_date", "book"]).agg(
        size=("size", "sum"), known=("size", "count"), count=("kind", "size"), impact_base=("impact_base", "sum")
    )
    book = book[(book["size"] > MATERIAL_BP) | (book["known"] < book["count"])].reset_index()
    unknown = book["known"] < book["count"]
    sum_of = "breaks sum up to " + book["size"].map("{:.1f}".format).astype("str") + " bp of NAV"
    text = sum_of.mask(unknown, "the effect of a break on NAV is not known")
    return pd.concat([each, _finding(book, "break_material", "blocking", text, book["impact_base"].mask(unknown))])


def missing_custodian(
    nav: pd.DataFrame, valuations: pd.DataFrame, custodian_positions: pd.DataFrame, custodian_cash: pd.DataFrame
) -> pd.DataFrame:
    """Books that the custodian reported before and not for the session: ``feed_missing_custodian_...``, blocking.

    Positions are expected only where the book holds some. No report is not the same as no breaks.

    Args:
        nav: table of the sessions that are checked.
        valuations: table of the same sessions.
        custodian_positions: facts of the same sessions and, to know what is expected, from before.
        custodian_cash: facts, likewise.
    """
    day = ["business_date", "book"]
    holds = pd.MultiIndex.from_frame(_held(valuations)[day])
    open_books = nav[pd.MultiIndex.from_frame(nav[day]).isin(holds)]
    parts = []
    for name, facts, expected in (
        ("custodian_positions", custodian_positions, open_books),
        ("custodian_cash", custodian_cash, nav),
    ):
        first = facts.groupby("book", as_index=False)[["business_date"]].min().set_axis(["book", "since"], axis=1)
        rows = expected.merge(first, on="book")
        there = pd.MultiIndex.from_frame(rows[day]).isin(pd.MultiIndex.from_frame(facts[day]))
        late = rows[(rows["since"] < rows["business_date"]) & ~there]
        parts.append(_finding(late, f"feed_missing_{name}", "blocking", f"no {name} were delivered for this session"))
    return pd.concat(parts)


def missing_prices(prices: pd.DataFrame, raw_prices: pd.DataFrame) -> pd.DataFrame:
    """Sessions for which no price at all was delivered while markets were open: ``feed_missing_prices``, blocking."""
    waiting = prices[prices["status"] == "stale"]
    delivered = raw_prices["business_date"].unique()
    rows = waiting.loc[~waiting["business_date"].isin(delivered), ["business_date"]].drop_duplicates()
    return _finding(rows, "feed_missing_prices", "blocking", "no prices were delivered for this session")


def failed_feeds(deliveries: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Files that could not be read, until a newer one takes their place: ``feed_failed_<table>``, blocking.

    Of a snapshot table a newer file of the same suffix takes the place; of other tables one of the same date and
    suffix. An empty delivery is a warning, ``feed_empty_<table>``. A file whose name tells no table or date counts for
    every session.

    Args:
        deliveries: the file register: seq, file, table_name, delivered, suffix, outcome, reason.
        sessions: midnight, naive.
    """
    known = deliveries.assign(delivered=pd.to_datetime(deliveries["delivered"]).astype("datetime64[us]"))
    known = known.merge(pd.DataFrame({"business_date": sessions}), how="cross")
    known = known[known["delivered"].isna() | (known["delivered"] <= known["business_date"])]
    lasting = ~known["table_name"].isin(tables.SNAPSHOTS)
    known["slot"] = known["suffix"].mask(lasting, dated.iso(known["delivered"]).to_numpy() + known["suffix"])
    known["slot"] = known["slot"].mask(known["table_name"] == "", known["file"])
    known = known.sort_values(["delivered", "seq"], kind="stable", na_position="first")
    newest = known.drop_duplicates(["business_date", "table_name", "slot"], keep="last")
    parts = []
    for outcome, severity, word in (("failed", "blocking", "failed"), ("empty", "warning", "empty")):
        rows = newest[newest["outcome"] == outcome]
        check = (f"feed_{word}_" + rows["table_name"]).mask(rows["table_name"] == "", f"feed_{word}")
        text = rows["file"] + ": " + rows["reason"].mask(rows["reason"] == "", "no rows")
        parts.append(_joined(rows.assign(check=check, text=text), severity))
    return pd.concat(parts)


def open_quarantine(quarantine: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Delivered rows that wait for a decision: ``quarantine_<table>``; blocking where NAV is made of that table.

    Args:
        quarantine: file, line, column, reason, status, table_name, business_date (empty: about every session).
        sessions: midnight, naive.
    """
    waiting = quarantine[quarantine["status"].isin(["open", "waiting"])]
    waiting = waiting.assign(since=pd.to_datetime(waiting["business_date"]).astype("datetime64[us]"))
    rows = waiting.drop(columns="business_date").merge(pd.DataFrame({"business_date": sessions}), how="cross")
    rows = rows[rows["since"].isna() | (rows["since"] <= rows["business_date"])].sort_values(["file", "line", "column"])
    place = rows["file"] + " line " + rows["line"].astype("str")
    column = (", column " + rows["column"]).mask(rows["column"] == "", "")
    named = rows.assign(check="quarantine_" + rows["table_name"], text=place + column + ": " + rows["reason"])
    money = rows["table_name"].isin(MONEY_TABLES)
    return pd.concat([_joined(named[money], "blocking"), _joined(named[~money], "warning")])


def benchmark_weights(weights: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Benchmarks whose weights do not add up to 1 within ``WEIGHT_SUM``: ``benchmark_weights``, warning."""
    rows = weights[weights["business_date"].isin(sessions)]
    each = rows.groupby(["business_date", "benchmark"], as_index=False)["weight"].sum()
    off = each[(each["weight"] - 1.0).abs() > WEIGHT_SUM]
    text = "weights add up to " + off["weight"].map("{:.6f}".format).astype("str") + "; they are divided by that"
    return _finding(off.rename(columns={"benchmark": "instrument"}), "benchmark_weights", "warning", text)


def ended_series(alternative_data: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Series that have no recent observation: ``series_ended``, info. A series that ended has not failed.

    It has ended when its last observation is further back than ``ENDED`` times the usual distance between two of its
    observations (the median); with fewer than three observations there is no usual distance.
    """
    known = alternative_data.sort_values("observed_on").assign(name=alternative_data["series"].str.cat(
        alternative_data["instrument"], sep=" ").str.strip())  # fmt: skip
    known = known.drop_duplicates(["name", "observed_on"])
    step = known.groupby("name")["observed_on"].diff().groupby(known["name"]).median().rename("step")
    each = pd.concat([step, known.groupby("name")["observed_on"].max().rename("last")], axis=1).dropna().reset_index()
    rows = each.merge(pd.DataFrame({"business_date": sessions}), how="cross")
    rows = rows[(rows["business_date"] - rows["last"]) > ENDED * rows["step"]]
    reason = "the last observation is of " + dated.iso(rows["last"])
    return _finding(rows.rename(columns={"name": "instrument"}), "series_ended", "info", reason)


def identities(gaps: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What does not add up: ``identity_<name>``, blocking, never to be waived.

    Args:
        gaps: name of the identity -> its offenders: business_date, book, reason, and where it has them instrument and
            gap. The gap of identity ``nav`` is money and becomes impact_base.
    """
    found = [pd.DataFrame()]
    for name, rows in gaps.items():
        impact = rows["gap"] if name == "nav" else np.nan
        found.append(_finding(rows, f"identity_{name}", "blocking", rows["reason"], impact))
    return pd.concat(found)


def _finding(
    rows: pd.DataFrame,
    check: "str | NDArray[np.str_] | pd.Series[str]",
    severity: "str | NDArray[np.str_]",
    reason: "str | pd.Series[str]",
    impact: "float | pd.Series[float]" = np.nan,
) -> pd.DataFrame:
    """One finding for each of ``rows``, about its book and instrument where it has them."""
    given = {name: rows[name].to_numpy() if name in rows else "" for name in ("book", "instrument")}
    values = {"check": check, "severity": severity, "reason": reason, "impact_base": impact}
    plain = {name: value.to_numpy() if isinstance(value, pd.Series) else value for name, value in values.items()}
    texts = dict.fromkeys(["check", "book", "instrument", "severity", "reason"], "str")
    return pd.DataFrame({"business_date": rows["business_date"].to_numpy(), **given, **plain}).astype(
        {**texts, "impact_base": "float64"}
    )


def _joined(rows: pd.DataFrame, severity: str) -> pd.DataFrame:
    """One finding for each session and check: the first text and the number of the others."""
    each = rows.groupby(["business_date", "check"], sort=False)["text"].agg(["first", "size"]).reset_index()
    more = (" (and " + (each["size"] - 1).astype("str") + " more)").where(each["size"] > 1, "")
    return _finding(each, each["check"], severity, each["first"] + more)


def _held(valuations: pd.DataFrame) -> pd.DataFrame:
    """Rows of securities."""
    columns = ["business_date", "book", "instrument", "quantity", "fx_rate", "market_value_base"]
    return valuations.loc[~valuations["instrument"].str.startswith("CASH:"), columns].reset_index(drop=True)


def _sessions_between(
    exchange: "pd.Series[str]", since: "pd.Series[pd.Timestamp]", until: "pd.Series[pd.Timestamp]"
) -> dated.Ints:
    """Sessions of each exchange in (since, until]; weekdays where it has no known calendar. One turn an exchange."""
    age = np.zeros(len(exchange), np.int64)
    for name in exchange.unique():
        here = (exchange == name).to_numpy()
        if calendars.is_calendar(name):
            known = calendars.sessions(name).to_numpy()
            low, high = (np.searchsorted(known, dates[here].to_numpy(), side="right") for dates in (since, until))
            age[here] = high - low
        else:
            one_day = np.timedelta64(1, "D")
            low, high = (dates[here].to_numpy().astype("datetime64[D]") + one_day for dates in (since, until))
            age[here] = np.busday_count(low, high)
    return age


def _volatility(rows: pd.DataFrame, returns: pd.DataFrame) -> Floats:
    """Standard deviation of price_return over the ``WINDOW`` sessions before each row's; NaN with too few of them.

    One turn a session: each has its own window, so that a range gives the figures of single sessions.
    """
    table = returns.pivot(index="business_date", columns="instrument", values="price_return").sort_index()
    values, dates = table.to_numpy(np.float64), table.index
    column = table.columns.get_indexer(pd.Index(rows["instrument"]))
    found = np.full(len(rows), np.nan)
    for session, at in rows.groupby("business_date").indices.items():
        end = int(dates.searchsorted(pd.Timestamp(session)))  # type: ignore[arg-type]
        window = values[max(end - WINDOW, 0) : end]
        enough = np.isfinite(window).sum(axis=0) >= ENOUGH
        deviation = np.full(values.shape[1], np.nan)
        deviation[enough] = np.nanstd(window[:, enough], axis=0, ddof=1)
        here = at[column[at] >= 0]
        found[here] = deviation[column[here]]
    return found
