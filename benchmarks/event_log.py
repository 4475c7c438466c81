"""The event log beside the `eventsourcing` library's and beside plain INSERTs, on one server.

Run with `python -m benchmarks.event_log [--quick] [--json]` after `make bench-setup`.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.conninfo import make_conninfo

from benchmarks.figures import Figures, figure, main
from benchmarks.peers.processes import LibraryLog, library_log, raw_inserts_per_s
from domain.conversation import Conversation, Turn
from domain.event import Envelope
from infrastructure.database import EmbeddedServer, connect, ensure_schema, open_pool
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EnvelopedEvent, EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.writer import GroupWriter
from infrastructure.integrity.checkpointing import CheckpointThread
from infrastructure.integrity.service import LogIntegrity
from infrastructure.system import SystemClock, Uuid7Factory

CALLERS = 32
IDS, CLOCK, MAPPER = Uuid7Factory(), SystemClock(), EventMapper()
SESSION = IDS.new()
PAYLOAD_BYTES = 300

FILL = """
WITH new AS (
    SELECT n + %(after)s AS position, uuidv7() AS id, n,
           ('00000000-0000-7000-8000-' || lpad(to_hex((n + %(after)s) / 50), 12, '0'))::uuid AS of
    FROM generate_series(1, %(events)s) AS n
), logged AS (
    INSERT INTO hansard.events
    SELECT 1, position, of, position %% 50 + 1, id, 'conversation.turn_taken', 1, 'default', of,
           'FIN_007', of, of, NULL, NULL, now(), now(), %(payload)s
    FROM new
), named AS (
    INSERT INTO hansard.event_ids SELECT 1, id, position FROM new
)
INSERT INTO hansard.stream_heads SELECT 1, of, 50 FROM new GROUP BY of ON CONFLICT DO NOTHING
"""


class Speed(NamedTuple):
    """How fast appends went: a second, and the 99th percentile of one in milliseconds."""

    per_s: float
    p99_ms: float

    @classmethod
    def of(cls, seconds: float, latencies: list[float]) -> Speed:
        """Count latencies, which are in seconds."""
        p99 = statistics.quantiles(latencies, n=100)[98]
        return cls(len(latencies) / seconds, p99 * 1000)


def a_stream(events: int) -> list[EnvelopedEvent]:
    """Make turns of a new conversation."""
    stream, now = IDS.new(), CLOCK.now()
    held = Conversation.start(stream, SESSION, ("FIN_007", "NOVA"), now)
    for _ in range(events - 1):
        held.take_turn(Turn(turn_id=IDS.new(), speaker="FIN_007", text="x" * 200), now)
    return [
        MAPPER.to_stored_event(
            event,
            Envelope(
                event_id=IDS.new(),
                actor="FIN_007",
                correlation_id=SESSION,
                causation_id=SESSION,
                session_id=SESSION,
            ),
        )
        for event in held.collect_events()
    ]


async def append_async(recorder: PostgresEventRecorder, callers: int, events: int) -> Speed:
    """Let tasks append events one by one, each to a stream of its own."""
    latencies: list[float] = []

    async def caller(stream: list[EnvelopedEvent]) -> None:
        for event in stream:
            started = perf_counter()
            await recorder.append_async([event])
            latencies.append(perf_counter() - started)

    streams = [a_stream(events) for _ in range(callers)]
    gc.collect()
    gc.freeze()  # what was made beforehand is no part of appending; the peer does the same
    started = perf_counter()
    await asyncio.gather(*map(caller, streams))
    return Speed.of(perf_counter() - started, latencies)


def append_in_threads(recorder: PostgresEventRecorder, callers: int, events: int) -> Speed:
    """Let threads append events one by one, each to a stream of its own."""

    def caller(stream: list[EnvelopedEvent]) -> list[float]:
        latencies = []
        for event in stream:
            started = perf_counter()
            recorder.append([event])
            latencies.append(perf_counter() - started)
        return latencies

    streams = [a_stream(events) for _ in range(callers)]
    gc.collect()
    gc.freeze()
    started = perf_counter()
    with ThreadPoolExecutor(callers) as threads:
        latencies = [s for part in threads.map(caller, streams) for s in part]
    return Speed.of(perf_counter() - started, latencies)


def read_per_s(log: PostgresEventLog, events: int, session_id: UUID | None = None) -> float:
    """Read and decode events in log order; how many a second."""
    started, decoded = perf_counter(), 0
    for _ in islice(log.read(session_id=session_id), events):
        decoded += 1
    return decoded / (perf_counter() - started)


@contextmanager
def recorder_on(conninfo: str) -> Iterator[PostgresEventRecorder]:
    """Open a recorder with connections of its own."""
    writer = GroupWriter(partial(connect, conninfo, autocommit=True))
    with open_pool(conninfo) as pool:
        try:
            yield PostgresEventRecorder(pool, writer, IDS)
        finally:
            writer.close()


class Bench:
    """Everything on one server, in turns, so that a busy machine is unfair to nobody."""

    def __init__(self, server: str, closing: ExitStack, *, quick: bool) -> None:
        self._server = server
        self._closing = closing
        self.quick = quick
        self.rounds = 3 if quick else 7

    def database(self, name: str, *, migrated: bool = True) -> str:
        """Make a database and give its connection string."""
        with connect(make_conninfo(self._server, dbname="postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        conninfo = make_conninfo(self._server, dbname=name)
        if migrated:
            ensure_schema(conninfo)
        return conninfo

    def recorder(self, conninfo: str) -> PostgresEventRecorder:
        """Open a recorder until the benchmark ends."""
        return self._closing.enter_context(recorder_on(conninfo))

    def library(self) -> LibraryLog:
        """Start the library's log until the benchmark ends."""
        return self._closing.enter_context(library_log(self.database("library", migrated=False)))

    def in_turns(self, *contestants: Callable[[], float]) -> list[float]:
        """Let each have its turn, round after round; the median of each."""
        for contestant in contestants:
            contestant()
        rounds = [[contestant() for contestant in contestants] for _ in range(self.rounds)]
        return [statistics.median(column) for column in zip(*rounds, strict=True)]


