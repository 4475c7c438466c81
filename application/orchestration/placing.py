"""Placing: which agent a task passes to next, one step down the hierarchy."""

from __future__ import annotations

from application.directory import Directory
from domain.agent import Agent, Level
from domain.decision import Candidate, Decision
from domain.routing import Ground, Need, choose, score, skill_cover
from domain.task import Task

HIERARCHY = "hierarchy"
NAMED_WEIGHT = 0.7
COVER_WEIGHT = 0.3


def place(task: Task, directory: Directory, ground: Ground) -> Decision:
    """Decide whom the holder of a task passes it to.

    Nova passes everything to MasterMind; MasterMind to the director of the department that the
    plan names; a director to the specialist who fits best, or to the director of a department
    that has one when its own has none.
    """
    holder = directory.agent(task.holder)
    if holder.post.level is Level.PERSONAL:
        return _to_orchestrator(directory, ground)
    if holder.post.level is Level.ORCHESTRATOR:
        return _to_director(task, directory, ground)
    return _to_specialist(task, holder, directory, ground)


def _to_orchestrator(directory: Directory, ground: Ground) -> Decision:
    candidates = [
        Candidate(agent_id=agent.id, handle=agent.handle, score=1.0, parts={"hierarchy": 1.0})
        for agent in (directory.orchestrator,)
        if agent.active
    ]
    decision = choose(candidates, ground, Need(skills=(), words=""), strategy=HIERARCHY)
    reason = "plans every request" if candidates else "is not active"
    return decision.model_copy(update={"reason": f"{directory.orchestrator.handle} {reason}."})


def _to_director(task: Task, directory: Directory, ground: Ground) -> Decision:
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
    return choose(candidates, ground, _need(task))


def _to_specialist(task: Task, director: Agent, directory: Directory, ground: Ground) -> Decision:
    need = _need(task)
    own = [
        score(profile, need) for profile in directory.profiles_of(director.post.department or "")
    ]
    decision = choose(own, ground, need)
    if decision.chosen is not None:
        return decision
    been = {delegation.to_agent for delegation in task.delegations}
    others = [
        candidate
        for department in directory.departments
        if department.director not in been
        for candidate in [_referral(department.director, department.key, directory, need)]
        if candidate is not None
    ]
    referred = choose([*own, *others], ground, need)
    if referred.chosen is None:
        return referred
    reason = f"No specialist of {director.post.department} fits; referred: {referred.reason}"
    return referred.model_copy(update={"reason": reason})


def _referral(handle: str, department: str, directory: Directory, need: Need) -> Candidate | None:
    director = directory.agent(handle)
    scores = [score(profile, need) for profile in directory.profiles_of(department)]
    if not director.active or not scores:
        return None
    best = min(scores, key=lambda candidate: (-candidate.score, candidate.handle))
    return Candidate(agent_id=director.id, handle=handle, score=best.score, parts=best.parts)


def _need(task: Task) -> Need:
    assignment = task.assignment
    return Need(skills=assignment.skills, words=f"{assignment.title} {assignment.instruction}")
