"""Engine: what goes wrong in a session is recorded, repaired or tried again, and told honestly."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from application.fold import SessionFold
from application.orchestration.engine import logger as engine_logger
from domain.effect import Failure, FailureKind, ToolAnswer
from domain.event import RecordedEvent
from domain.planning import Plan
from domain.policy import Policy
from domain.session import SessionStatus
from domain.task import Task, TaskStatus
from tests.support.office import Q4_PLAN, Office, charter, office
from tests.support.scripted import answer, call, intend, propose, submit, use

BUSY = Failure(kind=FailureKind.OVERLOADED, message="The provider is busy.")
REFUSED = Failure(kind=FailureKind.REFUSED, message="The provider refused the request.")
CYCLIC = Q4_PLAN.model_copy(
    update={
        "tasks": (
            Q4_PLAN.tasks[0].model_copy(update={"depends_on": ("report",)}),
            *Q4_PLAN.tasks[1:],
        )
    }
)


def by_key(fold: SessionFold) -> dict[str, Task]:
    return {task.assignment.key: task for task in fold.planned}


def attempts(it: Office, key: str) -> list[tuple[Any, int]]:
    """List effect id and attempt of the model calls of a task, in order."""
    fold = SessionFold.of(it.events())
    calls: list[Any] = [recorded.event for recorded in it.events("task.model_called")]
    return [
        (event.effect_id, event.attempt)
        for event in calls
        if fold.task(event.originator_id).assignment.key == key
    ]


def test_an_invalid_plan_is_repaired_with_the_reason_told_to_the_model() -> None:
    it = office({"decompose": [propose(CYCLIC), answer(text="Hm."), propose(Q4_PLAN)]})

    fold = it.run()

    assert fold.session.status is SessionStatus.COMPLETED
    rejections: list[Any] = [recorded.event for recorded in it.events("task.answer_rejected")]
    assert "in a circle: " in rejections[0].reason
    assert "does not call submit_plan" in rejections[1].reason
    told = [step.rejection for step in it.model.asked("decompose")[2].brief.steps]
    assert told == [rejection.reason for rejection in rejections]


def test_a_plan_that_stays_invalid_is_given_up_after_two_repairs() -> None:
    it = office({"decompose": [propose(CYCLIC)]})

    fold = it.run()

    assert len(it.model.asked("decompose")) == 3
    assert fold.session.status is SessionStatus.FAILED
    assert fold.session.failure is not None
    assert fold.session.failure.kind is FailureKind.BAD_ANSWER
    assert fold.session.answer.startswith("The model of MM_001 gave no valid answer: ")
    assert fold.root.status is TaskStatus.FAILED
    assert fold.planned == []


def test_an_intent_that_stays_invalid_is_given_up() -> None:
    it = office({"interpret": [use("submit_intent", goal="", servable=False)]})

    fold = it.run()

    assert len(it.model.asked("interpret")) == 3
    assert fold.session.status is SessionStatus.FAILED
    assert "NOVA_001 gave no valid answer: The arguments of submit_intent" in fold.session.answer


def test_a_request_that_nobody_can_serve_is_declined_by_nova() -> None:
    it = office({"interpret": [intend("Book a flight", servable=False, reason="Nobody books.")]})

    fold = it.run()

    assert (fold.session.status, fold.session.answer) == (SessionStatus.DECLINED, "Nobody books.")
    assert [turn.text for turn in fold.conversation.turns][-1] == "Nobody books."
    assert fold.root.status is TaskStatus.FAILED
    assert it.model.asked("decompose") == []


def test_a_plan_without_tasks_declines_the_session() -> None:
    nothing = Plan(tasks=(), complexity=0.1, reason="There is no department for flights.")
    it = office({"decompose": [propose(nothing)]})

    fold = it.run()

    assert fold.session.status is SessionStatus.DECLINED
    assert fold.session.answer == "There is no department for flights."
    assert fold.root.plan == nothing
    assert it.model.asked("present") == []


def test_a_tool_the_agent_has_no_right_to_is_refused_and_the_model_is_told() -> None:
    it = office({"metrics": [use("write_document", title="Mine"), submit("Revenue is 60.")]})

    fold = it.run()

    assert fold.session.status is SessionStatus.COMPLETED
    assert "write_document" not in {
        request.call.tool for request in it.toolbox.requests if request.agent == "ANA_003"
    }
    step = by_key(fold)["metrics"].steps[1]
    assert step.failure == Failure(
        kind=FailureKind.NOT_ALLOWED,
        message="ANA_003 is not authorised to use the tool 'write_document'.",
    )
    assert step in it.model.asked("metrics")[1].brief.steps


def test_a_failing_tool_is_told_to_the_model_which_may_go_on() -> None:
    broken = Failure(kind=FailureKind.BAD_INPUT, message="No column 'revenu'; did you mean ...?")
    it = office(tools={"draw_chart": broken})

    fold = it.run()

    assert fold.session.status is SessionStatus.COMPLETED
    assert [step.failure for step in by_key(fold)["charts"].steps] == [None, broken, None]


def test_tools_of_one_answer_are_in_flight_together_and_all_come_back() -> None:
    both = answer(call("query_table", "a", sql="1"), call("read_file", "b", name="ledger.csv"))
    it = office({"extract": [both, submit("Extracted.")]})

    fold = it.run()

    steps = by_key(fold)["extract"].steps
    assert {step.call.call_id for step in steps if step.call} == {"a", "b"}
    assert len(it.model.asked("extract")) == 2


def test_calls_that_share_one_id_are_all_answered() -> None:
    twins = answer(call("query_table", "a", sql="1"), call("query_table", "a", sql="2"))
    it = office({"extract": [twins, submit("Extracted.")]})

    fold = it.run()

    assert fold.session.status is SessionStatus.COMPLETED
    assert len(by_key(fold)["extract"].steps) == 4


def test_a_failure_that_passes_is_tried_again_under_the_same_effect() -> None:
    it = office({"extract": [[BUSY, BUSY, submit("Extracted.", rows=3)]]})

    fold = it.run()

    assert fold.session.status is SessionStatus.COMPLETED
    tries = attempts(it, "extract")
    assert [number for _, number in tries] == [1, 2, 3]
    assert len({effect_id for effect_id, _ in tries}) == 1
    assert {request.effect_id for request in it.model.asked("extract")} == {tries[0][0]}
    failures: list[Any] = [recorded.event for recorded in it.events("task.model_failed")]
    assert [(event.failure, event.final) for event in failures] == [(BUSY, False)] * 2


def test_before_another_attempt_the_engine_waits_as_long_as_recovery_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    limited = Failure(kind=FailureKind.RATE_LIMITED, message="Slow down.", retry_after_s=60.0)
    it = office({"extract": [[BUSY, BUSY, limited, submit("Extracted.")]]})

    it.run(Policy(retry_wait_s=3.0))

    assert [wait for wait in waits if wait] == [3.0, 6.0, 60.0]


def test_a_resumed_session_still_waits_before_another_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    it = office({"extract": [[BUSY, submit("Extracted.")]]})
    patient = Policy(retry_wait_s=3600.0, max_wait_s=3600.0)

    async def stop_while_waiting() -> None:
        def stop(recorded: RecordedEvent) -> None:
            if recorded.type == "task.model_failed":
                running.cancel()

        running = asyncio.ensure_future(it.sessions.run(charter(policy=patient), stop))
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(stop_while_waiting())
    waits: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        waits.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    session_id = it.events()[0].envelope.session_id
    assert session_id is not None

    fold = it.resume(session_id)

    assert fold.session.status is SessionStatus.COMPLETED
    assert [wait for wait in waits if wait] == [3600.0]
    assert [number for _, number in attempts(it, "extract")] == [1, 2]


def test_a_context_overflow_is_tried_again_with_less_context() -> None:
    overflow = Failure(kind=FailureKind.CONTEXT_OVERFLOW, message="The prompt is too long.")
    it = office({"extract": [[overflow, overflow, submit("Extracted.")]]})

    fold = it.run()

    assert fold.session.status is SessionStatus.COMPLETED
    assert [request.compression for request in it.model.asked("extract")] == [0, 1, 2]


def test_a_failure_that_does_not_pass_is_given_up_after_the_last_attempt() -> None:
    it = office({"metrics": [BUSY]})

    fold = it.run()

    assert [number for _, number in attempts(it, "metrics")] == [1, 2, 3, 4]
    failures: list[Any] = [recorded.event for recorded in it.events("task.model_failed")]
    assert [event.final for event in failures] == [False, False, False, True]
    assert by_key(fold)["metrics"].failure == BUSY


def test_a_lasting_failure_is_given_up_at_once() -> None:
    it = office({"interpret": [REFUSED]})

    fold = it.run()

    assert len(it.model.asked("interpret")) == 1
    assert fold.session.status is SessionStatus.FAILED
    assert (fold.session.failure, fold.session.answer) == (REFUSED, REFUSED.message)


def test_who_depends_on_a_failed_task_fails_and_names_it_and_the_first_cause_counts() -> None:
    it = office({"extract": [submit("The file holds no Q4.", done=False)]})

    fold = it.run()

    tasks = by_key(fold)
    assert [task.status for task in fold.planned] == [TaskStatus.FAILED] * 4
    assert tasks["metrics"].failure == Failure(
        kind=FailureKind.DEPENDENCY,
        message="It needs the result of 'extract', which failed: The file holds no Q4.",
    )
    assert fold.session.status is SessionStatus.FAILED
    assert fold.session.failure == Failure(kind=FailureKind.UNABLE, message="The file holds no Q4.")
    assert fold.session.answer == "Here is your report: revenue is 60."
    assert {request.brief.purpose for request in it.model.requests} == {
        "interpret",
        "decompose",
        "execute",
        "present",
    }


def test_a_task_that_fails_beside_others_leaves_theirs_to_be_presented() -> None:
    plan = Q4_PLAN.model_copy(update={"tasks": Q4_PLAN.tasks[:3]})
    it = office({"decompose": [propose(plan)], "charts": [submit("No data.", done=False)]})

    fold = it.run()

    assert fold.session.status is SessionStatus.COMPLETED
    brief: Any = it.model.asked("present")[0].brief
    assert [(result.key, result.failure) for result in brief.results] == [
        ("extract", None),
        ("metrics", None),
        ("charts", "No data."),
    ]


def test_when_nobody_can_present_the_results_themselves_are_the_answer() -> None:
    it = office({"present": [REFUSED]})

    fold = it.run()

    assert fold.session.status is SessionStatus.COMPLETED
    assert fold.session.answer == "# Q4\n\nRevenue is 60."
    assert fold.conversation.turns[-1].model is None


def test_who_hands_in_nothing_is_stopped_at_the_limit_and_warned_before() -> None:
    it = office({"extract": [use("query_table", sql="again")]})

    fold = it.run(Policy(max_iterations=3, retry_wait_s=0))

    briefs: list[Any] = [request.brief for request in it.model.asked("extract")]
    assert [brief.last for brief in briefs] == [False, False, True]
    failure = by_key(fold)["extract"].failure
    assert failure == Failure(
        kind=FailureKind.UNABLE, message="FIN_007 handed in no result within 3 model calls."
    )
    uses = [request for request in it.toolbox.requests if request.agent == "FIN_007"]
    assert len(uses) == 2, "after the last call only a submission counts"


def test_no_agent_spends_more_model_calls_than_its_own_limit() -> None:
    it = office({"extract": [use("query_table", sql="again")]})

    it.run(Policy(max_iterations=100, retry_wait_s=0))

    briefs: list[Any] = [request.brief for request in it.model.asked("extract")]
    assert len(briefs) == 8, "the packaged roster gives specialists eight"
    assert briefs[-1].last


def test_an_empty_answer_and_an_invalid_submission_are_repaired() -> None:
    it = office({"extract": [answer(), use("submit_result", done="perhaps"), submit("Fine.")]})

    fold = it.run()

    rejections = [step.rejection or "" for step in by_key(fold)["extract"].steps]
    assert "is empty" in rejections[0]
    assert "The arguments of submit_result are invalid: done: " in rejections[1]
    assert by_key(fold)["extract"].status is TaskStatus.COMPLETED


def test_a_specialist_whose_answers_stay_invalid_is_given_up() -> None:
    it = office({"extract": [answer()]})

    fold = it.run()

    assert len(it.model.asked("extract")) == 3
    failure = by_key(fold)["extract"].failure
    assert failure is not None
    assert failure.kind is FailureKind.BAD_ANSWER


def test_an_error_that_nobody_foresaw_is_recorded_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    it = office({"extract": [KeyError("usage")]})

    with caplog.at_level(logging.ERROR, engine_logger.name):
        fold = it.run()

    failure = by_key(fold)["extract"].failure
    assert failure == Failure(
        kind=FailureKind.INTERNAL, message="Unexpected KeyError in model effect: 'usage'"
    )
    assert "failed unexpectedly" in caplog.text


def test_even_an_error_in_broken_unicode_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_logger, "disabled", True)  # xdist cannot carry such a log
    it = office({"extract": [OSError("cannot read b\udcff.csv")]})

    fold = it.run()

    failure = by_key(fold)["extract"].failure
    assert failure is not None
    assert failure.message.endswith(r"cannot read b\udcff.csv")


def deep(levels: int) -> Any:
    content: Any = "deep"
    for _ in range(levels):
        content = [content]
    return content


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(deep(210), id="nested too deep"),
        pytest.param("half an emoji: \ud83d", id="broken Unicode"),
        pytest.param(10**4400, id="too many digits"),
    ],
)
def test_an_answer_that_the_log_could_not_hold_is_a_failure_instead(content: Any) -> None:
    it = office(tools={"query_table": ToolAnswer(content=content)})

    fold = it.run()

    step = by_key(fold)["extract"].steps[1]
    assert step.failure is not None
    assert step.failure.kind is FailureKind.BAD_ANSWER
    assert step.failure.message.startswith("The answer cannot be recorded as JSON: ")
    assert fold.session.status is SessionStatus.COMPLETED


def test_a_task_that_nobody_fits_fails_with_the_decision_kept() -> None:
    plan = Plan(
        tasks=(
            Q4_PLAN.tasks[0].model_copy(
                update={"skills": ("juggling", "magic", "tricks", "statements"), "title": "J"}
            ),
        ),
        complexity=0.1,
        reason="One step.",
    )
    it = office({"decompose": [propose(plan)]})

    fold = it.run()

    task = by_key(fold)["extract"]
    assert task.unplaced is not None
    assert task.unplaced.chosen is None
    assert len(task.unplaced.candidates) == 8 + 13
    assert task.failure is not None
    assert task.failure.kind is FailureKind.UNABLE
    assert "Nobody fits juggling, magic" in task.failure.message
    assert fold.session.status is SessionStatus.FAILED


def test_no_more_effects_are_in_flight_than_the_policy_allows() -> None:
    calls = answer(*(call("query_table", f"c{n}", sql=str(n)) for n in range(6)))
    it = office({"extract": [calls, submit("Extracted.")]})
    flying, most = 0, 0
    use_tool = it.toolbox.use

    async def count(request: Any) -> ToolAnswer:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0.001)
        flying -= 1
        return await use_tool(request)

    it.toolbox.use = count  # type: ignore[method-assign] # watched from outside

    fold = it.run(Policy(max_parallel_effects=2, retry_wait_s=0))

    assert most == 2
    assert fold.session.status is SessionStatus.COMPLETED
    assert len(by_key(fold)["extract"].steps) == 8
