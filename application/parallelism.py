"""Parallelism: how far the tasks of a procedure ran side by side, by the times of events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from application.fold import SessionFold
from application.orchestration.procedures import children_of
from domain.task import Task
from domain.value import Value

MS = 1000.0


class Parallelism(Value):
    """Figures of the tasks that a task was cut into, as far as they have begun.

    A task is at work from the moment it was first begun until it ended, or until its newest event.

    Attributes:
        tasks: how many have begun.
        agents: how many agents did them.
        peak: the most that were at work at once.
        span_ms: milliseconds from the first beginning to the last end.
        busy_ms: milliseconds at work, of all tasks together.
        speed_up: busy time over span: how many were at work on average.
        utilisation: speed-up over peak, 0 to 1: how full the lanes were that were used.
        balance: mean over greatest busy time of the agents, 0 to 1; 1 when all did the same.
    """

    tasks: int
    agents: int
    peak: int
    span_ms: float
    busy_ms: float
    speed_up: float
    utilisation: float
    balance: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """When an agent was at work on a task, in seconds of any clock."""

    agent: str
    begin: float
    end: float


def parallelism_of(task: Task, fold: SessionFold) -> Parallelism | None:
    """Measure the tasks that a task was cut into; None while none of them has begun."""
    stretches = [_stretch(child) for child in children_of(task, fold) if child.begun_on]
    return measure(stretches) if stretches else None


def measure(stretches: Sequence[Stretch]) -> Parallelism:
    """Measure work; there is at least one stretch."""
    begin, end = min(each.begin for each in stretches), max(each.end for each in stretches)
    busy: dict[str, float] = {}
    for each in stretches:
        busy[each.agent] = busy.get(each.agent, 0.0) + each.end - each.begin
    total, span = sum(busy.values()), end - begin
    peak, most = _peak(stretches), max(busy.values())
    speed_up = total / span if span > 0 else 1.0
    return Parallelism(
        tasks=len(stretches),
        agents=len(busy),
        peak=peak,
        span_ms=round(span * MS, 3),
        busy_ms=round(total * MS, 3),
        speed_up=round(speed_up, 4),
        utilisation=round(min(speed_up / peak, 1.0), 4),
        balance=round(total / len(busy) / most, 4) if most > 0 else 1.0,
    )


def _stretch(task: Task) -> Stretch:
    begun = (task.begun_on or task.modified_on).timestamp()
    ended = max(task.modified_on.timestamp(), begun)  # a clock may have been set back
    return Stretch(task.holder, begun, ended)


def _peak(stretches: Iterable[Stretch]) -> int:
    """Count the most that were at work at once; one that ends as another begins is not."""
    turns = sorted(turn for each in stretches for turn in ((each.begin, 1), (each.end, -1)))
    most = at_work = 0
    for _, change in turns:
        at_work += change
        most = max(most, at_work)
    return max(most, 1)
