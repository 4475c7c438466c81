"""Stop requests: a notification that asks whoever holds a session to stop running it.

They come in on the connection that the lease hangs on: who cannot hear them holds nothing any more.
https://www.postgresql.org/docs/18/sql-notify.html
"""

from __future__ import annotations

import logging
import os
import selectors
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any
from uuid import UUID

import psycopg

CHANNEL = "hansard_stop"

EVERY = "*"
"""Stands in a request for every session."""

MAX_ASKER = 200
"""Characters that are kept of who asks; PostgreSQL takes notifications of up to 8,000 bytes."""

logger = logging.getLogger(__name__)


def stop_message(session_id: UUID | str, by: str) -> str:
    """Write the notification that asks the holder of a session, or of `EVERY` one, to stop."""
    return f"{session_id} {by[:MAX_ASKER]}"


class StopListener:
    """Hears stop requests on a connection that others use as well, in a thread of its own.

    The thread begins with the first connection and sleeps until the connection has something to
    read; it never polls.

    Args:
        lock: is held by whoever uses the connection.
        tell: is told of a session (None: of every one) and of who asks for its stop, while `lock`
            is held; it returns at once.
    """

    def __init__(self, lock: Lock, tell: Callable[[UUID | None, str], None]) -> None:
        self._lock = lock
        self._tell = tell
        self._connection: psycopg.Connection[Any] | None = None
        self._thread: Thread | None = None
        self._closed = False
        self._wake_reader, self._wake_writer = -1, -1

    def listen(self, connection: psycopg.Connection[Any]) -> None:
        """Listen on this connection from now on; `lock` is held."""
        connection.add_notify_handler(self._hear)
        connection.execute(f"LISTEN {CHANNEL}")
        self._connection = connection
        if self._thread is None:
            self._wake_reader, self._wake_writer = os.pipe()
            self._thread = Thread(target=self._listen, name="hansard-stop-requests", daemon=True)
            self._thread.start()
        else:
            os.write(self._wake_writer, b"!")

    def close(self) -> None:
        """End the thread; `lock` is not held."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._closed = True
            if thread is not None:
                os.write(self._wake_writer, b"!")
        if thread is not None:
            thread.join()
            os.close(self._wake_reader)
            os.close(self._wake_writer)

    def _listen(self) -> None:
        while not self._closed:
            with selectors.DefaultSelector() as selector:
                selector.register(self._wake_reader, selectors.EVENT_READ)
                with self._lock:
                    self._take_in()
                    if self._connection is not None:
                        selector.register(self._connection.fileno(), selectors.EVENT_READ)
                ready = {key.fd for key, _ in selector.select()}
            if self._wake_reader in ready:
                os.read(self._wake_reader, 1)

    def _take_in(self) -> None:
        """Run an empty statement: it brings in what has arrived, and shows whether all is well."""
        if self._connection is not None:
            try:
                self._connection.execute("")
            except psycopg.OperationalError as error:
                logger.debug("stop requests are not heard any more: %s", error)
                self._connection = None

    def _hear(self, notification: psycopg.Notify) -> None:
        session_id, _, by = notification.payload.partition(" ")
        try:
            self._tell(None if session_id == EVERY else UUID(session_id), by)
        except ValueError:
            logger.warning("A stop request could not be read: %.100r", notification.payload)
