"""Sessions: open one for a request, run it, take it up again, stop it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from application.directory import load_directory
from application.errors import ConflictError
from application.fold import SessionFold
from application.fold_cache import FoldCache
from application.history import Lineage, read_history, read_lineage
from application.orchestration.engine import SessionEngine
from application.orchestration.journal import Journal, Listener
from application.orchestration.means import ChooseMeans, Means
from application.orchestration.performing import cancel
from application.ports import Clock, EventLog, IdFactory, Model, SessionLease, Toolbox
from application.stopping import STOP_TIMEOUT_S, StopRequest
from domain.conversation import USER, Conversation, Turn
from domain.session import Charter, Session, SessionStatus
from domain.task import Assignment, Task

ROOT_KEY = "request"
TITLE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Sessions:
    """The use cases of sessions, on their ports.

    Attributes:
        choose: chooses what a session is taken up with, where that is not model and toolbox.
        cache: long sessions that were folded lately.
    """

    log: EventLog
    clock: Clock
    ids: IdFactory
    lease: SessionLease
    model: Model
    toolbox: Toolbox
    choose: ChooseMeans | None = None
    cache: FoldCache = field(default_factory=FoldCache)

    async def run(
        self,
        charter: Charter,
        listener: Listener,
        *,
        session_id: UUID | None = None,
        traceparent: str | None = None,
    ) -> SessionFold:
        """Open a session for a request and run it to its end.

        Args:
            listener: told of every recorded event, in order.
            session_id: id of the new session; a new one when not given.
            traceparent: place in the caller's trace (W3C Trace Context), kept with every event.

        Returns:
            The fold of the ended session.

        Raises:
            SessionStoppedError: somebody asked for a stop.
            UnavailableError: the database cannot be used.
        """
        fold = SessionFold()
        fold.traceparent = traceparent
        session_id = session_id or self.ids.new()
        async with self.held(session_id, stoppable=True):
            journal = self.journal(fold, listener)
            await self._open(session_id, charter, fold, journal)
            await journal.flush()
            await self._drive(fold, journal, resumed=False)
        return fold

    async def resume(self, session_id: UUID, listener: Listener) -> SessionFold:
        """Take up a session whose process was lost and run it to its end.

        An ended session is left as it is.

        Raises:
            NotFoundError: there is no such session.
            ConflictError: another process runs it.
            SessionStoppedError: somebody asked for a stop.
        """
        async with self.held(session_id, stoppable=True):
            fold = await asyncio.to_thread(self.take_up, session_id)
            if fold.session.status is SessionStatus.RUNNING:
                await self._drive(fold, self.journal(fold, listener), resumed=True)
        return fold

    async def cancel(self, session_id: UUID, reason: str, listener: Listener) -> SessionFold:
        """Stop a session that no process runs.

        Raises:
            NotFoundError: there is no such session.
            ConflictError: another process runs it, or it has ended.
        """
        async with self.held(session_id):
            fold = await asyncio.to_thread(self.take_up, session_id)
            if fold.session.status is not SessionStatus.RUNNING:
                status = fold.session.status.value
                raise ConflictError(f"Session {str(session_id)!r} has ended already: {status}.")
            journal = self.journal(fold, listener)
            cancel(fold, journal, reason)
            await journal.flush()
        return fold

    async def stop(self, session_id: UUID, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Ask the process that runs a session to stop, and wait until it has.

        What it had begun stays pending, as after a crash. Returns at once when no process runs it.

        Raises:
            ConflictError: the process has not stopped within `timeout_s` seconds.
            UnavailableError: the database cannot be used.
        """
        await asyncio.to_thread(self.lease.request_stop, session_id, timeout_s)

    def fold(self, session_id: UUID, until: int | None = None) -> SessionFold:
        """Fold a session up to a position.

        Raises:
            NotFoundError: there is no such session, or it was opened after the position.
        """
        return self.fold_lineage(self.lineage(session_id, until))

    def fold_lineage(self, lineage: Lineage) -> SessionFold:
        """Fold a history."""
        fold = self.cache.nearest(lineage)
        known = fold.length
        fold.take_in(read_history(self.log, lineage, after=fold.position))
        if fold.length > known:
            self.cache.keep(lineage, fold)
        return fold

    def lineage(self, session_id: UUID, until: int | None = None) -> Lineage:
        """Tell what a session's history is made of; raises as `fold` does."""
        return read_lineage(self.log, session_id, until)

    def take_up(self, session_id: UUID) -> SessionFold:
        """Fold a session in order to append to it; raises as `fold` does."""
        lineage = self.lineage(session_id)
        fold = self.fold_lineage(lineage)
        for gap in lineage.skipped:
            for recorded in self.log.read(session_id=session_id, after=gap.after, until=gap.until):
                fold.pass_over(recorded)
        return fold

    def require(self, session_id: UUID) -> None:
        """Make sure that a session exists.

        Raises:
            NotFoundError: there is no such session.
        """
        self.lineage(session_id)

    def journal(self, fold: SessionFold, listener: Listener) -> Journal:
        """Make the journal of a session that is held."""
        return Journal(self.log, self.clock, self.ids, fold, listener)

    @asynccontextmanager
    async def held(self, session_id: UUID, *, stoppable: bool = False) -> AsyncIterator[None]:
        """Hold a session, so that nobody else appends to it.

        Args:
            stoppable: whether the context ends when somebody asks for it.

        Raises:
            ConflictError: another process runs it.
            SessionStoppedError: somebody asked for a stop.
        """
        stop = StopRequest(session_id)
        hold = self.lease.hold(session_id, stop.request if stoppable else None)
        await asyncio.to_thread(hold.__enter__)
        try:
            with stop:
                yield
        finally:
            await asyncio.to_thread(hold.__exit__, None, None, None)

    async def _open(
        self, session_id: UUID, charter: Charter, fold: SessionFold, journal: Journal
    ) -> None:
        directory = await asyncio.to_thread(load_directory, self.log)
        personal = directory.personal.handle
        root_id, conversation_id = self.ids.new(), self.ids.new()
        now = self.clock.now()
        session = Session.open(session_id, charter, root_id, conversation_id, now)
        conversation = Conversation.start(conversation_id, session_id, (USER, personal), now)
        turn = Turn(turn_id=self.ids.new(), speaker=USER, text=charter.request)
        conversation.take_turn(turn, now)
        assignment = Assignment(
            session_id=session_id,
            parent_id=None,
            key=ROOT_KEY,
            title=charter.request[:TITLE_LENGTH],
            instruction=charter.request,
        )
        root = Task.create(root_id, assignment, personal, now)
        for aggregate, actor in ((session, USER), (conversation, USER), (root, personal)):
            fold.hold(aggregate)
            journal.collect(aggregate, actor)

    async def _drive(self, fold: SessionFold, journal: Journal, *, resumed: bool) -> None:
        directory = await asyncio.to_thread(load_directory, self.log, until=fold.opened_position)
        directory = directory.adapted(fold.session.capabilities)
        means = Means(self.model, self.toolbox)
        if resumed and self.choose is not None:
            means = await asyncio.to_thread(self.choose, fold, means)
        engine = SessionEngine(fold, directory, journal, means)
        await engine.run(resumed=resumed)
