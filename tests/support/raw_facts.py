"""RawFacts: what counts in statistics, folded from raw events in the plainest way there is.

Nothing of the read side is used here, so that it can be held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.effect import Usage
from domain.event import RecordedEvent


@dataclass
class Fact:
    """One event that counts."""

    position: int
    recorded_at: datetime
    kind: str
    session_id: UUID | None = None
    task_id: UUID | None = None
    agent: str | None = None
    department: str | None = None
    peer: str | None = None
    name: str | None = None
    error: str | None = None
    duration_ms: float | None = None
    latency_ms: float | None = None
    usage: Usage | None = None
    cost_usd: Decimal | None = None


@dataclass
class RawTask:
    """A task while events are folded."""

    holder: str
    parent_id: UUID | None
    sender: str | None = None
    delegated_at: datetime | None = None
    started_at: datetime | None = None
    effects: dict[UUID, tuple[str, str]] = field(default_factory=dict)


class RawFacts:
    """Folds events into facts.

    Attributes:
        facts: in order of position.
    """

    def __init__(self, events: Iterable[RecordedEvent]) -> None:
        self.facts: list[Fact] = []
        self._tasks: dict[UUID, RawTask] = {}
        self._opened: dict[UUID, datetime] = {}
        self._participants: dict[UUID, tuple[str, ...]] = {}
        self._last_turn: dict[UUID, tuple[str, datetime]] = {}
        self._handles: dict[UUID, str] = {}
        self._departments: dict[str, str | None] = {}
        for recorded in events:
            topic, _, what = recorded.type.partition(".")
            fold: Callable[[RecordedEvent, str], None] = getattr(self, f"_{topic}", _ignore)
            fold(recorded, what)

    def _add(self, recorded: RecordedEvent, kind: str, agent: str | None, **values: Any) -> None:
        self.facts.append(
            Fact(
                recorded.position,
                recorded.recorded_at,
                kind,
                session_id=recorded.envelope.session_id,
                agent=agent,
                department=self._departments.get(agent) if agent else None,
                **values,
            )
        )

    def _session(self, recorded: RecordedEvent, what: str) -> None:
        event: Any = recorded.event
        if what == "interpreted":
            return
        opened_at = self._opened.get(event.originator_id)
        self._opened.setdefault(event.originator_id, event.timestamp)
        self._add(
            recorded,
            f"session_{what}",
            None,
            error=event.failure.kind.value if what == "failed" else None,
            latency_ms=_ms(opened_at, event.timestamp),
        )

    def _agent(self, recorded: RecordedEvent, what: str) -> None:
        event: Any = recorded.event
        if what == "registered":
            self._handles[event.originator_id] = event.identity.handle
        handle = self._handles[event.originator_id]
        if what in {"registered", "changed"}:
            self._departments[handle] = event.post.department
        self._add(recorded, f"agent_{what}", handle)

    def _conversation(self, recorded: RecordedEvent, what: str) -> None:
        event: Any = recorded.event
        stream = event.originator_id
        if what == "started":
            self._participants[stream] = event.participants
            return
        speaker = event.turn.speaker
        others = [name for name in self._participants[stream] if name != speaker]
        before, said_at = self._last_turn.get(stream, (speaker, event.timestamp))
        self._last_turn[stream] = (speaker, event.timestamp)
        self._add(
            recorded,
            "turn",
            speaker,
            peer=others[0] if len(others) == 1 else None,
            latency_ms=_ms(said_at, event.timestamp) if before != speaker else None,
        )

    def _task(self, recorded: RecordedEvent, what: str) -> None:
        event: Any = recorded.event
        task_id = event.originator_id
        if what == "created":
            parent_id = event.assignment.parent_id
            self._tasks[task_id] = RawTask(event.holder, parent_id)
        task = self._tasks[task_id]
        agent, kind, values = self._of_task(task, event, what)
        self._add(recorded, kind, agent, task_id=task_id, **values)

    def _of_task(self, task: RawTask, event: Any, what: str) -> tuple[str, str, dict[str, Any]]:
        """Tell whom an event of a task is about, what it counts as, and what it says."""
        kind, values = f"task_{what}", dict[str, Any]()
        match what:
            case "created":
                parent = self._tasks.get(task.parent_id) if task.parent_id else None
                values = {"peer": parent.holder if parent else None}
            case "delegated":
                task.sender = event.delegation.from_agent
                task.holder = event.delegation.to_agent
                task.delegated_at = event.timestamp
                strategy = event.delegation.decision.strategy
                kind, values = "delegation", {"peer": task.sender, "name": strategy}
            case "unplaced":
                kind, values = "unplaced", {"name": event.decision.strategy}
            case "started":
                task.started_at = event.timestamp
                waited = _ms(task.delegated_at, event.timestamp)
                values = {"peer": task.sender, "latency_ms": waited}
            case "decomposed":
                pass
            case "completed" | "failed" | "cancelled":
                values = {
                    "peer": task.sender,
                    "error": event.failure.kind.value if what == "failed" else None,
                    "duration_ms": _ms(task.started_at, event.timestamp),
                    "latency_ms": _ms(task.delegated_at, event.timestamp),
                }
            case _:
                return self._of_effect(task, event, what)
        return task.holder, kind, values

    @staticmethod
    def _of_effect(task: RawTask, event: Any, what: str) -> tuple[str, str, dict[str, Any]]:
        if what in {"model_called", "tool_called"}:
            name = event.model if what == "model_called" else event.call.tool
            task.effects[event.effect_id] = (event.agent, name)
            return event.agent, what.removesuffix("ed"), {"name": name}
        agent, name = task.effects[event.effect_id]
        match what:
            case "model_answered":
                answer = event.answer
                values = {
                    "name": answer.model,
                    "duration_ms": answer.duration_ms,
                    "usage": answer.usage,
                    "cost_usd": answer.cost_usd,
                }
                return agent, "model_answer", values
            case "tool_answered":
                took = event.answer.duration_ms
                return agent, "tool_answer", {"name": name, "duration_ms": took}
            case "answer_rejected":
                return agent, "answer_rejected", {"name": name}
        kind = what.replace("failed", "failure")
        return agent, kind, {"name": name, "error": event.failure.kind.value}


def _ignore(recorded: RecordedEvent, what: str) -> None:
    """Count nothing."""


def _ms(start: datetime | None, end: datetime) -> float | None:
    return None if start is None else (end - start).total_seconds() * 1000
