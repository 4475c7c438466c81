"""Errors of the database, and what the driver's errors mean in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from application.errors import UnavailableError


class DatabaseUnavailableError(UnavailableError):
    """The database cannot be used now."""


@dataclass(frozen=True)
class Target:
    """What a connection string points at, without its secrets."""

    server: str
    database: str
    user: str

    @classmethod
    def of(cls, conninfo: str) -> Target:
        """Read a connection string; what it leaves out is filled in as libpq does.

        Raises:
            DatabaseUnavailableError: it cannot be read. The driver's own words are not repeated,
                because they may quote a part of the password.
        """
        try:
            given = conninfo_to_dict(conninfo)
        except psycopg.ProgrammingError:
            raise DatabaseUnavailableError(
                "HANSARD_DATABASE_URL is not a connection string: write it as"
                " 'postgresql://user:password@host:5432/database'"
                " and percent-encode special characters in the password ('@' as '%40')."
            ) from None
        parameters = libpq_defaults() | given
        user = str(parameters.get("user") or "")
        server = str(parameters.get("host") or parameters.get("hostaddr") or "")
        if not server:
            service = parameters.get("service")
            server = f"service {service}" if service else "local socket"
        elif not server.startswith("/"):
            server = f"{server}:{parameters.get('port') or 5432}"
        return cls(server, str(parameters.get("dbname") or user), user)

    def __str__(self) -> str:
        return f"database {self.database!r} on {self.server!r} as user {self.user!r}"


def libpq_defaults() -> dict[str, str]:
    """Ask libpq for its defaults, which include the `PG*` variables and the service file."""
    return {
        option.keyword.decode(): option.val.decode(errors="replace")
        for option in Conninfo.get_defaults()
        if option.val is not None
    }


class ConnectFault(NamedTuple):
    """What libpq says when no connection comes about (there is no code, only text), explained."""

    pattern: str
    saying: str


class QueryFault(NamedTuple):
    """Errors of a connection that came about, explained."""

    classes: tuple[type[psycopg.Error], ...]
    saying: str


CONNECT_FAULTS = (
    ConnectFault(
        r"Connection refused|No such file or directory|could not connect|server is not running",
        "The PostgreSQL server at {server!r} cannot be reached:"
        " start it, or correct HANSARD_DATABASE_URL.",
    ),
    ConnectFault(
        r"timeout expired|timed out|No route to host|[Nn]etwork is unreachable",
        "The PostgreSQL server at {server!r} does not answer:"
        " check the network and HANSARD_DATABASE_URL.",
    ),
    ConnectFault(
        r"could not translate host name|failed to resolve host|Name or service not known",
        "The host of the PostgreSQL server at {server!r} is unknown:"
        " correct its name in HANSARD_DATABASE_URL.",
    ),
    ConnectFault(
        r"password authentication failed|no password supplied|SCRAM|empty password",
        "The PostgreSQL server at {server!r} refuses the password of user {user!r}:"
        " correct it in HANSARD_DATABASE_URL, PGPASSWORD or ~/.pgpass.",
    ),
    ConnectFault(
        r"role \"[^\"]*\" does not exist",
        "The PostgreSQL server at {server!r} has no role {user!r}:"
        " create it with `createuser`, or name another user in HANSARD_DATABASE_URL.",
    ),
    ConnectFault(
        r"database \"[^\"]*\" does not exist",
        "The PostgreSQL server at {server!r} has no database {database!r}:"
        " create it with `createdb`, or name another one in HANSARD_DATABASE_URL.",
    ),
    ConnectFault(
        r"permission denied for database",
        "User {user!r} may not connect to database {database!r} on {server!r}:"
        " let an administrator run GRANT CONNECT, or name another user in HANSARD_DATABASE_URL.",
    ),
    ConnectFault(
        r"pg_hba\.conf|authentication failed|certificate|SSL|GSSAPI",
        "The PostgreSQL server at {server!r} does not admit user {user!r}"
        " to database {database!r} this way ({reason}): correct pg_hba.conf on the server,"
        " or the user or sslmode in HANSARD_DATABASE_URL.",
    ),
    ConnectFault(
        r"too many clients|too many connections|remaining connection slots",
        "The PostgreSQL server at {server!r} has no free connection:"
        " close other clients, or raise max_connections on the server.",
    ),
    ConnectFault(
        r"the database system is|not accepting connections|recovery",
        "The PostgreSQL server at {server!r} is starting or stopping ({reason}):"
        " try again in a moment.",
    ),
)
UNKNOWN_CONNECT_FAULT = (
    "The PostgreSQL server at {server!r} cannot be used ({reason}): correct HANSARD_DATABASE_URL."
)

QUERY_FAULTS = (
    QueryFault(
        (errors.InsufficientPrivilege,),
        "The database does not allow this user what Hansard needs ({reason}): let an"
        " administrator grant it (for tables: GRANT CREATE ON DATABASE and ON SCHEMA public),"
        " or use the owner of the database.",
    ),
    QueryFault(
        (errors.ReadOnlySqlTransaction,),
        "The database is read-only, so nothing can be recorded:"
        " connect to the primary server instead of a stand-by, or make the database writable.",
    ),
    QueryFault(
        (errors.DiskFull,),
        "The disk of the PostgreSQL server is full: free some space and try again.",
    ),
    QueryFault(
        (errors.TransactionTimeout, errors.QueryCanceled, errors.LockNotAvailable),
        "The database took too long ({reason}): try again, or find with pg_stat_activity"
        " what holds it up.",
    ),
    QueryFault(
        (errors.SerializationFailure, errors.DeadlockDetected),
        "Another client of the database got in the way ({reason}): try again.",
    ),
    QueryFault(
        (errors.IdleInTransactionSessionTimeout,),
        "The database closed a transaction that stood still for too long: try again.",
    ),
    QueryFault(
        (errors.AdminShutdown, errors.CrashShutdown, errors.CannotConnectNow),
        "The PostgreSQL server stopped in the middle of the work ({reason}):"
        " start it again and repeat the command; nothing that was recorded is lost.",
    ),
    QueryFault(
        (psycopg.OperationalError, psycopg.InterfaceError),
        "The connection to the database broke off ({reason}):"
        " see that the server runs and repeat the command; nothing that was recorded is lost.",
    ),
)
"""Most special first. An error of no class listed here is a fault of the program."""


def translate(error: psycopg.Error, conninfo: str | None = None) -> DatabaseUnavailableError | None:
    """Say in one sentence what a driver's error means and what to do.

    Args:
        conninfo: given when the error came from connecting.

    Returns:
        None when the error is a fault of the program.
    """
    reason = _reason(error)
    if conninfo is not None and error.sqlstate is None:
        target = Target.of(conninfo)
        message = next(
            (fault.saying for fault in CONNECT_FAULTS if re.search(fault.pattern, str(error))),
            UNKNOWN_CONNECT_FAULT,
        )
        reason = _without_password(reason, conninfo)
        return DatabaseUnavailableError(message.format(reason=reason, **vars(target)))
    for fault in QUERY_FAULTS:
        if isinstance(error, fault.classes):
            return DatabaseUnavailableError(fault.saying.format(reason=reason))
    return None


@contextmanager
def translated(conninfo: str | None = None) -> Iterator[None]:
    """Let errors of the driver out as `DatabaseUnavailableError` where they mean that.

    Args:
        conninfo: given when the block connects.
    """
    try:
        yield
    except psycopg.Error as error:
        saying = translate(error, conninfo)
        if saying is None:
            raise
        raise saying from error


def _reason(error: psycopg.Error) -> str:
    text = error.diag.message_primary or str(error)
    for line in reversed(text.splitlines()):
        _, found, reason = line.partition("FATAL:")
        if found:
            return reason.strip()
    first = text.strip().partition("\n")[0]
    return first.removeprefix("connection failed: ").removeprefix("connection is bad: ").strip()


def _without_password(text: str, conninfo: str) -> str:
    password = str(conninfo_to_dict(conninfo).get("password") or "")
    return text.replace(password, "***") if password else text
