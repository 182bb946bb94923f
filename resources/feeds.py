"""Everything that comes into the firm: vendors, the inbox, brokers; and the doors to what is known.

Belongs here: the order in which they are asked. Does not belong here: how a file is read (``inbox``) or a fill is made
(``brokers``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial

import dagster as dg
import pandas as pd
import sqlalchemy as sa

from daybook import calendars
from daybook.compliance.clean import unclean
from daybook.control import breaks as worked_on
from daybook.control import waivers as waiving
from daybook.market import prices as golden
from daybook.tables import TABLES, conform
from resources import break_events, closes, records, waivers
from resources.breaches import Breaches
from resources.brokers import BROKERS, brokers
from resources.facts import Facts
from resources.inbox import Inbox, Intake, Taken
from resources.lake import Lake
from resources.orders import Orders
from resources.settings import Settings, SettingsError, settings
from resources.vendors import Reaching, Vendor, vendors

WORKING = ("sent", "partially_filled")
"""Status of orders of which a broker may still report executions."""


@dataclass(frozen=True)
class Feeds:
    """The doors of one installation."""

    settings: Settings
    lake: Lake
    engine: sa.Engine

    @cached_property
    def facts(self) -> Facts:
        """What was delivered, as it stands."""
        return Facts(self.settings, self.lake, self.engine)

    @cached_property
    def inbox(self) -> Inbox:
        """The way in for files."""
        return Inbox(self.settings, self.lake, self.engine)

    @cached_property
    def orders(self) -> Orders:
        """Orders and their events."""
        return Orders(self.engine)

    @cached_property
    def breaches(self) -> Breaches:
        """Breaches of limits and what was said of them."""
        return Breaches(self.engine)

    def collect(self, through: pd.Timestamp | None) -> Intake:
        """Ask every vendor, take in every file that waits, and ask every broker.

        Args:
            through: the last date that vendors deliver; None for the default date of each.
        """
        vendors_files = self._vendors(through)
        waiting = self.inbox.take_in().files
        fills = self._brokers(through if through is not None else self.latest_priced_session())
        return Intake((*vendors_files, *waiting, *fills))

    def latest_priced_session(self) -> pd.Timestamp | None:
        """The latest session of any of the firm's calendars for which a price was delivered."""
        span = self.lake.span("raw_prices")
        if span is None:
            return None
        days = calendars.joint_sessions(self.settings.calendars, "any", last=span[1])
        return days[-1] if len(days) else None

    def deliveries(self) -> pd.DataFrame:
        """The file register, without files that were refused whole and that a person has discarded since."""
        table, entries = records.deliveries, records.quarantine
        undecided = sa.select(entries.c.delivery).where(entries.c.status.in_(("open", "waiting")))
        query = sa.select(table).where(
            table.c.kind != "mark", (table.c.outcome != "failed") | table.c.seq.in_(undecided)
        )
        with self.engine.connect() as connection:
            return records.read(connection, query.order_by(table.c.seq))

    def record(self, name: str) -> pd.DataFrame:
        """A table of records, as ``daybook.tables`` declares it."""
        if name == "orders":
            return self.orders.frame()
        if name == "executions":
            return self.orders.executions()
        if name == "breaches":
            return self.breaches.frame()
        table = records.metadata.tables[f"{records.SCHEMA}.{name}"]
        wanted = TABLES[name]
        query = sa.select(*(table.c[column] for column in wanted.names)).order_by(*table.primary_key.columns)
        with self.engine.connect() as connection:
            return conform(name, records.read(connection, query))

    def handled(self, name: str, first: pd.Timestamp | None = None, last: pd.Timestamp | None = None) -> pd.DataFrame:
        """Rows of ``findings`` or ``reconciliation_breaks``, with what people did about them laid over."""
        return self.lay_over(name, self.lake.read(name, first, last))

    def lay_over(self, name: str, rows: pd.DataFrame, known_at: pd.Timestamp | None = None) -> pd.DataFrame:
        """``rows`` of ``findings`` or ``reconciliation_breaks`` with what people did about them up to ``known_at``."""
        if rows.empty:
            return rows
        waived = waivers.frame(self.engine, known_at)
        if name == break_events.TABLE:
            return worked_on.handled(rows, break_events.frame(self.engine, known_at), waived)
        if waived.empty:
            return rows
        first, last = rows["business_date"].min(), rows["business_date"].max()
        events, breaks = break_events.frame(self.engine, known_at), self.lake.read(break_events.TABLE, first, last)
        return waiving.judged(
            rows,
            worked_on.handled(breaks, events, waived),
            waived,
            self.facts.current("close_rules", known_at=known_at),
        )

    def refusals(self, ids: Sequence[str]) -> Mapping[tuple[date, str], str]:
        """(date, book) -> reason, for the orders ``ids`` that must not be approved or sent."""
        orders = self.orders.frame()
        chosen = orders[orders["order_id"].isin(list(ids))]
        refused: dict[tuple[date, str], str] = {}
        for session in chosen["business_date"].unique():
            read = {name: self.lake.read(name, session, session) for name in ("nav", "compliance_results")}
            reasons = unclean(read["nav"], read["compliance_results"], self.handled("findings", session, session))
            for book in chosen.loc[chosen["business_date"] == session, "book"].unique():
                reason = reasons.get(book, "its compliance was never evaluated")
                reason = closes.objection(self.facts, pd.Timestamp(session)) or reason
                if reason:
                    refused[session.date(), str(book)] = reason
        return refused

    def _vendors(self, through: pd.Timestamp | None) -> list[Taken]:
        """Ask each vendor. One that fails keeps nobody else waiting: what it had delivered stays, and it is said."""
        taken: list[Taken] = []
        for name, vendor in vendors(self.settings).items():
            error = self._ask(name, vendor, through, taken)
            if error is not None:
                said = (str(error).splitlines() or [""])[0]
                reason = f"{type(error).__name__}: {said}; the vendor is asked for the same again next time"
                taken.append(Taken(name, "", outcome="failed", reason=reason))
        return taken

    def _ask(self, name: str, vendor: Vendor, through: pd.Timestamp | None, taken: list[Taken]) -> Exception | None:
        """Take in what one vendor has, into ``taken``; what went wrong with the vendor, None if nothing."""
        try:
            until = min(vendor.default_date() if through is None else through, vendor.last_session())
            first = vendor.first_date() if isinstance(vendor, Reaching) else None
        except SettingsError:
            raise
        except Exception as error:
            return error
        since, after = self._delivered(name)
        if first is not None and until < first:
            return None
        # A mark comes last: a vendor that was interrupted delivers the same bytes again, which is no delivery.
        if isinstance(vendor, Reaching) and first is not None and since is not None and first < since:
            failed = self._take(partial(vendor.deliver_before, since), taken)
            if failed is not None:
                return failed
            self._mark(name, {"from": first})
        if after is not None and until <= after:
            return None
        failed = self._take(partial(vendor.deliver, after, until), taken)
        if failed is None:
            began = {"from": first} if since is None and first is not None else {}
            self._mark(name, began | {"through": until})
        return failed

    def _take(self, deliver: Callable[[], Iterator[tuple[str, bytes]]], taken: list[Taken]) -> Exception | None:
        """Take in what a vendor delivers until it ends or fails, and how it failed."""
        files: list[tuple[str, bytes]] = []
        failed: Exception | None = None
        try:
            for file in deliver():
                files.append(file)
        except SettingsError:
            raise
        # A vendor may raise anything that a network or a format can.
        except Exception as error:
            failed = error
        taken += self.inbox.deliver_all(files, "vendor").files
        return failed

    def _delivered(self, vendor: str) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
        """The first and the last date of what ``vendor`` has delivered, as its marks say."""
        marks = records.deliveries
        query = sa.select(marks.c.delivered).where(marks.c.kind == "mark", marks.c.suffix == vendor)
        with self.engine.connect() as connection:
            dates = records.read(connection, query)["delivered"]
        return (None, None) if dates.empty else (dates.min(), dates.max())

    def _mark(self, vendor: str, ends: Mapping[str, pd.Timestamp]) -> None:
        """Record that ``vendor`` has delivered ``from`` and ``through`` these dates, all of them or none."""
        rows = [
            {
                "file": f"{vendor} {end} {date:%Y-%m-%d}",
                "suffix": vendor,
                "delivered": date.date(),
                "kind": "mark",
                "status": "done",
                "outcome": "complete",
                "recorded_at": sa.func.now(),
            }
            for end, date in ends.items()
        ]
        with self.engine.begin() as connection:
            connection.execute(records.deliveries.insert().values(rows))

    def _brokers(self, through: pd.Timestamp | None) -> list[Taken]:
        """Ask each broker for fills up to ``through``, and take them in as transactions."""
        taken: list[Taken] = []
        orders = self.orders.frame()
        if orders.empty or through is None:
            return taken
        instruments = self.facts.current("instruments")
        working = orders[orders["status"].isin(WORKING)]
        if len(working):
            self._fill(working, instruments, through)
        for name in BROKERS:
            files = self.orders.transactions_files(name, orders["business_date"].min(), instruments)
            taken += self.inbox.deliver_all(files, "broker").files
        return taken

    def _fill(self, working: pd.DataFrame, instruments: pd.DataFrame, through: pd.Timestamp) -> None:
        """Record what the brokers executed of the orders ``working``, at the prices known up to ``through``."""
        actions = self.facts.current("corporate_actions")
        first = working["business_date"].min()
        days = calendars.joint_sessions(self.settings.calendars, "any", first, through)
        raw_prices = self.facts.current("raw_prices", first, through)
        sources, overrides = (self.facts.current(name) for name in ("price_sources", "price_overrides"))
        prices = golden.golden(raw_prices, instruments, actions, sources, overrides, days, self.settings.vendors)
        for broker in brokers(prices, instruments, actions).values():
            self.orders.fill(broker.executions(working))


class FeedsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The doors as a Dagster resource; where they lead is read from the environment."""

    def open(self) -> Feeds:
        """The doors of this installation."""
        return feeds()


def feeds() -> Feeds:
    """The doors of the installation that the environment describes."""
    found = settings()
    return Feeds(found, Lake(found.lake_uri), records.engine(found))
