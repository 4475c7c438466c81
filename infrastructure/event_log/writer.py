"""Group writer: many callers append at once, few transactions carry what they append.

A caller who finds nobody writing writes at once, in its own thread. Whoever comes meanwhile queues;
one thread then carries the queue over in batches, one transaction each, so that they share the cost
of a round trip, a lock and a flush to disk. Every append keeps its own checks and its own outcome;
one that the database cannot take fails alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import accumulate
from threading import Condition, Lock, Thread
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

from application.ports import Fence
from infrastructure.database.errors import DatabaseUnavailableError, translated
from infrastructure.event_log import sql
from infrastructure.event_log.entry_codec import encode_array
from infrastructure.event_log.errors import StoreUnavailableError

if TYPE_CHECKING:
    from infrastructure.database import Connection

logger = logging.getLogger(__name__)

MAX_BATCH_EVENTS = 500
MAX_BATCH_BYTES = 1_000_000
"""Limits of a batch of several appends; one append alone may be larger."""

RECORDED = "recorded"
KNOWN = "known"
FORGOTTEN = "forgotten"
FENCED = "fenced"


class Outcome(NamedTuple):
    """What became of one append; a row of type `hansard.outcome`."""

    outcome: str
    first: int
    recorded_at: datetime
    positions: list[int] | None
    stream: UUID
    expected: int
    actual: int


class Append(NamedTuple):
    """Events to append, all or none, in the form that the database takes.

    Attributes:
        entries: encoded by `entry_codec.encode_entry`, at least one.
        fence: the append counts only while this holds.
    """

    event_ids: frozenset[UUID]
    entries: list[bytes]
    size: int
    fence: Fence | None = None


Done: TypeAlias = "asyncio.Future[None] | Lock"
"""What somebody waits for: a future of their event loop, or a lock that is held for them."""


class Ticket:
    """An append in the queue, and whoever waits for it."""

    __slots__ = ("append", "done", "error", "outcome")

    def __init__(self, append: Append, done: Done) -> None:
        self.append = append
        self.done = done
        self.outcome: Outcome | None = None
        self.error: BaseException | None = None

    def result(self) -> Outcome:
        """Give the outcome, or raise why there is none."""
        if self.error is not None:
            raise self.error
        assert self.outcome is not None, "it is set before anybody is woken"  # noqa: S101 - for the type
        return self.outcome


class GroupWriter:
    """The one writer of a process; callers of any thread and any event loop share it.

    Args:
        connect: opens a connection in autocommit mode with the rights of a writer.
        appended: called after every batch in which something was recorded; what it raises is
            logged, because the appends are recorded all the same.
    """

    def __init__(
        self, connect: Callable[[], Connection], appended: Callable[[], object] = lambda: None
    ) -> None:
        self._connection = AppendConnection(connect)
        self._appended = appended
        self._queue: deque[Ticket] = deque()
        self._writing = False
        self._handed_over = False
        self._thread: Thread | None = None
        self._changed = Condition(Lock())
        self._closed = False

    def append(self, append: Append) -> Outcome:
        """Append from a thread that may wait.

        Raises:
            StoreUnavailableError: the database cannot be used.
            RuntimeError: the writer is closed.
        """
        done = Lock()
        ticket = Ticket(append, done)
        with self._changed:
            self._require_open()
            at_once = not self._writing
            if at_once:
                self._writing = True
            else:
                done.acquire()
                self._queue.append(ticket)
        if at_once:
            self._write_at_once(ticket)
        else:
            done.acquire()
        return ticket.result()

    async def append_async(self, append: Append) -> Outcome:
        """Append from an event loop; see `append`.

        A caller who is cancelled takes nothing back: what it appends is recorded or not.
        """
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        ticket = Ticket(append, done)
        with self._changed:
            self._require_open()
            self._queue.append(ticket)
            if not self._writing:
                loop.call_soon(self._hand_over_queue)  # with what others append in this round
        await done
        return ticket.result()

    def close(self) -> None:
        """Write what is queued and close the connection; whoever appends later is refused."""
        with self._changed:
            self._closed = True
            self._hand_over()
            while self._writing:
                self._changed.wait()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._connection.close()

    def _require_open(self) -> None:
        if self._closed:
            raise RuntimeError("the writer is closed")

    def _hand_over_queue(self) -> None:
        with self._changed:
            self._hand_over()

    def _hand_over(self) -> None:
        """Let the thread write what is queued, unless somebody writes; called under the lock."""
        if self._writing or not self._queue:
            return
        self._writing = self._handed_over = True
        if self._thread is None:
            self._thread = Thread(target=self._carry, name="hansard-writer", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _notify_who_closes(self) -> None:
        if self._closed:
            self._changed.notify_all()

    def _write_at_once(self, ticket: Ticket) -> None:
        try:
            self._write([ticket])
        finally:
            with self._changed:
                self._writing = False
                self._hand_over()
                self._notify_who_closes()

    def _carry(self) -> None:
        while True:
            with self._changed:
                while not self._handed_over:
                    if self._closed and not self._writing:
                        return
                    self._changed.wait()
                batch = _take_batch(self._queue)
            self._write(batch)
            _wake(batch)
            with self._changed:
                if not self._queue:
                    self._writing = self._handed_over = False
                    self._notify_who_closes()

    def _write(self, batch: list[Ticket]) -> None:
        """Carry a batch over, or its appends one by one when the database cannot take it."""
        try:
            outcomes = self._send_twice(batch)
        except BaseException as error:  # noqa: BLE001 - whoever waits raises it
            if len(batch) > 1 and isinstance(error, psycopg.Error):
                for ticket in batch:
                    self._write([ticket])
            else:
                for ticket in batch:
                    ticket.error = error
            return
        for ticket, outcome in zip(batch, outcomes, strict=True):
            ticket.outcome = outcome
        if any(outcome.outcome == RECORDED for outcome in outcomes):
            self._tell()

    def _tell(self) -> None:
        try:
            self._appended()
        except Exception:
            logger.exception("What was to follow an append failed; the append is recorded.")

    def _send_twice(self, batch: list[Ticket]) -> list[Outcome]:
        """Send a batch; what was tried on a broken connection is tried once more.

        That is safe, because an event that is recorded already is recognised by its id.
        """
        try:
            with translated():
                try:
                    return self._send(batch)
                except psycopg.OperationalError:
                    return self._send(batch)
        except DatabaseUnavailableError as error:
            raise StoreUnavailableError(str(error)) from error

    def _send(self, batch: list[Ticket]) -> list[Outcome]:
        connection, entry_type = self._connection.open()
        try:
            return send(connection, entry_type, [ticket.append for ticket in batch])
        except psycopg.OperationalError:
            connection.close()
            raise


class AppendConnection:
    """The connection of one who appends, opened when it is needed and again when it broke.

    Args:
        connect: opens a connection in autocommit mode.
    """

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._opened: tuple[Connection, int] | None = None

    def open(self) -> tuple[Connection, int]:
        """Give the connection, and the object id of the type `hansard.entry` in its database."""
        if self._opened is None or self._opened[0].closed:
            connection = self._connect()
            try:
                self._opened = connection, prepare_for_entries(connection)
            except BaseException:
                connection.close()
                raise
        return self._opened

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._opened is not None:
            self._opened[0].close()


class Entries(bytes):
    """An encoded array of `hansard.entry`."""


def prepare_for_entries(connection: Connection) -> int:
    """Teach a connection to send entries, with plans that suit a growing log.

    Returns:
        Object id of the type `hansard.entry` in this database.
    """
    connection.execute(sql.KEEP_TO_INDEXES)
    row = connection.execute(sql.ENTRY_TYPES).fetchone()
    assert row is not None, "the statement answers with one row"  # noqa: S101 - for the type
    entry, array = row
    members: dict[str, Any] = {
        "oid": array,
        "format": Format.BINARY,
        "dump": lambda _, value: value,
    }
    connection.adapters.register_dumper(Entries, type("EntriesDumper", (Dumper,), members))
    return int(entry)


def send(connection: Connection, entry_type: int, appends: Sequence[Append]) -> list[Outcome]:
    """Carry appends over in one call, and tell what became of each."""
    entries = [entry for append in appends for entry in append.entries]
    sizes = [len(append.entries) for append in appends]
    values: list[Any] = [Entries(encode_array(entry_type, entries)), sizes]
    statement = sql.APPEND
    if any(append.fence is not None for append in appends):
        statement = sql.APPEND_FENCED
        values.append([append.fence and append.fence.stream for append in appends])
        values.append([append.fence and append.fence.version for append in appends])
    cursor = connection.execute(statement, values, prepare=True, binary=True)
    outcomes = [Outcome(*row) for row in cursor]
    if len(outcomes) == len(appends):
        return outcomes
    [together] = outcomes  # all of them are recorded, one after the other
    firsts = accumulate(sizes[:-1], initial=together.first)
    return [together._replace(first=first) for first in firsts]


def _take_batch(queue: deque[Ticket]) -> list[Ticket]:
    """Take from the front what goes into one transaction; nobody's event twice."""
    batch: list[Ticket] = []
    events = size = 0
    event_ids: set[UUID] = set()
    while queue:
        append = queue[0].append
        events += len(append.entries)
        size += append.size
        if batch and (
            events > MAX_BATCH_EVENTS
            or size > MAX_BATCH_BYTES
            or not event_ids.isdisjoint(append.event_ids)
        ):
            break
        event_ids |= append.event_ids
        batch.append(queue.popleft())
    return batch


def _wake(batch: list[Ticket]) -> None:
    """Tell everybody who waits; an event loop is woken once for all its callers."""
    of_loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for ticket in batch:
        if isinstance(ticket.done, asyncio.Future):
            of_loops.setdefault(ticket.done.get_loop(), []).append(ticket.done)
        else:
            ticket.done.release()
    for loop, waiting in of_loops.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits there any more
            loop.call_soon_threadsafe(_set_done, waiting)


def _set_done(waiting: list[asyncio.Future[None]]) -> None:
    for done in waiting:
        if not done.done():  # otherwise its caller was cancelled
            done.set_result(None)
