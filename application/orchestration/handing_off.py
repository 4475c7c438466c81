"""Handing off: an agent asks another one, by name, to go on; the other one accepts or rejects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError

from application.briefs import HAND_OFF, HandoffWish
from application.fold import SessionFold
from application.orchestration import answers
from application.orchestration.commands import (
    AcceptHandoff,
    Command,
    RefuseCall,
    RejectHandoff,
    RequestHandoff,
)
from application.orchestration.rights import handoffs_of
from domain.effect import Failure, FailureKind, ToolCall
from domain.handoff import Handoff, HandoffVerdicts, handoff_problem, verdict_by_rules
from domain.task import Step, Task

if TYPE_CHECKING:
    from application.orchestration.deciding.setting import Setting


def hand_off(
    task: Task, step: Step, call: ToolCall, fold: SessionFold, setting: Setting
) -> Iterator[Command]:
    """Follow the wish of a task's holder to hand it off.

    Who must not be asked, and who rejected, is named to the holder as the answer of its call.

    Args:
        step: the model's answer that wishes for it.
    """
    rejected = task.declined_handoffs.get(step.effect_id)
    if rejected is not None:
        yield _refuse(task, call, FailureKind.REFUSED, rejected)
        return
    try:
        wish = HandoffWish.model_validate(call.arguments)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, detail['loc'])) or 'arguments'}: {detail['msg']}"
            for detail in error.errors()[:5]
        )
        message = f"The arguments of {HAND_OFF} are invalid: {wrong}."
        yield _refuse(task, call, FailureKind.BAD_INPUT, message)
        return
    limit = fold.session.charter.policy.max_handoffs
    problem = handoff_problem(
        wish.target,
        task.holder,
        handoffs_of(task, fold),
        setting.active,
        None if limit is None else limit - len(task.handoffs),
    )
    if problem is not None:
        yield _refuse(task, call, FailureKind.NOT_ALLOWED, problem)
    else:
        yield RequestHandoff(task.id, step.effect_id, wish)


def consider(
    task: Task, handoff: Handoff, fold: SessionFold, setting: Setting
) -> Iterator[Command]:
    """Let the target of a handoff accept or reject it."""
    from application.orchestration.deciding.asking import (  # noqa: PLC0415 - it imports this
        ask,
    )

    target = handoff.to_agent
    if fold.session.charter.policy.handoff_verdicts is HandoffVerdicts.RULES:
        skills = setting.skills.get(target, ())
        accepted, reason = verdict_by_rules(target, skills, task.assignment.skills)
    else:
        verdict = yield from ask(task, "consider", target, answers.read_verdict, fold)
        if verdict is None:
            return
        if isinstance(verdict, Failure):
            accepted, reason = False, f"{target} could not be asked: {verdict.message}"
        else:
            accepted, reason = verdict.accepted, verdict.reason
    yield AcceptHandoff(task.id, reason) if accepted else RejectHandoff(task.id, reason)


def latest_handoff(task: Task) -> Handoff | None:
    """Give the handoff by which its holder got a task; None where it was not handed off."""
    latest = task.handoffs[-1] if task.handoffs else None
    return latest if latest is not None and latest.to_agent == task.holder else None


def _refuse(task: Task, call: ToolCall, kind: FailureKind, message: str) -> RefuseCall:
    return RefuseCall(task.id, call, task.holder, Failure(kind=kind, message=message))
