"""Knowledge: what a decider knew when it decided, of the organisation and of the session."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from application.auditing.views import (
    KnowledgeView,
    KnownAgentView,
    KnownTaskView,
)
from application.directory import Directory
from application.fold import SessionFold
from domain.agent import Agent, Level
from domain.decision import Decision
from domain.spending import Spent

Directories = Callable[[int], Directory]
"""Gives the organisation as it was at a position of the log."""


def knowledge_at(
    decision: Decision,
    task_id: UUID,
    fold: SessionFold,
    spent: Spent,
    directories: Directories,
) -> KnowledgeView:
    """Tell what the decider knew.

    Args:
        fold: of the session just before the decision.
        spent: what the session had taken by then.
    """
    capabilities = fold.session.capabilities
    directory = directories(decision.knowledge_position)
    known = {handle: own for handle, own in capabilities.items() if handle in directory.agents}
    directory = directory.adapted(known)
    task = fold.task(task_id)
    department = _department(directory, task.holder, task.assignment.department)
    return KnowledgeView(
        organisation_position=decision.knowledge_position,
        roster=directory.roster.name if directory.roster else None,
        department=department,
        agents=tuple(_agents(decision, department, directory)),
        session_position=fold.position,
        intent=fold.session.intent,
        finished=tuple(
            KnownTaskView(
                task_id=each.id,
                key=each.assignment.key,
                title=each.assignment.title,
                status=each.status,
                agent=each.holder,
            )
            for each in fold.tasks
            if each.ended
        ),
        spent=spent,
    )


def _department(directory: Directory, holder: str, planned: str | None) -> str | None:
    """Name the department to choose from: a director's own, else the one that the plan names."""
    decider = directory.agents.get(holder)
    if decider is not None and decider.post.level is Level.DIRECTOR:
        return decider.post.department
    return planned


def _agents(
    decision: Decision, department: str | None, directory: Directory
) -> list[KnownAgentView]:
    considered = {candidate.handle for candidate in decision.candidates}
    staff = {agent.handle: agent for agent in directory.specialists_of(department or "")}
    for handle in considered & directory.agents.keys():
        staff[handle] = directory.agents[handle]
    return [
        _known(staff[handle], directory, is_candidate=handle in considered)
        for handle in sorted(staff)
    ]


def _known(agent: Agent, directory: Directory, *, is_candidate: bool) -> KnownAgentView:
    post = agent.post
    directs = post.level is Level.DIRECTOR and post.department is not None
    return KnownAgentView(
        handle=agent.handle,
        display_name=agent.identity.display_name,
        level=post.level,
        department=post.department,
        active=agent.active,
        skills=agent.capabilities.skills,
        tools=agent.capabilities.tools,
        department_skills=directory.skills_of(post.department or "") if directs else (),
        is_candidate=is_candidate,
    )
