"""Recovering: what is done about failures, of an effect and of the work on a task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from application.fold import SessionFold
from application.orchestration.budgeting import accounts_above
from application.orchestration.commands import ChooseRecovery
from application.orchestration.procedures import placed_with, surrounding
from domain.effect import Failure, FailureKind, PendingEffect
from domain.level import Level
from domain.policy import Policy
from domain.recovery import (
    AGENT_FAILURES,
    Recovery,
    RecoveryRules,
    Rung,
    given_up,
    longer_timeout,
    recover,
    wait_before_retry,
)
from domain.task import Step, Task

if TYPE_CHECKING:
    from application.orchestration.deciding.setting import Setting


def due_recoveries(fold: SessionFold) -> Iterator[ChooseRecovery]:
    """Decide about every failure of an effect that nothing was decided about yet."""
    policy = fold.session.charter.policy
    if policy.recovery is None:
        return
    for task in fold.tasks:
        if task.ended:
            continue
        for effect_id, failures in task.failed_attempts.items():
            chosen = sum(each.effect_id == effect_id for each in task.recoveries)
            if chosen >= len(failures):
                continue
            pending = task.pending.get(effect_id)
            recovery = (
                given_up(effect_id, failures)
                if pending is None
                else recover_effect(pending, failures, policy)
            )
            yield ChooseRecovery(task.id, recovery)
        yield from _due_for_tools(task, policy, policy.recovery)


def recover_effect(effect: PendingEffect, failures: Sequence[Failure], policy: Policy) -> Recovery:
    """Tell what is done about the latest failure of a call to a model.

    Args:
        effect: as it was when the latest attempt was made.
        failures: of all its attempts so far, oldest first.
    """
    first = effect.first_model or effect.model
    return recover(effect.effect_id, failures, first, policy.model_timeout_s, policy)


def is_final(effect: PendingEffect, failures: Sequence[Failure], policy: Policy) -> bool:
    """Tell whether a failure, the latest of an effect's, is the end of it."""
    if policy.recovery is None:
        return wait_before_retry(failures, policy) is None
    return not recover_effect(effect, failures, policy).again


def wait_s(task: Task, effect: PendingEffect, policy: Policy) -> float:
    """Tell how many seconds to wait before an effect that failed is tried again."""
    if policy.recovery is not None:
        chosen = _latest(task, effect)
        return 0.0 if chosen is None else chosen.wait_s
    return wait_before_retry(task.failed_attempts[effect.effect_id], policy) or 0.0


def timeout_s(task: Task, effect: PendingEffect, policy: Policy) -> float:
    """Tell how many seconds the next attempt of an effect may take."""
    if effect.call is None:
        chosen = _latest(task, effect)
        return (chosen.timeout_s if chosen else None) or policy.model_timeout_s
    return _timeout_after(_uses(task.steps, effect.call.tool), task, policy)


def may_use_again(steps: Sequence[Step], policy: Policy) -> bool:
    """Tell whether a tool that does a task alone is used again: it was too slow, and gets longer.

    Args:
        steps: of the task since its work began, at least one.
    """
    used = [step for step in steps if step.call is not None]
    return policy.recovery is not None and _is_late(steps[-1]) and len(used) < policy.max_attempts


def model_of(task: Task, agent: str, effect: PendingEffect | None, configured: str) -> str:
    """Name the model that is asked next.

    An agent that was helped out by another model stays with it while it works on the task.

    Args:
        effect: what is tried again; None for a new call.
        configured: model that thinks for the agent otherwise.
    """
    if not task.recoveries:
        return configured
    if effect is not None and (chosen := _latest(task, effect)) is not None:
        return chosen.model or effect.first_model or configured
    helped = {each.effect_id: each.model for each in task.recoveries if each.model is not None}
    for step in reversed(task.steps[task.begun_at_step :]):
        if step.purpose and step.agent == agent:
            return helped.get(step.effect_id) or configured
    return configured


