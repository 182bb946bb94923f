"""What-if: what trades that nobody has made would do to risk, exposures, limits and compliance.

Belongs here: putting a list of trades into the books of one close, and what is measured before and after. Does not
belong here: the measures themselves (``var``, ``stress``, ``exposures``, ``limits``, ``daybook.compliance``), which are
asked as the end of the day asks them; where the tables are read (``assets.what_if``).

Conventions: a trade is done at the close of the session and settled at once, without costs. Quantities are signed, a
purchase positive. At the closing price, which is the default, it does not change NAV: money in the instrument's
currency pays for it, and may become negative. At another price the book gains quantity x (close - price). A bond's
price is per 100 and clean, accrued interest is paid on top; a future pays only what it gained since its price; a
forward nothing at all: its price is agreed for maturity. A trade in ``CASH:<CCY>`` is a currency bought with base
currency at the rate of the close, or at its price.

Before is made of the stored positions and cash at the stored prices and rates, so it is what the tables of the session
say unless facts changed since; after is the same with the trades in it, and change is after less before. VaR and ES are
losses: a positive change is more risk. An option or bond that nobody held is priced by the models of the close and
revalued in full. Drawdown is that of the past: no trade moves it.

Both stand side by side as two books of the same name, the second with ``AFTER`` behind it, through one computation of
each measure: no result depends on which other books there are.

A trade that cannot be made is refused with the reason, and with it all trades of its book, because a part of a list is
another list. Other books go on; books that do not trade are not computed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from daybook import tables
from daybook.compliance import rules as compliance
from daybook.ledger import pricing, valuation
from daybook.market import fx
from daybook.market.security_master import attributes, point_value
from daybook.performance.benchmarks import Sources
from daybook.risk import exposures as exposure
from daybook.risk import factors, liquidity, look_through, scenarios, stress
from daybook.risk import limits as limit
from daybook.risk import var as value_at_risk

CASH = "CASH:"
AFTER = "\x1fafter"
"""Behind the name of a book that has traded; no file can have a name with a control character."""
OTHERS = "not computed: another trade of the book is refused"
KEY = ["business_date", "book"]
TRADE = ["book", "instrument", "quantity", "price"]
"""Columns of a list of trades; price is NaN for the closing price."""
OF_THE_SESSION = (
    *("positions", "cash", "activity", "book_failures", "model_prices", "pnl"),
    *("betas", "factor_returns", "factor_exposures", "specific_risks"),
)
"""Results that are read of the session alone."""
FACTS = (
    *("books", "instruments", "issuers", "accounts", "constituents", "corporate_actions"),
    *("risk_free_rates", "volatilities", "var_models", "proxies", "risk_factors"),
    *("benchmark_weights", "benchmark_levels", "benchmark_blends", "benchmark_terms", "alternative_data"),
    *("limits", "limit_raises", "rules", "liquidity_rules", "redemption_terms"),
)
"""Facts that are read as they stand for the session."""
COLUMNS = (
    *("kind", "book", "name", "bucket", "confidence", "horizon_days", "figure", "before", "after", "change"),
    *("status_before", "status_after", "reason"),
)
"""Columns of ``Answer.rows``."""
_LINES = ("long", "short", "gross", "net", "gross_fraction", "net_fraction", "beta_adjusted", "notional_base")
CENT, NOTHING = 0.005, 1e-9
"""Money, and part of NAV, below which nothing is shown to have changed: values at an exchange rate are rounded to the
millionth, which moves NAV by as much."""
_SIDES = ("before", "after", "change")
_MODEL = ("book", "method", "horizon_days", "confidence")
_PLACE = ("book", "look_through", "dimension", "bucket")
_LIMIT = ("book", "limit", "dimension", "bucket", "measure", "basis", "threshold")
_RULE = ("book", "rule", "bucket", "threshold")


@dataclass(frozen=True)
class Answer:
    """What the trades would do, as frames with ``<figure>_before``, ``_after`` and ``_change``.

    Attributes:
        session: the close that it is about.
        trades: those in the answer: TRADE with the price used, currency, fx_rate into base, value_base (market value
            of what is traded), paid_base (what leaves the cash, negative for a sale), reason (how old the price is, by
            which model it was made).
        refused: TRADE as asked, and reason.
        nav: book, base_currency; nav, cash; overdrawn (which currencies by how much), status, reason.
        var: book, method, horizon_days, confidence; var, es, nav_fraction, coverage; status.
        stress: book, scenario; pnl, pnl_fraction; reason.
        exposures: book, look_through, dimension, bucket; long to notional_base as in table ``exposures``.
        limits: book, limit, dimension, bucket, measure, basis, threshold; value, headroom; status, reached, reason.
        compliance: book, rule, bucket, threshold; value; status, cause, reason.
    """

    session: pd.Timestamp
    trades: pd.DataFrame
    refused: pd.DataFrame
    nav: pd.DataFrame
    var: pd.DataFrame
    stress: pd.DataFrame
    exposures: pd.DataFrame
    limits: pd.DataFrame
    compliance: pd.DataFrame

    @property
    def rows(self) -> pd.DataFrame:
        """All of it as one row for each figure (``COLUMNS``), refusals last."""
        through = np.where(self.exposures["look_through"].astype(bool), "look_through", "exposure")
        parts = [
            _long(self.nav, "nav", "base_currency", ("nav", "cash")),
            _long(self.var, "var", "method", ("var", "es", "nav_fraction", "coverage")),
            _long(self.stress, "stress", "scenario", ("pnl", "pnl_fraction")),
            _long(self.exposures, through, "dimension", _LINES),
            _long(self.limits, "limit", "limit", ("value", "headroom")),
            _long(self.compliance, "compliance", "rule", ("value",)),
            _long(self.refused, "refused", "instrument", ()).assign(after=self.refused["quantity"].to_numpy()),
        ]
        parts[-1] = parts[-1].assign(figure="quantity", status_after="refused")
        return pd.concat(parts, ignore_index=True)[list(COLUMNS)]

    @property
    def views(self) -> dict[str, pd.DataFrame]:
        """What a person is shown, by title: every figure of VaR and stress; exposures, limits and rules that change or
        are not kept; money to the cent. Nothing of what has no rows.
        """
        nav, var = _told(self.nav), _told(self.var)
        ahead = var["horizon_days"].astype("int64").astype("str")
        one = ahead.eq("1")
        var["model"] = var["method"] + " " + var["confidence"].map("{:g}".format).astype("str")
        var["model"] += (" over " + ahead + " sessions").mask(one, "")
        direct = self.exposures[~self.exposures["look_through"].astype(bool)]
        direct = direct[direct[["gross_change", "net_change"]].abs().max(axis=1) >= CENT]
        limits, rules = _told(_changed(self.limits)), _told(_changed(self.compliance))
        placed = ["book", "limit", "dimension", "bucket", "value_before", "value_after", "threshold", "headroom_after"]
        ruled = [
            "book",
            "rule",
            "bucket",
            "value_before",
            "value_after",
            "threshold",
            "status",
            "cause_after",
            "reason",
        ]
        shown = {
            "trades": self.trades,
            "refused": self.refused,
            "NAV and cash": nav[
                ["book", *_columns("nav", "cash"), "base_currency", "overdrawn_after", "status", "reason"]
            ],
            "VaR and expected shortfall": var[["book", "model", *_columns("var", "es"), "status"]],
            "stress": _told(self.stress)[["book", "scenario", *_columns("pnl"), "pnl_fraction_after", "reason"]],
            "exposures that change": direct[
                ["book", "dimension", "bucket", *_columns("net", "gross"), "net_fraction_after"]
            ],
            "limits that change or are not kept": limits[[*placed, "status", "reason"]],
            "rules that change or are not kept": rules[ruled],
        }
        money = ["value_base", "paid_base", *_columns("nav", "cash", "var", "es", "pnl", "net", "gross")]
        return {title: frame.round(dict.fromkeys(money, 2)) for title, frame in shown.items() if len(frame)}


def what_if(
    trades: pd.DataFrame,
    session: pd.Timestamp,
    known: Mapping[str, pd.DataFrame],
    stresses: Mapping[str, stress.Scenario],
    order: Sequence[str],
) -> Answer:
    """What ``trades`` would do to their books at the close of ``session``.

    Args:
        trades: ``TRADE``, one row each; several of one instrument add up.
        session: the close; midnight, naive.
        known: tables by name: ``OF_THE_SESSION``; ``FACTS``; transactions (empty will do where no book holds a
            forward); valuations and nav of each book's session before; performance from each book's first session on;
            prices of the session, and of bonds as far back as rates; returns of the windows of the models in force and
            of every session of each replay of ``stresses``; fx_rates likewise, one session further; raw_prices of
            ``liquidity.WINDOW`` sessions.
        stresses: scenarios of stress by name.
        order: preference among sources of prices.
    """
    read = {name: _of(frame, trades["book"]) for name, frame in known.items()}
    asked = trades[TRADE].reset_index(drop=True).assign(business_date=session)
    read["model_prices"] = _modelled(asked, read, session, order)
    prices = read["prices"]
    quoted = valuation.quoted(prices[prices["business_date"].eq(session)], read["model_prices"])
    priced = _priced(asked, read, quoted)
    bad = priced["reason"].ne("")
    priced["reason"] = priced["reason"].mask(~bad & priced["book"].isin(priced.loc[bad, "book"]), OTHERS)
    good = priced["reason"].eq("")
    refused = asked[TRADE].assign(reason=priced["reason"])[~good].reset_index(drop=True)
    done = priced[good].reset_index(drop=True)
    return _answer(session, done, refused, read, quoted, stresses, order)


def _of(frame: pd.DataFrame, books: "pd.Series[str]") -> pd.DataFrame:
    """The rows of ``frame`` of these books and of every book."""
    return frame[frame["book"].isin([*books, ""])] if "book" in frame else frame


def _modelled(
    asked: pd.DataFrame, read: Mapping[str, pd.DataFrame], session: pd.Timestamp, order: Sequence[str]
) -> pd.DataFrame:
    """Table ``model_prices`` of the session, also of instruments that are only asked for."""
    stored = read["model_prices"]
    new = asked.loc[~asked["instrument"].isin(stored["instrument"]), ["business_date", "instrument"]]
    terms = attributes(read["instruments"], "instrument", new, ["asset_class"])
    new = new[terms["asset_class"].isin(pricing.PRICED)]
    if new.empty:
        return stored
    days = pd.DatetimeIndex([session]).as_unit("us")
    prices, rates = (frame[frame["business_date"].eq(session)] for frame in (read["prices"], read["fx_rates"]))
    curves, volatilities, instruments = (read[name] for name in ("risk_free_rates", "volatilities", "instruments"))
    made = pricing.model_prices(new, prices, rates, curves, volatilities, instruments, days, order)
    return pd.concat([stored, made], ignore_index=True)


def _priced(asked: pd.DataFrame, read: Mapping[str, pd.DataFrame], quoted: pd.DataFrame) -> pd.DataFrame:
    """``asked`` with what each trade is worth and pays; ``reason`` says why it cannot be made, ``remark`` what to know
    of its price.
    """
    terms = attributes(read["instruments"], "instrument", asked, ["asset_class", "multiplier", "maturity_date"])
    of_book = attributes(read["books"], "book", asked, ["base_currency", "shorts"])
    unit = valuation.unit_values(asked, quoted, read["instruments"])
    base, money = of_book["base_currency"], asked["instrument"].str.startswith(CASH)
    rate = pd.Series(fx.rates(read["fx_rates"], unit["currency"], base, asked["business_date"]), asked.index)
    point = point_value(terms["asset_class"], terms["multiplier"])
    closing = unit["price"].where(~money, rate)
    agreed = asked["price"].fillna(closing)
    paid = agreed * point + unit["accrued"]
    paid = paid.mask(terms["asset_class"].eq("future"), (agreed - closing) * point).mask(unit["is_forward"], 0.0)
    reason = _reason(asked, read, terms, of_book, unit, rate)
    return asked.assign(
        agreed=agreed,
        currency=unit["currency"],
        base_currency=base,
        fx_rate=rate,
        notional=(asked["quantity"] * agreed * point).where(unit["is_forward"], 0.0),
        paid=asked["quantity"] * paid,
        pays=unit["currency"].mask(money, base),
        paid_base=(asked["quantity"] * paid * rate.mask(money, 1.0)).round(6),
        value_base=(
            asked["quantity"] * rate * unit["unit"]
            - (asked["quantity"] * agreed * point * unit["discount_factor"] * rate).where(unit["is_forward"], 0.0)
        ).round(6),
        remark=unit["remark"],
        reason=reason,
    )


def _reason(
    asked: pd.DataFrame,
    read: Mapping[str, pd.DataFrame],
    terms: pd.DataFrame,
    of_book: pd.DataFrame,
    unit: pd.DataFrame,
    rate: "pd.Series[float]",
) -> "pd.Series[str]":
    """Why each trade cannot be made, "" where it can: the first of what stands against it."""
    day = asked["business_date"]
    nav = read["nav"].merge(asked[KEY].drop_duplicates(), on=KEY)
    status = asked[KEY].merge(nav, on=KEY, how="left")[["status", "reason"]].set_axis(asked.index).fillna("")
    money = asked["instrument"].str.startswith(CASH)
    unknown = ~asked["instrument"].isin(read["instruments"]["instrument"])
    matured = terms["maturity_date"].dt.strftime("%Y-%m-%d").astype("str")
    held = read["positions"][["book", "instrument", "quantity"]].groupby(["book", "instrument"])["quantity"].sum()
    total = asked.groupby(["book", "instrument"])["quantity"].transform("sum")
    now = held.reindex(pd.MultiIndex.from_frame(asked[["book", "instrument"]])).fillna(0.0).to_numpy()
    short = ~of_book["shorts"].fillna(True).astype(bool) & (total < 0) & ((now + total).round(8) < 0) & ~money
    tests = [
        (of_book["base_currency"].eq(""), "there is no book " + asked["book"]),
        (status["status"].eq(""), "the book has no NAV on that date"),
        (status["status"].ne("ok"), "its NAV failed: " + status["reason"]),
        (~np.isfinite(asked["quantity"]) | asked["quantity"].eq(0), "quantity is no number other than 0"),
        (asked["price"].notna() & ~np.isfinite(asked["price"]), "price is no number"),
        (unknown & ~money, "there is no instrument " + asked["instrument"]),
        (money & asked["instrument"].str[len(CASH) :].eq(of_book["base_currency"]), "it is the book's base currency"),
        (terms["maturity_date"] <= day, "it matured on " + matured),
        (unit["failure"].ne(""), unit["failure"]),
        (rate.isna(), "no exchange rate " + unit["currency"] + "/" + of_book["base_currency"]),
        (short, "the book may not sell short"),
    ]
    reason = pd.Series("", asked.index, dtype="str")
    for failed, said in reversed(tests):
        reason = reason.mask(failed.fillna(False).astype(bool), said)
    return reason


def _answer(
    session: pd.Timestamp,
    done: pd.DataFrame,
    refused: pd.DataFrame,
    read: Mapping[str, pd.DataFrame],
    quoted: pd.DataFrame,
    stresses: Mapping[str, stress.Scenario],
    order: Sequence[str],
) -> Answer:
    sessions = pd.DatetimeIndex([session]).as_unit("us")
    both = {name: _doubled(_of(frame, done["book"])) for name, frame in read.items()}
    positions, cash = _traded(both["positions"], both["cash"], done)
    now = both["fx_rates"][both["fx_rates"]["business_date"].eq(session)]
    books, instruments = both["books"], both["instruments"]
    values = valuation.valuations(positions, cash, quoted, now, books, instruments, sessions)
    activity, failures = both["activity"], both["book_failures"]
    nav = valuation.nav(values, cash, activity, failures, quoted, now, books, instruments, sessions)
    var = _var(both, values, nav, sessions)
    shocked = _stress(both, values, nav, sessions, stresses)
    to_market = exposure.market_betas(both["betas"], both["risk_factors"], sessions)
    reference = exposure.Reference(
        both["issuers"], books, both["accounts"], both["transactions"], both["model_prices"], to_market
    )
    direct = exposure.exposures(values, instruments, nav, sessions, reference)
    through, inside = tables.empty("look_through_exposures"), both["constituents"]
    if len(inside) or both["limits"]["look_through"].any():
        through = look_through.look_through_exposures(values, instruments, nav, sessions, inside, reference)
    measured = _Measured(values, nav, var, shocked, direct, through, reference)
    usage = _limits(both, measured, sessions, order)
    before = both["nav"][both["nav"]["business_date"] < session]
    verdicts = compliance.evaluate(
        both["rules"], direct, both["valuations"], both["pnl"], pd.concat([before, nav]), instruments, sessions
    )
    exposed = pd.concat([direct.assign(look_through=False), through.assign(look_through=True)], ignore_index=True)
    lost = nav.loc[nav["status"].ne("ok"), "book"].str.removesuffix(AFTER).tolist()
    given = done.assign(price=done["agreed"], reason=done["remark"])
    return Answer(
        session=session,
        trades=given[[*TRADE, "currency", "fx_rate", "value_base", "paid_base", "reason"]],
        refused=refused,
        nav=_compared(
            _overdrawn(nav, cash), ["book", "base_currency"], _unless("nav", "cash"), ["overdrawn", "status", "reason"]
        ),
        var=_compared(var, list(_MODEL), _unless("var", "es", "nav_fraction", "coverage"), ["status"]),
        stress=_compared(shocked, ["book", "scenario"], _unless("pnl", "pnl_fraction"), ["reason"]),
        exposures=_compared(exposed, list(_PLACE), dict.fromkeys(_LINES, 0.0), [], lost),
        limits=_compared(usage, list(_LIMIT), _unless("headroom", value=0.0), ["status", "reached", "reason"], lost),
        compliance=_compared(verdicts, list(_RULE), {"value": 0.0}, ["status", "cause", "reason"], lost),
    )


@dataclass(frozen=True)
class _Measured:
    """Tables of the books before and after, as they are named."""

    valuations: pd.DataFrame
    nav: pd.DataFrame
    var: pd.DataFrame
    stress: pd.DataFrame
    exposures: pd.DataFrame
    look_through: pd.DataFrame
    reference: exposure.Reference


def _doubled(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with each row of a book once more for the book after its trades."""
    if "book" not in frame or frame.empty:
        return frame
    own = frame[frame["book"].ne("")]
    named = [name for name in ("book", "account", "custodian_account") if name in frame]
    twins = own.assign(**{name: (own[name] + AFTER).where(own[name].ne(""), "") for name in named})
    return pd.concat([frame, twins], ignore_index=True)


