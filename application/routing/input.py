"""Input: who takes a request, the agent that is named, the best of all, or the one in charge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from application.directory import Directory
from application.errors import InactiveAgentError, NoActiveAgentError
from application.orchestration.placing import ROUTED
from application.routing.reading import read_routing
from domain.agent import Agent, Level
from domain.planning import PlannedTask
from domain.routing import words_in
from domain.workflow import REQUEST, Procedure, Terms, Workflow

__all__ = ["DIRECT", "KEY", "ROUTED", "everybody", "skills_named", "workflow_for_input"]

DIRECT = "direct"
KEY = "request"
TITLE_LENGTH = 80
WORDS_OF_THE_USER = f"{{{{{REQUEST}}}}}"


def workflow_for_input(
    directory: Directory,
    request: str,
    *,
    agent: str | None = None,
    routing: str | Mapping[str, float] | None = None,
) -> Workflow | None:
    """Tell how a request is done.

    Args:
        agent: handle of the agent that shall do it alone.
        routing: strategies that choose, among all active specialists, one that does it alone.
            Without either, whoever is in charge takes it.

    Returns:
        None for the way of the house: Nova takes the request, and MasterMind plans.

    Raises:
        NotFoundError: nobody has this handle.
        InactiveAgentError: the agent, or who is in charge, takes no work.
        NoActiveAgentError: no specialist takes work.
        BadRequestError: there is no such strategy.
    """
    if agent is None and routing is not None:
        return _to_the_best(directory, request, routing)
    chosen = directory.agent_in_charge if agent is None else directory.agent(agent)
    if not chosen.active:
        raise InactiveAgentError(chosen.handle)
    return None if chosen.post.level is Level.PERSONAL else _to_one(chosen, request)


def skills_named(directory: Directory, request: str) -> tuple[str, ...]:
    """List the skills of active specialists that a request names by their words, sorted."""
    said = words_in(request)
    return tuple(
        sorted(
            skill
            for skill in set().union(*map(directory.abilities_of, _departments(directory)))
            if (words := words_in(skill)) and words <= said
        )
    )


def _to_one(agent: Agent, request: str) -> Workflow:
    procedure = Procedure(
        pattern=DIRECT,
        coordinator=agent.handle,
        tasks=(_task(request, agent.capabilities.skills),),
        terms={KEY: Terms(agent=agent.handle)},
    )
    return Workflow(name=DIRECT, procedure=procedure)


def _to_the_best(
    directory: Directory, request: str, routing: str | Mapping[str, float]
) -> Workflow:
    team = everybody(directory)
    if not team:
        raise NoActiveAgentError("the organisation")
    chosen = read_routing(routing)
    task = _task(request, skills_named(directory, request))
    procedure = Procedure(pattern=ROUTED, tasks=(task,), team=team, routing=chosen)
    return Workflow(name=ROUTED, procedure=procedure)


def everybody(directory: Directory) -> tuple[str, ...]:
    """List the handles of all active specialists, in order of registration."""
    return tuple(
        handle
        for handle, agent in directory.agents.items()
        if agent.active and agent.post.level is Level.SPECIALIST
    )


def _departments(directory: Directory) -> Iterator[str]:
    return (department.key for department in directory.departments)


def _task(request: str, skills: tuple[str, ...]) -> PlannedTask:
    return PlannedTask(
        key=KEY, title=request[:TITLE_LENGTH], instruction=WORDS_OF_THE_USER, skills=skills
    )
