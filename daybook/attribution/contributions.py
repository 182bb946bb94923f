"""Contributions: what each holding added to the return of its book over a period.

Belongs here: contributions of instruments linked over periods, their local and currency parts, the identity. Does not
belong here: what was earned beyond a benchmark (``periods``).

Formulas (Carino 1999). A holding contributes c = P&L / denominator to the return r of a session, trades and fees
included; over a period sum of c_t k_t / K with k = ln(1 + r) / r of the session and K of the period, so that
contributions of holdings and sessions add up to the time-weighted return. Its local part is the same of the P&L at
opening exchange rates (``performance.local``), its currency part the rest. ``trading`` is the part of it that trades
and fees made. The average weight is the mean over the sessions of opening value / denominator, 0 where nothing was
held; flows that count at the start of a session are in the cash of the base currency, so weights add up to 1.

A session without a return leaves the period empty: one row without instrument, whose status says why. A session that
linking of returns passes over (no capital, or a tiny one) is no session. Contributions are rounded to 12 places, and
what that leaves of the return is in the largest.
"""

import numpy as np
import pandas as pd

from daybook import tables
from daybook.attribution import grid, linking
from daybook.attribution.linking import Floats
from daybook.performance import local, periods
from daybook.performance.views import CASH

KEY = ["business_date", "book"]
TABLE = "contributions"
MONEY = ["contribution", "currency_contribution", "trading"]
_ROUNDING = 1e-12


def contributions(
    performance: pd.DataFrame,
    pnl: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
    date: pd.Timestamp,
) -> pd.DataFrame:
    """Table ``contributions`` of ``date``.

    Args:
        performance: table of every session since each book's first one.
        pnl: table of the same sessions.
        valuations: likewise: business_date, book, instrument, market_value_base.
        nav: likewise: business_date, book, base_currency.
        fx_rates: table of the same sessions.
        instruments: facts, dated by valid_from.
        date: last session of every period.
    """
    history = grid.history(performance)
    lines = grid.placed(history, periods.spans(performance, date))
    books = lines[["book"]].drop_duplicates(ignore_index=True)
    books["line"] = np.arange(len(books))
    rows = daily(history, pnl, valuations, nav, fx_rates, instruments).merge(books, on="book")
    found = [
        linked(history, rows, lines.loc[lines["period"].eq(period)].merge(books, on="book"))
        for period in lines["period"].unique()
    ]
    whole = pd.concat([tables.empty(TABLE), *found]) if found else tables.empty(TABLE)
    return tables.conform(TABLE, whole.sort_values(["book", "period", "instrument"]))


def daily(
    history: pd.DataFrame,
    pnl: pd.DataFrame,
    valuations: pd.DataFrame,
    nav: pd.DataFrame,
    fx_rates: pd.DataFrame,
    instruments: pd.DataFrame,
) -> pd.DataFrame:
    """What was held at the open of each session of ``history``, and what it earned; several rows may be of one holding.

    Returns:
        book, ordinal, instrument, average_weight (the opening weight), contribution, currency_contribution, trading;
        sorted by book, instrument and session.
    """
    scope = history[[*KEY, "ordinal", "denominator"]].merge(local.dated(nav), on=KEY)
    earned = pnl.assign(
        contribution=pnl["total"],
        currency_contribution=(pnl["total"] - local.at_opening_rates(pnl, nav, fx_rates, instruments)).round(6),
        trading=pnl["trading_pnl"] + pnl["fees"],
    ).merge(scope, on=KEY)
    opened = valuations[[*KEY, "instrument", "market_value_base"]].rename(columns={"business_date": "previous"})
    opened = opened.merge(scope, on=["previous", "book"]).assign(average_weight=lambda rows: rows["market_value_base"])
    # What the denominator has beyond the opening NAV came in at the start of the session, as cash.
    held = opened.sort_values(["ordinal", "instrument"]).groupby("ordinal")["market_value_base"].sum()
    into = (scope["denominator"] - scope["ordinal"].map(held).fillna(0.0)).round(6)
    flows = scope.assign(instrument=CASH + scope["base_currency"], average_weight=into).loc[into.ne(0)]
    columns = ["book", "ordinal", "instrument", "denominator", "average_weight", *MONEY]
    rows = pd.concat([part.reindex(columns=columns) for part in (earned, opened, flows)], ignore_index=True)
    figures = ["average_weight", *MONEY]
    rows[figures] = rows[figures].fillna(0.0).div(rows["denominator"].where(rows["denominator"] > 0), axis=0)
    rows = rows.sort_values(["book", "instrument", "ordinal"], kind="stable", ignore_index=True)
    return rows.drop(columns="denominator")


