"""Views: what a session was at a moment, who decided what in it, and why."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from application.fold import SessionFold
from application.orchestration.outcomes import session_artefacts
from domain.agent import Agent, Level
from domain.artefact import Artefact, InputFile
from domain.conversation import Turn
from domain.decision import Decision
from domain.effect import Failure, ModelAnswer, PendingEffect
from domain.event import RecordedEvent
from domain.session import Intent, SessionStatus
from domain.task import Result, Task, TaskStatus
from domain.value import Value


class TaskView(Value):
    """A task as it stood.

    Attributes:
        path: handles of the agents that held it, first to last.
        input_tokens: all tokens that went in, cached ones included.
    """

    task_id: UUID
    parent_id: UUID | None
    key: str
    title: str
    instruction: str
    department: str | None
    skills: tuple[str, ...]
    depends_on: tuple[UUID, ...]
    status: TaskStatus
    holder: str
    path: tuple[str, ...]
    model_calls: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    pending: tuple[PendingEffect, ...]
    result: Result | None
    failure: Failure | None


class SessionView(Value):
    """A session as it stood at a position.

    Attributes:
        position: position of the newest event of the session that the view holds.
        model_names: models that answered.
        state_hash: SHA-256, in hex, of the view's canonical JSON without this field: keys sorted,
            no white space, UTF-8. The same moment always gives the same hash.
    """

    session_id: UUID
    position: int
    opened_at: datetime
    status: SessionStatus
    request: str
    intent: Intent | None
    input_files: tuple[InputFile, ...]
    output_folder: str
    policy_version: str
    tasks: tuple[TaskView, ...]
    turns: tuple[Turn, ...]
    artefacts: tuple[Artefact, ...]
    answer: str
    failure: Failure | None
    model_names: tuple[str, ...]
    resumptions: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    state_hash: str = ""


class DecisionView(Value):
    """A decision about who does a task, and how the task ended.

    Attributes:
        outcome: status of the task at the position the view was made for.
    """

    position: int
    recorded_at: datetime
    event_id: UUID
    session_id: UUID
    task_id: UUID
    task_key: str
    task_title: str
    from_agent: str
    to_agent: str | None
    decision: Decision
    outcome: TaskStatus


class AgentView(Value):
    """An agent as it stood.

    Attributes:
        registered_at: UTC.
    """

    agent_id: UUID
    handle: str
    display_name: str
    level: Level
    department: str | None
    supervisor: str | None
    description: str
    skills: tuple[str, ...]
    tools: tuple[str, ...]
    max_reasoning_turns: int
    active: bool
    registered_at: datetime


class LinkView(Value):
    """One link in the chain from the user's words to a task's result."""

    position: int
    recorded_at: datetime
    event_id: UUID
    type: str
    actor: str
    text: str


class WhyView(Value):
    """Why a task was done as it was: its decisions, and the chain of events behind it."""

    session_id: UUID
    task: TaskView
    decisions: tuple[DecisionView, ...]
    chain: tuple[LinkView, ...]


def agent_view(agent: Agent) -> AgentView:
    """View one agent."""
    return AgentView(
        agent_id=agent.id,
        handle=agent.handle,
        display_name=agent.identity.display_name,
        level=agent.post.level,
        department=agent.post.department,
        supervisor=agent.post.supervisor,
        description=agent.capabilities.description,
        skills=agent.capabilities.skills,
        tools=agent.capabilities.tools,
        max_reasoning_turns=agent.capabilities.max_reasoning_turns,
        active=agent.active,
        registered_at=agent.identity.created_at,
    )


def task_view(task: Task) -> TaskView:
    """View one task."""
    answers = [step.answer for step in task.steps if isinstance(step.answer, ModelAnswer)]
    assignment = task.assignment
    first = task.delegations[0].from_agent if task.delegations else task.holder
    return TaskView(
        task_id=task.id,
        parent_id=assignment.parent_id,
        key=assignment.key,
        title=assignment.title,
        instruction=assignment.instruction,
        department=assignment.department,
        skills=assignment.skills,
        depends_on=assignment.depends_on,
        status=task.status,
        holder=task.holder,
        path=(first, *(delegation.to_agent for delegation in task.delegations)),
        model_calls=sum(1 for step in task.steps if step.purpose),
        tool_calls=sum(1 for step in task.steps if step.call is not None),
        input_tokens=sum(answer.usage.context_tokens for answer in answers),
        output_tokens=sum(answer.usage.output_tokens for answer in answers),
        cost_usd=sum((answer.cost_usd or Decimal(0) for answer in answers), Decimal(0)),
        pending=tuple(task.pending.values()),
        result=task.result,
        failure=task.failure,
    )


def session_view(fold: SessionFold) -> SessionView:
    """View a whole session as of its fold's position."""
    session = fold.session
    tasks = tuple(task_view(task) for task in fold.tasks)
    view = SessionView(
        session_id=session.id,
        position=fold.position,
        opened_at=session.created_on,
        status=session.status,
        request=session.charter.request,
        intent=session.intent,
        input_files=session.charter.input_files,
        output_folder=session.charter.output_folder,
        policy_version=session.charter.policy.version,
        tasks=tasks,
        turns=tuple(fold.conversation.turns) if fold.has(session.conversation_id) else (),
        artefacts=session.artefacts or session_artefacts(fold),
        answer=session.answer,
        failure=session.failure,
        model_names=tuple(sorted(_model_names(fold))),
        resumptions=session.resumptions,
        input_tokens=sum(task.input_tokens for task in tasks),
        output_tokens=sum(task.output_tokens for task in tasks),
        cost_usd=sum((task.cost_usd for task in tasks), Decimal(0)),
    )
    return view.model_copy(update={"state_hash": state_hash(view)})


def state_hash(view: SessionView) -> str:
    """Hash the canonical JSON of a view."""
    content = view.model_dump(mode="json", exclude={"state_hash"})
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def decision_views(events: Iterable[RecordedEvent], fold: SessionFold) -> list[DecisionView]:
    """View the decisions among the events of a folded session, oldest first."""
    views = []
    for recorded in events:
        event = recorded.event
        if isinstance(event, Task.Delegated):
            decision, holder = event.delegation.decision, event.delegation.from_agent
        elif isinstance(event, Task.Unplaced):
            decision, holder = event.decision, recorded.envelope.actor
        else:
            continue
        task = fold.task(event.originator_id)
        views.append(
            DecisionView(
                position=recorded.position,
                recorded_at=recorded.recorded_at,
                event_id=recorded.envelope.event_id,
                session_id=fold.session.id,
                task_id=task.id,
                task_key=task.assignment.key,
                task_title=task.assignment.title,
                from_agent=holder,
                to_agent=decision.chosen,
                decision=decision,
                outcome=task.status,
            )
        )
    return views


def _model_names(fold: SessionFold) -> set[str]:
    return {
        step.answer.model
        for task in fold.tasks
        for step in task.steps
        if isinstance(step.answer, ModelAnswer)
    }
