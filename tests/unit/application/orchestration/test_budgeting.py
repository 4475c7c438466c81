"""B11: what is debited to whom, where work stops, and how many tasks are under way at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.fold import SessionFold
from application.orchestration.budgeting import accounts, accounts_of, output_limit
from application.orchestration.deciding import Setting
from application.ports import ModelRequest
from domain.budget import Budgets, Scope
from domain.effect import FailureKind, ModelAnswer, Usage
from domain.planning import Plan, PlannedTask
from domain.policy import STANDARD, Policy
from domain.recovery import RecoveryRules
from domain.session import SessionStatus
from domain.task import Task
from tests.support.office import Q4_PLAN, Office, office, packaged_directory
from tests.support.replaying import verified
from tests.support.scripted import ScriptedModel, answer, intend, propose, submit, use

SETTING = Setting.of(packaged_directory())
DONE = submit("Extracted.", rows=3)
LOOK = use("query_table", sql="SELECT 1")
ONE = Plan(tasks=Q4_PLAN.tasks[:1], complexity=0.1, reason="One step.")


def costing(tokens: int, given: ModelAnswer = LOOK, context: int = 10) -> ModelAnswer:
    """Let an answer cost output tokens."""
    usage = Usage(input_tokens=context, output_tokens=tokens)
    return given.model_copy(update={"usage": usage})


def under(**budgets: int) -> Policy:
    return Policy(version="2", retry_wait_s=0.0, budgets=Budgets.model_validate(budgets))


def told(policy: Policy, *work: ModelAnswer, **more: Any) -> tuple[Office, SessionFold]:
    """Let a session with one task happen, and make sure that it can be recomputed."""
    it = office({"decompose": [propose(ONE)], "extract": list(work) or [DONE], **more})
    fold = it.run(policy)
    found = verified(it.log, fold.session_id)
    assert [each.message for each in found.differences] == []
    assert found.unchecked == 0
    return it, fold


def the_task(fold: SessionFold) -> Task:
    [task] = fold.planned
    return task


def spoken(task: Task) -> list[tuple[str, str, int, int, bool]]:
    return [
        (each.agent, each.scope, each.limit_tokens, each.spent_tokens, each.stopped)
        for each in task.overruns
    ]


def test_what_a_specialist_writes_is_debited_along_the_routing_path() -> None:
    _, fold = told(STANDARD, costing(100), costing(40, DONE))
    task = the_task(fold)

    debited = {
        (each.agent, each.scope): each.spent
        for each in accounts(task, task.holder, "execute", fold, SETTING)
    }

    assert debited == {
        ("FIN_007", Scope.TASK): 140,
        ("FIN_007", Scope.TOOL_CALLS): 8,
        ("DIR_FINANCE", Scope.TASK): 140,
        ("MM_001", Scope.TASK): 140,
        ("NOVA_001", Scope.CONVERSATION): 146,
    }


def test_the_orchestrator_has_a_budget_for_each_part_of_its_work_and_nova_one_for_the_turn() -> (
    None
):
    _, fold = told(
        STANDARD,
        interpret=[costing(70, intend("Extract"))],
        decompose=[costing(300, propose(ONE))],
    )
    root = fold.root

    by_purpose = {
        purpose: {
            each.scope: each.spent for each in accounts(root, "MM_001", purpose, fold, SETTING)
        }
        for purpose in ("decompose", "assemble")
    }
    nova = {each.scope: each.spent for each in accounts(root, "NOVA_001", "present", fold, SETTING)}

    assert {
        (each.agent, each.scope.value): each.spent for each in accounts_of(root, fold, SETTING)
    } == {
        ("MM_001", "decomposition"): 300,
        ("MM_001", "task"): 300,
        ("NOVA_001", "turn"): 72,
        ("NOVA_001", "conversation"): 374,
        ("NOVA_001", "context"): 10,
    }
    assert by_purpose["decompose"][Scope.DECOMPOSITION] == 300
    assert by_purpose["assemble"][Scope.ASSEMBLY] == 0
    assert by_purpose["assemble"][Scope.TASK] == 300
    assert nova == {Scope.TURN: 72, Scope.CONVERSATION: 374}


def test_at_its_limit_a_specialist_gets_one_more_call_to_hand_in() -> None:
    it, fold = told(under(specialist_task=100), costing(120), costing(30, DONE))

    assert [request.brief.last for request in it.model.asked("extract")] == [False, True]  # type: ignore[union-attr]  # these are briefs of work
    assert spoken(the_task(fold)) == [("FIN_007", "task", 100, 120, False)]
    assert fold.session.status is SessionStatus.COMPLETED


def test_who_does_not_hand_in_then_is_stopped_with_what_was_found() -> None:
    it, fold = told(under(specialist_task=100), costing(120))

    task = the_task(fold)
    assert len(it.model.asked("extract")) == 2
    assert len(it.toolbox.requests) == 1
    assert spoken(task)[-1] == ("FIN_007", "task", 100, 240, True)
    assert task.failure is not None
    assert task.failure.kind is FailureKind.UNABLE
    assert "240 of the 100 tokens of its budget for task" in task.failure.message


def test_corrections_count_among_the_five_calls_of_a_specialist() -> None:
    empty = costing(5, answer())
    _, fold = told(STANDARD, *[costing(5)] * 4, empty)

    task = the_task(fold)
    assert sum(step.purpose == "execute" for step in task.steps[task.begun_at_step :]) <= 5


def test_tool_calls_have_a_budget_of_their_own() -> None:
    writing = use("query_table", sql="S" * 400)
    it, fold = told(under(tool_calls=100), costing(500, writing), costing(30, DONE))

    assert [request.brief.last for request in it.model.asked("extract")] == [False, True]  # type: ignore[union-attr]  # these are briefs of work
    assert spoken(the_task(fold)) == [("FIN_007", "tool_calls", 100, 106, False)]


def test_a_director_pays_for_all_to_whom_the_task_came_from_it() -> None:
    policy = under(director_task=150).model_copy(update={"recovery": RecoveryRules()})
    unable = costing(100, submit("No.", done=False))
    shared = ONE.tasks[0].model_copy(update={"skills": ("reporting",)})
    plan = ONE.model_copy(update={"tasks": (shared,)})

    _, fold = told(policy, unable, decompose=[propose(plan)])

    task = the_task(fold)
    assert [each.to_agent for each in task.delegations] == [
        *("DIR_FINANCE", "FIN_007", "DIR_ANALYTICS", "ANA_001"),
    ]
    assert spoken(task) == [("DIR_FINANCE", "task", 150, 200, False)]
    assert "DIR_FINANCE has nothing left" in task.recoveries[-1].reason
    assert {
        (each.agent, each.scope): each.spent
        for each in accounts(task, "ANA_001", "execute", fold, SETTING)
        if each.scope is Scope.TASK
    } == {
        ("ANA_001", Scope.TASK): 100,
        ("DIR_ANALYTICS", Scope.TASK): 100,
        ("DIR_FINANCE", Scope.TASK): 200,
        ("MM_001", Scope.TASK): 200,
    }


def test_a_plan_that_costs_too_much_is_not_corrected() -> None:
    _, fold = told(
        under(decomposition=100), decompose=[costing(120, answer(text="Hm.")), propose(ONE)]
    )

    assert spoken(fold.root) == [
        ("MM_001", "decomposition", 100, 120, False),
        ("MM_001", "decomposition", 100, 120, True),
    ]
    assert fold.session.status is SessionStatus.FAILED
    assert "budget for decomposition" in fold.session.answer


def test_without_tokens_to_present_them_results_are_told_as_they_are() -> None:
    it, fold = told(under(turn=50), interpret=[costing(60, intend("Extract"))])

    assert it.model.asked("present") == []
    assert (fold.session.status, fold.session.answer) == (SessionStatus.COMPLETED, "Extracted.")


def test_once_the_conversation_is_spent_nobody_is_asked_anything() -> None:
    it, fold = told(under(conversation=100), decompose=[costing(200, propose(ONE))])

    assert it.model.asked("extract") == []
    assert fold.session.status is SessionStatus.FAILED
    assert ("NOVA_001", "conversation", 100, 202, True) in spoken(the_task(fold))


def test_a_call_of_nova_that_holds_too_much_is_told() -> None:
    it, fold = told(under(context=50), interpret=[costing(2, intend("Extract"), context=60)])

    assert spoken(fold.root) == [("NOVA_001", "context", 50, 60, False)]
    limits = {request.brief.purpose: request.max_context_tokens for request in it.model.requests}
    assert limits == {"interpret": 50, "decompose": None, "execute": None, "present": 50}


def test_an_answer_may_be_as_long_as_what_is_left_and_never_too_short_to_come_to_an_end() -> None:
    it, _ = told(under(specialist_task=2_000, closing=300), costing(900), costing(950), DONE)

    assert [request.max_output_tokens for request in it.model.asked("extract")] == [
        *(2_000, 1_100, 300),
    ]


def test_without_budgets_nothing_is_limited() -> None:
    it, fold = told(Policy(retry_wait_s=0.0), costing(10**6), DONE)

    assert {request.max_output_tokens for request in it.model.requests} == {None}
    assert it.events("task.budget_exceeded") == []
    assert output_limit(fold.root, "MM_001", "decompose", fold, SETTING) is None


def many(department: str, skills: tuple[str, ...], number: int) -> Plan:
    tasks = tuple(
        PlannedTask(
            key=f"t{each}",
            title="Chart",
            instruction="Chart.",
            department=department,
            skills=skills,
        )
        for each in range(number)
    )
    return Plan(tasks=tasks, complexity=0.9, reason="Many.")


class CountingModel(ScriptedModel):
    """Counts how many tasks are asked about at once."""

    def __init__(self, plan: Plan) -> None:
        work = {task.key: [LOOK, submit("Done.")] for task in plan.tasks}
        present = [answer(text="Done.")]
        script: dict[str, Any] = {"interpret": [intend("x")], "decompose": [propose(plan)]}
        super().__init__(script | work | {"present": present})
        self.busy: Counter[str] = Counter()
        self.most = 0

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        self.busy[str(request.effect_id)] += 1
        self.most = max(self.most, self.busy.total())
        await asyncio.sleep(0)
        try:
            return await super().answer(request)
        finally:
            self.busy[str(request.effect_id)] -= 1


@pytest.mark.parametrize(
    ("limits", "most"),
    [({}, 3), ({"director_parallel": 2}, 2), ({"orchestrator_parallel": 1}, 1)],
)
def test_a_director_has_three_tasks_under_way_at_once_and_the_others_wait(
    limits: dict[str, int], most: int
) -> None:
    plan = many("creative", ("charts",), 7)
    it = office()
    it.model = CountingModel(plan)

    fold = it.run(under(**limits))

    assert fold.session.status is SessionStatus.COMPLETED
    assert it.model.most == most
    assert verified(it.log, fold.session_id).differences == ()


def test_the_usual_job_ends_under_the_standard_policy() -> None:
    it = office()

    fold = it.run(STANDARD)

    assert fold.session.status is SessionStatus.COMPLETED
    assert it.events("task.budget_exceeded", "task.recovery_chosen") == []


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.integers(0, 150), min_size=1, max_size=8),
    st.integers(1, 200),
    st.integers(1, 300),
    st.sampled_from([None, RecoveryRules()]),
)
def test_at_most_one_call_begins_once_a_limit_is_reached(
    costs: list[int], own: int, above: int, rules: RecoveryRules | None
) -> None:
    policy = under(specialist_task=own, director_task=above).model_copy(update={"recovery": rules})

    _, fold = told(policy, *(costing(cost) for cost in costs))

    task = the_task(fold)
    for agent in {step.agent for step in task.steps if step.purpose}:
        spent = [
            step.answer.usage.output_tokens
            for step in task.steps
            if step.purpose and step.agent == agent and isinstance(step.answer, ModelAnswer)
        ]
        beyond = [number for number in range(len(spent)) if sum(spent[:number]) >= own]
        assert len(beyond) <= 1
    everything = [
        step.answer.usage.output_tokens
        for step in task.steps
        if isinstance(step.answer, ModelAnswer)
    ]
    if rules is None:
        assert sum(sum(everything[:number]) >= above for number in range(len(everything))) <= 1
    assert task.ended
