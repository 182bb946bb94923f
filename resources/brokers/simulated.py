"""A simulated broker: real closing prices, declared costs, no market behind it.

Belongs here: when and at what price a simulated order fills. Does not belong here: the costs
(``daybook.trading.costs``), and recording the fill (``resources.orders``).
"""

from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from daybook import calendars
from daybook.market import security_master
from daybook.trading import costs

COLUMNS = ["execution_id", "order_id", "executed_at", "quantity", "price", "fees", "broker"]
MARKET = "XNYS"
"""Calendar of an instrument whose exchange has none, as for facts that name no exchange."""
UNCHANGED_TERMS = ("cash_dividend",)
"""Kinds of corporate action over which an order keeps its meaning."""


class SimulatedBroker:
    """Fills an order of ``business_date`` whole at the close of its market's next session, once that is known.

    The price is the session's own (golden status ``ok``), whatever the reference price was; a session without one
    fills nothing. An order whose instrument changes its terms (a split, say) by then stays unfilled, since its quantity
    is in old terms: it is to be cancelled, and the next proposal is in new ones.
    """

    name = "simulated"

    def __init__(self, prices: pd.DataFrame, instruments: pd.DataFrame, corporate_actions: pd.DataFrame) -> None:
        """What the market shows.

        Args:
            prices: table ``prices`` (golden), with the sessions on which orders may fill.
            instruments: reference facts (exchange, asset_class, multiplier).
            corporate_actions: facts, current.
        """
        self._prices = prices.loc[prices["status"] == "ok", ["business_date", "instrument", "close"]]
        self._instruments = instruments
        actions = corporate_actions[corporate_actions["status"] != "cancelled"]
        self._actions = actions.loc[~actions["kind"].isin(UNCHANGED_TERMS), ["instrument", "ex_date"]]

    def executions(self, orders: pd.DataFrame) -> pd.DataFrame:
        """See ``Broker.executions``. A filled order is reported no more: it was, when it filled."""
        sent = orders[orders["status"] == "sent"].reset_index(drop=True)
        at = security_master.in_force(self._instruments, "instrument", sent["instrument"], sent["business_date"])
        sent, terms = sent[at >= 0].reset_index(drop=True), self._instruments.take(at[at >= 0]).reset_index(drop=True)
        sent["market"] = terms["exchange"].where(terms["exchange"].map(calendars.is_calendar).astype(bool), MARKET)
        sent["point"] = security_master.point_value(terms["asset_class"], terms["multiplier"])
        sent["session"] = _next_sessions(sent)
        sent = sent[~self._changed(sent)]
        prices = self._prices.rename(columns={"business_date": "session"})
        priced = sent.merge(prices, on=["session", "instrument"], validate="many_to_one")
        fills = [_fill(row, self.name) for row in priced.to_dict(orient="records")]
        frame = pd.DataFrame(fills, columns=COLUMNS).astype({"executed_at": "datetime64[us, UTC]"})
        for name in ("execution_id", "order_id", "broker"):
            frame[name] = frame[name].astype("str")
        return frame.sort_values("execution_id", ignore_index=True)

    def _changed(self, sent: pd.DataFrame) -> "pd.Series[bool]":
        """Whether the instrument of each order has new terms after business_date and by its session."""
        pairs = sent[["order_id", "instrument", "business_date", "session"]].merge(self._actions, on="instrument")
        between = (pairs["ex_date"] > pairs["business_date"]) & (pairs["ex_date"] <= pairs["session"])
        return sent["order_id"].isin(pairs.loc[between, "order_id"])


def _next_sessions(sent: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    found = np.full(len(sent), np.datetime64("NaT", "us"))
    for market in sent["market"].unique():
        here = (sent["market"] == market).to_numpy()
        found[here] = calendars.next_session(market, sent.loc[here, "business_date"]).to_numpy()
    return pd.Series(found, index=sent.index)


def _fill(order: Any, broker: str) -> dict[str, Any]:
    quantity, price, point = (_exact(order[name]) for name in ("quantity", "close", "point"))
    return {
        "execution_id": f"sim-{order['order_id']}-1",
        "order_id": order["order_id"],
        "executed_at": _close(order["market"], order["session"]),
        "quantity": quantity,
        "price": price,
        "fees": costs.fees(quantity * price * point),
        "broker": broker,
    }


def _exact(number: float) -> Decimal:
    return Decimal(str(float(number)))


@lru_cache(maxsize=256)
def _close(market: str, session: pd.Timestamp) -> pd.Timestamp:
    """Instant of the close of ``session``."""
    import exchange_calendars as xcals

    days = pd.Timedelta(days=7)
    return pd.Timestamp(xcals.get_calendar(market, start=session - days, end=session + days).session_close(session))
