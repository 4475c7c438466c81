"""D2: supervised work goes from state to state; each step is recorded with why and with figures."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from application.fold import SessionFold
from application.views import session_view
from domain import patterns as p
from domain.session import SessionStatus
from domain.supervision import NEXT, SupervisionState
from domain.workflow import AssemblyStrategy, Workflow
from tests.support.office import Office, charter, office
from tests.support.pattern_stories import (
    BROKEN,
    NO,
    Story,
    assess,
    plan,
    planned,
    run,
    text,
    told,
)
from tests.support.replaying import verified
from tests.support.scripted import Replies, submit

TEAM = ("FIN_003", "FIN_007")
DONE: dict[str, Replies] = {
    "decompose": [plan(planned("books"))],
    "books": [submit("Books are closed.")],
    "monitor": [assess("completed", "All is there.")],
}


def supervised(**more: Any) -> Workflow:
    choices: dict[str, Any] = {"strategy": AssemblyStrategy.CONCATENATE, "team": TEAM} | more
    return p.workflow("s", p.supervisor(monitor="FIN_001", recovery="FIN_002", **choices))


def supervise(script: dict[str, Replies], **more: Any) -> tuple[Office, SessionFold]:
    workflow = supervised(**more)
    it = told(Story(workflow, DONE | script, ""))
    fold = run(it, workflow)
    assert verified(it.log, fold.session_id).differences == ()
    return it, fold


def states(fold: SessionFold) -> list[str]:
    return [transition.to_state.value for transition in fold.root.transitions]


def test_work_that_is_found_complete_goes_straight_through() -> None:
    it, fold = supervise({})
    assert states(fold) == ["planning", "executing", "monitoring", "completed"]
    actors = [each.envelope.actor for each in it.events("task.transitioned")]
    assert actors == ["MM_001", "MM_001", "MM_001", "FIN_001"]
    last = fold.root.transitions[-1]
    assert last.assessment == "All is there."
    assert last.metrics["tasks"] == last.metrics["completed"] == 1
    assert (last.metrics["model_calls"], last.metrics["rounds"]) == (3, 0)
    assert last.metrics["cost_usd"] == pytest.approx(0.003)


def test_what_falls_short_is_mended_by_further_tasks() -> None:
    it, fold = supervise(
        {
            "decompose": [plan(planned("books"), planned("tax"))],
            "tax": [NO],
            "monitor": [assess("recovering", "Tax is missing."), assess("completed", "Done.")],
            "recover": [plan(planned("tax_again", "books"))],
            "tax_again": [submit("Tax is filed.")],
        }
    )
    assert states(fold)[3:] == ["recovering", "executing", "monitoring", "completed"]
    assert fold.session.answer == "Tax is filed."
    assert [task.assignment.key for task in fold.tasks] == ["request", "books", "tax", "tax_again"]
    (extended,) = it.events("task.extended")
    event: Any = extended.event
    assert list(event.task_ids) == ["tax_again"]
    assert fold.root.transitions[3].metrics["failed"] == 1


def test_a_plan_that_repeats_a_key_is_turned_down_and_corrected() -> None:
    it, fold = supervise(
        {
            "monitor": [assess("recovering", "More."), assess("completed", "Enough.")],
            "recover": [plan(planned("books")), plan(planned("more", "books"))],
            "more": [submit("More.")],
        }
    )
    assert fold.session.status is SessionStatus.COMPLETED
    (rejected,) = it.events("task.answer_rejected")
    event: Any = rejected.event
    assert event.reason.startswith("The plan names task 'books' twice")


def test_work_that_is_not_mended_within_its_rounds_fails() -> None:
    _, fold = supervise(
        {
            "monitor": [assess("recovering", "Still wrong.")],
            "recover": [plan(planned("again_1")), plan(planned("again_2"))],
            "again_1": [submit("Tried.")],
            "again_2": [submit("Tried.")],
        },
        max_rounds=1,
    )
    assert fold.session.status is SessionStatus.FAILED
    assert states(fold)[-1] == "failed"
    assert fold.session.answer == "It was not mended within 1 rounds: Still wrong."


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ({"decompose": [BROKEN]}, "The model refuses."),
        ({"decompose": [text("Hm.")]}, "The model of MM_001 gave no valid answer"),
        ({"monitor": [BROKEN]}, "The model refuses."),
        ({"monitor": [assess("failed", "Hopeless.")]}, "Hopeless."),
        ({"monitor": [assess("recovering", "More.")], "recover": [BROKEN]}, "The model refuses."),
        ({"monitor": [assess("recovering", "More.")], "recover": [plan()]}, "In parts."),
    ],
)
def test_whatever_fails_is_told_by_the_last_transition(
    script: dict[str, Replies], said: str
) -> None:
    _, fold = supervise(script)
    assert fold.session.status is SessionStatus.FAILED
    assert states(fold)[-1] == "failed"
    assert said in fold.session.answer
    assert fold.root.transitions[-1].assessment in fold.session.answer


def test_a_known_first_plan_is_supervised_as_well() -> None:
    workflow = p.workflow(
        "s",
        p.supervisor(
            p.task("books", "Close the books.", agent="FIN_007"),
            monitor="FIN_001",
            recovery="FIN_002",
            team=TEAM,
            strategy=AssemblyStrategy.CONCATENATE,
        ),
    )
    script: dict[str, Replies] = DONE | {
        "books": [NO],
        "monitor": [assess("recovering", "No books."), assess("completed", "Done.")],
        "recover": [plan(planned("books_again"))],
        "books_again": [submit("Closed.")],
    }
    fold = run(told(Story(workflow, script, "")), workflow)
    assert fold.session.answer == "Closed."


def test_the_view_shows_every_transition() -> None:
    _, fold = supervise({})
    root = session_view(fold).tasks[0]
    assert root.transitions == tuple(fold.root.transitions)
    assert root.parallelism is not None
    assert root.parallelism.tasks == 1


def test_every_state_is_left_or_is_the_end() -> None:
    ends = {state for state, after in NEXT.items() if not after}
    assert ends == {SupervisionState.COMPLETED, SupervisionState.FAILED}


def test_keys_that_are_never_erased_say_nothing_of_a_subject() -> None:
    workflow = supervised()
    script: dict[str, Replies] = {
        "decompose": [plan(planned("miller"), planned("debts"))],
        "task_1": [submit("Done.")],
        "task_2": [NO],
        "monitor": [assess("recovering", "Debts are missing."), assess("completed", "Done.")],
        "recover": [plan(planned("debts_again", "task_1"))],
        "task_3": [submit("Found.")],
    }
    it = office(script)
    opened = charter().model_copy(update={"workflow": workflow, "subject": "customer-42"})
    fold = asyncio.run(it.sessions.run(opened, it.heard.append))
    assert fold.session.answer == "Found."
    assert list(fold.root.task_ids) == ["task_1", "task_2", "task_3"]
    assert fold.tasks[-1].assignment.depends_on == (fold.root.task_ids["task_1"],)
