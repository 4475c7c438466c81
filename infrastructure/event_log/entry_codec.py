"""Entry codec: events as the binary array that `hansard.append` takes.

Each event is encoded once, by whoever appends it, as one composite value; a batch is only a
header before what its appends bring. The format is that of PostgreSQL's `record_send` and
`array_send`: https://www.postgresql.org/docs/18/protocol-overview.html#PROTOCOL-FORMAT-CODES
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from struct import Struct
from uuid import UUID

from infrastructure.event_log.mapper import EnvelopedEvent

BYTEA, INT2, INT4, TEXT, TIMESTAMPTZ, UUID_ = 17, 21, 23, 25, 1184, 2950
"""Object ids of the types of an entry's fields; fixed in every PostgreSQL."""

FIELDS = 14
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

HEAD = Struct("!i Ii16s Iii Ii16s")  # number of fields, stream, version, event id
NUMBER = Struct("!Iih")
MOMENT = Struct("!Iiq")
TAG = Struct("!Ii")
ARRAY = Struct("!iiIii")
SIZE = Struct("!i")

NO_UUID = TAG.pack(UUID_, -1)
NO_TEXT = TAG.pack(TEXT, -1)


def encode_entry(event: EnvelopedEvent, now: datetime) -> bytes:
    """Encode an event as an element of an array of `hansard.entry`.

    Args:
        now: when an event without a time of its own occurred.
    """
    envelope = event.enveloped
    stream: UUID = event.originator_id  # type: ignore[assignment]  # the recorder has checked it
    occurred = event.occurred_at or now
    record = b"".join(
        (
            HEAD.pack(
                FIELDS,
                *(UUID_, 16, stream.bytes),
                *(INT4, 4, event.originator_version),
                *(UUID_, 16, envelope.event_id.bytes),
            ),
            _text(event.topic),
            NUMBER.pack(INT2, 2, event.schema_version),
            _text(envelope.tenant),
            _uuid(envelope.session_id),
            _text(envelope.actor),
            _uuid(envelope.correlation_id),
            _uuid(envelope.causation_id),
            _text(envelope.traceparent),
            _text(envelope.subject),
            MOMENT.pack(TIMESTAMPTZ, 8, (occurred - EPOCH) // MICROSECOND),
            TAG.pack(BYTEA, len(event.state)),
            event.state,
        )
    )
    return SIZE.pack(len(record)) + record


def encode_array(type_id: int, elements: list[bytes]) -> bytes:
    """Put encoded elements into one array.

    Args:
        type_id: object id of `hansard.entry` in this database.
    """
    return ARRAY.pack(1, 0, type_id, len(elements), 1) + b"".join(elements)


def _text(text: str | None) -> bytes:
    if text is None:
        return NO_TEXT
    encoded = text.encode()
    return TAG.pack(TEXT, len(encoded)) + encoded


def _uuid(value: UUID | None) -> bytes:
    return NO_UUID if value is None else TAG.pack(UUID_, 16) + value.bytes
