"""What every event log holds: one suite for all adapters of the port `EventLog`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.domain import Aggregate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.errors import (
    ConflictError,
    FencedError,
    NotFoundError,
    PositionNotReachedError,
)
from application.ports import Entry, EventLog, Fence
from domain.conversation import USER, Conversation, Turn
from domain.event import Envelope, RecordedEvent
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

    def test_a_fenced_append_counts_while_its_fence_holds(self, log: EventLog) -> None:
        guard = conversation()
        log.append(entries(guard))
        given = entries(conversation(turns=1))
        appended = asyncio.run(log.append_async(given, Fence(guard.id, 1)))
        assert [recorded.position for recorded in appended] == [2, 3]

    def test_a_fenced_append_is_refused_once_somebody_took_over(self, log: EventLog) -> None:
        guard = conversation(turns=1)
        log.append(entries(guard))
        for fence in (Fence(guard.id, 1), Fence(guard.id, 3), Fence(IDS.new(), 1)):
            with pytest.raises(FencedError):
                asyncio.run(log.append_async(entries(conversation()), fence))
        assert log.last_position() == 2

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

    def test_reading_can_be_limited_to_a_stream(self, log: EventLog) -> None:
        one, other = conversation(turns=1), conversation()
        log.append(entries(one, other))
        speak(one)
        log.append(entries(one))
        assert positions(log, stream=one.id) == [1, 2, 4]
        assert positions(log, stream=other.id) == [3]
        assert positions(log, stream=IDS.new()) == []

    def test_reading_can_be_limited_to_a_time(self, log: EventLog) -> None:
        for _ in range(3):
            log.append(entries(conversation()))
        first, second, third = (recorded.recorded_at for recorded in log.read())
        assert positions(log, since=second) == [2, 3]
        assert positions(log, before=second) == [1]
        assert positions(log, since=first + TICK, before=third) == [2]
        assert positions(log, since=third + TICK) == []
        assert positions(log, before=first) == []

    def test_reading_can_go_backwards_and_end_early(self, log: EventLog) -> None:
        log.append(entries(conversation(turns=4)))
        assert positions(log, backwards=True) == [5, 4, 3, 2, 1]
        assert positions(log, backwards=True, until=4, after=1, limit=2) == [4, 3]
        assert positions(log, limit=2) == [1, 2]
        assert positions(log, limit=0) == []

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,  # reading changes nothing
            HealthCheck.differing_executors,  # subclasses test one adapter each
        ],
    )
    @given(data=st.data())
    def test_any_filters_give_what_filtering_a_list_gives(
        self, log: EventLog, data: st.DataObject
    ) -> None:
        if not log.last_position():
            fill(log)
        recorded = list(log.read())
        wanted = data.draw(filters(recorded))
        assert list(log.read(**wanted)) == filtered(recorded, **wanted)

    def test_a_reader_meets_what_is_appended_meanwhile(self, log: EventLog) -> None:
        log.append(entries(conversation(turns=1)))
        read = []
        for recorded in log.read():
            read.append(recorded.position)
            if recorded.position < 4:
                log.append(entries(conversation()))
        assert read[:2] == [1, 2]
        assert read == sorted(set(read))

    def test_a_follower_gives_what_is_there_and_what_comes(self, log: EventLog) -> None:
        held = conversation(turns=1)
        log.append(entries(held))
        with log.follow(after=1) as follower, ThreadPoolExecutor(1) as thread:
            assert next(follower).position == 2
            following = thread.submit(next, follower)
            speak(held)
            [appended] = log.append(entries(held))
            assert following.result(30) == appended

    def test_a_follower_keeps_to_a_session_and_to_types(self, log: EventLog) -> None:
        session_id = IDS.new()
        log.append(entries(conversation(turns=1)))
        log.append(entries(conversation(turns=2), session_id=session_id))
        with log.follow(session_id=session_id, types=["conversation.turn_taken"]) as follower:
            assert [next(follower).position, next(follower).position] == [4, 5]

    def test_a_follower_that_waits_can_be_stopped(self, log: EventLog) -> None:
        follower = log.follow()
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(list, follower)
            follower.stop()
            assert waiting.result(30) == []
        assert list(follower) == []

    def test_a_position_can_be_waited_for(self, log: EventLog) -> None:
        log.wait_for(0, timeout_s=0)
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(log.wait_for, 2, 30)
            log.append(entries(conversation(turns=1)))
            waiting.result(30)

    def test_waiting_for_a_position_ends(self, log: EventLog) -> None:
        log.append(entries(conversation()))
        with pytest.raises(PositionNotReachedError, match="stands at position 1") as late:
            log.wait_for(2, timeout_s=0.01)
        assert (late.value.position, late.value.reached) == (2, 1)

    def test_appending_from_an_event_loop_is_the_same(self, log: EventLog) -> None:
        given = entries(conversation(turns=1))

        async def append() -> Sequence[RecordedEvent]:
            return await log.append_async(given)

        appended = asyncio.run(append())
        assert list(log.read()) == list(appended)
        assert list(asyncio.run(append())) == list(appended)
        with pytest.raises(ConflictError):
            asyncio.run(log.append_async(entries(*stale(given))))

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


def stale(given: Sequence[Entry]) -> list[Conversation]:
    """Rebuild a conversation from some of its events and go on beside the rest."""
    state: Any = None
    for entry in given[:-1]:
        event: Any = entry.event
        state = event.mutate(state)
    speak(state)
    return [state]


def fill(log: EventLog) -> None:
    """Append events of two sessions and of none, in several appends."""
    held = [conversation() for _ in range(3)]
    sessions = (None, IDS.new(), IDS.new())
    for _ in range(4):
        for aggregate, session_id in zip(held, sessions, strict=True):
            speak(aggregate)
            log.append(entries(aggregate, session_id=session_id))


def filters(recorded: Sequence[RecordedEvent]) -> st.SearchStrategy[dict[str, Any]]:
    """Choose any filters of `EventLog.read`."""
    times = [r.recorded_at for r in recorded]
    moments = sorted({at + tick for at in times for tick in (-TICK, timedelta(0), TICK)})
    position = st.integers(-1, len(recorded) + 1)
    kinds = ("conversation.started", "conversation.turn_taken", "task.created")
    return st.fixed_dictionaries(
        {},
        optional={
            "after": position,
            "until": st.none() | position,
            "since": st.none() | st.sampled_from(moments),
            "before": st.none() | st.sampled_from(moments),
            "stream": st.none() | st.sampled_from([r.event.originator_id for r in recorded]),
            "session_id": st.none() | st.sampled_from([r.envelope.session_id for r in recorded]),
            "types": st.sets(st.sampled_from(kinds)),
            "limit": st.none() | st.integers(0, len(recorded) + 1),
            "backwards": st.booleans(),
        },
    )


def filtered(recorded: Sequence[RecordedEvent], **wanted: Any) -> list[RecordedEvent]:
    """Filter a list, as `EventLog.read` is to filter the log."""
    until, since, before = (wanted.get(name) for name in ("until", "since", "before"))
    found = [
        r
        for r in recorded
        if wanted.get("after", 0) < r.position
        and (until is None or r.position <= until)
        and (since is None or r.recorded_at >= since)
        and (before is None or r.recorded_at < before)
        and wanted.get("stream") in (None, r.event.originator_id)
        and wanted.get("session_id") in (None, r.envelope.session_id)
        and (not wanted.get("types") or r.type in wanted["types"])
    ]
    return (found[::-1] if wanted.get("backwards") else found)[: wanted.get("limit")]


def positions(log: EventLog, **choices: object) -> list[int]:
    """Read, and keep the positions alone."""
    return [recorded.position for recorded in log.read(**choices)]  # type: ignore[arg-type]  # passed on
