"""P&L that nobody has to take on trust, and the rest of it.

Belongs here: the table ``unexplained_pnl``, and the identity of the three ways in which P&L is told. Does not belong
here: P&L (``daybook.ledger.pnl``), doubts about prices (``daybook.market.quality``).

Explained is what follows from transactions, actions, and prices and rates that were delivered for their sessions.
Unexplained is, row by row of table ``pnl``,

* price_pnl and trading_pnl of an instrument whose closing or opening price is stale or overridden, that is valued by a
  model at one end and by the market at the other, or about whose closing price a check found something graver than
  ``info``. What a model gives at both ends, of delivered inputs, is explained;
* fx_pnl, of a cash row trading_pnl as well, where no rate of the session can be made of rates that were delivered for
  it, at the close or at the opening;

and of the book: P&L less the administrator's move of NAV net of our flows, where he struck both. explained =
total - unexplained. ``doubted`` is the sum of the same amounts without sign: two wrong prices need not cancel out.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.ledger.pnl import periods_of
from daybook.market import fx
from daybook.market.declared import in_force

KEY = ["business_date", "book"]
ROW = [*KEY, "instrument"]
OK, UNEXPLAINED, UNKNOWN = "ok", "unexplained", "unknown"
"""Status: within what is allowed, beyond it, no P&L."""
ADMINISTRATOR = "the administrator's move of NAV"
NAMED = 3
"""How many rows a reason names."""
USUAL_BP = 50.0
"""Basis points of NAV beyond which P&L counts as unexplained where ``close_rules`` do not say: as much as is material
of a finding by default. Such a book is warned of; what is declared blocks."""
REACH = 1e-6
_BY_MODEL = "model"


def unexplained_pnl(
    pnl: pd.DataFrame,
    attribution_pnl: pd.DataFrame,
    nav: pd.DataFrame,
    valuations: pd.DataFrame,
    fx_rates: pd.DataFrame,
    doubts: pd.DataFrame,
    administrator_nav: pd.DataFrame,
    close_rules: pd.DataFrame,
    books: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Table ``unexplained_pnl``: one row for each book with a NAV row on ``sessions``.

    Args:
        pnl: table of ``sessions``.
        attribution_pnl: table of ``sessions``.
        nav: table of ``sessions`` and of each book's session before each.
        valuations: of the same sessions.
        fx_rates: golden, of the same sessions.
        doubts: what ``quality.doubtful_prices`` found on ``sessions``.
        administrator_nav: facts of the same sessions.
        close_rules: facts.
        books: reference facts.
        sessions: midnight, naive.
    """
    periods = periods_of(nav, books, sessions)
    rows = _doubtful(pnl, periods, valuations, fx_rates, doubts)
    listed = pd.concat([rows, _administered(pnl, periods, nav, administrator_nav)], ignore_index=True)
    sums = listed.assign(doubted=listed["unexplained"].abs()).groupby(KEY)[["unexplained", "doubted"]].sum()
    found = _three_ways(pnl, attribution_pnl, nav, periods, sessions).merge(sums.reset_index(), how="left", on=KEY)
    found = found.merge(_said(listed), how="left", on=KEY)
    known = found["total"].notna()
    money = found[["unexplained", "doubted"]].fillna(0.0).round(6).where(known)
    rules = in_force(close_rules.assign(rule=""), "rule", found[KEY])[[*KEY, "unexplained_bp"]]
    declared = found[KEY].merge(rules, on=KEY, how="left")["unexplained_bp"]
    worth = found["nav"].where(found["nav"] > 0)
    size = (money["doubted"] / worth * 1e4).round(12)
    over = known & (money["doubted"] > 0) & ~(size <= declared.fillna(USUAL_BP))
    found = found.assign(
        explained=(found["total"] - money["unexplained"]).round(6),
        unexplained=money["unexplained"],
        doubted=money["doubted"],
        doubted_bp=size,
        unexplained_bp=declared,
        status=np.select([~known, over], [UNKNOWN, UNEXPLAINED], OK),
        reason=found["reason"].fillna("").where(known, "no P&L: a NAV of this session or the one before is not known"),
    )
    return tables.conform("unexplained_pnl", found[list(tables.TABLES["unexplained_pnl"].names)])


