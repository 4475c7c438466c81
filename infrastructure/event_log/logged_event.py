"""Logged event: an enveloped event with its place in the log, as a row of `hansard.events`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from eventsourcing.persistence import Notification

from domain.event import Envelope
from infrastructure.event_log.mapper import EnvelopedEvent

BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class LoggedEvent(EnvelopedEvent):
    """An enveloped event with its place in the log."""

    position: int = 0
    recorded_at: datetime = BEGINNING

    @classmethod
    def of(cls, event: EnvelopedEvent, position: int, recorded_at: datetime) -> LoggedEvent:
        """Give an event its place; one without a time of its own occurred when it was recorded."""
        place = {
            "position": position,
            "recorded_at": recorded_at,
            "occurred_at": event.occurred_at or recorded_at,
        }
        return cls(**vars(event) | place)

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> LoggedEvent:
        """Read a row, whose columns are `sql.COLUMNS`."""
        return cls(
            position=row[0],
            originator_id=row[1],
            originator_version=row[2],
            topic=row[4],
            schema_version=row[5],
            envelope=Envelope(
                event_id=row[3],
                tenant=row[6],
                session_id=row[7],
                actor=row[8],
                correlation_id=row[9],
                causation_id=row[10],
                traceparent=row[11],
                subject=row[12],
            ),
            occurred_at=row[13].astimezone(UTC),
            recorded_at=row[14].astimezone(UTC),
            state=row[15],
        )

    def to_notification(self) -> LoggedNotification:
        """Say it in the library's terms."""
        return LoggedNotification(
            id=self.position,
            originator_id=self.originator_id,
            originator_version=self.originator_version,
            topic=self.topic,
            state=self.state,
            occurred_at=self.occurred_at,
            schema_version=self.schema_version,
        )


@dataclass(frozen=True)
class LoggedNotification(Notification):
    """A notification of the library that keeps what the mapper needs beside the payload."""

    occurred_at: datetime | None = None
    schema_version: int = 1
