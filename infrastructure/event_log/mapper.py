"""Mapper: domain events to exact JSON bytes in an envelope, and back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, get_type_hints
from uuid import UUID

from eventsourcing.domain import CanInitAggregate, CanMutateAggregate
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent
from eventsourcing.utils import TopicError, resolve_topic
from pydantic import ConfigDict, TypeAdapter
from pydantic_core import from_json, to_json
from typing_extensions import TypedDict

import domain.agent
import domain.conversation
import domain.organisation
import domain.session
import domain.task  # noqa: F401 - importing the aggregates makes their event names known
from domain.event import Envelope
from infrastructure.event_log.errors import UnreadableEventError

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


@cache
def payload_codec(event_class: Any) -> TypeAdapter[dict[str, Any]]:
    """Build the codec of an event class from the types of its attributes."""
    hints = {
        name: hint
        for name, hint in get_type_hints(event_class).items()
        if name in event_class.__dataclass_fields__ and name not in ENVELOPED
    }
    make: Any = TypedDict  # its name and fields are known at run time only
    shape = make(f"{event_class.__qualname__}Payload", hints)
    shape.__pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)
    return TypeAdapter(shape)


class EventMapper(Mapper[UUID]):
    """Keeps module paths, ids and times out of the payload."""

    def __init__(self) -> None:
        super().__init__(transcoder=JSONTranscoder())

    def to_stored_event(
        self, domain_event: Any, envelope: Envelope | None = None
    ) -> EnvelopedEvent:
        """Encode an event; without an envelope the recorder makes one."""
        event_class: Any = type(domain_event)
        attributes = {
            name: value for name, value in vars(domain_event).items() if name not in ENVELOPED
        }
        return EnvelopedEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=event_class.TOPIC,
            state=payload_codec(event_class).dump_json(attributes),
            envelope=envelope,
            occurred_at=domain_event.timestamp.astimezone(UTC),
            schema_version=getattr(event_class, "class_version", 1),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> CanMutateAggregate[UUID]:
        """Decode an event; its stream's kind comes from the first part of its name.

        Raises:
            UnreadableEventError: this version of Hansard does not know its type or its schema.
        """
        event_class = _event_class(stored_event)
        attributes = _payload(event_class, stored_event)
        attributes["originator_id"] = stored_event.originator_id
        attributes["originator_version"] = stored_event.originator_version
        attributes["timestamp"] = getattr(stored_event, "occurred_at", None)
        if issubclass(event_class, CanInitAggregate):
            attributes["originator_topic"] = stored_event.topic.partition(".")[0]
        domain_event: CanMutateAggregate[UUID] = object.__new__(event_class)
        domain_event.__dict__.update(attributes)
        return domain_event


def _event_class(stored_event: StoredEvent) -> Any:
    try:
        return resolve_topic(stored_event.topic)
    except TopicError as error:
        raise _unreadable(stored_event, "its type is unknown here; upgrade Hansard.") from error


def _payload(event_class: Any, stored_event: StoredEvent) -> dict[str, Any]:
    """Decode a payload, after the event class has brought an old one up to date.

    A class at `class_version` N has the static methods `upcast_v1_v2` to `upcast_v<N-1>_v<N>`,
    which change the decoded JSON in place, as in the library.
    """
    current = getattr(event_class, "class_version", 1)
    stored = getattr(stored_event, "schema_version", 1)
    if stored > current:
        reason = f"its schema version is {stored}, known here up to {current}; upgrade Hansard."
        raise _unreadable(stored_event, reason)
    codec = payload_codec(event_class)
    try:
        if stored == current:
            return codec.validate_json(stored_event.state)
        payload = from_json(stored_event.state)
        for version in range(stored, current):
            getattr(event_class, f"upcast_v{version}_v{version + 1}")(payload)
        return codec.validate_json(to_json(payload))
    except ValueError as error:
        raise _unreadable(stored_event, f"its payload does not fit ({error}).") from error


def _unreadable(stored_event: StoredEvent, reason: str) -> UnreadableEventError:
    return UnreadableEventError(
        stored_event.topic, stored_event.originator_id, stored_event.originator_version, reason
    )
