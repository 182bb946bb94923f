"""What people did about breaks, what they let stand, and the chain of all that people did."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "daybook"
TABLES = ("break_events", "waivers", "audit_events")


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
        *text("person", "owner", "cause", "reason"),
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
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.{table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse_change()"
        )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table, schema=SCHEMA)