def recover_work(task: Task, failure: Failure, fold: SessionFold, setting: Setting) -> Recovery:
    """Tell what is done about work that failed: another agent, the supervisor, or nothing.

    Another agent may succeed only where the one that failed was the cause, and where those who
    passed the task on have anything left to spend on it.
    """
    rules = fold.session.charter.policy.recovery
    cause = root_cause(task, failure)
    who = task.tried_by[-1] if task.unplaced is not None and task.tried_by else task.holder
    failed = f"{who} failed ({cause.kind.value})"
    if rules is None:
        return Recovery(rung=Rung.GIVE_UP, reason=f"{failed}.")
    hopeless = _hopeless(task, cause, fold, setting)
    if hopeless is not None:
        return Recovery(rung=Rung.GIVE_UP, reason=f"{failed}, and {hopeless}.")
    delegator, supervisor = task.delegations[-1].from_agent, task.delegations[0].from_agent
    if task.unplaced is None and _others(task, rules, delegator, fold, setting):
        reason = f"{failed}; {delegator} chooses another one."
        return Recovery(rung=Rung.OTHER_AGENT, reason=reason, agent=delegator)
    if rules.escalate and _may_escalate(task, supervisor, fold, setting):
        reason = f"{failed}, and its department has nobody else; {supervisor} decides."
        return Recovery(rung=Rung.SUPERVISOR, reason=reason, agent=supervisor)
    return Recovery(rung=Rung.GIVE_UP, reason=f"{failed}, and there is nobody else to ask.")


def _hopeless(task: Task, cause: Failure, fold: SessionFold, setting: Setting) -> str | None:
    """Say why nobody else can be asked to do a task; None when somebody might."""
    if cause.kind not in AGENT_FAILURES:
        return "nobody else would fare better"
    if not task.delegations or placed_with(task, fold, setting.orchestrator) is not None:
        return "nobody else may do it"
    spent = next((each for each in accounts_above(task, fold, setting) if each.is_full), None)
    return None if spent is None else f"{spent.agent} has nothing left to spend on the task"


def root_cause(task: Task, failure: Failure) -> Failure:
    """Give the failure that counts: that nobody else was found only follows from an earlier one."""
    return task.setbacks[-1] if task.unplaced is not None and task.setbacks else failure


def _others(
    task: Task, rules: RecoveryRules, delegator: str, fold: SessionFold, setting: Setting
) -> list[str]:
    """List who could still try the task under the one who passed it on."""
    leaders = {delegation.from_agent for delegation in task.delegations}
    tried = {*task.tried_by, task.holder} - leaders
    if len(tried) >= rules.max_agents:
        return []
    known = surrounding(task, fold).team or setting.specialists.get(delegator, ())
    return [handle for handle in known if handle in setting.active and handle not in tried]


def _may_escalate(task: Task, supervisor: str, fold: SessionFold, setting: Setting) -> bool:
    """Tell whether the supervisor knows a department that has not had the task and has its skill.

    It is asked once for each task.
    """
    if surrounding(task, fold).team or any(
        each.rung is Rung.SUPERVISOR for each in task.recoveries
    ):
        return False
    if setting.levels.get(supervisor) is not Level.ORCHESTRATOR:
        return False
    had = {handle for each in task.delegations for handle in (each.from_agent, each.to_agent)}
    wanted = set(task.assignment.skills)
    return any(
        wanted.intersection(setting.departments.get(setting.posts.get(director) or "", ()))
        for director in setting.directors
        if director not in had
    )


def _latest(task: Task, effect: PendingEffect) -> Recovery | None:
    chosen = (each for each in reversed(task.recoveries) if each.effect_id == effect.effect_id)
    return next(chosen, None)


def _due_for_tools(task: Task, policy: Policy, rules: RecoveryRules) -> Iterator[ChooseRecovery]:
    """Give tools that were too slow more time, in case the agent uses them again.

    That was decided for all tools that were used before the latest answer of a model.
    """
    for number in range(len(task.steps) - 1, -1, -1):
        step = task.steps[number]
        if step.call is None:
            return
        if not _is_late(step) or any(step.effect_id == each.effect_id for each in task.recoveries):
            continue
        before = _uses(task.steps[:number], step.call.tool)
        allowed_s = _timeout_after(before, task, policy)
        yield ChooseRecovery(
            task.id, longer_timeout(step.effect_id, step.call.tool, allowed_s, rules)
        )


def _uses(steps: Sequence[Step], tool: str) -> list[Step]:
    return [step for step in steps if step.call is not None and step.call.tool == tool]


def _timeout_after(before: Sequence[Step], task: Task, policy: Policy) -> float:
    """Tell how long a tool may take, after what it was used for on a task."""
    if policy.recovery is None or not before:
        return policy.tool_timeout_s
    longer = {each.effect_id: each.timeout_s for each in task.recoveries if each.timeout_s}
    given = [longer[step.effect_id] for step in before if step.effect_id in longer]
    return max((limit for limit in given if limit), default=policy.tool_timeout_s)


def _is_late(step: Step) -> bool:
    return step.failure is not None and step.failure.kind is FailureKind.TIMED_OUT
