"""The share class of a transaction; the postings of each, which balance in every currency."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "daybook"


# A transaction and its postings come in several statements, so they are compared when both are there: at the commit.
# Statements note a delivery once, and it is compared once, whatever the number of its rows.
NOTE = f"""
    CREATE FUNCTION {SCHEMA}.note_unposted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO {SCHEMA}.unposted
            SELECT DISTINCT delivery FROM added EXCEPT SELECT delivery FROM {SCHEMA}.unposted;
        RETURN NULL;
    END $$
"""

COMPARE = f"""
    CREATE FUNCTION {SCHEMA}.refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        wrong record;
    BEGIN
        DELETE FROM {SCHEMA}.unposted WHERE delivery = NEW.delivery;
        SELECT line, currency, sum(debit) AS gap INTO wrong FROM {SCHEMA}.postings
            WHERE delivery = NEW.delivery GROUP BY line, currency HAVING sum(debit) <> 0 LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'line % of delivery % does not balance: debits less credits are % %',
                wrong.line, NEW.delivery, wrong.gap, wrong.currency USING ERRCODE = 'check_violation';
        END IF;
        SELECT line, transaction_id INTO wrong
            FROM (SELECT line, transaction_id, book, kind, true AS logged FROM {SCHEMA}.transactions
                  WHERE delivery = NEW.delivery) AS log
            FULL JOIN (SELECT line, transaction_id, book, kind, count(*) AS legs FROM {SCHEMA}.postings
                       WHERE delivery = NEW.delivery GROUP BY line, transaction_id, book, kind) AS posted
            USING (line, transaction_id, book, kind)
            WHERE logged IS NULL OR CASE kind WHEN 'cancel' THEN legs IS NOT NULL ELSE coalesce(legs, 0) < 2 END
            LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'line % of delivery %: transaction % needs postings of its book and kind, a cancel none',
                wrong.line, NEW.delivery, wrong.transaction_id USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$
"""


def text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def upgrade() -> None:
    op.add_column("transactions", text("share_class"), schema=SCHEMA)
    op.create_index("transactions_by_delivery", "transactions", ["delivery"], schema=SCHEMA)
    op.create_index(
        "transactions_by_corrects",
        "transactions",
        ["corrects"],
        schema=SCHEMA,
        postgresql_where=sa.text("corrects <> ''"),
    )
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
    op.create_table("unposted", sa.Column("delivery", sa.BigInteger, nullable=False), schema=SCHEMA)
    op.execute(f"INSERT INTO {SCHEMA}.unposted SELECT DISTINCT delivery FROM {SCHEMA}.transactions")
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {SCHEMA}.postings"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.refuse_change()"
    )
    op.execute(NOTE)
    op.execute(COMPARE)
    for table in ("transactions", "postings"):
        op.execute(
            f"CREATE TRIGGER balanced AFTER INSERT ON {SCHEMA}.{table} REFERENCING NEW TABLE AS added"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.note_unposted()"
        )
    op.execute(
        f"CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON {SCHEMA}.unposted DEFERRABLE INITIALLY DEFERRED"
        f" FOR EACH ROW EXECUTE FUNCTION {SCHEMA}.refuse_unbalanced()"
    )


def downgrade() -> None:
    op.execute(f"DROP TRIGGER balanced ON {SCHEMA}.transactions")
    op.drop_table("unposted", schema=SCHEMA)
    op.drop_table("postings", schema=SCHEMA)
    op.execute(f"DROP FUNCTION {SCHEMA}.note_unposted(), {SCHEMA}.refuse_unbalanced()")
    op.drop_index("transactions_by_corrects", "transactions", schema=SCHEMA)
    op.drop_index("transactions_by_delivery", "transactions", schema=SCHEMA)
    op.drop_column("transactions", "share_class", schema=SCHEMA)
