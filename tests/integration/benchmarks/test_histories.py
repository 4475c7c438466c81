"""A made-up history is one that the aggregates could have lived through."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from uuid import UUID

from eventsourcing.domain import Aggregate

from benchmarks.histories import History
from domain.agent import Agent
from domain.conversation import Conversation
from domain.event import RecordedEvent
from domain.session import Session
from domain.task import Task
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder

EVENTS = 2_000


def told(recorder: PostgresEventRecorder) -> tuple[PostgresEventLog, list[RecordedEvent]]:
    History(recorder, templates=40).append(EVENTS)
    log = PostgresEventLog(recorder, EventMapper())
    return log, list(log.read())


def test_every_stream_can_be_replayed(recorder: PostgresEventRecorder) -> None:
    log, events = told(recorder)
    kinds: dict[str, type[Aggregate]] = {
        "agent": Agent,
        "conversation": Conversation,
        "session": Session,
        "task": Task,
    }
    versions = Counter(recorded.event.originator_id for recorded in events)
    streams = {
        recorded.event.originator_id: kinds[recorded.type.partition(".")[0]]
        for recorded in events
        if recorded.type.partition(".")[0] in kinds
    }
    assert all(
        log.load(aggregate, stream).version == versions[stream]
        for stream, aggregate in streams.items()
    )


def test_sessions_go_on_side_by_side_and_name_what_they_follow_from(
    recorder: PostgresEventRecorder,
) -> None:
    _, events = told(recorder)
    known: set[UUID] = set()
    for recorded in events:
        assert recorded.envelope.causation_id in known | {None}
        known.add(recorded.envelope.event_id)
    sessions = [each.session_id for each in events if each.session_id is not None]
    switches = sum(one != other for one, other in pairwise(sessions))
    assert switches > len(sessions) / 5
    assert len({each.envelope.event_id for each in events}) == len(events) >= EVENTS


def test_all_kinds_of_things_happen(recorder: PostgresEventRecorder) -> None:
    _, events = told(recorder)
    happened = Counter(recorded.type for recorded in events)
    assert {"task.model_failed", "task.tool_failed", "task.answer_rejected"} <= happened.keys()
    assert {"agent.changed", "agent.deactivated", "agent.activated"} <= happened.keys()
    assert happened["task.model_called"] > happened["task.completed"] > happened["session.opened"]
