"""Views of a what-if: what was changed, where it began to matter, and what came of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal
from uuid import UUID

from application.views import DecisionView, TaskView
from application.what_if.changes import ChangeView
from domain.artefact import Artefact
from domain.effect import Failure
from domain.session import Origin, SessionStatus
from domain.value import Value


class CallsView(Value):
    """What calls took.

    Attributes:
        model_calls: attempts that have an outcome, failed ones too.
        tool_calls: attempts that have an outcome, failed ones too.
        input_tokens: all tokens that went in, cached ones included.
        cost_usd: in US dollars; answers without a price count for nothing.
        duration_ms: sum of the times that answers took, in milliseconds, as if one had come after
            the other.
    """

    model_calls: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    duration_ms: float = 0.0


class DifferenceView(Value):
    """A field that differs, with both values as JSON, shortened; None where there is none."""

    field: str
    parent: str | None
    fork: str | None


class DivergenceView(Value):
    """Where a what-if first went another way than its parent.

    Attributes:
        kind: `answer`, another answer was given; `decision`, something else was decided;
            `request`, a model or tool was asked something that the parent had not asked.
        position: where the parent had done otherwise; None where it had done nothing then.
        fork_position: where the what-if did so; None of a dry run.
        what: in one sentence.
        differences: the first fields that differ, of a request.
    """

    kind: Literal["answer", "decision", "request"]
    position: int | None
    fork_position: int | None
    task_key: str
    agent: str
    what: str
    differences: tuple[DifferenceView, ...] = ()


class SideView(Value):
    """One of the two sessions.

    Attributes:
        calls: what all its calls took as recorded, inherited and served ones too.
        wall_ms: time from where they part to the newest event, in milliseconds; served answers
            come at once, so that of a what-if is short.
    """

    session_id: UUID | None
    status: SessionStatus
    answer: str
    failure: Failure | None
    artefacts: tuple[Artefact, ...]
    calls: CallsView
    wall_ms: float


class DecisionPairView(Value):
    """The n-th decision on a task in both sessions.

    Attributes:
        differs: what is not the same: `chosen`, `scores`, `confidence`, `strategy`, or `missing`
            where only one of them decided, unless the what-if was stopped before.
    """

    parent: DecisionView | None
    fork: DecisionView | None
    differs: tuple[str, ...]


class TaskPairView(Value):
    """A task in both sessions, matched by its key in the plan.

    Attributes:
        depends_on: keys of the tasks it builds on.
        differs: whether its status, its path or a decision on it is not the same; what a what-if
            that was stopped has not come to yet is no difference.
    """

    key: str
    title: str
    depends_on: tuple[str, ...]
    parent: TaskView | None
    fork: TaskView | None
    decisions: tuple[DecisionPairView, ...]
    differs: bool


class WhatIfView(Value):
    """What came of a what-if.

    Attributes:
        session_id: of the what-if; None of a dry run.
        origin: the parent, and the newest of its events that the what-if shares.
        dry_run: whether nothing was appended, and nothing asked that has no recorded answer.
        stopped: whether it has not ended: something that has no recorded answer was left open.
        output_folder: of the what-if; None of a dry run.
        divergence: None where all was as before.
        could_serve: what the parent had recorded after the origin.
        inherited: what both had spent up to the origin.
        served: what recorded answers had taken that served again; it was not spent again.
        given: what the changed answer had taken; it was not spent.
        spent: what was newly spent.
        repeated: of `spent`, tools that were used again although their answers are recorded,
            because a file that belongs to one was gone.
        same_answer: whether the user is told the same.
        tasks: of both sessions, in order of creation.
        missing: files of the inherited part that are not there any more as they were.
    """

    change: ChangeView
    reason: str
    session_id: UUID | None
    origin: Origin
    dry_run: bool
    stopped: bool
    output_folder: str | None
    divergence: DivergenceView | None
    could_serve: CallsView
    inherited: CallsView
    served: CallsView
    given: CallsView
    spent: CallsView
    repeated: CallsView
    parent: SideView
    fork: SideView
    same_answer: bool
    tasks: tuple[TaskPairView, ...]
    missing: tuple[str, ...]
