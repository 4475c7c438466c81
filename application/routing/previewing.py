"""Previewing: what strategies would decide on a request, with nobody asked and nothing recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from application.directory import Directory
from application.errors import BadRequestError, NoActiveAgentError
from application.orchestration.placing import FROM_MODELS, Placement, evidence_wanted, place
from application.orchestration.procedures import HIERARCHY
from application.routing.gathering import Gatherer
from application.routing.input import ROUTED, everybody, skills_named
from domain.decision import Decision
from domain.policy import Policy
from domain.routing import NO_EVIDENCE, Ground, name_of, weights_of
from domain.task import Assignment, Task
from domain.value import Value
from domain.workflow import Procedure

NO_SESSION = UUID(int=0)


class RouteView(Value):
    """What would be decided.

    Attributes:
        threshold: score below which nobody is chosen.
        left_out: strategies that ask models, and so had no say; the others have their weight.
    """

    request: str
    skills: tuple[str, ...]
    department: str | None
    threshold: float
    left_out: tuple[str, ...]
    decision: Decision


def spoken_routing(
    routing: str | Mapping[str, float] | None,
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Give the weights of those strategies that ask no model, and name the others.

    Raises:
        BadRequestError: all of them ask models.
    """
    weights = weights_of(routing)
    silent = {name: weight for name, weight in weights.items() if name not in FROM_MODELS}
    if not silent:
        raise BadRequestError(
            f"{name_of(weights)} asks models, which costs time and money, and nobody is asked here;"
            " run a session with it, or try it together with another strategy."
        )
    return weights_of(silent), tuple(name for name in weights if name in FROM_MODELS)


def preview(  # noqa: PLR0913 - choices, all by keyword
    directory: Directory,
    gather: Callable[[Mapping[str, float]], Gatherer],
    request: str,
    *,
    routing: str | Mapping[str, float] | None,
    skills: Sequence[str],
    department: str | None,
    policy: Policy,
    decision_id: UUID,
    at: datetime,
) -> RouteView:
    """Score the specialists of a department, or all, for a request.

    Args:
        gather: gets ready what strategies, given by name and weight, draw on.
        skills: that the request asks for, most important first; those that it names, when empty.
        department: key; with one, it is decided as its director would.

    Raises:
        BadRequestError: only models could say.
        NotFoundError: there is no such department.
        NoActiveAgentError: no specialist takes work.
    """
    weights, left_out = spoken_routing(routing)
    wanted_skills = tuple(skills) or skills_named(directory, request)
    holder = directory.orchestrator.handle
    procedure = Procedure(pattern=ROUTED, team=everybody(directory))
    if department is not None:
        holder, procedure = directory.department(department).director, HIERARCHY
    elif not procedure.team:
        raise NoActiveAgentError("the organisation")
    assignment = Assignment(
        session_id=NO_SESSION,
        parent_id=NO_SESSION,
        key="request",
        title=request,
        instruction=request,
        department=department,
        skills=wanted_skills,
    )
    task = Task.create(decision_id, assignment, holder, at)
    placement = Placement(task, directory, procedure, routing=weights, instruction="")
    wanted = evidence_wanted(placement)
    evidence = NO_EVIDENCE if wanted is None else gather(weights).gather(wanted)
    ground = Ground(
        decision_id=decision_id,
        policy_version=policy.version,
        threshold=policy.confidence_threshold,
        knowledge_position=directory.position,
    )
    return RouteView(
        request=request,
        skills=wanted_skills,
        department=department,
        threshold=policy.confidence_threshold,
        left_out=left_out,
        decision=place(placement, ground, evidence),
    )
