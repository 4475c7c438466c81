"""Choosing: out of all specialists, the team for what is needed, and who does what in it."""

from __future__ import annotations

from collections.abc import Sequence

from application.assigning import Assigner, assign_fairly
from application.directory import Directory
from application.errors import BadRequestError
from application.teaming.past_work import PastWork, Work
from domain.agent import Agent
from domain.planning import PlannedTask
from domain.routing import Need, Profile
from domain.routing import score as routing_score
from domain.team import Considered, Formation, TeamNeed
from domain.teaming import (
    TeamCandidate,
    TeamGround,
    choose_team,
    distances,
    link_length,
    reliability,
)

FIT_FROM = 0.3
"""Fitness from which on an agent fits a need; the same as the confidence of a delegation."""


def needs_of_skills(skills: Sequence[str]) -> tuple[TeamNeed, ...]:
    """Make one need of each skill."""
    return tuple(TeamNeed(key=skill, skills=(skill,)) for skill in dict.fromkeys(skills))


def needs_of_tasks(tasks: Sequence[PlannedTask]) -> tuple[TeamNeed, ...]:
    """Make one need of each task of a plan."""
    return tuple(
        TeamNeed(key=task.key, skills=task.skills, words=f"{task.title} {task.instruction}")
        for task in tasks
    )


def choose_formation(  # noqa: PLR0913 - what the choice rests on
    needs: Sequence[TeamNeed],
    size: int,
    *,
    directory: Directory,
    past_work: PastWork,
    assigner: Assigner,
    department: str | None = None,
    kept: Sequence[str] = (),
    without: Sequence[str] = (),
) -> Formation:
    """Choose a team among the active specialists.

    Args:
        department: only its specialists; members that are kept may be of others.
        kept: handles of members it shall have in any case.
        without: handles of those who are not considered.

    Raises:
        BadRequestError: no specialist is active.
        NotFoundError: there is no such department.
        TeamError: there are not enough specialists.
    """
    agents = [agent for agent in _specialists(directory, department) if agent.handle not in without]
    if not agents:
        raise BadRequestError("No team can be formed: no specialist takes work.")
    considered = _consider(agents, needs, past_work, directory.position)
    fit = _fit(considered, size, kept)
    choice = choose_team(
        TeamGround(
            candidates=tuple(_candidate(each, directory, needs) for each in fit),
            distances=_distances(directory, past_work),
            size=size,
            kept=tuple(kept),
        )
    )
    fitness = {each.handle: each.fitness for each in considered}
    columns = assign_fairly(
        [[fitness[member][need.key] for member in choice.members] for need in needs], assigner
    )
    return Formation(
        members=choice.members,
        score=choice.score,
        assigned={
            need.key: choice.members[column] for need, column in zip(needs, columns, strict=True)
        },
        considered=considered,
        search=choice.search,
        compared=choice.compared,
        knowledge_position=directory.position,
    )


def _consider(
    agents: Sequence[Agent], needs: Sequence[TeamNeed], past_work: PastWork, position: int
) -> tuple[Considered, ...]:
    works = past_work.work(dict.fromkeys((agent.handle for agent in agents), 0), position)
    considered = [_considered(agent, needs, works.get(agent.handle, Work())) for agent in agents]
    considered.sort(key=lambda each: (-sum(each.fitness.values()), each.handle))
    return tuple(considered)


def _fit(
    considered: Sequence[Considered], size: int, kept: Sequence[str]
) -> tuple[Considered, ...]:
    """List those who fit at least one need, so that nobody joins for skills that nobody wants.

    Where they are too few for the team, the fittest of the others are added.
    """
    fit = [
        each for each in considered if each.handle in kept or max(each.fitness.values()) >= FIT_FROM
    ]
    others = [each for each in considered if each not in fit]
    return (*fit, *others[: max(0, size - len(fit))])


def _distances(directory: Directory, past_work: PastWork) -> dict[tuple[str, str], float]:
    """Measure how far specialists are apart: by the hierarchy, or nearer by common work."""
    links: dict[tuple[str, str], float] = {}
    for agent in directory.agents.values():
        if agent.post.supervisor is not None:
            links[_pair(agent.handle, agent.post.supervisor)] = 1.0
    for pair, times in past_work.together(directory.position).items():
        length = link_length(times)
        links[pair] = min(links.get(pair, length), length)
    return distances((agent.handle for agent in _specialists(directory, None)), links)


def _specialists(directory: Directory, department: str | None) -> list[Agent]:
    keys = [directory.department(department).key] if department else None
    named = keys or [each.key for each in directory.departments]
    return [agent for key in named for agent in directory.specialists_of(key)]


def _considered(agent: Agent, needs: Sequence[TeamNeed], work: Work) -> Considered:
    """Rate an agent for each need: how it fits by skills and words, times its reliability."""
    reliable = reliability(work.completed, work.completed + work.failed)
    profile = Profile(
        agent_id=agent.id,
        handle=agent.handle,
        skills=agent.capabilities.skills,
        words=agent.capabilities.description,
    )
    return Considered(
        agent_id=agent.id,
        handle=agent.handle,
        fitness={
            need.key: round(routing_score(profile, _routed(need)).score * reliable, 6)
            for need in needs
        },
        reliability=round(reliable, 6),
    )


def _routed(need: TeamNeed) -> Need:
    return Need(skills=need.skills, words=need.words or " ".join(need.skills).replace("_", " "))


def _candidate(
    considered: Considered, directory: Directory, needs: Sequence[TeamNeed]
) -> TeamCandidate:
    return TeamCandidate(
        handle=considered.handle,
        skills=directory.agent(considered.handle).capabilities.skills,
        fitness=tuple(considered.fitness[need.key] for need in needs),
    )


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)
