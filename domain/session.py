"""Session: one request of a user, from the first word to the answer."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from eventsourcing.domain import Aggregate, event
from pydantic import Field

from domain.agent import AgentCapabilities
from domain.artefact import Artefact, InputFile
from domain.effect import Failure
from domain.errors import TransitionError
from domain.policy import Policy
from domain.priority import Priority
from domain.value import NonEmptyText, NonEmptyWords, SubjectId, Value, Words, later
from domain.workflow import Workflow


class Intent(Value):
    """What Nova understood the user to want.

    Attributes:
        goal: the request in one sentence, free of filler.
        language: BCP 47 tag of the language to answer in.
        servable: False when nobody in the organisation can do it; `reason` then says why.
    """

    goal: NonEmptyWords
    language: NonEmptyText = "en"
    servable: bool = True
    reason: Words = ""


class SessionStatus(StrEnum):
    """Where a session stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    DECLINED = "declined"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Charter(Value):
    """What a session was opened with.

    Attributes:
        models: model name by role (`personal`, `orchestrator`, `specialist`).
        output_folder: absolute path of the folder that tools may write to.
        input_files: in the order given.
        subject: the person it is run for, whose words are then sealed.
        workflow: how it is done; None for the way of the house, down the hierarchy.
        priority: which sessions workers take first; None counts as normal.
        detached: whether it was left to workers, so that others do not finish it unasked.
    """

    request: NonEmptyWords
    input_files: tuple[InputFile, ...]
    output_folder: NonEmptyWords
    models: dict[str, str]
    policy: Policy
    subject: SubjectId | None = None
    workflow: Workflow | None = later()
    priority: Priority | None = later()
    detached: bool = later(default=False)


class Origin(Value):
    """Where a fork left its parent: all that the parent had told by then is its history too.

    Attributes:
        position: of the newest event of the parent's history that the fork shares.
    """

    session_id: UUID
    position: Annotated[int, Field(ge=1)]


