"""Learning: what became of the work of agents, folded from the newest part of the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from application.routing.ports import ANY_SKILL, LearnedRecords
from domain.effect import FailureKind
from domain.event import RecordedEvent
from domain.routing import TrackRecord

BLOCK = 20_000
"""Positions whose tasks are forgotten together: the newest one to two blocks are learned from, so
that records tell of agents as they are now."""

NOT_ITS_FAULT = frozenset({FailureKind.DEPENDENCY, FailureKind.CANCELLED})
"""Failures of tasks that say nothing about who had them."""


def begins_at(position: int, block: int = BLOCK) -> int:
    """Tell after which position a task must have been created to be learned from.

    It follows from the position alone, so that whoever learns up to it learns the same.
    """
    return max((position // block - 1) * block, 0)


@dataclass(slots=True)
class _Work:
    """A task, and what it took the agent that has it."""

    block: int
    skills: tuple[str, ...]
    holder: str
    started_at: datetime | None = None
    cost_usd: float = 0.0
    is_priced: bool = False
    asked: str = ""


@dataclass(slots=True)
class _Sums:
    """What became of work of one kind.

    Attributes:
        priced: tasks that had a price.
    """

    completed: int = 0
    failed: int = 0
    duration_s: float = 0.0
    cost_usd: float = 0.0
    priced: int = 0

    def add(self, other: _Sums) -> None:
        self.completed += other.completed
        self.failed += other.failed
        self.duration_s += other.duration_s
        self.cost_usd += other.cost_usd
        self.priced += other.priced

    @property
    def record(self) -> TrackRecord:
        tasks = self.completed + self.failed
        return TrackRecord(
            completed=self.completed,
            failed=self.failed,
            duration_s=self.duration_s / tasks if tasks else None,
            cost_usd=self.cost_usd / self.priced if self.priced else None,
        )


class RecordFold:
    """Sums up work by agent and skill; what-ifs do not count.

    Args:
        block: positions that are forgotten together.

    Attributes:
        handlers: what to do with each type of event.
    """

    def __init__(self, block: int = BLOCK) -> None:
        self._block = block
        self._works: dict[UUID, _Work] = {}
        self._what_ifs: dict[UUID, int] = {}
        self._sums: dict[int, dict[tuple[str, str], _Sums]] = {}
        self.handlers: dict[str, Callable[[RecordedEvent], None]] = {
            "session.forked": self._forked,
            "task.created": self._created,
            "task.continued": self._continued,
            "task.delegated": self._delegated,
            "task.started": self._started,
            "task.model_answered": self._answered,
            "task.handoff_requested": self._asked,
            "task.handoff_accepted": self._accepted,
            "task.completed": self._completed,
            "task.failed": self._failed,
            "task.skipped": self._failed,
            "task.reopened": self._reopened,
        }

    def evolve(self, recorded: RecordedEvent) -> None:
        """Take in the next event of one of the types in `EVENT_TYPES`."""
        if recorded.session_id not in self._what_ifs or recorded.type == "session.forked":
            self.handlers[recorded.type](recorded)

    def forget_before(self, begin: int) -> None:
        """Forget what happened up to a position where a block ends, as if it were never read."""
        oldest = begin // self._block
        self._sums = {block: sums for block, sums in self._sums.items() if block >= oldest}
        self._works = {id_: work for id_, work in self._works.items() if work.block >= oldest}
        self._what_ifs = {id_: at for id_, at in self._what_ifs.items() if at > begin}

    def learned(self, position: int) -> LearnedRecords:
        """Give the records, which were taken in up to a position."""
        totals: dict[tuple[str, str], _Sums] = {}
        for block in sorted(self._sums):
            for key, sums in self._sums[block].items():
                totals.setdefault(key, _Sums()).add(sums)
        records: dict[str, dict[str, TrackRecord]] = {}
        for (agent, skill), total in totals.items():
            records.setdefault(agent, {})[skill] = total.record
        return LearnedRecords(position, records)

    def _forked(self, recorded: RecordedEvent) -> None:
        event: Any = recorded.event
        if event.what_if or event.origin.session_id in self._what_ifs:
            self._what_ifs[event.originator_id] = recorded.position

    def _created(self, recorded: RecordedEvent) -> None:
        event: Any = recorded.event
        block = (recorded.position - 1) // self._block
        self._works[event.originator_id] = _Work(block, event.assignment.skills, event.holder)

    def _continued(self, recorded: RecordedEvent) -> None:
        event: Any = recorded.event
        origin = self._works.get(event.origin)
        if origin is not None:
            self._works[event.originator_id] = replace(origin, cost_usd=0.0, is_priced=False)

    def _delegated(self, recorded: RecordedEvent) -> None:
        event: Any = recorded.event
        self._pass_to(recorded, event.delegation.to_agent)

    def _pass_to(self, recorded: RecordedEvent, holder: str) -> None:
        work = self._works.get(recorded.event.originator_id)
        if work is not None:
            work.holder, work.started_at = holder, None
            work.cost_usd, work.is_priced = 0.0, False

    def _started(self, recorded: RecordedEvent) -> None:
        work = self._works.get(recorded.event.originator_id)
        if work is not None:
            event: Any = recorded.event
            work.started_at = event.timestamp

    def _answered(self, recorded: RecordedEvent) -> None:
        event: Any = recorded.event
        work, cost = self._works.get(event.originator_id), event.answer.cost_usd
        if work is None or cost is None or work.started_at is None:
            return
        if recorded.envelope.actor == work.holder:
            work.cost_usd += float(cost)
            work.is_priced = True

    def _asked(self, recorded: RecordedEvent) -> None:
        event: Any = recorded.event
        work = self._works.get(event.originator_id)
        if work is not None:
            work.asked = event.handoff.to_agent

    def _accepted(self, recorded: RecordedEvent) -> None:
        work = self._works.get(recorded.event.originator_id)
        if work is not None:
            self._pass_to(recorded, work.asked)
            self._started(recorded)

    def _completed(self, recorded: RecordedEvent) -> None:
        self._end(recorded, succeeded=True)

    def _failed(self, recorded: RecordedEvent) -> None:
        event: Any = recorded.event
        if event.failure.kind not in NOT_ITS_FAULT:
            self._end(recorded, succeeded=False)

    def _reopened(self, recorded: RecordedEvent) -> None:
        event: Any = recorded.event
        self._failed(recorded)
        self._pass_to(recorded, event.holder)

    def _end(self, recorded: RecordedEvent, *, succeeded: bool) -> None:
        event: Any = recorded.event
        work = self._works.get(event.originator_id)
        if work is None or work.started_at is None:
            return
        took = max((event.timestamp - work.started_at).total_seconds(), 0.0)
        for skill in dict.fromkeys((ANY_SKILL, *work.skills)):
            block = self._sums.setdefault(work.block, {})
            sums = block.setdefault((work.holder, skill), _Sums())
            sums.completed += succeeded
            sums.failed += not succeeded
            sums.duration_s += took
            sums.cost_usd += work.cost_usd
            sums.priced += work.is_priced


EVENT_TYPES = tuple(RecordFold().handlers)
"""Types of events that are learned from."""
