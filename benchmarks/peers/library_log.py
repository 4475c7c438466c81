"""The event log of the `eventsourcing` library, led by lines of JSON; runs in .venv-bench.

Reads `{"do": NAME, "callers": C, "events": N}` from its standard input and answers each line with
one document: what was done and how long it took.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import chain, islice
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.application import LocalNotificationLog
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import (
    DatetimeAsISO,
    JSONTranscoder,
    Mapper,
    Notification,
    UUIDAsHex,
)
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from eventsourcing.system import NotificationLogReader

PAGE = 1000


class Talk(Aggregate):
    """The same events as our conversations, as the library would have them."""

    class TurnTaken(Aggregate.Event):
        """Somebody said something."""

        turn_id: UUID
        speaker: str
        text: str

    @event("Started")
    def __init__(self) -> None:
        self.turns: list[str] = []


def open_recorder(target: dict[str, str]) -> PostgresApplicationRecorder:
    """Open the library's recorder on a database."""
    datastore = PostgresDatastore(**target, pool_size=8, max_overflow=32)  # type: ignore[arg-type]  # strings all
    recorder = PostgresApplicationRecorder(datastore, events_table_name="stored_events")
    recorder.create_table()
    return recorder


class Peer:
    """Does what it is told with the library's recorder and mapper."""

    def __init__(self, target: dict[str, str]) -> None:
        transcoder = JSONTranscoder()
        transcoder.register(UUIDAsHex())
        transcoder.register(DatetimeAsISO())
        self.mapper: Mapper[UUID] = Mapper(transcoder)
        self.recorder = open_recorder(target)

    def append(self, callers: int, events: int) -> dict[str, Any]:
        """Let callers append events one by one, each to a stream of its own."""
        batches = [self._stored(uuid4(), events) for _ in range(callers)]
        gc.collect()
        gc.freeze()
        started = perf_counter()
        with ThreadPoolExecutor(callers) as threads:
            latencies = [s for part in threads.map(self._append, batches) for s in part]
        return {"seconds": perf_counter() - started, "latencies": latencies}

    def read(self, callers: int, events: int) -> dict[str, Any]:
        """Read the notification log as the library's applications do, and decode it."""
        assert callers == 1
        sections = NotificationLogReader(LocalNotificationLog(self.recorder)).select(start=1)
        return self._decode(islice(chain.from_iterable(sections), events))

    def read_pages(self, callers: int, events: int) -> dict[str, Any]:
        """Read the recorder in large pages, which no part of the library does, and decode it."""
        assert callers == 1
        return self._decode(islice(self._pages(), events))

    def _pages(self) -> Iterator[Notification]:
        last = 0
        while page := self.recorder.select_notifications(start=last + 1, limit=PAGE):
            yield from page
            last = page[-1].id

    def _decode(self, notifications: Iterable[Notification]) -> dict[str, Any]:
        started, decoded = perf_counter(), 0
        for notification in notifications:
            self.mapper.to_domain_event(notification)
            decoded += 1
        return {"seconds": perf_counter() - started, "events": decoded}

    def _append(self, batch: list[Any]) -> list[float]:
        latencies = []
        for stored in batch:
            started = perf_counter()
            self.recorder.insert_events([stored])
            latencies.append(perf_counter() - started)
        return latencies

    def _stored(self, stream: UUID, events: int) -> list[Any]:
        turn_taken: Any = Talk.TurnTaken  # its arguments are known at run time only
        return [
            self.mapper.to_stored_event(
                turn_taken(
                    originator_id=stream,
                    originator_version=version,
                    timestamp=datetime.now(tz=UTC),
                    turn_id=uuid4(),
                    speaker="FIN_007",
                    text="x" * 200,
                )
            )
            for version in range(1, events + 1)
        ]


def main() -> None:
    """Answer lines until there are no more."""
    peer = Peer(json.loads(sys.argv[1]))
    for line in sys.stdin:
        order = json.loads(line)
        do = getattr(peer, order["do"])
        print(json.dumps(do(order["callers"], order["events"])), flush=True)


if __name__ == "__main__":
    main()
