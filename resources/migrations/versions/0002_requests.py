"""Requests that need a second person; the header of every delivered file."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "daybook"


def text(*names: str) -> list[Any]:
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]


def upgrade() -> None:
    op.add_column("deliveries", text("header")[0], schema=SCHEMA)
    op.create_table(
        "requests",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        *text("kind", "subject"),
        sa.Column("payload", JSONB, nullable=False, server_default="{}"),
        *text("reason", "requested_by"),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        *text("status", "decided_by"),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        *text("decision_reason"),
        schema=SCHEMA,
    )
    op.create_index("requests_by_status", "requests", ["status"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_table("requests", schema=SCHEMA)
    op.drop_column("deliveries", "header", schema=SCHEMA)
