"""The share class of a transaction; the postings of each, which balance in every currency."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "daybook"


def text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def upgrade() -> None:
    op.add_column("transactions", text("share_class"), schema=SCHEMA)
    op.create_table(
        "postings",
        sa.Column("delivery", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("line", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("posting", sa.BigInteger, primary_key=True, autoincrement=False),
        *(text(name) for name in ("transaction_id", "book", "kind", "ledger_account", "instrument", "currency")),
        sa.Column("debit", sa.Numeric, nullable=False),
        sa.Column("quantity", sa.Numeric, nullable=False, server_default="0"),
        schema=SCHEMA,
    )
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.postings"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("postings", schema=SCHEMA)
    op.drop_column("transactions", "share_class", schema=SCHEMA)
