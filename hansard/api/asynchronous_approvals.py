"""AsyncApprovals: the part of the Python API by which humans answer agents."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import JsonValue

from application.approval_views import SessionApprovalView
from application.errors import BadRequestError, ConflictError
from application.views import SessionView, session_view
from domain.approval import Amendment
from hansard.api.asynchronous_outlook import ignore
from hansard.api.asynchronous_similar import AsyncSimilar

if TYPE_CHECKING:
    from application.orchestration.guarding import GuardrailFunction
    from application.orchestration.journal import Listener
    from domain.policy import Policy

LOOK_S = 0.05
"""Seconds between two looks at whether a session that is run has learned of an answer."""

PATIENCE_S = 30.0
"""Seconds within which a session that is run learns of an answer, or can be taken up."""


class AsyncApprovals(AsyncSimilar):
    """Answers what agents ask humans, from asynchronous programs; a part of `AsyncHansard`."""

    async def approvals(
        self, session: str | UUID | None = None, *, answered: bool = False
    ) -> list[SessionApprovalView]:
        """List what waits for a human, oldest first.

        What silence means is recorded first, where the time is over.

        Args:
            session: only what this session asks; what all sessions ask by default.
            answered: also what was answered: by whom, when, and how.

        Raises:
            NotFoundError: there is no such session.
        """
        session_id = None if session is None else await self._session_id(session)
        return await self._house.approvals.find(session_id, answered=answered)

    async def approval(
        self, approval: UUID, *, session: str | UUID | None = None
    ) -> SessionApprovalView:
        """Show one approval.

        Args:
            session: as it stands in this session, such as a fork; the one that asked by default.

        Raises:
            NotFoundError: there is no such approval.
        """
        return await self._house.approvals.show(approval, await self._of(session))

    async def approve(
        self, approval: UUID, *, comment: str = "", session: str | UUID | None = None
    ) -> SessionApprovalView:
        """Agree to what is proposed; a session that runs goes on at once.

        Raises:
            NotFoundError: there is no such approval.
            BadRequestError: nothing is proposed that one could agree to.
            ConflictError: somebody answered before, or nobody waits any more.
            NotAnApproverError: somebody else was asked.
        """
        return await self._house.approvals.grant(approval, comment, await self._of(session))

    async def reject(
        self, approval: UUID, *, comment: str = "", session: str | UUID | None = None
    ) -> SessionApprovalView:
        """Refuse what is proposed; raises as `approve` does.

        Args:
            comment: why; the agent is told.
        """
        return await self._house.approvals.reject(approval, comment, await self._of(session))

    async def amend(  # noqa: PLR0913 - choices, all by keyword
        self,
        approval: UUID,
        *,
        arguments: dict[str, JsonValue] | None = None,
        agent: str | None = None,
        content: JsonValue = None,
        comment: str = "",
        session: str | UUID | None = None,
    ) -> SessionApprovalView:
        """Agree to something else than is proposed; raises as `approve` does.

        Args:
            arguments: of the tool call.
            agent: handle of the agent that does the task.
            content: what stands in place of what a guardrail looked at.
        """
        amendment = Amendment(arguments=arguments, agent=agent, content=content)
        approvals = self._house.approvals
        return await approvals.amend(approval, amendment, comment, await self._of(session))

    async def go_on(
        self, session: str | UUID, approval: UUID, *, on_event: Listener = ignore
    ) -> SessionView | None:
        """Go on with a session after an approval was answered.

        Returns:
            The session as far as it went; None when the process that runs it has learned of the
            answer and goes on itself.

        Raises:
            ConflictError: the process that runs it does neither within 30 s.
        """
        session_id = await self._session_id(session)
        self._house.keep_up()
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                return session_view(await self._house.sessions.resume(session_id, on_event))
            except ConflictError:
                view = await self._house.approvals.show(approval, session_id)
                if view.received:
                    return None
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(LOOK_S)

    async def override(
        self,
        task: UUID,
        agent: str,
        *,
        reason: str,
        session: str | UUID | None = None,
    ) -> SessionView:
        """Give a task that has not ended to another specialist, who begins it anew.

        A process that runs the session stops first; `resume`, or a worker, goes on with it.

        Args:
            agent: handle of the specialist.
            reason: recorded for ever.
            session: the session in which to do so, such as a fork; the task's own by default.

        Raises:
            NotFoundError: there is no such task.
            BadRequestError: there is no reason, or the agent is none that could do it.
            ConflictError: the task has ended, or lies with the agent already, or the process that
                runs the session has not stopped within 30 s.
        """
        of = await self._of(session)
        return session_view(
            await self._house.overriding.override(task, agent, reason, session_id=of)
        )

    async def register_guardrail(self, name: str, function: GuardrailFunction) -> None:
        """Let guardrails of the kind `function` ask a function of this program.

        It is called in the event loop right before what it looks at goes on, so it answers at once
        and waits for nothing. An error that it raises stops the work.

        Args:
            name: by which the parameters of guardrails name it.
            function: is given what passes and the guardrail's options; gives None to let it pass,
                or the reason not to, perhaps with what may pass instead (`Objection`).

        Raises:
            BadRequestError: the name is taken.
        """
        functions = self._house.sessions.guardrail_functions
        if name in functions:
            raise BadRequestError(f"A guardrail function {name!r} is registered already.")
        functions[name] = function

    async def read_policy(self, file: str | Path) -> Policy:
        """Read a policy from a YAML file; what it leaves out is as in the usual policy.

        Raises:
            BadRequestError: the file cannot be read, or is no policy.
        """
        return await asyncio.to_thread(self._house.read_policy, Path(file))

    async def _of(self, session: str | UUID | None) -> UUID | None:
        return None if session is None else await self._session_id(session)
