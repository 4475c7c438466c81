"""The read side: read models beside the library's projection runner, and what is asked of them.

Run with `python -m benchmarks.read_side [--quick] [--json]` after `make bench-setup`.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter, sleep
from typing import TYPE_CHECKING, NamedTuple

from psycopg import sql
from psycopg.conninfo import make_conninfo

from benchmarks.event_log import Bench
from benchmarks.figures import Figures, figure, main
from benchmarks.histories import History
from benchmarks.peers.processes import LibraryLog, library_log
from benchmarks.queries import measure_queries
from benchmarks.reading import Reading, reader
from infrastructure.database import EmbeddedServer, connect, open_pool
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.wakeup import Wakeup
from infrastructure.event_log.writer import GroupWriter
from infrastructure.projecting import ProjectionRunner, ProjectionThread
from infrastructure.system import Uuid7Factory
from projections.activity import ACTIVITY
from projections.catalogue import PROJECTIONS
from projections.protocol import Projection

if TYPE_CHECKING:
    from infrastructure.database import Connection

APPENDS_PER_S = 100
LARGE = 1_000_000
VISIBLE = """
SELECT min(position) FROM hansard_read.projection_positions WHERE slot = 'live'
"""


class Side(NamedTuple):
    """A log and what follows it, in one process."""

    recorder: PostgresEventRecorder
    runner: ProjectionRunner
    wakeup: Wakeup


@contextmanager
def open_side(conninfo: str, projections: Sequence[Projection] = PROJECTIONS) -> Iterator[Side]:
    """Open a log with connections of its own, wired as in a running Hansard."""
    opened = partial(connect, conninfo, autocommit=True)
    with (
        open_pool(conninfo) as pool,
        closing(Wakeup(opened)) as wakeup,
        closing(GroupWriter(opened, wakeup.appended)) as writer,
    ):
        recorder = PostgresEventRecorder(pool, writer, Uuid7Factory(), wakeup=wakeup)
        log = PostgresEventLog(recorder, EventMapper())
        with closing(ProjectionRunner(log, pool, opened, projections)) as runner:
            yield Side(recorder, runner, wakeup)


class Stage:
    """Databases with a history, and copies of them."""

    def __init__(self, bench: Bench, server: str) -> None:
        self.bench = bench
        self._server = server
        self._copies = 0

    def history(self, name: str, events: int) -> str:
        """Make a database whose log holds a history."""
        conninfo = self.bench.database(name)
        with open_side(conninfo) as side:
            History(side.recorder).append(events)
        with connect(conninfo, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
        return conninfo

    @contextmanager
    def copy(self, of: str) -> Iterator[str]:
        """Lend a copy of a database."""
        self._copies += 1
        name = f"copy_{self._copies}"
        admin = make_conninfo(self._server, dbname="postgres")
        create = "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
        with connect(admin, autocommit=True) as connection:
            connection.execute(sql.SQL(create).format(sql.Identifier(name), sql.Identifier(of)))
        try:
            yield make_conninfo(self._server, dbname=name)
        finally:
            with connect(admin, autocommit=True) as connection:
                connection.execute(
                    sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
                )


def measure_catch_up(stage: Stage, library: LibraryLog) -> Figures:
    """Events that read models take in a second, from the first event of a log on."""
    quick = stage.bench.quick
    events, theirs = (20_000, 1_200) if quick else (100_000, 6_000)
    stage.history("history", events)
    stage.bench.rounds = 3 if quick else 5

    def taken_in_per_s(projections: Sequence[Projection]) -> float:
        with stage.copy("history") as conninfo, open_side(conninfo, projections) as side:
            last = side.recorder.max_notification_id() or 0
            started = perf_counter()
            statuses = side.runner.catch_up()
            took_s = perf_counter() - started
            assert all(status.position == last and not status.stopped for status in statuses)
        return last / took_s

    def by_library() -> float:
        library.do("fill", events=theirs)
        answer = library.do("project", events=theirs)
        return float(answer["events"] / answer["seconds"])

    together, alone, peer = stage.bench.in_turns(
        lambda: taken_in_per_s(PROJECTIONS), lambda: taken_in_per_s([ACTIVITY]), by_library
    )
    return {
        f"catch-up, {len(PROJECTIONS)} read models (events/s)": figure(together, at_least=20_000),
        "catch-up, statistics : library": figure(alone, peer=peer, at_least=50),
    }


class Paced(NamedTuple):
    """What appends at a steady pace took: milliseconds each."""

    append_ms: list[float]
    visible_ms: list[float]


def append_paced(side: Side, history: History, reading: Connection, events: int) -> Paced:
    """Append events one by one, and ask after each whether read models hold it.

    Returns:
        How long each append took, and from its beginning on until the event was visible.
    """
    append_ms, visible_ms = [], []
    begin = perf_counter()
    for number in range(events):
        due = begin + number / APPENDS_PER_S
        sleep(max(due - perf_counter(), 0))
        event = next(history.events)
        started = perf_counter()
        [logged] = side.recorder.append([event])
        append_ms.append((perf_counter() - started) * 1000)
        while not _is_visible(reading, logged.position):
            if perf_counter() > started + 5:
                raise SystemExit("an event did not become visible within 5 seconds")
        visible_ms.append((perf_counter() - started) * 1000)
    return Paced(append_ms, visible_ms)


def _is_visible(reading: Connection, position: int) -> bool:
    row = reading.execute(VISIBLE, prepare=True).fetchone()
    return row is not None and row[0] >= position


def measure_visibility(stage: Stage) -> Figures:
    """From an append until all read models answer with it, and what following costs who appends."""
    events, rounds = (150, 2) if stage.bench.quick else (1000, 5)
    visible: list[float] = []
    with stage.copy("history") as conninfo, open_side(conninfo) as side:
        history = History(side.recorder, seed=2)
        side.runner.catch_up()
        with connect(conninfo, autocommit=True) as reading:
            _append_unfollowed(side, history, events)
            append_ms: dict[str, list[float]] = {"followed": [], "alone": []}
            for _ in range(rounds):
                append_ms["alone"].append(
                    statistics.median(_append_unfollowed(side, history, events))
                )
                thread = ProjectionThread(side.runner, side.wakeup)
                thread.start()
                try:
                    append_paced(side, history, reading, 20)
                    paced = append_paced(side, history, reading, events)
                finally:
                    thread.stop()
                append_ms["followed"].append(statistics.median(paced.append_ms))
                visible += paced.visible_ms
    cuts = statistics.quantiles(visible, n=100)
    followed, alone = (statistics.median(append_ms[name]) for name in ("followed", "alone"))
    return {
        "append to visible, p50 (ms)": figure(cuts[49], at_most=5),
        "append to visible, p99 (ms)": figure(cuts[98], at_most=20),
        "append, followed : not (ms)": figure(followed, peer=alone, at_most=1.05),
    }


def _append_unfollowed(side: Side, history: History, events: int) -> list[float]:
    append_ms = []
    begin = perf_counter()
    for number in range(events):
        sleep(max(begin + number / APPENDS_PER_S - perf_counter(), 0))
        event = next(history.events)
        started = perf_counter()
        side.recorder.append([event])
        append_ms.append((perf_counter() - started) * 1000)
    return append_ms


def measure_large(stage: Stage) -> Figures:
    """Read models of a large log: building them anew beside readers, and asking as of the past."""
    events = 60_000 if stage.bench.quick else LARGE
    conninfo = stage.history("large", events)
    with open_side(conninfo) as side:
        started = perf_counter()
        side.runner.catch_up()
        first_s = perf_counter() - started
        with reader(conninfo) as reading:
            started = perf_counter()
            side.runner.rebuild_together(side.runner.names)
            rebuilt_s = perf_counter() - started
            read = reading.finish()
    return {
        f"first build, {events:,} events (s)": figure(first_s),
        f"rebuild, {events:,} events (s)": figure(rebuilt_s, at_most=60),
        **_while_rebuilding(read),
        **measure_queries(conninfo, quick=stage.bench.quick),
    }


def _while_rebuilding(read: Reading) -> Figures:
    return {
        "reads while rebuilding": figure(read.answers),
        "failed reads while rebuilding": figure(read.failures, at_most=0),
        "worst read while rebuilding (ms)": figure(read.worst_ms, at_most=250),
    }


def measure(quick: bool) -> Figures:  # noqa: FBT001 - called by benchmarks.figures
    """Measure everything on one embedded server.

    The search for similar queries has a server of its own, and is left out of a quick run:
    `python -m benchmarks.similar --quick` measures it.
    """
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="hansard-bench-")))
        server = closing.enter_context(EmbeddedServer(folder / "postgres").joined())
        bench = Bench(server, closing, quick=quick)
        stage = Stage(bench, server)
        target = bench.database("library", migrated=False)
        library = closing.enter_context(library_log(target, "library_runner.py"))
        figures = (
            measure_catch_up(stage, library) | measure_visibility(stage) | measure_large(stage)
        )
    if quick:
        return figures
    from benchmarks.similar import measure as measure_similar  # noqa: PLC0415 - needs embedders

    return figures | measure_similar(quick=False)


if __name__ == "__main__":
    main(measure, __doc__)
