"""Entry codec: events as the binary array that `hansard.append` takes.

Each event is encoded once, by whoever appends it, as one composite value; a batch is only a
header before what its appends bring. The format is that of PostgreSQL's `record_send` and
`array_send`: https://www.postgresql.org/docs/18/protocol-overview.html#PROTOCOL-FORMAT-CODES
"""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from uuid import UUID

from infrastructure.event_log.errors import UnrecordableEventError
from infrastructure.event_log.mapper import EnvelopedEvent

BYTEA, INT2, INT4, TEXT, TIMESTAMPTZ, UUID_ = 17, 21, 23, 25, 1184, 2950
"""Object ids of the types of an entry's fields; fixed in every PostgreSQL."""

FIELDS = 14
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

FIRST_MOMENT = (datetime.min.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
LAST_MOMENT = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
"""What Python can read again; the database's own calendar is longer at both ends."""

MAX_VERSION = 2**31 - 1
MAX_SCHEMA_VERSION = 2**15 - 1
MAX_INDEXED_BYTES = 1000
"""Of types and subjects: there are indexes on them, which take no more than 2,704 bytes a row."""
MAX_TEXT_BYTES = 10_000
"""Of the other texts of an envelope, which are names; what is longer belongs into the payload."""

HEAD = Struct("!i Ii16s Iii Ii16s")  # number of fields, stream, version, event id
NUMBER = Struct("!Iih")
MOMENT = Struct("!Iiq")
TAG = Struct("!Ii")
ARRAY = Struct("!iiIii")
SIZE = Struct("!i")

NO_UUID = TAG.pack(UUID_, -1)
NO_TEXT = TAG.pack(TEXT, -1)
NO_MOMENT = TAG.pack(TIMESTAMPTZ, -1)


def encode_entry(event: EnvelopedEvent) -> bytes:
    """Encode an event as an element of an array of `hansard.entry`.

    Raises:
        UnrecordableEventError: the database cannot hold it, or nobody could read it again.
    """
    try:
        record = _encode_record(event)
    except (ValueError, struct.error) as error:
        raise UnrecordableEventError(event.topic, _find_fault(event)) from error
    return SIZE.pack(len(record)) + record


def encode_array(type_id: int, elements: list[bytes]) -> bytes:
    """Put encoded elements into one array.

    Args:
        type_id: object id of `hansard.entry` in this database.
    """
    return ARRAY.pack(1, 0, type_id, len(elements), 1) + b"".join(elements)


def _encode_record(event: EnvelopedEvent) -> bytes:
    envelope = event.enveloped
    stream: UUID = event.originator_id  # type: ignore[assignment]  # the recorder has checked it
    if event.originator_version < 0 or event.schema_version < 0:
        raise ValueError
    return b"".join(
        (
            HEAD.pack(
                FIELDS,
                *(UUID_, 16, stream.bytes),
                *(INT4, 4, event.originator_version),
                *(UUID_, 16, envelope.event_id.bytes),
            ),
            _type(event.topic),
            NUMBER.pack(INT2, 2, event.schema_version),
            _origin(envelope.tenant, envelope.session_id, envelope.actor, envelope.correlation_id),
            _uuid(envelope.causation_id),
            _text(envelope.traceparent),
            _text(envelope.subject, MAX_INDEXED_BYTES),
            _moment(event.occurred_at),
            TAG.pack(BYTEA, len(event.state)),
            event.state,
        )
    )


@lru_cache(1024)
def _type(text: str) -> bytes:
    return _text(text, MAX_INDEXED_BYTES)


@lru_cache(4096)
def _origin(tenant: str, session_id: UUID | None, actor: str, correlation_id: UUID) -> bytes:
    """Encode what many events of a session share."""
    return _text(tenant) + _uuid(session_id) + _text(actor) + _uuid(correlation_id)


def _text(text: str | None, limit: int = MAX_TEXT_BYTES) -> bytes:
    if text is None:
        return NO_TEXT
    encoded = text.encode()
    if b"\0" in encoded or len(encoded) > limit:
        raise ValueError
    return TAG.pack(TEXT, len(encoded)) + encoded


def _moment(moment: datetime | None) -> bytes:
    if moment is None:
        return NO_MOMENT
    if moment.tzinfo is None:
        raise ValueError
    microseconds = (moment - EPOCH) // MICROSECOND
    if not FIRST_MOMENT <= microseconds <= LAST_MOMENT:
        raise ValueError
    return MOMENT.pack(TIMESTAMPTZ, 8, microseconds)


def _uuid(value: UUID | None) -> bytes:
    return NO_UUID if value is None else TAG.pack(UUID_, 16) + value.bytes


def _find_fault(event: EnvelopedEvent) -> str:
    """Say what is wrong with an event that cannot be encoded."""
    envelope = event.enveloped
    if not 0 <= event.originator_version <= MAX_VERSION:
        return f"its version {event.originator_version} is not from 0 to {MAX_VERSION}"
    if not 0 <= event.schema_version <= MAX_SCHEMA_VERSION:
        return f"its schema version {event.schema_version} is not from 0 to {MAX_SCHEMA_VERSION}"
    names = ("tenant", "actor", "traceparent", "subject")
    texts = {name: getattr(envelope, name) or "" for name in names}
    for name, text in {"type": event.topic, **texts}.items():
        limit = MAX_INDEXED_BYTES if name in {"type", "subject"} else MAX_TEXT_BYTES
        if len(text.encode(errors="surrogatepass")) > limit:
            return f"its {name} {text[:20] + '...'!r} is longer than {limit:,} bytes"
        if unfit := next((c for c in text if c == "\0" or "\ud800" <= c <= "\udfff"), None):
            return f"its {name} {text[:100]!r} has the character U+{ord(unfit):04X}"
    moment = event.occurred_at
    return f"it occurred at '{moment}', no moment with a time zone in the years 1 to 9999 of UTC"
