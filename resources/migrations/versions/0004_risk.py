"""Value at risk as it was struck; what happened to breaches of limits."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = "daybook"


def text(*names: str) -> list[Any]:
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]


def upgrade() -> None:
    op.create_table(
        "struck_var",
        sa.Column("business_date", sa.Date, primary_key=True),
        sa.Column("book", sa.Text, primary_key=True),
        sa.Column("method", sa.Text, primary_key=True),
        sa.Column("confidence", sa.Double, primary_key=True),
        sa.Column("horizon_days", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("var", sa.Double),
        sa.Column("es", sa.Double),
        *text("convention"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "breach_events",
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        *text("breach_id", "kind"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *text("by_user", "comment"),
        sa.Column("business_date", sa.Date, nullable=False),
        sa.Column("payload", JSONB, nullable=False, server_default="{}"),
        schema=SCHEMA,
    )
    op.create_index("breach_events_by_breach", "breach_events", ["breach_id", "id"], schema=SCHEMA)
    for table in ("struck_var", "breach_events"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.{table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse_change()"
        )


def downgrade() -> None:
    op.drop_table("breach_events", schema=SCHEMA)
    op.drop_table("struck_var", schema=SCHEMA)
