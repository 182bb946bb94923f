"""The records: what Daybook keeps in PostgreSQL, schema ``daybook``, as SQLAlchemy tables.

Belongs here: the tables, the engine that migrates them, and reading a query into a frame. Does not belong here: what
may be written when (``inbox``, ``orders``, the commands). ``resources/migrations`` holds every change ever made; a
test compares it with this file.
"""

import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from daybook import tables
from resources.postgres import PostgresError, server_url
from resources.settings import Settings

SCHEMA = "daybook"
REVISION = "0006"
"""The newest migration: a database that names it needs nothing done."""
APPEND_ONLY = (
    *("transactions", "postings", "order_events", "struck_var", "breach_events", "signed_returns"),
    *("break_events", "waivers", "audit_events"),
)
"""Tables whose rows a trigger protects from UPDATE, DELETE and TRUNCATE."""

EXACT = frozenset(
    {"quantity", "price", "fees", "taxes", "accrued_interest", "fx_rate", "cost"},
)
"""Columns of transactions that are kept with every digit; null when the file left them empty."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = zlib.crc32(b"daybook migrations")

metadata = sa.MetaData(schema=SCHEMA)


def _id(name: str = "id") -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, sa.Identity(), primary_key=True)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]


def _instant(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _transaction_column(column: tables.Column) -> sa.Column[Any]:
    if column.name in EXACT:
        return sa.Column(column.name, sa.Numeric)
    if column.type == "text":
        return sa.Column(column.name, sa.Text, nullable=False, server_default="")
    types: dict[str, Any] = {"date": sa.Date, "time": sa.DateTime(timezone=True), "int": sa.BigInteger}
    needed = column.name in ("trade_date", "known_at", "recorded_at", "line", "delivery")
    return sa.Column(column.name, types[column.type], nullable=not needed)


deliveries = sa.Table(
    "deliveries",
    metadata,
    _id("seq"),
    *_texts("file", "sha256", "table_name"),
    sa.Column("delivered", sa.Date),
    *_texts("suffix", "kind", "status", "outcome"),
    sa.Column("rows", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("quarantined", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("affects_from", sa.Date),
    *_texts("reason", "header"),
    _instant("recorded_at"),
    sa.Column("original", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.deliveries.seq")),
    sa.Index("deliveries_by_file", "table_name", "delivered", "suffix"),
)
"""The file register: one row for each delivery, in the order of arrival (``seq``)."""

transactions = sa.Table(
    "transactions",
    metadata,
    _id(),
    *(_transaction_column(column) for column in tables.TABLES["transactions"].columns),
    sa.UniqueConstraint("transaction_id", "delivery", "line", name="transactions_once"),
    sa.Index("transactions_by_delivery", "delivery"),
    sa.Index("transactions_by_corrects", "corrects", postgresql_where=sa.text("corrects <> ''")),
)
"""The log that the books are derived from; append-only."""

postings = sa.Table(
    "postings",
    metadata,
    sa.Column("delivery", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("line", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("posting", sa.BigInteger, primary_key=True, autoincrement=False),
    *_texts("transaction_id", "book", "kind", "ledger_account", "instrument", "currency"),
    sa.Column("debit", sa.Numeric, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False, server_default="0"),
)
"""What each transaction debits (+) and credits (-); append-only. The database refuses to commit a transaction whose
postings are missing or do not balance in each currency."""

unposted = sa.Table("unposted", metadata, sa.Column("delivery", sa.BigInteger, nullable=False))
"""Deliveries whose postings were not compared with their transactions yet: between two commits those alone of a release
that had no postings, until the next turn at the inbox posts them."""

quarantine = sa.Table(
    "quarantine",
    metadata,
    _id(),
    sa.Column("delivery", sa.BigInteger, nullable=False),
    *_texts("file"),
    sa.Column("line", sa.BigInteger, nullable=False, server_default="0"),
    *_texts("column", "value", "reason", "status", "table_name"),
    sa.Column("row", JSONB, nullable=False, server_default="{}"),
    *_texts("waits_for"),
    sa.Column("business_date", sa.Date),
    _instant("recorded_at"),
    *_texts("decided_by"),
    _instant("decided_at", nullable=True),
    *_texts("decision_reason"),
    sa.Index("quarantine_by_delivery", "delivery"),
    sa.Index("quarantine_by_status", "status"),
)
"""Delivered rows that were not taken in, and what was decided about them."""

computed = sa.Table(
    "computed",
    metadata,
    sa.Column("business_date", sa.Date, primary_key=True),
    sa.Column("through_delivery", sa.BigInteger, nullable=False),
    *_texts("run_id"),
    _instant("recorded_at"),
)
"""Sessions whose results stand, and the last delivery that they saw."""

order_events = sa.Table(
    "order_events",
    metadata,
    _id(),
    *_texts("order_id", "kind"),
    _instant("at"),
    *_texts("by_user"),
    sa.Column("quantity", sa.Numeric),
    sa.Column("price", sa.Numeric),
    sa.Column("payload", JSONB, nullable=False, server_default="{}"),
    sa.Index("order_events_by_order", "order_id", "id"),
)
"""What happened to orders; append-only. The state of an order is derived from its events."""

struck_var = sa.Table(
    "struck_var",
    metadata,
    sa.Column("business_date", sa.Date, primary_key=True),
    sa.Column("book", sa.Text, primary_key=True),
    sa.Column("method", sa.Text, primary_key=True),
    sa.Column("confidence", sa.Double, primary_key=True),
    sa.Column("horizon_days", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("var", sa.Double),
    sa.Column("es", sa.Double),
    *_texts("convention"),
    _instant("recorded_at"),
)
"""Value at risk of each session as it was first struck, before a later session was known; append-only."""

signed_returns = sa.Table(
    "signed_returns",
    metadata,
    sa.Column("book", sa.Text, primary_key=True),
    sa.Column("business_date", sa.Date, primary_key=True),
    sa.Column("close_date", sa.Date, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("daily_return", sa.Double),
    sa.Column("gross_return", sa.Double),
    sa.Column("benchmark_return", sa.Double),
    _instant("recorded_at"),
)
"""Returns as closes signed them, a row for each session that a close signed anew; append-only."""

breach_events = sa.Table(
    "breach_events",
    metadata,
    _id(),
    *_texts("breach_id", "kind"),
    _instant("at"),
    *_texts("by_user", "comment"),
    sa.Column("business_date", sa.Date, nullable=False),
    sa.Column("payload", JSONB, nullable=False, server_default="{}"),
    sa.Index("breach_events_by_breach", "breach_id", "id"),
)
"""What happened to breaches of limits; append-only. The state of a breach is derived from its events."""

break_events = sa.Table(
    "break_events",
    metadata,
    _id("event"),
    *_texts("break_id", "kind"),
    _instant("at"),
    *_texts("person", "owner", "cause"),
    sa.Column("impact_base", sa.Numeric),
    *_texts("reason"),
    sa.Index("break_events_by_break", "break_id", "event"),
)
"""What was told and done about breaks; append-only. Status and owner of a break are derived from its events."""

waivers = sa.Table(
    "waivers",
    metadata,
    sa.Column("waiver_id", sa.Text, primary_key=True),
    *_texts("check", "book", "instrument", "break_id"),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_to", sa.Date, nullable=False),
    sa.Column("impact_base", sa.Numeric),
    *_texts("reason", "entered_by", "approved_by"),
    _instant("recorded_at"),
)
"""Findings and breaks that two people let stand for a time; append-only."""

audit_events = sa.Table(
    "audit_events",
    metadata,
    sa.Column("event", sa.BigInteger, primary_key=True, autoincrement=False),
    _instant("at"),
    *_texts("person", "act", "subject", "reason", "payload", "marks", "previous_hash", "event_hash"),
)
"""Every act of a person, numbered without gaps, each sealed with the one before; append-only."""

executions = sa.Table(
    "executions",
    metadata,
    sa.Column("execution_id", sa.Text, primary_key=True),
    *_texts("order_id"),
    _instant("executed_at"),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("price", sa.Numeric, nullable=False),
    sa.Column("fees", sa.Numeric, nullable=False, server_default="0"),
    *_texts("broker"),
    sa.Index("executions_by_order", "order_id"),
)
"""Fills reported by brokers."""

closes = sa.Table(
    "closes",
    metadata,
    sa.Column("business_date", sa.Date, primary_key=True),
    sa.Column("book", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    *_texts("status", "signed_by"),
    _instant("recorded_at"),
    *_texts("reason"),
    sa.Column("seen", JSONB, nullable=False, server_default="{}"),
    sa.Column("through_delivery", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("effect", JSONB, nullable=False, server_default="{}"),
)
"""Signed days: what was seen (version and content hash of each table), the last delivery that counted, and what a
restatement changed (NAV then and now, its error, who is to be compensated)."""

requests = sa.Table(
    "requests",
    metadata,
    _id(),
    *_texts("kind", "subject"),
    sa.Column("payload", JSONB, nullable=False, server_default="{}"),
    *_texts("reason", "requested_by"),
    _instant("requested_at"),
    *_texts("status", "decided_by"),
    _instant("decided_at", nullable=True),
    *_texts("decision_reason"),
    sa.Index("requests_by_status", "status"),
)
"""What one person asked for and a second one must agree to: pending, approved or rejected."""


def engine(settings: Settings) -> sa.Engine:
    """The pooled engine on the records, migrated; one for each process and database.

    Raises:
        PostgresError: the server cannot be started or reached.
    """
    return _engine(server_url(settings))


def read(connection: sa.Connection, query: sa.Select[Any]) -> pd.DataFrame:
    """The rows of ``query``, typed: dates ``datetime64[us]``, instants ``datetime64[us, UTC]``, text ``str``.

    Exact numbers are an object column of ``Decimal`` or None; an integer column that has nulls is ``Int64``.
    """
    result = connection.execute(query)
    columns = list(zip(*result.fetchall(), strict=True)) or [()] * len(result.keys())
    return pd.DataFrame(
        {
            column.name: _series(column.type, values)
            for column, values in zip(query.selected_columns, columns, strict=True)
        }
    )


def dated(
    name: str,
    engine: sa.Engine,
    first: pd.Timestamp | None,
    last: pd.Timestamp | None,
    known_at: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Table ``name`` from ``first`` to ``last``, None for no bound, as known at ``known_at``, None for now."""
    table = metadata.tables[f"{SCHEMA}.{name}"]
    query = sa.select(*(table.c[column] for column in tables.TABLES[name].names))
    if first is not None:
        query = query.where(table.c.business_date >= pd.Timestamp(first).date())
    if last is not None:
        query = query.where(table.c.business_date <= pd.Timestamp(last).date())
    if known_at is not None:
        instant = known_at if known_at.tzinfo else known_at.tz_localize("UTC")
        query = query.where(table.c.recorded_at <= instant.to_pydatetime())
    with engine.connect() as connection:
        return tables.conform(name, read(connection, query.order_by(*table.primary_key.columns)))


