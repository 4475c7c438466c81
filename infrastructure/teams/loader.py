"""Loader: the file of a team in, its agents and department out.

Such a file is shaped like a department of a roster, with the name of the team and of the department
beside it. What a role is told, whom it may hand to and what guards it stands in the workflows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

import yaml
from pydantic import Field

from application.registration import Member, Team
from domain.agent import AgentCapabilities, Level, Post
from domain.organisation import Department
from domain.value import NonEmptyText, Value
from domain.workflow import Procedure, Workflow
from infrastructure.roster.entries import AgentEntry, DepartmentEntry, DepartmentKey

FOLDER = Path(__file__).parent


class TeamEntry(Value):
    """A team as its file describes it."""

    name: NonEmptyText
    department: DepartmentKey
    max_reasoning_turns: int = Field(default=8, ge=1, le=100)
    team: DepartmentEntry


def packaged_teams() -> Mapping[str, Path]:
    """Give the files of the teams that come along, by name, in order."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


@cache
def load_team(file: Path, orchestrator: str) -> Team:
    """Read a packaged team.

    Args:
        orchestrator: handle of the agent to which the director of the team reports.
    """
    entry = TeamEntry.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    director = entry.team.director
    return Team(
        name=entry.name,
        department=Department(key=entry.department, label=entry.team.label, director=director.id),
        members=(
            _member(entry, director, Level.DIRECTOR, orchestrator),
            *(
                _member(entry, each, Level.SPECIALIST, director.id, each.speciality)
                for each in entry.team.specialists
            ),
        ),
    )


def teams_of(workflow: Workflow, present: Collection[str], orchestrator: str) -> list[Team]:
    """List the packaged teams of which a workflow names an agent that is not present."""
    named = {
        handle
        for procedure in (workflow.procedure, *workflow.procedures.values())
        for handle in _named(procedure)
    }
    teams = (load_team(file, orchestrator) for file in packaged_teams().values())
    return [
        team
        for team in teams
        if any(member.handle in named - set(present) for member in team.members)
    ]


def _named(procedure: Procedure) -> set[str]:
    of_tasks = {
        handle
        for terms in procedure.terms.values()
        for handle in (terms.agent, *terms.handoffs)
        if handle is not None
    }
    others = (procedure.coordinator, procedure.validator, procedure.assembly.by, *procedure.team)
    return of_tasks | {handle for handle in others if handle is not None}


def _member(
    entry: TeamEntry, agent: AgentEntry, level: Level, supervisor: str, speciality: str = ""
) -> Member:
    return Member(
        handle=agent.id,
        display_name=agent.name,
        post=Post(level=level, department=entry.department, supervisor=supervisor),
        capabilities=AgentCapabilities(
            description=agent.description or speciality,
            skills=agent.skills,
            tools=tuple(sorted(agent.tools)),
            max_reasoning_turns=entry.max_reasoning_turns,
        ),
    )
