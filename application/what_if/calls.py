"""Calls: what a history asked of models and tools, and what came back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from application.directory import Directory
from application.fold import SessionFold
from application.orchestration.briefing import Briefing
from application.ports import Toolbox
from application.what_if.requests import Request, digest, model_request, tool_request
from domain.conversation import USER
from domain.effect import Failure, FailureKind, ModelAnswer, ToolAnswer
from domain.event import RecordedEvent
from domain.recovery import compression_after
from domain.session import Session
from domain.task import Task

Outcome = ModelAnswer | ToolAnswer | Failure


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt to ask a model or to use a tool.

    Attributes:
        position: where it was announced; when a lost process had announced it too, the last one.
        name: what the model was asked for, or the tool.
        number: which call of this name within its task, from 1; further attempts keep it.
        failures: attempts that had failed before.
        agent: handle of the agent for whom it was made.
        allowed: False for a tool that the agent had no right to: nobody was asked.
        timeout_s: seconds that it could have taken.
        write: writes the request down again.
        outcome: None when there is none, or none yet.
        answered: position of the outcome.
        given: whether a user gave the outcome.
    """

    position: int
    effect_id: UUID
    task_id: UUID
    task_key: str
    kind: Literal["model", "tool"]
    name: str
    number: int
    failures: int
    agent: str
    allowed: bool
    key: str
    timeout_s: float
    write: Callable[[], Request]
    outcome: Outcome | None = None
    answered: int | None = None
    given: bool = False

    @property
    def place(self) -> tuple[str, str, str, int, int]:
        """Where in a session it was made, whatever was asked."""
        return self.task_key, self.kind, self.name, self.number, self.failures

    def fits(self, timeout_s: float) -> bool:
        """Tell whether its outcome is what a call with another time-out would have got."""
        if isinstance(self.outcome, Failure):
            return self.outcome.kind is not FailureKind.TIMED_OUT or timeout_s <= self.timeout_s
        return self.outcome is not None and self.outcome.duration_ms <= timeout_s * 1000


class CallReader:
    """Reads the calls out of a history, folding it step by step.

    Args:
        directory: the organisation as it was when the session was opened.

    Attributes:
        fold: the history as far as it was read.
        calls: those that have an outcome, in the order of their outcomes.
        pending: those that have none, by effect.
        folders: output folders of the session and its ancestors, its own first.
    """

    def __init__(self, directory: Directory, toolbox: Toolbox) -> None:
        self.fold = SessionFold()
        self.calls: list[Call] = []
        self.pending: dict[UUID, Call] = {}
        self.folders: list[str] = []
        self._toolbox = toolbox
        self._registered = directory
        self._adapt(directory)
        self._numbers: dict[UUID, int] = {}
        self._counts: Counter[tuple[UUID, str, str]] = Counter()

    @property
    def all(self) -> list[Call]:
        """All calls, in the order in which they were announced."""
        return sorted([*self.calls, *self.pending.values()], key=lambda call: call.position)

    def read(self, history: Iterable[RecordedEvent]) -> None:
        """Read on."""
        for recorded in history:
            self.take(recorded)

    def take(self, recorded: RecordedEvent) -> None:
        """Take in the next event of the history."""
        event: Any = recorded.event
        self.fold.evolve(recorded)
        match event:
            case Session.Created():
                self.folders.insert(0, event.charter.output_folder)
            case Session.Forked():
                self.folders.insert(0, event.charter.output_folder)
                self._adapt(self._registered.adapted(event.capabilities))
            case Task.ModelCalled():
                self.pending[event.effect_id] = self._asked(recorded.position, event)
            case Task.ToolCalled():
                self.pending[event.effect_id] = self._used(recorded.position, event)
            case Task.ModelAnswered() | Task.ToolAnswered():
                self._settle(recorded, event.answer)
            case Task.ModelFailed() | Task.ToolFailed():
                self._settle(recorded, event.failure)

    def _adapt(self, directory: Directory) -> None:
        self._directory = directory
        self._briefing = Briefing(self.fold, directory, self._toolbox)

    def _settle(self, recorded: RecordedEvent, outcome: Outcome) -> None:
        event: Any = recorded.event
        call = self.pending.pop(event.effect_id)
        given = recorded.envelope.actor == USER
        self.calls.append(replace(call, outcome=outcome, answered=recorded.position, given=given))

    def _asked(self, position: int, event: Any) -> Call:
        task = self.fold.task(self.fold.aggregate_of(event.originator_id))
        brief = self._briefing.brief(event.purpose, task, event.agent)
        compression = compression_after(task.failed_attempts.get(event.effect_id, []))

        def write() -> Request:
            return model_request(event.model, brief, compression)

        return self._call(position, event, task, "model", event.purpose, write)

    def _used(self, position: int, event: Any) -> Call:
        task = self.fold.task(self.fold.aggregate_of(event.originator_id))
        request = tool_request(event.agent, event.call, task, self.fold)
        return self._call(position, event, task, "tool", event.call.tool, lambda: request)

    def _call(  # noqa: PLR0913, PLR0917 - the parts of a call
        self,
        position: int,
        event: Any,
        task: Task,
        kind: Literal["model", "tool"],
        name: str,
        write: Callable[[], Request],
    ) -> Call:
        policy = self.fold.session.charter.policy
        capabilities = self._directory.agent(event.agent).capabilities
        return Call(
            position=position,
            effect_id=event.effect_id,
            task_id=task.id,
            task_key=task.assignment.key,
            kind=kind,
            name=name,
            number=self._number(event.effect_id, (task.id, kind, name)),
            failures=len(task.failed_attempts.get(event.effect_id, ())),
            agent=event.agent,
            allowed=kind == "model" or capabilities.may_use(name),
            key=digest(write()),
            timeout_s=policy.model_timeout_s if kind == "model" else policy.tool_timeout_s,
            write=write,
        )

    def _number(self, effect_id: UUID, place: tuple[UUID, str, str]) -> int:
        if effect_id not in self._numbers:
            self._counts[place] += 1
            self._numbers[effect_id] = self._counts[place]
        return self._numbers[effect_id]
