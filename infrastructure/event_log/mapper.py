"""Mapper: domain events to exact JSON bytes in an envelope, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple, Protocol, get_type_hints
from uuid import UUID

from eventsourcing.domain import CanInitAggregate, CanMutateAggregate
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent
from eventsourcing.utils import TopicError, resolve_topic
from pydantic import ConfigDict, TypeAdapter
from pydantic_core import from_json, to_json
from typing_extensions import TypedDict

import domain.agent
import domain.approval
import domain.audit
import domain.breaker
import domain.conversation
import domain.message
import domain.organisation
import domain.session
import domain.shard
import domain.shared_context
import domain.subject
import domain.task
import domain.team
import domain.topic  # noqa: F401 - importing the aggregates makes their event names known
from application.errors import UnavailableError
from domain.event import Envelope
from infrastructure.erasure.errors import BrokenSealError
from infrastructure.erasure.marking import Fields, find_parts
from infrastructure.erasure.sealing import Place, is_sealed
from infrastructure.event_log.errors import TamperedEventError, UnreadableEventError

ENVELOPED = {"originator_id", "originator_version", "timestamp", "originator_topic"}
"""Attributes of every event that the envelope, not the payload, carries."""


@dataclass(frozen=True)
class EnvelopedEvent(StoredEvent):
    """A stored event with its envelope.

    Attributes:
        occurred_at: time in the domain, UTC; None for events of foreign code, whose payload is
            theirs alone.
    """

    envelope: Envelope | None = None
    occurred_at: datetime | None = None
    schema_version: int = 1

    @property
    def enveloped(self) -> Envelope:
        """The envelope; whatever is in the log, or on its way there, has one."""
        assert self.envelope is not None, "events enter the log in an envelope"  # noqa: S101 - for the type
        return self.envelope

    @property
    def subject(self) -> str | None:
        """Whose words the payload seals; None for nobody's."""
        return None if self.envelope is None else self.envelope.subject


class Seals(Protocol):
    """What seals the words of subjects, and opens what it has sealed."""

    def seal(self, payload: bytes, parts: Fields, place: Place) -> bytes:
        """Seal the personal parts of a payload with the key of the place's subject.

        Raises:
            ConflictError: the subject was forgotten.
            UnavailableError: its key cannot be had.
        """
        ...

    def open(self, payload: bytes, place: Place) -> bytes:
        """Give a payload as it was, or what is left of it when its subject was forgotten.

        Raises:
            BrokenSealError: it was changed or moved.
            UnavailableError: the key of its subject cannot be had.
        """
        ...


def _attribute_types(event_class: Any, *, include_extras: bool = False) -> dict[str, Any]:
    return {
        name: hint
        for name, hint in get_type_hints(event_class, include_extras=include_extras).items()
        if name in event_class.__dataclass_fields__ and name not in ENVELOPED
    }


@cache
def personal_parts(event_class: Any) -> Fields | None:
    """Find what is personal in the payload of an event class; None when nothing is."""
    return find_parts(_attribute_types(event_class, include_extras=True))


@cache
def payload_codec(event_class: Any) -> TypeAdapter[dict[str, Any]]:
    """Build the codec of an event class from the types of its attributes."""
    hints = _attribute_types(event_class)
    make: Any = TypedDict  # its name and fields are known at run time only
    shape = make(f"{event_class.__qualname__}Payload", hints)
    shape.__pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)
    return TypeAdapter(shape)


@cache
def _writing(event_class: Any) -> tuple[str, int, Callable[[dict[str, Any]], bytes]]:
    """Tell the name and schema version of an event class, and what encodes its attributes."""
    version = getattr(event_class, "class_version", 1)
    return event_class.TOPIC, version, payload_codec(event_class).serializer.to_json


