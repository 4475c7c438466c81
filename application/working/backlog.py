"""Backlog: which sessions are to be run, as the log tells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from domain.event import RecordedEvent
from domain.organisation import Halt
from domain.priority import Priority
from domain.shard import SHARDS, shard_of

BEGIN = ("session.opened", "session.resumed")
HOLD = ("session.forked", "session.rewound", "session.paused")
END = ("session.completed", "session.declined", "session.failed", "session.cancelled")
HALT = ("organisation.halted", "organisation.released")

ANSWER = ("approval.granted", "approval.rejected", "approval.amended", "approval.expired")
"""What a human says, which a session at rest may wait for."""

BACKLOG_TYPES = (*BEGIN, *HOLD, *END, *HALT, *ANSWER)
"""Events that say which sessions are to be run; all others change nothing about it."""


class Turn(NamedTuple):
    """A session's place in the order in which sessions are begun; less is earlier.

    Attributes:
        rank: of its priority.
        position: where it was opened, or taken off hold.
    """

    rank: int
    position: int
    session_id: UUID


class Backlog:
    """The sessions that were opened, have not ended and are not on hold.

    Attributes:
        halt: why all work stands still; None while it goes on.
        position: of the newest event that was taken in.
    """

    def __init__(self) -> None:
        self.halt: Halt | None = None
        self.position = 0
        self._turns: dict[UUID, Turn] = {}
        self._ranks: dict[UUID, int] = {}
        self._shards: list[set[UUID]] = [set() for _ in range(SHARDS)]

    def __len__(self) -> int:
        return len(self._turns)

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._turns

    def turn(self, session_id: UUID) -> Turn | None:
        """Tell when it is a session's turn; None when it is not to be run."""
        return self._turns.get(session_id)

    def of_shard(self, number: int) -> Iterator[Turn]:
        """List the sessions of a shard, in no order."""
        return (self._turns[session_id] for session_id in self._shards[number])

    def take_in(self, recorded: RecordedEvent) -> None:
        """Take in the next event of the log."""
        self.position = recorded.position
        event: Any = recorded.event
        kind = recorded.type
        if kind in HALT:
            self.halt = event.halt if kind == "organisation.halted" else None
            return
        session_id = recorded.session_id
        if session_id is None or kind in ANSWER:
            return
        if kind in {"session.opened", "session.forked"}:
            priority = event.charter.priority or Priority.NORMAL
            if priority is not Priority.NORMAL:
                self._ranks[session_id] = priority.rank
        if kind in BEGIN:
            self._add(session_id, recorded.position)
        else:
            self._drop(session_id)
            if kind in END:
                self._ranks.pop(session_id, None)

    def _add(self, session_id: UUID, position: int) -> None:
        if session_id not in self._turns:
            rank = self._ranks.get(session_id, Priority.NORMAL.rank)
            self._turns[session_id] = Turn(rank, position, session_id)
            self._shards[shard_of(session_id)].add(session_id)

    def _drop(self, session_id: UUID) -> None:
        if self._turns.pop(session_id, None) is not None:
            self._shards[shard_of(session_id)].discard(session_id)
