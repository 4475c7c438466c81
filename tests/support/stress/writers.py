"""Writers under stress: threads, tasks and transactions that append, give up, repeat and roll back.

Each writes until its time is up, to streams of its own, whatever happens to its connections and to
the server, and notes in its journal what became of every append.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol
from uuid import UUID

import psycopg

from application.errors import ConflictError, UnavailableError
from infrastructure.database import Connection, connect, prepare_writer
from infrastructure.event_log.entry_codec import encode_entry
from infrastructure.event_log.mapper import EnvelopedEvent
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.writer import RECORDED, Append, prepare_for_entries, send
from tests.support.event_log import IDS, a_stream, an_event, recorder_on
from tests.support.stress.journal import Journal

BREATH_S = 0.02
"""Seconds to wait before an append is tried again on a server that is gone."""

THREADS = 4
TASKS = 8


class Load:
    """What one caller appends: a stream that goes on for a while, with company."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - no secrets
        self._begin()

    def _begin(self) -> None:
        self.stream: UUID = IDS.new()
        self.version = 0

    def next(self) -> list[EnvelopedEvent]:
        """Make the next append: 1 to 4 events of the stream, and at times others beside them."""
        length = self.dice.choice((1, 1, 1, 2, 4))
        own = [an_event(self.stream, self.version + n + 1) for n in range(length)]
        return [*own, *a_stream(self.dice.choice((0, 0, 0, 1, 3)))]

    def late(self) -> list[EnvelopedEvent]:
        """Make an append that must be refused as a whole: it repeats a version."""
        return [an_event(), an_event(self.stream, self.version)]

    def recorded(self, events: list[EnvelopedEvent]) -> None:
        """Go on after an append that was recorded."""
        self.version += sum(event.originator_id == self.stream for event in events)
        if self.dice.random() < 0.1:
            self._begin()

    def lost(self) -> None:
        """Leave a stream of which nobody knows how far it has come."""
        self._begin()


class WritingLoop(Protocol):
    """Writes until its time is up."""

    def __call__(self, url: str, seed: int, until: float, journal: Journal) -> None: ...


def write_in_threads(url: str, seed: int, until: float, journal: Journal) -> None:
    """Let threads append at once through one recorder."""
    with recorder_on(url) as recorder, ThreadPoolExecutor(THREADS) as threads:
        futures = [
            threads.submit(_write, recorder, Load(seed * 100 + n), until, journal)
            for n in range(THREADS)
        ]
        for future in futures:
            future.result()


def _write(recorder: PostgresEventRecorder, load: Load, until: float, journal: Journal) -> None:
    while time.monotonic() < until:
        if load.version and load.dice.random() < 0.1:
            _write_late(recorder, load, journal)
            continue
        events = load.next()
        number = journal.tried(events)
        while True:
            try:
                logged = recorder.append(events)
            except UnavailableError:
                time.sleep(BREATH_S)
                if time.monotonic() > until or load.dice.random() < 0.2:
                    load.lost()
                    break
            else:
                journal.acknowledged(number, [event.position for event in logged])
                load.recorded(events)
                break


def _write_late(recorder: PostgresEventRecorder, load: Load, journal: Journal) -> None:
    events = load.late()
    number = journal.tried(events)
    try:
        recorder.append(events)
    except ConflictError:
        journal.refused(number)
    except UnavailableError:
        journal.refused(number)  # whatever became of it, it must not be recorded
        time.sleep(BREATH_S)
    else:
        raise AssertionError("a version repeats")


def write_in_tasks(url: str, seed: int, until: float, journal: Journal) -> None:
    """Let tasks of one event loop append at once; some of them lose patience."""

    async def write_all() -> None:
        with recorder_on(url) as recorder:
            loads = [Load(seed * 100 + n) for n in range(TASKS)]
            await asyncio.gather(*(_write_async(recorder, load, until, journal) for load in loads))

    asyncio.run(write_all())


