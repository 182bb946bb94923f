"""Vendors: who delivers market data, transactions and custodian records, each behind one small protocol.

Belongs here: the protocol and the registry. A new vendor is one new module in this package and one line in
``VENDORS``. Does not belong here: reading, checking or keeping what is delivered; that is the inbox's, and the same for
every vendor.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol, runtime_checkable

import pandas as pd

from resources.settings import Settings, SettingsError
from resources.vendors.edgar import EdgarVendor
from resources.vendors.lean import LeanVendor
from resources.vendors.sample import SampleVendor

INBOX = "files"
"""The name in ``DAYBOOK_VENDORS`` that stands for the inbox alone: nothing delivers, people put files there."""


class Vendor(Protocol):
    """A source that delivers files in the words of the contract (section 1), session by session.

    Paging, rate limits, back-off and a circuit breaker live inside the methods: ``deliver`` may take its time between
    two files. Any of the three may raise. What was yielded before stays, the span is not marked as delivered and is
    asked for again by the next run, and every other vendor is asked all the same; a SettingsError alone stops
    everything.
    """

    def last_session(self) -> pd.Timestamp:
        """The last session for which it has data."""

    def default_date(self) -> pd.Timestamp:
        """The session that ``daybook eod`` computes when nobody names one."""

    def deliver(self, after: pd.Timestamp | None, through: pd.Timestamp) -> Iterator[tuple[str, bytes]]:
        """Files with the facts dated later than ``after`` and not later than ``through``.

        Each file is named ``<table>_<through>_<vendor>.<csv|parquet>``; where a table comes in parts, the part follows
        the vendor (``_edgar-0000320193``). ``after`` None asks for everything, reference tables included. The same
        arguments give the same bytes; a table with nothing to say has no file. Facts do not depend on how a span is cut
        into deliveries.
        """


@runtime_checkable
class Reaching(Protocol):
    """A vendor that is told how far back to deliver, so that its history may come to begin earlier than it did."""

    def first_date(self) -> pd.Timestamp:
        """The first date of which it delivers facts."""

    def deliver_before(self, date: pd.Timestamp) -> Iterator[tuple[str, bytes]]:
        """Files with the facts from ``first_date`` to the day before ``date``, for one who has what is later.

        Both together are what a delivery from ``first_date`` on would have been.

        Raises:
            SettingsError: they would not be.
        """


VENDORS: Mapping[str, Callable[[Settings], Vendor]] = {
    "sample": SampleVendor,
    "lean": LeanVendor,
    "edgar": EdgarVendor,
}
"""Name in ``DAYBOOK_VENDORS`` -> what makes the vendor from the settings."""


def vendors(settings: Settings) -> dict[str, Vendor]:
    """The vendors that ``settings`` names, in order of preference; the inbox is none of them.

    Raises:
        SettingsError: a name is not registered.
    """
    unknown = [name for name in settings.vendors if name != INBOX and name not in VENDORS]
    if unknown:
        known = ", ".join([*VENDORS, INBOX])
        raise SettingsError(f"DAYBOOK_VENDORS names {unknown[0]!r}, which is no vendor: choose from {known}")
    return {name: VENDORS[name](settings) for name in settings.vendors if name != INBOX}
