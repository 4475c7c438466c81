"""Approvals: what waits for a human's word, the word itself, and what silence means."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import JsonValue

from application.approval_views import (
    SessionApprovalView,
    approval_view,
    own_approvals,
    waits_for,
)
from application.directory import load_directory
from application.errors import BadRequestError, ConflictError, NotFoundError
from application.fold import SessionFold
from application.json_schema import misfits
from application.orchestration.hearing import WORDS
from application.sessions import Sessions
from domain.approval import (
    Amendment,
    Approval,
    ApprovalRequest,
    ApprovalStatus,
    ApprovalSubject,
)
from domain.guardrail import misshapen
from domain.session import Session, SessionStatus

ENDED: tuple[str, ...] = tuple(
    event.TOPIC
    for event in (Session.Completed, Session.Declined, Session.Failed, Session.Cancelled)
)


@dataclass(frozen=True, slots=True)
class Approvals:
    """The use cases of approvals.

    Attributes:
        actor: who answers.
        system_user: the operating system's name for who runs the program.
    """

    sessions: Sessions
    actor: str
    system_user: str

    async def find(
        self, session_id: UUID | None = None, *, answered: bool = False
    ) -> list[SessionApprovalView]:
        """List approvals, oldest first; what is due is recorded as expired first.

        Args:
            session_id: only those of this session.
            answered: also those that nobody waits for any more.

        Raises:
            NotFoundError: there is no such session.
        """
        asking = await asyncio.to_thread(self._asking, session_id, answered=answered)
        found: list[SessionApprovalView] = []
        for each in asking:
            await self.sessions.expire_approvals(each)
            fold = await asyncio.to_thread(self.sessions.fold, each)
            found += [view for view in own_approvals(fold) if answered or view.is_open]
        return sorted(found, key=lambda view: (view.requested_at, view.approval_id))

    async def show(self, approval_id: UUID, session_id: UUID | None = None) -> SessionApprovalView:
        """Show one approval.

        Args:
            session_id: as it stands in a fork, for instance; the session that asked by default.

        Raises:
            NotFoundError: there is no such approval, or none in the session's history.
        """
        session = await asyncio.to_thread(self._session_of, approval_id, session_id)
        await self.sessions.expire_approvals(session)
        fold = await asyncio.to_thread(self.sessions.fold, session)
        return approval_view(_in(fold, approval_id), fold)

    async def grant(
        self, approval_id: UUID, comment: str = "", session_id: UUID | None = None
    ) -> SessionApprovalView:
        """Agree to what was proposed.

        Raises:
            NotFoundError: there is no such approval, or none in the session's history.
            BadRequestError: nothing was proposed that could be agreed to.
            ConflictError: somebody answered before, or nobody waits any more.
            NotAnApproverError: somebody else was asked.
        """

        def say(approval: Approval, _fold: SessionFold, now: datetime) -> None:
            decision = approval.request.decision
            if decision is not None and decision.chosen is None:
                raise BadRequestError(
                    "Nobody is chosen, so that there is nothing to agree to:"
                    " amend the approval with an agent, or reject it."
                )
            approval.grant(self.actor, self.system_user, comment, now)

        return await self._answer(approval_id, session_id, say)

    async def reject(
        self, approval_id: UUID, comment: str = "", session_id: UUID | None = None
    ) -> SessionApprovalView:
        """Do not agree; raises as `grant` does."""

        def say(approval: Approval, _fold: SessionFold, now: datetime) -> None:
            approval.reject(self.actor, self.system_user, comment, now)

        return await self._answer(approval_id, session_id, say)

    async def amend(
        self,
        approval_id: UUID,
        amendment: Amendment,
        comment: str = "",
        session_id: UUID | None = None,
    ) -> SessionApprovalView:
        """Agree to something else than was proposed.

        Raises:
            BadRequestError: the amendment does not suit what was asked, or cannot be used.
            ConflictError: see `grant`.
        """

        def say(approval: Approval, fold: SessionFold, now: datetime) -> None:
            self._check(amendment, approval.request, fold)
            approval.amend(self.actor, self.system_user, comment, amendment, now)

        return await self._answer(approval_id, session_id, say)

    async def _answer(
        self,
        approval_id: UUID,
        session_id: UUID | None,
        say: Callable[[Approval, SessionFold, datetime], None],
    ) -> SessionApprovalView:
        session = await asyncio.to_thread(self._session_of, approval_id, session_id)
        await self.sessions.expire_approvals(session)
        fold = await asyncio.to_thread(self.sessions.take_up, session)
        approval = _in(fold, approval_id)
        _require_open(approval, fold)
        say(approval, fold, self.sessions.clock.now())
        journal = self.sessions.journal(fold, lambda _: None)
        journal.collect(approval, self.actor)
        try:
            await journal.flush()
        except ConflictError:
            fold = await asyncio.to_thread(self.sessions.fold, session)
            _require_open(_in(fold, approval_id), fold)
            raise
        return approval_view(approval, fold)

    def _session_of(self, approval_id: UUID, session_id: UUID | None) -> UUID:
        if session_id is not None:
            self.sessions.require(session_id)
            return session_id
        for recorded in self.sessions.log.read(stream=approval_id, limit=1):
            if isinstance(recorded.event, Approval.Created) and recorded.session_id is not None:
                return recorded.session_id
        raise _unknown(approval_id)

    def _asking(self, session_id: UUID | None, *, answered: bool) -> list[UUID]:
        """List the sessions that may wait for a human, or ever did."""
        if session_id is not None:
            self.sessions.require(session_id)
            return [session_id]
        waiting: Counter[UUID] = Counter()
        asked: dict[UUID, None] = {}
        uncertain: set[UUID] = set()
        kinds = (
            *WORDS,
            *(event.TOPIC for event in (Approval.Created, Session.Forked, Session.Rewound)),
        )
        for recorded in self.sessions.log.read(types=kinds):
            event: Any = recorded.event
            own = recorded.session_id
            if own is None:
                continue
            if isinstance(event, Session.Forked):
                if event.origin.session_id in asked:
                    asked[own] = None
                    uncertain.add(own)
            elif isinstance(event, Session.Rewound):
                uncertain.add(own)
            else:
                asked[own] = None
                waiting[own] += 1 if isinstance(event, Approval.Created) else -1
        if answered:
            return list(asked)
        return [
            each
            for each in asked
            if (waiting[each] > 0 or each in uncertain) and not self._has_ended(each)
        ]

    def _has_ended(self, session_id: UUID) -> bool:
        newest = self.sessions.log.read(stream=session_id, backwards=True, limit=1)
        return any(recorded.type in ENDED for recorded in newest)

    def _check(self, amendment: Amendment, request: ApprovalRequest, fold: SessionFold) -> None:
        """Hold an amendment against the rules that what was proposed had to keep."""
        subject = request.subject
        given = {name for name, value in amendment if value is not None}
        wanted = AMENDABLE.get(subject)
        if wanted is None:
            raise BadRequestError(
                f"What asks for a {subject.value} cannot be amended: grant or reject it."
            )
        if given != {wanted}:
            raise BadRequestError(
                f"A {subject.value} is amended by its {wanted}, and by nothing else."
            )
        if amendment.agent is not None:
            self._check_agent(amendment.agent, fold)
        if request.call is not None:
            self._check_arguments(request.call.tool, amendment.arguments)
        if request.trip is not None:
            wrong = misshapen(request.trip.stage, amendment.content)
            if wrong is not None:
                raise BadRequestError(wrong)

    def _check_agent(self, handle: str, fold: SessionFold) -> None:
        directory = load_directory(self.sessions.log, until=fold.opened_position)
        agent = directory.agents.get(handle)
        if agent is None or not agent.active:
            state = "is not active" if agent is not None else "is not known"
            raise BadRequestError(
                f"The agent {handle!r} {state} in this session: `hansard agents` lists them."
            )

    def _check_arguments(self, tool: str, arguments: JsonValue) -> None:
        for brief in self.sessions.toolbox.briefs([tool]):
            wrong = misfits(brief.parameters, arguments)
            if wrong:
                raise BadRequestError(
                    f"The arguments do not fit the schema of {tool}: {'; '.join(wrong)}."
                )


AMENDABLE = {
    ApprovalSubject.TOOL_CALL: "arguments",
    ApprovalSubject.DECISION: "agent",
    ApprovalSubject.GUARDRAIL: "content",
}
"""What a human may put in the place of something else, by what waits."""


def _in(fold: SessionFold, approval_id: UUID) -> Approval:
    if not fold.has(approval_id):
        raise _unknown(approval_id)
    return fold.approval(approval_id)


def _unknown(approval_id: UUID) -> NotFoundError:
    return NotFoundError(
        "approval", approval_id, "`hansard approvals list --all` lists those there are."
    )


def _require_open(approval: Approval, fold: SessionFold) -> None:
    """Make sure that somebody still waits.

    Raises:
        ConflictError: nobody does; the message says who was first.
    """
    if waits_for(approval, fold):
        return
    if approval.is_open:
        state = fold.session.status
        what = "Its task has ended" if state is SessionStatus.RUNNING else f"Session is {state}"
        raise ConflictError(f"Nobody waits for approval {str(approval.id)!r} any more: {what}.")
    at = approval.answered_at.isoformat(timespec="seconds") if approval.answered_at else ""
    if approval.status is ApprovalStatus.EXPIRED:
        said = f"its time was over at {at}, which means: {approval.outcome}"
    else:
        said = f"{approval.by} has {approval.status.value} it at {at}"
    raise ConflictError(f"Approval {str(approval.id)!r} was answered already: {said}.")
