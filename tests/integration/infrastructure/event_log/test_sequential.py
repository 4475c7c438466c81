"""Sequential order: whatever several writers do at once, the log is as if they had queued."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import ClassVar, TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    rule,
    run_state_machine_as_test,
)
from psycopg.conninfo import make_conninfo

from infrastructure.database import Connection, connect, prepare_writer
from infrastructure.event_log import sql
from infrastructure.event_log.entry_codec import encode_array, encode_entry
from infrastructure.event_log.errors import StoreUnavailableError, VersionConflictError
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.mapper import EnvelopedEvent
from infrastructure.event_log.writer import Append, prepare_for_entries, send
from tests.support.event_log import IDS, an_event, recorder_on
from tests.support.postgres import TestServer
from tests.support.processes import eventually
from tests.support.sequential import Attempt, Conflict, SequentialLog

WRITERS = 3
STREAMS = 3

OTHERS = (
    "datname = current_database() AND pid <> pg_backend_pid() AND backend_type LIKE 'client%'"
    " AND application_name <> 'reader'"
)
KILL = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OTHERS}"  # noqa: S608 - constants
WAITING = f"SELECT count(*) FROM pg_stat_activity WHERE {OTHERS} AND wait_event = 'advisory'"  # noqa: S608

Shape: TypeAlias = list[tuple[int, int]]
"""An append: the stream of each event, and how far its version is off the mark."""

writers = st.integers(0, WRITERS - 1)
shapes = st.lists(
    st.tuples(st.integers(0, STREAMS - 1), st.sampled_from([0, 0, 0, 0, -1, 1])),
    min_size=1,
    max_size=4,
)


class WritersOnOneLog(RuleBasedStateMachine):
    """Several writers, and somebody who kills their connections.

    What is drawn depends on nothing that a race decides; Hypothesis would call that flaky.
    """

    server: ClassVar[TestServer]

    def __init__(self) -> None:
        super().__init__()
        self._closing = ExitStack()
        self._url = self._closing.enter_context(self.server.fresh_database())
        self._admin = self._closing.enter_context(connect(self._url, autocommit=True))
        self._recorders = [
            self._closing.enter_context(recorder_on(self._url)) for _ in range(WRITERS)
        ]
        reader = make_conninfo(self._url, application_name="reader")
        self._reader = self._closing.enter_context(recorder_on(reader))
        self._threads = self._closing.enter_context(ThreadPoolExecutor(8))
        self._log = SequentialLog()
        self._streams = [IDS.new() for _ in range(STREAMS)]
        self._open: list[Attempt] = []
        self._recorded: list[Attempt] = []

    def teardown(self) -> None:
        """Hold once more that nothing unexpected came to the log, and close everything."""
        with self._closing:
            self._conclude([])

    @rule(given=st.lists(st.tuples(writers, shapes), min_size=1, max_size=6))
    def some_append(self, given: list[tuple[int, Shape]]) -> None:
        """Append through several writers at once, or through one alone."""
        self._conclude([self._sent(*each) for each in given])

    @rule(given=st.lists(st.tuples(writers, shapes), min_size=2, max_size=6))
    def some_append_in_batches(self, given: list[tuple[int, Shape]]) -> None:
        """Append while the log is held up, so that what comes later shares a transaction."""
        self._hold_up()
        sent = [self._sent(*each) for each in given]
        eventually(self._is_waited)
        self._let_go()
        self._conclude(sent)

    @rule(
        given=st.lists(st.tuples(writers, shapes), min_size=1, max_size=4), times=st.integers(1, 3)
    )
    def connections_are_killed_at_work(self, given: list[tuple[int, Shape]], times: int) -> None:
        """Kill all connections, perhaps again and again, while appends wait in the database."""
        self._hold_up()
        sent = [self._sent(*each) for each in given]
        for _ in range(times):
            eventually(lambda: self._is_waited() or all(future.done() for _, future in sent))
            self._admin.execute(KILL)
        self._let_go()
        self._conclude(sent)

    @rule(given=st.lists(st.tuples(writers, shapes), min_size=1, max_size=4))
    def connections_are_killed_at_any_moment(self, given: list[tuple[int, Shape]]) -> None:
        """Kill all connections while appends start, work, commit or end."""
        sent = [self._sent(*each) for each in given]
        self._admin.execute(KILL)
        self._conclude(sent)

    @rule(shape=shapes, others=st.lists(st.tuples(writers, shapes), max_size=3))
    def a_writer_dies_at_work(self, shape: Shape, others: list[tuple[int, Shape]]) -> None:
        """Let a writer vanish whose append the database carries out all the same, or not."""
        attempt = self._attempt(shape)
        self._hold_up()
        with connect(self._url, autocommit=True, prepare=prepare_writer) as doomed:
            _send_without_waiting(doomed, attempt.events)
            eventually(self._is_waited)
            doomed.pgconn.finish()
        self._open.append(attempt)
        sent = [self._sent(*each) for each in others]
        self._let_go()
        self._conclude(sent)

    @rule(writer=writers, which=st.integers(0, 99))
    def an_unanswered_append_is_repeated(self, writer: int, which: int) -> None:
        """Repeat an append of which nobody knows what became, if there is one."""
        if self._open:
            attempt = self._open.pop(which % len(self._open))
            self._conclude([(attempt, self._send(writer, attempt))])

    @rule(writer=writers, which=st.integers(0, 99))
    def a_recorded_append_is_repeated(self, writer: int, which: int) -> None:
        """Repeat an append that was acknowledged; it is answered with its places."""
        if not self._recorded:
            return
        attempt = self._recorded[which % len(self._recorded)]
        again = Attempt(attempt.events)
        self._conclude([(again, self._send(writer, again))])
        assert again.positions == attempt.positions

    def _attempt(self, shape: Shape) -> Attempt:
        return Attempt(events_of(shape, self._streams, self._log))

    def _sent(self, writer: int, shape: Shape) -> tuple[Attempt, Future[list[LoggedEvent]]]:
        attempt = self._attempt(shape)
        return attempt, self._send(writer, attempt)

    def _send(self, writer: int, attempt: Attempt) -> Future[list[LoggedEvent]]:
        return self._threads.submit(self._recorders[writer].append, attempt.events)

    def _hold_up(self) -> None:
        self._admin.execute("SELECT pg_advisory_lock(%s)", (sql.LOCK_KEY,))

    def _let_go(self) -> None:
        self._admin.execute("SELECT pg_advisory_unlock(%s)", (sql.LOCK_KEY,))

    def _is_waited(self) -> bool:
        return self._admin.execute(WAITING).fetchone() != (0,)

    def _conclude(self, sent: Sequence[tuple[Attempt, Future[list[LoggedEvent]]]]) -> None:
        """Note what the callers were told, and find a sequential order for it."""
        for attempt, future in sent:
            try:
                attempt.positions = [event.position for event in future.result()]
            except VersionConflictError as error:
                attempt.conflict = Conflict(error.stream, error.expected, error.actual)
            except StoreUnavailableError:
                self._open.append(attempt)
            else:
                self._recorded.append(attempt)
        rows = list(self._reader.select_log(after=len(self._log.events)))
        self._log.explain(rows, [*(attempt for attempt, _ in sent), *self._open])


def events_of(shape: Shape, streams: Sequence[object], log: SequentialLog) -> list[EnvelopedEvent]:
    """Make the events of an append that comes next, as far as its versions are on the mark."""
    heads = dict(log.heads)
    events = []
    for number, off in shape:
        stream = streams[number]
        version = max(0, heads.get(stream, 0) + 1 + off)
        if off == 0:
            heads[stream] = version
        events.append(an_event(stream, version))  # type: ignore[arg-type]  # a UUID
    return events


def _send_without_waiting(connection: Connection, events: Sequence[EnvelopedEvent]) -> None:
    """Send an append and do not wait for the answer."""
    [[entry, array]] = connection.execute(sql.ENTRY_TYPES).fetchall()
    connection.pgconn.send_query_params(
        b"SELECT * FROM hansard.append($1, $2)",
        [encode_array(entry, [encode_entry(event) for event in events]), b"{%d}" % len(events)],
        param_types=[array, 1007],
        param_formats=[1, 0],
    )


def test_any_interleaving_of_appends_repeats_and_crashes_is_some_sequential_order(
    postgres_server: TestServer,
) -> None:
    WritersOnOneLog.server = postgres_server
    run_state_machine_as_test(
        WritersOnOneLog,
        settings=settings(
            max_examples=12,
            stateful_step_count=12,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # a race is not found again by making its example smaller
            suppress_health_check=[*HealthCheck],
        ),
    )


Told: TypeAlias = tuple[str, int, object, object, object]


@pytest.fixture
def two_logs(postgres_server: TestServer) -> Iterator[tuple[Connection, Connection]]:
    """Connections with the rights of a writer to two logs."""
    with ExitStack() as stack:
        urls = [stack.enter_context(postgres_server.fresh_database()) for _ in range(2)]
        one, other = (
            stack.enter_context(connect(url, autocommit=True, prepare=prepare_writer))
            for url in urls
        )
        yield one, other


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(shapes | st.integers(0, 9), min_size=1, max_size=10), st.lists(st.booleans()))
def test_a_batch_has_the_outcomes_that_its_appends_have_one_by_one(
    two_logs: tuple[Connection, Connection], told: list[Shape | int], cuts: list[bool]
) -> None:
    batched, single = two_logs
    appends = list(_appends(told))
    alone = [answer for append in appends for answer in _told(single, [append])]
    together = [answer for batch in _batches(appends, cuts) for answer in _told(batched, batch)]
    assert together == alone
    for table in ("event_ids", "stream_heads"):
        assert _table(batched, table) == _table(single, table)
    assert _log(batched) == _log(single)


def _appends(told: Sequence[Shape | int]) -> Iterator[list[EnvelopedEvent]]:
    """Make appends to new streams; a number repeats an earlier append, or a part of it."""
    log, streams = SequentialLog(), [IDS.new() for _ in range(STREAMS)]
    made: list[list[EnvelopedEvent]] = []
    for each in told:
        if not isinstance(each, int):
            events = events_of(each, streams, log)
            log.heads = log.heads | {e.originator_id: e.originator_version for e in events}
        elif made:
            events = made[each % len(made)][: 1 + each // 5]
        else:
            continue
        made.append(events)
        yield events


def _batches(
    appends: Sequence[list[EnvelopedEvent]], cuts: Sequence[bool]
) -> Iterator[list[list[EnvelopedEvent]]]:
    """Divide appends into batches, none of which holds an event twice, as the writer does."""
    batch: list[list[EnvelopedEvent]] = []
    for number, append in enumerate(appends):
        held = {event.enveloped.event_id for other in batch for event in other}
        if (number < len(cuts) and cuts[number]) or not held.isdisjoint(
            event.enveloped.event_id for event in append
        ):
            yield batch
            batch = []
        batch.append(append)
    yield batch


def _told(connection: Connection, batch: Sequence[list[EnvelopedEvent]]) -> list[Told]:
    if not batch:
        return []
    appends = []
    for events in batch:
        entries = [encode_entry(event) for event in events]
        event_ids = frozenset(event.enveloped.event_id for event in events)
        appends.append(Append(event_ids, entries, sum(map(len, entries))))
    outcomes = send(connection, prepare_for_entries(connection), appends)
    return [
        (o.outcome, o.first, sorted(o.positions or ()), o.stream, (o.expected, o.actual))
        for o in outcomes
    ]


def _table(connection: Connection, name: str) -> set[tuple[object, ...]]:
    return {*connection.execute(f"SELECT * FROM hansard.{name}")}  # noqa: S608 - of this module


def _log(connection: Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "SELECT position, stream, version, event_id FROM hansard.events ORDER BY position"
    ).fetchall()
