"""Replaying: histories as they come out of the log, to be recomputed or tampered with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json

from application.directory import load_directory
from application.ports import EventLog
from application.replaying.history import SessionHistory
from application.replaying.replays import Replays
from application.replaying.verifying import verify_history
from application.replaying.views import ReplayVerificationView
from domain.effect import Failure, FailureKind
from domain.event import RecordedEvent
from domain.planning import Plan
from infrastructure.event_log.logged_event import Row, sent_time
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.payloads import LogPayloads
from infrastructure.event_log.read_event import read_events
from tests.support.office import Q4_PLAN, Office, office
from tests.support.scripted import Replies, answer, call, intend, propose, use

BUSY = Failure(kind=FailureKind.OVERLOADED, message="Busy.")
REFUSED = Failure(kind=FailureKind.REFUSED, message="No.")

EVENTFUL: dict[str, Replies] = {
    "decompose": [answer(text="I would rather talk."), [BUSY, propose(Q4_PLAN)]],
    "metrics": [
        answer(call("query_table", "a", sql="1"), call("write_document", "b", title="no right")),
        [BUSY, BUSY, use("query_table", sql="SELECT 2")],
        answer(text="Revenue is 60."),
    ],
    "charts": [use("draw_chart", title="By month"), answer(), answer(text="Drawn.")],
}
"""A repaired plan, failures that pass, two tools at once, one of them not allowed, a repair."""

NOBODY_FITS = Q4_PLAN.model_copy(
    update={
        "tasks": (
            Q4_PLAN.tasks[0].model_copy(
                update={"skills": ("composition", "statements"), "instruction": "Hum."}
            ),
        ),
        "complexity": 0.1,
    }
)

STORIES: dict[str, dict[str, Replies]] = {
    "as planned": {},
    "with failures and repairs": EVENTFUL,
    "nobody can serve it": {"interpret": [intend("x", servable=False, reason="Not ours.")]},
    "no task is planned": {
        "decompose": [propose(Plan(tasks=(), complexity=0.1, reason="Nothing to do."))]
    },
    "the intent stays invalid": {"interpret": [answer(text="Hm.")]},
    "the plan stays invalid": {"decompose": [answer(text="Hm.")]},
    "the model refuses": {"decompose": [REFUSED]},
    "an answer is given up": {"metrics": [[BUSY]]},
    "a task never ends": {"extract": [use("query_table", sql="SELECT 1")]},
    "a task is given up": {
        "extract": [
            use("query_table", sql="SELECT 1"),
            answer(call("submit_result", done=False, summary="No.")),
        ]
    },
    "nobody fits": {"decompose": [propose(NOBODY_FITS)]},
    "presenting fails": {"present": [REFUSED]},
    "something unforeseen": {"charts": [RuntimeError("broken")]},
}

Tampering = Callable[[RecordedEvent, dict[str, Any]], None]
"""Changes the decoded payload of an event."""


def stored_row(recorded: RecordedEvent, tamper: Tampering | None = None) -> Row:
    """Say an event as the row that the log keeps of it."""
    envelope = recorded.envelope
    stored = EventMapper().to_stored_event(recorded.event, envelope)
    state = stored.state
    if tamper is not None:
        payload = from_json(state)
        tamper(recorded, payload)
        state = to_json(payload)
    return (
        recorded.position,
        UUID(str(stored.originator_id)).bytes,
        stored.originator_version,
        envelope.event_id.bytes,
        stored.topic,
        stored.schema_version,
        envelope.tenant,
        envelope.session_id and envelope.session_id.bytes,
        envelope.actor,
        envelope.correlation_id.bytes,
        envelope.causation_id and envelope.causation_id.bytes,
        envelope.traceparent,
        envelope.subject,
        sent_time(stored.occurred_at or recorded.recorded_at),
        sent_time(recorded.recorded_at),
        state,
    )


def as_read(
    events: Iterable[RecordedEvent], tamper: Tampering | None = None
) -> list[RecordedEvent]:
    """Send events through the codec of the log."""
    return list(read_events([stored_row(event, tamper) for event in events], EventMapper()))


def verified(
    log: EventLog, session_id: UUID, tamper: Tampering | None = None, until: int | None = None
) -> ReplayVerificationView:
    """Verify a session of a log in memory, as if it had come out of the database."""
    payloads = LogPayloads(EventMapper())
    history = Replays(log, payloads).history(session_id, until)
    stored = SessionHistory(
        history.session_id,
        as_read(history.events, tamper),
        {index: as_read(gone) for index, gone in history.taken_back.items()},
        history.is_whole,
    )
    return verify_history(stored, lambda position: load_directory(log, position), payloads)


def told(story: str = "as planned") -> tuple[Office, UUID]:
    """Let a story happen; tell in which session."""
    it = office(STORIES[story])
    return it, it.run().session_id
