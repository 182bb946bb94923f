"""The books against themselves, the custodian and what was signed.

Belongs here: overdrafts, breaks, identities that do not hold, returns that are not as signed. Does not belong here:
market data.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from daybook import calendars
from daybook.control.unexplained import USUAL_BP
from daybook.market import dated
from daybook.market.quality.finding import finding
from daybook.market.quality.impact import limits, material

_BOOK = ["business_date", "book"]
ADMINISTRATOR = "nav"
"""Kind of the breaks with the administrator's NAV."""
_AMOUNTS = ("settled", "lowest", "worst")


def negative_cash(cash: pd.DataFrame) -> pd.DataFrame:
    """Overdrawn balances: ``cash_negative``, warning."""
    rows = cash[cash["balance"] < 0]
    amount = rows["balance"].map("{:,.2f}".format).astype("str")
    named = rows.assign(instrument="CASH:" + rows["currency"])
    return finding(named, "cash_negative", "warning", "the balance is " + amount + " " + rows["currency"])


def overdrafts(cash: pd.DataFrame, cash_ladder: pd.DataFrame, cash_rates: pd.DataFrame) -> pd.DataFrame:
    """Overdrafts by settlement, each a warning.

    ``cash_overdrawn``: the settled balance is negative; ``cash_overdrawn_ahead``: it will be, by what is to settle, the
    first day and the lowest balance; ``overdraft_limit``: either is beyond what ``cash_rates`` agree with the bank.

    Args:
        cash: table of the sessions that are checked.
        cash_ladder: table of the same sessions.
        cash_rates: facts; a row that names the book comes before one for every book.
    """
    key = [*_BOOK, "currency"]
    below = cash_ladder[cash_ladder["balance"] < 0].sort_values([*key, "settle_date"])
    ahead = below.groupby(key, as_index=False).agg(first=("settle_date", "first"), lowest=("balance", "min"))
    rows = cash[[*key, "settled"]].merge(ahead, how="left", on=key)
    rows = rows[(rows["settled"] < 0) | rows["lowest"].notna()].reset_index(drop=True)
    rows = rows.assign(instrument="CASH:" + rows["currency"], worst=rows[["settled", "lowest"]].min(axis=1))
    amount = {name: rows[name].map("{:,.2f}".format).astype("str") + " " + rows["currency"] for name in _AMOUNTS}
    now, to_come = rows["settled"] < 0, rows["lowest"].notna()
    agreed = _agreed(rows, cash_rates)
    beyond = rows["worst"] < -agreed
    limit = agreed.map("{:,.2f}".format).astype("str") + " " + rows["currency"]
    settling = "what is to settle makes the balance negative on " + dated.iso(rows["first"]) + ", at the lowest "
    return pd.concat(
        [
            finding(rows[now], "cash_overdrawn", "warning", "the settled balance is " + amount["settled"][now]),
            finding(rows[to_come], "cash_overdrawn_ahead", "warning", (settling + amount["lowest"])[to_come]),
            finding(
                rows[beyond],
                "overdraft_limit",
                "warning",
                (amount["worst"] + " is beyond the overdraft of " + limit + " that is agreed")[beyond],
            ),
        ]
    )


def _agreed(rows: pd.DataFrame, cash_rates: pd.DataFrame) -> "pd.Series[float]":
    """The overdraft agreed for each row, missing where there is none."""
    asked = rows[[*_BOOK, "currency"]].assign(row=rows.index)
    columns = ["currency", "valid_from", "valid_to", "overdraft_limit"]
    named = asked.merge(cash_rates[["book", *columns]], on=["book", "currency"]).assign(own=1)
    general = asked.merge(cash_rates.loc[cash_rates["book"] == "", columns], on="currency").assign(own=0)
    both = pd.concat([general, named], ignore_index=True)
    both = both[both["valid_from"] <= both["business_date"]].sort_values(["row", "own", "valid_from"])
    latest = both.drop_duplicates(["row", "own"], keep="last")
    holds = latest[latest["valid_to"].isna() | (latest["valid_to"] >= latest["business_date"])]
    limit: pd.Series[float] = holds.drop_duplicates("row", keep="last").set_index("row")["overdraft_limit"]
    return limit.reindex(rows.index).astype("float64")


