"""B23: the recovery ladder as it is climbed, recorded and recomputed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from application.fold import SessionFold
from application.orchestration.means import Means
from application.ports import ModelRequest
from domain.budget import Budgets
from domain.effect import Failure, FailureKind, ModelAnswer
from domain.planning import Plan, PlannedTask
from domain.policy import STANDARD, Policy
from domain.recovery import RecoveryRules, Rung
from domain.session import SessionStatus
from domain.task import Task
from domain.workflow import Procedure, Terms, Workflow
from tests.support.office import Office, charter, office
from tests.support.replaying import verified
from tests.support.scripted import (
    Crash,
    CrashingLog,
    Replies,
    ScriptedModel,
    answer,
    propose,
    submit,
    use,
)

POLICY = Policy(
    version="2",
    retry_wait_s=0.0,
    max_iterations=3,
    recovery=RecoveryRules(rate_limit_wait_s=0.0, other_models={"medium": ("large",)}),
)
DONE = submit("Extracted.", rows=3)
UNABLE = submit("I cannot read it.", done=False)

METRICS = Plan(
    tasks=(
        PlannedTask(
            key="extract",
            title="Compute metrics",
            instruction="Compute totals of reports.",
            department="analytics",
            skills=("metrics", "reporting"),
        ),
    ),
    complexity=0.1,
    reason="One step.",
)


class UnableModel(ScriptedModel):
    """A scripted model in which one agent can do nothing."""

    def __init__(self, script: Mapping[str, Replies], unable: str) -> None:
        super().__init__(script)
        self._unable = unable

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        if request.brief.agent.handle == self._unable:
            return UNABLE
        return await super().answer(request)


def failed(kind: FailureKind, retry_after_s: float | None = None) -> Failure:
    return Failure(kind=kind, message="No.", retry_after_s=retry_after_s)


def told(
    replies: Replies, policy: Policy = POLICY, plan: Plan = METRICS, **more: Any
) -> tuple[Office, SessionFold]:
    """Let a session with one task happen, and make sure that it can be recomputed."""
    return recomputed(office({"decompose": [propose(plan)], "extract": replies}, **more), policy)


def recomputed(it: Office, policy: Policy = POLICY) -> tuple[Office, SessionFold]:
    fold = it.run(policy)
    found = verified(it.log, fold.session_id)
    assert [each.message for each in found.differences] == []
    assert found.unchecked == 0
    return it, fold


def the_task(fold: SessionFold) -> Task:
    [task] = fold.planned
    return task


def rungs(fold: SessionFold) -> list[Rung]:
    return [each.rung for each in the_task(fold).recoveries]


def test_a_time_out_is_tried_again_with_twice_the_time() -> None:
    late = failed(FailureKind.TIMED_OUT)
    it, fold = told([[late, late, DONE]])

    assert [request.timeout_s for request in it.model.asked("extract")] == [300.0, 600.0, 1200.0]
    assert rungs(fold) == [Rung.LONGER_TIMEOUT, Rung.LONGER_TIMEOUT]
    assert fold.session.status is SessionStatus.COMPLETED


def test_a_limited_rate_is_waited_for_and_the_same_model_asked_again() -> None:
    it, fold = told([[failed(FailureKind.RATE_LIMITED), DONE]])

    assert {request.model for request in it.model.asked("extract")} == {"medium"}
    assert rungs(fold) == [Rung.WAIT]


def test_exhausted_quota_moves_the_agent_to_another_model_for_the_rest_of_its_work() -> None:
    gone = failed(FailureKind.QUOTA_EXHAUSTED)
    it, fold = told([[gone, use("query_table", sql="1")], DONE])

    asked = [(request.effect_id, request.model) for request in it.model.asked("extract")]
    assert [model for _, model in asked] == ["medium", "large", "large"]
    assert asked[0][0] == asked[1][0] != asked[2][0]
    assert rungs(fold) == [Rung.OTHER_MODEL]


def test_exhausted_quota_without_another_model_is_given_up_at_once() -> None:
    alone = POLICY.model_copy(update={"recovery": RecoveryRules()})
    it, fold = told([[failed(FailureKind.QUOTA_EXHAUSTED, 1.0)]], alone)

    assert len(it.model.asked("extract")) == 1
    assert rungs(fold) == [Rung.GIVE_UP, Rung.GIVE_UP]
    assert fold.session.status is SessionStatus.FAILED


def test_a_context_that_is_too_long_is_compressed_and_tried_again() -> None:
    it, fold = told([[failed(FailureKind.CONTEXT_OVERFLOW), DONE]])

    assert [request.compression for request in it.model.asked("extract")] == [0, 1]
    assert rungs(fold) == [Rung.COMPRESS]


@pytest.mark.parametrize("kind", [FailureKind.OVERLOADED, FailureKind.UNREACHABLE])
def test_an_overloaded_model_is_waited_for_and_then_another_one_asked(kind: FailureKind) -> None:
    it, fold = told([[failed(kind), failed(kind), failed(kind), DONE]])

    assert [request.model for request in it.model.asked("extract")] == [
        *("medium", "medium", "medium", "large"),
    ]
    assert rungs(fold) == [Rung.WAIT, Rung.WAIT, Rung.OTHER_MODEL]


def test_what_nobody_foresaw_is_given_up_gracefully_with_the_reason() -> None:
    _, fold = told([RuntimeError("broken")])

    task = the_task(fold)
    assert rungs(fold) == [Rung.GIVE_UP, Rung.GIVE_UP]
    assert task.failure is not None
    assert task.failure.kind is FailureKind.INTERNAL
    assert fold.session.answer


def test_a_specialist_that_is_unable_is_followed_by_another_one_then_the_supervisor_decides() -> (
    None
):
    _, fold = told([UNABLE])

    task = the_task(fold)
    assert rungs(fold) == [Rung.OTHER_AGENT, Rung.SUPERVISOR, Rung.GIVE_UP]
    assert [each.agent for each in task.recoveries] == ["DIR_ANALYTICS", "MM_001", None]
    done_by = [each.to_agent for each in task.delegations if not each.to_agent.startswith("DIR")]
    assert done_by == ["ANA_003", "ANA_001", "FIN_007"]
    assert task.tried_by == done_by[:2]
    assert task.failure is not None
    assert task.failure.message == "I cannot read it."


def test_a_specialist_may_succeed_where_another_one_failed() -> None:
    it = office({"decompose": [propose(METRICS)], "extract": [DONE]})
    it.model = UnableModel(it.model.script, "ANA_003")

    _, fold = recomputed(it)

    assert rungs(fold) == [Rung.OTHER_AGENT]
    assert the_task(fold).holder == "ANA_001"
    assert fold.session.status is SessionStatus.COMPLETED


def test_nobody_is_asked_twice_and_nobody_else_where_the_policy_says_so() -> None:
    alone = RecoveryRules(max_agents=1, escalate=False)

    _, fold = told([UNABLE], POLICY.model_copy(update={"recovery": alone}))

    assert rungs(fold) == [Rung.GIVE_UP]


def test_where_nobody_else_is_found_the_first_failure_stands() -> None:
    [planned] = METRICS.tasks
    rare = planned.model_copy(update={"skills": ("metrics",)})
    plan = METRICS.model_copy(update={"tasks": (rare,)})

    _, fold = told([UNABLE], plan=plan)

    task = the_task(fold)
    assert task.failure is not None
    assert (rungs(fold), task.failure.message) == (
        [Rung.OTHER_AGENT, Rung.GIVE_UP],
        "I cannot read it.",
    )


@pytest.mark.parametrize(
    "replies",
    [
        pytest.param([use("query_table", sql="1")], id="too many iterations"),
        pytest.param([answer()], id="bad answers"),
    ],
)
def test_bad_answers_and_too_many_iterations_bring_in_another_specialist(
    replies: Sequence[Any],
) -> None:
    _, fold = told(replies)

    assert rungs(fold)[0] is Rung.OTHER_AGENT
    assert the_task(fold).tried_by[0] == "ANA_003"


def test_a_failure_of_what_the_work_is_done_with_brings_in_nobody_else() -> None:
    _, fold = told([failed(FailureKind.REFUSED)])

    assert rungs(fold) == [Rung.GIVE_UP, Rung.GIVE_UP]
    assert the_task(fold).tried_by == []


def test_what_was_found_by_then_stays_with_the_failure() -> None:
    [planned] = METRICS.tasks
    writing = planned.model_copy(update={"department": "finance", "skills": ("statements",)})
    plan = METRICS.model_copy(update={"tasks": (writing,)})

    _, fold = told([use("write_document", title="Q4"), UNABLE], plan=plan)

    failure = the_task(fold).failure
    assert failure is not None
    assert [each.path for each in failure.artefacts] == ["report.md"]
    assert "write_document" in failure.found
    assert [each.path for each in fold.session.artefacts] == ["report.md"]
    assert fold.session.status is SessionStatus.FAILED


def test_a_tool_that_was_too_slow_may_take_longer_the_next_time() -> None:
    late = Failure(kind=FailureKind.TIMED_OUT, message="Late.")
    it, fold = told(
        [use("query_table", sql="1"), use("query_table", sql="2"), DONE],
        tools={"query_table": late},
    )

    assert [request.timeout_s for request in it.toolbox.requests] == [60.0, 120.0]
    assert [each.timeout_s for each in the_task(fold).recoveries] == [120.0, 240.0]


def test_without_rules_of_recovery_a_session_is_as_it_was() -> None:
    it = office({"extract": [[failed(FailureKind.OVERLOADED)]]})

    fold = it.run()

    assert it.events("task.recovery_chosen", "task.reopened") == []
    assert fold.session.status is SessionStatus.FAILED
    assert verified(it.log, fold.session_id).differences == ()


def test_an_agent_whose_leaders_have_nothing_left_has_no_successor() -> None:
    poor = POLICY.model_copy(update={"budgets": Budgets(director_task=2)})

    _, fold = told([UNABLE], poor)

    assert rungs(fold) == [Rung.GIVE_UP]
    assert "nothing left to spend" in the_task(fold).recoveries[-1].reason


def test_a_ladder_that_is_cut_off_around_any_append_is_climbed_on() -> None:
    late, busy = failed(FailureKind.TIMED_OUT), failed(FailureKind.OVERLOADED)
    script: dict[str, Replies] = {
        "decompose": [propose(METRICS)],
        "extract": [[late, busy, use("query_table", sql="1")], [busy, DONE]],
    }
    fuse = 1
    while True:
        it = office(script)
        it.model = UnableModel(it.model.script, "ANA_003")
        log, it.log = it.log, CrashingLog(it.log, fuse, recorded=bool(fuse % 2))
        try:
            it.run(POLICY)
        except Crash:
            it.log = log
        else:
            break
        fuse += 1
        opened = it.events("session.opened")
        if opened:
            fold = it.resume(opened[0].event.originator_id)
            assert fold.session.status is SessionStatus.COMPLETED
            assert the_task(fold).holder == "ANA_001"
            assert verified(it.log, fold.session_id).differences == ()
    assert fuse > 10


def test_the_engine_waits_as_long_as_the_ladder_says() -> None:
    waits: list[float] = []

    async def wait(_: object, seconds: float) -> None:
        waits.append(seconds)

    def choose(_: SessionFold, means: Means) -> Means:
        return replace(means, wait=wait)

    it = office(
        {
            "decompose": [propose(METRICS)],
            "extract": [[failed(FailureKind.RATE_LIMITED), failed(FailureKind.OVERLOADED), DONE]],
        }
    )
    session_id = it.ids.new()

    async def story() -> SessionFold:
        policy = STANDARD.model_copy(update={"retry_wait_s": 3.0})
        running = asyncio.ensure_future(
            it.sessions.run(charter(policy=policy), it.heard.append, session_id=session_id)
        )
        it.model.when_asked["decompose"] = running.cancel
        await asyncio.gather(running, return_exceptions=True)
        it.model.when_asked.clear()
        again = replace(it.sessions, choose=choose)
        return await again.resume(session_id, it.heard.append)

    fold = asyncio.run(story())

    assert fold.session.status is SessionStatus.COMPLETED
    assert waits == [60.0, 3.0]


def test_a_tool_that_does_a_task_alone_is_used_again_with_more_time() -> None:
    query = PlannedTask(key="query", title="Query", instruction="Query.")
    terms = Terms(agent="ANA_003", tool="query_table", arguments={"sql": "SELECT 1"})
    procedure = Procedure(pattern="chain", tasks=(query,), terms={"query": terms})
    it = office(tools={"query_table": failed(FailureKind.TIMED_OUT)})
    opened = charter(policy=POLICY).model_copy(
        update={"workflow": Workflow(name="query", procedure=procedure)}
    )

    fold = asyncio.run(it.sessions.run(opened, it.heard.append))

    assert [request.timeout_s for request in it.toolbox.requests] == [60.0, 120.0, 240.0, 480.0]
    assert rungs(fold) == [*(Rung.LONGER_TIMEOUT,) * 4, Rung.GIVE_UP]
    assert fold.session.failure is not None
    assert fold.session.failure.kind is FailureKind.TIMED_OUT
    assert verified(it.log, fold.session_id).differences == ()


def test_what_a_nested_task_had_found_reaches_the_user() -> None:
    work = PlannedTask(key="work", title="Work", instruction="Write it.")
    inner = Procedure(pattern="chain", tasks=(work,), terms={"work": Terms(agent="FIN_007")})
    whole = work.model_copy(update={"key": "whole"})
    outer = Procedure(pattern="chain", tasks=(whole,), terms={"whole": Terms(procedure="inner")})
    workflow = Workflow(name="nested", procedure=outer, procedures={"inner": inner})
    it = office({"work": [use("write_document", title="Q4"), UNABLE]})
    opened = charter(policy=POLICY).model_copy(update={"workflow": workflow})

    fold = asyncio.run(it.sessions.run(opened, it.heard.append))

    assert [each.path for each in fold.session.artefacts] == ["report.md"]
    assert "I cannot read it." in fold.session.answer
    assert "write_document" in fold.session.answer
    assert verified(it.log, fold.session_id).differences == ()
