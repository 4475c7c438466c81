"""Recorded event: a domain event in its envelope, with its place in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from eventsourcing.domain import CanMutateAggregate

DEFAULT_TENANT = "default"
SYSTEM = "SYSTEM"
"""The actor of events that no agent and no user caused."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every event says beside its payload.

    Attributes:
        actor: handle of the agent, `USER`, or `SYSTEM`.
        correlation_id: groups what belongs to one request; the session's id within a session.
        causation_id: id of the event this one follows from; None for a first cause.
        traceparent: W3C Trace Context of the caller, if it sent one.
        subject: whose words the payload holds, under a name that is no secret; they are sealed.
    """

    event_id: UUID
    actor: str
    correlation_id: UUID
    causation_id: UUID | None = None
    session_id: UUID | None = None
    tenant: str = DEFAULT_TENANT
    traceparent: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """A domain event as the log holds it.

    Attributes:
        position: place in the total order of the log, gapless from 1.
        recorded_at: time the database took it in; never runs backwards along `position`.
    """

    position: int
    recorded_at: datetime
    envelope: Envelope
    event: CanMutateAggregate[UUID]

    @property
    def type(self) -> str:
        """Stable name of the event, for example `task.delegated`."""
        return str(type(self.event).TOPIC)  # type: ignore[attr-defined]

    @property
    def session_id(self) -> UUID | None:
        """The session it happened in; None for what concerns no single one."""
        return self.envelope.session_id
