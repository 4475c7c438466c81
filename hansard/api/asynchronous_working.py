"""AsyncWorking: leave sessions to workers, let them wait, and stop all work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import JsonValue

from application.errors import BadRequestError
from application.tracing import check_traceparent
from application.views import SessionView, session_view
from domain.priority import Priority
from domain.session import SessionStatus
from hansard.api.asynchronous_agents import taken_by
from hansard.api.asynchronous_workflows import AsyncWorkflows

if TYPE_CHECKING:
    from domain.organisation import Halt
    from domain.policy import Policy
    from domain.session import Charter
    from domain.workflow import Workflow

MOST_LEFT_OPEN = 2
"""Of the three ways to say who does a job, two are left open at least."""

ENDS = ("session.completed", "session.declined", "session.failed", "session.cancelled")


class AsyncWorking(AsyncWorkflows):
    """Uses workers from asynchronous programs; a part of `AsyncHansard`."""

    async def submit(  # noqa: PLR0913 - choices, all by keyword
        self,
        request: str,
        inputs: Iterable[str | Path] = (),
        *,
        output: str | Path | None = None,
        policy: Policy | None = None,
        subject: str | None = None,
        traceparent: str | None = None,
        workflow: Workflow | str | Path | None = None,
        values: Mapping[str, JsonValue] | None = None,
        agent: str | None = None,
        routing: str | Mapping[str, float] | None = None,
        priority: str | None = None,
    ) -> UUID:
        """Record a job for the workers (`hansard worker`) to do, and return at once.

        Args:
            request: what is wanted; this and what follows is as for `run`.
            priority: `urgent`, `high`, `normal` or `low`: which jobs are begun first.

        Returns:
            Id of the new session, which `wait` waits for.

        Raises:
            BadRequestError: as `run`, or there is no such priority.
            ConflictError: the subject was forgotten.
            UnavailableError: the database cannot be used.
        """
        trace = None if traceparent is None else check_traceparent(traceparent)
        rank = None if priority is None else _priority(priority)
        session_id, charter = await self._chartered(
            request,
            inputs,
            output=output,
            policy=policy,
            subject=subject,
            workflow=workflow,
            values=values,
            agent=agent,
            routing=routing,
        )
        charter = charter.model_copy(update={"priority": rank})
        sessions = self._house.sessions
        return await sessions.submit(charter, session_id=session_id, traceparent=trace)

    async def _chartered(  # noqa: PLR0913 - choices, all by keyword
        self,
        request: str,
        inputs: Iterable[str | Path],
        *,
        output: str | Path | None,
        policy: Policy | None,
        subject: str | None,
        workflow: Workflow | str | Path | None,
        values: Mapping[str, JsonValue] | None,
        agent: str | None,
        routing: str | Mapping[str, float] | None,
    ) -> tuple[UUID, Charter]:
        """Make the id and the charter of a new session; raises as `run` does."""
        if (workflow, agent, routing).count(None) < MOST_LEFT_OPEN:
            raise BadRequestError("Give one of workflow, agent and routing; each says who does it.")
        if not request.strip():
            raise BadRequestError("The request is empty; say what is wanted.")
        if not is_text(request):
            raise BadRequestError("The request is no valid text; write it in UTF-8.")
        house = self._house
        session_id = house.sessions.ids.new()
        folder = house.output_folder(output, session_id)
        if workflow is None:
            bound = await taken_by(house, request, agent, routing)
        else:
            bound = await self.bind_workflow(workflow, values)
        charter = await asyncio.to_thread(
            house.charter, request, inputs, folder, policy, subject, workflow=bound
        )
        return session_id, charter

    async def is_left_to_workers(self, session: str | UUID) -> bool:
        """Tell whether a session was submitted, so that nobody else finishes it unasked.

        Raises:
            NotFoundError: there is no such session.
        """
        session_id = await self._session_id(session)
        fold = await asyncio.to_thread(self._house.sessions.fold, session_id)
        return fold.session.charter.detached

    async def wait(self, session: str | UUID) -> SessionView:
        """Wait until a session has ended, whoever runs it.

        Raises:
            NotFoundError: there is no such session.
        """
        session_id = await self._session_id(session)
        sessions = self._house.sessions
        fold = await asyncio.to_thread(sessions.fold, session_id)
        while fold.session.status is SessionStatus.RUNNING:
            follower = sessions.log.follow(after=fold.position, session_id=session_id, types=ENDS)
            try:
                await asyncio.to_thread(next, follower, None)
            finally:
                follower.stop()
            fold = await asyncio.to_thread(sessions.fold, session_id)
        return session_view(fold)

    async def pause(self, session: str | UUID, reason: str) -> SessionView:
        """Let a session wait until it is resumed; a process that runs it stops first.

        Raises:
            BadRequestError: there is no reason.
            NotFoundError: there is no such session.
            ConflictError: it has ended, or the process has not stopped within 30 s.
        """
        _require(reason, "the session waits")
        session_id = await self._session_id(session)
        return session_view(await self._house.sessions.pause(session_id, reason))

    async def let_go_on(self, session: str | UUID) -> SessionView:
        """Take a session off hold, for workers to go on with; an ended one stays as it is.

        Raises:
            NotFoundError: there is no such session.
            ConflictError: a process runs it.
        """
        session_id = await self._session_id(session)
        return session_view(await self._house.sessions.let_go_on(session_id))

    async def stop_all(self, reason: str) -> Halt:
        """Stop all work: no process begins anything, on any machine, until `release`.

        Sessions stay as they are. Stopped once more, it tells the halt that is in force.

        Raises:
            BadRequestError: there is no reason.
            UnavailableError: the database cannot be used.
        """
        _require(reason, "all work is stopped")
        house = self._house
        return await asyncio.to_thread(house.halting.halt, house.person, reason)

    async def release(self, reason: str = "") -> Halt | None:
        """Let work go on after `stop_all`.

        Returns:
            The halt that was in force; None when there was none.

        Raises:
            UnavailableError: the database cannot be used.
        """
        house = self._house
        return await asyncio.to_thread(house.halting.release, house.person, reason)


def is_text(text: str) -> bool:
    """Tell whether a text can be written in UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _priority(name: str) -> Priority:
    try:
        return Priority(name.lower())
    except ValueError:
        known = ", ".join(repr(each.value) for each in Priority)
        raise BadRequestError(f"There is no priority {name!r}: say one of {known}.") from None


def _require(reason: str, what: str) -> None:
    if not reason.strip():
        raise BadRequestError(f"Say why {what}; the reason is kept.")
