"""Branching history: a busy history whose sessions are rewound, forked and tried otherwise too."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from application.branching import Branch, Branching
from application.errors import ConflictError, NotFoundError
from application.sessions import Sessions
from domain.event import RecordedEvent
from domain.session import SessionStatus
from tests.support.branches import NoFiles
from tests.support.busy_history import BusyHistory, DatedLog
from tests.support.histories import NOVA, SessionTeller
from tests.support.scripted import InMemoryLease

if TYPE_CHECKING:
    from eventsourcing.domain import Aggregate

REASON = "to see what else might be"


class BranchTeller(SessionTeller):
    """Tells a session on from where its history stands."""

    def __init__(self, sessions: Sessions, session_id: UUID) -> None:
        log, ids, clock = (
            cast("Any", each) for each in (sessions.log, sessions.ids, sessions.clock)
        )
        self._log, self._ids, self._clock = log, ids, clock
        self.session_id = session_id
        self.fold = sessions.take_up(session_id)
        self.session, self.conversation = self.fold.session, self.fold.conversation
        self.root = self.fold.root
        self._recorded: list[RecordedEvent] = []
        self._journal = sessions.journal(self.fold, self._recorded.append)

    def record(self, *aggregates: Aggregate) -> Sequence[RecordedEvent]:
        """Append what is pending, in the streams of the session."""
        for aggregate in aggregates:
            known = cast("Any", aggregate)
            if not self.fold.has(known.id):
                self.fold.hold(known)
            self._journal.collect(known, NOVA)
        self._recorded.clear()
        asyncio.run(self._journal.flush())
        return list(self._recorded)


class BranchingHistory(BusyHistory):
    """Lets sessions do whatever they may, and rewinds and forks them, forks of forks too.

    Attributes:
        all: ids of all sessions, in the order in which they began.
    """

    def __init__(self, log: DatedLog, seed: int) -> None:
        super().__init__(log, seed)
        nobody: Any = None
        self.sessions = Sessions(
            log, self._clock, self._ids, cast("Any", InMemoryLease()), nobody, nobody
        )
        self._branching = Branching(self.sessions, NoFiles())
        self.all: list[UUID] = []

    def _open_session(self) -> None:
        super()._open_session()
        session_id = self._sessions.pop().session_id
        self.all.append(session_id)
        self._take_up(session_id)

    def _step(self, told: SessionTeller) -> None:
        drawn = self._random.random()
        if drawn < 0.03:
            self._rewind(self._random.choice(self.all))
        elif drawn < 0.045:
            self._undo(self._random.choice(self.all))
        elif drawn < 0.08 and len(self.all) < 40:
            self._fork(self._random.choice(self.all))
        else:
            super()._step(told)

    def _rewind(self, session_id: UUID) -> None:
        """Go back, mostly not far."""
        last = len(self._log.events)
        back = self._random.randrange(self._random.choice((30, last)))
        self._rewind_to(session_id, max(last - back, 1))

    def _undo(self, session_id: UUID) -> None:
        rewinds = self.sessions.lineage(session_id).rewinds
        if rewinds:
            self._rewind_to(session_id, rewinds[-1].position - 1)

    def _rewind_to(self, session_id: UUID, position: int) -> None:
        with suppress(ConflictError, NotFoundError):
            asyncio.run(self._branching.rewind(session_id, position, REASON, cancel_effects=True))
            self._take_up(session_id)

    def _fork(self, session_id: UUID) -> None:
        last = len(self._log.events)
        position = self._random.randint(max(1, last - 200), last)
        what_if = self._random.random() < 0.4
        branch = Branch(reason=REASON, charter=lambda charter: charter, what_if=what_if)
        fork_id = self._ids.new()
        with suppress(ConflictError, NotFoundError):
            asyncio.run(self._branching.fork(session_id, position, branch, fork_id=fork_id))
            self.all.append(fork_id)
            self._take_up(fork_id)

    def _take_up(self, session_id: UUID) -> None:
        """Go on with a session, or leave it if it has ended."""
        self._sessions = [told for told in self._sessions if told.session_id != session_id]
        told = BranchTeller(self.sessions, session_id)
        self._tasks[session_id] = told.fold.tasks
        if told.session.status is SessionStatus.RUNNING:
            self._sessions.append(told)
