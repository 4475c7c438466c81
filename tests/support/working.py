"""Working: workers in one process, on the in-memory log and shard locks that a test can break."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from application.ports import Standing
from application.sessions import Sessions
from application.working.shards import Shards
from application.working.worker import Worker
from domain.shard import Tenure
from tests.support.office import Office


@dataclass
class LockTable:
    """What the database knows: who is there, and who holds which shard."""

    workers: list[Any] = field(default_factory=list)
    holders: dict[int, Any] = field(default_factory=dict)


class InMemoryShardLocks:
    """The locks of one worker in a shared table."""

    def __init__(self, table: LockTable) -> None:
        self._table = table
        self.break_off()

    @property
    def held(self) -> frozenset[int]:
        """Numbers of the shards that this worker holds; see the port."""
        return frozenset(n for n, holder in self._table.holders.items() if holder is self)

    def look(self) -> Standing:
        """See who else there is; see the port."""
        if self not in self._table.workers:
            self._table.workers.append(self)
        workers = self._table.workers
        return Standing(len(workers), workers.index(self), self.held)

    def take(self, numbers: Sequence[int], most: int) -> Sequence[int]:
        """Take what nobody holds; see the port."""
        free = [number for number in numbers if number not in self._table.holders][:most]
        self._table.holders.update(dict.fromkeys(free, self))
        return free

    def give(self, numbers: Collection[int]) -> None:
        """Let others take shards; see the port."""
        for number in self.held.intersection(numbers):
            del self._table.holders[number]

    def break_off(self) -> None:
        """Lose the connection: the database frees everything, and the worker does not know."""
        self.give(self.held)
        if self in self._table.workers:
            self._table.workers.remove(self)


def shards_of(desk: Office, table: LockTable, name: str = "worker") -> Shards:
    """Make the shards of a worker at an office."""
    tenure = Tenure(worker=name, worker_id=desk.ids.new())
    return Shards(desk.log, desk.clock, desk.ids, InMemoryShardLocks(table), tenure)


def worker_of(
    desk: Office, table: LockTable, concurrency: int = 10, sessions: Sessions | None = None
) -> Worker:
    """Make a worker at an office."""
    return Worker(sessions or desk.sessions, shards_of(desk, table), concurrency)
