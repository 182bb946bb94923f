"""What must add up every day, whatever the market did.

Belongs here: the list of identities, each asked of the module that owns it. Does not belong here: what a gap prevents
(``daybook.market.quality``, ``daybook.control.closes``).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from daybook.attribution import active_risk, brinson, currency, factors, money, periods, tree
from daybook.attribution import contributions as contributed
from daybook.control import unexplained
from daybook.ledger import bridge, pools, share_classes
from daybook.ledger import lot_pnl as lots_profit
from daybook.ledger import pnl as profit
from daybook.performance import flows
from daybook.performance import period_returns as timing
from daybook.risk import components, explain

HOLDING = ["business_date", "book", "instrument"]
QUANTITY_DIGITS = 8


def gaps(
    *,
    valuations: pd.DataFrame,
    activity: pd.DataFrame,
    entitlements: pd.DataFrame,
    corporate_actions: pd.DataFrame,
    books: pd.DataFrame,
    instruments: pd.DataFrame,
    nav: pd.DataFrame,
    pnl: pd.DataFrame,
    unexplained_pnl: pd.DataFrame,
    lot_pnl: pd.DataFrame,
    nav_bridge: pd.DataFrame,
    share_class_nav: pd.DataFrame,
    lots: pd.DataFrame,
    realised: pd.DataFrame,
    positions: pd.DataFrame,
    attribution: pd.DataFrame,
    attribution_nodes: pd.DataFrame,
    attribution_pnl: pd.DataFrame,
    factor_attribution: pd.DataFrame,
    risk_attribution: pd.DataFrame,
    currency_attribution: pd.DataFrame,
    performance: pd.DataFrame,
    external_flows: pd.DataFrame,
    period_returns: pd.DataFrame,
    flow_effects: pd.DataFrame,
    period_attribution: pd.DataFrame,
    contributions: pd.DataFrame,
    var: pd.DataFrame,
    var_components: pd.DataFrame,
    var_explain: pd.DataFrame,
    sessions: pd.DatetimeIndex,
) -> Mapping[str, pd.DataFrame]:
    """Identity -> its offenders: business_date, book, gap, reason, and instrument where it has one.

    Of ``valuations``, ``nav`` and ``positions`` the session before is needed too; of every other table ``sessions``
    alone.
    """
    today, held = (rows[rows["business_date"].isin(sessions)] for rows in (nav, positions))
    return {
        "nav": profit.identity_gaps(nav, pnl, books, sessions),
        "three_way": unexplained.identity_gaps(unexplained_pnl, today),
        "bridge": bridge.identity_gaps(nav_bridge),
        "roll": profit.roll_gaps(valuations, activity, entitlements, corporate_actions, books, nav, sessions),
        "lots": lot_gaps(lots, held, books),
        "lot_pnl": lots_profit.identity_gaps(
            lot_pnl, realised, positions, valuations, nav, books, instruments, sessions
        ),
        "parts": part_gaps(today),
        "share_classes": share_classes.identity_gaps(share_class_nav, today),
        "external_flows": _said(flows.identity_gaps(external_flows, today), "flows by kind do not add up to flows"),
        "flow_effects": timing.identity_gaps(period_returns, flow_effects),
        "period_attribution": periods.identity_gaps(period_attribution, period_returns),
        "contributions": contributed.identity_gaps(contributions, period_returns),
        "attribution": _said(brinson.identity_gaps(attribution, performance), "effects do not add up to active return"),
        "attribution_nodes": tree.identity_gaps(attribution_nodes, performance),
        "attribution_pnl": _said(
            money.identity_gaps(attribution_pnl, pnl[pnl["business_date"].isin(sessions)]),
            "attribution in money does not add up to the P&L",
        ),
        "currency_attribution": _said(
            currency.identity_gaps(currency_attribution, performance),
            "effects by currency do not add up to active return",
        ),
        "factor_attribution": _said(
            factors.identity_gaps(factor_attribution, performance), "parts by factor do not add up to the return"
        ),
        "risk_attribution": _said(
            active_risk.identity_gaps(risk_attribution), "parts of the tracking error do not add up"
        ),
        "var_explain": _said(explain.identity_gaps(var_explain, var), "steps do not lead from one VaR to the next"),
        "var_components": _said(components.identity_gaps(var, var_components), "components do not add up to VaR"),
    }


def lot_gaps(lots: pd.DataFrame, positions: pd.DataFrame, books: pd.DataFrame) -> pd.DataFrame:
    """Holdings whose lots do not add up to the position: gap = lots - position, in units.

    Books of a shared pool are added up, and told under the name of the first: a lot stands in the book that opened it,
    and another one of the pool may have sold it.
    """
    sides = [lots[[*HOLDING, "quantity"]].assign(sign=1), positions[[*HOLDING, "quantity"]].assign(sign=-1)]
    rows = pd.concat(sides, ignore_index=True)
    rows = rows.join(pools.scope_at(rows, books)).assign(gap=rows["quantity"] * rows["sign"])
    keys = ["business_date", *pools.SCOPE, "instrument"]
    found = rows.groupby(keys, as_index=False).agg(book=("book", "min"), gap=("gap", "sum"))
    found["gap"] = np.round(found["gap"], QUANTITY_DIGITS - 1)
    return _said(found[found["gap"] != 0], "lots do not add up to the position")


def part_gaps(nav: pd.DataFrame) -> pd.DataFrame:
    """Books of which nav = market_value + cash + accruals does not hold within 10^-6."""
    known = nav[nav["nav"].notna()]
    gap = (known["nav"] - known["market_value"] - known["cash"] - known["accruals"]).round(6)
    return _said(known.assign(gap=gap)[gap.abs() > 1e-6 + 1e-15 * known["nav"].abs()], "parts do not add up to NAV")


def _said(rows: pd.DataFrame, what: str) -> pd.DataFrame:
    amounts = rows["gap"].map("{:g}".format) if len(rows) else pd.Series(dtype="str")
    return rows.assign(reason=what + ": off by " + amounts.astype("str"))
