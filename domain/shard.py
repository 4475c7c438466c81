"""Shard: one of the parts that the sessions are shared out in, and who works on it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, event

from domain.value import NonEmptyText, Value

SHARDS = 64
"""How many there are; a power of two, so that few workers share them evenly."""

NAMESPACE = UUID("019a0000-0000-7000-8000-000000000002")


def shard_of(session_id: UUID) -> int:
    """Tell which shard a session belongs to: by the random end of its id, which spreads evenly."""
    return session_id.int % SHARDS


def shard_id(number: int) -> UUID:
    """Name the stream of a shard."""
    return uuid5(NAMESPACE, str(number))


class Tenure(Value):
    """Who works on a shard.

    Attributes:
        worker: process and machine.
        worker_id: of its life, from its start to its end.
    """

    worker: NonEmptyText
    worker_id: UUID


class Shard(Aggregate):
    """Aggregate of one shard.

    The version at which a worker took it is its epoch: what the worker appends is fenced by it, and
    counts only until another one takes the shard.
    """

    TOPIC = "shard"

    class Event(Aggregate.Event):
        """An event of a shard."""

    class Created(Aggregate.Created):
        """The shard was taken for the first time."""

        TOPIC = "shard.opened"
        number: int
        tenure: Tenure

    class Taken(Aggregate.Event):
        """A worker takes the sessions of the shard upon itself; the one before has lost them."""

        TOPIC = "shard.taken"
        tenure: Tenure

    class Returned(Aggregate.Event):
        """The worker has stopped working on the shard."""

        TOPIC = "shard.returned"
        reason: NonEmptyText

    @event(Created)
    def __init__(self, number: int, tenure: Tenure) -> None:
        self.number = number
        self.tenure: Tenure | None = tenure

    @classmethod
    def open(cls, number: int, tenure: Tenure, at: datetime) -> Shard:
        """Take a shard that nobody has ever taken."""
        return cls._create(
            cls.Created, id=shard_id(number), timestamp=at, number=number, tenure=tenure
        )

    @property
    def epoch(self) -> int:
        """The version that fences whoever has the shard."""
        return self.version

    def take(self, tenure: Tenure, at: datetime) -> None:
        """Take the shard over, or after it was given back."""
        self._taken(tenure=tenure, timestamp=at)

    def give_back(self, reason: str, at: datetime) -> None:
        """Leave the shard to others; nobody's is left alone."""
        if self.tenure is not None:
            self._returned(reason=reason, timestamp=at)

    @event(Taken)
    def _taken(self, tenure: Tenure, timestamp: datetime) -> None:
        self.tenure = tenure

    @event(Returned)
    def _returned(self, reason: str, timestamp: datetime) -> None:
        self.tenure = None
