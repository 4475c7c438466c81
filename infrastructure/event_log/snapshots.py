"""Snapshots: the state of long streams, so that loading one need not begin at its first event."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import UUID

import psycopg

from infrastructure.database.errors import DatabaseUnavailableError
from infrastructure.event_log import sql
from infrastructure.event_log.snapshot_codec import (
    STATES,
    UnfitStateError,
    decode_state,
    domain_digest,
    encode_state,
    fingerprint_of,
)

if TYPE_CHECKING:
    from eventsourcing.domain import Aggregate
    from psycopg_pool import ConnectionPool

A = TypeVar("A", bound="Aggregate")

logger = logging.getLogger(__name__)

FAILURES = (UnfitStateError, DatabaseUnavailableError, psycopg.Error)
"""After any of these there is no snapshot, and nothing else is lost."""

FIND = """
SELECT stream, version, event_id, fingerprint, state, digest FROM hansard.snapshots
WHERE log = %s AND stream = %s AND fingerprint = %s
"""

KEEP = """
INSERT INTO hansard.snapshots (log, stream, version, event_id, fingerprint, state, digest)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (log, stream) DO UPDATE
SET version = excluded.version, event_id = excluded.event_id, fingerprint = excluded.fingerprint,
    digest = excluded.digest, taken_at = excluded.taken_at, state = excluded.state
"""


@dataclass(frozen=True, slots=True)
class SnapshotPolicy:
    """When a snapshot is taken.

    Attributes:
        every: a load that had to fold more events than these leaves a snapshot behind.
    """

    every: int = 200


class StoredSnapshot(NamedTuple):
    """The columns of `hansard.snapshots` that say something."""

    stream: UUID
    version: int
    event_id: UUID
    fingerprint: bytes
    state: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of all of them."""
        place = f"{self.stream} {self.version} {self.event_id}"
        return hashlib.sha256(place.encode() + self.fingerprint + self.state).digest()


class PostgresSnapshots:
    """At most one snapshot a stream; one that is damaged or of other code is not there.

    Args:
        pool: connections in autocommit mode.
    """

    def __init__(
        self, pool: ConnectionPool[Any], policy: SnapshotPolicy = SnapshotPolicy()
    ) -> None:
        self.policy = policy
        self._pool = pool
        domain_digest()  # while the files are those that were imported

    def find(self, kind: type[A], stream: UUID) -> tuple[A, UUID] | None:
        """Give the state of a stream and the id of the event it was taken after, if there is one.

        Whoever uses it makes sure that this event stands at the version of the state.
        """
        if kind not in STATES:
            return None
        try:
            key = (sql.LOG, stream, fingerprint_of(kind))
            with self._pool.connection() as connection:
                row = connection.execute(FIND, key, binary=True).fetchone()
            if row is None:
                return None
            *columns, digest = row
            return _restored(kind, StoredSnapshot(*columns), digest)
        except FAILURES as error:
            logger.warning("The snapshot of stream %s is not used: %s", stream, error)
            return None

    def keep(self, aggregate: Aggregate, event_id: UUID) -> None:
        """Keep the state of a stream after its event of this id; a failure is only reported."""
        if type(aggregate) not in STATES:
            return
        try:
            state = encode_state(aggregate)
            fingerprint = fingerprint_of(type(aggregate))
            stored = StoredSnapshot(aggregate.id, aggregate.version, event_id, fingerprint, state)
            with self._pool.connection() as connection:
                connection.execute(KEEP, (sql.LOG, *stored, stored.digest))
        except FAILURES as error:
            logger.warning("No snapshot of stream %s is kept: %s", aggregate.id, error)


def _restored(kind: type[A], stored: StoredSnapshot, digest: bytes) -> tuple[A, UUID]:
    if stored.digest != digest:
        raise UnfitStateError("it is damaged.")
    aggregate = decode_state(kind, stored.state)
    if (aggregate.id, aggregate.version) != (stored.stream, stored.version):
        raise UnfitStateError("its state is of another stream or version.")
    return aggregate, stored.event_id
