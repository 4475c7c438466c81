"""Views of the audit: a decision with its grounds, and the chain of authority it stands in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from application.integrity import InclusionView
from application.views import DecisionView, TaskView
from domain.agent import Level
from domain.policy import Policy
from domain.session import Intent
from domain.spending import Spent
from domain.task import TaskStatus
from domain.value import Value


class Stage(StrEnum):
    """Where in the chain of authority a link stands, from the user's words to the answer."""

    REQUEST = "request"
    INTENT = "intent"
    HANDOVER = "handover"
    PLAN = "plan"
    ASSIGNMENT = "assignment"
    DELEGATION = "delegation"
    WORK = "work"
    RESULT = "result"
    ANSWER = "answer"
    STEERING = "steering"


class KnownAgentView(Value):
    """An agent as a decider knew it.

    Attributes:
        department_skills: of a director, the skills of all active specialists it directs.
        is_candidate: whether the decision considered it.
    """

    handle: str
    display_name: str
    level: Level
    department: str | None
    active: bool
    skills: tuple[str, ...]
    tools: tuple[str, ...]
    department_skills: tuple[str, ...] = ()
    is_candidate: bool


class KnownTaskView(Value):
    """A task that had ended when a decision was made."""

    task_id: UUID
    key: str
    title: str
    status: TaskStatus
    agent: str


class KnowledgeView(Value):
    """What a decider knew: the organisation, and the session just before the decision.

    Attributes:
        organisation_position: position of the log up to which it knew the organisation.
        roster: the roster that was in force then; None before the first.
        department: the one among whose agents it was to choose; None above departments.
        agents: all candidates, and the active specialists of that department, by handle. A what-if
            may have given them other skills than the organisation does.
        session_position: position of the newest event of the session before the decision.
        intent: what Nova had understood; None before that.
        finished: the tasks of the session that had ended, in order of creation.
        spent: what the session had taken by then.
    """

    organisation_position: int
    roster: str | None
    department: str | None
    agents: tuple[KnownAgentView, ...]
    session_position: int
    intent: Intent | None
    finished: tuple[KnownTaskView, ...]
    spent: Spent


class ExplainedDecisionView(DecisionView):
    """A decision about who does a task, on what grounds, and what came of the task.

    Attributes:
        session_id: the session it was recorded in; of what a fork inherited, that is an ancestor.
        delegation_id: of the delegation it led to; None when nobody qualified.
        from_agent: who had the task and decided.
        policy: the policy in force, with its numbers.
        outcome_position: where the task ended; None before that.
        outcome_detail: its result, or why it failed or was cancelled; shortened.
        own: what the task took itself.
        inclusive: what it and all tasks below it took.
        waiting_ms: milliseconds from the decision until an agent took the task up, by the times of
            the events; None before that, and when another decision came between.
        working_ms: milliseconds from there to the task's end; None before that.
        inclusion: the proof that the decision stands in the log; None where none was asked for.
    """

    delegation_id: UUID | None
    policy: Policy
    knowledge: KnowledgeView
    outcome_position: int | None
    outcome_detail: str
    own: Spent
    inclusive: Spent
    waiting_ms: float | None
    working_ms: float | None
    inclusion: InclusionView | None = None


class LinkView(Value):
    """One link in the chain of authority.

    Attributes:
        text: what the event says, in one line; shortened.
        inclusion: the proof that it stands in the log; None where none was asked for.
    """

    position: int
    recorded_at: datetime
    event_id: UUID
    type: str
    actor: str
    stage: Stage
    text: str
    inclusion: InclusionView | None = None


class WhyView(Value):
    """Why a task was done as it was: its decisions, and the chain of authority they stand in.

    Attributes:
        position: position of the newest event of the session that the view holds.
        decision_id: the decision that was asked about; None when the task was.
        decisions: those on the task, oldest first; only the one that was asked about.
        own: what the task took itself.
        inclusive: what it and all tasks below it took.
        taken_back_at: position of the rewind that took it back; the view is as of just before.
        chain: from the user's words to the result and the answer, oldest first.
    """

    session_id: UUID
    position: int
    task: TaskView
    decision_id: UUID | None
    own: Spent
    inclusive: Spent
    taken_back_at: int | None
    decisions: tuple[ExplainedDecisionView, ...]
    chain: tuple[LinkView, ...]


class AuditExportView(Value):
    """Decisions that were written to a file.

    Attributes:
        as_of: position of the log as of which they hold.
        lag: how many positions that is behind what was asked for.
        size: bytes.
        access_position: where it is recorded who exported them.
        program: the program that checks a bundle, beside it.
        key: verifier key of who signed a bundle; whoever checks should have it from elsewhere.
    """

    file: str
    format: str
    decisions: int
    as_of: int
    lag: int
    size: int
    sha256: str
    access_position: int
    program: str | None = None
    key: str | None = None
