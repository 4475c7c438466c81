"""Session: it runs until it is completed, declined, failed or cancelled, and then for good."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.artefact import Artefact
from domain.effect import Failure, FailureKind
from domain.errors import TransitionError
from domain.policy import Policy
from domain.session import Charter, Intent, Session, SessionStatus
from tests.support.given_when_then import AT, STREAM, Happening, given, happened, happenings, when

ROOT, TALK = UUID(int=1), UUID(int=2)
CHARTER = Charter(
    request="Generate a Q4 financial report with charts",
    input_files=(),
    output_folder="/out",
    models={"personal": "m", "orchestrator": "m", "specialist": "m"},
    policy=Policy(),
)
OPENED = happened(Session.Created, charter=CHARTER, root_task_id=ROOT, conversation_id=TALK)
CHART = Artefact(path="c.svg", media_type="image/svg+xml", title="", sha256="0" * 64, size=1)
FAILURE = Failure(kind=FailureKind.REFUSED, message="No.")
COMPLETED = happened(Session.Completed, answer="Done.", artefacts=(CHART,))
DECLINED = happened(Session.Declined, reason="Nobody can.")
FAILED = happened(Session.Failed, failure=FAILURE, answer="No.", artefacts=())
CANCELLED = happened(Session.Cancelled, reason="changed my mind")


def session(*past: Happening) -> Session:
    return given(Session, OPENED, *past)


def test_an_opened_session_runs_under_its_charter() -> None:
    opened = Session.open(STREAM, CHARTER, ROOT, TALK, AT)

    assert happenings(None, opened) == [OPENED]
    assert opened.status is SessionStatus.RUNNING
    assert (opened.charter, opened.root_task_id, opened.conversation_id) == (CHARTER, ROOT, TALK)
    assert opened.intent is None


def test_an_intent_is_recorded() -> None:
    running, intent = session(), Intent(goal="A report", language="de")

    new = when(running, lambda it: it.interpret(intent, AT))

    assert new == [happened(Session.Interpreted, intent=intent)]
    assert running.intent == intent


def test_every_resumption_is_counted_with_what_was_pending() -> None:
    running, effects = session(), (UUID(int=3), UUID(int=4))

    new = when(running, lambda it: it.resume(effects, AT))
    when(running, lambda it: it.resume((), AT))

    assert new == [happened(Session.Resumed, pending_effects=effects)]
    assert running.resumptions == 2


@pytest.mark.parametrize(
    ("command", "happening", "status", "answer"),
    [
        (lambda it: it.complete("Done.", (CHART,), AT), COMPLETED, "completed", "Done."),
        (lambda it: it.decline("Nobody can.", AT), DECLINED, "declined", "Nobody can."),
        (lambda it: it.fail(FAILURE, "No.", (), AT), FAILED, "failed", "No."),
        (lambda it: it.cancel("changed my mind", AT), CANCELLED, "cancelled", "changed my mind"),
    ],
)
def test_a_session_ends_with_an_answer(
    command: Any, happening: Happening, status: str, answer: str
) -> None:
    running = session()

    assert when(running, command) == [happening]
    assert (running.status.value, running.answer) == (status, answer)


def test_a_completed_session_keeps_its_artefacts_and_a_failed_one_its_failure() -> None:
    assert session(COMPLETED).artefacts == (CHART,)
    assert session(FAILED).failure == FAILURE


@pytest.mark.parametrize("end", [COMPLETED, DECLINED, FAILED, CANCELLED])
@pytest.mark.parametrize(
    "command",
    [
        lambda it: it.interpret(Intent(goal="A report"), AT),
        lambda it: it.resume((), AT),
        lambda it: it.complete("Done.", (), AT),
        lambda it: it.decline("No.", AT),
        lambda it: it.fail(FAILURE, "No.", (), AT),
        lambda it: it.cancel("No.", AT),
    ],
)
def test_an_ended_session_takes_no_command(end: Happening, command: Any) -> None:
    ended = session(end)

    with pytest.raises(TransitionError, match=f"is '{ended.status.value}' and cannot"):
        command(ended)

    assert ended.collect_events() == []
