"""Database: the one place events and read models are stored, opened and ready for use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Self

from psycopg.conninfo import make_conninfo

from infrastructure.database.connection import Connection, DatabasePool, connect, open_pool
from infrastructure.database.embedded import SERVICE, EmbeddedServer, ServerStatus
from infrastructure.database.errors import Target
from infrastructure.database.roles import prepare_owner, prepare_writer
from infrastructure.database.schema import current_revision, ensure_schema
from infrastructure.settings import Settings
from migrations import head


@dataclass(frozen=True)
class Access:
    """Connection strings of a database; they may hold passwords.

    Attributes:
        service: of everyday work.
        migration: of a user who may change the schema.
    """

    service: str
    migration: str


class Database:
    """A database whose schema is the one this version of Hansard expects.

    All its connections have the rights of a writer, whatever those of their login.

    Attributes:
        access: how it is reached.
        description: what it is, without secrets.
    """

    def __init__(self, access: Access, description: str, closing: ExitStack) -> None:
        self.access = access
        self.description = description
        self._closing = closing

    @cached_property
    def pool(self) -> DatabasePool:
        """Connections in autocommit mode, shared by the threads of this process."""
        return self._closing.enter_context(open_pool(self.access.service, prepare=prepare_writer))

    def connect(self, *, autocommit: bool = True) -> Connection:
        """Open a connection of its own, for what outlives a transaction (LISTEN, leases)."""
        return connect(self.access.service, autocommit=autocommit, prepare=prepare_writer)

    def connect_as_owner(self) -> Connection:
        """Open a connection that may change tables, outside of a transaction.

        Raises:
            DatabaseUnavailableError: the login of migrations may not act as the owner.
        """
        return connect(self.access.migration, autocommit=True, prepare=prepare_owner)

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
        access = closing.enter_context(_reached(settings))
        ensure_schema(access.service, access.migration)
    except BaseException:
        closing.close()
        raise
    return Database(access, describe(settings), closing)


def migrate(settings: Settings) -> Migration:
    """Migrate a database to the newest schema.

    Raises:
        DatabaseUnavailableError: it cannot be used; the message says why and what to do.
    """
    with _reached(settings) as access:
        with connect(access.service, autocommit=True) as connection:
            before = current_revision(connection)
        after = ensure_schema(access.service, access.migration)
        return Migration(describe(settings), before, after)


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
def _reached(settings: Settings) -> Iterator[Access]:
    if settings.database_url is not None:
        service = settings.database_url
        migration = settings.migration_url or service
        yield Access(service.get_secret_value(), migration.get_secret_value())
    else:
        with embedded_server(settings).joined(keep=settings.keep_server) as conninfo:
            yield Access(make_conninfo(conninfo, user=SERVICE), conninfo)
