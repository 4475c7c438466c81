"""Sessions: open one for a request, run it, take it up again, stop it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from application.directory import load_directory
from application.errors import ConflictError, NotFoundError
from application.fold import SessionFold
from application.orchestration.engine import SessionEngine
from application.orchestration.journal import Journal, Listener
from application.ports import Clock, EventLog, IdFactory, Model, SessionLease, Toolbox
from domain.conversation import USER, Conversation, Turn
from domain.session import Charter, Session, SessionStatus
from domain.task import Assignment, Task

ROOT_KEY = "request"
TITLE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Sessions:
    """The use cases of sessions, on their ports."""

    log: EventLog
    clock: Clock
    ids: IdFactory
    lease: SessionLease
    model: Model
    toolbox: Toolbox

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
            UnavailableError: the database cannot be used.
        """
        fold = SessionFold()
        fold.traceparent = traceparent
        session_id = session_id or self.ids.new()
        async with self._held(session_id):
            journal = self._journal(fold, listener)
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
        """
        async with self._held(session_id):
            fold = await asyncio.to_thread(self.fold, session_id)
            if fold.session.status is SessionStatus.RUNNING:
                await self._drive(fold, self._journal(fold, listener), resumed=True)
        return fold

    async def cancel(self, session_id: UUID, reason: str, listener: Listener) -> SessionFold:
        """Stop a session that no process runs.

        Raises:
            NotFoundError: there is no such session.
            ConflictError: another process runs it, or it has ended.
        """
        async with self._held(session_id):
            fold = await asyncio.to_thread(self.fold, session_id)
            if fold.session.status is not SessionStatus.RUNNING:
                status = fold.session.status.value
                raise ConflictError(f"Session {str(session_id)!r} has ended already: {status}.")
            journal = self._journal(fold, listener)
            for task in fold.tasks:
                if not task.ended:
                    task.cancel(reason, self.clock.now())
                    journal.collect(task, USER)
            fold.session.cancel(reason, self.clock.now())
            journal.collect(fold.session, USER)
            await journal.flush()
        return fold

    def fold(self, session_id: UUID, until: int | None = None) -> SessionFold:
        """Fold a session up to a position.

        Raises:
            NotFoundError: there is no such session, or it was opened after the position.
        """
        fold = SessionFold.of(self.log.read(session_id=session_id, until=until))
        if fold.empty:
            advice = "`hansard sessions` lists those there are."
            if until is not None:
                advice = f"It may have been opened after position {until}. {advice}"
            raise NotFoundError("session", session_id, advice)
        return fold

    def require(self, session_id: UUID) -> None:
        """Make sure that a session exists.

        Raises:
            NotFoundError: there is no such session.
        """
        self.log.load(Session, session_id)

    def _journal(self, fold: SessionFold, listener: Listener) -> Journal:
        return Journal(self.log, self.clock, self.ids, fold, listener)

    @asynccontextmanager
    async def _held(self, session_id: UUID) -> AsyncIterator[None]:
        hold = self.lease.hold(session_id)
        await asyncio.to_thread(hold.__enter__)
        try:
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
        engine = SessionEngine(fold, directory, journal, self.model, self.toolbox)
        await engine.run(resumed=resumed)