def linked(history: pd.DataFrame, rows: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``contributions`` for one period of each book.

    Args:
        history: from ``grid.history``.
        rows: from ``daily``, with line.
        lines: book, line, period, period_end, low, count.
    """
    sessions = grid.grid(history, lines)
    returns = sessions.spread("daily_return")
    reason = sessions.reasons(np.isnan(returns), np.full(returns.shape, "return", object))
    known = np.where((reason == "")[:, None], returns, 0.0)
    factors = linking.contributing(known)
    able = np.isfinite(factors).all(axis=1)
    reason = np.where(
        (reason == "") & ~able, "carino cannot link: a session lost all, or grew more than a millionfold", reason
    )
    inside = grid.within(rows, lines)
    inside = inside.loc[(reason == "")[inside["at"]]].reset_index(drop=True)
    code = inside.groupby(["at", "instrument"], sort=False).ngroup().to_numpy(np.int64)
    size = int(code.max(initial=-1)) + 1
    first = np.zeros(size, np.int64)
    first[code[::-1]] = np.arange(len(inside))[::-1]
    found = inside[["at", "instrument"]].take(first).reset_index(drop=True)
    at, place = inside["at"].to_numpy(), inside["place"].to_numpy()
    line = found["at"].to_numpy()
    weight = np.bincount(code, inside["average_weight"], size) / sessions.count[line]
    figures = {
        name: np.asarray(np.bincount(code, inside[name] * factors[at, place], size), np.float64) for name in MONEY
    }
    # A holding's part of each session is exact; the return that it is a part of has been rounded.
    slack = _ROUNDING * (np.bincount(line, minlength=len(lines)) + np.abs(factors).sum(axis=1))
    slack += linking.LOST * np.bincount(line, np.abs(figures["contribution"]), len(lines))
    figures["contribution"] = _closed(figures["contribution"], line, linking.compounded(known).round(12), slack)
    parts = {name: values.round(12) for name, values in figures.items()}
    found = found.assign(
        average_weight=weight.round(12),
        **parts,
        local_contribution=(parts["contribution"] - parts["currency_contribution"]).round(12),
        status="ok",
    )
    empty = lines.assign(at=np.arange(len(lines)), status=reason).loc[reason != "", ["at", "status"]]
    both = pd.concat([found, empty.assign(instrument="")], ignore_index=True) if len(empty) else found
    named = lines.reset_index(drop=True)[["book", "period", "period_end"]].take(both["at"]).reset_index(drop=True)
    both = pd.concat([named, both], axis=1).rename(columns={"period_end": "business_date"})
    return pd.DataFrame(both.reindex(columns=list(tables.TABLES[TABLE].names)))


def _closed(values: Floats, line: "np.ndarray[tuple[int], np.dtype[np.int64]]", whole: Floats, slack: Floats) -> Floats:
    """``values`` at 12 places, the largest of each line with what rounding leaves of ``whole``.

    Only what rounding can explain, ``slack`` of each line, is moved; a real gap stays, for ``identity_gaps`` to name.
    """
    found = values.round(12)
    order = np.lexsort((np.arange(len(found)), -np.abs(values), line))
    own, first = np.unique(line[order], return_index=True)
    left = (whole - np.bincount(line, found, len(whole))).round(12)[own]
    explained = np.abs(left) <= slack[own]
    found[order[first]] += np.where(explained, left, 0.0)
    return found.round(12)


def identity_gaps(contributions: pd.DataFrame, period_returns: pd.DataFrame) -> pd.DataFrame:
    """Periods whose contributions do not add up to the time-weighted return within 1e-12 and 10^-13 of their size.

    Args:
        contributions: the table.
        period_returns: the table of the same dates.

    Returns:
        business_date, book, gap (fraction), reason: the largest gap of each book; empty when all is well. A period
        with a return and no contributions is one of them, unless its status says why.
    """
    key = [*KEY, "period"]
    sums = (
        contributions.assign(size=contributions["contribution"].abs())
        .groupby(key, as_index=False)
        .agg(
            sum=("contribution", "sum"),
            size=("size", "sum"),
            excused=("status", lambda status: bool(status.ne("ok").any())),
        )
    )
    both = period_returns.loc[period_returns["time_weighted"].notna(), [*key, "time_weighted"]]
    both = both.merge(sums, on=key, how="left")
    both = both.loc[~both["excused"].eq(True)]
    gap = both["sum"].fillna(0.0) - both["time_weighted"]
    reach = 1.0000001e-12 + linking.LOST * both["size"].fillna(0.0)
    rows = both.assign(gap=gap).loc[(gap.abs() > reach) | both["sum"].isna()]
    rows = rows.sort_values("gap", key=abs, ascending=False, kind="stable").drop_duplicates(KEY).sort_values(KEY)
    amount = rows["gap"].map("{:g}".format).astype("str")
    reason = "contributions of " + rows["period"] + " do not add up to the return: off by " + amount
    return rows.assign(reason=reason)[[*KEY, "gap", "reason"]].reset_index(drop=True)
