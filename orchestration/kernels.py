"""The loops that numba compiles, compiled by ``make install``: ``python -m orchestration.kernels``.

Belongs here: calling each loop once. Does not belong here: the loops (``daybook.ledger``, ``daybook.risk.kernel``,
``daybook.performance.kernel``). What is compiled is kept beside the source; without this the first firm with a merger,
a pool or LIFO waits half a minute for its first run.
"""

from importlib import import_module

import pandas as pd

from daybook.ledger import lots

LOOPS = (
    *("ledger.lot_arithmetic", "ledger.lot_kernel", "ledger.wash_kernel"),
    *("performance.kernel", "risk.kernel", "risk.mixing"),
)
"""Modules whose loops have fixed types."""


def compile_all() -> None:
    """Have every loop compiled, those of fixed types by their import, the general one of the ledger by a call."""
    for name in LOOPS:
        import_module(f"daybook.{name}")
    bought = {"group": 0, "event": lots.TRADE, "method": lots.METHODS["lifo"], "session": 0, "settle": 0}
    lots.match(pd.DataFrame([{**bought, "quantity": 1, "cost": 1, "cost_base": 1}]))


if __name__ == "__main__":
    compile_all()
