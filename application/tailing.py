"""Tailing: events of the log as one sees them who watches it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate, CanMutateAggregate
from pydantic import JsonValue
from pydantic_core import to_json, to_jsonable_python

from application.errors import BadRequestError
from application.explaining import DESCRIPTIONS
from domain.agent import Agent
from domain.approval import Approval
from domain.audit import Audit
from domain.breaker import Breaker
from domain.conversation import Conversation
from domain.event import RecordedEvent
from domain.message import Delivery, Message
from domain.organisation import Organisation
from domain.session import Session
from domain.shard import Shard
from domain.shared_context import SharedContext, SharedValue
from domain.subject import Subject
from domain.task import Task
from domain.team import Team
from domain.topic import Publication, Subscription
from domain.value import Value

AGGREGATES: tuple[type[Aggregate], ...] = (
    Agent,
    Organisation,
    Session,
    Conversation,
    Task,
    Subject,
    Audit,
    Delivery,
    Subscription,
    Publication,
    SharedContext,
    Approval,
    Breaker,
    Team,
    Shard,
)
"""Whose events the log holds."""

TEXT_LENGTH = 300
"""Characters that are shown of what an event says."""

BASE = "Event"
"""Name of the class that all events of an aggregate come from."""

PLACE = {"originator_id", "originator_version", "originator_topic", "timestamp"}
"""Attributes of every event that its place in the log says already."""


class EventView(Value):
    """One event of the log.

    Attributes:
        recorded_at: time the database took it in; never runs backwards along `position`.
        occurred_at: time in the domain, by the clock of the process that caused it.
        stream: the aggregate's own id, or that of its continuation in a fork.
        version: the event's number in its stream.
        actor: handle of the agent, `USER` or another user, or `SYSTEM`.
        text: what happened, in one line of at most 300 characters.
        payload: everything the event says; None unless it was asked for.
    """

    position: int
    recorded_at: datetime
    occurred_at: datetime
    type: str
    session_id: UUID | None
    stream: UUID
    version: int
    actor: str
    event_id: UUID
    text: str
    payload: dict[str, JsonValue] | None = None


def event_view(recorded: RecordedEvent, *, full: bool = False) -> EventView:
    """View an event.

    Args:
        full: with its payload.
    """
    event: Any = recorded.event
    return EventView(
        position=recorded.position,
        recorded_at=recorded.recorded_at,
        occurred_at=event.timestamp,
        type=recorded.type,
        session_id=recorded.session_id,
        stream=event.originator_id,
        version=event.originator_version,
        actor=recorded.envelope.actor,
        event_id=recorded.envelope.event_id,
        text=one_line(event),
        payload=to_jsonable_python(_said(event)) if full else None,
    )


def one_line(event: Any) -> str:
    """Say in one line what an event says, whatever its type."""
    describe = _TEXTS.get(type(event), _attributes)
    text = " ".join(describe(event).split())
    return text if len(text) <= TEXT_LENGTH else f"{text[: TEXT_LENGTH - 1]}…"


@cache
def event_types() -> tuple[str, ...]:
    """List the types of all events that are known here, in order of name."""
    return tuple(sorted(kind.TOPIC for kind in _event_classes()))


def choose_types(patterns: Collection[str]) -> tuple[str, ...]:
    """Tell which types some patterns mean, such as `task.completed` or `task.*`.

    Args:
        patterns: names in which `*` stands for any characters and `?` for one.

    Raises:
        BadRequestError: a pattern means no known type; the message names near ones.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        found = [name for name in event_types() if fnmatchcase(name, pattern.strip().lower())]
        if not found:
            raise BadRequestError(_unknown(pattern))
        chosen.update(found)
    return tuple(sorted(chosen))


def by_actor(events: Iterable[RecordedEvent], actor: str | None) -> Iterator[RecordedEvent]:
    """Keep the events of one actor; those of all for None."""
    return (each for each in events if actor is None or each.envelope.actor == actor)


def _unknown(pattern: str) -> str:
    names = event_types()
    near = get_close_matches(pattern.strip().lower().strip("*."), names, n=3, cutoff=0.6)
    if near:
        return f"No event is of the type {pattern!r}; near it are {', '.join(near)}."
    groups = dict.fromkeys(f"{name.partition('.')[0]}.*" for name in names)
    return f"No event is of the type {pattern!r}; there are {', '.join(groups)}."


def _event_classes() -> Iterator[Any]:
    for aggregate in AGGREGATES:
        for member in vars(aggregate).values():
            is_event = isinstance(member, type) and issubclass(member, CanMutateAggregate)
            if is_event and member.__name__ != BASE:
                yield member


def _said(event: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(event).items() if name not in PLACE}


def _attributes(event: Any) -> str:
    said = _said(event)
    return to_json(said).decode() if said else ""


def _sent(message: Message) -> str:
    said = to_json(message.unpack().content).decode()
    return f"{message.from_agent} to {message.to_agent} ({message.type.value}): {said}"


def _shared(shared: SharedValue) -> str:
    if shared.value is None:
        return f"{shared.agent} took {shared.key} back"
    return f"{shared.agent} {shared.key}: {to_json(shared.value).decode()}"


_TEXTS: dict[type[Any], Callable[[Any], str]] = {
    Agent.Created: lambda event: (
        f"{event.identity.handle} joined, {event.post.level.value}: {event.identity.display_name}"
    ),
    Agent.Changed: lambda event: f"{event.display_name} has other capabilities or another post",
    Agent.Activated: lambda _: "takes work again",
    Agent.Deactivated: lambda event: f"takes no work: {event.reason}",
    Agent.Removed: lambda event: f"left: {event.reason}",
    Organisation.Created: lambda _: "founded",
    Organisation.AgentsEnrolled: lambda event: f"joined: {', '.join(event.agents)}",
    Organisation.AgentsDismissed: lambda event: f"left: {', '.join(event.handles)}",
    Organisation.RosterAdopted: lambda event: f"{len(event.departments)} departments in force",
    Conversation.Created: lambda event: f"between {' and '.join(event.participants)}",
    Subject.Created: lambda event: f"{event.subject} was forgotten: {event.reason}",
    Delivery.Created: lambda event: _sent(event.message),
    Delivery.Delivered: lambda event: f"delivered to {event.to_agent} by {event.by}",
    Delivery.Expired: lambda _: "not delivered within its time to live",
    Delivery.Dead: lambda event: f"never delivered, {event.reason.value}: {event.detail}",
    Delivery.Attempted: lambda event: f"its handler failed: {event.failure}",
    Delivery.GivenUp: lambda event: f"no reply within {event.waited_s:g} s",
    Subscription.Created: lambda event: f"{event.agent} subscribed to {event.pattern}",
    Subscription.Renewed: lambda _: "subscribed again",
    Subscription.Ended: lambda _: "subscribed no more",
    Publication.Created: lambda event: (
        f"{event.from_agent} on {event.topic}, to {', '.join(event.subscribers) or 'nobody'}"
    ),
    SharedContext.Created: lambda event: f"in session {event.session_id}",
    SharedContext.Written: lambda event: _shared(event.shared),
    SharedContext.Merged: lambda event: (
        f"from session {event.from_session_id}: {'; '.join(map(_shared, event.changed))}"
    ),
    **DESCRIPTIONS,
}
