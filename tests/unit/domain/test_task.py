"""Task: it is delegated, started, works by effects, and ends once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.decision import Decision, Delegation
from domain.effect import EffectKind, Failure, FailureKind, ModelAnswer, ToolAnswer, ToolCall
from domain.errors import TransitionError
from domain.planning import Plan, PlannedTask
from domain.task import Assignment, Result, Step, Task, TaskStatus, UnknownEffectError
from tests.support.given_when_then import AT, STREAM, Happening, given, happened, happenings, when

EFFECT, OTHER = UUID(int=10), UUID(int=11)
ASSIGNMENT = Assignment(
    session_id=UUID(int=1), parent_id=None, key="request", title="A report", instruction="Do it."
)
DECISION = Decision(
    decision_id=UUID(int=2),
    strategy="rules",
    policy_version="1",
    candidates=(),
    chosen="FIN_007",
    confidence=0.5,
    reason="It fits.",
    knowledge_position=3,
)
DELEGATION = Delegation(
    delegation_id=UUID(int=3), from_agent="MM_001", to_agent="FIN_007", decision=DECISION
)
NOBODY = DECISION.model_copy(update={"chosen": None})
PLAN = Plan(
    tasks=(PlannedTask(key="extract", title="E", instruction="E", department="finance"),),
    complexity=0.2,
    reason="One step.",
)
ANSWER = ModelAnswer(model="m", text="Hello", stop_reason="end_turn")
CALL = ToolCall(call_id="c1", tool="query_table", arguments={"sql": "SELECT 1"})
ROWS = ToolAnswer(content={"rows": [[1]]})
FAILURE = Failure(kind=FailureKind.OVERLOADED, message="Busy.")
RESULT = Result(summary="Done.", data={"total": 1})

CREATED = happened(Task.Created, assignment=ASSIGNMENT, holder="MM_001")
DELEGATED = happened(Task.Delegated, delegation=DELEGATION)
STARTED = happened(Task.Started)
DECOMPOSED = happened(Task.Decomposed, plan=PLAN, task_ids={"extract": UUID(int=5)})
ASKED = happened(
    Task.ModelCalled, effect_id=EFFECT, attempt=1, purpose="execute", model="m", agent="FIN_007"
)
ASKED_AGAIN = happened(Task.ModelCalled, **{**ASKED.attributes, "attempt": 2})
ANSWERED = happened(Task.ModelAnswered, effect_id=EFFECT, answer=ANSWER)
STUMBLED = happened(Task.ModelFailed, effect_id=EFFECT, failure=FAILURE, final=False)
GAVE_UP = happened(Task.ModelFailed, effect_id=EFFECT, failure=FAILURE, final=True)
USED = happened(Task.ToolCalled, effect_id=EFFECT, attempt=1, call=CALL, agent="FIN_007")
COMPLETED = happened(Task.Completed, result=RESULT)
FAILED = happened(Task.Failed, failure=FAILURE)
CANCELLED = happened(Task.Cancelled, reason="stopped")


def task(*past: Happening) -> Task:
    return given(Task, CREATED, *past)


def ask(it: Task) -> None:
    it.call_model(EFFECT, "execute", "m", "FIN_007", AT)


def use(it: Task) -> None:
    it.call_tool(EFFECT, CALL, "FIN_007", AT)


def test_a_new_task_is_open_and_lies_with_who_made_it() -> None:
    new = Task.create(STREAM, ASSIGNMENT, "MM_001", AT)

    assert happenings(None, new) == [CREATED]
    assert (new.status, new.holder, new.ended) == (TaskStatus.OPEN, "MM_001", False)


def test_a_delegated_task_lies_with_whom_it_was_passed_to() -> None:
    it = task()

    assert when(it, lambda it: it.delegate(DELEGATION, AT)) == [DELEGATED]
    assert (it.holder, it.delegations, it.status) == ("FIN_007", [DELEGATION], TaskStatus.OPEN)


def test_only_its_holder_delegates_a_task() -> None:
    with pytest.raises(TransitionError, match=r"held by FIN_007.*be delegated by MM_001"):
        task(DELEGATED).delegate(DELEGATION, AT)


def test_a_decision_for_nobody_is_kept_with_the_task() -> None:
    it = task()

    new = when(it, lambda it: it.leave_unplaced(NOBODY, AT))

    assert new == [happened(Task.Unplaced, decision=NOBODY)]
    assert it.unplaced == NOBODY
    assert not it.ended


def test_a_task_starts_once() -> None:
    it = task()

    assert when(it, lambda it: it.start(AT)) == [STARTED]
    with pytest.raises(TransitionError, match="is 'started' and cannot be started"):
        it.start(AT)


@pytest.mark.parametrize("past", [[], [STARTED]])
def test_an_open_or_started_task_can_be_decomposed(past: list[Happening]) -> None:
    it, ids = task(*past), {"extract": UUID(int=5)}

    assert when(it, lambda it: it.decompose(PLAN, ids, AT)) == [DECOMPOSED]
    assert (it.status, it.plan, it.task_ids) == (TaskStatus.DECOMPOSED, PLAN, ids)


@pytest.mark.parametrize("past", [STARTED, DECOMPOSED, COMPLETED, FAILED, CANCELLED])
@pytest.mark.parametrize(
    "command",
    [
        lambda it: it.delegate(DELEGATION, AT),
        lambda it: it.leave_unplaced(NOBODY, AT),
        lambda it: it.start(AT),
    ],
)
def test_only_an_open_task_is_placed_and_started(past: Happening, command: Any) -> None:
    it = task(past)

    with pytest.raises(TransitionError, match=f"is '{it.status.value}' and cannot be"):
        command(it)


@pytest.mark.parametrize("past", [DECOMPOSED, COMPLETED, FAILED, CANCELLED])
def test_a_decomposed_or_ended_task_is_not_decomposed(past: Happening) -> None:
    with pytest.raises(TransitionError, match="cannot be decomposed"):
        task(past).decompose(PLAN, {}, AT)


def test_a_model_call_is_pending_until_it_is_answered() -> None:
    it = task()

    assert when(it, ask) == [ASKED]
    pending = it.pending[EFFECT]
    assert (pending.kind, pending.attempt, pending.failed) == (EffectKind.MODEL, 1, False)
    assert when(it, lambda it: it.answer_model(EFFECT, ANSWER, AT)) == [ANSWERED]
    assert it.pending == {}
    assert it.steps == [Step(effect_id=EFFECT, purpose="execute", agent="FIN_007", answer=ANSWER)]


def test_a_tool_call_is_pending_until_it_is_answered() -> None:
    it = task()

    assert when(it, use) == [USED]
    assert it.pending[EFFECT].call == CALL
    new = when(it, lambda it: it.answer_tool(EFFECT, ROWS, AT))
    assert new == [happened(Task.ToolAnswered, effect_id=EFFECT, answer=ROWS)]
    assert it.steps == [Step(effect_id=EFFECT, agent="FIN_007", call=CALL, answer=ROWS)]


def test_a_failed_tool_call_is_a_step_with_its_failure() -> None:
    it = task(USED)

    new = when(it, lambda it: it.fail_tool(EFFECT, FAILURE, AT))

    assert new == [happened(Task.ToolFailed, effect_id=EFFECT, failure=FAILURE)]
    assert (it.pending, it.steps) == (
        {},
        [Step(effect_id=EFFECT, agent="FIN_007", call=CALL, failure=FAILURE)],
    )


def test_a_model_call_that_failed_for_now_stays_pending() -> None:
    it = task(ASKED)

    assert when(it, lambda it: it.fail_model(EFFECT, FAILURE, AT, final=False)) == [STUMBLED]
    assert it.pending[EFFECT].failed
    assert it.failed_attempts == {EFFECT: [FAILURE]}
    assert it.steps == []


def test_another_attempt_keeps_the_effect_and_counts_on() -> None:
    it = task(ASKED, STUMBLED)

    assert when(it, ask) == [ASKED_AGAIN]
    assert (it.pending[EFFECT].attempt, it.pending[EFFECT].failed) == (2, False)


def test_an_attempt_that_was_lost_is_repeated_under_the_same_effect() -> None:
    assert when(task(ASKED), ask) == [ASKED_AGAIN]
    assert when(task(USED), use) == [happened(Task.ToolCalled, **USED.attributes | {"attempt": 2})]


def test_a_model_call_that_failed_for_good_is_a_step_with_its_failure() -> None:
    it = task(ASKED, STUMBLED, ASKED_AGAIN)

    assert when(it, lambda it: it.fail_model(EFFECT, FAILURE, AT, final=True)) == [GAVE_UP]
    assert it.pending == {}
    assert it.failed_attempts == {EFFECT: [FAILURE, FAILURE]}
    assert it.steps == [Step(effect_id=EFFECT, purpose="execute", agent="FIN_007", failure=FAILURE)]


ANSWERS = [
    lambda it: it.answer_model(EFFECT, ANSWER, AT),
    lambda it: it.fail_model(EFFECT, FAILURE, AT, final=False),
    lambda it: it.answer_tool(EFFECT, ROWS, AT),
    lambda it: it.fail_tool(EFFECT, FAILURE, AT),
]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize(
    "past",
    [
        pytest.param([], id="never asked"),
        pytest.param([ASKED, ANSWERED], id="answered already"),
        pytest.param([ASKED, STUMBLED], id="failed, and not tried again yet"),
        pytest.param([ASKED, GAVE_UP], id="given up"),
    ],
)
def test_an_answer_that_nobody_awaits_is_refused(past: list[Happening], answer: Any) -> None:
    it = task(*past)

    with pytest.raises(UnknownEffectError, match=f"awaits no answer for effect '{EFFECT}'"):
        answer(it)

    assert it.collect_events() == []


@pytest.mark.parametrize(("past", "wrong"), [(ASKED, ANSWERS[2:]), (USED, ANSWERS[:2])])
def test_a_tool_does_not_answer_for_a_model_nor_a_model_for_a_tool(
    past: Happening, wrong: list[Any]
) -> None:
    for answer in wrong:
        with pytest.raises(UnknownEffectError):
            answer(task(past))


@pytest.mark.parametrize("command", [ask, use])
def test_a_settled_effect_is_never_performed_again(command: Any) -> None:
    with pytest.raises(TransitionError, match="is 'settled' and cannot be performed again"):
        command(task(ASKED, ANSWERED))


def test_a_rejected_answer_keeps_the_reason() -> None:
    it = task(ASKED, ANSWERED)

    new = when(it, lambda it: it.reject_answer(EFFECT, "No tool was called.", AT))

    assert new == [happened(Task.AnswerRejected, effect_id=EFFECT, reason="No tool was called.")]
    assert [step.rejection for step in it.steps] == ["No tool was called."]


@pytest.mark.parametrize("past", [[], [ASKED], [ASKED, GAVE_UP]])
def test_only_an_answer_can_be_rejected(past: list[Happening]) -> None:
    with pytest.raises(TransitionError, match="is 'unanswered' and cannot be rejected"):
        task(*past).reject_answer(EFFECT, "No.", AT)


@pytest.mark.parametrize("past", [[], [STARTED], [DECOMPOSED]])
@pytest.mark.parametrize(
    ("command", "happening", "status"),
    [
        (lambda it: it.complete(RESULT, AT), COMPLETED, TaskStatus.COMPLETED),
        (lambda it: it.fail(FAILURE, AT), FAILED, TaskStatus.FAILED),
        (lambda it: it.cancel("stopped", AT), CANCELLED, TaskStatus.CANCELLED),
    ],
)
def test_a_task_ends_with_a_result_or_a_failure(
    past: list[Happening], command: Any, happening: Happening, status: TaskStatus
) -> None:
    it = task(*past)

    assert when(it, command) == [happening]
    assert (it.status, it.ended) == (status, True)
    assert (it.result is None) != (it.failure is None)


def test_a_cancelled_task_says_why() -> None:
    assert task(CANCELLED).failure == Failure(kind=FailureKind.CANCELLED, message="stopped")


@pytest.mark.parametrize("end", [COMPLETED, FAILED, CANCELLED])
@pytest.mark.parametrize(
    "command",
    [
        ask,
        use,
        lambda it: it.reject_answer(EFFECT, "No.", AT),
        lambda it: it.complete(RESULT, AT),
        lambda it: it.fail(FAILURE, AT),
        lambda it: it.cancel("stopped", AT),
    ],
)
def test_an_ended_task_takes_up_nothing(end: Happening, command: Any) -> None:
    with pytest.raises(TransitionError, match=r"Task 'request' \(.*\) is '.*' and cannot"):
        command(task(end))


def test_an_answer_that_comes_after_the_end_is_still_recorded() -> None:
    it = task(ASKED, CANCELLED)

    assert when(it, lambda it: it.answer_model(EFFECT, ANSWER, AT)) == [ANSWERED]
    assert it.status is TaskStatus.CANCELLED


def test_two_effects_settle_in_the_order_of_their_answers() -> None:
    it = task(USED)
    second = CALL.model_copy(update={"call_id": "c2"})
    when(it, lambda it: it.call_tool(OTHER, second, "FIN_007", AT))

    when(it, lambda it: it.answer_tool(OTHER, ROWS, AT))
    when(it, lambda it: it.answer_tool(EFFECT, ROWS, AT))

    assert [step.effect_id for step in it.steps] == [OTHER, EFFECT]
