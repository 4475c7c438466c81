"""Reading the log: pages, filters, large events and the subscription."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import ClientCursor
from psycopg_pool import ConnectionPool

from infrastructure.database import Connection
from infrastructure.event_log import reader as reader_module
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.reader import TICK, Selection
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.support.event_log import IDS, a_stream, an_event, scans_of, shrink_partitions

SESSIONS = (None, UUID(int=1), UUID(int=2))
STREAMS = (None, UUID(int=3), UUID(int=4))
TYPES = ("test.a", "test.b", "test.c")
EVENTS = 40
APPENDS = 5


@pytest.fixture
def logged(recorder: PostgresEventRecorder, connection: Connection) -> list[LoggedEvent]:
    """Forty events of all streams, sessions, types and sizes, in partitions of seven."""
    shrink_partitions(connection, 7)
    versions: Counter[UUID] = Counter()
    events = []
    for n in range(EVENTS):
        stream = STREAMS[n % 5 % 3] or IDS.new()
        versions[stream] += 1
        events.append(
            an_event(
                stream,
                versions[stream],
                session_id=SESSIONS[n % 3],
                type=TYPES[n % 7 % 3],
                payload=b"x" * (n % 5 * n * 5 // 2),
            )
        )
    step = EVENTS // APPENDS
    return [
        event for n in range(0, EVENTS, step) for event in recorder.append(events[n : n + step])
    ]


def moments(logged: list[LoggedEvent]) -> list[datetime]:
    """Name the moments of all appends, and those around them."""
    at = sorted({event.recorded_at for event in logged})
    return [at[0] - TICK, *at, *(moment + TICK for moment in at)]


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # reading changes nothing
)
@given(data=st.data())
def test_filters_and_pages_leave_nothing_out_and_repeat_nothing(
    recorder: PostgresEventRecorder, logged: list[LoggedEvent], data: st.DataObject
) -> None:
    moment = st.none() | st.sampled_from(moments(logged))
    optional = st.fixed_dictionaries(
        {},
        optional={
            "after": st.integers(-1, EVENTS + 1),
            "until": st.none() | st.integers(-1, EVENTS + 1),
            "since": moment,
            "before": moment,
            "stream": st.sampled_from(STREAMS),
            "session_id": st.sampled_from(SESSIONS),
            "types": st.sets(st.sampled_from((*TYPES, "test.unknown"))),
            "limit": st.none() | st.integers(0, EVENTS + 1),
            "backwards": st.booleans(),
        },
    )
    wanted: Any = data.draw(optional)
    with pytest.MonkeyPatch.context() as patch:
        for bound in ("FIRST_PAGE_EVENTS", "PAGE_EVENTS"):
            patch.setattr(reader_module, bound, data.draw(st.integers(1, EVENTS + 2)))
        patch.setattr(reader_module, "PAGE_BYTES", data.draw(st.integers(1, 4000)))
        assert list(recorder.select_log(**wanted)) == expected(logged, **wanted)


def expected(logged: list[LoggedEvent], **wanted: Any) -> list[LoggedEvent]:
    """Filter a list, as a log is to be read."""
    until, since, before = (wanted.get(name) for name in ("until", "since", "before"))
    found = [
        event
        for event in logged
        if wanted.get("after", 0) < event.position
        and (until is None or event.position <= until)
        and (since is None or event.recorded_at >= since)
        and (before is None or event.recorded_at < before)
        and wanted.get("stream") in (None, event.originator_id)
        and wanted.get("session_id") in (None, event.enveloped.session_id)
        and (not wanted.get("types") or event.topic in wanted["types"])
    ]
    if wanted.get("backwards"):
        found.reverse()
    return found[: wanted.get("limit")]


def test_the_earliest_moment_of_all_is_a_moment(
    recorder: PostgresEventRecorder, logged: list[LoggedEvent]
) -> None:
    earliest = datetime.min.replace(tzinfo=UTC)
    assert list(recorder.select_log(since=earliest)) == logged
    assert list(recorder.select_log(before=earliest)) == []


RARE: list[dict[str, Any]] = [
    {"types": ("test.rare", "test.none")},
    {"types": ("test.rare", "test.none"), "backwards": True},
    {"session_id": UUID(int=1)},
    {"session_id": UUID(int=1), "backwards": True},
    {"session_id": UUID(int=1), "types": ("test.rare",)},
    {"stream": UUID(int=3)},
    {"stream": UUID(int=3), "backwards": True},
    {"after": 20_000},
    {"until": 10},
    {"until": 10, "backwards": True},
]


@pytest.mark.parametrize("analysed", [False, True])
def test_a_few_events_are_found_without_walking_along_the_log(
    recorder: PostgresEventRecorder,
    connection: Connection,
    analysed: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    recorder.append(a_stream(10, stream=UUID(int=3), type="test.rare", session_id=UUID(int=1)))
    recorder.append(a_stream(19_990, session_id=IDS.new()))
    recorder.append(a_stream(10, session_id=IDS.new()))
    if analysed:
        connection.execute("ANALYZE hansard.events")
    for choice in RARE:
        selection = Selection(**choice)
        scans = scans_of(connection, selection.statement, selection.parameters(500))
        in_log = [scan for scan in scans if "events" in scan.get("Relation Name", "")]
        assert {scan.get("Rows Removed by Filter", 0) for scan in in_log} == {0}, choice
        assert max(scan["Actual Rows"] * scan["Actual Loops"] for scan in in_log) == 10, choice


def test_no_connection_is_held_between_pages(
    recorder: PostgresEventRecorder, pool: ConnectionPool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "FIRST_PAGE_EVENTS", 2)
    recorder.append(a_stream(5))
    for _ in recorder.select_log():
        statistics = pool.get_stats()
        assert statistics["pool_available"] == statistics["pool_size"]


def test_what_is_appended_meanwhile_is_read_too(
    recorder: PostgresEventRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "FIRST_PAGE_EVENTS", 2)
    recorder.append(a_stream(2))
    positions = []
    for event in recorder.select_log():
        positions.append(event.position)
        if event.position < 5:
            recorder.append([an_event()])
    assert positions == [1, 2, 3, 4, 5, 6]


def test_an_event_of_5_megabytes_is_kept(recorder: PostgresEventRecorder) -> None:
    payload = b'"' + bytes(range(35, 91)) * 90_000 + b'"'
    recorder.append([an_event(), an_event(payload=payload), an_event()])
    assert len(payload) > 5_000_000
    assert [event.state == payload for event in recorder.select_log()] == [False, True, False]


@pytest.mark.parametrize("backwards", [False, True])
def test_large_events_are_read_in_constant_memory(
    recorder: PostgresEventRecorder,
    backwards: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    payload = b"x" * 1_000_000
    for _ in range(60):
        recorder.append([an_event(payload=payload), an_event()])
    tracemalloc.start()
    try:
        read = sum(len(event.state) for event in recorder.select_log(backwards=backwards))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read == 60 * len(payload) + 60 * len(b"{}")
    assert peak < 4 * reader_module.PAGE_BYTES


def test_20000_events_are_appended_at_once_and_read_in_pages(
    recorder: PostgresEventRecorder,
) -> None:
    logged = recorder.append(a_stream(20_000))
    assert [event.position for event in logged] == list(range(1, 20_001))
    read = recorder.select_log()
    assert all(one == other for one, other in zip(read, logged, strict=True))
    assert len(recorder.select_events(logged[0].originator_id)) == 20_000


def test_a_session_is_found_by_its_index_even_where_another_one_fills_a_partition(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    shrink_partitions(connection, 10_000)
    recorder.append([an_event(session_id=IDS.new()) for _ in range(10_000)])
    recorder.append(a_stream(10_000, session_id=IDS.new()))
    connection.execute("ANALYZE hansard.events")
    selection = Selection(session_id=IDS.new())
    parameters = selection.parameters(500)
    numbered = {name: f"${number}" for number, name in enumerate(parameters, start=1)}
    types = {"session_id": "uuid", "stream": "uuid", "types": "text[]"}
    declared = ", ".join(types.get(name, "bigint") for name in parameters)
    values = ", ".join(f"%({name})s" for name in parameters)
    connection.execute("SET plan_cache_mode = force_generic_plan")
    connection.execute(f"PREPARE kept ({declared}) AS {selection.statement % numbered}")

    execution = ClientCursor(connection).mogrify(f"EXECUTE kept ({values})", parameters)
    scans = scans_of(connection, execution, {})

    assert sum(scan.get("Rows Removed by Filter", 0) for scan in scans) == 0
