"""Bundle log: the proven part of a log that a bundle holds, to be read where the log is not."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from application.directory import fold_organisation
from application.errors import BadRequestError, IntegrityError
from domain.event import RecordedEvent
from infrastructure.erasure.marking import Fields
from infrastructure.erasure.sealing import Place, erased
from infrastructure.event_log.errors import TamperedEventError, UnreadableEventError
from infrastructure.event_log.logged_event import Row, sent_time
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.read_event import read_events
from infrastructure.integrity.bundle import FORMAT, NUMBERS, UUIDS
from infrastructure.integrity.leaf import EPOCH, FIELDS, POSITION, SESSION_ID, STREAM, TYPE
from infrastructure.integrity.verify_proof import (
    OLD_FORMAT,
    ProofError,
    groups_of,
    verify,
)

PLUSES = 2
"""A verifier key has so many plus signs at least; no other text that is a path does, as a rule."""


class ClosedSeals:
    """Opens nothing: a bundle brings no keys, so what is sealed in it stays sealed."""

    def seal(self, payload: bytes, parts: Fields, place: Place) -> bytes:
        """Nothing is written to a bundle; see `EventMapper`."""
        del parts, place
        return payload

    def open(self, payload: bytes, place: Place) -> bytes:
        """Give what can be read without a key."""
        del place
        return erased(payload)


class BundleLog:
    """The events of a bundle; the port `EventReader`."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.mapper = EventMapper(ClosedSeals())
        self._rows = sorted(rows, key=lambda row: row[POSITION])

    def read(
        self,
        *,
        after: int = 0,
        until: int | None = None,
        stream: UUID | None = None,
        session_id: UUID | None = None,
        types: Collection[str] = (),
    ) -> Iterator[RecordedEvent]:
        """Read events in order of position; see the port."""
        wanted = (
            row
            for row in self._rows
            if row[POSITION] > after
            and (until is None or row[POSITION] <= until)
            and (stream is None or row[STREAM] == stream.bytes)
            and (session_id is None or row[SESSION_ID] == session_id.bytes)
            and (not types or row[TYPE] in types)
        )
        return read_events(wanted, self.mapper)

    def last_position(self) -> int:
        """Tell the position of the newest event."""
        last: int = self._rows[-1][POSITION]
        return last


@dataclass(frozen=True, slots=True)
class ProvenBundle:
    """A bundle whose signature and proofs are good.

    Attributes:
        key: verifier key that signed it.
        position: position of the checkpoint.
    """

    session_id: UUID
    log: BundleLog
    key: str
    position: int


def open_bundle(file: Path, key: str | None = None) -> ProvenBundle:
    """Read a bundle, and check its signature and all proofs in it.

    Args:
        key: verifier key of the log, or a file that holds it; without it the key that the bundle
            brings itself, which proves nothing to whoever does not know it.

    Raises:
        BadRequestError: a file cannot be read, or the bundle cannot be replayed.
        IntegrityError: something in it is not proven, or is left out.
    """
    bundle = _bundle(file)
    vkey = _key(key) if key is not None else str(bundle.get("verifier_key"))
    try:
        _, position = verify(bundle, vkey)
        groups = groups_of(bundle)
        rows = [_row(event) for _, events in groups for event in events]
    except (ProofError, ValueError) as error:
        raise IntegrityError(f"The bundle {str(file)!r} is not proven: {error}.") from error
    log = BundleLog(rows)
    _check_organisation(log, file)
    return ProvenBundle(UUID(bundle["session_id"]), log, vkey, position)


def _bundle(file: Path) -> dict[str, Any]:
    try:
        bundle = json.loads(file.read_bytes())
    except OSError as error:
        raise BadRequestError(
            f"The bundle {str(file)!r} cannot be read: {error.strerror}."
        ) from error
    except ValueError as error:
        raise BadRequestError(f"{str(file)!r} is no bundle: it is no JSON ({error}).") from error
    found = bundle.get("format") if isinstance(bundle, dict) else None
    if found == OLD_FORMAT:
        raise BadRequestError(
            f"The bundle {str(file)!r} is of the format {OLD_FORMAT}, which proves the events of a"
            " session without the organisation that its decisions depend on, so it cannot be"
            " replayed: write it again with `hansard export-proof`."
        )
    if found != FORMAT:
        raise BadRequestError(
            f"{str(file)!r} is no bundle that can be replayed: its format is {found!r}, not"
            f" {FORMAT!r}. `hansard export-proof` writes such bundles."
        )
    assert isinstance(bundle, dict)  # noqa: S101 - for the type
    return bundle


def _key(key: str) -> str:
    if key.count("+") >= PLUSES:
        return key.strip()
    try:
        return Path(key).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequestError(
            f"{key!r} is neither a verifier key (NAME+ID+KEY) nor a file that holds one."
        ) from error


def _row(event: dict[str, Any]) -> Row:
    return tuple(_value(name, event[name]) for name in FIELDS)


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in UUIDS:
        return UUID(value).bytes
    if name in {"occurred_at", "recorded_at"}:
        return sent_time(EPOCH + timedelta(microseconds=value))
    if name in NUMBERS:
        return int(value)
    return b64decode(value, validate=True) if name == "payload" else str(value)


def _check_organisation(log: BundleLog, file: Path) -> None:
    """Make sure that no agent who was there is left out: nobody else could have been considered."""
    try:
        fold = fold_organisation(log, until=log.last_position())
    except (UnreadableEventError, TamperedEventError) as error:
        raise BadRequestError(f"The bundle {str(file)!r} cannot be replayed: {error}") from error
    enrolled = fold.organisation.agents if fold.organisation else {}
    present = {handle: agent.id for handle, agent in fold.members.items()}
    for handle in sorted(enrolled.keys() | present.keys()):
        if enrolled.get(handle) != present.get(handle):
            raise IntegrityError(
                f"The bundle {str(file)!r} is not proven: it does not hold all events of the agent"
                f" {handle!r}."
            )
