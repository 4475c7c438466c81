"""What every event log holds: one suite for all adapters of the port `EventLog`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from eventsourcing.domain import Aggregate

from application.errors import ConflictError, NotFoundError
from application.ports import Entry, EventLog
from domain.conversation import USER, Conversation, Turn
from domain.event import Envelope
from domain.session import Session
from infrastructure.system import Uuid7Factory

IDS = Uuid7Factory()
AT = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def conversation(turns: int = 0) -> Conversation:
    """Start a conversation and let the user speak."""
    started = Conversation.start(IDS.new(), IDS.new(), (USER, "NOVA"), AT)
    for _ in range(turns):
        speak(started)
    return started


def speak(held: Conversation, text: str = "Grüße \u0000 \U0001f4c8") -> None:
    """Let the user say something."""
    held.take_turn(Turn(turn_id=IDS.new(), speaker=USER, text=text), AT)


def entries(*aggregates: Aggregate, session_id: UUID | None = None) -> list[Entry]:
    """Put the new events of aggregates into envelopes."""
    return [
        Entry(event, envelope(session_id))
        for aggregate in aggregates
        for event in aggregate.collect_events()
    ]


def envelope(session_id: UUID | None = None) -> Envelope:
    """Make an envelope with nothing left out."""
    return Envelope(
        event_id=IDS.new(),
        actor="NOVA",
        correlation_id=IDS.new(),
        causation_id=IDS.new(),
        session_id=session_id or IDS.new(),
        tenant="acme",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


class EventLogContract:
    """Subclasses have a fixture `log` that gives an empty log."""

    def test_an_empty_log_has_no_position(self, log: EventLog) -> None:
        assert log.last_position() == 0
        assert log.position_at(datetime.now(tz=UTC)) == 0
        assert list(log.read()) == []

    def test_positions_count_from_1_without_gaps(self, log: EventLog) -> None:
        first = log.append(entries(conversation(turns=2)))
        second = log.append(entries(conversation(), conversation()))
        assert [recorded.position for recorded in (*first, *second)] == [1, 2, 3, 4, 5]
        assert log.last_position() == 5

    def test_appending_nothing_records_nothing(self, log: EventLog) -> None:
        assert list(log.append([])) == []
        assert log.last_position() == 0

    def test_what_is_read_is_what_was_appended(self, log: EventLog) -> None:
        given = entries(conversation(turns=2), conversation())
        appended = log.append(given)
        assert [(r.event, r.envelope) for r in appended] == [(e.event, e.envelope) for e in given]
        assert list(log.read()) == list(appended)

    def test_events_keep_their_time_in_the_domain(self, log: EventLog) -> None:
        log.append(entries(conversation()))
        [recorded] = log.read()
        assert recorded.event.timestamp == AT

    def test_an_aggregate_is_rebuilt_as_it_was(self, log: EventLog) -> None:
        held = conversation(turns=3)
        log.append(entries(held, conversation()))
        assert log.load(Conversation, held.id) == held

    def test_a_loaded_aggregate_goes_on(self, log: EventLog) -> None:
        held = conversation()
        log.append(entries(held))
        again = log.load(Conversation, held.id)
        speak(again)
        log.append(entries(again))
        assert log.load(Conversation, held.id) == again

    def test_an_unknown_stream_is_not_found(self, log: EventLog) -> None:
        with pytest.raises(NotFoundError, match="No conversation"):
            log.load(Conversation, IDS.new())

    def test_a_stream_of_another_kind_is_not_found(self, log: EventLog) -> None:
        held = conversation()
        log.append(entries(held))
        with pytest.raises(NotFoundError, match="No session"):
            log.load(Session, held.id)

    def test_a_version_does_not_repeat(self, log: EventLog) -> None:
        held = conversation()
        log.append(entries(held))
        one, other = log.load(Conversation, held.id), log.load(Conversation, held.id)
        speak(one)
        speak(other)
        log.append(entries(one))
        with pytest.raises(ConflictError, match=r"at version 2, not 1"):
            log.append(entries(other))
        assert log.last_position() == 2

    def test_a_version_does_not_skip(self, log: EventLog) -> None:
        first, _, third = entries(conversation(turns=2))
        log.append([first])
        with pytest.raises(ConflictError, match=r"at version 1, not 2"):
            log.append([third])
        assert log.last_position() == 1

    def test_a_stream_does_not_begin_in_the_middle(self, log: EventLog) -> None:
        _, second = entries(conversation(turns=1))
        with pytest.raises(ConflictError, match=r"at version 0, not 1"):
            log.append([second])
        assert log.last_position() == 0

    def test_an_append_records_all_or_nothing(self, log: EventLog) -> None:
        held = conversation()
        log.append(entries(held))
        stale = log.load(Conversation, held.id)
        speak(held)
        speak(stale)
        log.append(entries(held))
        with pytest.raises(ConflictError):
            log.append(entries(conversation(), stale, conversation()))
        assert log.last_position() == 2
        assert len(list(log.read())) == 2

    def test_the_same_append_again_answers_with_the_same_places(self, log: EventLog) -> None:
        given = entries(conversation(turns=1), conversation())
        once = log.append(given)
        log.append(entries(conversation()))
        assert list(log.append(given)) == list(once)
        assert log.last_position() == 4

    def test_an_append_that_is_known_in_part_is_refused(self, log: EventLog) -> None:
        given = entries(conversation(turns=1))
        log.append(given[:1])
        with pytest.raises(ConflictError):
            log.append(given)
        assert log.last_position() == 1

    def test_another_event_under_a_known_id_is_refused(self, log: EventLog) -> None:
        [known] = entries(conversation())
        [other] = entries(conversation())
        log.append([known])
        with pytest.raises(ConflictError):
            log.append([Entry(other.event, known.envelope)])
        with pytest.raises(ConflictError):
            log.append([Entry(known.event, Envelope(known.envelope.event_id, "X", IDS.new()))])
        assert log.last_position() == 1

    def test_an_id_given_twice_is_refused(self, log: EventLog) -> None:
        first, second = entries(conversation(turns=1))
        with pytest.raises(ConflictError):
            log.append([first, Entry(second.event, first.envelope)])
        assert log.last_position() == 0

    def test_reading_keeps_within_its_bounds(self, log: EventLog) -> None:
        log.append(entries(conversation(turns=4)))
        assert positions(log, after=2) == [3, 4, 5]
        assert positions(log, until=2) == [1, 2]
        assert positions(log, after=1, until=3) == [2, 3]
        assert positions(log, after=3, until=3) == []
        assert positions(log, after=5) == []
        assert positions(log, until=0) == []
        assert positions(log, until=99) == [1, 2, 3, 4, 5]

    def test_reading_can_be_limited_to_a_session(self, log: EventLog) -> None:
        session_id = IDS.new()
        log.append(entries(conversation(turns=1), session_id=session_id))
        log.append(entries(conversation()))
        log.append(entries(conversation(), session_id=session_id))
        assert positions(log, session_id=session_id) == [1, 2, 4]
        assert positions(log, session_id=IDS.new()) == []

    def test_reading_can_be_limited_to_types(self, log: EventLog) -> None:
        log.append(entries(conversation(turns=1), conversation(turns=1)))
        assert positions(log, types=["conversation.started"]) == [1, 3]
        assert positions(log, types=["conversation.turn_taken"], after=2) == [4]
        assert positions(log, types=["task.created"]) == []
        both = ["conversation.started", "conversation.turn_taken"]
        assert positions(log, types=both) == [1, 2, 3, 4]

    def test_recorded_at_never_runs_backwards(self, log: EventLog) -> None:
        for _ in range(5):
            log.append(entries(conversation(turns=1)))
        times = [recorded.recorded_at for recorded in log.read()]
        assert times == sorted(times)
        assert all(time.utcoffset() == timedelta(0) for time in times)

    def test_a_moment_leads_to_the_newest_event_by_then(self, log: EventLog) -> None:
        for _ in range(4):
            log.append(entries(conversation()))
        recorded = list(log.read())
        times = [r.recorded_at for r in recorded]
        for moment in [*times, *(time - TICK for time in times), *(time + TICK for time in times)]:
            expected = [r.position for r in recorded if r.recorded_at <= moment]
            assert log.position_at(moment) == max(expected, default=0)

    def test_an_event_is_found_by_its_id(self, log: EventLog) -> None:
        given = entries(conversation(turns=1))
        log.append(given)
        assert [log.position_of(entry.envelope.event_id) for entry in given] == [1, 2]

    def test_an_unknown_event_is_not_found(self, log: EventLog) -> None:
        with pytest.raises(NotFoundError, match="No event"):
            log.position_of(IDS.new())

    def test_of_many_who_append_to_a_stream_one_is_first(self, log: EventLog) -> None:
        held = conversation()
        log.append(entries(held))
        rivals = [log.load(Conversation, held.id) for _ in range(8)]
        for rival in rivals:
            speak(rival)

        def is_first(batch: Sequence[Entry]) -> bool:
            try:
                log.append(batch)
            except ConflictError:
                return False
            return True

        with ThreadPoolExecutor(len(rivals)) as threads:
            won = list(threads.map(is_first, [entries(rival) for rival in rivals]))
        assert won.count(True) == 1
        assert log.last_position() == 2


def positions(log: EventLog, **choices: object) -> list[int]:
    """Read, and keep the positions alone."""
    return [recorded.position for recorded in log.read(**choices)]  # type: ignore[arg-type]  # passed on
