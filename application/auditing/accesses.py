"""Accesses: every look at the audit is recorded before anything is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, cast
from uuid import UUID

from pydantic import AwareDatetime

from application.errors import ApplicationError, UnavailableError
from application.ports import Clock, Entry, EventLog, IdFactory
from domain.audit import Access, Audit
from domain.event import Envelope, RecordedEvent
from domain.value import SubjectId, Value

ACCESSED: str = Audit.Created.TOPIC


class NotRecordedError(UnavailableError):
    """Nothing is shown, because it cannot be recorded who looked."""


class AccessView(Value):
    """A look at the audit.

    Attributes:
        position: where it stands in the log.
        recorded_at: time of recording.
        actor: who looked.
    """

    position: int
    recorded_at: datetime
    event_id: UUID
    actor: str
    access: Access


class AccessQuery(Value):
    """Which accesses are asked for; what is None does not matter.

    Attributes:
        actor: who looked.
        since: time of recording, with a zone; accesses at that moment count.
        before: time of recording, with a zone; accesses at that moment do not count.
        after: position; only later accesses.
        until: position; only accesses up to it.
    """

    actor: SubjectId | None = None
    since: AwareDatetime | None = None
    before: AwareDatetime | None = None
    after: int = 0
    until: int | None = None


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """Records who looked at the audit, and lists it.

    Attributes:
        actor: who looks.
        system_user: the operating system's name for who runs the program.
    """

    log: EventLog
    clock: Clock
    ids: IdFactory
    actor: str
    system_user: str

    def record(self, **looked: Any) -> RecordedEvent:
        """Record a look; nothing may be shown before this returns.

        Args:
            looked: fields of `domain.audit.Access` but `system_user`.

        Raises:
            NotRecordedError: it cannot be recorded.
        """
        access = Access(system_user=self.system_user, **looked)
        audit = Audit.note(self.ids.new(), access, self.clock.now())
        event_id = self.ids.new()
        envelope = Envelope(event_id=event_id, actor=self.actor, correlation_id=event_id)
        try:
            [recorded] = self.log.append(
                [Entry(event, envelope) for event in audit.collect_events()]
            )
        except ApplicationError as error:
            raise NotRecordedError(
                f"Nothing is shown, because it cannot be recorded who looked: {error}"
            ) from error
        return recorded

    def find(self, query: AccessQuery, limit: int) -> tuple[list[AccessView], int | None]:
        """Find accesses, oldest first.

        Args:
            limit: how many at most.

        Returns:
            The accesses, and the position after which the list goes on; None at its end.
        """
        found = list(islice(self._found(query), limit + 1))
        more = len(found) > limit
        return found[:limit], found[limit - 1].position if more else None

    def _found(self, query: AccessQuery) -> Iterator[AccessView]:
        for recorded in self.log.read(
            types=(ACCESSED,),
            after=query.after,
            until=query.until,
            since=query.since,
            before=query.before,
        ):
            if query.actor in {None, recorded.envelope.actor}:
                yield AccessView(
                    position=recorded.position,
                    recorded_at=recorded.recorded_at,
                    event_id=recorded.envelope.event_id,
                    actor=recorded.envelope.actor,
                    access=cast("Any", recorded.event).access,
                )
