"""Approving: whether a human must agree first, and what follows from the human's word."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from application.directory import Directory
from application.fold import SessionFold
from application.orchestration.commands import (
    Command,
    FollowDecision,
    RefuseCall,
    RequestApproval,
)
from application.orchestration.procedures import terms_of
from domain.approval import Approval, ApprovalRequest, ApprovalStatus, ApprovalSubject
from domain.approval_rule import ApprovalRule, OnTimeout
from domain.decision import Candidate, Decision
from domain.effect import Failure, FailureKind, ModelAnswer, ToolCall
from domain.task import Task

if TYPE_CHECKING:
    from application.orchestration.deciding.setting import Setting

HUMAN = "human"
"""Strategy of decisions that a human made in place of those that were proposed."""

OF_TERMS = ApprovalRule(name="terms of the task")
"""The rule of a task whose terms ask for approval; it waits for ever."""

SHOWN = 600
"""Characters of a proposal that a human is shown at once."""

Cleared = Generator[Command, None, bool | Failure]


def clear_call(
    task: Task, asked: ApprovalRequest, fold: SessionFold, setting: Setting
) -> Generator[Command, None, ToolCall | None]:
    """Tell which tool call may be made; None while it waits, or where a human refused it.

    A refused call is answered with the human's reason, and the agent goes on.

    Args:
        asked: with the call, made by `asked_to_call`.
    """
    call = asked.call
    if call is None:
        raise LookupError("no tool call is asked for")
    rule = next(
        (
            rule
            for rule in fold.session.charter.policy.approvals
            if rule.names_tool(call.tool) and rule.covers(department_of(task, setting))
        ),
        None,
    )
    if rule is None:
        return call
    reason = f"Rule {rule.name!r} asks before {call.tool} is used."
    approval = yield from _word(_under(rule, asked, reason), rule.timeout_s, fold)
    if approval is None:
        return None
    if not approval.agreed:
        yield RefuseCall(task.id, call, asked.agent, refusal(approval))
        return None
    amendment = approval.amendment
    if amendment is None or amendment.arguments is None:
        return call
    return call.model_copy(update={"arguments": amendment.arguments})


def asked_to_call(task: Task, call: ToolCall, effect_id: UUID | None) -> ApprovalRequest:
    """Say what a human is asked about a tool call.

    Args:
        effect_id: the model's answer that wishes for it; None where the task is the call.
    """
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    return _asked(
        task,
        ApprovalSubject.TOOL_CALL,
        f"{task.holder} uses {call.tool} with {arguments}",
        effect_id=effect_id,
        call=call,
    )


def cleared_to_begin(task: Task, fold: SessionFold, setting: Setting) -> Cleared:
    """Tell whether work on a task may begin; a failure when a human refused it."""
    rule = _rule_of_task(task, fold, setting)
    if rule is None:
        return True
    assignment = task.assignment
    request = _asked(
        task,
        ApprovalSubject.TASK,
        f"{task.holder} begins the task {assignment.key!r}: {assignment.instruction}",
    )
    reason = f"Rule {rule.name!r} asks before the task begins."
    approval = yield from _word(_under(rule, request, reason), rule.timeout_s, fold)
    if approval is None:
        return False
    return True if approval.agreed else refusal(approval)


def cleared_to_spend(task: Task, fold: SessionFold) -> Cleared:
    """Tell whether a model may be asked once more; a failure when a human refused further cost."""
    for rule in fold.session.charter.policy.approvals:
        if rule.cost_over_usd is not None:
            cleared = yield from _cleared_to_spend(task, rule, rule.cost_over_usd, fold)
            if cleared is not True:
                return cleared
    return True


def _cleared_to_spend(task: Task, rule: ApprovalRule, step: float, fold: SessionFold) -> Cleared:
    mine = [
        approval
        for approval in fold.approvals
        if approval.request.subject is ApprovalSubject.COST and approval.request.rule == rule.name
    ]
    agreed = [each.request.limit_usd or 0.0 for each in mine if each.received and each.agreed]
    limit = max(agreed, default=step)
    expected, spent = expected_usd(fold)
    if expected <= limit:
        return True
    further = round(limit + step, 6)
    request = _asked(
        task,
        ApprovalSubject.COST,
        f"The session goes on, and may spend {further:g} USD in all.",
        limit_usd=further,
    )
    reason = (
        f"{spent:.4f} USD are spent, and with the next model call about {expected:.4f} will be:"
        f" rule {rule.name!r} asks above {limit:g}."
    )
    known = next((each for each in reversed(mine) if each.request.limit_usd == further), None)
    approval = yield from _word(_under(rule, request, reason), rule.timeout_s, fold, known)
    if approval is None:
        return False
    return True if approval.agreed else refusal(approval)


def is_asked(request: ApprovalRequest, fold: SessionFold) -> bool:
    """Tell whether a human is asked already what one answer settles for the whole session."""
    return request.subject is ApprovalSubject.COST and any(
        approval.is_open
        and (approval.request.subject, approval.request.rule) == (request.subject, request.rule)
        for approval in fold.approvals
    )


def expected_usd(fold: SessionFold) -> tuple[Decimal, Decimal]:
    """Estimate what a session will have spent after its next model call.

    Returns:
        US dollars: what it has spent and the average of its calls so far on top, and what it has
        spent. Calls without a known price count as free.
    """
    costs = [
        step.answer.cost_usd or Decimal(0)
        for task in fold.tasks
        for step in task.steps
        if isinstance(step.answer, ModelAnswer)
    ]
    spent = sum(costs, Decimal(0))
    return (spent + spent / len(costs) if costs else spent), spent


def asks_about(decision: Decision, task: Task, fold: SessionFold) -> RequestApproval | None:
    """Tell whether a human must agree to a decision on who does a task, before it is followed."""
    for rule in fold.session.charter.policy.approvals:
        if rule.confidence_under is None or not rule.covers(task.assignment.department):
            continue
        if decision.chosen is None:
            proposal = f"Nobody is chosen for the task {task.assignment.key!r}: {decision.reason}"
            reason = f"Rule {rule.name!r} asks when nobody is found."
        elif decision.confidence < rule.confidence_under:
            proposal = f"{decision.chosen} does the task {task.assignment.key!r}: {decision.reason}"
            reason = (
                f"The confidence of {decision.confidence:.2f} is under {rule.confidence_under:g},"
                f" where rule {rule.name!r} asks."
            )
        else:
            continue
        request = _asked(task, ApprovalSubject.DECISION, proposal, decision=decision)
        return RequestApproval(_under(rule, request, reason), rule.timeout_s)
    return None


def waits_for_decision(task: Task, fold: SessionFold) -> bool:
    """Tell whether a decision on who does a task was put to a human and is not followed yet."""
    return _proposed(task, fold) is not None


def follow_decision(task: Task, fold: SessionFold) -> Iterator[Command]:
    """Follow the decision that a human was asked about, once the word is there."""
    proposed = _proposed(task, fold)
    if proposed is None:
        raise LookupError(f"nobody was asked who does task {task.assignment.key!r}")
    request = proposed.request
    approval = yield from _word(request, None, fold, proposed)
    if approval is None or request.decision is None:
        return
    chosen = approval.amendment.agent if approval.amendment else None
    decision = request.decision
    if chosen is not None and chosen != decision.chosen:
        said = f": {approval.comment}" if approval.comment else "."
        instead = f" in place of {decision.chosen}" if decision.chosen else ""
        change = {
            "strategy": HUMAN,
            "chosen": chosen,
            "confidence": 1.0,
            "reason": f"{approval.by} chose {chosen}{instead}{said}",
        }
        decision = decision.model_copy(update=change)
    elif not approval.agreed:
        decision = decision.model_copy(
            update={"chosen": None, "reason": refusal(approval).message, "strategy": HUMAN}
        )
    yield FollowDecision(task.id, decision.model_copy(update={"approval_id": approval.id}))


def as_known(decision: Decision, directory: Directory) -> Decision:
    """Add whom a human chose to the candidates, where nobody had considered them."""
    chosen = decision.chosen
    if chosen is None or any(each.handle == chosen for each in decision.candidates):
        return decision
    agent_id = directory.agent(chosen).id
    own = Candidate(agent_id=agent_id, handle=chosen, score=0.0)
    return decision.model_copy(update={"candidates": (*decision.candidates, own)})


def department_of(task: Task, setting: Setting) -> str | None:
    """Name the department that a task is of: its own, or that of the agent that holds it."""
    return task.assignment.department or setting.posts.get(task.holder)


def refusal(approval: Approval) -> Failure:
    """Say why something must not be done."""
    request = approval.request
    if approval.status is ApprovalStatus.EXPIRED:
        message = f"Nobody agreed in time ({request.reason})"
    else:
        said = f": {approval.comment}" if approval.comment else "."
        message = f"{approval.by} did not agree{said}"
    return Failure(kind=FailureKind.NOT_ALLOWED, message=message)


def ask_human(
    request: ApprovalRequest, fold: SessionFold
) -> Generator[Command, None, Approval | None]:
    """Ask a human, for ever; None while there is no answer that the session has learned of."""
    return (yield from _word(request, None, fold))


def _word(
    request: ApprovalRequest,
    timeout_s: float | None,
    fold: SessionFold,
    known: Approval | None = None,
) -> Generator[Command, None, Approval | None]:
    latest = known or _latest(request, fold)
    if latest is None:
        yield RequestApproval(request, timeout_s)
        return None
    if not latest.received:
        return None
    if latest.escalates:
        yield RequestApproval(_escalated(latest), None)
        return None
    return latest


def _latest(request: ApprovalRequest, fold: SessionFold) -> Approval | None:
    """Find what was asked last about the same thing."""
    about = _about(request)
    return next(
        (
            approval
            for approval in reversed(fold.approvals_of(request.task_id))
            if _about(approval.request) == about
        ),
        None,
    )


def _about(request: ApprovalRequest) -> tuple[object, ...]:
    trip = request.trip
    return (
        request.subject,
        request.effect_id,
        request.call.call_id if request.call else None,
        trip.guardrail if trip else None,
        request.agent if request.subject is ApprovalSubject.TOOL_CALL else None,
    )


def _proposed(task: Task, fold: SessionFold) -> Approval | None:
    """Find the decision on a task that a human was asked about last, unless it was followed."""
    asked = fold.approvals_of(task.id)
    if not asked:
        return None
    decided = [delegation.decision for delegation in task.delegations]
    if task.unplaced is not None:
        decided.append(task.unplaced)
    followed = {decision.approval_id for decision in decided}
    latest = next(
        (
            approval
            for approval in reversed(asked)
            if approval.request.subject is ApprovalSubject.DECISION
        ),
        None,
    )
    return None if latest is None or latest.id in followed else latest


def _rule_of_task(task: Task, fold: SessionFold, setting: Setting) -> ApprovalRule | None:
    for rule in fold.session.charter.policy.approvals:
        if rule.about_tasks and rule.covers(department_of(task, setting)):
            return rule
    return OF_TERMS if terms_of(task, fold).approval else None


def _asked(task: Task, subject: ApprovalSubject, proposal: str, **about: object) -> ApprovalRequest:
    return ApprovalRequest.model_validate(
        {
            "session_id": task.assignment.session_id,
            "task_id": task.id,
            "subject": subject,
            "agent": task.holder,
            "rule": OF_TERMS.name,
            "reason": "The terms of the task ask for it.",
            "proposal": proposal if len(proposal) <= SHOWN else f"{proposal[: SHOWN - 1]}…",
            **about,
        }
    )


def _under(rule: ApprovalRule, request: ApprovalRequest, reason: str) -> ApprovalRequest:
    if rule is OF_TERMS:
        return request
    change = {
        "rule": rule.name,
        "reason": reason,
        "approvers": rule.approvers,
        "on_timeout": rule.on_timeout,
        "escalate_to": rule.escalate_to,
    }
    return request.model_copy(update=change)


def _escalated(approval: Approval) -> ApprovalRequest:
    """Ask whoever is next; they have all the time they want."""
    change = {
        "approvers": approval.request.escalate_to,
        "escalate_to": (),
        "expires_at": None,
        "on_timeout": OnTimeout.REJECT,
        "escalated_from": approval.id,
    }
    return approval.request.model_copy(update=change)
