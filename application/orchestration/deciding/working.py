"""Working: one agent does a task, with its model and its tools."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from application.briefs import HAND_OFF, Submission
from application.fold import SessionFold
from application.orchestration import answers
from application.orchestration.commands import Command, CompleteTask, RejectAnswer, UseTool
from application.orchestration.deciding.asking import ask, bad_answer, exchanges, repairs_left
from application.orchestration.deciding.failing import give_up
from application.orchestration.deciding.gated import (
    begin,
    clear_result,
    look_at_answers,
    think,
    use_tools,
)
from application.orchestration.deciding.setting import Setting
from application.orchestration.filling import FillingError, filled_terms
from application.orchestration.fitting import unfit
from application.orchestration.handing_off import consider, hand_off
from application.orchestration.outcomes import result_of, root_failure
from application.orchestration.procedures import surrounding, terms_of
from application.orchestration.recovering import may_use_again
from domain.effect import Failure, FailureKind, ModelAnswer, ToolAnswer, ToolCall
from domain.task import Result, Step, Task

MAX_SHOWN = 500
"""Characters of a tool's answer that the summary of its task shows."""

BY_TOOL = "c1"
"""Id of the one call of a task that a tool does alone."""


def work(task: Task, fold: SessionFold, setting: Setting) -> Iterator[Command]:
    """Go on with the work on a task that has begun and waits for nothing."""
    if terms_of(task, fold).tool is not None:
        yield from _work_by_tool(task, fold, setting)
        return
    if task.handoff is not None:
        yield from consider(task, task.handoff, fold, setting)
        return
    steps = exchanges(task, "execute")
    if not steps:
        yield from _begin(task, fold, setting)
        return
    latest = steps[-1]
    if latest.failure is not None:
        yield from give_up(task, latest.failure, fold, setting)
    elif latest.rejection is not None:
        yield from _repair(task, steps, fold, setting)
    else:
        yield from _go_on(task, steps, fold, setting)


def _begin(task: Task, fold: SessionFold, setting: Setting) -> Iterator[Command]:
    try:
        filled_terms(task, fold)
        given = yield from begin(task, fold, setting)
    except FillingError as error:
        given = _unfilled(error)
    if isinstance(given, Failure):
        yield from give_up(task, given, fold, setting)
    elif given is not None:
        yield from think(task, fold, setting)


def _unfilled(error: FillingError) -> Failure:
    return Failure(kind=FailureKind.BAD_INPUT, message=str(error))


def _go_on(task: Task, steps: list[Step], fold: SessionFold, setting: Setting) -> Iterator[Command]:
    latest = steps[-1]
    answer = cast("ModelAnswer", latest.answer)
    try:
        submission = answers.read_submission(answer)
    except answers.AnswerError as error:
        yield RejectAnswer(task.id, latest.effect_id, str(error))
        return
    if submission is None:
        yield from _use_tools(task, answer, steps, fold, setting)
    elif submission.done:
        lack = unfit(result_of(submission, task), terms_of(task, fold))
        if lack is None:
            yield from _hand_in(task, submission, fold, setting)
        else:
            yield RejectAnswer(task.id, latest.effect_id, lack)
    else:
        yield from give_up(task, root_failure(submission, task), fold, setting)


def _hand_in(
    task: Task, submission: Submission, fold: SessionFold, setting: Setting
) -> Iterator[Command]:
    """Accept a result, after the validator has, where there is one."""
    validator = surrounding(task, fold).validator
    if validator is None:
        yield from _accept(task, submission, fold, setting)
        return
    verdict = yield from ask(task, "validate", validator, answers.read_verdict, fold)
    if isinstance(verdict, Failure):
        yield from give_up(task, verdict, fold, setting)
    elif verdict is not None and verdict.accepted:
        yield from _accept(task, submission, fold, setting)
    elif verdict is not None:
        handed_in = exchanges(task, "execute")[-1]
        yield RejectAnswer(task.id, handed_in.effect_id, verdict.reason)


def _accept(
    task: Task, submission: Submission, fold: SessionFold, setting: Setting
) -> Iterator[Command]:
    handed_in = exchanges(task, "execute")[-1]
    result = yield from clear_result(task, result_of(submission, task), handed_in, fold, setting)
    if isinstance(result, Failure):
        yield from give_up(task, result, fold, setting)
    elif result is not None:
        yield CompleteTask(task.id, result)