def identity_gaps(unexplained_pnl: pd.DataFrame, nav: pd.DataFrame) -> pd.DataFrame:
    """Books whose P&L is not the same three ways: by the ledger, by attribution in money, by cash and values.

    Args:
        unexplained_pnl: table.
        nav: table of the same sessions; how large it is says what a double can tell.

    Returns:
        business_date, book, gap (the largest of the differences, in base currency), reason (all three, and which one
        is the odd one out); empty when all is well, within 10^-6.
    """
    known = unexplained_pnl[unexplained_pnl["total"].notna()].merge(nav[[*KEY, "nav"]], on=KEY)
    ledger, attributed, moved = (known[name].fillna(0.0) for name in ("total", "attributed", "moved"))
    apart = pd.DataFrame(
        {"cash and values": ledger - attributed, "the attribution": ledger - moved, "the ledger": attributed - moved}
    )
    reach = REACH + 8 * np.spacing(known["nav"].abs())
    gap = apart.abs().max(axis=1).round(6)
    found: pd.DataFrame = known[KEY].assign(gap=gap)
    ways = (ledger, attributed, moved)
    texts = [way.map("{:,.6f}".format).astype("str") for way in ways]
    said = "P&L is " + texts[0] + " by the ledger, " + texts[1] + " by attribution, " + texts[2]
    said += " by cash and values less flows"
    # Two agree: the third is the odd one out. The columns are named after the one that the difference leaves out.
    alone = apart.abs().min(axis=1) <= reach
    odd = pd.Series(np.asarray(apart.columns, object)[apart.abs().to_numpy().argmin(axis=1)], known.index, dtype="str")
    told: pd.DataFrame = found.assign(reason=said + (": the odd one out is " + odd).where(alone, ""))
    apart_from: pd.DataFrame = told.loc[gap > reach].reset_index(drop=True)
    return apart_from


