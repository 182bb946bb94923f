"""How Alembic runs the migrations: on the connection it is given, inside the caller's transaction."""

from alembic import context

from resources import records

connection = context.config.attributes["connection"]
connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {records.SCHEMA}")
context.configure(
    connection=connection,
    target_metadata=records.metadata,
    version_table_schema=records.SCHEMA,
    include_schemas=True,
)
context.run_migrations()
