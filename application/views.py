"""Views: what a session was at a moment, who decided what in it, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from pydantic import JsonValue

from application.approval_views import ApprovalView, approval_views
from application.directory import Directory
from application.fold import SessionFold
from application.orchestration.outcomes import session_artefacts
from application.parallelism import Parallelism, parallelism_of
from domain.agent import Agent, AgentCapabilities, Level
from domain.artefact import Artefact, InputFile
from domain.budget import Overrun
from domain.conversation import Turn
from domain.decision import Decision
from domain.effect import Failure, ModelAnswer, PendingEffect
from domain.event import RecordedEvent
from domain.guardrail import Trip
from domain.handoff import Handoff
from domain.judgement import Judgement, Tally
from domain.organisation import Department, RosterVersion
from domain.policy import Policy
from domain.priority import Priority
from domain.recovery import Recovery
from domain.session import Intent, Origin, SessionStatus
from domain.supervision import SupervisionState, Transition
from domain.task import Result, Step, Task, TaskStatus
from domain.value import Value, later
from domain.workflow import Workflow


class TaskView(Value):
    """A task as it stood.

    Attributes:
        path: handles of the agents that held it, first to last.
        input_tokens: all tokens that went in, cached ones included.
        decisions: who was to do it, oldest first.
        steps: its finished exchanges with models and tools, in the order of their answers.
        failed_attempts: why attempts to ask a model failed, by effect, oldest first.
        setbacks: why the work began anew, oldest first.
        recoveries: what was done about failures, oldest first; overruns and trips likewise.
        transitions: of supervised work, oldest first.
        parallelism: how far the tasks it was cut into ran side by side; a view of it alone does
            not know.
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
    decisions: tuple[Decision, ...]
    steps: tuple[Step, ...]
    failed_attempts: dict[UUID, tuple[Failure, ...]]
    pending: tuple[PendingEffect, ...]
    result: Result | None
    failure: Failure | None
    setbacks: tuple[Failure, ...] = later(())
    recoveries: tuple[Recovery, ...] = later(())
    overruns: tuple[Overrun, ...] = later(())
    trips: tuple[Trip, ...] = later(())
    handoffs: tuple[Handoff, ...] = later(())
    supervision: SupervisionState = later(SupervisionState.INITIALISING)
    transitions: tuple[Transition, ...] = later(())
    parallelism: Parallelism | None = later()
    judgement: Judgement | None = later()
    tally: Tally | None = later()


class SessionView(Value):
    """A session as it stood at a position.

    Attributes:
        position: position of the newest event of its history that the view holds.
        origin: where it left its parent; None for a session that is no fork.
        on_hold: whether it was rewound or forked, and nobody has resumed it since.
        policy: the limits and thresholds it ran under: its budget.
        capabilities: of agents, by handle, where a what-if gave them others than they had.
        shared_context: what finished tasks gave for others to build on, by key of the task.
        model_names: models that answered.
        workflow: how it is done; None for the way of the house.
        approvals: what humans were asked, by task, and what they said.
        state_hash: SHA-256, in hex, of the state; see `state_hash`.
    """

    session_id: UUID
    position: int
    origin: Origin | None
    what_if: bool
    on_hold: bool
    opened_at: datetime
    status: SessionStatus
    request: str
    intent: Intent | None
    input_files: tuple[InputFile, ...]
    output_folder: str
    policy: Policy
    capabilities: dict[str, AgentCapabilities]
    tasks: tuple[TaskView, ...]
    shared_context: dict[str, dict[str, JsonValue]]
    turns: tuple[Turn, ...]
    artefacts: tuple[Artefact, ...]
    answer: str
    failure: Failure | None
    model_names: tuple[str, ...]
    resumptions: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    workflow: Workflow | None = later()
    priority: Priority | None = later()
    approvals: tuple[ApprovalView, ...] = later(())
    state_hash: str = ""

    @property
    def waits_for_approval(self) -> bool:
        """Whether somebody has to answer before all of it can go on."""
        return any(approval.is_open for approval in self.approvals)


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


class OrganisationView(Value):
    """The organisation as it stood at a position of the log.

    Attributes:
        agents: all members, active or not, in order of registration.
        state_hash: SHA-256, in hex, of the canonical JSON without `position` and this field.
    """

    position: int
    roster: RosterVersion | None
    departments: tuple[Department, ...]
    agents: tuple[AgentView, ...]
    state_hash: str = ""


