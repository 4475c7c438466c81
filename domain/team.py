"""Team: agents that were put together for what is needed, watched, changed and let go."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from eventsourcing.domain import Aggregate, event
from pydantic import Field, StringConstraints

from domain.decision import Share
from domain.errors import DomainError, TransitionError
from domain.teaming import TeamScore
from domain.value import NonEmptyText, NonEmptyWords, Value

TeamName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{1,40}$")]
"""Name of a team, unique among those that stand, for example `quarter-end`."""

SUCCESS_WEIGHT = 0.6
PACE_WEIGHT = 0.2
BALANCE_WEIGHT = 0.2


class TeamStatus(StrEnum):
    """Whether a team stands."""

    FORMED = "formed"
    DISSOLVED = "dissolved"


class TeamNeed(Value):
    """What a team is needed for: a task, or a skill.

    Attributes:
        key: short name, unique within the team.
        skills: wanted skills, most important first.
        words: title and instruction of the task, if it is for one.
    """

    key: NonEmptyText
    skills: tuple[NonEmptyText, ...]
    words: NonEmptyWords | None = None


class Considered(Value):
    """An agent that could have been a member.

    Attributes:
        fitness: 0 to 1 for each need, by its key.
        reliability: 0 to 1, what its record says of its success; part of the fitness.
    """

    agent_id: UUID
    handle: NonEmptyText
    fitness: dict[str, Share]
    reliability: Share


class Formation(Value):
    """A team as it was chosen: who, out of whom, by which score, and what was known.

    Attributes:
        members: handles, in order.
        assigned: handle of the member that each need fits best when all are given out at once, by
            key of the need.
        considered: all candidates, the fittest first.
        search: `exact` when all possible teams were compared, else `greedy`.
        compared: how many teams were compared.
        knowledge_position: position of the log up to which who chose knew it.
    """

    members: tuple[NonEmptyText, ...]
    score: TeamScore
    assigned: dict[str, NonEmptyText]
    considered: tuple[Considered, ...]
    search: NonEmptyText
    compared: Annotated[int, Field(ge=1)]
    knowledge_position: Annotated[int, Field(ge=0)]


class MemberFigures(Value):
    """What a member did since it joined the team.

    Attributes:
        completed: tasks.
        failed: tasks.
        mean_s: seconds that a task took it on average; None without a task.
        load: tasks that it has under way.
        performance: 0 to 1; None without a task that ended.
    """

    handle: NonEmptyText
    completed: Annotated[int, Field(ge=0)]
    failed: Annotated[int, Field(ge=0)]
    mean_s: Annotated[float, Field(ge=0)] | None = None
    load: Annotated[int, Field(ge=0)] = 0
    performance: Share | None = None


class Assessment(Value):
    """How a team does.

    Attributes:
        performance: 0 to 1; None before the first task ended.
        threshold: performance under which a team, or a member, is not good enough.
        weak: handles of members that are under it, or do not take work any more.
        knowledge_position: position of the log up to which it was known.
    """

    performance: Share | None
    threshold: Share
    members: tuple[MemberFigures, ...]
    weak: tuple[NonEmptyText, ...]
    knowledge_position: Annotated[int, Field(ge=0)]


class DuplicateTeamNameError(DomainError):
    """A team of this name stands already."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"A team named {name!r} stands already; choose another name, or dissolve it first."
        )


def performance_of(
    figures: MemberFigures, expected_s: float | None, mean_load: float
) -> Share | None:
    """Tell how well a member does: success (0.6), pace (0.2) and balance of load (0.2).

    Success is the share of its tasks that it completed. Pace is the mean time of all members'
    tasks over its own mean, at most 1. Balance is the mean load over its own, at most 1.

    Args:
        expected_s: mean seconds of a task over all members; None when none is known.
        mean_load: mean number of tasks under way over all members.
    """
    ended = figures.completed + figures.failed
    if not ended:
        return None
    pace = 1.0
    if figures.mean_s and expected_s is not None:
        pace = min(1.0, expected_s / figures.mean_s)
    balance = 1.0 if figures.load <= mean_load else mean_load / figures.load
    success = figures.completed / ended
    return round(SUCCESS_WEIGHT * success + PACE_WEIGHT * pace + BALANCE_WEIGHT * balance, 4)


