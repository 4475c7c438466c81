"""Matching: tasks of a plan that wait for an agent of one team are given out at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from application.assigning import Assigner, assign_fairly
from domain.routing import Need, Profile, fitness_in_team


@dataclass(frozen=True, slots=True)
class Matching:
    """Tasks that are given out together.

    Attributes:
        needs: of all that wait for an agent, in plan order.
        own: place of the task that is decided on among them.
        held: how many tasks of the plan each member has already, by handle.
    """

    needs: Sequence[Need]
    own: int
    held: Mapping[str, int]


def assigned(matching: Matching, members: Sequence[Profile], assigner: Assigner) -> str | None:
    """Tell who gets the task when all are given out so that they fit best together.

    Args:
        members: of the team that may have the task.

    Returns:
        The handle; None without members.
    """
    if not members:
        return None
    fitness = [[fitness_in_team(member, need) for member in members] for need in matching.needs]
    held = [matching.held.get(member.handle, 0) for member in members]
    return members[assign_fairly(fitness, assigner, held)[matching.own]].handle
