"""Wake-up: who waits for the log learns at once that something was appended.

Nothing depends on it, because who waits also looks by himself now and then. Within a process it is
a signal; between processes one NOTIFY stands for all appends of a few milliseconds. It goes out on
a connection of its own: inside the transaction of an append it would cost most of the throughput.
https://www.postgresql.org/docs/18/sql-notify.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Condition, Event, Thread
from typing import TYPE_CHECKING

import psycopg

from application.errors import UnavailableError

if TYPE_CHECKING:
    from infrastructure.database import Connection

CHANNEL = "hansard_appended"

POLL_S = 0.05
"""Seconds after which who waits looks by himself."""

PAUSE_S = 0.005
"""Seconds between two notifications; all appends in between share the next one."""

LISTEN_S = 0.1
"""Seconds after which the listener sees that it is to end."""

RECONNECT_S = 1.0
"""Seconds between attempts to connect again."""

OUTAGE = (psycopg.Error, UnavailableError)

logger = logging.getLogger(__name__)


class Wakeup:
    """Wakes who waits for the log, in this process and in others.

    Its threads begin with the first append and the first waiting, and end with `close`.

    Args:
        connect: opens a connection in autocommit mode; None keeps to this process.
    """

    def __init__(self, connect: Callable[[], Connection] | None = None) -> None:
        self._connect = connect
        self._changed = Condition()
        self._count = 0
        self._unannounced = Event()
        self._closed = Event()
        self._announcer: Thread | None = None
        self._listener: Thread | None = None
        self._own_backend = 0

    def appended(self) -> None:
        """Tell everybody that something was appended; takes microseconds."""
        self.wake()
        if self._connect is not None and not self._unannounced.is_set():
            self._unannounced.set()
            with self._changed:
                self._announcer = self._announcer or self._start(self._announce, "announcer")

    def wake(self) -> None:
        """Let everybody in this process look at the log."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def listen(self) -> None:
        """Learn of appends of other processes from now on."""
        if self._connect is not None:
            with self._changed:
                self._listener = self._listener or self._start(self._listen, "listener")

    @property
    def count(self) -> int:
        """Number of wake-ups so far; to be noted before the log is looked at."""
        return self._count

    def wait(self, count: int, timeout_s: float = POLL_S) -> None:
        """Wait for the next wake-up after the one of that number, or until the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._count != count, timeout_s)

    def close(self) -> None:
        """Announce the last appends and end the threads."""
        self._closed.set()
        self._unannounced.set()
        for thread in (self._announcer, self._listener):
            if thread is not None:
                thread.join()

    def _start(self, work: Callable[[Callable[[], Connection]], None], name: str) -> Thread:
        """Start a thread that lasts until `close`; called under the lock."""
        thread = Thread(target=work, args=(self._connect,), name=f"hansard-{name}", daemon=True)
        thread.start()
        return thread

    def _announce(self, connect: Callable[[], Connection]) -> None:
        connection: Connection | None = None
        is_last = False
        while not is_last:
            self._unannounced.wait()
            self._unannounced.clear()
            is_last = self._closed.is_set()  # in this order: `close` sets them in the other one
            if not (is_last and connection is None):
                connection = self._notify(connection, connect)
            self._closed.wait(PAUSE_S)
        if connection is not None:
            connection.close()

    def _notify(
        self, connection: Connection | None, connect: Callable[[], Connection]
    ) -> Connection | None:
        """Send a notification; one that cannot be sent is not missed, because others poll."""
        try:
            if connection is None or connection.closed:
                connection = connect()
                connection.execute(
                    "SET synchronous_commit = off"
                )  # a notification outlives nothing
                self._own_backend = connection.info.backend_pid
            connection.execute(f"NOTIFY {CHANNEL}")
        except OUTAGE as error:
            logger.debug("appends cannot be announced now: %s", error)
        return connection

    def _listen(self, connect: Callable[[], Connection]) -> None:
        reported = False
        while not self._closed.is_set():
            try:
                with connect() as connection:
                    connection.execute(f"LISTEN {CHANNEL}")
                    reported = False
                    self.wake()
                    self._pass_on(connection)
            except OUTAGE as error:
                if not reported:
                    logger.info("notifications of appends are interrupted: %s", error)
                reported = True
                self._closed.wait(RECONNECT_S)

    def _pass_on(self, connection: Connection) -> None:
        while not self._closed.is_set():
            for notification in connection.notifies(timeout=LISTEN_S, stop_after=1):
                if notification.pid != self._own_backend:
                    self.wake()