async def _write_async(
    recorder: PostgresEventRecorder, load: Load, until: float, journal: Journal
) -> None:
    while time.monotonic() < until:
        events = load.next()
        number = journal.tried(events)
        impatient = load.dice.random() < 0.1
        try:
            async with asyncio.timeout(load.dice.random() * 0.01 if impatient else None):
                logged = await recorder.append_async(events)
        except TimeoutError:
            load.lost()
        except UnavailableError:
            load.lost()
            await asyncio.sleep(BREATH_S)
        else:
            journal.acknowledged(number, [event.position for event in logged])
            load.recorded(events)


def write_in_transactions(url: str, seed: int, until: float, journal: Journal) -> None:
    """Append in transactions with delays, savepoints and rollbacks, past our own writer."""
    load = Load(seed)
    connection: Connection | None = None
    while time.monotonic() < until:
        try:
            if connection is None or connection.closed:
                connection = connect(url, prepare=prepare_writer)
            entry_type = prepare_for_entries(connection)
            connection.rollback()
            while time.monotonic() < until:
                _transact(connection, entry_type, load, journal)
        except (psycopg.OperationalError, psycopg.InterfaceError, UnavailableError):
            load.lost()
            time.sleep(BREATH_S)
            if connection is not None:
                connection.close()
    if connection is not None:
        connection.close()


def _transact(connection: Connection, entry_type: int, load: Load, journal: Journal) -> None:
    """Append up to three times in one transaction, in savepoints, and commit it or not."""
    given: list[tuple[int, list[EnvelopedEvent], list[int]]] = []
    roll = load.dice.random
    _delay(connection, roll)
    for _ in range(load.dice.choice((1, 1, 2, 3))):
        events = load.next()
        number = journal.tried(events)
        connection.execute("SAVEPOINT here")
        first = _send(connection, entry_type, events)
        _delay(connection, roll)
        if roll() < 0.25:
            connection.execute("ROLLBACK TO SAVEPOINT here")
            journal.refused(number)
        else:
            connection.execute("RELEASE SAVEPOINT here")
            given.append((number, events, list(range(first, first + len(events)))))
            load.version += sum(event.originator_id == load.stream for event in events)
    if roll() < 0.2:
        connection.rollback()
        for number, _events, _positions in given:
            journal.refused(number)
        load.lost()
        return
    connection.commit()
    for number, _events, positions in given:
        journal.acknowledged(number, positions)


def _send(connection: Connection, entry_type: int, events: list[EnvelopedEvent]) -> int:
    entries = [encode_entry(event) for event in events]
    event_ids = frozenset(event.enveloped.event_id for event in events)
    [outcome] = send(connection, entry_type, [Append(event_ids, entries, sum(map(len, entries)))])
    assert outcome.outcome == RECORDED, outcome
    return outcome.first


def _delay(connection: Connection, roll: Callable[[], float]) -> None:
    """Let the server wait within the transaction, a thousandth of a second on average."""
    if roll() < 0.5:
        connection.execute("SELECT pg_sleep(%s)", (roll() * 0.004,))


def read_along(url: str, seed: int, stop: Callable[[], int | None], journal: Journal) -> None:
    """Read what is new, again and again, until the log was read up to where it stops.

    Args:
        stop: tells the last position, once nobody writes any more.
    """
    dice = random.Random(seed)  # noqa: S311 - no secrets
    after = 0
    with recorder_on(url) as recorder:
        while True:
            last = stop()
            with suppress(UnavailableError):
                for event in recorder.select_log(after=after, limit=dice.choice((1, 10, None))):
                    journal.saw([(event.position, event.enveloped.event_id)])
                    after = event.position
            if last is not None and after >= last:
                return
            time.sleep(0.001)


WRITERS: dict[str, WritingLoop] = {
    "threads": write_in_threads,
    "tasks": write_in_tasks,
    "transactions": write_in_transactions,
}
