"""Causes of breaks that are no line of a custodian's statement: the administrator's NAV, and confirmed dividends.

Belongs here: what the amounts of such a break say by themselves. Does not belong here: hypotheses that are replayed
(``causes``), prices (``valuations``) and matched transactions (``transactions``), which name their causes themselves.
"""

import numpy as np
import pandas as pd

from daybook.market import fx, security_master
from daybook.reconciliation.hypotheses import LARGEST_TAX
from daybook.reconciliation.replay import Facts

CENT = 0.00501
"""How near two amounts of money must come that both sides may have rounded to cents."""
WORDS = {"interest": "interest", "cash_dividend": "dividend", "reclaim": "withholding"}
"""Cause of a missing accrual by its kind; every other is ``accrual``."""
_KEY = ["business_date", "book"]


def causes(
    found: pd.DataFrame, accruals: pd.DataFrame, nav: pd.DataFrame, fx_rates: pd.DataFrame, facts: Facts
) -> pd.DataFrame:
    """``found`` with cause and reason of its unexplained breaks of kinds nav and transaction.

    Args:
        found: table ``reconciliation_breaks``, positions and cash explained already.
        accruals: table of the sessions.
        nav: table of the sessions and of those before.
        fx_rates: golden, of the sessions.
        facts: books and corporate actions.
    """
    rows = found.reset_index(drop=True)
    of_nav = rows[(rows["kind"] == "nav") & (rows["cause"] == "unexplained")]
    confirmed = (rows["kind"] == "transaction") & (rows["reconciliation"] == "confirmations")
    of_dividends = rows[confirmed & (rows["cause"] == "unexplained")]
    said = pd.concat(
        [
            _yesterday(of_nav, nav),
            _accruals(of_nav, accruals, fx_rates, facts.books),
            _custodians(of_nav, rows),
            _taxed(of_dividends, facts.corporate_actions),
        ]
    )
    first = said[~said.index.duplicated()]
    return rows.assign(
        **{
            str(name): rows[name].where(~rows.index.isin(first.index), first[name].reindex(rows.index))
            for name in first
        }
    )


def _yesterday(rows: pd.DataFrame, nav: pd.DataFrame) -> pd.DataFrame:
    """The administrator's figure is ours of the session before."""
    past = nav[["business_date", "book", "nav"]].rename(columns={"business_date": "then"})
    both = rows.reset_index().merge(past, on="book")
    both = both[both["then"] < both["business_date"]].sort_values("then").drop_duplicates("index", keep="last")
    both = both[(both["theirs"] - both["nav"]).abs() <= CENT].set_index("index")
    text = "the figure is ours of " + both["then"].dt.strftime("%Y-%m-%d")
    return _said(both, "stale_statement", text)


def _accruals(rows: pd.DataFrame, accruals: pd.DataFrame, fx_rates: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """An accrual of ours is not in the administrator's figure, or twice."""
    base = security_master.attributes(books, "book", accruals, ["base_currency"])["base_currency"]
    rate = fx.rates(fx_rates, accruals["currency"], base, accruals["business_date"])
    in_base = accruals.assign(amount=accruals["amount"] * rate)
    total = in_base.groupby([*_KEY, "accrual_kind"], as_index=False)["amount"].sum(min_count=1)
    both = rows.reset_index().merge(total, on=_KEY)
    absent, twice = ((both["difference"] - sign * both["amount"]).abs() <= CENT for sign in (-1, 1))
    both = both.assign(absent=absent)[(absent | twice) & (both["amount"] != 0)]
    both = both.sort_values(["index", "accrual_kind"]).drop_duplicates("index").set_index("index")
    kind = both["accrual_kind"]
    word = kind.map(WORDS).fillna("accrual").mask(kind.str.contains("fee"), "fee")
    amount = both["amount"].map("{:,.2f}".format).astype("str")
    where = np.where(both["absent"], " is not in their NAV", " is in their NAV twice")
    return _said(both, word, "our accrual of " + kind.str.replace("_", " ") + ", " + amount + "," + where)


def _custodians(rows: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The administrator follows the custodian's records: its NAV differs by what positions and cash do."""
    lines = found[found["kind"].isin(["position", "cash"])].sort_values("impact_base", key=abs, ascending=False)
    total = lines.groupby(_KEY, as_index=False).agg(
        impact=("impact_base", lambda values: values.sum(skipna=False)),
        word=("cause", "first"),
        first_id=("break_id", "first"),
    )
    both = rows.reset_index().merge(total, on=_KEY).set_index("index")
    both = both[((both["difference"] - both["impact"]).abs() <= CENT) & (both["impact"] != 0)]
    return _said(both, both["word"], "it is what the breaks of positions and cash come to, first " + both["first_id"])


def _taxed(rows: pd.DataFrame, corporate_actions: pd.DataFrame) -> pd.DataFrame:
    """A dividend was confirmed net of another tax; else with another amount."""
    paying = corporate_actions[corporate_actions["kind"] == "cash_dividend"]
    both = rows.reset_index().merge(paying[["instrument", "action_id", "ex_date", "withholding_rate"]], on="instrument")
    both = both[(both["ex_date"] <= both["opened_on"]) & (both["ours"] != 0)]
    both = both.sort_values(["ex_date", "action_id"]).drop_duplicates("index", keep="last").set_index("index")
    before = both["withholding_rate"].fillna(0.0)
    rate = 1 - both["theirs"] / both["ours"] * (1 - before)
    nice = rate.round(4)
    gross = both["ours"] / (1 - before)
    fits = ((nice - rate) * gross).abs().le(CENT) & nice.between(0, LARGEST_TAX)
    percent = [(value * 100).round(2).map("{:g} %".format).astype("str") for value in (nice, before)]
    text = "the dividend " + both["action_id"] + " was paid net of " + percent[0] + " tax, not of " + percent[1]
    return _said(both[fits], "withholding", text[fits])


def _said(rows: pd.DataFrame, cause: "str | pd.Series[str]", reason: "pd.Series[str]") -> pd.DataFrame:
    return pd.DataFrame({"cause": cause, "reason": reason}, index=rows.index, dtype="str")
