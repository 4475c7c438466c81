"""Roles: who owns the log, who writes it and who reads it, in a whole PostgreSQL cluster."""

from __future__ import annotations

from psycopg import errors, sql

from infrastructure.database.connection import NORMAL, Connection, set_limits
from infrastructure.database.errors import DatabaseUnavailableError

OWNER = "hansard_owner"
"""Owns all tables and functions; migrations act as it, and nobody logs in as it."""

WRITER = "hansard_writer"
"""Appends through the one function that may, and keeps the read models."""

READER = "hansard_reader"
"""Sees the log and the read models, and changes nothing."""

CREATE = f"""
CREATE ROLE {OWNER} NOLOGIN;
CREATE ROLE {READER} NOLOGIN;
CREATE ROLE {WRITER} NOLOGIN IN ROLE {READER};
"""


def ensure_roles(connection: Connection) -> None:
    """Create the roles where they are missing, and let this user act as owner and writer.

    Raises:
        DatabaseUnavailableError: the user may not; the message says what an administrator is to do.
    """
    user, database = connection.info.user, connection.info.dbname
    try:
        _create_missing(connection)
        for role in (OWNER, WRITER):
            _become_member(connection, role)
        connection.execute(
            sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
                sql.Identifier(database), sql.Identifier(OWNER)
            )
        )
    except errors.InsufficientPrivilege as error:
        raise DatabaseUnavailableError(
            f"The user {user!r} may not create the roles that protect the log: let an administrator"
            f' run `{" ".join(CREATE.split())} GRANT {OWNER}, {WRITER} TO "{user}"; GRANT CREATE'
            f' ON DATABASE "{database}" TO {OWNER};` once, or migrate as an administrator with'
            " HANSARD_MIGRATION_URL."
        ) from error


def prepare_writer(connection: Connection) -> None:
    """Make a new connection ready and give up its login's rights beyond those of a writer."""
    set_limits(connection, NORMAL)
    connection.execute(
        "SELECT set_config('role', %(role)s, false) WHERE pg_has_role(%(role)s, 'SET')",
        {"role": WRITER},
    )
    if not connection.autocommit:
        connection.commit()


def _create_missing(connection: Connection) -> None:
    rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname ^@ 'hansard_'")
    present = {row[0] for row in rows}
    if not {OWNER, WRITER, READER} <= present:
        for statement in filter(None, map(str.strip, CREATE.split(";"))):
            if statement.split()[2] not in present:
                _create(connection, statement)


def _create(connection: Connection, statement: str) -> None:
    try:
        connection.execute(sql.SQL(statement))
    except (errors.DuplicateObject, errors.UniqueViolation):
        return  # a migration of another database of the cluster was faster


def _become_member(connection: Connection, role: str) -> None:
    row = connection.execute("SELECT pg_has_role(%s, 'SET')", (role,)).fetchone()
    if row is None or not row[0]:
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