def measure_appends(bench: Bench, ours: PostgresEventRecorder, library: LibraryLog) -> Figures:
    """Appends of one event each, with their version checked."""
    raw = bench.database("raw", migrated=False)
    p99: dict[str, list[float]] = {"async": [], "threads": [], "library": []}
    events = 300 if bench.quick else 1000

    def remembered(name: str, speed: Speed) -> float:
        p99[name].append(speed.p99_ms)
        return speed.per_s

    def by_library(callers: int, events: int) -> Speed:
        answer = library.do("append", callers=callers, events=events)
        return Speed.of(answer["seconds"], answer["latencies"])

    tasks, threads, theirs, plain = bench.in_turns(
        lambda: remembered("async", asyncio.run(append_async(ours, CALLERS, events))),
        lambda: remembered("threads", append_in_threads(ours, CALLERS, events)),
        lambda: remembered("library", by_library(CALLERS, events // 10)),
        lambda: raw_inserts_per_s(
            raw, clients=CALLERS, seconds=1 if bench.quick else 3, size=PAYLOAD_BYTES
        ),
    )
    one, one_theirs = bench.in_turns(
        lambda: append_in_threads(ours, 1, events).per_s, lambda: by_library(1, events).per_s
    )
    medians = {name: statistics.median(values[1:]) for name, values in p99.items()}
    return {
        "appends/s, 32 tasks : library": figure(tasks, peer=theirs, at_least=15),
        "appends/s, 32 tasks : pgbench": figure(tasks, peer=plain, at_least=0.8),
        "appends/s, 32 threads : library": figure(threads, peer=theirs, at_least=15),
        "appends/s, 32 threads : pgbench": figure(threads, peer=plain, at_least=0.8),
        "p99 ms, 32 tasks : library": figure(
            medians["async"], peer=medians["library"], at_most=1 / 8
        ),
        "p99 ms, 32 threads : library": figure(
            medians["threads"], peer=medians["library"], at_most=1 / 8
        ),
        "appends/s, one caller : library": figure(one, peer=one_theirs, at_least=1.5),
    }


def measure_reads(bench: Bench, ours: PostgresEventRecorder, library: LibraryLog) -> Figures:
    """Events read and decoded a second."""
    events = 10_000 if bench.quick else 50_000

    def by_library(what: str, events: int) -> float:
        answer = library.do(what, events=events)
        return float(answer["events"] / answer["seconds"])

    log = PostgresEventLog(ours, MAPPER)
    in_order, of_session, theirs, in_pages = bench.in_turns(
        lambda: read_per_s(log, events),
        lambda: read_per_s(log, events, SESSION),
        lambda: by_library("read", events // 5),
        lambda: by_library("read_pages", events),
    )
    return {
        "events/s, log order : library": figure(in_order, peer=theirs, at_least=3),
        "events/s, by session : library": figure(of_session, peer=theirs, at_least=3),
        "events/s, log order : its recorder": figure(in_order, peer=in_pages, at_least=3),
        "events/s, by session : its recorder": figure(of_session, peer=in_pages, at_least=3),
    }


def measure_checkpoints(bench: Bench, tasks_per_s: float) -> Figures:
    """Leaves that a checkpoint covers a second, and what checkpointing costs those who append."""
    conninfo, events = bench.database("checkpointed"), 20_000 if bench.quick else 200_000
    fill(conninfo, events)
    with open_pool(conninfo) as pool, tempfile.TemporaryDirectory() as home:
        checkpointer = LogIntegrity(pool, Path(home)).checkpointer
        started = perf_counter()
        checkpointer.catch_up(wait=True)
        leaves_per_s = events / (perf_counter() - started)
        recorder = bench.recorder(conninfo)
        appends = 300 if bench.quick else 2000

        def append_us() -> float:
            return 1e6 / asyncio.run(append_async(recorder, CALLERS, appends)).per_s

        def append_us_while_checkpointing() -> float:
            thread = CheckpointThread(checkpointer)  # one lasts until it is stopped, and no longer
            thread.start()
            try:
                return append_us()
            finally:
                thread.stop()

        alone, beside = bench.in_turns(append_us, append_us_while_checkpointing)
    return {
        "leaves/s : appends/s": figure(leaves_per_s, peer=tasks_per_s, at_least=1),
        "µs an append, checkpointing : not": figure(beside, peer=alone, at_most=1.1),
    }


def fill(conninfo: str, events: int) -> None:
    """Put events into a log past the recorder, 50 to a stream and session."""
    step, payload = 250_000, a_stream(2)[1].state
    with connect(conninfo, autocommit=True) as connection:
        connection.execute("SET transaction_timeout = 0")
        connection.execute("SELECT hansard.ensure_partitions(%s)", (events + 1,))
        for after in range(0, events, step):
            count = min(step, events - after)
            connection.execute(FILL, {"after": after, "events": count, "payload": payload})
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def measure_growth(bench: Bench) -> Figures:
    """What a large log costs more than a small one."""
    sizes = (50_000, 300_000 if bench.quick else 5_000_000)
    logs = []
    for size in sizes:
        conninfo = bench.database(f"of_{size}")
        fill(conninfo, size)
        logs.append(bench.recorder(conninfo))
    events, turns = (200, 40) if bench.quick else (500, 200)

    def append_us(recorder: PostgresEventRecorder) -> float:
        return 1e6 / asyncio.run(append_async(recorder, CALLERS, events)).per_s

    def read_ms(recorder: PostgresEventRecorder, size: int) -> float:
        sessions = [
            next(iter(recorder.select_log(after=size * turn // turns, limit=1)))
            for turn in range(turns)
        ]
        started = perf_counter()
        for first in sessions:
            session_id = first.enveloped.session_id
            assert len(list(recorder.select_log(session_id=session_id))) >= 1
        return (perf_counter() - started) / turns * 1000

    small, large = bench.in_turns(*(partial(append_us, log) for log in logs))
    small_read, large_read = bench.in_turns(
        *(partial(read_ms, log, size) for log, size in zip(logs, sizes, strict=True))
    )
    name = f"{sizes[1]:,} : {sizes[0]:,} events"
    return {
        f"µs an append, {name}": figure(large, peer=small, at_most=1.2),
        f"ms to read a session, {name}": figure(large_read, peer=small_read, at_most=1.2),
    }


def measure(quick: bool) -> Figures:  # noqa: FBT001 - called by benchmarks.figures
    """Measure everything on one embedded server."""
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="hansard-bench-")))
        server = closing.enter_context(EmbeddedServer(folder / "postgres").joined())
        bench = Bench(server, closing, quick=quick)
        ours, library = bench.recorder(bench.database("ours")), bench.library()
        appends = measure_appends(bench, ours, library)
        tasks_per_s = appends["appends/s, 32 tasks : library"]["ours"]
        return (
            appends
            | measure_reads(bench, ours, library)
            | measure_checkpoints(bench, tasks_per_s)
            | measure_growth(bench)
        )


if __name__ == "__main__":
    main(measure, __doc__)
