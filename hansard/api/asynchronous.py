"""AsyncHansard: the one implementation of the Python API."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from pydantic import JsonValue

from application.directory import load_directory
from application.errors import BadRequestError
from application.tracing import check_traceparent
from application.views import (
    AgentView,
    SessionView,
    agent_view,
    session_view,
)
from domain.policy import Policy
from domain.session import SessionStatus
from hansard.api.asynchronous_agents import AsyncAgents
from hansard.api.asynchronous_approvals import AsyncApprovals
from hansard.api.asynchronous_audit import AsyncAudit
from hansard.api.asynchronous_branching import AsyncBranching
from hansard.api.asynchronous_comparing import AsyncComparing
from hansard.api.asynchronous_messages import AsyncMessages
from hansard.api.asynchronous_outlook import AsyncOutlook, ignore
from hansard.api.asynchronous_projections import AsyncProjections
from hansard.api.asynchronous_replay import AsyncReplay
from hansard.api.asynchronous_sharing import AsyncSharing
from hansard.api.asynchronous_tail import AsyncTail
from hansard.api.asynchronous_teams import AsyncTeams
from hansard.api.asynchronous_what_if import AsyncWhatIf
from hansard.api.asynchronous_working import AsyncWorking, is_text
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from application.forgetting import ForgettingView
    from application.integrity import Proof, Verification
    from application.orchestration.journal import Listener
    from domain.workflow import Workflow
    from hansard.bootstrap import House

MANY = 10_000


class AsyncHansard(
    AsyncOutlook,
    AsyncAgents,
    AsyncMessages,
    AsyncSharing,
    AsyncApprovals,
    AsyncBranching,
    AsyncComparing,
    AsyncAudit,
    AsyncTail,
    AsyncTeams,
    AsyncWhatIf,
    AsyncReplay,
    AsyncProjections,
    AsyncWorking,
):
    """Hansard for asynchronous programs; `hansard.open_async()` makes one.

    Database work runs in threads, so that the event loop stays free.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._tails = set()

    async def run(  # noqa: PLR0913 - choices, all by keyword
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
        on_event: Listener = ignore,
    ) -> SessionView:
        """Let the organisation do a job.

        Without a workflow, `agent` or `routing`, the agent in charge takes it: Nova, who hands it
        down the hierarchy, unless `switch_agent` chose another.

        Args:
            request: what is wanted, in the user's own words.
            inputs: files that the agents may read.
            output: folder that the results are written to; a new one below `hansard-output` by
                default, which goes again when nothing was written.
            policy: limits and thresholds in force.
            subject: the person the job is done for, under a name that says nothing about them;
                what was said is then sealed with a key of their own, until `forget` destroys it.
            traceparent: place of the job in the caller's trace (W3C Trace Context), kept with every
                event of the session, also of one that is resumed.
            workflow: how it is done; see `run_workflow`. Down the hierarchy without one.
            values: of the workflow's inputs.
            agent: handle of the agent that shall do it alone.
            routing: strategies by which one specialist of all is chosen to do it alone, for example
                `similarity` or `{"rules": 0.6, "similarity": 0.4}`.
            on_event: called with every recorded event, in order, from the event loop's thread.

        Returns:
            The ended session. Its `status` says whether the job was completed, declined or
            failed; `answer` holds what the user is told.

        Raises:
            BadRequestError: the request is empty, or an input file, the subject's name, the
                traceparent or the workflow cannot be used, or more than one of `workflow`, `agent`
                and `routing` is given.
            NotFoundError: nobody has the handle of the agent.
            InactiveAgentError: the agent, or who is in charge, takes no work.
            ConflictError: the subject was forgotten.
            UnavailableError: the database cannot be used.
        """
        trace = None if traceparent is None else check_traceparent(traceparent)
        house = self._house
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
        house.keep_up()
        fold = await house.sessions.run(charter, on_event, session_id=session_id, traceparent=trace)
        if output is None:
            await asyncio.to_thread(house.drop_if_empty, Path(charter.output_folder))
        return session_view(fold)

    async def resume(self, session: str | UUID, *, on_event: Listener = ignore) -> SessionView:
        """Finish a session whose process was lost; an ended one is returned as it is.

        Raises:
            NotFoundError: there is no such session.
            ConflictError: another process runs it.
        """
        session_id = await self._session_id(session)
        self._house.keep_up()
        return session_view(await self._house.sessions.resume(session_id, on_event))

    async def unfinished(self) -> list[UUID]:
        """List the sessions that were opened and have not ended, oldest first."""
        page = await self.sessions(status=SessionStatus.RUNNING, limit=MANY)
        return [summary.session_id for summary in reversed(page.items)]

    async def cancel(self, session: str | UUID, reason: str, *, stop: bool = False) -> SessionView:
        """Stop a session for good.

        Args:
            stop: ask the process that runs it to stop first, on whatever machine that is; otherwise
                no process may run it.

        Raises:
            NotFoundError: there is no such session.
            ConflictError: it has ended, or a process runs it, or has not stopped within 30 s.
        """
        session_id = await self._session_id(session)
        if stop:
            await self._house.sessions.stop(session_id)
        return session_view(await self._house.sessions.cancel(session_id, reason, ignore))

    async def forget(
        self, subject: str, *, reason: str = "", dry_run: bool = False
    ) -> ForgettingView:
        """Forget a person for ever: nobody can read any more what was said in their sessions.

        What happened stays: who decided, did and spent what, and when. Wherever it is interrupted,
        repeating it finishes it.

        Args:
            subject: the name that sessions were run for.
            reason: why; recorded for ever, so it names nobody. Not needed for a dry run.
            dry_run: change nothing, and tell what would be done.

        Raises:
            BadRequestError: there is no reason.
            NotFoundError: no session was ever run for this subject.
            ConflictError: a session of the subject has not ended.
            UnavailableError: the database or the key file cannot be used.
        """
        forgetting = self._house.forgetting
        if dry_run:
            return await asyncio.to_thread(forgetting.preview, subject)
        if not is_text(reason):
            raise BadRequestError("The reason is no valid text; write it in UTF-8.")
        return await asyncio.to_thread(forgetting.forget, subject, reason)

    async def session(self, session: str | UUID, at: Moment | None = None) -> SessionView:
        """View a session as it is, or as it was at a past moment.

        Raises:
            NotFoundError: there is no such session, or not yet at that moment.
            BadRequestError: the moment cannot be understood.
        """
        session_id = await self._session_id(session)
        return await asyncio.to_thread(self._view, session_id, at)

    async def agents(self, at: Moment | None = None) -> list[AgentView]:
        """List the agents of the organisation, in order of registration.

        Raises:
            BadRequestError: the moment cannot be understood.
        """
        return await asyncio.to_thread(self._agents, at)

    async def agent(self, handle: str, at: Moment | None = None) -> AgentView:
        """Show one agent.

        Raises:
            NotFoundError: nobody has this handle.
            BadRequestError: the moment cannot be understood.
        """
        return await asyncio.to_thread(self._agent, handle, at)

    async def verify(
        self,
        session: str | UUID | None = None,
        *,
        since: str | int | None = None,
        keys: str | Path | None = None,
    ) -> Verification:
        """Tell whether the record is what was recorded, and what is first not.

        Args:
            session: only the events of this session, each by a proof that it stands in the log.
            since: take for granted what a checkpoint covers: its position, or a file that holds it.
            keys: file of the verifier keys whose signatures count, one a line; those that this
                installation has signed with, by default.

        Returns:
            What was checked and found; `is_intact` says whether all is well.

        Raises:
            NotFoundError: there is no such session, or no checkpoint at that position.
            BadRequestError: the checkpoint or the keys cannot be read or do not count.
            UnavailableError: the database cannot be used.
        """
        session_id = None if session is None else await self._session_id(session)
        integrity = self._house.integrity
        return await asyncio.to_thread(
            integrity.verify, session_id, since=since, keys=None if keys is None else Path(keys)
        )

    async def export_proof(self, session: str | UUID, file: str | Path | None = None) -> Proof:
        """Write a bundle that proves a session's events to whoever has neither log nor Hansard.

        Args:
            file: to write, with the program that checks it beside it;
                `hansard-proof-SESSION.json` in the working folder by default.

        Raises:
            NotFoundError: there is no such session.
            IntegrityError: the record is not what was signed, so that nothing can be proven.
            BadRequestError: the file cannot be written.
            UnavailableError: the database or the key cannot be used.
        """
        session_id = await self._session_id(session)
        path = None if file is None else Path(file)
        return await asyncio.to_thread(self._house.integrity.export_proof, session_id, path)

    async def close(self) -> None:
        """Close connections and leave the embedded server."""
        await self._end_tails()
        await self._end_messaging()
        await self._house.model.aclose()
        await asyncio.to_thread(self._house.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _view(self, session_id: UUID, at: Moment | None) -> SessionView:
        return session_view(self._house.sessions.fold(session_id, self._until(at)))

    def _agents(self, at: Moment | None) -> list[AgentView]:
        directory = load_directory(self._house.log, self._until(at))
        return [agent_view(agent) for agent in directory.agents.values()]

    def _agent(self, handle: str, at: Moment | None) -> AgentView:
        return agent_view(load_directory(self._house.log, self._until(at)).agent(handle))


async def open_async(**settings: Any) -> AsyncHansard:
    """Open Hansard for an asynchronous program.

    Args:
        settings: fields of `infrastructure.settings.Settings`, for example `home`, `database_url`
            or `model`; what is left out comes from the environment.

    Raises:
        BadRequestError: a setting or the roster is invalid.
        UnavailableError: the database cannot be used.
    """
    from hansard.bootstrap import build, load_settings  # noqa: PLC0415 - heavy

    return AsyncHansard(await asyncio.to_thread(build, load_settings(**settings)))
