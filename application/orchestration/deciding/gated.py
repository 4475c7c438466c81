"""Gated: what an agent is given, wishes for and hands in passes guardrails and humans first."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, cast

from pydantic import JsonValue

from application.fold import SessionFold
from application.orchestration.approving import asked_to_call, clear_call, cleared_to_spend
from application.orchestration.commands import AskModel, Command, UseTool
from application.orchestration.deciding.failing import give_up
from application.orchestration.deciding.setting import Setting
from application.orchestration.filling import filled_arguments, filled_instruction
from application.orchestration.guarding import Passed, Passing, guarded
from domain.effect import Failure, ToolAnswer, ToolCall
from domain.guardrail import Stage
from domain.task import Result, Step, Task


def begin(task: Task, fold: SessionFold, setting: Setting) -> Passed:
    """Hold what an agent is given against the guardrails before it.

    Raises:
        FillingError: its templates cannot be filled in.
    """
    content: dict[str, JsonValue] = {
        "instruction": filled_instruction(task, fold),
        "arguments": filled_arguments(task, fold),
    }
    return (yield from guarded(task, Passing(Stage.BEFORE_AGENT, content), fold, setting))


def think(task: Task, fold: SessionFold, setting: Setting) -> Iterator[Command]:
    """Ask the model of the holder once more, unless a human must agree to the cost first."""
    cleared = yield from cleared_to_spend(task, fold)
    if isinstance(cleared, Failure):
        yield from give_up(task, cleared, fold, setting)
    elif cleared:
        yield AskModel(task.id, "execute", task.holder)


def use_tools(
    task: Task, step: Step | None, calls: Sequence[ToolCall], fold: SessionFold, setting: Setting
) -> Iterator[Command]:
    """Use tools, as far as nothing stands against it.

    Args:
        step: the model's answer that wishes for the calls; None where the task is the call.
    """
    cleared = []
    for call in calls:
        passed = yield from _clear(task, step, call, fold, setting)
        if isinstance(passed, Failure):
            yield from give_up(task, passed, fold, setting)
            return
        if passed is not None:
            cleared.append(passed)
    for call in cleared:
        yield UseTool(task.id, call, task.holder)


def look_at_answers(
    task: Task, used: Sequence[Step], fold: SessionFold, setting: Setting
) -> Generator[Command, None, bool | Failure]:
    """Hold what tools answered against the guardrails behind them.

    Returns:
        Whether the agent may see it.
    """
    for step in used:
        if step.call is not None and isinstance(step.answer, ToolAnswer):
            passing = Passing(Stage.AFTER_TOOL, step.answer.content, step.call.tool, step.effect_id)
            passed = yield from guarded(task, passing, fold, setting)
            if isinstance(passed, Failure):
                return passed
            if passed is None:
                return False
    return True


def clear_result(
    task: Task, result: Result, step: Step, fold: SessionFold, setting: Setting
) -> Generator[Command, None, Result | Failure | None]:
    """Hold what an agent hands in against the guardrails behind it."""
    content: dict[str, JsonValue] = {"summary": result.summary, "data": dict(result.data)}
    passing = Passing(Stage.AFTER_AGENT, content, effect_id=step.effect_id)
    passed = yield from guarded(task, passing, fold, setting)
    if passed is None or isinstance(passed, Failure):
        return passed
    if passed.content == content:
        return result
    kept = cast("Mapping[str, Any]", passed.content)
    return Result(summary=kept["summary"], data=kept["data"], artefacts=result.artefacts)


def _clear(
    task: Task, step: Step | None, call: ToolCall, fold: SessionFold, setting: Setting
) -> Generator[Command, None, ToolCall | Failure | None]:
    effect_id = step.effect_id if step else None
    passing = Passing(Stage.BEFORE_TOOL, call.arguments, call.tool, effect_id, call.call_id)
    passed = yield from guarded(task, passing, fold, setting)
    if passed is None or isinstance(passed, Failure):
        return passed
    arguments = cast("dict[str, JsonValue]", passed.content)
    kept = call.model_copy(update={"arguments": arguments})
    return (yield from clear_call(task, asked_to_call(task, kept, effect_id), fold, setting))
