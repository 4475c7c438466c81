"""Placing: which agent a task passes to next, named, of its team or one step down the hierarchy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from application.directory import Directory
from application.routing.gathering import Wanted
from application.routing.matching import Matching
from domain.agent import Agent, Level
from domain.decision import Candidate, Decision, Sources
from domain.routing import (
    ASSIGNMENT,
    AUCTION,
    HIERARCHY,
    MODEL,
    NAMED,
    NO_EVIDENCE,
    RULES,
    SIMILARITY,
    TRACK_RECORD,
    Case,
    Evidence,
    Ground,
    Need,
    Profile,
    Routing,
    choose,
    name_of,
    score,
    score_all,
    skill_cover,
    weights_of,
)
from domain.task import Task
from domain.workflow import Procedure

ROUTED = "routed"
"""Pattern of a procedure whose team is everybody, so that to be of it says nothing."""

NAMED_WEIGHT = 0.7
COVER_WEIGHT = 0.3

FROM_OUTSIDE = frozenset({SIMILARITY, TRACK_RECORD, ASSIGNMENT})
"""Strategies that draw on evidence from outside the session."""

FROM_MODELS = frozenset({MODEL, AUCTION})
"""Strategies that ask models before the task is placed."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A task that is to be passed on, and what is known about how.

    Attributes:
        procedure: of which the task is a part.
        named: handle of the agent that shall have it, where the terms name one.
        routing: of the policy; the procedure's own goes before it.
        instruction: of the task, with its references filled in; None where it has none.
        matching: the tasks that are given out together with it; None for itself alone.
    """

    task: Task
    directory: Directory
    procedure: Procedure
    named: str | None = None
    routing: Routing | None = None
    instruction: str | None = None
    matching: Matching | None = None

    @property
    def need(self) -> Need:
        """What the task needs."""
        assignment = self.task.assignment
        instruction = assignment.instruction if self.instruction is None else self.instruction
        return Need(skills=assignment.skills, words=f"{assignment.title} {instruction}")

    @property
    def holder(self) -> Agent:
        """Who passes it on."""
        return self.directory.agent(self.task.holder)

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each strategy that decides at this step, together 1.

        Whom a task is named for, and which department its plan names, no strategy decides.
        """
        task, procedure = self.task, self.procedure
        if self.named is not None:
            return {}
        if not procedure.team:
            level = self.holder.post.level
            if level is Level.PERSONAL:
                return {}
            if level is Level.ORCHESTRATOR and task.assignment.department is not None:
                return weights_of(None)
        return weights_of(procedure.routing or self.routing)


def place(placement: Placement, ground: Ground, evidence: Evidence = NO_EVIDENCE) -> Decision:
    """Decide whom the holder of a task passes it to.

    A named agent gets the task; with a team, who of it fits best. Otherwise Nova passes everything
    to MasterMind; MasterMind to the director of the department that the plan names; a director to
    the specialist who fits best, or to the director of a department that has one when its own has
    none. Who has failed at the task is not considered again.
    """
    if placement.named is not None:
        return _to_named(placement.named, placement.directory, ground)
    if placement.procedure.team:
        return _to_member(placement, ground, evidence)
    level = placement.holder.post.level
    if level is Level.PERSONAL:
        return _to_orchestrator(placement.directory, ground)
    if level is Level.ORCHESTRATOR:
        return _to_director(placement, ground, evidence)
    return _to_specialist(placement, ground, evidence)


def considered(task: Task, directory: Directory, procedure: Procedure) -> list[str]:
    """List the handles of those among whom a task's agent is chosen next."""
    return [profile.handle for profile in _own(Placement(task, directory, procedure))]


def evidence_wanted(placement: Placement) -> Wanted | None:
    """Tell what the decision draws on from outside; None when nothing does."""
    strategies = FROM_OUTSIDE.intersection(placement.weights)
    if not strategies:
        return None
    directory = placement.directory
    profiles = list(_own(placement))
    if _refers(placement):
        profiles += directory.department_profiles.values()
    return Wanted(
        strategies=strategies,
        need=placement.need,
        profiles=profiles,
        members=directory.department_members,
        matching=placement.matching,
    )


def _to_named(handle: str, directory: Directory, ground: Ground) -> Decision:
    agent = directory.agents.get(handle)
    there = agent is not None and agent.active
    candidates = [
        Candidate(agent_id=agent.id, handle=handle, score=1.0, parts={"named": 1.0})
        for agent in (agent,)
        if agent is not None and there
    ]
    decision = choose(candidates, ground, NO_NEED, strategy=NAMED)
    if there:
        reason = f"{handle} is named."
    else:
        reason = f"{handle} is named, and {'unknown' if agent is None else 'not active'}."
    return decision.model_copy(update={"reason": reason})


def _to_orchestrator(directory: Directory, ground: Ground) -> Decision:
    candidates = [
        Candidate(agent_id=agent.id, handle=agent.handle, score=1.0, parts={"hierarchy": 1.0})
        for agent in (directory.orchestrator,)
        if agent.active
    ]
    decision = choose(candidates, ground, NO_NEED, strategy=HIERARCHY)
    reason = "plans every request" if candidates else "is not active"
    return decision.model_copy(update={"reason": f"{directory.orchestrator.handle} {reason}."})


