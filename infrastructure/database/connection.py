"""Connections to PostgreSQL: fail fast, notice a cut network, and never hold a transaction long."""

from __future__ import annotations

import logging
import selectors
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from infrastructure.database.errors import (
    DatabaseUnavailableError,
    Target,
    libpq_defaults,
    translated,
)

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

TRANSACTION_TIMEOUT_VERSION = 170000

NETWORK = {
    "connect_timeout": "5",  # seconds
    "tcp_user_timeout": "10000",  # milliseconds; psycopg alone would wait for ever on a cut network
    "keepalives": "1",
    "keepalives_idle": "10",  # seconds
    "keepalives_interval": "5",  # seconds
    "keepalives_count": "3",
}
"""Used where neither the connection string nor libpq's environment says otherwise."""

NOTICE_DEATH = """
       set_config('tcp_keepalives_idle', '10', false),
       set_config('tcp_keepalives_interval', '5', false),
       set_config('tcp_keepalives_count', '3', false)
"""
"""Lets the server free within half a minute, not hours, what a machine that went dark holds; what a
SELECT is to list."""

WITHOUT_TIME_LIMIT = """
SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'
"""


RECONNECT_TIMEOUT_S = 1.0
"""Seconds a pool keeps trying by itself; its waits double, so longer would outlast an outage."""


@dataclass(frozen=True)
class Limits:
    """How long the server lets a connection's transactions last.

    Attributes:
        transaction_s: seconds a transaction may take; 0 for ever. Needs PostgreSQL 17.
        idle_s: seconds a transaction may stand still; 0 for ever.
        lock_s: seconds to wait for a lock; 0 for ever.
    """

    transaction_s: int = 120
    idle_s: int = 30
    lock_s: int = 0


NORMAL = Limits()
MIGRATING = Limits(transaction_s=0, idle_s=0, lock_s=120)


def complete(conninfo: str) -> str:
    """Add our network settings to a connection string, where it leaves them open.

    Raises:
        DatabaseUnavailableError: it cannot be read.
    """
    Target.of(conninfo)
    given = conninfo_to_dict(conninfo)
    defaults = libpq_defaults()
    built_in = {"keepalives": "1"}
    ours = {
        keyword: value
        for keyword, value in NETWORK.items()
        if keyword not in given and defaults.get(keyword) in (None, "", built_in.get(keyword))
    }
    return make_conninfo(conninfo, fallback_application_name="hansard", **ours)


def prepare(connection: Connection) -> None:
    """Make a new connection ready for everyday work."""
    set_limits(connection, NORMAL)


def connect(
    conninfo: str,
    *,
    autocommit: bool = False,
    prepare: Callable[[Connection], None] = prepare,
) -> Connection:
    """Open one connection.

    Args:
        prepare: makes it ready; leaves it outside of a transaction.

    Raises:
        DatabaseUnavailableError: the database cannot be used; the message says why.
    """
    with translated(conninfo):
        connection = psycopg.connect(complete(conninfo), autocommit=autocommit)
    try:
        with translated():
            prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def set_limits(connection: Connection, limits: Limits) -> None:
    """Set limits and time zone of a new connection; it is left outside of a transaction."""
    choices = {
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": f"{limits.idle_s}s",
        "lock_timeout": f"{limits.lock_s}s",
        "default_transaction_isolation": "read committed",
    }
    if connection.info.server_version >= TRANSACTION_TIMEOUT_VERSION:
        choices["transaction_timeout"] = f"{limits.transaction_s}s"
    connection.execute(
        "SELECT set_config(name, value, false)"
        " FROM unnest(%s::text[], %s::text[]) AS choices (name, value)",
        (list(choices), list(choices.values())),
    )
    if not connection.autocommit:
        connection.commit()


class DatabasePool(ConnectionPool[Connection]):
    """A pool that says why it cannot give a connection."""

    def getconn(self, timeout: float | None = None) -> Connection:
        """Give a connection.

        Raises:
            DatabaseUnavailableError: none can be had within `timeout` seconds.
        """
        try:
            return super().getconn(timeout)
        except PoolTimeout as error:
            conninfo = str(self.conninfo)
            connect(conninfo).close()  # raises the cause, unless the server is well
            raise DatabaseUnavailableError(
                f"All {self.max_size} connections of this process to {Target.of(conninfo)}"
                " are in use: try again in a moment."
            ) from error


def open_pool(
    conninfo: str,
    *,
    max_size: int = 10,
    timeout_s: float = 10.0,
    prepare: Callable[[Connection], None] = prepare,
) -> DatabasePool:
    """Open a pool of connections in autocommit mode; it connects when one is first asked for.

    Args:
        prepare: makes each connection ready; leaves it outside of a transaction.
        timeout_s: seconds to wait for a connection before giving up.

    Raises:
        DatabaseUnavailableError: the connection string cannot be read.
    """
    # Failed attempts are reported by the error that follows them, not by log lines on the terminal.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    return DatabasePool(
        complete(conninfo),
        min_size=0,
        max_size=max_size,
        timeout=timeout_s,
        reconnect_timeout=RECONNECT_TIMEOUT_S,
        kwargs={"autocommit": True},
        configure=prepare,
        check=_check_liveness,
        name="hansard",
        open=True,
    )


def _check_liveness(connection: Connection) -> None:
    """Ask the server only when it has said something unasked, as it does when it stops."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        if selector.select(timeout=0):
            ConnectionPool.check_connection(connection)
