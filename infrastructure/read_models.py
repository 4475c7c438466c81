"""ReadModels: SQLAlchemy connections to the read side, for queries and for the runner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import psycopg

from infrastructure.database.errors import translate

if TYPE_CHECKING:
    import sqlalchemy as sa


# A table that took another one's place is found also by who began to read before, but not all of
# its rows are. So no exchange comes between the beginning of a transaction, or its snapshot, and
# its end; this statement takes none: https://www.postgresql.org/docs/18/sql-lock.html
KEEP_TABLES = "LOCK TABLE hansard_read.projection_tables IN ACCESS SHARE MODE"


class ReadModels:
    """Opens connections when they are first needed and keeps a few for later.

    Args:
        connect: opens a connection in transactional mode.
    """

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]]) -> None:
        self._connect = connect

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection for queries, all of which see the same state.

        Raises:
            UnavailableError: the database cannot be used.
        """
        with translated_sql(), self._engine.connect() as connection:
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            connection.exec_driver_sql(KEEP_TABLES)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection whose changes are kept together when the block ends, or not at all.

        Raises:
            UnavailableError: the database cannot be used.
        """
        with translated_sql(), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        if "_engine" in vars(self):
            self._engine.dispose()

    @cached_property
    def _engine(self) -> sa.Engine:
        import sqlalchemy  # noqa: PLC0415 - heavy, and needed only when read models are used

        return sqlalchemy.create_engine(
            "postgresql+psycopg://", creator=self._connect, pool_pre_ping=True
        )


@contextmanager
def translated_sql() -> Iterator[None]:
    """Let errors of the driver out as `DatabaseUnavailableError` where they mean that."""
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - heavy, as above

    try:
        yield
    except DBAPIError as error:
        saying = translate(error.orig) if isinstance(error.orig, psycopg.Error) else None
        if saying is None:
            raise
        raise saying from error
