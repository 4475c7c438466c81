"""B11, item 4: nobody passes on more than he has, and plans grow neither too wide nor too deep."""

from __future__ import annotations

import asyncio

from application.fold import SessionFold
from application.orchestration.rights import depth_of, handoffs_of, tools_of
from domain.effect import FailureKind
from domain.planning import PlannedTask
from domain.policy import Policy
from domain.session import SessionStatus
from domain.workflow import Procedure, Terms, Workflow
from tests.support.office import IMPATIENT, Q4_PLAN, Office, charter, office
from tests.support.replaying import verified
from tests.support.scripted import propose, submit, use

WORKER = "ANA_007"
SOME = ("query_table", "draw_chart")


def step(key: str) -> PlannedTask:
    return PlannedTask(key=key, title=key, instruction=f"Do {key}.")


def nested(outer: Terms, inner: Terms, name: str = "inner") -> Workflow:
    """Define a workflow in which one task is done by a procedure of one task."""
    within = Procedure(pattern="chain", tasks=(step("work"),), terms={"work": inner})
    terms = {"whole": outer.model_copy(update={"procedure": name})}
    procedure = Procedure(pattern="chain", tasks=(step("whole"),), terms=terms)
    return Workflow(name="nested", procedure=procedure, procedures={"inner": within})


def run(it: Office, workflow: Workflow, policy: Policy = IMPATIENT) -> SessionFold:
    opened = charter(policy=policy).model_copy(update={"workflow": workflow})
    fold = asyncio.run(it.sessions.run(opened, it.heard.append))
    found = verified(it.log, fold.session_id)
    assert [each.message for each in found.differences] == []
    return fold


def test_a_nested_procedure_cannot_use_more_than_the_task_around_it() -> None:
    it = office({"work": [use("read_file", name="x"), submit("Done.")]})
    workflow = nested(Terms(tools=SOME), Terms(agent=WORKER, tools=("query_table", "read_file")))

    fold = run(it, workflow)

    work = next(task for task in fold.tasks if task.assignment.key == "work")
    [asked, _] = it.model.asked("work")
    assert [tool.name for tool in asked.brief.tools] == ["query_table"]  # type: ignore[union-attr]  # a brief of work
    assert it.toolbox.requests == []
    refused = next(each for each in work.steps if each.call is not None)
    assert refused.failure is not None
    assert refused.failure.kind is FailureKind.NOT_ALLOWED
    assert "'read_file' on this task" in refused.failure.message
    assert fold.session.status is SessionStatus.COMPLETED


def test_terms_never_give_an_agent_a_tool_that_it_has_not() -> None:
    it = office({"work": [submit("Done.")]})

    fold = run(it, nested(Terms(), Terms(agent=WORKER, tools=("write_document", "draw_chart"))))

    work = next(task for task in fold.tasks if task.assignment.key == "work")
    assert tools_of(work, ("draw_chart", "query_table"), fold) == ("draw_chart",)
    assert depth_of(work, fold) == 2


def test_whom_a_task_may_be_handed_to_is_narrowed_by_the_task_around_it() -> None:
    it = office({"work": [submit("Done.")]})
    inner = Terms(agent=WORKER, handoffs=("ANA_001", "ANA_002"))

    narrowed = run(it, nested(Terms(handoffs=("ANA_002", "ANA_003")), inner))
    free = run(it, nested(Terms(), inner))

    assert [
        handoffs_of(next(task for task in fold.tasks if task.assignment.key == "work"), fold)
        for fold in (narrowed, free)
    ] == [("ANA_002",), ("ANA_001", "ANA_002")]


def test_a_plan_of_a_model_that_is_too_wide_is_rejected_with_the_reason() -> None:
    it = office()
    policy = IMPATIENT.model_copy(update={"max_fan_out": 3})

    fold = it.run(policy)

    assert fold.session.status is SessionStatus.FAILED
    rejections = [each.rejection for each in fold.root.steps if each.purpose == "decompose"]
    assert len(rejections) == 3
    assert set(rejections) == {"Task 'request' would be cut into 4 tasks; at most 3 are allowed."}
    assert verified(it.log, fold.session_id).differences == ()


def test_a_model_may_correct_a_plan_that_is_too_wide() -> None:
    smaller = Q4_PLAN.model_copy(update={"tasks": Q4_PLAN.tasks[:1]})
    it = office({"decompose": [propose(Q4_PLAN), propose(smaller)]})

    fold = it.run(IMPATIENT.model_copy(update={"max_fan_out": 3}))

    assert fold.session.status is SessionStatus.COMPLETED
    assert len(fold.planned) == 1


def test_a_procedure_that_goes_too_deep_fails_with_the_reason() -> None:
    policy = IMPATIENT.model_copy(update={"max_depth": 1})

    fold = run(office({"work": [submit("Done.")]}), nested(Terms(), Terms(agent=WORKER)), policy)

    whole = next(task for task in fold.tasks if task.assignment.key == "whole")
    assert whole.failure is not None
    assert whole.failure.kind is FailureKind.NOT_ALLOWED
    assert "2 levels below the request; at most 1 are allowed" in whole.failure.message


def test_a_given_plan_that_is_too_wide_fails_the_session_with_the_reason() -> None:
    steps = tuple(step(f"s{number}") for number in range(4))
    procedure = Procedure(pattern="parallel", tasks=steps, terms={"*": Terms(agent=WORKER)})
    policy = IMPATIENT.model_copy(update={"max_fan_out": 3})

    fold = run(office(), Workflow(name="wide", procedure=procedure), policy)

    assert fold.session.failure is not None
    assert "at most 3 are allowed" in fold.session.failure.message


def test_a_procedure_that_names_itself_ends_at_the_depth_that_is_allowed() -> None:
    itself = Procedure(
        pattern="chain", tasks=(step("again"),), terms={"again": Terms(procedure="inner")}
    )
    workflow = Workflow(name="endless", procedure=itself, procedures={"inner": itself})

    fold = run(office(), workflow, IMPATIENT.model_copy(update={"max_depth": 4}))

    assert len(fold.tasks) == 5
    assert fold.session.status is SessionStatus.FAILED