class EventMapper(Mapper[UUID]):
    """Keeps module paths, ids and times out of the payload, and the words of subjects sealed.

    Args:
        seals: without it, events of subjects can be neither written nor read.
    """

    def __init__(self, seals: Seals | None = None) -> None:
        super().__init__(transcoder=JSONTranscoder())
        self._seals = seals

    def to_stored_event(
        self, domain_event: Any, envelope: Envelope | None = None
    ) -> EnvelopedEvent:
        """Encode an event; without an envelope the recorder makes one.

        Raises:
            ConflictError: its subject was forgotten.
            UnavailableError: the key of its subject cannot be had.
        """
        event_class: Any = type(domain_event)
        attributes = dict(vars(domain_event))
        stream = attributes.pop("originator_id")
        version = attributes.pop("originator_version")
        timestamp = attributes.pop("timestamp")
        attributes.pop("originator_topic", None)
        topic, schema_version, encode = _writing(event_class)
        # A third of the time that a frozen dataclass takes to make itself.
        stored = object.__new__(EnvelopedEvent)
        object.__setattr__(
            stored,
            "__dict__",
            {
                "originator_id": stream,
                "originator_version": version,
                "topic": topic,
                "state": encode(attributes),
                "envelope": envelope,
                "occurred_at": timestamp if timestamp.tzinfo is UTC else timestamp.astimezone(UTC),
                "schema_version": schema_version,
            },
        )
        if envelope is None or envelope.subject is None:
            return stored
        parts = personal_parts(event_class)
        if parts is None:
            return stored
        state = self._required_seals(envelope).seal(stored.state, parts, _place(stored, envelope))
        return replace(stored, state=state)

    def to_domain_event(self, stored_event: StoredEvent) -> CanMutateAggregate[UUID]:
        """Decode an event; its stream's kind comes from the first part of its name.

        Raises:
            UnreadableEventError: this version of Hansard does not know its type or its schema.
            TamperedEventError: what it seals does not open.
            UnavailableError: the key of its subject cannot be had.
        """
        kind = _kind(stored_event)
        state = self.payload_of(stored_event)
        attributes = _payload(kind, stored_event, state)
        attributes["originator_id"] = stored_event.originator_id
        attributes["originator_version"] = stored_event.originator_version
        attributes["timestamp"] = getattr(stored_event, "occurred_at", None)
        if kind.originator_topic is not None:
            attributes["originator_topic"] = kind.originator_topic
        domain_event: CanMutateAggregate[UUID] = object.__new__(kind.event_class)
        object.__setattr__(domain_event, "__dict__", attributes)
        return domain_event

    def payload_of(self, stored_event: StoredEvent) -> bytes:
        """Give the payload of an event unsealed, or what is left of it; raises as decoding does."""
        if getattr(stored_event, "subject", None) is None:
            return stored_event.state
        return self._opened(stored_event)

    def _opened(self, stored_event: Any) -> bytes:
        if not is_sealed(stored_event.state):
            return bytes(stored_event.state)
        envelope: Envelope = stored_event.envelope
        seals = self._required_seals(envelope)
        try:
            return seals.open(stored_event.state, _place(stored_event, envelope))
        except BrokenSealError as error:
            raise TamperedEventError(
                stored_event.topic,
                stored_event.originator_id,
                stored_event.originator_version,
                getattr(stored_event, "position", None),
            ) from error

    def _required_seals(self, envelope: Envelope) -> Seals:
        if self._seals is None:
            raise UnavailableError(
                f"The words of the subject {envelope.subject!r} are sealed, and no keys are at hand"
                " here: use Hansard itself."
            )
        return self._seals


def _place(stored_event: StoredEvent, envelope: Envelope) -> Place:
    return Place(
        subject=str(envelope.subject),
        stream=UUID(str(stored_event.originator_id)),
        version=stored_event.originator_version,
        event_id=envelope.event_id,
        type=stored_event.topic,
        schema_version=getattr(stored_event, "schema_version", 1),
    )


class EventKind(NamedTuple):
    """What is known of all events of a type.

    Attributes:
        version: newest schema version known here.
        decode: makes the attributes of a payload of that version.
        originator_topic: kind of the stream that the event begins; None for others.
    """

    event_class: Any
    version: int
    decode: Callable[[bytes], dict[str, Any]]
    originator_topic: str | None


@cache
def event_kind(topic: str) -> EventKind:
    """Look up a type of events by its name.

    Raises:
        TopicError: it is unknown here.
    """
    event_class: Any = resolve_topic(topic)
    return EventKind(
        event_class,
        getattr(event_class, "class_version", 1),
        payload_codec(event_class).validator.validate_json,
        topic.partition(".")[0] if issubclass(event_class, CanInitAggregate) else None,
    )


def _kind(stored_event: StoredEvent) -> EventKind:
    try:
        return event_kind(stored_event.topic)
    except TopicError as error:
        raise _unreadable(stored_event, "its type is unknown here; upgrade Hansard.") from error


def _payload(kind: EventKind, stored_event: StoredEvent, state: bytes) -> dict[str, Any]:
    """Decode a payload, after the event class has brought an old one up to date.

    A class at `class_version` N has the static methods `upcast_v1_v2` to `upcast_v<N-1>_v<N>`,
    which change the decoded JSON in place, as in the library.
    """
    stored = getattr(stored_event, "schema_version", 1)
    try:
        if stored == kind.version:
            return kind.decode(state)
        if stored > kind.version:
            known = f"its schema version is {stored}, known here up to {kind.version}"
            raise _unreadable(stored_event, f"{known}; upgrade Hansard.")
        payload = from_json(state)
        for version in range(stored, kind.version):
            getattr(kind.event_class, f"upcast_v{version}_v{version + 1}")(payload)
        return kind.decode(to_json(payload))
    except ValueError as error:
        raise _unreadable(stored_event, f"its payload does not fit ({error}).") from error


def _unreadable(stored_event: StoredEvent, reason: str) -> UnreadableEventError:
    return UnreadableEventError(
        stored_event.topic, stored_event.originator_id, stored_event.originator_version, reason
    )
