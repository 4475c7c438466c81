"""Approval views: what waits for a human's word in a session, and what was said."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from application.fold import SessionFold
from domain.approval import Amendment, Approval, ApprovalRequest, ApprovalStatus
from domain.approval_rule import OnTimeout
from domain.session import SessionStatus
from domain.value import Value


class ApprovalView(Value):
    """An approval as it stands.

    Attributes:
        request: what is asked.
        is_open: whether somebody may still answer: a session that has ended waits for nothing.
        by: who answered; None where nobody did.
        system_user: the operating system's name for who ran the program.
        outcome: what silence meant, once the time was over.
        received: whether the session has learned of the answer.
    """

    approval_id: UUID
    task_key: str
    request: ApprovalRequest
    status: ApprovalStatus
    is_open: bool
    requested_at: datetime
    answered_at: datetime | None
    by: str | None
    system_user: str | None
    comment: str
    amendment: Amendment | None
    outcome: OnTimeout | None
    received: bool


class SessionApprovalView(ApprovalView):
    """An approval, and the session that waits: of an inherited approval a fork."""

    session_id: UUID


def approval_views(fold: SessionFold) -> tuple[ApprovalView, ...]:
    """View all approvals of a session."""
    return tuple(ApprovalView(**_fields(each, fold)) for each in fold.approvals)


def own_approvals(fold: SessionFold) -> list[SessionApprovalView]:
    """View the approvals of a session; of a fork those that are its own affair."""
    views = [(each, approval_view(each, fold)) for each in fold.approvals]
    return [view for each, view in views if view.is_open or _is_own(each, fold)]


def approval_view(approval: Approval, fold: SessionFold) -> SessionApprovalView:
    """View one approval of a session."""
    return SessionApprovalView(session_id=fold.session_id, **_fields(approval, fold))


def waits_for(approval: Approval, fold: SessionFold) -> bool:
    """Tell whether somebody may still answer an approval.

    Nobody waits any more once the session or the task has ended, or once the work began anew after
    what was asked about.
    """
    if not approval.is_open or fold.session.status is not SessionStatus.RUNNING:
        return False
    task, effect_id = fold.task(approval.request.task_id), approval.request.effect_id
    if task.ended or effect_id is None:
        return not task.ended
    return all(step.effect_id != effect_id for step in task.steps[: task.begun_at_step])


def _fields(approval: Approval, fold: SessionFold) -> dict[str, object]:
    return {
        "approval_id": approval.id,
        "task_key": fold.task(approval.request.task_id).assignment.key,
        "request": approval.request,
        "status": approval.status,
        "is_open": waits_for(approval, fold),
        "requested_at": approval.created_on,
        "answered_at": approval.answered_at,
        "by": approval.by,
        "system_user": approval.system_user,
        "comment": approval.comment,
        "amendment": approval.amendment,
        "outcome": approval.outcome,
        "received": approval.received,
    }


def _is_own(approval: Approval, fold: SessionFold) -> bool:
    stream = fold.stream_of(approval.id)
    return stream == approval.id or fold.version_of(stream) > 0
