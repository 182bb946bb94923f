"""Brokers: who executes the orders that were sent, each behind one small protocol.

Belongs here: the protocol and the registry. A new broker is one new module in this package and one line in ``BROKERS``.
Does not belong here: the life of an order (``resources.orders``), and the estimate of costs
(``daybook.trading.costs``).
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import pandas as pd

from resources.brokers.simulated import SimulatedBroker


class Broker(Protocol):
    """Executes orders."""

    name: str
    """Lower-case letters and digits; part of the id of each transaction."""

    def executions(self, orders: pd.DataFrame) -> pd.DataFrame:
        """Hand over what the broker does not have yet, and report what it executed of ``orders``.

        Asking again is harmless: an execution keeps its id and content.

        Args:
            orders: table ``orders``; the broker acts on those whose status is sent or partially_filled.

        Returns:
            execution_id, order_id, executed_at (UTC), quantity, price, fees (Decimal, in the currency of the
            instrument), broker; sorted by execution_id.
        """


BROKERS: Mapping[str, Callable[[pd.DataFrame, pd.DataFrame, pd.DataFrame], Broker]] = {
    "simulated": SimulatedBroker,
}
"""Name of a broker -> what makes it from the market."""


def brokers(prices: pd.DataFrame, instruments: pd.DataFrame, corporate_actions: pd.DataFrame) -> dict[str, Broker]:
    """Every registered broker.

    Args:
        prices: table ``prices`` (golden), with the sessions on which orders may fill.
        instruments: reference facts.
        corporate_actions: facts, current.
    """
    return {name: make(prices, instruments, corporate_actions) for name, make in BROKERS.items()}
