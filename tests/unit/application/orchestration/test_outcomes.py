"""Outcomes: what a task gave, what a session gave, and whose failure counts."""

from __future__ import annotations

from uuid import UUID

import pytest

from application.briefs import Submission
from application.fold import SessionFold
from application.orchestration.outcomes import (
    Outcome,
    artefacts_of,
    assemble,
    result_of,
    root_failure,
    session_artefacts,
)
from domain.artefact import Artefact
from domain.effect import Failure, FailureKind, ToolAnswer
from domain.planning import Plan, PlannedTask
from domain.session import Session
from domain.task import Assignment, Result, Task
from tests.support.given_when_then import AT
from tests.support.office import charter
from tests.support.scripted import call

SESSION, TALK, ROOT, A, B, C = (UUID(int=number) for number in range(1, 7))
FIRST, SECOND = UUID(int=11), UUID(int=12)
LOST = Failure(kind=FailureKind.DEPENDENCY, message="It needs the result of 'a', which failed.")
BROKEN = Failure(kind=FailureKind.BAD_INPUT, message="The file is broken.")


def artefact(path: str, digit: str = "0") -> Artefact:
    return Artefact(path=path, media_type="text", title="", sha256=digit * 64, size=1)


def task(task_id: UUID = A, key: str = "a") -> Task:
    assignment = Assignment(
        session_id=SESSION, parent_id=ROOT, key=key, title=key, instruction="Do it."
    )
    return Task.create(task_id, assignment, "FIN_007", AT)


def write(it: Task, effect_id: UUID, *artefacts: Artefact) -> None:
    it.call_tool(effect_id, call("write_document", str(effect_id)), "FIN_007", AT)
    it.answer_tool(effect_id, ToolAnswer(content=1, artefacts=artefacts), AT)


def session_of(*needs: tuple[str, tuple[str, ...]]) -> SessionFold:
    """Fold a session whose plan has tasks with dependencies."""
    fold = SessionFold()
    fold.hold(Session.open(SESSION, charter(), ROOT, TALK, AT))
    root = task(ROOT, "request")
    fold.hold(root)
    tasks = tuple(
        PlannedTask(key=key, title=key, instruction="Do it.", department="f", depends_on=needed)
        for key, needed in needs
    )
    ids = dict(zip((key for key, _ in needs), (A, B, C), strict=False))
    root.decompose(Plan(tasks=tasks, complexity=0.5, reason="So."), ids, AT)
    for key, task_id in ids.items():
        fold.hold(task(task_id, key))
    return fold


def test_a_file_that_was_written_twice_counts_once_and_the_newest_counts() -> None:
    it = task()
    write(it, FIRST, artefact("a.svg", "1"), artefact("b.svg"))
    write(it, SECOND, artefact("a.svg", "2"))

    assert artefacts_of(it) == (artefact("a.svg", "2"), artefact("b.svg"))


def test_files_stand_in_the_order_in_which_they_were_asked_for() -> None:
    it = task()
    it.call_tool(FIRST, call("draw_chart", "a"), "FIN_007", AT)
    write(it, SECOND, artefact("second.svg"))
    it.answer_tool(FIRST, ToolAnswer(content=1, artefacts=(artefact("first.svg"),)), AT)

    assert [each.path for each in artefacts_of(it)] == ["first.svg", "second.svg"]


def test_a_result_is_what_was_handed_in_with_the_files() -> None:
    it = task()
    write(it, FIRST, artefact("a.svg"))

    result = result_of(Submission(done=True, summary="Done.", data={"n": 1}), it)

    assert result == Result(summary="Done.", data={"n": 1}, artefacts=(artefact("a.svg"),))


def test_the_files_of_a_session_are_those_of_its_completed_tasks_in_plan_order() -> None:
    fold = session_of(("a", ()), ("b", ()), ("c", ()))
    fold.task(B).complete(Result(summary="B", artefacts=(artefact("b"), artefact("x", "2"))), AT)
    fold.task(A).complete(Result(summary="A", artefacts=(artefact("x", "1"),)), AT)
    fold.task(C).fail(BROKEN, AT)

    assert session_artefacts(fold) == (artefact("x", "2"), artefact("b"))


def test_who_gives_up_does_so_for_the_reason_of_the_last_tool_that_failed() -> None:
    it = task()
    it.call_tool(FIRST, call("query_table"), "FIN_007", AT)
    it.fail_tool(FIRST, BROKEN, AT)

    failure = root_failure(Submission(done=False, summary="I cannot read it."), it)

    assert failure == Failure(kind=FailureKind.BAD_INPUT, message="I cannot read it.")


def test_who_gives_up_without_a_word_is_named() -> None:
    failure = root_failure(Submission(done=False, summary=" "), task())

    assert failure == Failure(kind=FailureKind.UNABLE, message="FIN_007 could not do the task.")


def test_the_last_results_are_put_together_in_plan_order() -> None:
    fold = session_of(("a", ()), ("b", ("a",)), ("c", ("a",)))
    for task_id in (C, B, A):
        fold.task(task_id).complete(Result(summary=f"Result {task_id.int}."), AT)

    assert assemble(fold) == Outcome(text="Result 5.\n\nResult 6.", failure=None)


def test_one_last_result_is_enough() -> None:
    fold = session_of(("a", ()), ("b", ("a",)), ("c", ("a",)))
    fold.task(A).complete(Result(summary="A"), AT)
    fold.task(B).fail(BROKEN, AT)
    fold.task(C).complete(Result(summary="C"), AT)

    assert assemble(fold) == Outcome(text="C", failure=None)


def test_without_a_last_result_the_first_cause_is_the_outcome() -> None:
    fold = session_of(("b", ("a",)), ("a", ()))
    fold.task(A).fail(LOST, AT)
    fold.task(B).fail(BROKEN, AT)

    assert assemble(fold) == Outcome(text=BROKEN.message, failure=BROKEN)


def test_lost_dependencies_count_where_nothing_else_failed() -> None:
    fold = session_of(("a", ()))
    fold.task(A).fail(LOST, AT)

    assert assemble(fold).failure == LOST


def test_a_session_without_a_plan_has_no_outcome() -> None:
    fold = SessionFold()
    fold.hold(Session.open(SESSION, charter(), ROOT, TALK, AT))
    fold.hold(task(ROOT, "request"))

    with pytest.raises(LookupError, match="without a plan"):
        assemble(fold)