class Team(Aggregate):
    """Aggregate of one team."""

    TOPIC = "team"

    class Event(Aggregate.Event):
        """An event of a team."""

    class Created(Aggregate.Created):
        """The team was chosen."""

        TOPIC = "team.formed"
        name: TeamName
        needs: tuple[TeamNeed, ...]
        formation: Formation

    class Assessed(Aggregate.Event):
        """It was looked at how the team does."""

        TOPIC = "team.assessed"
        assessment: Assessment

    class Reformed(Aggregate.Event):
        """Members were exchanged."""

        TOPIC = "team.reformed"
        formation: Formation
        left: tuple[NonEmptyText, ...]
        joined: tuple[NonEmptyText, ...]
        reason: NonEmptyText

    class Dissolved(Aggregate.Event):
        """The team is no more."""

        TOPIC = "team.dissolved"
        reason: NonEmptyWords

    @event(Created)
    def __init__(self, name: str, needs: tuple[TeamNeed, ...], formation: Formation) -> None:
        self.name = name
        self.needs = needs
        self.formation = formation
        self.status = TeamStatus.FORMED
        self.joined_at: dict[str, int] = dict.fromkeys(
            formation.members, formation.knowledge_position
        )
        self.assessment: Assessment | None = None
        self.reformations = 0
        self.reason = ""

    @classmethod
    def form(
        cls,
        team_id: UUID,
        name: str,
        needs: tuple[TeamNeed, ...],
        formation: Formation,
        at: datetime,
    ) -> Team:
        """Form a team."""
        return cls._create(
            cls.Created, id=team_id, timestamp=at, name=name, needs=needs, formation=formation
        )

    @property
    def members(self) -> tuple[str, ...]:
        """NonEmptyTexts of the members, in order."""
        return self.formation.members

    def assess(self, assessment: Assessment, at: datetime) -> None:
        """Record how the team does."""
        self._require_formed("be assessed")
        self._assessed(assessment=assessment, timestamp=at)

    def reform(self, formation: Formation, reason: str, at: datetime) -> None:
        """Exchange members; a team of the same members is not reformed."""
        self._require_formed("be reformed")
        left = tuple(handle for handle in self.members if handle not in formation.members)
        joined = tuple(handle for handle in formation.members if handle not in self.members)
        if left or joined:
            self._reformed(
                formation=formation, left=left, joined=joined, reason=reason, timestamp=at
            )

    def dissolve(self, reason: str, at: datetime) -> None:
        """Let the team go; its history stays."""
        self._require_formed("be dissolved")
        self._dissolved(reason=reason, timestamp=at)

    def _require_formed(self, command: str) -> None:
        if self.status is not TeamStatus.FORMED:
            raise TransitionError(f"Team {self.name!r}", self.status.value, command)

    @event(Assessed)
    def _assessed(self, assessment: Assessment, timestamp: datetime) -> None:
        self.assessment = assessment

    @event(Reformed)
    def _reformed(
        self,
        formation: Formation,
        left: tuple[str, ...],
        joined: tuple[str, ...],
        reason: str,
        timestamp: datetime,
    ) -> None:
        self.formation = formation
        self.joined_at = {
            handle: self.joined_at.get(handle, formation.knowledge_position)
            for handle in formation.members
        }
        self.assessment = None
        self.reformations += 1

    @event(Dissolved)
    def _dissolved(self, reason: str, timestamp: datetime) -> None:
        self.status = TeamStatus.DISSOLVED
        self.reason = reason
