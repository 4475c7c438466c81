"""Reading the log: pages, filters, large events and the subscription."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg_pool import ConnectionPool

from infrastructure.database import Connection
from infrastructure.event_log import recorder as recorder_module
from infrastructure.event_log import sql
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.support.event_log import IDS, a_stream, an_event, scans_of

SESSIONS = (None, UUID(int=1), UUID(int=2))
TYPES = ("test.a", "test.b", "test.c")
EVENTS = 40


@pytest.fixture
def logged(recorder: PostgresEventRecorder) -> list[LoggedEvent]:
    """Forty events of all sessions, types and sizes from nothing to 390 bytes."""
    return recorder.append(
        [
            an_event(
                session_id=SESSIONS[n % 3],
                type=TYPES[n % 7 % 3],
                payload=b"x" * (n % 5 * n * 5 // 2),
            )
            for n in range(EVENTS)
        ]
    )


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # reading changes nothing
)
@given(
    page_events=st.integers(1, EVENTS + 2),
    page_bytes=st.integers(1, 2000),
    wanted=st.fixed_dictionaries(
        {
            "after": st.integers(-1, EVENTS + 1),
            "until": st.none() | st.integers(-1, EVENTS + 1),
            "session_id": st.sampled_from(SESSIONS),
            "types": st.sets(st.sampled_from((*TYPES, "test.unknown"))),
            "limit": st.none() | st.integers(0, EVENTS + 1),
        }
    ),
)
def test_pages_leave_nothing_out_and_repeat_nothing(
    recorder: PostgresEventRecorder,
    logged: list[LoggedEvent],
    page_events: int,
    page_bytes: int,
    wanted: dict[str, Any],
) -> None:
    until = EVENTS if wanted["until"] is None else wanted["until"]
    expected = [
        event
        for event in logged
        if wanted["after"] < event.position <= until
        and wanted["session_id"] in (None, event.enveloped.session_id)
        and (not wanted["types"] or event.topic in wanted["types"])
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder_module, "PAGE_EVENTS", page_events)
        patch.setattr(recorder_module, "PAGE_BYTES", page_bytes)
        assert list(recorder.select_log(**wanted)) == expected[: wanted["limit"]]


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize(
    ("filters", "wanted"),
    [(sql.OF_RARE_TYPES, {"types": ["test.rare", "test.none"]}), (sql.OF_SESSION, {})],
    ids=["types", "session"],
)
def test_a_few_events_are_found_without_walking_along_the_log(
    recorder: PostgresEventRecorder,
    connection: Connection,
    analysed: bool,  # noqa: FBT001 - pytest passes it by name
    filters: str,
    wanted: dict[str, Any],
) -> None:
    session_id = IDS.new()
    recorder.append(a_stream(10, type="test.rare", session_id=session_id))
    recorder.append(a_stream(20_000, session_id=IDS.new()))
    if analysed:
        connection.execute("ANALYZE hansard.events")
    bounds = {"log": sql.LOG, "after": 0, "until": 10**9, "limit": 1000, "bytes": 10**9}
    statement = sql.SELECT_PAGE.format(filters=filters)
    scans = scans_of(connection, statement, bounds | {"session_id": session_id} | wanted)
    in_log = [scan for scan in scans if "events" in scan.get("Relation Name", "")]
    assert {scan.get("Rows Removed by Filter", 0) for scan in in_log} == {0}
    assert max(scan["Actual Rows"] * scan["Actual Loops"] for scan in in_log) == 10


def test_no_connection_is_held_between_pages(
    recorder: PostgresEventRecorder, pool: ConnectionPool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "PAGE_EVENTS", 2)
    recorder.append(a_stream(5))
    for _ in recorder.select_log():
        statistics = pool.get_stats()
        assert statistics["pool_available"] == statistics["pool_size"]


def test_what_is_appended_meanwhile_is_read_too(
    recorder: PostgresEventRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "PAGE_EVENTS", 2)
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


def test_large_events_are_read_in_constant_memory(recorder: PostgresEventRecorder) -> None:
    payload = b"x" * 1_000_000
    for _ in range(60):
        recorder.append([an_event(payload=payload)])
    tracemalloc.start()
    try:
        read = sum(len(event.state) for event in recorder.select_log())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read == 60 * len(payload)
    assert peak < 4 * recorder_module.PAGE_BYTES


def test_20000_events_are_appended_at_once_and_read_in_pages(
    recorder: PostgresEventRecorder,
) -> None:
    logged = recorder.append(a_stream(20_000))
    assert [event.position for event in logged] == list(range(1, 20_001))
    read = recorder.select_log()
    assert all(one == other for one, other in zip(read, logged, strict=True))
    assert len(recorder.select_events(logged[0].originator_id)) == 20_000


@pytest.fixture
def follower() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_a_subscription_goes_on_with_what_is_appended_later(
    recorder: PostgresEventRecorder, follower: ThreadPoolExecutor
) -> None:
    recorder.append(a_stream(2))
    reached = Event()

    def follow() -> list[int]:
        ids = []
        with recorder.subscribe(gt=1) as subscription:
            for notification in subscription:
                ids.append(notification.id)
                reached.set()
                if len(ids) == 4:
                    subscription.stop()
        return ids

    following = follower.submit(follow)
    assert reached.wait(30)
    recorder.append(a_stream(3))
    assert following.result(30) == [2, 3, 4, 5]


def test_a_subscription_that_waits_is_stopped_from_outside(
    recorder: PostgresEventRecorder, follower: ThreadPoolExecutor
) -> None:
    with recorder.subscribe() as subscription:
        waiting = follower.submit(list, subscription)
        assert not waiting.done()
    assert waiting.result(30) == []


def test_a_subscription_keeps_to_its_topics(recorder: PostgresEventRecorder) -> None:
    recorder.append([an_event(type=name) for name in ("test.a", "test.b", "test.a")])
    with recorder.subscribe(topics=["test.a"]) as subscription:
        assert [next(subscription).id, next(subscription).id] == [1, 3]
