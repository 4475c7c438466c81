"""Gathering: all events that somebody needs to recompute a session, as they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from pydantic_core import from_json

from application.directory import EVENT_TYPES
from application.errors import IntegrityError, NotFoundError
from domain.session import Session
from infrastructure.integrity.leaf import PAYLOAD, POSITION, TYPE, RawEvent, number
from infrastructure.integrity.reader import RawReader


@dataclass(frozen=True, slots=True)
class Gathered:
    """The events of a session, and those that its decisions depend on.

    Attributes:
        events: of the session itself, those that were taken back too.
        ancestors: of the sessions that it was forked from, up to where it left them, its parent
            first.
        organisation: of the organisation and its agents, up to where the first of them was opened.
    """

    events: list[RawEvent]
    ancestors: dict[UUID, list[RawEvent]]
    organisation: list[RawEvent]

    @property
    def all(self) -> list[RawEvent]:
        """All events by position."""
        groups = (self.events, *self.ancestors.values(), self.organisation)
        together = [event for group in groups for event in group]
        return sorted(together, key=lambda event: number(event[POSITION]))


def gather(reader: RawReader, session_id: UUID) -> Gathered:
    """Gather what a session can be recomputed from.

    Raises:
        NotFoundError: there is no such session.
        IntegrityError: it was forked from what came later.
    """
    events = list(reader.session(session_id))
    if not events:
        raise NotFoundError("session", session_id)
    ancestors: dict[UUID, list[RawEvent]] = {}
    oldest = events
    while oldest and (origin := _origin(oldest[0])) is not None:
        parent, position = origin
        if position >= number(oldest[0][POSITION]):
            raise IntegrityError(f"Session {parent} cannot have been forked behind its forks.")
        oldest = [event for event in reader.session(parent) if number(event[POSITION]) <= position]
        ancestors[parent] = oldest
    opened = number(oldest[0][POSITION]) if oldest else 0
    return Gathered(events, ancestors, list(reader.of_types(EVENT_TYPES, opened)))


def _origin(event: RawEvent) -> tuple[UUID, int] | None:
    """Tell where a session left its parent; None when it has none."""
    if event[TYPE] != Session.Forked.TOPIC.encode():
        return None
    origin = from_json(event[PAYLOAD] or b"{}")["origin"]
    return UUID(origin["session_id"]), int(origin["position"])
