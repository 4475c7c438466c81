"""Roles: who owns the log, who writes it and who reads it, in a whole PostgreSQL cluster."""

from __future__ import annotations

from typing import Any

from psycopg import errors, sql

from infrastructure.database.connection import MIGRATING, NORMAL, Connection, set_limits
from infrastructure.database.errors import DatabaseUnavailableError

OWNER = "hansard_owner"
"""Owns all tables and functions; migrations act as it, and nobody logs in as it."""

WRITER = "hansard_writer"
"""Appends through the one function that may, and keeps the read models."""

READER = "hansard_reader"
"""Sees the log and the read models, and changes nothing."""

CREATE = {
    OWNER: f"CREATE ROLE {OWNER} NOLOGIN",
    READER: f"CREATE ROLE {READER} NOLOGIN",
    WRITER: f"CREATE ROLE {WRITER} NOLOGIN IN ROLE {READER}",
}


def ensure_roles(connection: Connection) -> None:
    """Create the roles where they are missing, and let this user act as owner and writer.

    Raises:
        DatabaseUnavailableError: the user may not; the message says what an administrator is to do.
    """
    for statement in _missing(connection):
        try:
            connection.execute(sql.SQL(statement))
        except (errors.DuplicateObject, errors.UniqueViolation):
            continue  # a migration of another database of the cluster was faster
        except errors.InsufficientPrivilege as error:
            user = connection.info.user
            needed = "; ".join(_missing(connection))
            raise DatabaseUnavailableError(
                f"The user {user!r} may not set up the roles that protect the log: let an"
                f" administrator run `{needed};` in database {connection.info.dbname!r} once, or"
                " name an administrator in HANSARD_MIGRATION_URL."
            ) from error


def prepare_writer(connection: Connection) -> None:
    """Make a new connection ready and give up its login's rights beyond those of a writer.

    Whatever the server's default, a commit is acknowledged only when a crash cannot lose it.
    """
    set_limits(connection, NORMAL)
    connection.execute(
        "SELECT set_config('role', %(role)s, false) WHERE pg_has_role(%(role)s, 'SET')"
        " UNION ALL SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') = 'off'",
        {"role": WRITER},
    )
    if not connection.autocommit:
        connection.commit()


def prepare_owner(connection: Connection) -> None:
    """Make a new connection in autocommit mode ready for changing tables as their owner.

    Raises:
        DatabaseUnavailableError: the login may not act as the owner.
    """
    set_limits(connection, MIGRATING)
    statement = "SELECT set_config('role', %(role)s, false) WHERE pg_has_role(%(role)s, 'SET')"
    if connection.execute(statement, {"role": OWNER}).fetchone() is None:
        raise DatabaseUnavailableError(
            f"The user {connection.info.user!r} may not change the tables of the log: name a user"
            f" who may act as {OWNER!r}, such as an administrator, in HANSARD_MIGRATION_URL."
        )


def _missing(connection: Connection) -> list[Any]:
    """List the statements that are still to be run in this database."""
    user, database = (
        sql.Identifier(name).as_string(connection)
        for name in (connection.info.user, connection.info.dbname)
    )
    rows = connection.execute(
        "SELECT rolname, pg_has_role(oid, 'SET'),"
        " has_database_privilege(oid, current_database(), 'CREATE')"
        " FROM pg_roles WHERE rolname ^@ 'hansard_'"
    )
    found = {name: (settable, creates) for name, settable, creates in rows}
    statements = [line for role, line in CREATE.items() if role not in found]
    statements += [
        f"GRANT {role} TO {user}"
        for role in (OWNER, WRITER)
        if not found.get(role, (False, False))[0]
    ]
    if not found.get(OWNER, (False, False))[1]:
        statements.append(f"GRANT CREATE ON DATABASE {database} TO {OWNER}")
    return statements
