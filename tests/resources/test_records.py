import threading
from datetime import date
from decimal import Decimal

import pandas as pd
import pytest
import sqlalchemy as sa

from daybook import tables
from resources import records

NOW = pd.Timestamp("2020-01-02 21:00:00.123456", tz="UTC")
BREACHED = {"breach_id": "1", "kind": "opened", "at": NOW, "business_date": date(2020, 1, 2)}
STRUCK = {
    "business_date": date(2020, 1, 2),
    "book": "P",
    "method": "historical",
    "confidence": 0.99,
    "horizon_days": 1,
    "recorded_at": NOW,
}
SIGNED = {
    "business_date": date(2020, 1, 2),
    "book": "P",
    "close_date": date(2020, 1, 3),
    "version": 1,
    "recorded_at": NOW,
}
HANDLED = {"break_id": "K-1", "kind": "assigned", "at": NOW, "person": "ada", "owner": "bob"}
WAIVED = {
    "waiver_id": "1",
    "check": "break_material",
    "valid_from": date(2020, 1, 2),
    "valid_to": date(2020, 1, 9),
    "recorded_at": NOW,
}
SEALED = {"event": 1, "at": NOW, "person": "ada", "act": "close"}
EVENT = {"order_id": "O-1", "kind": "proposed", "at": NOW, "by_user": "ada", "quantity": Decimal("100")}
TRADE = {
    "transaction_id": "T-1",
    "book": "GROWTH",
    "instrument": "AAPL",
    "kind": "buy",
    "trade_date": pd.Timestamp("2020-01-02"),
    "quantity": Decimal("0.12345678901234567890123456789"),
    "known_at": NOW,
    "recorded_at": NOW,
    "line": 2,
    "delivery": 1,
}
POSTED = [
    {"delivery": 1, "line": 2, "posting": at, "transaction_id": "T-1", "book": "GROWTH", "kind": "buy",
     "ledger_account": account, "currency": "USD", "debit": debit}
    for at, (account, debit) in enumerate([("securities", Decimal("1.5")), ("cash", Decimal("-1.5"))], start=1)
]  # fmt: skip


def store(connection, trades=(TRADE,), posted=POSTED):
    """Transactions and postings, straight into the tables."""
    for table, rows in ((records.transactions, trades), (records.postings, posted)):
        if rows:
            connection.execute(table.insert(), list(rows))


def test_numbers_are_kept_with_every_digit(engine):
    with engine.begin() as connection:
        store(connection)
        found = records.read(connection, sa.select(records.transactions))
    assert found["quantity"].tolist() == [Decimal("0.12345678901234567890123456789")]
    assert found["price"].tolist() == [None]
    assert found["trade_date"].dtype == "datetime64[us]"
    assert found["known_at"].tolist() == [NOW]
    assert found["settle_date"].isna().all()
    assert found["account"].tolist() == [""]
    assert found["line"].dtype == "int64"


def test_a_query_without_rows_is_typed_all_the_same(engine):
    with engine.connect() as connection:
        found = records.read(connection, sa.select(records.transactions.c.book, records.transactions.c.trade_date))
    assert found.empty
    assert found.dtypes.astype(str).to_dict() == {"book": "str", "trade_date": "datetime64[us]"}


def test_integers_with_nulls_are_not_floats(engine):
    with engine.begin() as connection:
        connection.execute(records.deliveries.insert(), [{"file": "a", "recorded_at": NOW}])
        connection.execute(records.deliveries.insert(), [{"file": "a", "recorded_at": NOW, "original": 1}])
        found = records.read(connection, sa.select(records.deliveries).order_by("seq"))
    assert found["seq"].tolist() == [1, 2]
    assert found["original"].dtype == "Int64"
    assert found["original"].isna().tolist() == [True, False]


def test_the_same_line_of_a_delivery_is_one_transaction(engine):
    with engine.begin() as connection:
        store(connection)
    with pytest.raises(sa.exc.IntegrityError, match="transactions_once"), engine.begin() as connection:
        connection.execute(records.transactions.insert(), [TRADE])


@pytest.mark.parametrize("table", records.APPEND_ONLY)
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = ''", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_logs_refuse_every_change(engine, table, change):
    with engine.begin() as connection:
        store(connection)
        connection.execute(records.order_events.insert(), [EVENT])
        connection.execute(records.breach_events.insert(), [BREACHED])
        connection.execute(records.struck_var.insert(), [STRUCK])
        connection.execute(records.signed_returns.insert(), [SIGNED])
        connection.execute(records.break_events.insert(), [HANDLED])
        connection.execute(records.waivers.insert(), [WAIVED])
        connection.execute(records.audit_events.insert(), [SEALED])
    column = {"struck_var": "convention", "signed_returns": "book", "waivers": "book", "audit_events": "act"}.get(
        table, "kind"
    )
    with pytest.raises(sa.exc.IntegrityError, match=f"daybook.{table} is append-only"), engine.begin() as connection:
        connection.execute(sa.text(change.format(f"daybook.{table}", column)))
    with engine.connect() as connection:
        counted = sa.select(sa.func.count()).select_from(records.metadata.tables[f"daybook.{table}"])
        assert connection.execute(counted).scalar() == (2 if table == "postings" else 1)


def changed(**values):
    return [POSTED[0], POSTED[1] | values]


