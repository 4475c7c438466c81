"""Payloads: those of recorded events byte by byte, and those that the log would hold."""

from __future__ import annotations

from typing import Any

from domain.event import RecordedEvent
from infrastructure.erasure.sealing import erased, is_sealed
from infrastructure.event_log.mapper import ENVELOPED, EventMapper, payload_codec
from infrastructure.event_log.read_event import ReadEvent


class LogPayloads:
    """The port `Payloads` on the codec of the log.

    Args:
        mapper: opens what is sealed.
    """

    def __init__(self, mapper: EventMapper) -> None:
        self._mapper = mapper

    def recorded(self, recorded: RecordedEvent) -> bytes:
        """Give the payload that is recorded, unsealed as far as there is a key.

        One of an older schema version is given as it is read, which is brought up to date.
        """
        if not isinstance(recorded, ReadEvent):
            return self.encode(recorded.event)
        if recorded.schema_version != getattr(type(recorded.event), "class_version", 1):
            return self.encode(recorded.event)
        return self._opened(recorded)

    def is_sealed(self, recorded: RecordedEvent) -> bool:
        """Tell whether words in the payload are sealed, and no key to them is here."""
        if not isinstance(recorded, ReadEvent) or recorded.subject is None:
            return False
        payload = recorded.payload
        return is_sealed(payload) and self._opened(recorded) == erased(payload)

    def _opened(self, recorded: ReadEvent) -> bytes:
        if recorded.subject is None:
            return recorded.payload
        return self._mapper.payload_of(recorded.logged)

    def encode(self, event: Any) -> bytes:
        """Encode an event as the log would."""
        attributes = {name: value for name, value in vars(event).items() if name not in ENVELOPED}
        kind: Any = type(event)
        return payload_codec(kind).dump_json(attributes)
