import threading
from decimal import Decimal

import pandas as pd
import pytest
import sqlalchemy as sa

from daybook import tables
from resources import records

NOW = pd.Timestamp("2020-01-02 21:00:00.123456", tz="UTC")
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


def test_numbers_are_kept_with_every_digit(engine):
    with engine.begin() as connection:
        connection.execute(records.transactions.insert(), [TRADE])
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
        connection.execute(records.transactions.insert(), [TRADE])
    with pytest.raises(sa.exc.IntegrityError, match="transactions_once"), engine.begin() as connection:
        connection.execute(records.transactions.insert(), [TRADE])


@pytest.mark.parametrize("table", records.APPEND_ONLY)
@pytest.mark.parametrize("change", ["UPDATE {} SET kind = ''", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_logs_refuse_every_change(engine, table, change):
    with engine.begin() as connection:
        connection.execute(records.transactions.insert(), [TRADE])
        connection.execute(records.order_events.insert(), [EVENT])
    with pytest.raises(sa.exc.IntegrityError, match=f"daybook.{table} is append-only"), engine.begin() as connection:
        connection.execute(sa.text(change.format(f"daybook.{table}")))
    with engine.connect() as connection:
        counted = sa.select(sa.func.count()).select_from(records.metadata.tables[f"daybook.{table}"])
        assert connection.execute(counted).scalar() == 1


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
