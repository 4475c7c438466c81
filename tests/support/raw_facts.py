"""RawFacts: what counts in statistics, folded from raw events in the plainest way there is.

Nothing of the read side is used here, so that it can be held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
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


@dataclass
class RawSession:
    """A session while events are folded: what rewinds take back, and forks start from."""

    tasks: dict[UUID, RawTask] = field(default_factory=dict)
    participants: dict[UUID, tuple[str, ...]] = field(default_factory=dict)
    last_turn: dict[UUID, tuple[str, datetime]] = field(default_factory=dict)

    def begun_again(self, at: datetime) -> RawSession:
        """Let what began before a rewind or fork begin there: until then, nobody was at it."""
        for task in self.tasks.values():
            task.started_at = task.started_at and max(task.started_at, at)
            task.delegated_at = task.delegated_at and max(task.delegated_at, at)
        for stream, (speaker, said_at) in self.last_turn.items():
            self.last_turn[stream] = (speaker, max(said_at, at))
        return self


class RawFacts:
    """Folds events into facts.

    Attributes:
        facts: in order of position.
        what_if_facts: the same of what-ifs, which count nowhere.
    """

    def __init__(self, events: Iterable[RecordedEvent]) -> None:
        self.facts: list[Fact] = []
        self.what_if_facts: list[Fact] = []
        self._sessions: dict[UUID, RawSession] = {}
        self._past: dict[UUID, list[tuple[int, RawSession]]] = {}
        self._origins: dict[UUID, UUID] = {}
        self._what_ifs: set[UUID] = set()
        self._opened: dict[UUID, datetime] = {}
        self._handles: dict[UUID, str] = {}
        self._departments: dict[str, str | None] = {}
        events = list(events)
        branches = any(each.type in {"session.forked", "session.rewound"} for each in events)
        for recorded in events:
            topic, _, what = recorded.type.partition(".")
            fold: Callable[[RecordedEvent, str], None] = getattr(self, f"_{topic}", _ignore)
            fold(recorded, what)
            if branches and recorded.session_id is not None:
                state = deepcopy(self._of(recorded))
                self._past.setdefault(recorded.session_id, []).append((recorded.position, state))

    def _of(self, recorded: RecordedEvent) -> RawSession:
        assert recorded.session_id is not None
        return self._sessions.setdefault(recorded.session_id, RawSession())

    def _back(self, session_id: UUID, position: int) -> RawSession:
        """Give a session as it was at a position."""
        newest = max(each for each in self._past[session_id] if each[0] <= position)
        return deepcopy(newest[1])

    def _add(self, recorded: RecordedEvent, kind: str, agent: str | None, **values: Any) -> None:
        is_what_if = recorded.session_id in self._what_ifs
        (self.what_if_facts if is_what_if else self.facts).append(
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
        if what == "forked":
            origin = event.origin
            back = self._back(origin.session_id, origin.position)
            self._sessions[event.originator_id] = back.begun_again(event.timestamp)
            if event.what_if or origin.session_id in self._what_ifs:
                self._what_ifs.add(event.originator_id)
        if what == "rewound":
            back = self._back(event.originator_id, event.to_position)
            self._sessions[event.originator_id] = back.begun_again(event.timestamp)
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
        stream, session = event.originator_id, self._of(recorded)
        if what == "continued":
            self._origins[stream] = event.origin
            return
        stream = self._origins.get(stream, stream)
        if what == "started":
            session.participants[stream] = event.participants
            return
        speaker = event.turn.speaker
        others = [name for name in session.participants[stream] if name != speaker]
        before, said_at = session.last_turn.get(stream, (speaker, event.timestamp))
        session.last_turn[stream] = (speaker, event.timestamp)
        self._add(
            recorded,
            "turn",
            speaker,
            peer=others[0] if len(others) == 1 else None,
            latency_ms=_ms(said_at, event.timestamp) if before != speaker else None,
        )

    def _task(self, recorded: RecordedEvent, what: str) -> None:
        event: Any = recorded.event
        task_id, session = event.originator_id, self._of(recorded)
        if what == "continued":
            self._origins[task_id] = event.origin
            return
        task_id = self._origins.get(task_id, task_id)
        if what == "created":
            parent_id = event.assignment.parent_id
            session.tasks[task_id] = RawTask(event.holder, parent_id)
        task = session.tasks[task_id]
        agent, kind, values = self._of_task(session, task, event, what)
        self._add(recorded, kind, agent, task_id=task_id, **values)

    def _of_task(
        self, session: RawSession, task: RawTask, event: Any, what: str
    ) -> tuple[str, str, dict[str, Any]]:
        """Tell whom an event of a task is about, what it counts as, and what it says."""
        kind, values = f"task_{what}", dict[str, Any]()
        match what:
            case "created":
                parent = session.tasks.get(task.parent_id) if task.parent_id else None
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
    return None if start is None else max((end - start).total_seconds(), 0.0) * 1000
