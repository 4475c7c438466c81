"""Environment of Alembic: run on the connection that the caller opened, in its transaction."""

from __future__ import annotations

from alembic import context

from migrations import SCHEMA, VERSION_TABLE

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("Migrations need an open connection: run `hansard db migrate`.")

context.configure(connection=connection, version_table=VERSION_TABLE, version_table_schema=SCHEMA)
with context.begin_transaction():
    context.run_migrations()
