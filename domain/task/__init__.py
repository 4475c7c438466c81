"""Task: a unit of work, who holds it, the effects it took, and its result."""

from __future__ import annotations

from domain.task.aggregate import Task, UnknownEffectError
from domain.task.values import ENDED, Assignment, Result, Step, TaskStatus

__all__ = ["ENDED", "Assignment", "Result", "Step", "Task", "TaskStatus", "UnknownEffectError"]
