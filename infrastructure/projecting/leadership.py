"""Leadership: which read models this process keeps up to date, and the connection it does so on."""

from __future__ import annotations

import selectors
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from psycopg import OperationalError

from infrastructure.projecting import sql

if TYPE_CHECKING:
    from infrastructure.database import Connection


class Leadership:
    """Advisory locks on the very connection that writes.

    When it breaks, or its process dies, the server undoes what was being written and frees the read
    models at once, so that a stand-by goes on; two can never write. It also frees those of a
    process that hangs: who leads has to say something now and then.

    Args:
        connect: opens a connection in autocommit mode.
    """

    def __init__(self, connect: Callable[[], Connection], names: Sequence[str]) -> None:
        self._connect = connect
        self._names = tuple(names)
        self._connection: Connection | None = None
        self._led: set[str] = set()

    @property
    def led(self) -> frozenset[str]:
        """Names of the read models that this process leads."""
        return frozenset(self._led)

    @property
    def connection(self) -> Connection:
        """The connection to write on, which `seek` opens; one that broke is not replaced by it.

        Raises:
            OperationalError: there is none.
        """
        if self._connection is None:
            raise OperationalError("nothing is led")
        return self._connection

    def seek(self) -> frozenset[str]:
        """Try to lead what nobody else does, and name what this process leads.

        Raises:
            UnavailableError: the database cannot be used.
        """
        connection = self._opened()
        wanted = [name for name in self._names if name not in self._led]
        if wanted:
            values = {"names": wanted, "namespace": sql.NAMESPACE, "lease": sql.LEASE}
            self._led |= {name for name, _ in connection.execute(sql.LEAD, values)}
        return self.led

    def release(self) -> None:
        """Let others lead; the connection is kept for the next time."""
        self._led.clear()
        if self._connection is not None and not self._connection.closed:
            self._connection.execute(sql.RELEASE)

    def drop(self) -> None:
        """Give up the connection, and with it what this process leads."""
        self._led.clear()
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def cancel(self, timeout_s: float) -> None:
        """Let the server break off what it is doing on the connection; from any thread."""
        connection = self._connection
        if connection is not None:
            with suppress(OperationalError):  # then it is not doing anything either
                connection.cancel_safe(timeout=timeout_s)

    def _opened(self) -> Connection:
        """Open a connection unless there is one in order; a new one leads nothing."""
        if self._connection is not None and not _is_well(self._connection):
            self.drop()
        if self._connection is None:
            connection = self._connect()
            try:
                connection.execute(sql.SETTINGS, {"lease": sql.LEASE})
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection


def _is_well(connection: Connection) -> bool:
    """Ask the server only when it has said something unasked, as it does when it ends."""
    if connection.closed:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        if not selector.select(timeout=0):
            return True
    try:
        connection.execute("")
    except OperationalError:
        return False
    return True
