"""Approval: a human's word that an agent waits for before it goes on."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from eventsourcing.domain import Aggregate, event
from pydantic import AwareDatetime, JsonValue

from domain.approval_rule import OnTimeout
from domain.decision import Decision
from domain.effect import ToolCall
from domain.errors import DomainError, TransitionError
from domain.guardrail import Trip
from domain.value import PERSONAL, NonEmptyText, NonEmptyWords, Value, Words, later


class ApprovalSubject(StrEnum):
    """What waits for a human's word."""

    TOOL_CALL = "tool_call"
    TASK = "task"
    DECISION = "decision"
    GUARDRAIL = "guardrail"
    COST = "cost"


class ApprovalStatus(StrEnum):
    """How an approval stands."""

    OPEN = "open"
    GRANTED = "granted"
    REJECTED = "rejected"
    AMENDED = "amended"
    EXPIRED = "expired"


class ApprovalRequest(Value):
    """What a human is asked.

    Attributes:
        agent: handle of the agent that waits.
        rule: name of the rule that asks.
        reason: why the rule asks.
        proposal: what happens if it is granted; untrusted when a model wrote it.
        effect_id: the model's answer, or the tool's call or answer, that it is about.
        call: the tool call that waits.
        decision: the decision that waits.
        trip: the guardrail that asks.
        limit_usd: US dollars that may be spent when it is granted.
        approvers: who may answer; empty for everybody.
        expires_at: when the time is over; None waits for ever.
        on_timeout: what it means that nobody answered until then.
        escalate_to: who is asked then, where it escalates; empty for everybody.
        escalated_from: the approval that this one takes the place of.
    """

    session_id: UUID
    task_id: UUID
    subject: ApprovalSubject
    agent: NonEmptyText
    rule: NonEmptyText
    reason: NonEmptyWords
    proposal: NonEmptyWords
    effect_id: UUID | None = later()
    call: ToolCall | None = later()
    decision: Decision | None = later()
    trip: Trip | None = later()
    limit_usd: float | None = later()
    approvers: tuple[NonEmptyText, ...] = later(())
    expires_at: AwareDatetime | None = later()
    on_timeout: OnTimeout = OnTimeout.REJECT
    escalate_to: tuple[NonEmptyText, ...] = later(())
    escalated_from: UUID | None = later()


class Amendment(Value):
    """What a human puts in the place of what was proposed.

    Attributes:
        arguments: of the tool call.
        agent: handle of the agent that does the task.
        content: what a guardrail looked at.
    """

    arguments: Annotated[dict[str, JsonValue], PERSONAL] | None = None
    agent: NonEmptyText | None = None
    content: Annotated[JsonValue, PERSONAL] = None


class NotAnApproverError(DomainError):
    """Somebody else was asked."""

    def __init__(self, by: str, approvers: tuple[str, ...]) -> None:
        self.by = by
        self.approvers = approvers
        super().__init__(f"{by!r} was not asked: {', '.join(approvers)} may answer.")


