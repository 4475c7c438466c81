"""Shared context: what agents tell each other while they work on the same, each under its name."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, event
from pydantic import Field, JsonValue

from domain.value import PERSONAL, NonEmptyText, Value, Words

NAMESPACE = UUID("019a0000-0000-7000-8000-000000000005")
"""Namespace in which a session names the stream of its shared context (RFC 9562, version 5)."""

REPLICA_BITS = 53
"""Replicas are numbered with as many bits as every implementation of the protocol takes."""


def shared_context_id(session_id: UUID) -> UUID:
    """Name the stream of what is shared in a session."""
    return uuid5(NAMESPACE, session_id.hex)


def replica_of(session_id: UUID, after: int) -> int:
    """Number the replica that writes in a session's own history behind a position.

    A replica counts what it writes, and must never count two things alike. After a rewind a session
    would, so it goes on as another replica; a fork is one anyway.
    """
    return uuid5(session_id, f"replica behind {after}").int >> (128 - REPLICA_BITS)


class SharedValue(Value):
    """What an agent shares under a name.

    Attributes:
        value: None takes back what the agent shared under this name.
    """

    agent: NonEmptyText
    key: NonEmptyText
    value: Annotated[JsonValue, PERSONAL] = None


class SharedContext(Aggregate):
    """Aggregate of what is shared in one session.

    Every change is recorded twice: in plain words, for whoever reads the log, and as the update by
    which replicas are merged (Base64 of a Yjs update, version 1). What is shared is what the
    updates of a history make together; a port merges them.
    """

    TOPIC = "shared_context"

    class Event(Aggregate.Event):
        """An event of a shared context."""

    class Created(Aggregate.Created):
        """The first of a session was about to share something."""

        TOPIC = "shared_context.opened"
        session_id: UUID

    class Written(Aggregate.Event):
        """An agent shared something, or took it back."""

        TOPIC = "shared_context.written"
        shared: SharedValue
        update: Words

    class Merged(Aggregate.Event):
        """What is shared in another session, such as a fork, was taken over.

        `changed` says what is shared in another way than before.
        """

        TOPIC = "shared_context.merged"
        from_session_id: UUID
        until: Annotated[int, Field(ge=0)]
        changed: tuple[SharedValue, ...]
        update: Words

    @event(Created)
    def __init__(self, session_id: UUID) -> None:
        self.session_id = session_id
        self.writes = 0

    @classmethod
    def open(cls, session_id: UUID, at: datetime) -> SharedContext:
        """Begin to share in a session."""
        return cls._create(
            cls.Created, id=shared_context_id(session_id), timestamp=at, session_id=session_id
        )

    def write(self, shared: SharedValue, update: str, at: datetime) -> None:
        """Share something, or take it back."""
        self._written(shared=shared, update=update, timestamp=at)

    def merge(
        self,
        from_session_id: UUID,
        until: int,
        changed: tuple[SharedValue, ...],
        update: str,
        at: datetime,
    ) -> None:
        """Take over what is shared in another session, as of a position of the log."""
        self._merged(
            from_session_id=from_session_id,
            until=until,
            changed=changed,
            update=update,
            timestamp=at,
        )

    @event(Written)
    def _written(self, shared: SharedValue, update: str, timestamp: datetime) -> None:
        self.writes += 1

    @event(Merged)
    def _merged(
        self,
        from_session_id: UUID,
        until: int,
        changed: tuple[SharedValue, ...],
        update: str,
        timestamp: datetime,
    ) -> None:
        self.writes += len(changed)
