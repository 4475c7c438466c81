"""Agent: a member of the organisation, what it may do, and whether it is active."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from eventsourcing.domain import Aggregate, event
from pydantic import AwareDatetime, Field, StringConstraints

from domain.errors import TransitionError
from domain.level import Level as Level  # noqa: PLC0414 - whoever knows agents knows their levels
from domain.value import NonEmptyText, Value, later

Handle = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,31}$")]
"""The unique readable name of an agent, for example `FIN_007`."""


class AgentIdentity(Value):
    """Who an agent is.

    Attributes:
        handle: unique in the organisation; `display_name` may repeat.
        created_at: time of registration, with a zone.
    """

    agent_id: UUID
    handle: Handle
    display_name: NonEmptyText
    created_at: AwareDatetime


class AgentCapabilities(Value):
    """What an agent can and may do.

    Attributes:
        skills: specialisation tags in the vocabulary of the roster.
        tools: names of the tools it is authorised to use.
        patterns: words that mark its work in a task; `*` stands for any letters, as in `invoic*`,
            and several words in one pattern must all occur.
        max_reasoning_turns: model calls it may spend on one task.
        max_memory_turns: turns of history its context holds.
    """

    description: str = ""
    skills: tuple[NonEmptyText, ...] = ()
    tools: tuple[NonEmptyText, ...] = ()
    max_reasoning_turns: Annotated[int, Field(ge=1)] = 5
    max_memory_turns: Annotated[int, Field(ge=0)] = 50
    patterns: tuple[NonEmptyText, ...] = later(())

    def may_use(self, tool: str) -> bool:
        """Tell whether the agent is authorised to use a tool."""
        return tool in self.tools

    def has_skill(self, skill: str) -> bool:
        """Tell whether the agent carries a specialisation tag."""
        return skill in self.skills


class Post(Value):
    """An agent's place in the hierarchy.

    Attributes:
        department: key of its department; None for Nova and MasterMind.
        supervisor: handle of the agent it reports to; None for Nova.
    """

    level: Level
    department: NonEmptyText | None
    supervisor: Handle | None


class Agent(Aggregate):
    """Aggregate of one agent; its stream is its whole career."""

    TOPIC = "agent"

    class Event(Aggregate.Event):
        """An event of an agent."""

    class Created(Aggregate.Created):
        """The agent joined the organisation."""

        TOPIC = "agent.registered"
        identity: AgentIdentity
        post: Post
        capabilities: AgentCapabilities

    class Changed(Aggregate.Event):
        """A new roster gave the agent another name, post or other capabilities."""

        TOPIC = "agent.changed"
        display_name: str
        post: Post
        capabilities: AgentCapabilities

    class Activated(Aggregate.Event):
        """The agent takes work again."""

        TOPIC = "agent.activated"

    class Deactivated(Aggregate.Event):
        """The agent takes no work until it is activated."""

        TOPIC = "agent.deactivated"
        reason: str

    class Removed(Aggregate.Event):
        """The agent left the organisation for good."""

        TOPIC = "agent.removed"
        reason: str

    @event(Created)
    def __init__(
        self, identity: AgentIdentity, post: Post, capabilities: AgentCapabilities
    ) -> None:
        self.identity = identity
        self.post = post
        self.capabilities = capabilities
        self.active = True
        self.removed = False

    @classmethod
    def register(
        cls, identity: AgentIdentity, post: Post, capabilities: AgentCapabilities
    ) -> Agent:
        """Register an agent under the id and time its identity carries."""
        return cls._create(
            cls.Created,
            id=identity.agent_id,
            timestamp=identity.created_at,
            identity=identity,
            post=post,
            capabilities=capabilities,
        )

    @property
    def handle(self) -> str:
        """The agent's unique readable name."""
        return self.identity.handle

    def change(
        self, display_name: str, post: Post, capabilities: AgentCapabilities, at: datetime
    ) -> None:
        """Give the agent another name, post or other capabilities; the same ones change nothing."""
        self._require_present("be changed")
        current = (self.identity.display_name, self.post, self.capabilities)
        if current != (display_name, post, capabilities):
            self._changed(
                display_name=display_name, post=post, capabilities=capabilities, timestamp=at
            )

    def activate(self, at: datetime) -> None:
        """Let the agent take work again."""
        self._require_present("be activated")
        if self.active:
            raise TransitionError(f"Agent {self.handle!r}", "active", "be activated")
        self._activated(timestamp=at)

    def deactivate(self, reason: str, at: datetime) -> None:
        """Let the agent take no work until it is activated."""
        self._require_present("be deactivated")
        if not self.active:
            raise TransitionError(f"Agent {self.handle!r}", "inactive", "be deactivated")
        self._deactivated(reason=reason, timestamp=at)

    def remove(self, reason: str, at: datetime) -> None:
        """Take the agent out of the organisation; its history stays."""
        self._require_present("be removed")
        self._removed(reason=reason, timestamp=at)

    def _require_present(self, command: str) -> None:
        if self.removed:
            raise TransitionError(f"Agent {self.handle!r}", "removed", command)

    @event(Changed)
    def _changed(
        self,
        display_name: str,
        post: Post,
        capabilities: AgentCapabilities,
        timestamp: datetime,
    ) -> None:
        self.identity = self.identity.model_copy(update={"display_name": display_name})
        self.post = post
        self.capabilities = capabilities

    @event(Activated)
    def _activated(self, timestamp: datetime) -> None:
        self.active = True

    @event(Deactivated)
    def _deactivated(self, reason: str, timestamp: datetime) -> None:
        self.active = False

    @event(Removed)
    def _removed(self, reason: str, timestamp: datetime) -> None:
        self.active = False
        self.removed = True