def _to_member(placement: Placement, ground: Ground, evidence: Evidence) -> Decision:
    members = list(_own(placement))
    if not members:
        return _nobody_left(placement, ground, f"the team ({', '.join(placement.procedure.team)})")
    named_for_it = placement.procedure.pattern != ROUTED
    case = Case(members, placement.need, evidence, in_team=named_for_it)
    return _decided(placement.weights, case, ground)


def _to_director(placement: Placement, ground: Ground, evidence: Evidence) -> Decision:
    task, directory = placement.task, placement.directory
    if task.assignment.department is None and set(placement.weights) != {RULES}:
        case = Case(list(_own(placement)), placement.need, evidence)
        return _decided(placement.weights, case, ground)
    wanted = task.assignment.skills
    candidates = []
    for department in directory.departments:
        director = directory.agent(department.director)
        if not director.active:
            continue
        named = NAMED_WEIGHT * (department.key == task.assignment.department)
        abilities = directory.abilities_of(department.key)
        cover = round(COVER_WEIGHT * skill_cover(abilities, wanted), 4)
        candidates.append(
            Candidate(
                agent_id=director.id,
                handle=director.handle,
                score=round(named + cover, 4),
                parts={"named_by_plan": named, "skills": cover},
            )
        )
    return choose(candidates, ground, placement.need)


def _to_specialist(placement: Placement, ground: Ground, evidence: Evidence) -> Decision:
    need, weights = placement.need, placement.weights
    own = score_all(weights, Case(list(_own(placement)), need, evidence))
    decision = _explained(choose(own, ground, need, strategy=name_of(weights)), weights, evidence)
    if decision.chosen is not None:
        return decision
    # Directors of other departments are asked nothing: whoever is referred to asks its own.
    silent = {name: weight for name, weight in weights.items() if name not in FROM_MODELS}
    others = score_all(
        weights_of(silent or None), Case(_referrals(placement, need), need, evidence)
    )
    referred = choose([*own, *others], ground, need, strategy=name_of(weights))
    referred = _explained(referred, weights, evidence)
    if referred.chosen is None:
        return referred
    department = placement.holder.post.department
    reason = f"No specialist of {department} fits; referred: {referred.reason}"
    return referred.model_copy(update={"reason": reason})


def _own(placement: Placement) -> Iterator[Profile]:
    """Give the profiles of those among whom is chosen first."""
    task, directory = placement.task, placement.directory
    tried = set(task.tried_by)
    if placement.procedure.team:
        for handle in dict.fromkeys(placement.procedure.team):
            agent = directory.agents.get(handle)
            if agent is not None and agent.active and handle not in tried:
                yield directory.profile_of(handle)
        return
    holder = placement.holder
    if holder.post.level is Level.ORCHESTRATOR:
        yield from directory.department_profiles.values()
        return
    for profile in directory.profiles_of(holder.post.department or ""):
        if profile.handle not in tried:
            yield profile


def _refers(placement: Placement) -> bool:
    is_above = placement.holder.post.level in (Level.PERSONAL, Level.ORCHESTRATOR)
    return not placement.procedure.team and not is_above


def _referrals(placement: Placement, need: Need) -> list[Profile]:
    """Give the profiles of directors that a task was not with, each as its best specialist fits."""
    directory, task = placement.directory, placement.task
    been = {delegation.to_agent for delegation in task.delegations}
    profiles = []
    for department in directory.departments:
        director = directory.agent(department.director)
        members = directory.profiles_of(department.key)
        if director.handle in been or not director.active or not members:
            continue
        best = min(members, key=lambda profile: (-score(profile, need).score, profile.handle))
        profiles.append(
            best.model_copy(update={"agent_id": director.id, "handle": director.handle})
        )
    return profiles


def _decided(weights: Mapping[str, float], case: Case, ground: Ground) -> Decision:
    decision = choose(score_all(weights, case), ground, case.need, strategy=name_of(weights))
    return _explained(decision, weights, case.evidence)


def _explained(decision: Decision, strategies: Collection[str], evidence: Evidence) -> Decision:
    """Say where evidence came from, and what a model that was asked said."""
    changes: dict[str, object] = {}
    if FROM_OUTSIDE.intersection(strategies):
        changes["sources"] = Sources(
            embedder=evidence.embedder, learned_until=evidence.learned_until
        )
    if MODEL in strategies:
        choice = evidence.choice
        said = f"The model chose {choice.agent or 'nobody'}: {choice.reason}" if choice else ""
        changes["reason"] = f"{decision.reason} {said or 'The model gave no choice.'}"
    return decision.model_copy(update=changes) if changes else decision


def _nobody_left(placement: Placement, ground: Ground, among: str) -> Decision:
    tried = ", ".join(dict.fromkeys(placement.task.tried_by))
    reason = f"Nobody of {among} is active" + (f" and untried by now ({tried})." if tried else ".")
    decision = choose([], ground, NO_NEED, strategy=name_of(placement.weights))
    return decision.model_copy(update={"reason": reason})


NO_NEED = Need(skills=(), words="")
