"""Telling: one pass over a session's history that collects what explains a task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from application.auditing.finding import decision_of
from application.auditing.knowledge import Directories, knowledge_at
from application.auditing.views import KnowledgeView
from application.fold import SessionFold
from domain.decision import Decision
from domain.event import RecordedEvent
from domain.policy import Policy
from domain.spending import Spent, added
from domain.task import Task


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision on the task, with what can only be told at its place in the history.

    Attributes:
        from_agent: who had the task and decided.
        started_at: when an agent took the task up on it.
    """

    recorded: RecordedEvent
    decision: Decision
    from_agent: str
    policy: Policy
    knowledge: KnowledgeView
    started_at: datetime | None = None

    @property
    def waiting_ms(self) -> float | None:
        """Milliseconds until an agent took the task up."""
        return _ms_between(self.recorded.event.timestamp, self.started_at)


class Telling:
    """What a session's history says about one of its tasks.

    Attributes:
        fold: of the whole history.
        told: the events, each with the aggregate it is about.
        decided: the decisions on the task, oldest first.
        ended: the event with which the task ended; None before that.
        working_ms: milliseconds from when the task was last taken up to its end.
    """

    def __init__(
        self, history: Iterable[RecordedEvent], task_id: UUID, directories: Directories
    ) -> None:
        self.fold = SessionFold()
        self.told: list[tuple[RecordedEvent, UUID]] = []
        self.decided: list[Decided] = []
        self.ended: RecordedEvent | None = None
        self._spent: dict[UUID, Spent] = {}
        self._started_at: datetime | None = None
        self._task_id = task_id
        self._directories = directories
        for recorded in history:
            self._take_in(recorded)

    @property
    def working_ms(self) -> float | None:
        """Milliseconds from when the task was last taken up to its end."""
        ended_at = None if self.ended is None else self.ended.event.timestamp
        return _ms_between(self._started_at, ended_at)

    def own(self, task_id: UUID) -> Spent:
        """Tell what a task took itself."""
        return self._spent.get(task_id, Spent())

    def inclusive(self, task_id: UUID) -> Spent:
        """Tell what a task and all tasks below it took."""
        below = [each.id for each in self.fold.tasks if each.assignment.parent_id == task_id]
        return added(self.own(task_id), *map(self.inclusive, below))

    def ancestors(self, task_id: UUID) -> Iterator[UUID]:
        """Name the tasks that a task was cut out of, nearest first."""
        parent = self.fold.task(task_id).assignment.parent_id
        while parent is not None and self.fold.has(parent):
            yield parent
            parent = self.fold.task(parent).assignment.parent_id

    def _take_in(self, recorded: RecordedEvent) -> None:
        fold, event = self.fold, recorded.event
        about = fold.aggregate_of(event.originator_id)
        if about == self._task_id:
            self._note(recorded)
        fold.evolve(recorded)
        about = fold.aggregate_of(event.originator_id)
        self.told.append((recorded, about))
        taken = _taken(event)
        if taken is not None:
            self._spent[about] = added(self.own(about), taken)

    def _note(self, recorded: RecordedEvent) -> None:
        event = recorded.event
        decision = decision_of(recorded)
        if decision is not None:
            self.decided.append(
                Decided(
                    recorded=recorded,
                    decision=decision,
                    from_agent=self.fold.task(self._task_id).holder,
                    policy=self.fold.session.charter.policy,
                    knowledge=knowledge_at(
                        decision,
                        self._task_id,
                        self.fold,
                        added(*self._spent.values()),
                        self._directories,
                    ),
                )
            )
        elif isinstance(event, Task.Started):
            self._started_at = event.timestamp
            if self.decided:
                self.decided[-1] = replace(self.decided[-1], started_at=event.timestamp)
        elif isinstance(event, TASK_ENDS):
            self.ended = recorded


def _taken(event: Any) -> Spent | None:
    if isinstance(event, Task.ModelCalled):
        return Spent(model_calls=1)
    if isinstance(event, Task.ToolCalled):
        return Spent(tool_calls=1)
    if isinstance(event, Task.ModelAnswered):
        usage = event.answer.usage
        return Spent(
            input_tokens=usage.context_tokens,
            output_tokens=usage.output_tokens,
            cost_usd=event.answer.cost_usd,
        )
    return None


def _ms_between(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return max((end - start).total_seconds(), 0.0) * 1000  # a clock may have been set back


TASK_ENDS = (Task.Completed, Task.Failed, Task.Skipped, Task.Cancelled)