def breaks(reconciliation_breaks: pd.DataFrame, close_rules: pd.DataFrame) -> pd.DataFrame:
    """Each break a warning, ``break_open``; a book whose breaks are material is blocked, ``break_material``.

    Material is one beyond material_bp or material_base, or whose effect on NAV is not known, and more than
    material_sum_bp in sum, without sign. The administrator's NAV is no part of the sum: it is off by what the others
    are. impact_base of ``break_material`` is the sum of the sizes.

    Args:
        reconciliation_breaks: table of the sessions that are checked.
        close_rules: facts.
    """
    names = ["business_date", "book", "instrument"]
    rows = reconciliation_breaks.assign(size=reconciliation_breaks["impact_bp"].abs())
    first = (
        rows.sort_values("size", kind="stable", na_position="last")
        .drop_duplicates(names, keep="last")
        .sort_values(names)
    )
    each = finding(first, "break_open", "warning", _told(first), first["impact_base"])
    too_much = material(rows, limits(rows, close_rules))
    adding = rows.assign(
        money=rows["impact_base"].abs(),
        alone=rows["size"].where(too_much),
        alone_base=rows["impact_base"].abs().where(too_much),
        unknown=rows["size"].isna(),
        added=rows["size"].mask(rows["kind"] == ADMINISTRATOR),
    )
    book = adding.groupby(["business_date", "book"], as_index=False).agg(
        size=("added", "sum"),
        alone=("alone", "max"),
        alone_base=("alone_base", "max"),
        unknown=("unknown", "any"),
        money=("money", "sum"),
    )
    summed = book["size"] > limits(book, close_rules)["material_sum_bp"]
    sum_of = "breaks sum up to " + book["size"].map("{:.1f}".format).astype("str") + " bp of NAV"
    one = "one break is " + book["alone_base"].map("{:,.2f}".format).astype("str")
    one += ", " + book["alone"].map("{:.1f}".format).astype("str") + " bp of NAV"
    text = sum_of.where(summed, one).mask(book["unknown"], "the effect of a break on NAV is not known")
    over = book[summed | book["unknown"] | book["alone_base"].notna()]
    money = over["money"].mask(over["unknown"])
    return pd.concat([each, finding(over, "break_material", "blocking", text[over.index], money)])


def unexplained(unexplained_pnl: pd.DataFrame) -> pd.DataFrame:
    """Books whose P&L rests on doubtful prices and rates by more than is allowed: ``pnl_unexplained``.

    Blocking where the firm declares unexplained_bp; else a warning beyond ``unexplained.USUAL_BP``: the prices in doubt
    have findings of their own, and two people may have answered for them by an override.

    impact_base is the sum of the amounts in doubt, without sign.
    """
    rows = unexplained_pnl[unexplained_pnl["status"] == "unexplained"]
    size = rows["doubted"].map("{:,.2f}".format).astype("str")
    size += (", " + rows["doubted_bp"].map("{:.1f}".format).astype("str") + " bp of NAV").where(
        rows["doubted_bp"].notna(), ", and NAV is not positive"
    )
    most = rows["unexplained_bp"].fillna(USUAL_BP).map("{:g}".format).astype("str")
    declared = rows["unexplained_bp"].notna()
    said = size + ", more than " + ("the " + most + " bp allowed: ").where(declared, most + " bp: ") + rows["reason"]
    return finding(rows, "pnl_unexplained", np.where(declared, "blocking", "warning"), said, rows["doubted"])


def _told(rows: pd.DataFrame) -> "pd.Series[str]":
    """What each break is: whose figure is larger by how much, why, and since when."""
    money, units = (rows["difference"].abs().map(text.format).astype("str") for text in ("{:,.2f}", "{:,.10g}"))
    size = units.mask(rows["kind"] != "position", money + " " + rows["currency"])
    side = pd.Series(np.where(rows["difference"] < 0, " less", " more"), rows.index, dtype="str")
    since = ", open since " + dated.iso(rows["opened_on"]).set_axis(rows.index)
    whose = pd.Series(": the custodian has ", rows.index, dtype="str")
    whose = whose.mask(rows["kind"] == ADMINISTRATOR, ": the administrator has ")
    whose = whose.mask(rows["kind"] == "transaction", ": the other side has ")
    whose = whose.mask(rows["reconciliation"] == "confirmations", ": the dividend that confirms an action has ")
    why = rows["cause"] + (" (" + rows["reason"] + ")").where(rows["reason"] != "", "")
    return rows["kind"] + whose + size + side + " than the books, " + why + since


def identities(gaps: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What does not add up: ``identity_<name>``, blocking, never to be waived.

    Args:
        gaps: name of the identity -> its offenders: business_date, book, reason, and where it has them instrument and
            gap. The gap of identity ``nav`` is money and becomes impact_base.
    """
    found = [pd.DataFrame()]
    for name, rows in gaps.items():
        impact = rows["gap"] if name == "nav" else np.nan
        found.append(finding(rows, f"identity_{name}", "blocking", rows["reason"], impact))
    return pd.concat(found)


def ignored_elections(ignored: pd.DataFrame, sessions: pd.DatetimeIndex) -> pd.DataFrame:
    """Elections that a corporate action does not follow: ``election_ignored``, warning, on the session they were made.

    Args:
        ignored: elections with their ``instrument`` and ``reason``.
        sessions: that are checked; an election of another day counts for the session of New York after it.
    """
    day = calendars.roll_forward("XNYS", ignored["elected_on"])
    rows = ignored.assign(business_date=day)
    rows = rows[rows["business_date"].isin(sessions)]
    return finding(rows, "election_ignored", "warning", "action " + rows["action_id"] + ": " + rows["reason"])


def restated_returns(period_returns: pd.DataFrame) -> pd.DataFrame:
    """Books of which signed sessions are computed otherwise now: ``returns_restated``, warning.

    What is signed stays until a close of this or a later date signs it anew.

    Args:
        period_returns: table of the sessions that are checked.
    """
    rows = period_returns[period_returns["period"].eq("inception") & period_returns["restated_sessions"].gt(0)]
    now, then = (rows[name].map("{:.6%}".format).astype("str") for name in ("time_weighted", "signed_return"))
    count = "signed sessions computed otherwise now: " + rows["restated_sessions"].astype("str") + "; since inception "
    return finding(rows, "returns_restated", "warning", count + now + ", signed " + then + "; a close signs them anew")