@pytest.mark.parametrize(
    ("trades", "posted", "reason"),
    [
        ([TRADE], [], "transaction T-1 needs postings of its book and kind, a cancel none"),
        ([TRADE], POSTED[:1], "line 2 of delivery 1 does not balance: debits less credits are 1.5 USD"),
        ([TRADE], changed(debit=Decimal("-1.500001")), "debits less credits are -0.000001 USD"),
        ([TRADE], changed(currency="EUR"), "does not balance"),
        ([TRADE], changed(line=3), "does not balance"),
        ([TRADE], [POSTED[0] | {"debit": 0}], "needs postings"),
        ([TRADE], [row | {"book": "OTHER"} for row in POSTED], "needs postings"),
        ([TRADE], [row | {"transaction_id": "T-2"} for row in POSTED], "needs postings"),
        ([TRADE], [row | {"kind": "sell"} for row in POSTED], "needs postings"),
        ([TRADE, TRADE | {"line": 3, "transaction_id": "T-2"}], POSTED, "transaction T-2 needs postings"),
        ([TRADE | {"kind": "cancel"}], [row | {"kind": "cancel"} for row in POSTED], "a cancel none"),
        ([], POSTED, "transaction T-1 needs postings"),
    ],
)
def test_the_database_refuses_what_does_not_balance(engine, trades, posted, reason):
    with pytest.raises(sa.exc.IntegrityError, match=reason), engine.begin() as connection:
        store(connection, trades, posted)
    with engine.connect() as connection:
        for table in (records.transactions, records.postings, records.unposted):
            assert connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0


def test_the_database_refuses_postings_that_come_later(engine):
    with engine.begin() as connection:
        store(connection)
    more = [row | {"posting": row["posting"] + 2} for row in POSTED]
    with pytest.raises(sa.exc.IntegrityError, match="does not balance"), engine.begin() as connection:
        store(connection, [], more[:1])


def test_who_forgets_what_was_noted_is_refused_all_the_same(engine):
    with engine.connect() as connection:
        store(connection, [TRADE], [])
        connection.execute(sa.delete(records.unposted))
        with pytest.raises(sa.exc.IntegrityError, match="needs postings"):
            connection.commit()


def test_what_balances_and_a_cancel_are_stored_in_any_order_of_statements(engine):
    with engine.begin() as connection:
        for row in POSTED:
            store(connection, [], [row])
        store(connection, [TRADE, TRADE | {"kind": "cancel", "line": 3, "transaction_id": "C"}], [])
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(records.postings)).scalar() == 2
        assert connection.execute(sa.select(sa.func.count()).select_from(records.unposted)).scalar() == 0


def test_migrating_at_once_and_again_is_harmless(settings):
    created = sa.create_engine(settings.postgres_url, poolclass=sa.NullPool)
    with created.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA daybook CASCADE"))
    failed = []

    def migrate():
        try:
            with created.begin() as connection:
                records.migrate(connection)
        except Exception as error:
            failed.append(error)

    racing = [threading.Thread(target=migrate) for _ in range(2)]
    for thread in racing:
        thread.start()
    for thread in racing:
        thread.join()
    migrate()
    assert failed == []
    with created.connect() as connection:
        assert set(sa.inspect(connection).get_table_names(schema="daybook")) == {
            "alembic_version",
            *(table.name for table in records.metadata.tables.values()),
        }


def test_transactions_of_a_release_without_postings_stay_and_wait_for_theirs(settings):
    from alembic import command
    from alembic.config import Config

    created = sa.create_engine(settings.postgres_url, poolclass=sa.NullPool)
    configuration = Config()
    configuration.set_main_option("script_location", str(records._MIGRATIONS))
    with created.begin() as connection:
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, "0002")
        names = [name for name in TRADE if name != "share_class"]
        old = sa.table("transactions", *map(sa.column, names), schema="daybook")
        connection.execute(old.insert(), [{name: TRADE[name] for name in names}])
        records.migrate(connection)
    with created.connect() as connection:
        assert connection.execute(sa.select(records.unposted.c.delivery)).scalars().all() == [1]
    with created.begin() as connection:
        connection.execute(sa.delete(records.unposted))
        store(connection, [], POSTED)
    with created.connect() as connection:
        assert records.read(connection, sa.select(records.transactions))["transaction_id"].tolist() == ["T-1"]


def test_a_migration_that_fails_leaves_nothing(settings):
    created = sa.create_engine(settings.postgres_url, poolclass=sa.NullPool)
    with created.begin() as connection:
        connection.execute(
            sa.text("DROP SCHEMA daybook CASCADE; CREATE SCHEMA daybook; CREATE TABLE daybook.closes ()")
        )
    with pytest.raises(sa.exc.ProgrammingError, match="closes"), created.begin() as connection:
        records.migrate(connection)
    with created.connect() as connection:
        assert sa.inspect(connection).get_table_names(schema="daybook") == ["closes"]


def test_the_migrations_make_the_tables_that_the_code_declares(engine):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    options = {"include_schemas": True, "version_table_schema": "daybook", "include_name": only_daybook}
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), records.metadata) == []
    assert ScriptDirectory(str(records._MIGRATIONS)).get_current_head() == records.REVISION


def only_daybook(name, kind, _parents):
    return kind != "schema" or name == "daybook"


def test_transactions_have_the_columns_of_the_contract():
    assert tuple(records.transactions.columns.keys()) == ("id", *tables.TABLES["transactions"].names)


def test_one_engine_serves_a_process(settings):
    assert records.engine(settings) is records.engine(settings)
