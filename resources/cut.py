"""Facts up to a delivery: what a close stood on, whatever came afterwards.

Belongs here: that view of the facts. Does not belong here: which facts count (``resources.facts``), signing
(``resources.closes``).

Not the same as facts known at an instant: those count rows that came later and claim to have been known before. A close
stood on what had been taken in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from resources.facts import Facts

NOTHING_LATER = pd.Timestamp("1990-01-01", tz="UTC")


@dataclass(frozen=True)
class Cut(Facts):
    """The facts of the deliveries up to ``through``, and of what was decided up to ``until``.

    Attributes:
        through: number of the last delivery that counts.
        until: instant after which no decision about a quarantined row counts, UTC.
    """

    through: int = 0
    until: pd.Timestamp = NOTHING_LATER

    def touching(self) -> pd.DataFrame:
        """As ``Facts.touching``, up to the last delivery that counts."""
        found = super().touching()
        return found[found["seq"] <= self.through].reset_index(drop=True)

    def _deliveries(self, table: str) -> pd.DataFrame:
        found = super()._deliveries(table)
        return found[found["seq"] <= self.through].reset_index(drop=True)

    def _transactions(self, first: Any, last: Any, known_at: Any, books: Sequence[str] | None = None) -> pd.DataFrame:
        frame = super()._transactions(first, last, known_at, books)
        return frame[frame["delivery"] <= self.through].reset_index(drop=True)

    def _discarded(self, known_at: Any) -> pd.DataFrame:
        return super()._discarded(self.until if known_at is None else min(known_at, self.until))

    def _custodian_reports(self, last: Any, known_at: Any) -> pd.DataFrame:
        return super()._custodian_reports(last, self.until if known_at is None else min(known_at, self.until))
