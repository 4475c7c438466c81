"""Explaining: from the user's words to what became of a task, link by link."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from application.errors import NotFoundError
from application.explaining import DESCRIPTIONS, TEXT_LENGTH, explain
from application.fold import SessionFold
from application.views import WhyView
from domain.conversation import Conversation
from domain.effect import Failure, FailureKind
from domain.session import Session
from domain.task import Task, TaskStatus
from tests.support.event_values import event_classes
from tests.support.office import Q4_PLAN, REQUEST, Office, office
from tests.support.scripted import answer, call, propose, submit, use

BUSY = Failure(kind=FailureKind.OVERLOADED, message="The provider is busy.")


def why(it: Office, key: str) -> WhyView:
    events = it.events()
    fold = SessionFold.of(events)
    task = next(task for task in fold.tasks if task.assignment.key == key)
    return explain(events, fold, task.id)


def ran(**script: Any) -> Office:
    it = office(script)
    it.run()
    return it


def test_the_chain_leads_from_the_request_to_the_result() -> None:
    view = why(ran(), "charts")

    texts = [link.text for link in view.chain]
    assert texts[0] == REQUEST
    assert f"USER: {REQUEST}" in texts
    assert "A financial report on Q4 with charts" in texts
    assert "extract, metrics, charts, report: Four steps." in texts
    assert "Draw charts: Draw the development by month." in texts
    assert "asked medium to execute (try 1)" in texts
    assert "scripted-1 answered (10+2 tokens): wants draw_chart" in texts
    assert "draw_chart title: By month" in texts
    assert "Drawn." in texts
    assert texts[-1] == "Here is your report: revenue is 60."
    assert [link.position for link in view.chain] == sorted(link.position for link in view.chain)


def test_the_decisions_are_those_about_the_task() -> None:
    view = why(ran(), "charts")

    assert [decision.to_agent for decision in view.decisions] == [
        "DIR_CREATIVE",
        "DIR_ANALYTICS",
        "ANA_007",
    ]
    delegated = [link.text for link in view.chain if link.type == "task.delegated"]
    assert delegated[0] == "NOVA_001 -> MM_001 (1.00): MM_001 plans every request."
    assert delegated[-1].startswith("DIR_ANALYTICS -> ANA_007 (")
    assert view.task.status is TaskStatus.COMPLETED


def test_the_work_on_other_tasks_is_left_out() -> None:
    it = ran()
    fold = SessionFold.of(it.events())
    view = why(it, "charts")

    others = {task.id for task in fold.planned if task.assignment.key != "charts"}
    streams = {each.position: each.event.originator_id for each in it.events()}
    assert not {streams[link.position] for link in view.chain} & others


def test_the_root_task_explains_the_whole_request() -> None:
    view = why(ran(), "request")

    types = [link.type for link in view.chain]
    assert "task.created" in types
    assert types.count("task.model_called") == 3
    assert types[-1] == "session.completed"


def test_failures_repairs_and_refusals_are_told() -> None:
    it = ran(
        metrics=[
            [BUSY, answer(call("write_document", title="x"))],
            answer(),
            submit("No numbers.", done=False),
        ]
    )

    texts = [link.text for link in why(it, "metrics").chain]

    assert "overloaded: The provider is busy." in texts
    assert "asked medium to execute (try 2)" in texts
    assert "not_allowed: ANA_003 is not authorised to use the tool 'write_document'." in texts
    assert "The answer is empty; use a tool or call submit_result." in texts
    assert "No numbers." in texts


def test_a_declined_and_an_unplaced_request_are_told() -> None:
    nothing = Q4_PLAN.model_copy(update={"tasks": (), "reason": "Nobody flies."})
    assert why(ran(decompose=[propose(nothing)]), "request").chain[-1].text == "Nobody flies."

    lost = Q4_PLAN.tasks[0].model_copy(
        update={"skills": ("juggling", "magic", "tricks", "statements"), "title": "J"}
    )
    it = ran(decompose=[propose(Q4_PLAN.model_copy(update={"tasks": (lost,)}))])
    texts = [link.text for link in why(it, "extract").chain]
    assert sum("Nobody fits juggling, magic" in text for text in texts) >= 2


def test_a_resumed_and_a_cancelled_session_are_told() -> None:
    it = office()
    session_id = it.interrupt("extract")
    it.resume(session_id)
    resumed = [link.text for link in why(it, "extract").chain if link.type == "session.resumed"]
    assert resumed == ["taken up again, 1 effects pending"]


def test_a_long_text_is_shortened() -> None:
    view = why(ran(charts=[use("draw_chart"), submit("long " * 200)]), "charts")

    longest = max((link.text for link in view.chain), key=len)
    assert len(longest) == TEXT_LENGTH
    assert longest.endswith("…")


@pytest.mark.parametrize("task_id", [UUID(int=404), None])
def test_what_is_no_task_of_the_session_is_not_found(task_id: UUID | None) -> None:
    it = ran()
    events = it.events()
    fold = SessionFold.of(events)

    with pytest.raises(NotFoundError, match="No task"):
        explain(events, fold, task_id or fold.session.id)


def test_every_event_that_a_chain_may_hold_has_a_description() -> None:
    sessions = {
        event_class
        for event_class in event_classes()
        if event_class.TOPIC.partition(".")[0] in ("session", "conversation", "task")
    }

    assert sessions - set(DESCRIPTIONS) == {Conversation.Created}
    assert {Session.Completed, Task.Completed} <= set(DESCRIPTIONS)


def test_every_prefix_of_a_session_can_be_explained() -> None:
    events = ran().events()

    for length in range(4, len(events) + 1):
        fold = SessionFold.of(events[:length])
        for task in fold.tasks:
            view = explain(events[:length], fold, task.id)
            assert view.task.task_id == task.id
            assert view.chain
