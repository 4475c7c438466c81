"""Naming: ids replaced by what they stand for, so that histories with other ids can be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from application.comparing.views import EventView
from application.ports import EventLog
from domain.event import RecordedEvent

SESSION, CONVERSATION = "session", "conversation"

ENVELOPED = frozenset({"originator_id", "originator_version", "timestamp", "originator_topic"})
"""Attributes of every event that say where it stands, not what happened."""

INCIDENTAL = frozenset(
    {
        "agent_id",
        "call_id",
        "conversation_id",
        "decision_id",
        "delegation_id",
        "duration_ms",
        "event_id",
        "knowledge_position",
        "lineage",
        "opened_at",
        "output_folder",
        "position",
        "recorded_at",
        "root_task_id",
        "session_id",
        "state_hash",
        "task_id",
        "turn_id",
    }
)
"""Fields that follow from ids, positions, times and places alone; agents are told by handle."""

UNORDERED = frozenset({"pending", "steps"})
"""Lists of effects; those that run at the same time end in any order, but are called in one."""

OPAQUE = frozenset({"arguments", "content", "data", "shared_context"})
"""Fields with JSON of models and tools, in which a name means whatever they meant by it."""


class Names:
    """What ids of one history stand for.

    Tasks are known by their keys, the second of a key as `key#2`; effects by their task and the
    order in which they were called, as `key:1`.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._keys: Counter[str] = Counter()
        self._effects: Counter[str] = Counter()
        self._order: dict[str, int] = {}
        self._origins: dict[UUID, UUID] = {}

    def learn(self, recorded: RecordedEvent) -> None:
        """Learn what an event of the history says about ids."""
        event: Any = recorded.event
        learn = _LEARNING.get(recorded.type)
        if learn is not None:
            learn(self, event)
        if hasattr(event, "effect_id"):
            self._learn_effect(event.effect_id, self.subject(recorded))

    def add_task(self, task_id: UUID, key: str) -> None:
        """Learn the key of a task."""
        if str(task_id) not in self._names:
            self._keys[key] += 1
            number = self._keys[key]
            self._names[str(task_id)] = key if number == 1 else f"{key}#{number}"

    def continue_stream(self, stream: UUID, origin: UUID) -> None:
        """Learn that a fork goes on with an aggregate in a stream of its own."""
        self._origins[stream] = origin

    def subject(self, recorded: RecordedEvent) -> str:
        """Name what an event is about: `session`, `conversation`, or a task under its key."""
        kind = recorded.type.partition(".")[0]
        return kind if kind != "task" else self.task(recorded.event.originator_id)

    def effect(self, recorded: RecordedEvent) -> str:
        """Name the effect that an event is about; empty when it is about none."""
        effect_id = getattr(recorded.event, "effect_id", None)
        return "" if effect_id is None else self._names[str(effect_id)]

    def task(self, stream: UUID) -> str:
        """Name a task by its id, or by a stream of it."""
        task_id = self._origins.get(stream, stream)
        return self._names.get(str(task_id), str(task_id))

    def document(self, value: object) -> JsonValue:
        """Turn a value into JSON without what follows from ids, positions and times alone."""
        return self._plain(to_jsonable_python(value))

    def _plain(self, value: Any) -> JsonValue:
        if isinstance(value, str):
            return self._names.get(value, value)
        if isinstance(value, list):
            return [self._plain(item) for item in value]
        if isinstance(value, dict):
            return {
                self._names.get(str(name), str(name)): self._field(name, part)
                for name, part in value.items()
                if name not in INCIDENTAL
            }
        return value  # type: ignore[no-any-return]

    def _field(self, name: str, value: Any) -> JsonValue:
        if name in OPAQUE:
            return value  # type: ignore[no-any-return]
        if name in UNORDERED and isinstance(value, list):
            value = sorted(value, key=lambda item: self._order.get(str(item.get("effect_id")), 0))
        return self._plain(value)

    def _learn_effect(self, effect_id: UUID, task: str) -> None:
        if str(effect_id) not in self._names:
            self._effects[task] += 1
            self._order[str(effect_id)] = len(self._order)
            self._names[str(effect_id)] = f"{task}:{self._effects[task]}"

    def _learn_plan(self, task_ids: Mapping[str, UUID]) -> None:
        for key, task_id in task_ids.items():
            self.add_task(task_id, key)


_LEARNING: dict[str, Callable[[Names, Any], None]] = {
    "task.created": lambda names, event: names.add_task(event.originator_id, event.assignment.key),
    "task.decomposed": lambda names, event: names._learn_plan(event.task_ids),  # noqa: SLF001
    "task.continued": lambda names, event: names.continue_stream(event.originator_id, event.origin),
}


def payload(recorded: RecordedEvent) -> dict[str, Any]:
    """Give what happened, without where it stands in the log."""
    event: Any = recorded.event
    return {name: value for name, value in vars(event).items() if name not in ENVELOPED}


def event_view(recorded: RecordedEvent, task_key: str | None) -> EventView:
    """View an event."""
    return EventView(
        position=recorded.position,
        recorded_at=recorded.recorded_at,
        event_id=recorded.envelope.event_id,
        session_id=recorded.envelope.session_id,
        type=recorded.type,
        actor=recorded.envelope.actor,
        task_key=task_key,
    )


def task_key(recorded: RecordedEvent, log: EventLog) -> str | None:
    """Look up the key of the task that an event is about; None when it is about none."""
    if not recorded.type.startswith("task."):
        return None
    first: Any = next(log.read(stream=recorded.event.originator_id, limit=1)).event
    while hasattr(first, "origin"):
        first = next(log.read(stream=first.origin, limit=1)).event
    return str(first.assignment.key)
