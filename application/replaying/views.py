"""Views of replay: what recomputing a session found, and the frames of going through it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from domain.session import SessionStatus
from domain.task import TaskStatus
from domain.value import Value


class DifferenceKind(StrEnum):
    """How a record differs from what is recomputed."""

    CHANGED = "changed"
    MISSING = "missing"
    UNEXPECTED = "unexpected"
    IMPOSSIBLE = "impossible"
    STATE = "state"


class Difference(Value):
    """Something that is recorded, but not what is recomputed.

    Attributes:
        position: position of the event that differs; of the newest one where an event is missing.
        event_id: its id; None where an event is missing.
        type: type of the event that is recorded there; of the missing one where one is missing.
        about: what it concerns, such as `task 'metrics'`.
        field: where in the event, for example `delegation.decision.candidates[0].score`; fields of
            the envelope begin with `envelope.`. None where it is about the event as a whole.
        recorded: the recorded value as JSON; None where there is none.
        recomputed: the recomputed value as JSON; None where there is none.
        message: what differs, in a sentence.
    """

    position: int
    event_id: UUID | None
    type: str
    kind: DifferenceKind
    about: str
    field: str | None
    recorded: str | None
    recomputed: str | None
    message: str


class ReplayVerificationView(Value):
    """What recomputing a session from its recorded answers found.

    Attributes:
        position: position of the newest event that was looked at.
        events: events of the session's history that were folded again; of a fork, with those of its
            ancestors.
        inputs: of these, what came from outside: words, answers of models and tools, commands.
        decisions: of these, what Hansard decided, each recomputed and compared byte by byte.
        model_calls_made: calls to models that recomputing took; always 0.
        tool_calls_made: uses of tools that recomputing took; always 0.
        unchecked: events that could not be recomputed because of a difference before them.
        sealed: positions of events whose words are sealed, and whose key is gone or not at hand;
            what follows the first of them cannot be recomputed.
        state_hash: of the session as recomputed; None where it could not be.
        key: verifier key that signed the bundle; None where no bundle was read.
        bundle_position: position of the checkpoint that proves the bundle.
        differences: by position; none when everything is as it was decided.
    """

    session_id: UUID
    position: int
    status: SessionStatus | None
    events: int
    inputs: int
    decisions: int
    model_calls_made: int = 0
    tool_calls_made: int = 0
    unchecked: int = 0
    sealed: tuple[int, ...] = ()
    state_hash: str | None = None
    key: str | None = None
    bundle_position: int | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def is_verified(self) -> bool:
        """Whether every decision was recomputed, and is as it was recorded."""
        return not (self.differences or self.sealed or self.unchecked)


class TaskFrame(Value):
    """A task as a frame shows it.

    Attributes:
        doing: what is pending: the tools and models that are awaited.
    """

    task_id: UUID
    parent_id: UUID | None
    key: str
    title: str
    status: TaskStatus
    holder: str
    doing: tuple[str, ...] = ()


class FrameView(Value):
    """A session right after one of its events.

    Attributes:
        number: place of the event in the history, from 1.
        of: how many events the history has.
        text: what happened, in one line; untrusted where a model wrote it.
        task_key: key of the task that it happened to; None for others.
        waited_s: seconds between the recording of the event before and of this one.
        elapsed_s: seconds since the first event of the history was recorded.
    """

    number: int
    of: int
    position: int
    recorded_at: datetime
    event_id: UUID
    type: str
    actor: str
    text: str
    task_key: str | None
    waited_s: float
    elapsed_s: float
    status: SessionStatus
    tasks: tuple[TaskFrame, ...]
    turns: int
    model_calls: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