class MomentView(Value):
    """A moment, whole: a session and the organisation as they stood.

    Attributes:
        position: position of the log that the moment means.
        similar: what a search for the session's request found then, best first.
    """

    position: int
    session: SessionView
    organisation: OrganisationView
    similar: tuple[dict[str, JsonValue], ...]


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
        path=(
            first,
            *(delegation.to_agent for delegation in task.delegations),
            *(handoff.to_agent for handoff in task.handoffs),
        ),
        model_calls=sum(1 for step in task.steps if step.purpose),
        tool_calls=sum(1 for step in task.steps if step.call is not None),
        input_tokens=sum(answer.usage.context_tokens for answer in answers),
        output_tokens=sum(answer.usage.output_tokens for answer in answers),
        cost_usd=sum((answer.cost_usd or Decimal(0) for answer in answers), Decimal(0)),
        decisions=(
            *(delegation.decision for delegation in task.delegations),
            *((task.unplaced,) if task.unplaced else ()),
        ),
        steps=tuple(task.steps),
        failed_attempts={key: tuple(failed) for key, failed in task.failed_attempts.items()},
        pending=tuple(task.pending.values()),
        result=task.result,
        failure=task.failure,
        setbacks=tuple(task.setbacks),
        recoveries=tuple(task.recoveries),
        overruns=tuple(task.overruns),
        trips=tuple(task.trips),
        handoffs=tuple(task.handoffs),
        supervision=task.supervision,
        transitions=tuple(task.transitions),
        judgement=task.judgement,
        tally=task.tally,
    )


def session_view(fold: SessionFold) -> SessionView:
    """View a whole session as of its fold's position."""
    session = fold.session
    tasks = tuple(
        task_view(task).model_copy(update={"parallelism": parallelism_of(task, fold)})
        for task in fold.tasks
    )
    view = SessionView(
        session_id=fold.session_id,
        position=fold.position,
        origin=fold.origin,
        what_if=fold.what_if,
        on_hold=fold.on_hold,
        opened_at=session.created_on,
        status=session.status,
        request=session.charter.request,
        intent=session.intent,
        input_files=session.charter.input_files,
        output_folder=session.charter.output_folder,
        policy=session.charter.policy,
        capabilities=session.capabilities,
        tasks=tasks,
        shared_context={task.key: task.result.data for task in tasks if task.result is not None},
        turns=tuple(fold.conversation.turns) if fold.has(session.conversation_id) else (),
        artefacts=session.artefacts or session_artefacts(fold),
        answer=session.answer,
        failure=session.failure,
        model_names=tuple(sorted(_model_names(fold))),
        resumptions=session.resumptions,
        input_tokens=sum(task.input_tokens for task in tasks),
        output_tokens=sum(task.output_tokens for task in tasks),
        cost_usd=sum((task.cost_usd for task in tasks), Decimal(0)),
        workflow=session.charter.workflow,
        priority=session.charter.priority,
        approvals=approval_views(fold),
    )
    return view.model_copy(update={"state_hash": state_hash(view)})


def organisation_view(directory: Directory) -> OrganisationView:
    """View the organisation as it stood."""
    view = OrganisationView(
        position=directory.position,
        roster=directory.roster,
        departments=directory.departments,
        agents=tuple(map(agent_view, directory.agents.values())),
    )
    return view.model_copy(update={"state_hash": _hash(view, {"state_hash", "position"})})


PLACE = {"state_hash", "session_id", "position", "origin", "what_if", "on_hold", "output_folder"}
"""What tells where a session stands, and not how."""


def state_hash(view: SessionView) -> str:
    """Hash the canonical JSON of a view: UTF-8, no white space, fields in the order of their class.

    Fields that tell where the session stands (`PLACE`) are left out, so that a fork has the hash of
    its parent at the same position, and a rewind that is undone brings the hash back.
    """
    return _hash(view, PLACE)


def _hash(view: Value, without: set[str]) -> str:
    content: bytes = view.__pydantic_serializer__.to_json(view, exclude=without)
    return hashlib.sha256(content).hexdigest()


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
        task = fold.task(fold.aggregate_of(event.originator_id))
        views.append(
            DecisionView(
                position=recorded.position,
                recorded_at=recorded.recorded_at,
                event_id=recorded.envelope.event_id,
                session_id=fold.session_id,
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
