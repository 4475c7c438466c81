"""Team views: teams as they stood at a position, folded from the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from application.ports import EventReader
from domain.team import Assessment, Formation, Team, TeamNeed, TeamStatus
from domain.value import Value

TEAM_TYPES = ("team.formed", "team.assessed", "team.reformed", "team.dissolved")


class TeamView(Value):
    """A team as it stood.

    Attributes:
        joined_at: position of the log as of which each member was chosen, by handle.
        assessment: the latest since members were exchanged.
        reformations: how often members were exchanged.
        reason: why it was dissolved.
        formed_at: time of recording.
        position: of its latest event.
    """

    team_id: UUID
    name: str
    status: TeamStatus
    needs: tuple[TeamNeed, ...]
    formation: Formation
    joined_at: dict[str, int]
    assessment: Assessment | None
    reformations: int
    reason: str
    formed_at: datetime
    position: int

    @property
    def members(self) -> tuple[str, ...]:
        """Handles of the members, in order."""
        return self.formation.members


def team_views(log: EventReader, at: int | None = None) -> list[TeamView]:
    """Show all teams there had been at a position (None: now), in order of formation."""
    teams: dict[UUID, Team] = {}
    formed_at: dict[UUID, datetime] = {}
    positions: dict[UUID, int] = {}
    for recorded in log.read(until=at, types=TEAM_TYPES):
        event: Any = recorded.event
        team_id = event.originator_id
        teams[team_id] = cast("Team", event.mutate(teams.get(team_id)))
        formed_at.setdefault(team_id, recorded.recorded_at)
        positions[team_id] = recorded.position
    return [
        TeamView(
            team_id=team_id,
            name=team.name,
            status=team.status,
            needs=team.needs,
            formation=team.formation,
            joined_at=team.joined_at,
            assessment=team.assessment,
            reformations=team.reformations,
            reason=team.reason,
            formed_at=formed_at[team_id],
            position=positions[team_id],
        )
        for team_id, team in teams.items()
    ]
