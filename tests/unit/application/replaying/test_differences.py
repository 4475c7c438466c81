"""Differences: whatever was changed of what was decided is named, with both values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from application.directory import load_directory
from application.replaying.history import SessionHistory
from application.replaying.replays import Replays
from application.replaying.verifying import verify_history
from application.replaying.views import DifferenceKind, ReplayVerificationView
from domain.event import RecordedEvent
from infrastructure.event_log.errors import UnreadableEventError
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.payloads import LogPayloads
from tests.support.office import Office
from tests.support.replaying import Tampering, as_read, told, verified


def differences(tamper: Tampering, story: str = "as planned") -> ReplayVerificationView:
    it, session_id = told(story)
    return verified(it.log, session_id, tamper)


def first(event_type: str, change: Callable[[dict[str, Any]], object]) -> Tampering:
    """Change the first event of a type."""
    seen: list[UUID] = []

    def tamper(recorded: RecordedEvent, payload: dict[str, Any]) -> None:
        event_id = recorded.envelope.event_id
        if recorded.type == event_type and seen in ([], [event_id]):
            seen[:] = [event_id]
            change(payload)

    return tamper


def score(payload: dict[str, Any]) -> None:
    payload["delegation"]["decision"]["candidates"][0]["score"] = 0.5


def summary(payload: dict[str, Any]) -> None:
    for wish in payload["answer"]["tool_calls"]:
        wish["arguments"]["goal"] = "Something else"


def swap(payload: dict[str, Any]) -> None:
    candidates = payload["delegation"]["decision"]["candidates"]
    candidates.append(candidates.pop(0))


TAMPERINGS: dict[str, tuple[Tampering, str, str | None, str | None]] = {
    "a score": (
        first("task.delegated", score),
        "delegation.decision.candidates[0].score",
        "0.5",
        "1.0",
    ),
    "a reason": (
        first(
            "task.delegated",
            lambda p: p["delegation"]["decision"].update(reason="A friend of mine."),
        ),
        "delegation.decision.reason",
        '"A friend of mine."',
        '"MM_001 plans every request."',
    ),
    "what a model understood": (
        first("task.model_answered", summary),
        "intent.goal",
        '"A financial report on Q4 with charts"',
        '"Something else"',
    ),
    "who is asked": (
        first("task.model_called", lambda p: p.update(model="cheap")),
        "model",
        '"cheap"',
        '"small"',
    ),
    "what a tool is asked for": (
        first("task.tool_called", lambda p: p["call"]["arguments"].update(sql="DROP")),
        "call.arguments.sql",
        '"DROP"',
        '"SELECT 1"',
    ),
    "a result": (
        first("task.completed", lambda p: p["result"]["data"].update(rows=4)),
        "result.data.rows",
        "4",
        "3",
    ),
    "a part too many": (
        first("task.completed", lambda p: p["result"]["data"].update(more=True)),
        "result.data.more",
        "true",
        None,
    ),
    "the answer": (
        first("session.completed", lambda p: p.update(answer="All is lost.")),
        "answer",
        '"All is lost."',
        '"Here is your report: revenue is 60."',
    ),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_what_was_changed_is_named_with_both_values(tampering: str) -> None:
    tamper, field, was, again = TAMPERINGS[tampering]

    found = differences(tamper).differences[0]

    assert (found.field, found.recorded, found.recomputed) == (field, was, again)
    assert found.kind is DifferenceKind.CHANGED
    assert str(found.position) in found.message
    assert field in found.message


def test_one_changed_decision_is_one_difference() -> None:
    view = differences(first("task.delegated", score))

    assert len(view.differences) == 1
    assert view.unchecked == 0
    assert view.differences[0].about == "task 'request'"


def test_the_title_of_the_request_is_input_and_its_decisions_go_by_it() -> None:
    retitle = first("task.created", lambda p: p["assignment"].update(title="Report"))

    view = differences(retitle)

    assert view.is_verified  # nothing was decided by it: verifying the log finds it


def test_candidates_in_another_order_are_a_difference() -> None:
    view = differences(
        lambda recorded, payload: swap(payload) if recorded.type == "task.delegated" else None
    )

    fields = [difference.field for difference in view.differences]
    assert "delegation.decision.candidates[0].handle" in fields


def test_a_failure_that_is_said_to_be_final_is_recomputed() -> None:
    view = differences(
        first("task.model_failed", lambda payload: payload.update(final=True)),
        "with failures and repairs",
    )

    assert (view.differences[0].field, view.differences[0].recomputed) == ("final", "false")


def test_an_answer_that_no_longer_fits_shows_what_would_have_been_decided() -> None:
    def spoil(payload: dict[str, Any]) -> None:
        payload["answer"]["tool_calls"] = []

    view = differences(first("task.model_answered", spoil))

    [found] = view.differences
    assert found.field == "type"
    assert found.recorded is not None
    assert "session.interpreted" in found.recorded
    assert found.recomputed is not None
    assert "task.answer_rejected" in found.recomputed
    assert view.unchecked > 0
    assert not view.is_verified


def test_payloads_that_say_the_same_in_other_bytes_differ() -> None:
    it, session_id = told()
    history = Replays(it.log, LogPayloads(EventMapper())).history(session_id)

    class Spaced(LogPayloads):
        def recorded(self, recorded: RecordedEvent) -> bytes:
            payload = super().recorded(recorded)
            return payload.replace(b":", b": ", 1)

    stored = SessionHistory(session_id, as_read(history.events))
    view = verify_history(
        stored, lambda until: load_directory(it.log, until), Spaced(EventMapper())
    )

    assert {difference.field for difference in view.differences} == {"payload"}
    assert len(view.differences) == view.decisions - 4  # what has no attributes has no colon


def changed(
    session: tuple[Office, UUID], change: Callable[[list[RecordedEvent]], object]
) -> ReplayVerificationView:
    it, session_id = session
    payloads = LogPayloads(EventMapper())
    events = list(Replays(it.log, payloads).history(session_id).events)
    change(events)
    history = SessionHistory(session_id, events)
    return verify_history(history, lambda until: load_directory(it.log, until), payloads)


def index_of(events: list[RecordedEvent], event_type: str) -> int:
    return next(index for index, each in enumerate(events) if each.type == event_type)


@pytest.mark.parametrize(
    "event_type",
    ["task.started", "task.delegated", "task.model_called", "task.created", "task.tool_called"],
)
def test_a_decision_that_is_missing_is_a_difference(event_type: str) -> None:
    def remove(events: list[RecordedEvent]) -> None:
        del events[index_of(events, event_type) + (event_type == "task.created")]

    view = changed(told(), remove)

    assert not view.is_verified
    assert view.differences


def test_an_end_that_is_missing_is_a_difference() -> None:
    view = changed(told(), lambda events: events.pop())

    [found] = view.differences
    assert found.kind is DifferenceKind.MISSING
    assert found.type == "session.completed"
    assert found.event_id is None


def test_an_event_that_nothing_decided_is_a_difference() -> None:
    def repeat(events: list[RecordedEvent]) -> None:
        at = index_of(events, "task.model_answered")
        started = events[index_of(events, "task.started")]
        events.insert(at, started)

    view = changed(told(), repeat)

    assert "task.started" in view.differences[0].message
    assert view.unchecked > 0


def test_an_answer_to_what_nobody_asked_is_a_difference() -> None:
    def repeat(events: list[RecordedEvent]) -> None:
        at = index_of(events, "task.tool_answered")
        events.insert(at + 1, events[at])

    view = changed(told(), repeat)

    assert view.differences[0].kind is DifferenceKind.UNEXPECTED
    assert "awaits no such answer" in view.differences[0].message


@pytest.mark.parametrize("field", ["actor", "causation_id", "traceparent", "correlation_id"])
def test_the_envelope_is_compared_too(field: str) -> None:
    def forge(events: list[RecordedEvent]) -> None:
        at = index_of(events, "task.delegated")
        value: Any = UUID(int=7) if field.endswith("_id") else "FIN_999"
        forged: dict[str, Any] = {field: value}
        envelope = replace(events[at].envelope, **forged)
        events[at] = replace(events[at], envelope=envelope)

    view = changed(told(), forge)

    assert view.differences[0].field == f"envelope.{field}"


INPUT = {"session.opened", "conversation.started", "conversation.turn_taken"}
DRAWN = {"decision_id", "delegation_id", "effect_id", "turn_id", "task_ids"}
"""Ids are random; a changed one is found where something names it again, or by the log's proof."""


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """List the paths of texts and numbers in decoded JSON."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in DRAWN and not name.endswith("_id"):
                yield from leaves(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    elif isinstance(value, str | int | float):
        yield path


def spoil(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return f"{value}x" if isinstance(value, str) else value / 2 + 0.25


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_change_of_what_was_decided_is_found(data: st.DataObject) -> None:
    it, session_id = HONEST
    decided = [
        each
        for each in it.events()
        if each.type not in INPUT
        and not each.type.endswith(("answered", "_failed"))
        and each.event is not it.events("task.created")[0].event
    ]
    payloads = {each.position: LogPayloads(EventMapper()).encode(each.event) for each in decided}
    places = [
        (position, path)
        for position, payload in payloads.items()
        for path in leaves(from_json(payload))
    ]
    position, path = data.draw(st.sampled_from(places))

    def tamper(recorded: RecordedEvent, payload: dict[str, Any]) -> None:
        if recorded.position == position:
            inner: Any = payload
            for step in path[:-1]:
                inner = inner[step]
            inner[path[-1]] = spoil(inner[path[-1]])

    try:
        view = verified(it.log, session_id, tamper)
    except UnreadableEventError:
        return  # it says nothing any more
    assert view.differences
    assert view.differences[0].position == position


HONEST = told("with failures and repairs")