def migrate(connection: sa.Connection) -> None:
    """Bring the schema to the newest revision; harmless when it is there, and when many processes do it at once."""
    from alembic import command
    from alembic.config import Config

    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    if _revision(connection) == REVISION:
        return
    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS))
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")


@lru_cache(maxsize=8)
def _engine(url: str) -> sa.Engine:
    try:
        created = sa.create_engine(url, pool_pre_ping=True, pool_size=2, max_overflow=8, hide_parameters=True)
        with created.begin() as connection:
            if _revision(connection) != REVISION:
                migrate(connection)
    except sa.exc.ArgumentError:
        raise PostgresError("DAYBOOK_POSTGRES_URL cannot be read as a URL") from None
    except sa.exc.OperationalError as error:
        raise PostgresError(f"PostgreSQL cannot be reached: {str(error.orig).splitlines()[0]}") from None
    return created


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version", schema=SCHEMA):
        return None
    found: str | None = connection.execute(sa.text(f"SELECT version_num FROM {SCHEMA}.alembic_version")).scalar()
    return found


def _series(kind: Any, values: tuple[Any, ...]) -> pd.Series:
    if isinstance(kind, sa.DateTime):
        return pd.Series(pd.to_datetime(list(values), utc=True), dtype="datetime64[us, UTC]")
    if isinstance(kind, sa.Date):
        return pd.Series(values, dtype="datetime64[us]")
    if isinstance(kind, sa.Text):
        return pd.Series(values, dtype="str").fillna("")
    if isinstance(kind, sa.Integer):
        return pd.Series(values, dtype="Int64" if None in values else "int64")
    return pd.Series(values, dtype="object")
