"""Views of comparisons: what differs between two histories, and since when a predicate holds."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from pydantic import JsonValue

from domain.session import SessionStatus
from domain.value import Value

FigureValue = int | Decimal | str | tuple[str, ...]
"""A number, a text, or handles in order."""


class EventView(Value):
    """An event, as it is named in a comparison.

    Attributes:
        task_key: key of the task it is about, if it is about one.
    """

    position: int
    recorded_at: datetime
    event_id: UUID
    session_id: UUID | None
    type: str
    actor: str
    task_key: str | None


class FlipView(Value):
    """A position from which on a predicate holds, or holds no longer."""

    position: int
    holds: bool


class BisectionView(Value):
    """The first position at which a predicate holds.

    Attributes:
        session_id: whose history was looked at; None for all sessions together.
        after: positions behind this one were looked at.
        until: positions up to this one were looked at.
        events: how many events the answer rests on, those from the beginning on included.
        found: the event with which the predicate holds first; None when it never does.
        held_before: whether it held already just before that event, so that it began before
            what was looked at.
        before: what the predicate names, as it was before that event; empty when no event
            came before.
        now: what the predicate names, as it is at the event, or at the end when none was found.
        holds: whether it holds at the end.
        flips: how often it stopped or began to hold again after that event.
        changes: the first 1,000 positions at which it began or stopped to hold.
        duration_ms: wall time of the search in milliseconds; 0 when nobody measured it.
    """

    predicate: str
    session_id: UUID | None
    after: int
    until: int
    events: int
    found: EventView | None
    held_before: bool
    before: dict[str, FigureValue]
    now: dict[str, FigureValue]
    holds: bool
    flips: int
    changes: tuple[FlipView, ...]
    duration_ms: float = 0.0


class ChangeKind(StrEnum):
    """What became of a part of a state."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    REORDERED = "reordered"


class ChangeView(Value):
    """A part in which two states differ.

    Attributes:
        path: where it is, for example `tasks[extract].result.summary`; members of a list stand in
            brackets under their key, or under their index where they have none.
        before: on the left; None for what was added. Of a reordered list, the keys in their order.
        after: on the right; None for what was removed.
    """

    path: str
    kind: ChangeKind
    before: JsonValue
    after: JsonValue


class SideView(Value):
    """One of two histories that are compared.

    Attributes:
        position: of the newest event of the session that counts.
        opened_at: UTC; of a fork, when the session it stems from was opened.
        state_hash: as `SessionView` has it.
    """

    session_id: UUID
    position: int
    opened_at: datetime
    status: SessionStatus
    state_hash: str


class DivergenceView(Value):
    """The first event that differs; what comes from ids, positions and times alone does not count.

    Attributes:
        subject: what it is about: `session`, `conversation`, or a task under its key.
        left: None when the left history has no further event about it.
        right: the same of the right one.
        field: the first field that differs; empty when one side has no event, or events differ in
            type.
        before: the field's value on the left.
        after: the field's value on the right.
    """

    subject: str
    left: EventView | None
    right: EventView | None
    field: str
    before: JsonValue
    after: JsonValue


class TypeCountView(Value):
    """How many events of a type each side has."""

    type: str
    left: int
    right: int


class EventCountsView(Value):
    """How many events two histories have.

    Attributes:
        shared: how many are the very same events, because the histories have them in common.
        types: types of which the sides have different numbers, in order of name.
    """

    left: int
    right: int
    shared: int
    types: tuple[TypeCountView, ...]


class MetricsView(Value):
    """What a session or a task took.

    Attributes:
        model_calls: attempts, repeated ones included.
        tool_calls: attempts, repeated ones included.
        input_tokens: all that went in, cached ones included.
        duration_s: seconds that passed in the history; of a task, from its creation to its end, or
            to the moment that is looked at.
    """

    model_calls: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    duration_s: Decimal


class MetricsPairView(Value):
    """What two histories took."""

    left: MetricsView
    right: MetricsView


class TaskMetricsView(Value):
    """What a task took on each side; None where there is no such task."""

    key: str
    left: MetricsView | None
    right: MetricsView | None


class DifferenceView(Value):
    """In what two histories differ.

    Attributes:
        differs: whether a state, an event or the organisation differs.
        shared_until: position of the last event that both histories have in common; None when they
            share none.
        divergence: the first event that differs; None when there is none.
        state: how the state on the left becomes the one on the right.
        organisation: the same for the organisation; None when it was not asked for.
        metrics: what each history took, all in all.
        tasks: what each task took, in order of creation.
    """

    differs: bool
    left: SideView
    right: SideView
    shared_until: int | None
    divergence: DivergenceView | None
    state: tuple[ChangeView, ...]
    organisation: tuple[ChangeView, ...] | None
    events: EventCountsView
    metrics: MetricsPairView
    tasks: tuple[TaskMetricsView, ...]
