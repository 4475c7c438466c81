"""AsyncAgents: the part of the Python API that lets agents join, pause and leave, and routes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from application.directory import Directory, load_directory
from application.errors import BadRequestError
from application.registration import (
    activate_agent,
    deactivate_agent,
    put_in_charge,
    register_agent,
    remove_agent,
)
from application.views import AgentView, agent_view
from domain.policy import STANDARD, Policy
from hansard.api.asynchronous_statistics import AsyncStatistics

if TYPE_CHECKING:
    from application.routing.previewing import RouteView
    from domain.workflow import Workflow
    from hansard.bootstrap import House


class AsyncAgents(AsyncStatistics):
    """Looks after agents from asynchronous programs; a part of `AsyncHansard`.

    Sessions that run go on with the organisation as it was when they were opened.
    """

    async def register_agent(self, configuration: Mapping[str, Any] | str | Path) -> AgentView:
        """Let an agent join that is on no roster; roster changes do not touch it.

        Args:
            configuration: `id`, `name`, `department` and what else an agent on a roster has, or a
                YAML file that says so. Without `skills` they are inferred from its own `tools`; its
                level, skills and department give it further tools, as on a roster.

        Raises:
            BadRequestError: the configuration is invalid; the message lists every problem.
            DuplicateAgentNameError: an agent with this id is registered already.
            NotFoundError: its department or supervisor does not exist.
        """

        def register() -> AgentView:
            sessions = self._house.sessions
            given = configuration if isinstance(configuration, Mapping) else Path(configuration)
            member = self._house.member(given, load_directory(sessions.log))
            register_agent(sessions.log, sessions.ids, sessions.clock, member)
            return agent_view(load_directory(sessions.log).agent(member.handle))

        return await asyncio.to_thread(register)

    async def activate_agent(self, handle: str) -> AgentView:
        """Let an agent take work again.

        Raises:
            NotFoundError: nobody has this handle.
            TransitionError: it is active already.
        """
        return await self._changed(activate_agent, handle)

    async def deactivate_agent(self, handle: str, reason: str) -> AgentView:
        """Let an agent take no work until it is activated.

        Raises:
            NotFoundError: nobody has this handle.
            TransitionError: it is inactive already.
            BadRequestError: there is no reason.
        """
        return await self._changed(deactivate_agent, handle, _said(reason))

    async def remove_agent(self, handle: str, reason: str) -> AgentView:
        """Take an agent out of the organisation and free its handle; its history stays.

        Returns:
            The agent as it was.

        Raises:
            NotFoundError: nobody has this handle.
            BadRequestError: there is no reason.
        """

        def remove() -> AgentView:
            sessions = self._house.sessions
            before = agent_view(load_directory(sessions.log).agent(handle))
            remove_agent(sessions.log, sessions.ids, sessions.clock, handle, _said(reason))
            return before

        return await asyncio.to_thread(remove)

    async def unload_idle_agents(
        self, idle: timedelta | str, *, dry_run: bool = False
    ) -> tuple[str, ...]:
        """Deactivate the specialists that were not used for a time; whoever leads stays.

        Args:
            idle: how long, for example `30d`.
            dry_run: change nothing.

        Returns:
            Handles of those that were, or would be, deactivated.

        Raises:
            BadRequestError: the duration cannot be understood.
        """
        from application.unloading import unload_idle  # noqa: PLC0415 - only here
        from hansard.api.moments import as_duration  # noqa: PLC0415

        length = as_duration(idle)
        page = await self.stats()
        last_used = {view.agent: view.last_used for view in page.items}
        sessions = self._house.sessions

        def unload() -> tuple[str, ...]:
            return unload_idle(
                sessions.log, sessions.ids, sessions.clock, last_used, length, dry_run=dry_run
            )

        return await asyncio.to_thread(unload)

    async def agent_in_charge(self) -> AgentView:
        """Tell who takes requests that name no agent: Nova, unless another was chosen."""
        directory = await asyncio.to_thread(load_directory, self._house.log)
        return agent_view(directory.agent_in_charge)

    async def switch_agent(self, handle: str) -> AgentView:
        """Let an agent take the requests that name none from now on; Nova hands them to MasterMind.

        Raises:
            NotFoundError: nobody has this handle.
            InactiveAgentError: it takes no work.
        """
        return await self._changed(put_in_charge, handle)

    async def route(
        self,
        request: str,
        *,
        strategy: str | Mapping[str, float] | None = None,
        skills: Sequence[str] = (),
        department: str | None = None,
        policy: Policy | None = None,
    ) -> RouteView:
        """Tell who would get a request, with all candidates and their scores; nothing is run.

        Args:
            strategy: one by name, or several with the weight of each; by default the policy's.
                Those that ask models are left out.
            skills: that the request asks for, most important first; those that it names, when
                empty.
            department: only its specialists, as its director would decide.

        Raises:
            BadRequestError: the request is empty, there is no such strategy, or only models could
                say.
            NotFoundError: there is no such department.
            NoActiveAgentError: no specialist takes work.
        """
        from application.routing.previewing import preview  # noqa: PLC0415 - rare
        from application.routing.reading import read_routing  # noqa: PLC0415

        if not request.strip():
            raise BadRequestError("The request is empty; say what is wanted.")
        in_force = policy or STANDARD
        routing = in_force.routing if strategy is None else read_routing(strategy)

        def decide() -> RouteView:
            sessions = self._house.sessions
            directory: Directory = load_directory(sessions.log)
            return preview(
                directory,
                lambda weights: sessions.evidence.ready(weights.keys(), directory.position),
                request,
                routing=routing,
                skills=skills,
                department=department,
                policy=in_force,
                decision_id=sessions.ids.new(),
                at=sessions.clock.now(),
            )

        return await asyncio.to_thread(decide)

    async def _changed(self, change: Callable[..., object], handle: str, *said: str) -> AgentView:
        def carry_out() -> AgentView:
            sessions = self._house.sessions
            change(sessions.log, sessions.ids, sessions.clock, handle, *said)
            return agent_view(load_directory(sessions.log).agent(handle))

        return await asyncio.to_thread(carry_out)


async def taken_by(
    house: House,
    request: str,
    agent: str | None,
    routing: str | Mapping[str, float] | None,
) -> Workflow | None:
    """Tell how a request is done that no workflow says; see `workflow_for_input`."""
    from application.routing.input import workflow_for_input  # noqa: PLC0415 - sessions alone

    directory = await house.sessions.directories.now()
    return workflow_for_input(directory, request, agent=agent, routing=routing)


def _said(reason: str) -> str:
    if not reason.strip():
        raise BadRequestError("Say why; the reason is recorded.")
    return reason.strip()
