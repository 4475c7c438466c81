"""Shards: which of them this worker has, by locks of the database, under which epoch."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field

from application.errors import ConflictError, NotFoundError
from application.ports import Clock, Entry, EventLog, Fence, IdFactory, ShardLocks
from domain.event import SYSTEM, Envelope
from domain.shard import SHARDS, Shard, Tenure, shard_id

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Shards:
    """The shards of one worker; its methods block, and are called by one thread at a time.

    A lock says that no other worker has the shard; the event by which it was taken gives the epoch
    that fences what is appended under it. Who loses the lock without noticing, because the
    connection broke or the process stood still, is fenced off by the next one's event.

    Attributes:
        epochs: version of each shard's stream since this worker has it, by number.
        workers: how many share the shards, this one included.
    """

    log: EventLog
    clock: Clock
    ids: IdFactory
    locks: ShardLocks
    tenure: Tenure
    epochs: dict[int, int] = field(default_factory=dict)
    workers: int = 0

    def fence(self, number: int) -> Fence | None:
        """Give what fences appends under a shard; None when this worker does not have it."""
        epoch = self.epochs.get(number)
        return None if epoch is None else Fence(shard_id(number), epoch)

    def look(self) -> int:
        """See how many workers there are, and take what is free of this one's share.

        Returns:
            How many shards it has too many.

        Raises:
            UnavailableError: the database cannot be used; nothing is known of the shards then.
        """
        standing = self.locks.look()
        self.workers = standing.workers
        lost = self.epochs.keys() - standing.held
        share = SHARDS // standing.workers + (standing.rank < SHARDS % standing.workers)
        missing = share - len(standing.held)
        if missing > 0:
            # What was lost first: if nobody has taken it meanwhile, all goes on as it was.
            others = set(range(SHARDS)) - standing.held - lost
            wanted = [*sorted(lost), *sorted(others, key=lambda n: (n - standing.rank) % SHARDS)]
            self._begin(self.locks.take(wanted, missing))
        self._begin(standing.held - self.epochs.keys())
        for number in lost - self.locks.held:
            del self.epochs[number]
        return max(0, len(self.epochs) - share)

    def give_back(self, numbers: Collection[int], reason: str) -> None:
        """Leave shards to others.

        Raises:
            UnavailableError: the database cannot be used; the locks go with the connection.
        """
        entries = []
        held = self.locks.look().held  # says at once when the database is away
        for number in held.intersection(numbers):
            epoch = self.epochs.pop(number, None)
            shard = self.log.load(Shard, shard_id(number)) if epoch is not None else None
            if shard is not None and shard.epoch == epoch:
                shard.give_back(reason, self.clock.now())
                entries += self._entries(shard)
        try:
            self.log.append(entries)
        finally:
            self.locks.give(numbers)

    def _begin(self, numbers: Collection[int]) -> None:
        """Record that shards are taken, unless they were this worker's until a moment ago."""
        taken: dict[int, Shard] = {}
        for number in numbers:
            now = self.clock.now()
            try:
                shard = self.log.load(Shard, shard_id(number))
            except NotFoundError:
                taken[number] = Shard.open(number, self.tenure, now)
                continue
            if self.epochs.get(number) != shard.epoch:
                shard.take(self.tenure, now)
                taken[number] = shard
        entries = [entry for shard in taken.values() for entry in self._entries(shard)]
        try:
            self.log.append(entries)
        except ConflictError:
            logger.info("Somebody else recorded something of a shard; taken again later.")
            self.locks.give(taken)
        except BaseException:
            self.locks.give(taken)
            raise
        else:
            self.epochs.update({number: shard.epoch for number, shard in taken.items()})

    def _entries(self, shard: Shard) -> list[Entry]:
        return [
            Entry(
                event,
                Envelope(
                    event_id=self.ids.new(), actor=SYSTEM, correlation_id=self.tenure.worker_id
                ),
            )
            for event in shard.collect_events()
        ]
