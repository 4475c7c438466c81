"""Values: what is known of a task, session, conversation or agent before an event."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias
from uuid import UUID

from domain.session import SessionStatus


@dataclass(slots=True)
class EffectContext:
    """A call that awaits its answer: on whose behalf, and of which model or tool."""

    agent: str
    name: str


@dataclass(slots=True)
class TaskContext:
    """What is known of a task before an event.

    Attributes:
        task_id: its own id, which it keeps in a fork although it goes on there in another stream.
        session_id: the session that the event belongs to, of a fork its own.
        holder: agent that has it.
        sender: agent that passed it to the holder; None while its maker has it.
        delegated_at: times in the domain, as all others; None before it happened.
        effects: calls by id of the effect.
        handed_to: agent that was asked last to take it over.
    """

    task_id: UUID
    session_id: UUID | None
    parent_id: UUID | None
    department: str | None
    holder: str
    created_at: datetime
    sender: str | None = None
    delegated_at: datetime | None = None
    started_at: datetime | None = None
    effects: dict[UUID, EffectContext] = field(default_factory=dict)
    handed_to: str | None = None


@dataclass(slots=True)
class SessionContext:
    """When a session was opened or forked, what was asked, and how it stands.

    Attributes:
        opened_at: time in the domain.
        began_at: the same moment as time of recording.
        status_position: where it came to stand so; None while it runs as it was opened.
    """

    opened_at: datetime
    began_at: datetime
    request: str
    status: SessionStatus = SessionStatus.RUNNING
    status_position: int | None = None

    def stand(self, status: SessionStatus, position: int) -> bool:
        """Take in what an event says of the status; tell whether that is worth a fact."""
        if SessionStatus.RUNNING is self.status is status:
            return False
        self.status, self.status_position = status, position
        return True


@dataclass(slots=True)
class ConversationContext:
    """Who takes part in a conversation, and who spoke last and when.

    Attributes:
        conversation_id: its own id, as `task_id` of a task.
    """

    conversation_id: UUID
    session_id: UUID | None
    participants: tuple[str, ...]
    last_speaker: str | None = None
    last_said_at: datetime | None = None

    def other_than(self, speaker: str) -> str | None:
        """Name the other participant; None when there is not exactly one."""
        others = [name for name in self.participants if name != speaker]
        return others[0] if len(others) == 1 else None


@dataclass(slots=True)
class AgentContext:
    """An agent as it is registered."""

    handle: str
    department: str | None


StreamContext: TypeAlias = TaskContext | SessionContext | ConversationContext


class Segment(NamedTuple):
    """A stretch of the log, `after < position <= until`, of which a session's events count."""

    session_id: UUID
    after: int
    until: int


class Course(NamedTuple):
    """What course a session took.

    Attributes:
        is_straight: whether all its own events are its history, and no others.
        is_what_if: whether it is a what-if, or a fork of one.
        turned_at: time in the domain when it was last rewound or forked off; None for never.
    """

    is_straight: bool
    is_what_if: bool
    turned_at: datetime | None = None


STRAIGHT = Course(is_straight=True, is_what_if=False)
