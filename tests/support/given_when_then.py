"""Given events, when a command, then new events: how tests speak to aggregates."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate, CanInitAggregate

A = TypeVar("A", bound=Aggregate)

AT = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)
STREAM = UUID("01999999-0000-7000-8000-0000000000aa")
ENVELOPED = ("originator_id", "originator_version", "timestamp", "originator_topic")


@dataclass(frozen=True)
class Happening:
    """An event without its place: what happened, and with which attributes."""

    event_class: Any
    attributes: dict[str, Any]

    @property
    def topic(self) -> str:
        """Stable name of the event."""
        return str(self.event_class.TOPIC)


def happened(event_class: type[Any], **attributes: Any) -> Happening:
    """Name an event by its class and its own attributes."""
    return Happening(event_class, attributes)


def given(aggregate: type[A], *past: Happening, stream: UUID = STREAM) -> A:
    """Replay events, one a version, all at `AT`."""
    state: Any = None
    for version, happening in enumerate(past, start=1):
        place: dict[str, Any] = {
            "originator_id": stream,
            "originator_version": version,
            "timestamp": AT,
        }
        if issubclass(happening.event_class, CanInitAggregate):
            place["originator_topic"] = happening.topic.partition(".")[0]
        state = happening.event_class(**happening.attributes, **place).mutate(state)
    assert isinstance(state, aggregate)
    return state


def when(aggregate: A, command: Callable[[A], object]) -> list[Happening]:
    """Give a command, hold that replay leads to the same state, and tell what happened."""
    before = deepcopy(aggregate)
    command(aggregate)
    return happenings(before, aggregate)


def happenings(before: Aggregate | None, aggregate: Aggregate) -> list[Happening]:
    """Collect the new events, and hold that replaying them from `before` leads to `aggregate`."""
    events = aggregate.collect_events()
    replayed: Any = before
    for event in events:
        replayed = event.mutate(replayed)
    assert replayed == aggregate
    return [
        Happening(
            type(event),
            {name: value for name, value in vars(event).items() if name not in ENVELOPED},
        )
        for event in events
    ]