class Approval(Aggregate):
    """Aggregate of one approval; whoever answers it first is obeyed."""

    TOPIC = "approval"

    class Event(Aggregate.Event):
        """An event of an approval."""

    class Created(Aggregate.Created):
        """An agent waits for a human's word."""

        TOPIC = "approval.requested"
        request: ApprovalRequest

    class Continued(Aggregate.Event):
        """A fork goes on with an approval of its parent, `origin`, in a stream of its own."""

        TOPIC = "approval.continued"
        origin: UUID

    class Granted(Aggregate.Event):
        """A human agreed; `system_user` ran the program."""

        TOPIC = "approval.granted"
        by: str
        system_user: str
        comment: Words

    class Rejected(Aggregate.Event):
        """A human did not agree; `system_user` ran the program."""

        TOPIC = "approval.rejected"
        by: str
        system_user: str
        comment: Words

    class Amended(Aggregate.Event):
        """A human agreed to something else; `system_user` ran the program."""

        TOPIC = "approval.amended"
        by: str
        system_user: str
        comment: Words
        amendment: Amendment

    class Expired(Aggregate.Event):
        """Nobody answered in time; `outcome` is what that means."""

        TOPIC = "approval.expired"
        outcome: OnTimeout

    class Received(Aggregate.Event):
        """The session learned of the answer and goes on by it.

        Answers come from outside while the session goes on: what it does rests on them from here
        on.
        """

        TOPIC = "approval.received"

    @event(Created)
    def __init__(self, request: ApprovalRequest) -> None:
        self.request = request
        self.status = ApprovalStatus.OPEN
        self.by: str | None = None
        self.system_user: str | None = None
        self.comment = ""
        self.amendment: Amendment | None = None
        self.outcome: OnTimeout | None = None
        self.answered_at: datetime | None = None
        self.received = False

    @classmethod
    def ask(cls, approval_id: UUID, request: ApprovalRequest, at: datetime) -> Approval:
        """Let an agent wait for a human's word."""
        return cls._create(cls.Created, id=approval_id, timestamp=at, request=request)

    @property
    def is_open(self) -> bool:
        """Whether nobody has answered yet."""
        return self.status is ApprovalStatus.OPEN

    @property
    def agreed(self) -> bool:
        """Whether the session may go on, with what was proposed or what was put in its place."""
        return (
            self.status in {ApprovalStatus.GRANTED, ApprovalStatus.AMENDED}
            or self.outcome is OnTimeout.APPROVE
        )

    @property
    def escalates(self) -> bool:
        """Whether somebody else is to be asked."""
        return self.outcome is OnTimeout.ESCALATE

    def is_due(self, now: datetime) -> bool:
        """Tell whether its time is over and nobody has answered."""
        expires_at = self.request.expires_at
        return self.is_open and expires_at is not None and now >= expires_at

    def grant(self, by: str, system_user: str, comment: str, at: datetime) -> None:
        """Agree."""
        self._require_asked("be granted", by)
        self._granted(by=by, system_user=system_user, comment=comment, timestamp=at)

    def reject(self, by: str, system_user: str, comment: str, at: datetime) -> None:
        """Do not agree."""
        self._require_asked("be rejected", by)
        self._rejected(by=by, system_user=system_user, comment=comment, timestamp=at)

    def amend(
        self, by: str, system_user: str, comment: str, amendment: Amendment, at: datetime
    ) -> None:
        """Agree to something else, which was checked."""
        self._require_asked("be amended", by)
        self._amended(
            by=by, system_user=system_user, comment=comment, amendment=amendment, timestamp=at
        )

    def expire(self, at: datetime) -> None:
        """Record that nobody answered in time."""
        if not self.is_due(at):
            raise TransitionError(self._name, self.status.value, "expire yet")
        self._expired(outcome=self.request.on_timeout, timestamp=at)

    def receive(self, at: datetime) -> None:
        """Let the session go on by the answer."""
        if self.is_open or self.received:
            state = "received" if self.received else self.status.value
            raise TransitionError(self._name, state, "be received")
        self._received(timestamp=at)

    @property
    def _name(self) -> str:
        return f"Approval {str(self.id)!r}"

    def _require_asked(self, command: str, by: str) -> None:
        if not self.is_open:
            raise TransitionError(self._name, self.status.value, command)
        if self.request.approvers and by not in self.request.approvers:
            raise NotAnApproverError(by, self.request.approvers)

    def _answered(
        self, status: ApprovalStatus, by: str, system_user: str, comment: str, at: datetime
    ) -> None:
        self.status = status
        self.by = by
        self.system_user = system_user
        self.comment = comment
        self.answered_at = at

    @event(Granted)
    def _granted(self, by: str, system_user: str, comment: str, timestamp: datetime) -> None:
        self._answered(ApprovalStatus.GRANTED, by, system_user, comment, timestamp)

    @event(Rejected)
    def _rejected(self, by: str, system_user: str, comment: str, timestamp: datetime) -> None:
        self._answered(ApprovalStatus.REJECTED, by, system_user, comment, timestamp)

    @event(Amended)
    def _amended(
        self, by: str, system_user: str, comment: str, amendment: Amendment, timestamp: datetime
    ) -> None:
        self._answered(ApprovalStatus.AMENDED, by, system_user, comment, timestamp)
        self.amendment = amendment

    @event(Expired)
    def _expired(self, outcome: OnTimeout, timestamp: datetime) -> None:
        self.status = ApprovalStatus.EXPIRED
        self.answered_at = timestamp
        self.outcome = outcome

    @event(Received)
    def _received(self, timestamp: datetime) -> None:
        self.received = True
