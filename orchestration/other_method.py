"""The same log under another lot method: what lots and gains would be for tax, or for another accountant.

Belongs here: facts as they would be if every lot were matched by one method. Does not belong here: deriving tables
(``orchestration.derivation``). Nothing of it is stored.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from resources.facts import Facts

TABLES = ("lots", "realised", "wash_sales")
"""Tables of results that a lot method changes."""


@dataclass(frozen=True)
class OtherMethod(Facts):
    """Facts of which books, instruments and transactions all say ``method``.

    Attributes:
        method: a lot method; under ``specific`` transactions keep the lots that they name.
    """

    method: str = "fifo"

    def current(self, table: str, first: Any = None, last: Any = None, known_at: Any = None) -> pd.DataFrame:
        """As ``Facts.current``, with the method put in the place of every other one."""
        frame = super().current(table, first, last, known_at)
        if table == "books":
            return frame.assign(lot_method=self.method)
        if table == "instruments":
            return frame.assign(lot_method="")
        if table == "transactions":
            named = frame["lot_id"] if self.method == "specific" else ""
            return frame.assign(lot_method="", lot_id=named).astype({"lot_method": "str", "lot_id": "str"})
        return frame
