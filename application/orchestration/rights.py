"""Rights: what may be used, handed off and cut up on a task; nobody passes on more than he has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from application.fold import SessionFold
from application.orchestration.procedures import terms_of
from domain.planning import Plan
from domain.policy import Policy
from domain.task import Task
from domain.workflow import Terms


def tools_of(task: Task, own: Sequence[str], fold: SessionFold) -> tuple[str, ...]:
    """List the tools that an agent may use on a task, in order of its own.

    The terms of a task narrow what its agent is authorised to use; those of a task in which it is
    nested narrow it too, so that a procedure cannot give more than it was given.

    Args:
        own: tools that the agent is authorised to use.
    """
    allowed = [terms.tools for terms in _terms_around(task, fold) if terms.tools is not None]
    return tuple(tool for tool in own if all(tool in tools for tools in allowed))


def handoffs_of(task: Task, fold: SessionFold) -> tuple[str, ...]:
    """List whom a task may be handed to: declared targets that those around it allow as well.

    A task in which it is nested narrows only where it declares targets itself.
    """
    own, *around = _terms_around(task, fold)
    allowed = [terms.handoffs for terms in around if terms.handoffs]
    return tuple(each for each in own.handoffs if all(each in others for others in allowed))


def excess_of(task: Task, plan: Plan, fold: SessionFold, policy: Policy) -> str | None:
    """Say why a plan is more than a task may be cut into; None when it is not.

    Args:
        plan: tasks that are to be added to those it has.
    """
    number = len(task.task_ids) + len(plan.tasks)
    if policy.max_fan_out is not None and number > policy.max_fan_out:
        return (
            f"Task {task.assignment.key!r} would be cut into {number} tasks; at most"
            f" {policy.max_fan_out} are allowed."
        )
    depth = depth_of(task, fold) + 1
    if policy.max_depth is not None and plan.tasks and depth > policy.max_depth:
        return (
            f"The tasks of {task.assignment.key!r} would lie {depth} levels below the request; at"
            f" most {policy.max_depth} are allowed."
        )
    return None


def depth_of(task: Task, fold: SessionFold) -> int:
    """Tell how many levels a task lies below the request."""
    return sum(1 for _ in _ancestors(task, fold))


def may_use(task: Task, tool: str, own: Collection[str], fold: SessionFold) -> bool:
    """Tell whether an agent may use a tool on a task.

    Args:
        own: tools that the agent is authorised to use.
    """
    return tool in tools_of(task, tuple(own), fold)


def _terms_around(task: Task, fold: SessionFold) -> Iterator[Terms]:
    yield terms_of(task, fold)
    for above in _ancestors(task, fold):
        yield terms_of(above, fold)


def _ancestors(task: Task, fold: SessionFold) -> Iterator[Task]:
    while task.assignment.parent_id is not None:
        task = fold.task(task.assignment.parent_id)
        yield task
