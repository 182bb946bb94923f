"""What people did about breaks, what they let stand, the chain of all that people did, the effect of restatements."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from daybook.control import chain

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "daybook"
TABLES = ("break_events", "waivers", "audit_events")
BEFORE = f"""
SELECT 'ask request', count(*) FROM {SCHEMA}.requests
UNION ALL SELECT 'approve request', count(*) FROM {SCHEMA}.requests WHERE status = 'approved'
UNION ALL SELECT 'reject request', count(*) FROM {SCHEMA}.requests WHERE status = 'rejected'
UNION ALL SELECT 'release quarantine', count(*) FROM {SCHEMA}.quarantine
    WHERE status = 'released' AND decided_by NOT IN ('', 'daybook')
UNION ALL SELECT 'correct quarantine', count(*) FROM {SCHEMA}.quarantine
    WHERE status = 'corrected' AND decided_by NOT IN ('', 'daybook')
UNION ALL SELECT 'discard quarantine', count(*) FROM {SCHEMA}.quarantine
    WHERE status = 'discarded' AND decided_by NOT IN ('', 'daybook')
UNION ALL SELECT 'approve order', count(*) FROM {SCHEMA}.order_events WHERE kind = 'approved'
UNION ALL SELECT 'reject order', count(*) FROM {SCHEMA}.order_events WHERE kind = 'rejected'
UNION ALL SELECT 'cancel order', count(*) FROM {SCHEMA}.order_events WHERE kind = 'cancelled'
UNION ALL SELECT 'send order', count(*) FROM {SCHEMA}.order_events WHERE kind = 'sent'
UNION ALL SELECT 'acknowledge breach', count(*) FROM {SCHEMA}.breach_events WHERE kind = 'acknowledged'
UNION ALL SELECT 'comment breach', count(*) FROM {SCHEMA}.breach_events WHERE kind = 'commented'
UNION ALL SELECT 'close close', count(*) FROM {SCHEMA}.closes WHERE version > 0
"""
"""What people had done, by act and first word of its subject."""


def text(*names: str) -> list[Any]:
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]


def instant(name: str) -> Any:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def upgrade() -> None:
    op.create_table(
        "break_events",
        sa.Column("event", sa.BigInteger, sa.Identity(), primary_key=True),
        *text("break_id", "kind"),
        instant("at"),
        *text("person", "owner", "cause"),
        sa.Column("impact_base", sa.Numeric),
        *text("reason"),
        schema=SCHEMA,
    )
    op.create_index("break_events_by_break", "break_events", ["break_id", "event"], schema=SCHEMA)
    op.create_table(
        "waivers",
        sa.Column("waiver_id", sa.Text, primary_key=True),
        *text("check", "book", "instrument", "break_id"),
        sa.Column("valid_from", sa.Date, nullable=False),
        sa.Column("valid_to", sa.Date, nullable=False),
        sa.Column("impact_base", sa.Numeric),
        *text("reason", "entered_by", "approved_by"),
        instant("recorded_at"),
        schema=SCHEMA,
    )
    op.create_table(
        "audit_events",
        sa.Column("event", sa.BigInteger, primary_key=True, autoincrement=False),
        instant("at"),
        *text("person", "act", "subject", "reason", "payload", "marks", "previous_hash", "event_hash"),
        schema=SCHEMA,
    )
    op.add_column("transactions", sa.Column("booked_on", sa.Date), schema=SCHEMA)
    op.add_column("closes", sa.Column("effect", JSONB, nullable=False, server_default="{}"), schema=SCHEMA)
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.{table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse_change()"
        )

    _begin()


def _begin() -> None:
    """The first act of a firm that acted before there was a chain: how often what was done."""
    connection = op.get_bind()
    counted: dict[str, Any] = {str(name): count for name, count in connection.execute(sa.text(BEFORE)) if count}
    if counted:
        at: datetime = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
        said = {"event": 1, "at": at, "person": "daybook", "act": "begin", "subject": "chain of acts"}
        said |= {"reason": "what was done before has no act", "payload": chain.canonical(counted)}
        table = sa.table("audit_events", *(sa.column(name) for name in chain.seal(said, chain.START)), schema=SCHEMA)
        connection.execute(table.insert().values(chain.seal(said, chain.START)))


def downgrade() -> None:
    op.drop_column("closes", "effect", schema=SCHEMA)
    op.drop_column("transactions", "booked_on", schema=SCHEMA)
    for table in TABLES:
        op.drop_table(table, schema=SCHEMA)
