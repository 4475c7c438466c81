"""Subject: a person sessions are run for, once they are forgotten."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, event

from domain.value import SubjectId

NAMESPACE = UUID("019a0000-0000-7000-8000-000000000002")
"""Namespace in which a subject's name makes the id of its stream (RFC 9562, version 5)."""


def subject_stream(subject: str) -> UUID:
    """Give the stream of a subject."""
    return uuid5(NAMESPACE, subject)


class Subject(Aggregate):
    """Aggregate of one subject; its stream begins when the subject is forgotten, and ends there."""

    TOPIC = "subject"

    class Event(Aggregate.Event):
        """An event of a subject."""

    class Created(Aggregate.Created):
        """The key of the subject was destroyed, and with it all that it sealed."""

        TOPIC = "subject.forgotten"
        subject: SubjectId
        reason: str

    @event(Created)
    def __init__(self, subject: str, reason: str) -> None:
        self.subject = subject
        self.reason = reason

    @classmethod
    def forget(cls, subject: str, reason: str, at: datetime) -> Subject:
        """Record that a subject was forgotten.

        Args:
            reason: why; it stays readable for ever, so it names nobody.
        """
        return cls._create(
            cls.Created, id=subject_stream(subject), timestamp=at, subject=subject, reason=reason
        )
