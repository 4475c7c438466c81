"""Audit: who looked at decisions, at which ones, and what they took away."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from eventsourcing.domain import Aggregate, event
from pydantic import Field, JsonValue

from domain.value import NonEmptyText, Value


class Look(StrEnum):
    """In which way somebody looked."""

    LIST = "audit"
    EXPLANATION = "why"
    EXPORT = "export"
    ACCESSES = "accesses"


class ExportedFile(Value):
    """What was taken away as a file.

    Attributes:
        format: `csv`, `jsonl` or `bundle`.
        sha256: of the whole file, in hex.
        size: bytes.
    """

    format: NonEmptyText
    sha256: NonEmptyText
    size: Annotated[int, Field(ge=0)]


class Access(Value):
    """A look at the audit.

    Attributes:
        look: in which way.
        system_user: the operating system's name for who ran the program. The actor in the envelope
            is the same unless another one was named.
        session_id: the one session that was asked for; None for all.
        task_id: the task that was explained.
        decision_id: the decision that was explained, where one was named.
        filters: what was asked for beside that, by the name of the filter.
        as_of: position of the log as of which the answer held.
        decisions: how many decisions the answer told of; of a list of accesses how many of them.
        export: the file, where one was written.
    """

    look: Look
    system_user: NonEmptyText
    session_id: UUID | None = None
    task_id: UUID | None = None
    decision_id: UUID | None = None
    filters: dict[str, JsonValue] = {}
    as_of: Annotated[int, Field(ge=0)]
    decisions: Annotated[int, Field(ge=0)]
    export: ExportedFile | None = None


class Audit(Aggregate):
    """Aggregate of one look at the audit; its stream begins and ends with it."""

    TOPIC = "audit"

    class Event(Aggregate.Event):
        """An event of the audit."""

    class Created(Aggregate.Created):
        """Somebody looked at decisions; recorded before anything was shown."""

        TOPIC = "audit.accessed"
        access: Access

    @event(Created)
    def __init__(self, access: Access) -> None:
        self.access = access

    @classmethod
    def note(cls, audit_id: UUID, access: Access, at: datetime) -> Audit:
        """Record a look."""
        return cls._create(cls.Created, id=audit_id, timestamp=at, access=access)
