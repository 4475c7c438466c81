"""Read event: a recorded event as it comes out of a row, at the speed that folding asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from eventsourcing.utils import TopicError

from domain.event import RecordedEvent
from infrastructure.event_log.logged_event import LoggedEvent, Row, Uuids, envelope_of, time_of
from infrastructure.event_log.mapper import EventMapper, event_kind


class ReadEvent(RecordedEvent):
    """A recorded event whose envelope and time of recording are made when they are asked for."""

    __slots__ = ("_row", "_uuids")

    _row: Row
    _uuids: Uuids

    def __getattr__(self, name: str) -> Any:
        if name == "recorded_at":
            recorded_at = time_of(self._row[14])
            SET_RECORDED_AT(self, recorded_at)
            return recorded_at
        if name != "envelope":
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")
        envelope = envelope_of(self._row, self._uuids)
        SET_ENVELOPE(self, envelope)
        return envelope

    @property
    def type(self) -> str:
        """Stable name of the event, for example `task.delegated`."""
        name: str = self._row[4]
        return name

    @property
    def session_id(self) -> UUID | None:
        """The session it happened in; None for what concerns no single one."""
        raw = self._row[7]
        return None if raw is None else self._uuids[raw]

    @property
    def logged(self) -> LoggedEvent:
        """The event as it is stored, with its payload byte by byte."""
        [logged] = LoggedEvent.of_rows([self._row])
        return logged

    @property
    def payload(self) -> bytes:
        """The payload as it is stored, which may be sealed."""
        stored: bytes = self._row[15]
        return stored

    @property
    def schema_version(self) -> int:
        """The version in which the payload is stored."""
        version: int = self._row[5]
        return version

    @property
    def subject(self) -> str | None:
        """Whose words the payload may seal; None for nobody's."""
        subject: str | None = self._row[12]
        return subject

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RecordedEvent):
            return NotImplemented
        return _said(self) == _said(other)

    def __hash__(self) -> int:
        return hash(_said(self))


SLOTS: dict[str, Any] = {**RecordedEvent.__dict__, **ReadEvent.__dict__}
SET_POSITION = SLOTS["position"].__set__
SET_RECORDED_AT = SLOTS["recorded_at"].__set__
SET_ENVELOPE = SLOTS["envelope"].__set__
SET_EVENT = SLOTS["event"].__set__
SET_ROW = SLOTS["_row"].__set__
SET_UUIDS = SLOTS["_uuids"].__set__


def read_events(rows: Iterable[Row], mapper: EventMapper) -> Iterator[RecordedEvent]:
    """Decode rows; what is sealed, old or unreadable is left to the mapper.

    Raises:
        UnreadableEventError: this version of Hansard does not know an event's type or schema.
    """
    uuids = Uuids()
    new, set_attributes = object.__new__, object.__setattr__
    for row in rows:
        event = None
        try:
            kind = event_kind(row[4])
            if row[5] == kind.version and row[12] is None:
                attributes = kind.decode(row[15])
                attributes["originator_id"] = uuids[row[1]]
                attributes["originator_version"] = row[2]
                attributes["timestamp"] = time_of(row[13])
                if kind.originator_topic is not None:
                    attributes["originator_topic"] = kind.originator_topic
                event = new(kind.event_class)
                set_attributes(event, "__dict__", attributes)
        except (TopicError, ValueError):
            event = None  # the mapper says what is wrong with it
        if event is None:
            [logged] = LoggedEvent.of_rows([row])
            event = mapper.to_domain_event(logged)
        recorded = new(ReadEvent)
        SET_POSITION(recorded, row[0])
        SET_EVENT(recorded, event)
        SET_ROW(recorded, row)
        SET_UUIDS(recorded, uuids)
        yield recorded


def _said(recorded: RecordedEvent) -> tuple[Any, ...]:
    return recorded.position, recorded.recorded_at, recorded.envelope, recorded.event
