"""Agents: the synchronous face of what lets agents join, pause and leave, and routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.policy import Policy
from hansard.api.caller import Caller

if TYPE_CHECKING:
    from application.routing.previewing import RouteView
    from application.views import AgentView


class Agents:
    """Looks after agents; a part of `Hansard`.

    Each method runs the method of the same name of `AsyncAgents`, which documents it.
    """

    def register_agent(self: Caller, configuration: Mapping[str, Any] | str | Path) -> AgentView:
        """Let an agent join that is on no roster, from its configuration or a YAML file."""
        return self._call(self._inner.register_agent, configuration)

    def activate_agent(self: Caller, handle: str) -> AgentView:
        """Let an agent take work again."""
        return self._call(self._inner.activate_agent, handle)

    def deactivate_agent(self: Caller, handle: str, reason: str) -> AgentView:
        """Let an agent take no work until it is activated."""
        return self._call(self._inner.deactivate_agent, handle, reason)

    def remove_agent(self: Caller, handle: str, reason: str) -> AgentView:
        """Take an agent out of the organisation; its history stays."""
        return self._call(self._inner.remove_agent, handle, reason)

    def unload_idle_agents(
        self: Caller, idle: timedelta | str, *, dry_run: bool = False
    ) -> tuple[str, ...]:
        """Deactivate the specialists that were not used for a time."""
        return self._call(self._inner.unload_idle_agents, idle, dry_run=dry_run)

    def agent_in_charge(self: Caller) -> AgentView:
        """Tell who takes requests that name no agent."""
        return self._call(self._inner.agent_in_charge)

    def switch_agent(self: Caller, handle: str) -> AgentView:
        """Let an agent take the requests that name none from now on."""
        return self._call(self._inner.switch_agent, handle)

    def route(
        self: Caller,
        request: str,
        *,
        strategy: str | Mapping[str, float] | None = None,
        skills: Sequence[str] = (),
        department: str | None = None,
        policy: Policy | None = None,
    ) -> RouteView:
        """Tell who would get a request, with all candidates and their scores; nothing is run."""
        return self._call(
            self._inner.route,
            request,
            strategy=strategy,
            skills=skills,
            department=department,
            policy=policy,
        )
