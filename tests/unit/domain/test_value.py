"""Value: compared by content, never changed, and strict about what it holds."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from domain.agent import Agent, AgentCapabilities, AgentIdentity, Level, Post
from domain.artefact import Artefact, InputFile
from domain.decision import Candidate
from domain.effect import Failure, FailureKind, ModelAnswer, ToolAnswer, ToolCall, Usage
from domain.errors import DomainError, TransitionError
from domain.event import Envelope, RecordedEvent
from domain.policy import Policy
from domain.task import Task

FILE = {"name": "ledger.csv", "path": "/in/ledger.csv", "sha256": "0" * 64, "size": 1}
CHART = {
    "path": "c.svg", "media_type": "image/svg+xml", "title": "", "sha256": "0" * 64, "size": 0
}  # fmt: skip


def test_values_with_the_same_content_are_equal() -> None:
    assert InputFile.model_validate(FILE) == InputFile.model_validate(FILE)
    assert len({InputFile.model_validate(FILE), InputFile.model_validate(FILE)}) == 1


def test_a_value_never_changes() -> None:
    file = InputFile.model_validate(FILE)

    with pytest.raises(ValidationError, match="frozen"):
        file.size = 2  # type: ignore[misc] # the error is the point


def test_surrounding_white_space_is_dropped() -> None:
    assert Failure(kind=FailureKind.UNABLE, message="  No. \n").message == "No."


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (InputFile, FILE | {"sha256": "0" * 63}),
        (InputFile, FILE | {"sha256": "G" * 64}),
        (InputFile, FILE | {"size": -1}),
        (InputFile, FILE | {"owner": "me"}),
        (Artefact, CHART | {"path": ""}),
        (Usage, {"input_tokens": -1}),
        (Candidate, {"agent_id": UUID(int=1), "handle": "A", "score": 1.1}),
        (Failure, {"kind": "bored", "message": "No."}),
        (Failure, {"kind": "timed_out", "message": "No.", "retry_after_s": -1}),
        (ToolCall, {"call_id": "c", "tool": "t", "arguments": {"when": object()}}),
        (ModelAnswer, {"model": "m", "stop_reason": "end", "duration_ms": -1}),
        (Policy, {"max_attempts": 0}),
        (Policy, {"max_repairs": -1}),
        (Policy, {"model_timeout_s": 0}),
        (Policy, {"confidence_threshold": 1.5}),
        (Post, {"level": "L7", "department": None, "supervisor": None}),
    ],
)
def test_content_that_makes_no_sense_is_refused(kind: Any, content: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(content)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_numbers_that_json_cannot_say_are_refused_wherever_they_hide(number: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        ToolAnswer(content={"rows": [[number]]})
    with pytest.raises(ValidationError):
        ToolAnswer(content=None, duration_ms=number)


def test_a_transition_error_says_what_is_how_and_cannot_do_what() -> None:
    error = TransitionError("Task 'request'", "completed", "be started")

    assert str(error) == "Task 'request' is 'completed' and cannot be started."
    assert (error.subject, error.state, error.command) == (
        "Task 'request'",
        "completed",
        "be started",
    )


def test_a_domain_error_without_words_says_its_docstring() -> None:
    assert str(DomainError()) == "A rule of the domain was broken."


def test_a_recorded_event_knows_the_stable_name_of_its_event() -> None:
    now = datetime(2026, 10, 3, tzinfo=UTC)
    identity = AgentIdentity(
        agent_id=UUID(int=1), handle="NOVA_001", display_name="Nova", created_at=now
    )
    post = Post(level=Level.PERSONAL, department=None, supervisor=None)
    event = Agent.register(identity, post, AgentCapabilities()).collect_events()[0]
    envelope = Envelope(event_id=UUID(int=2), actor="SYSTEM", correlation_id=UUID(int=2))

    recorded = RecordedEvent(position=1, recorded_at=now, envelope=envelope, event=event)

    assert recorded.type == "agent.registered"
    assert Task.Created.TOPIC == "task.created"
