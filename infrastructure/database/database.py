"""Database: the one place events and read models are stored, opened and ready for use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Self

from infrastructure.database.connection import Connection, DatabasePool, connect, open_pool
from infrastructure.database.embedded import EmbeddedServer, ServerStatus
from infrastructure.database.errors import Target
from infrastructure.database.schema import current_revision, ensure_schema
from infrastructure.settings import Settings
from migrations import head


class Database:
    """A database whose schema is the one this version of Hansard expects.

    Attributes:
        conninfo: connection string; it may hold a password.
        description: what it is, without secrets.
    """

    def __init__(self, conninfo: str, description: str, closing: ExitStack) -> None:
        self.conninfo = conninfo
        self.description = description
        self._closing = closing

    @cached_property
    def pool(self) -> DatabasePool:
        """Connections in transactional mode, shared by the threads of this process."""
        return self._closing.enter_context(open_pool(self.conninfo))

    def connect(self, *, autocommit: bool = True) -> Connection:
        """Open a connection of its own, for what outlives a transaction (LISTEN, leases)."""
        return connect(self.conninfo, autocommit=autocommit)

    def close(self) -> None:
        """Close the pool and leave the embedded server, which stops after its last user."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Database({self.description})"


@dataclass(frozen=True)
class DatabaseStatus:
    """What is known about a database.

    Attributes:
        description: what it is, without secrets.
        server: the embedded server; None for a server of the user's own.
        schema: revision the database is at; None for a new one, and while the server is stopped.
        newest: revision this version of Hansard expects.
    """

    description: str
    server: ServerStatus | None
    schema: str | None
    newest: str | None


@dataclass(frozen=True)
class Migration:
    """What a migration did; `before` is None for a new database."""

    description: str
    before: str | None
    after: str | None


def open_database(settings: Settings) -> Database:
    """Open the user's own database or the embedded one, and migrate it where needed.

    Raises:
        DatabaseUnavailableError: it cannot be used; the message says why and what to do.
    """
    closing = ExitStack()
    try:
        conninfo = closing.enter_context(_reached(settings))
        ensure_schema(conninfo)
    except BaseException:
        closing.close()
        raise
    return Database(conninfo, describe(settings), closing)


def migrate(settings: Settings) -> Migration:
    """Migrate a database to the newest schema.

    Raises:
        DatabaseUnavailableError: it cannot be used; the message says why and what to do.
    """
    with _reached(settings) as conninfo:
        with connect(conninfo, autocommit=True) as connection:
            before = current_revision(connection)
        return Migration(describe(settings), before, ensure_schema(conninfo))


def database_status(settings: Settings) -> DatabaseStatus:
    """Tell how a database is; starts and changes nothing.

    Raises:
        DatabaseUnavailableError: the user's own server cannot be reached, or the database is
            newer than this version of Hansard.
    """
    server = conninfo = schema = None
    if settings.database_url is not None:
        conninfo = settings.database_url.get_secret_value()
    else:
        server = embedded_server(settings).status()
        conninfo = server.conninfo
    if conninfo is not None:
        with connect(conninfo, autocommit=True) as connection:
            schema = current_revision(connection)
    return DatabaseStatus(describe(settings), server, schema, head())


def embedded_server(settings: Settings) -> EmbeddedServer:
    """Name the embedded server of these settings; it need not run, nor exist."""
    return EmbeddedServer(settings.home / "postgres")


def describe(settings: Settings) -> str:
    """Say which database the settings choose, without secrets."""
    if settings.database_url is not None:
        return str(Target.of(settings.database_url.get_secret_value()))
    return f"embedded server in {str(embedded_server(settings).folder)!r}"


@contextmanager
def _reached(settings: Settings) -> Iterator[str]:
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
    else:
        with embedded_server(settings).joined(keep=settings.keep_server) as conninfo:
            yield conninfo
