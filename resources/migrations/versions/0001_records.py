"""The records of the first release."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "daybook"
INSTANT = sa.DateTime(timezone=True)


def text(*names: str) -> list[Any]:
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]


def numeric(*names: str) -> list[Any]:
    return [sa.Column(name, sa.Numeric) for name in names]


def number(name: str) -> Any:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def identity(name: str) -> Any:
    return sa.Column(name, sa.BigInteger, sa.Identity(), primary_key=True)


def instant(name: str) -> Any:
    return sa.Column(name, INSTANT, nullable=False)


def document(name: str) -> Any:
    return sa.Column(name, JSONB, nullable=False, server_default="{}")


def upgrade() -> None:
    op.create_table(
        "deliveries",
        identity("seq"),
        *text("file", "sha256", "table_name"),
        sa.Column("delivered", sa.Date),
        *text("suffix", "kind", "status", "outcome"),
        number("rows"),
        number("quarantined"),
        sa.Column("affects_from", sa.Date),
        *text("reason"),
        instant("recorded_at"),
        sa.Column("original", sa.BigInteger, sa.ForeignKey(f"{SCHEMA}.deliveries.seq")),
        schema=SCHEMA,
    )
    op.create_index("deliveries_by_file", "deliveries", ["table_name", "delivered", "suffix"], schema=SCHEMA)
    op.create_table(
        "transactions",
        identity("id"),
        *text("transaction_id", "book", "instrument", "kind"),
        sa.Column("trade_date", sa.Date, nullable=False),
        sa.Column("settle_date", sa.Date),
        *numeric("quantity", "price"),
        *text("currency"),
        *numeric("fees", "taxes", "accrued_interest", "fx_rate"),
        sa.Column("executed_at", INSTANT),
        *text("lot_id", "lot_method", "action_id"),
        *numeric("cost"),
        sa.Column("opened_on", sa.Date),
        *text("account", "counterparty", "corrects", "source"),
        instant("known_at"),
        instant("recorded_at"),
        *text("file"),
        sa.Column("line", sa.BigInteger, nullable=False),
        sa.Column("delivery", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("transaction_id", "delivery", "line", name="transactions_once"),
        schema=SCHEMA,
    )
    op.create_table(
        "quarantine",
        identity("id"),
        sa.Column("delivery", sa.BigInteger, nullable=False),
        *text("file"),
        number("line"),
        *text("column", "value", "reason", "status", "table_name"),
        document("row"),
        *text("waits_for"),
        sa.Column("business_date", sa.Date),
        instant("recorded_at"),
        *text("decided_by"),
        sa.Column("decided_at", INSTANT),
        *text("decision_reason"),
        schema=SCHEMA,
    )
    op.create_index("quarantine_by_delivery", "quarantine", ["delivery"], schema=SCHEMA)
    op.create_index("quarantine_by_status", "quarantine", ["status"], schema=SCHEMA)
    op.create_table(
        "computed",
        sa.Column("business_date", sa.Date, primary_key=True),
        sa.Column("through_delivery", sa.BigInteger, nullable=False),
        *text("run_id"),
        instant("recorded_at"),
        schema=SCHEMA,
    )
    op.create_table(
        "order_events",
        identity("id"),
        *text("order_id", "kind"),
        instant("at"),
        *text("by_user"),
        *numeric("quantity", "price"),
        document("payload"),
        schema=SCHEMA,
    )
    op.create_index("order_events_by_order", "order_events", ["order_id", "id"], schema=SCHEMA)
    op.create_table(
        "executions",
        sa.Column("execution_id", sa.Text, primary_key=True),
        *text("order_id"),
        instant("executed_at"),
        sa.Column("quantity", sa.Numeric, nullable=False),
        sa.Column("price", sa.Numeric, nullable=False),
        sa.Column("fees", sa.Numeric, nullable=False, server_default="0"),
        *text("broker"),
        schema=SCHEMA,
    )
    op.create_index("executions_by_order", "executions", ["order_id"], schema=SCHEMA)
    op.create_table(
        "closes",
        sa.Column("business_date", sa.Date, primary_key=True),
        sa.Column("book", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        *text("status", "signed_by"),
        instant("recorded_at"),
        *text("reason"),
        document("seen"),
        number("through_delivery"),
        schema=SCHEMA,
    )
    op.execute(
        f"""
        CREATE FUNCTION {SCHEMA}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '%.% is append-only: % is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
                USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    for table in ("transactions", "order_events"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.{table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse_change()"
        )


def downgrade() -> None:
    op.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
