"""PostgresEventRecorder: what the library may expect of a recorder, and our rules on top."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from eventsourcing.persistence import IntegrityError, ProgrammingError, StoredEvent

from application.errors import ConflictError
from infrastructure.event_log.errors import DuplicateEventError, VersionConflictError
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.mapper import EnvelopedEvent
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.support.event_log import IDS, OCCURRED, a_stream, an_event


def test_a_stream_is_read_by_version_from_either_end(recorder: PostgresEventRecorder) -> None:
    logged = recorder.append(a_stream(5))
    stream = logged[0].originator_id
    assert recorder.select_events(stream) == logged
    assert recorder.select_events(stream, desc=True, limit=1) == logged[-1:]
    assert recorder.select_events(stream, lte=3, desc=True, limit=1) == [logged[2]]
    assert recorder.select_events(stream, gt=1, lte=3) == logged[1:3]
    assert recorder.select_events(stream, limit=0) == []
    assert recorder.select_events(IDS.new()) == []


def test_streams_are_told_apart(recorder: PostgresEventRecorder) -> None:
    one = recorder.append(a_stream(2))
    other = recorder.append(a_stream(2))
    assert recorder.select_events(one[0].originator_id) == one
    assert recorder.select_events(other[0].originator_id) == other


def test_streams_may_be_mixed_in_an_append(recorder: PostgresEventRecorder) -> None:
    one, other = a_stream(2), a_stream(2)
    logged = recorder.append([one[0], other[0], one[1], other[1]])
    assert [event.position for event in logged] == [1, 2, 3, 4]
    assert [event.position for event in recorder.select_events(one[0].originator_id)] == [1, 3]


def test_a_conflict_tells_both_versions(recorder: PostgresEventRecorder) -> None:
    stream = IDS.new()
    recorder.append([an_event(stream, 1), an_event(stream, 2)])
    late = an_event(stream, 2)
    with pytest.raises(VersionConflictError, match="load it again and retry") as conflict:
        recorder.append([late])
    assert (conflict.value.expected, conflict.value.actual) == (1, 2)
    assert conflict.value.stream == late.originator_id
    assert isinstance(conflict.value, ConflictError)
    assert isinstance(conflict.value, IntegrityError)


@pytest.mark.parametrize(("versions", "expected", "actual"), [([1, 3], 2, 1), ([1, 1], 0, 1)])
def test_versions_neither_repeat_nor_skip_within_an_append(
    recorder: PostgresEventRecorder, versions: list[int], expected: int, actual: int
) -> None:
    stream = IDS.new()
    with pytest.raises(VersionConflictError) as conflict:
        recorder.append([an_event(stream, version) for version in versions])
    assert (conflict.value.expected, conflict.value.actual) == (expected, actual)
    assert recorder.max_notification_id() is None


def test_a_stream_may_begin_at_version_0_but_not_fall_back_to_it(
    recorder: PostgresEventRecorder,
) -> None:
    stream = IDS.new()
    recorder.append([an_event(stream, 0), an_event(stream, 1)])
    for version in (0, 1, 3):
        with pytest.raises(VersionConflictError):
            recorder.append([an_event(stream, version)])
    recorder.append([an_event(stream, 2)])
    assert recorder.max_notification_id() == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda event: replace(event, state=b'{"other":1}'),
        lambda event: replace(event, topic="test.other"),
        lambda event: replace(event, originator_id=IDS.new()),
        lambda event: replace(event, originator_version=2),
        lambda event: replace(event, schema_version=2),
        lambda event: replace(event, occurred_at=datetime(2020, 1, 1, tzinfo=UTC)),
        lambda event: replace(event, envelope=replace(event.envelope, actor="NOVA")),
        lambda event: replace(event, envelope=replace(event.envelope, session_id=IDS.new())),
    ],
    ids=["payload", "type", "stream", "version", "schema", "time", "actor", "session"],
)
def test_a_known_id_with_anything_changed_is_another_event(
    recorder: PostgresEventRecorder, change: Callable[[EnvelopedEvent], EnvelopedEvent]
) -> None:
    recorder.append(a_stream(2))
    known = an_event()
    recorder.append([known])
    with pytest.raises(DuplicateEventError, match="stands at position 3 already") as duplicate:
        recorder.append([change(known)])
    assert duplicate.value.position == 3
    assert duplicate.value.event_id == known.enveloped.event_id
    assert recorder.max_notification_id() == 3


def test_an_append_that_is_known_in_part_names_the_known_event(
    recorder: PostgresEventRecorder,
) -> None:
    events = a_stream(3)
    recorder.append(events[:1])
    with pytest.raises(DuplicateEventError) as duplicate:
        recorder.append(events)
    assert duplicate.value.event_id == events[0].enveloped.event_id
    assert recorder.append(events[:1])[0].position == 1
    assert recorder.append(events[1:])[-1].position == 3


def test_an_id_given_twice_is_named(recorder: PostgresEventRecorder) -> None:
    one = an_event()
    other = an_event(event_id=one.enveloped.event_id)
    with pytest.raises(DuplicateEventError, match="is given twice"):
        recorder.append([one, other])


def test_logged_events_can_be_appended_again(recorder: PostgresEventRecorder) -> None:
    logged = recorder.append(a_stream(2))
    assert recorder.append(logged) == logged


def test_an_event_without_an_envelope_gets_one_of_the_system(
    recorder: PostgresEventRecorder,
) -> None:
    before, stream = datetime.now(tz=UTC), IDS.new()
    assert recorder.insert_events([StoredEvent(stream, 1, "foreign", b"\x00\xff")]) == [1]
    [logged] = recorder.select_log()
    assert logged.enveloped.actor == "SYSTEM"
    assert logged.enveloped.correlation_id == logged.enveloped.event_id
    assert logged.occurred_at is not None
    assert before <= logged.occurred_at <= logged.recorded_at
    assert logged.state == b"\x00\xff"


def test_a_stream_is_named_by_a_uuid(recorder: PostgresEventRecorder) -> None:
    with pytest.raises(ProgrammingError, match="not by 'orders-1'"):
        recorder.insert_events([StoredEvent("orders-1", 1, "foreign", b"{}")])


def test_a_row_says_everything_an_event_says(recorder: PostgresEventRecorder) -> None:
    event = an_event(session_id=IDS.new(), payload=b'{"a":[1,2.5,"\xc3\xa9"]}')
    envelope = replace(event.enveloped, causation_id=IDS.new(), tenant="t", traceparent="00-x")
    event = replace(event, envelope=envelope, schema_version=7)
    [logged] = recorder.append([event])
    [read] = recorder.select_log()
    assert read == logged == LoggedEvent.of(event, 1, logged.recorded_at)
    assert read.occurred_at == OCCURRED
