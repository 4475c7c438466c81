"""Halting: stop all work of the organisation, and let it go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from application.errors import BadRequestError, ConflictError
from application.ports import Clock, Entry, EventLog, IdFactory, SessionLease
from domain.conversation import USER
from domain.event import Envelope
from domain.organisation import ORGANISATION_ID, Halt, Organisation

MAX_ATTEMPTS = 8
"""How often it is tried again because somebody else changed the organisation meanwhile."""


@dataclass(frozen=True, slots=True)
class Halting:
    """The use cases of stopping everything."""

    log: EventLog
    clock: Clock
    ids: IdFactory
    lease: SessionLease

    def halt(self, by: str, reason: str) -> Halt:
        """Let no process begin anything, and ask those that run sessions to stop.

        Sessions stay as they are; one that is stopped twice tells the halt in force.

        Args:
            by: name of the person.

        Raises:
            BadRequestError: there is no reason.
            UnavailableError: the database cannot be used.
        """
        if not reason.strip():
            raise BadRequestError("Say why all work is stopped; the reason is kept.")
        wanted = Halt(by=by, reason=reason)
        organisation = self._change(lambda it: it.stop_all(wanted, self.clock.now()))
        self.lease.request_stop_of_all()
        return organisation.halt or wanted

    def release(self, by: str, reason: str = "") -> Halt | None:
        """Let work go on.

        Returns:
            The halt that was in force; None when there was none.

        Raises:
            UnavailableError: the database cannot be used.
        """
        before = self.log.load(Organisation, ORGANISATION_ID).halt
        self._change(lambda it: it.release(by, reason, self.clock.now()))
        return before

    def _change(self, change: Callable[[Organisation], None]) -> Organisation:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            organisation = self.log.load(Organisation, ORGANISATION_ID)
            change(organisation)
            correlation = self.ids.new()
            entries = [
                Entry(event, Envelope(self.ids.new(), USER, correlation_id=correlation))
                for event in organisation.collect_events()
            ]
            try:
                self.log.append(entries)
            except ConflictError:
                if attempt == MAX_ATTEMPTS:
                    raise
            else:
                return organisation
        raise AssertionError("unreachable")  # pragma: no cover - the loop returns or raises