class Session(Aggregate):
    """Aggregate of one session."""

    TOPIC = "session"

    class Event(Aggregate.Event):
        """An event of a session."""

    class Created(Aggregate.Created):
        """The user asked for something."""

        TOPIC = "session.opened"
        class_version = 2
        charter: Charter
        root_task_id: UUID
        conversation_id: UUID

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Name no subject: sessions had none."""
            state["charter"]["subject"] = None

    class Forked(Aggregate.Event):
        """The session began where another one stood, and shares its history up to there.

        `charter` and `capabilities` (by handle, in place of those in the organisation) are what the
        fork goes on with; `status` is what it began in. A what-if counts in no statistics.
        """

        TOPIC = "session.forked"
        origin: Origin
        charter: Charter
        capabilities: dict[str, AgentCapabilities]
        status: SessionStatus
        reason: NonEmptyWords
        what_if: bool

    class Rewound(Aggregate.Event):
        """The session went back: what was recorded after `to_position` is no longer its history.

        `status` is what it went back to; `cancelled_effects` were in flight and are given up.
        """

        TOPIC = "session.rewound"
        to_position: int
        status: SessionStatus
        cancelled_effects: tuple[UUID, ...]
        reason: NonEmptyWords

    class Interpreted(Aggregate.Event):
        """Nova understood the request."""

        TOPIC = "session.interpreted"
        intent: Intent

    class Resumed(Aggregate.Event):
        """A process took up the session after another one was lost."""

        TOPIC = "session.resumed"
        pending_effects: tuple[UUID, ...]

    class Paused(Aggregate.Event):
        """The session waits until somebody takes it up again."""

        TOPIC = "session.paused"
        reason: NonEmptyWords

    class Completed(Aggregate.Event):
        """The user got an answer."""

        TOPIC = "session.completed"
        answer: Words
        artefacts: tuple[Artefact, ...]

    class Declined(Aggregate.Event):
        """The user was told that nobody can serve the request, and why."""

        TOPIC = "session.declined"
        reason: Words

    class Failed(Aggregate.Event):
        """The request could not be served to the end; the answer says how far it got."""

        TOPIC = "session.failed"
        failure: Failure
        answer: Words
        artefacts: tuple[Artefact, ...]

    class Cancelled(Aggregate.Event):
        """The user stopped the session."""

        TOPIC = "session.cancelled"
        reason: Words

    @event(Created)
    def __init__(self, charter: Charter, root_task_id: UUID, conversation_id: UUID) -> None:
        self.charter = charter
        self.capabilities: dict[str, AgentCapabilities] = {}
        self.root_task_id = root_task_id
        self.conversation_id = conversation_id
        self.status = SessionStatus.RUNNING
        self.intent: Intent | None = None
        self.answer = ""
        self.artefacts: tuple[Artefact, ...] = ()
        self.failure: Failure | None = None
        self.resumptions = 0

    @classmethod
    def open(
        cls,
        session_id: UUID,
        charter: Charter,
        root_task_id: UUID,
        conversation_id: UUID,
        at: datetime,
    ) -> Session:
        """Open a session for a request."""
        return cls._create(
            cls.Created,
            id=session_id,
            timestamp=at,
            charter=charter,
            root_task_id=root_task_id,
            conversation_id=conversation_id,
        )

    def fork(
        self,
        *,
        origin: Origin,
        charter: Charter,
        capabilities: dict[str, AgentCapabilities],
        reason: str,
        what_if: bool,
        at: datetime,
    ) -> None:
        """Go on as another session from here."""
        self._forked(
            origin=origin,
            charter=charter,
            capabilities=capabilities,
            status=self.status,
            reason=reason,
            what_if=what_if,
            timestamp=at,
        )

    def rewind(
        self,
        to_position: int,
        status: SessionStatus,
        cancelled_effects: tuple[UUID, ...],
        reason: str,
        at: datetime,
    ) -> None:
        """Go back to what the session was at a position.

        Args:
            status: what it was then.
        """
        self._rewound(
            to_position=to_position,
            status=status,
            cancelled_effects=cancelled_effects,
            reason=reason,
            timestamp=at,
        )

    def interpret(self, intent: Intent, at: datetime) -> None:
        """Record what Nova understood."""
        self._require_running("be interpreted")
        self._interpreted(intent=intent, timestamp=at)

    def resume(self, pending_effects: tuple[UUID, ...], at: datetime) -> None:
        """Take the session up after its process was lost."""
        self._require_running("be resumed")
        self._resumed(pending_effects=pending_effects, timestamp=at)

    def pause(self, reason: str, at: datetime) -> None:
        """Let the session wait until somebody takes it up again."""
        self._require_running("be paused")
        self._paused(reason=reason, timestamp=at)

    def complete(self, answer: str, artefacts: tuple[Artefact, ...], at: datetime) -> None:
        """End the session with an answer."""
        self._require_running("be completed")
        self._completed(answer=answer, artefacts=artefacts, timestamp=at)

    def decline(self, reason: str, at: datetime) -> None:
        """End the session because nobody can serve the request."""
        self._require_running("be declined")
        self._declined(reason=reason, timestamp=at)

    def fail(
        self, failure: Failure, answer: str, artefacts: tuple[Artefact, ...], at: datetime
    ) -> None:
        """End the session without what was asked, and say how far it got."""
        self._require_running("fail")
        self._failed(failure=failure, answer=answer, artefacts=artefacts, timestamp=at)

    def cancel(self, reason: str, at: datetime) -> None:
        """End the session because the user said so."""
        self._require_running("be cancelled")
        self._cancelled(reason=reason, timestamp=at)

    def _require_running(self, command: str) -> None:
        if self.status is not SessionStatus.RUNNING:
            raise TransitionError(f"Session {str(self.id)!r}", self.status.value, command)

    @event(Forked)
    def _forked(
        self,
        origin: Origin,
        charter: Charter,
        capabilities: dict[str, AgentCapabilities],
        status: SessionStatus,
        reason: str,
        what_if: bool,
        timestamp: datetime,
    ) -> None:
        self.charter = charter
        self.capabilities = capabilities

    @event(Rewound)
    def _rewound(
        self,
        to_position: int,
        status: SessionStatus,
        cancelled_effects: tuple[UUID, ...],
        reason: str,
        timestamp: datetime,
    ) -> None:
        """Change nothing: who folds the history leaves out what was taken back."""

    @event(Interpreted)
    def _interpreted(self, intent: Intent, timestamp: datetime) -> None:
        self.intent = intent

    @event(Resumed)
    def _resumed(self, pending_effects: tuple[UUID, ...], timestamp: datetime) -> None:
        self.resumptions += 1

    @event(Paused)
    def _paused(self, reason: str, timestamp: datetime) -> None:
        """Change nothing: who folds the history knows that it waits."""

    @event(Completed)
    def _completed(
        self,
        answer: str,
        artefacts: tuple[Artefact, ...],
        timestamp: datetime,
    ) -> None:
        self.status = SessionStatus.COMPLETED
        self.answer = answer
        self.artefacts = artefacts

    @event(Declined)
    def _declined(self, reason: str, timestamp: datetime) -> None:
        self.status = SessionStatus.DECLINED
        self.answer = reason

    @event(Failed)
    def _failed(
        self,
        failure: Failure,
        answer: str,
        artefacts: tuple[Artefact, ...],
        timestamp: datetime,
    ) -> None:
        self.status = SessionStatus.FAILED
        self.failure = failure
        self.answer = answer
        self.artefacts = artefacts

    @event(Cancelled)
    def _cancelled(self, reason: str, timestamp: datetime) -> None:
        self.status = SessionStatus.CANCELLED
        self.answer = reason
