"""Brokers: who executes the orders that were sent.

Belongs here: what Daybook asks of any broker; one module for each. Does not belong here: the life of an order
(``resources.orders``), and the estimate of costs (``daybook.trading.costs``).
"""

from typing import Protocol

import pandas as pd


class Broker(Protocol):
    """Executes orders. A new broker is one module with a class of this shape."""

    name: str
    """Lower-case letters and digits; part of the id of each transaction."""

    def executions(self, orders: pd.DataFrame) -> pd.DataFrame:
        """Hand over what the broker does not have yet, and report everything that it executed of ``orders``.

        Asking again is harmless: an execution keeps its id and content.

        Args:
            orders: table ``orders``; the broker acts on those whose status is sent or partially_filled.

        Returns:
            execution_id, order_id, executed_at (UTC), quantity, price, fees (Decimal, in the currency of the
            instrument), broker; sorted by execution_id.
        """
        ...
