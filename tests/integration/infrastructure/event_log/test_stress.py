"""Many writers and readers at once: nothing missed, nothing repeated, no gap, no inversion."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

from infrastructure.event_log.errors import VersionConflictError
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.support.event_log import IDS, a_stream, an_event, recorder_on
from tests.support.processes import guided

APPENDS = 40
READERS = 3

WRITER = """
import sys
from tests.integration.infrastructure.event_log.test_stress import write
from tests.support.event_log import recorder_on
with recorder_on(sys.argv[1]) as recorder:
    print("ready", flush=True)
    sys.stdin.readline()
    print(write(recorder, int(sys.argv[2])), flush=True)
"""


def write(recorder: PostgresEventRecorder, seed: int) -> int:
    """Append to streams of one's own, every seventh time in vain; answer with how many events."""
    written = 0
    stream = IDS.new()
    for number in range(APPENDS):
        others = a_stream((number * seed) % 4)
        own = an_event(stream, number + 1)
        written += len(recorder.append([own, *others]))
        if number % 7 == 0:
            try:
                recorder.append([an_event(), an_event(stream, number + 1)])
            except VersionConflictError:
                continue
            raise AssertionError("a version repeats")
    return written


def tail(recorder: PostgresEventRecorder, done: Event) -> list[LoggedEvent]:
    """Read what is new, again and again, until the writers are done."""
    seen: list[LoggedEvent] = []
    last_round = False
    while True:
        seen.extend(recorder.select_log(after=seen[-1].position if seen else 0))
        if last_round:
            return seen
        last_round = done.is_set()


def check(read: list[LoggedEvent], written: int) -> None:
    """Hold that the log is in order and that this reader saw all of it."""
    assert [event.position for event in read] == list(range(1, written + 1))
    times = [event.recorded_at for event in read]
    assert times == sorted(times)
    heads: dict[object, int] = {}
    for event in read:
        assert event.originator_version == heads.get(event.originator_id, 0) + 1
        heads[event.originator_id] = event.originator_version


def test_8_threads_append_while_others_read(database_url: str) -> None:
    done = Event()
    with recorder_on(database_url) as recorder, ThreadPoolExecutor(12) as threads:
        reading = [threads.submit(tail, recorder, done) for _ in range(READERS)]
        writing = [threads.submit(write, recorder, seed) for seed in range(8)]
        try:
            written = sum(future.result() for future in writing)
        finally:
            done.set()
        for future in reading:
            check(future.result(), written)


def test_4_processes_append_while_others_read(database_url: str) -> None:
    done = Event()
    with ExitStack() as stack:
        writers = [stack.enter_context(guided(WRITER, database_url, str(n))) for n in range(4)]
        assert [writer.heard() for writer in writers] == ["ready"] * 4
        recorder = stack.enter_context(recorder_on(database_url))
        threads = stack.enter_context(ThreadPoolExecutor(READERS))
        reading = [threads.submit(tail, recorder, done) for _ in range(READERS)]
        for writer in writers:
            writer.go_on()
        try:
            written = sum(int(writer.heard()) for writer in writers)
        finally:
            done.set()
        for future in reading:
            check(future.result(), written)
