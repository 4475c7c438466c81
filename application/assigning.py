"""Assigning: many tasks given out at once, so that together they fit their agents best."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Protocol


class Assigner(Protocol):
    """Solves the assignment problem."""

    def assign(self, worth: Sequence[Sequence[float]]) -> list[int]:
        """Give each row a column of its own, so that the sum of the chosen entries is greatest.

        Args:
            worth: one row for each task, with as many columns as rows, or more.

        Returns:
            The column of each row.
        """
        ...


def assign_fairly(
    fitness: Sequence[Sequence[float]], assigner: Assigner, load: Sequence[int] = ()
) -> list[int]:
    """Give each task to an agent so that the fitness of all is greatest together.

    Nobody gets more than an equal share, `ceil((tasks + load) / agents)`, of all tasks, those that
    they have already among them.

    Args:
        fitness: one row for each task, one column for each agent; 0 to 1.
        load: tasks of the same plan that each agent has already; by default none.

    Returns:
        The agent of each task, by its column.

    Raises:
        ValueError: there are tasks and no agents.
    """
    if not fitness:
        return []
    agents = len(fitness[0])
    if not agents:
        raise ValueError("tasks cannot be assigned without agents")
    has = list(load) or [0] * agents
    places = _places(len(fitness), has)
    chosen = assigner.assign([[row[agent] for agent in places] for row in fitness])
    return [places[column] for column in chosen]


def _places(tasks: int, has: Sequence[int]) -> list[int]:
    """List the agents, each as often as it may get a task."""
    share = ceil((tasks + sum(has)) / len(has))
    return [agent for place in range(share) for agent, own in enumerate(has) if place < share - own]