def _three_ways(
    pnl: pd.DataFrame,
    attribution_pnl: pd.DataFrame,
    nav: pd.DataFrame,
    periods: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> pd.DataFrame:
    """Books of ``sessions``: nav, total, attributed and moved; none of the three where a NAV is not known."""
    worth = nav.assign(value=nav[["market_value", "cash", "accruals"]].sum(axis=1, skipna=False))
    today = worth.loc[worth["business_date"].isin(sessions), [*KEY, "nav", "value", "flows"]]
    before = worth[[*KEY, "value"]].set_axis(["previous", "book", "opening"], axis=1)
    lasting = periods[[*KEY, "previous"]].merge(before, how="left", on=["previous", "book"]).drop(columns="previous")
    found = today.merge(lasting, how="inner", on=KEY)
    found["moved"] = (found["value"] - found["opening"].fillna(0.0) - found["flows"]).round(6)
    for name, rows in (("total", pnl), ("attributed", attribution_pnl)):
        sums = rows.groupby(KEY)["total"].sum().round(6).rename(name).reset_index()
        found = found.merge(sums, how="left", on=KEY)
        # A book without rows earned nothing; where it did, the other two tell.
        found[name] = found[name].fillna(0.0)
    ways = [*KEY, "total", "attributed", "moved"]
    return today[[*KEY, "nav"]].merge(found[ways], how="left", on=KEY)


def _doubtful(
    pnl: pd.DataFrame, periods: pd.DataFrame, valuations: pd.DataFrame, fx_rates: pd.DataFrame, doubts: pd.DataFrame
) -> pd.DataFrame:
    """Rows of ``pnl`` of which something is unexplained: the key, unexplained, why."""
    held = valuations[[*ROW, "currency", "price_source", "fair_value_level"]]
    rows = pnl.merge(periods[[*KEY, "previous", "base_currency"]], on=KEY)
    rows = rows.merge(held, how="left", on=ROW)
    before = held.rename(columns={"business_date": "previous"})
    rows = rows.merge(before, how="left", on=["previous", "book", "instrument"], suffixes=("", "_before"))
    is_cash = rows["instrument"].str.startswith("CASH:")
    checks = doubts[doubts["severity"] != "info"].sort_values([*ROW, "check"]).drop_duplicates([*ROW, "check"])
    found = checks.groupby(ROW)["check"].agg(", ".join).reset_index()
    by_check = rows[ROW].merge(found, how="left", on=ROW)["check"].fillna("").astype("str")
    price = _first(by_check, _price_doubt(rows)).mask(is_cash, "")
    rate = _rate_doubt(rows, fx_rates)
    dealt = rows["trading_pnl"].where((price != "") | (is_cash & (rate != "")), 0.0)
    amount = rows["price_pnl"].where(price != "", 0.0) + dealt + rows["fx_pnl"].where(rate != "", 0.0)
    of_rate = (rate != "") & (rows["fx_pnl"].ne(0.0) | dealt.ne(0.0) & is_cash)
    why = price + (", " + rate).where((price != "") & of_rate, rate.where(of_rate, ""))
    listed = rows[ROW].assign(unexplained=amount, why=why)
    return listed[amount.ne(0.0)].reset_index(drop=True)


def _price_doubt(rows: pd.DataFrame) -> "pd.Series[str]":
    """Why the price of each row is none of its market's session, at the close or else at the opening; "" where not."""
    ends = {}
    for suffix in ("", "_before"):
        level, modelled = rows[f"fair_value_level{suffix}"], rows[f"price_source{suffix}"].eq(_BY_MODEL)
        ends[suffix] = (level.eq(3), level.eq(2) & ~modelled, modelled)
    switched = (ends[""][2] != ends["_before"][2]) & rows["currency"].notna() & rows["currency_before"].notna()
    words = ("price overridden", "price stale", "opened at an overridden price", "opened at a stale price")
    told = np.select([*ends[""][:2], *ends["_before"][:2]], words, "")
    text = pd.Series(told, rows.index, dtype="str")
    return text.mask(text.eq("") & switched, "valued by a model at one end alone")


def _rate_doubt(rows: pd.DataFrame, fx_rates: pd.DataFrame) -> "pd.Series[str]":
    """Why the exchange rate of each row is not one of its session; "" where it is, or none is needed."""
    currency = rows["currency"].fillna(rows["currency_before"]).fillna(rows["base_currency"])
    asked = rows[["business_date", "previous", "base_currency"]].assign(currency=currency)
    asked = asked[currency != rows["base_currency"]]
    fresh = fx_rates[fx_rates["status"] == OK]
    stale = {}
    for end in ("business_date", "previous"):
        pairs = asked[["currency", "base_currency", end]].dropna().drop_duplicates()
        rate = fx.rates(fresh, pairs["currency"], pairs["base_currency"], pairs[end])
        old = pd.MultiIndex.from_frame(pairs[np.isnan(rate)])
        stale[end] = pd.MultiIndex.from_frame(asked[["currency", "base_currency", end]]).isin(old)
    told = np.select([stale["business_date"], stale["previous"]], ["rate stale", "opened at a stale rate"], "")
    return pd.Series(told, asked.index, dtype="str").reindex(rows.index, fill_value="")


def _administered(
    pnl: pd.DataFrame, periods: pd.DataFrame, nav: pd.DataFrame, administrator_nav: pd.DataFrame
) -> pd.DataFrame:
    """Books of which the administrator struck both NAVs: P&L less his move net of flows, as rows of ``_doubtful``."""
    struck = administrator_nav[[*KEY, "nav"]]
    both = periods[[*KEY, "previous"]].merge(struck, on=KEY)
    both = both.merge(struck.rename(columns={"business_date": "previous", "nav": "opening"}), on=["previous", "book"])
    both = both.merge(nav[[*KEY, "flows"]], on=KEY)
    own = pnl.groupby(KEY)["total"].sum().reset_index()
    both = both.merge(own, how="left", on=KEY)
    move = both["nav"] - both["opening"] - both["flows"]
    apart = (both["total"].fillna(0.0) - move).round(6)
    rows = both[KEY].assign(instrument="", unexplained=apart, why=ADMINISTRATOR)
    return rows.astype({"instrument": "str", "why": "str"})[apart.ne(0.0) & apart.notna()]


def _said(listed: pd.DataFrame) -> pd.DataFrame:
    """business_date, book, reason: the largest amounts and why, and how many more there are."""
    ranked = listed.assign(size=listed["unexplained"].abs()).sort_values(
        [*KEY, "size", "instrument"], ascending=[True, True, False, True], kind="stable"
    )
    first = ranked.groupby(KEY).head(NAMED)
    about = (first["instrument"] + " ").where(first["instrument"] != "", "")
    first = first.assign(text=about + first["unexplained"].map("{:+,.2f}".format).astype("str") + " " + first["why"])
    told = first.groupby(KEY)["text"].agg("; ".join)
    more = ranked.groupby(KEY).size() - NAMED
    rest = (" and " + more.astype("str") + " more").where(more > 0, "")
    found: pd.DataFrame = (told + rest).rename("reason").astype("str").reset_index()
    return found


def _first(text: "pd.Series[str]", otherwise: "pd.Series[str]") -> "pd.Series[str]":
    return text.where(text != "", otherwise.set_axis(text.index))