def _traded(positions: pd.DataFrame, cash: pd.DataFrame, done: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``positions`` and ``cash`` with the trades ``done`` in the books after them."""
    money = done["instrument"].str.startswith(CASH)
    rows = done.assign(book=done["book"] + AFTER)
    units = [*KEY, "instrument", "quantity", "notional"]
    held = pd.concat([positions[units], rows.loc[~money, units]])
    held = held.groupby([*KEY, "instrument"], as_index=False)[["quantity", "notional"]].sum()
    balance = [*KEY, "currency", "balance", "accrued"]
    paid = rows.assign(currency=rows["pays"], balance=-rows["paid"], accrued=0.0)
    bought = rows[money].assign(currency=rows["currency"], balance=rows["quantity"], accrued=0.0)
    balances = pd.concat([cash[balance], paid[balance], bought[balance]])
    balances = balances.groupby([*KEY, "currency"], as_index=False)[["balance", "accrued"]].sum()
    return held.round({"quantity": 8, "notional": 6}), balances.round({"balance": 6, "accrued": 6})


def _var(
    both: Mapping[str, pd.DataFrame], values: pd.DataFrame, nav: pd.DataFrame, sessions: pd.DatetimeIndex
) -> pd.DataFrame:
    names = (
        *("var_models", "proxies", "risk_factors", "books", "benchmark_weights", "benchmark_levels"),
        *("benchmark_blends", "benchmark_terms", "alternative_data", "model_prices", "prices", "risk_free_rates"),
    )
    asked = both["limits"]
    if not (asked["basis"].eq("benchmark") & asked["measure"].eq("var")).any():
        # VaR of the benchmark is for limits alone, and costs as much as that of the book.
        both = {**both, "books": tables.empty("books")}
    facts = scenarios.Facts(**{name: both[name] for name in names})
    market = both["returns"], both["fx_rates"], both["instruments"]
    return value_at_risk.var(values, nav, *market, sessions, facts)


def _stress(
    both: Mapping[str, pd.DataFrame],
    values: pd.DataFrame,
    nav: pd.DataFrame,
    sessions: pd.DatetimeIndex,
    stresses: Mapping[str, stress.Scenario],
) -> pd.DataFrame:
    names = ("proxies", "risk_factors", "betas", "factor_returns", "factor_exposures", "specific_risks", "model_prices")
    returns, fx_rates, instruments = (both[name] for name in ("returns", "fx_rates", "instruments"))
    history = None
    if len(both["proxies"]):
        levels, others = both["benchmark_levels"], both["alternative_data"]
        history = factors.series(both["risk_factors"], returns, levels, others, fx_rates, instruments, sessions[0])
    estimates = stress.Estimates(**{name: both[name] for name in names}, history=history)
    return stress.stress(values, nav, returns, fx_rates, instruments, sessions, stresses, estimates).stress


def _limits(
    both: Mapping[str, pd.DataFrame], measured: _Measured, sessions: pd.DatetimeIndex, order: Sequence[str]
) -> pd.DataFrame:
    """Table ``limit_usage`` without what the session before said."""
    values, nav, instruments = measured.valuations, measured.nav, both["instruments"]
    fluid = both["limits"]["measure"].eq("liquidity") | both["limits"]["dimension"].eq("liquidity_bucket")
    sold, profile = tables.empty("liquidity"), tables.empty("liquidity_profile")
    if fluid.any():
        ruled, terms, traded = (both[name] for name in ("liquidity_rules", "redemption_terms", "raw_prices"))
        sold = liquidity.liquidity(values, nav, traded, both["corporate_actions"], instruments, ruled, sessions, order)
        profile = liquidity.profile(sold, values, nav, instruments, ruled, terms, sessions)
    benchmarks = limit.benchmark_exposures(
        both["limits"],
        Sources(
            benchmark_weights=both["benchmark_weights"],
            returns=both["returns"],
            fx_rates=both["fx_rates"],
            benchmark_levels=both["benchmark_levels"],
            benchmark_blends=both["benchmark_blends"],
            benchmark_terms=both["benchmark_terms"],
        ),
        both["books"],
        nav,
        instruments,
        both["constituents"],
        sessions,
        measured.reference,
    )
    lost = limit.losses(measured.var, nav, both["performance"], measured.stress, profile)
    measures = limit.Measures(nav, measured.exposures, measured.look_through, benchmarks, sold, lost)
    return limit.usage(both["limits"], both["limit_raises"], measures, sessions)


def _overdrawn(nav: pd.DataFrame, cash: pd.DataFrame) -> pd.DataFrame:
    """``nav`` with the currencies of which the book has less than nothing."""
    short = cash[cash["balance"] < -CENT]
    said = short["currency"] + " " + short["balance"].map("{:,.2f}".format).astype("str")
    return nav.assign(overdrawn=nav["book"].map(said.groupby(short["book"]).agg("; ".join)).fillna("").astype("str"))


def _columns(*figures: str) -> list[str]:
    return [f"{name}_{side}" for name in figures for side in _SIDES]


def _changed(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of limits or rules whose value or status changes, or that do not pass."""
    statuses = rows["status_before"].ne(rows["status_after"]) | rows["status_after"].ne("pass")
    return rows[(rows["value_change"].abs() > NOTHING) | statuses]


def _told(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with ``status`` ("pass to breach" where it changes) and ``reason``: what is said after the trades."""
    found = rows.rename(columns={"reason_after": "reason"})
    if "status_after" not in rows:
        return found
    was, now = rows["status_before"], rows["status_after"]
    return found.assign(status=(was + " to " + now).where(was.ne(now) & was.ne(""), now))


def _unless(*figures: str, **absent: float) -> dict[str, float]:
    """What figures are where a side has no row of them: not known, unless ``absent`` says another."""
    return {**absent, **dict.fromkeys(figures, np.nan)}


def _compared(
    frame: pd.DataFrame,
    key: list[str],
    figures: Mapping[str, float],
    texts: list[str],
    lost: Sequence[str] = (),
) -> pd.DataFrame:
    """Rows of the books before and after beside each other.

    Args:
        frame: rows of both.
        key: what makes a row of one that of the other.
        figures: columns whose change is wanted, and what each is on a side without the row.
        texts: columns that are put side by side.
        lost: books of which a side could not be valued: what it lacks is not known.
    """
    if frame.empty:
        said = [f"{name}_{side}" for name in texts for side in _SIDES[:2]]
        blank = frame.reindex(columns=[*key, *_columns(*figures), *said])
        return blank.astype(dict.fromkeys(_columns(*figures), "float64") | dict.fromkeys(said, "str"))
    after = frame["book"].str.endswith(AFTER)
    rows = frame[[*key, *figures, *texts]]
    then = rows[after].assign(book=rows.loc[after, "book"].str.removesuffix(AFTER))
    found = rows[~after].merge(then, on=key, how="outer", suffixes=("_before", "_after"), indicator="side")
    found = found.sort_values(key, ignore_index=True)
    columns: dict[str, pd.Series[Any]] = {}
    valued = ~found["book"].isin(lost)
    for name, absent in figures.items():
        one = found[f"{name}_before"].mask(found["side"].eq("right_only") & valued, absent)
        other = found[f"{name}_after"].mask(found["side"].eq("left_only") & valued, absent)
        columns |= {f"{name}_before": one, f"{name}_after": other, f"{name}_change": _difference(one, other)}
    for name in [f"{name}_{side}" for name in texts for side in _SIDES[:2]]:
        columns[name] = found[name].fillna("")
    return found[key].assign(**columns)


def _difference(one: "pd.Series[float]", other: "pd.Series[float]") -> "pd.Series[float]":
    """``other`` less ``one``, to the places that both have: money to 6, fractions to 12."""
    change = other - one
    return change.round(12).mask(one.abs().ge(1000) | other.abs().ge(1000), change.round(6))


def _long(frame: pd.DataFrame, kind: "str | NDArray[np.str_]", name: str, figures: Sequence[str]) -> pd.DataFrame:
    """``frame`` with a row for each of ``figures``, in ``COLUMNS``."""
    reason = "reason_after" if "reason_after" in frame else "reason"
    texts = ["bucket", "status_before", "status_after", reason]
    rows = frame.reindex(columns=["book", name, "confidence", "horizon_days", *texts])
    rows = rows.fillna(dict.fromkeys(texts, "")).rename(columns={name: "name", reason: "reason"})
    rows = rows.assign(kind=kind, row=np.arange(len(frame)))
    parts = [
        rows.assign(figure=figure, order=n, **{side: frame[f"{figure}_{side}"] for side in _SIDES})
        for n, figure in enumerate(figures)
    ]
    if not parts:
        return rows.assign(figure="", before=np.nan, after=np.nan, change=np.nan)
    return pd.concat(parts).sort_values(["row", "order"], ignore_index=True)
