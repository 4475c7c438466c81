"""Read events: what comes out of a row is what the mapper would make of it, only faster."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.conversation import USER, Conversation, Turn
from domain.event import Envelope, RecordedEvent
from infrastructure.event_log.errors import UnreadableEventError
from infrastructure.event_log.logged_event import LoggedEvent, Row, Uuids, sent_time
from infrastructure.event_log.mapper import EnvelopedEvent, EventMapper
from infrastructure.event_log.read_event import ReadEvent, read_events
from infrastructure.system import Uuid7Factory

IDS = Uuid7Factory()
AT = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)
MAPPER = EventMapper()


def stored_events() -> list[EnvelopedEvent]:
    """Store a conversation of two events."""
    held = Conversation.start(IDS.new(), IDS.new(), (USER, "NOVA"), AT)
    held.take_turn(Turn(turn_id=IDS.new(), speaker=USER, text="Grüße"), AT)
    first, second = held.collect_events()
    full = Envelope(
        event_id=IDS.new(),
        actor="NOVA",
        correlation_id=IDS.new(),
        causation_id=IDS.new(),
        session_id=IDS.new(),
        tenant="acme",
        traceparent="00-x",
    )
    bare = Envelope(event_id=IDS.new(), actor="SYSTEM", correlation_id=IDS.new())
    return [MAPPER.to_stored_event(first, full), MAPPER.to_stored_event(second, bare)]


def row_of(event: EnvelopedEvent, position: int = 1) -> Row:
    """Write an event as the database gives it."""
    envelope = event.enveloped
    stream: Any = event.originator_id
    return (
        position,
        stream.bytes,
        event.originator_version,
        envelope.event_id.bytes,
        event.topic,
        event.schema_version,
        envelope.tenant,
        envelope.session_id and envelope.session_id.bytes,
        envelope.actor,
        envelope.correlation_id.bytes,
        envelope.causation_id and envelope.causation_id.bytes,
        envelope.traceparent,
        envelope.subject,
        sent_time(event.occurred_at or AT),
        sent_time(AT),
        event.state,
    )


def rows() -> list[Row]:
    """Write two events as the database gives them."""
    return [row_of(event, position) for position, event in enumerate(stored_events(), start=1)]


def plainly(row: Row) -> RecordedEvent:
    """Decode a row by way of a logged event."""
    [logged] = LoggedEvent.of_rows([row])
    event = MAPPER.to_domain_event(logged)
    return RecordedEvent(logged.position, logged.recorded_at, logged.enveloped, event)


def test_rows_say_what_was_stored() -> None:
    stored = stored_events()
    for event, logged in zip(stored, LoggedEvent.of_rows(map(row_of, stored)), strict=True):
        assert logged == LoggedEvent.of(event, 1, AT)
        assert hash(logged) == hash(LoggedEvent.of(event, 1, AT))


def test_a_read_event_equals_the_recorded_event_that_says_the_same() -> None:
    written = rows()
    for row, read in zip(written, read_events(written, MAPPER), strict=True):
        plain = plainly(row)
        assert read == plain
        assert plain == read
        assert hash(read) == hash(plain)
        assert read.type == plain.type
        assert type(read.event) is type(plain.event)


@pytest.mark.parametrize(
    "change", [{"position": 9}, {"recorded_at": AT.replace(year=2027)}, {"envelope": None}]
)
def test_a_read_event_differs_from_one_that_says_something_else(change: dict[str, Any]) -> None:
    [row, _] = rows()
    [read] = read_events([row], MAPPER)
    assert read != replace(plainly(row), **change)
    other: object = "something else"
    assert read != other


def test_a_read_event_can_be_copied_pickled_and_changed() -> None:
    [row, _] = rows()
    [read] = read_events([row], MAPPER)
    assert copy.copy(read) == read
    assert pickle.loads(pickle.dumps(read)) == read  # noqa: S301 - made here
    assert replace(read, position=7).position == 7
    with pytest.raises(AttributeError):
        read.missing  # type: ignore[attr-defined]  # noqa: B018 - on purpose


def test_a_read_event_is_not_to_be_changed_in_place() -> None:
    [row, _] = rows()
    [read] = read_events([row], MAPPER)
    with pytest.raises(AttributeError):
        read.position = 2  # type: ignore[misc]  # on purpose


def test_an_envelope_that_many_threads_ask_for_is_the_same_for_all() -> None:
    with ThreadPoolExecutor(8) as threads:
        for _ in range(200):
            [row, _] = rows()
            [logged] = LoggedEvent.of_rows([row])
            envelopes = [*threads.map(lambda event: event.enveloped, [logged] * 8)]
            assert set(envelopes) == {logged.enveloped}


def test_a_logged_event_knows_its_subject_without_its_envelope() -> None:
    [stored, _] = stored_events()
    personal = replace(stored, envelope=replace(stored.enveloped, subject="customer-42"))
    [logged] = LoggedEvent.of_rows([row_of(personal)])
    assert logged.subject == "customer-42"
    assert logged.enveloped.subject == "customer-42"
    assert logged.subject == "customer-42"


def test_uuids_are_made_once_and_are_like_any_others() -> None:
    uuids = Uuids()
    made = uuids[UUID(int=7).bytes]
    assert made is uuids[UUID(int=7).bytes]
    assert made == UUID(int=7)
    assert (str(made), made.is_safe, hash(made)) == (
        str(UUID(int=7)),
        UUID(int=7).is_safe,
        hash(UUID(int=7)),
    )
    assert pickle.loads(pickle.dumps(made)) == made  # noqa: S301 - made here


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({4: "no.such_type"}, "its type is unknown here"),
        ({5: 99}, "its schema version is 99"),
        ({15: b'{"turn":1}'}, "does not fit"),
        ({15: b"\xff"}, "does not fit"),
    ],
    ids=["type", "schema", "payload", "bytes"],
)
def test_what_cannot_be_read_says_why_after_what_can(change: dict[int, Any], reason: str) -> None:
    good, bad = rows()
    broken = tuple(change.get(place, value) for place, value in enumerate(bad))
    read = read_events([good, broken], MAPPER)
    assert isinstance(next(read), ReadEvent)
    with pytest.raises(UnreadableEventError, match=reason):
        next(read)
