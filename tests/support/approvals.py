"""Approvals: an office whose agents ask humans, and the humans who answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from application.approval_views import SessionApprovalView
from application.approvals import Approvals
from application.fold import SessionFold
from domain.approval import Amendment
from domain.approval_rule import ApprovalRule
from domain.policy import Policy
from domain.session import SessionStatus
from tests.support.office import IMPATIENT, Office
from tests.support.scripted import PATIENCE_S, SteadyClock

WRITES = ApprovalRule(name="writes", tools=("write_*",))
"""In the Q4 session, one document is written, for the task `report`."""


def asking(*rules: ApprovalRule, **more: Any) -> Policy:
    """Make the policy of tests with approval rules."""
    return IMPATIENT.model_copy(update={"approvals": rules, **more})


def human(it: Office, name: str = "ada") -> Approvals:
    """Let somebody answer, from a process of their own."""
    return Approvals(it.sessions, name, "root")


def waiting(it: Office, session_id: UUID | None = None) -> list[SessionApprovalView]:
    """List what waits for a human."""
    return asyncio.run(human(it).find(session_id))


def grant(it: Office, view: SessionApprovalView, name: str = "ada") -> SessionApprovalView:
    """Agree."""
    return asyncio.run(human(it, name).grant(view.approval_id, "Fine.", view.session_id))


def reject(it: Office, view: SessionApprovalView) -> SessionApprovalView:
    """Refuse."""
    return asyncio.run(human(it).reject(view.approval_id, "Not now.", view.session_id))


def amend(it: Office, view: SessionApprovalView, **put: Any) -> SessionApprovalView:
    """Agree to something else."""
    amendment = Amendment(**put)
    return asyncio.run(human(it).amend(view.approval_id, amendment, "Better.", view.session_id))


def agree_to_all(it: Office, fold: SessionFold, most: int = 10) -> SessionFold:
    """Agree to whatever a session asks until it ends."""
    for _ in range(most):
        if fold.session.status is not SessionStatus.RUNNING:
            break
        for view in waiting(it, fold.session_id):
            grant(it, view)
        fold = it.resume(fold.session_id)
    return fold


class JumpingClock(SteadyClock):
    """A steady clock that a test may put forward."""

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)

    def peek(self) -> datetime:
        """Tell the time without letting any pass."""
        return self._now


def topics(it: Office, start: str = "approval.") -> Sequence[str]:
    """Name the events of a kind, in their order."""
    return [recorded.type for recorded in it.events() if recorded.type.startswith(start)]


class MeetingLog:
    """A log whose appends wait for each other, so that all were prepared before the first."""

    def __init__(self, log: Any, parties: int) -> None:
        self._log = log
        self._met = asyncio.Barrier(parties)

    async def append_async(self, entries: Sequence[Any], fence: Any = None) -> Any:
        """Append, once everybody is about to."""
        async with asyncio.timeout(PATIENCE_S):
            await self._met.wait()
        return await self._log.append_async(entries, fence)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)