def _use_tools(
    task: Task, answer: ModelAnswer, steps: list[Step], fold: SessionFold, setting: Setting
) -> Iterator[Command]:
    used = task.steps[task.steps.index(steps[-1]) + 1 :]
    settled = {step.call.call_id for step in used if step.call is not None}
    missing = [call for call in answer.tool_calls if call.call_id not in settled]
    limit = _most_calls(task, fold, setting)
    if len(steps) >= limit and not any(call.tool == HAND_OFF for call in missing):
        message = f"{task.holder} handed in no result within {limit} model calls."
        failure = Failure(kind=FailureKind.UNABLE, message=message)
        yield from give_up(task, failure, fold, setting)
        return
    seen = yield from look_at_answers(task, used, fold, setting)
    if isinstance(seen, Failure):
        yield from give_up(task, seen, fold, setting)
        return
    calls = [call for call in missing if call.tool != HAND_OFF]
    if calls:
        yield from use_tools(task, steps[-1], calls, fold, setting)
    elif missing:
        yield from hand_off(task, steps[-1], missing[0], fold, setting)
    elif seen:
        yield from think(task, fold, setting)


def _repair(
    task: Task, steps: list[Step], fold: SessionFold, setting: Setting
) -> Iterator[Command]:
    # Where no budgets are set, as it was before there were any, corrections do not count as calls.
    unlimited = fold.session.charter.policy.budgets is None
    if repairs_left(steps, fold) and (unlimited or len(steps) < _most_calls(task, fold, setting)):
        yield from think(task, fold, setting)
    else:
        yield from give_up(task, bad_answer(steps[-1], task.holder), fold, setting)


def _most_calls(task: Task, fold: SessionFold, setting: Setting) -> int:
    return min(fold.session.charter.policy.max_iterations, setting.turns[task.holder])


def _work_by_tool(task: Task, fold: SessionFold, setting: Setting) -> Iterator[Command]:
    """Let a tool do the task alone: what it answers is the result."""
    terms = terms_of(task, fold)
    steps = task.steps[task.begun_at_step :]
    if not steps:
        try:
            given = yield from begin(task, fold, setting)
        except FillingError as error:
            given = _unfilled(error)
        if isinstance(given, Failure):
            yield from give_up(task, given, fold, setting)
        elif given is not None:
            arguments = cast("dict[str, Any]", given.content)["arguments"]
            call = ToolCall(call_id=BY_TOOL, tool=str(terms.tool), arguments=arguments)
            yield from use_tools(task, None, [call], fold, setting)
        return
    latest = steps[-1]
    if latest.call is not None and may_use_again(steps, fold.session.charter.policy):
        yield UseTool(task.id, latest.call, task.holder)
    elif latest.failure is not None:
        yield from give_up(task, latest.failure, fold, setting)
    elif isinstance(latest.answer, ToolAnswer):
        yield from _accept_from_tool(task, latest, latest.answer, fold, setting)


def _accept_from_tool(
    task: Task, step: Step, answer: ToolAnswer, fold: SessionFold, setting: Setting
) -> Iterator[Command]:
    result: Result | Failure | None = None
    seen = yield from look_at_answers(task, [step], fold, setting)
    if isinstance(seen, Failure):
        result = seen
    elif seen:
        terms = terms_of(task, fold)
        told = _told_by_tool(answer, str(terms.tool))
        lack = unfit(told, terms)
        if lack is None:
            result = yield from clear_result(task, told, step, fold, setting)
        else:
            result = Failure(kind=FailureKind.BAD_ANSWER, message=lack)
    if isinstance(result, Failure):
        yield from give_up(task, result, fold, setting)
    elif result is not None:
        yield CompleteTask(task.id, result)


def _told_by_tool(answer: ToolAnswer, tool: str) -> Result:
    content = answer.content
    data = content if isinstance(content, dict) else {"answer": content}
    said = json.dumps(content, ensure_ascii=False)
    shown = said if len(said) <= MAX_SHOWN else f"{said[:MAX_SHOWN]}..."
    return Result(summary=f"{tool}: {shown}", data=dict(data), artefacts=answer.artefacts)
