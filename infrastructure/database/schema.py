"""Schema: bring a database to the state this version of Hansard expects, or say why not."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import psycopg
from psycopg import errors, sql

from infrastructure.database.connection import MIGRATING, Connection, connect, set_limits
from infrastructure.database.errors import DatabaseUnavailableError, Target, translated
from infrastructure.database.roles import OWNER, ensure_roles
from migrations import FOLDER, SCHEMA, VERSION_TABLE, head, revisions

MINIMUM_SERVER = 16
MINIMUM_VECTOR = "0.8.5"
LOCK_KEY = 0x48414E53_4D494752
"""Advisory lock that lets one process migrate at a time (`HANSMIGR` in ASCII)."""

prepare_migration = partial(set_limits, limits=MIGRATING)


def ensure_schema(conninfo: str, migration_conninfo: str | None = None) -> str | None:
    """Migrate a database to the newest revision; one query when it is there already.

    Args:
        migration_conninfo: connects as a user who may migrate, where that is another one.

    Returns:
        The revision the database is at now.

    Raises:
        DatabaseUnavailableError: it cannot be reached, lacks something, or is newer than the code.
    """
    with connect(conninfo, autocommit=True, prepare=prepare_migration) as connection:
        outdated = current_revision(connection) != head()
    if outdated:
        _migrate(migration_conninfo or conninfo)
    return head()


def current_revision(connection: Connection) -> str | None:
    """Tell the revision a database is at; None for a new one.

    Raises:
        DatabaseUnavailableError: a newer Hansard has migrated it.
    """
    query = sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(SCHEMA, VERSION_TABLE))
    try:
        with translated():
            row = connection.execute(query).fetchone()
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        return None
    revision: str | None = row[0] if row else None
    if revision is not None and revision not in revisions():
        raise DatabaseUnavailableError(
            f"The database {connection.info.dbname!r} is at schema {revision!r}, newer than"
            f" this Hansard knows (up to {head()!r}): upgrade Hansard, or use another database."
        )
    return revision


def _migrate(conninfo: str) -> None:
    with connect(conninfo, autocommit=True, prepare=prepare_migration) as connection:
        with translated():
            connection.execute("SELECT pg_advisory_lock(%s)", (LOCK_KEY,))
            if current_revision(connection) == head():
                return
            _require_fitness(connection, Target.of(conninfo))
            _require_vector(connection)
            ensure_roles(connection)
        _upgrade(conninfo)


def _require_fitness(connection: Connection, target: Target) -> None:
    version = connection.info.server_version // 10000
    if version < MINIMUM_SERVER:
        raise DatabaseUnavailableError(
            f"The server at {target.server!r} runs PostgreSQL {version}, but Hansard needs"
            f" {MINIMUM_SERVER} or newer: upgrade it, or use another server."
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseUnavailableError(
            f"The database {target.database!r} stores text as {encoding}, but Hansard needs UTF8:"
            " create one with `createdb --encoding=UTF8 --template=template0` and use that."
        )
    row = connection.execute("SHOW transaction_read_only").fetchone()
    if row and row[0] == "on":
        raise errors.ReadOnlySqlTransaction


def _require_vector(connection: Connection) -> None:
    row = connection.execute(
        "SELECT installed_version, default_version FROM pg_available_extensions"
        " WHERE name = 'vector'"
    ).fetchone()
    if row is None:
        raise DatabaseUnavailableError(
            f"The PostgreSQL server of database {connection.info.dbname!r} lacks the extension"
            f" pgvector: install it there (version {MINIMUM_VECTOR} or newer; for Debian the"
            " package 'postgresql-NN-pgvector'), or unset HANSARD_DATABASE_URL to use the embedded"
            " server."
        )
    installed, available = row
    if installed and _parts(installed) >= _parts(MINIMUM_VECTOR):
        return
    if _parts(available) < _parts(MINIMUM_VECTOR):
        raise DatabaseUnavailableError(
            f"The PostgreSQL server of database {connection.info.dbname!r} has pgvector"
            f" {available}, but Hansard needs {MINIMUM_VECTOR} or newer: upgrade it there."
        )
    command = "ALTER EXTENSION vector UPDATE" if installed else "CREATE EXTENSION vector"
    try:
        connection.execute(command)
    except errors.InsufficientPrivilege as error:
        raise DatabaseUnavailableError(
            f"The user {connection.info.user!r} may not enable pgvector in database"
            f" {connection.info.dbname!r}: let an administrator run `{command}` there once."
        ) from error


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _upgrade(conninfo: str) -> None:
    """Run Alembic on a connection of ours, all revisions in one transaction."""
    import sqlalchemy  # noqa: PLC0415 - heavy, and needed only when something is to be migrated
    from alembic import command
    from alembic.config import Config

    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: connect(conninfo, prepare=prepare_migration),
        poolclass=sqlalchemy.NullPool,
    )
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL ROLE {OWNER}")
            connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sqlalchemy.exc.DBAPIError as error:
        _reraise(error.orig)
        raise


def _reraise(original: Any) -> None:
    if isinstance(original, psycopg.Error):
        with translated():
            raise original
