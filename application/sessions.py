"""Sessions: open one for a request, run it, take it up again, pause it, stop it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from uuid import UUID

from application.approval_views import waits_for
from application.directories import Directories
from application.directory import Directory
from application.errors import ConflictError, HaltedError
from application.fold import SessionFold
from application.fold_cache import FoldCache
from application.history import Lineage, read_history, read_lineage
from application.orchestration.engine import SessionEngine
from application.orchestration.guarding import GuardrailFunction, consult_function
from application.orchestration.hearing import Hearing, WordWatch
from application.orchestration.journal import Journal, Listener
from application.orchestration.means import ChooseMeans, Means
from application.orchestration.performing import cancel
from application.ports import Clock, EventLog, Fence, IdFactory, Model, SessionLease, Toolbox
from application.routing.gathering import NO_SOURCES, NOTHING_GATHERED, EvidenceSources
from application.stopping import STOP_TIMEOUT_S, StopRequest
from domain.conversation import USER, Conversation, Turn
from domain.effect import Failure, FailureKind
from domain.event import SYSTEM
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
        evidence: where routing strategies draw on what is outside of a session.
        words: tells sessions that are run of humans' answers.
        guardrail_functions: functions of the embedding program that guardrails ask, by name.
    """

    log: EventLog
    clock: Clock
    ids: IdFactory
    lease: SessionLease
    model: Model
    toolbox: Toolbox
    choose: ChooseMeans | None = None
    cache: FoldCache = field(default_factory=FoldCache)
    evidence: EvidenceSources = NO_SOURCES
    words: WordWatch = field(default_factory=WordWatch)
    guardrail_functions: dict[str, GuardrailFunction] = field(default_factory=dict)
    directories: Directories = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "directories", Directories(self.log))

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
            HaltedError: all work stands still; the session stays for later.
            SessionStoppedError: somebody asked for a stop.
            UnavailableError: the database cannot be used.
        """
        fold = SessionFold()
        fold.traceparent = traceparent
        session_id = session_id or self.ids.new()
        async with self.held(session_id, stoppable=True):
            journal = self.journal(fold, listener)
            await self._open(session_id, charter, fold, journal)
            await self._drive(fold, journal, Means(self.model, self.toolbox), resumed=False)
        return fold

    async def submit(
        self, charter: Charter, *, session_id: UUID | None = None, traceparent: str | None = None
    ) -> UUID:
        """Open a session for a request and leave its running to the workers.

        Raises:
            UnavailableError: the database cannot be used.
        """
        fold = SessionFold()
        fold.traceparent = traceparent
        session_id = session_id or self.ids.new()
        detached = charter.model_copy(update={"detached": True})
        await self._open(session_id, detached, fold, self.journal(fold, lambda _: None))
        return session_id

    async def work(
        self, session_id: UUID, fence: Fence, adapt: Callable[[Means], Means], listener: Listener
    ) -> SessionFold:
        """Run a session on behalf of whoever holds its shard, as far as it goes.

        One that has ended or is on hold is left as it is.

        Args:
            fence: under what everything is recorded.
            adapt: makes what it is run with out of what others would be.

        Raises:
            NotFoundError: there is no such session.
            ConflictError: another process runs it.
            FencedError: another worker has taken over.
            HaltedError: all work stands still.
            NobodyAskedError: nobody may be asked any more.
            SessionStoppedError: somebody asked for a stop.
        """
        async with self.held(session_id, stoppable=True):
            fold = await asyncio.to_thread(self.take_up, session_id)
            if fold.session.status is not SessionStatus.RUNNING or fold.on_hold:
                return fold
            journal = self.journal(fold, listener, fence)
            means = adapt(Means(self.model, self.toolbox))
            resumed = not is_untouched(fold)
            if resumed:
                give_up_lost_effects(fold, journal)
            await self._drive(fold, journal, means, resumed=resumed)
        return fold

    async def resume(self, session_id: UUID, listener: Listener) -> SessionFold:
        """Take up a session whose process was lost and run it to its end.

        An ended session is left as it is.

        Raises:
            NotFoundError: there is no such session.
            ConflictError: another process runs it.
            HaltedError: all work stands still.
            SessionStoppedError: somebody asked for a stop.
        """
        async with self.held(session_id, stoppable=True):
            fold = await asyncio.to_thread(self.take_up, session_id)
            if fold.session.status is SessionStatus.RUNNING:
                means = Means(self.model, self.toolbox)
                await self._drive(fold, self.journal(fold, listener), means, resumed=True)
        return fold

    async def let_go_on(self, session_id: UUID) -> SessionFold:
        """Take a session off hold and leave its running to the workers; an ended one stays so.

        Raises:
            NotFoundError: there is no such session.
            ConflictError: a process runs it.
        """
        async with self.held(session_id):
            fold = await asyncio.to_thread(self.take_up, session_id)
            if fold.session.status is SessionStatus.RUNNING and fold.on_hold:
                journal = self.journal(fold, lambda _: None)
                fold.session.resume((), journal.now())
                journal.collect(fold.session, USER)
                await journal.flush()
        return fold

    async def pause(
        self, session_id: UUID, reason: str, timeout_s: float = STOP_TIMEOUT_S
    ) -> SessionFold:
        """Let a session wait until somebody takes it up again; a process that runs it stops first.

        Raises:
            NotFoundError: there is no such session.
            ConflictError: it has ended, or whoever runs it has not stopped within `timeout_s`
                seconds.
        """
        self.require(session_id)
        await self.stop(session_id, timeout_s)
        async with self.held(session_id):
            fold = await asyncio.to_thread(self.take_up, session_id)
            if fold.session.status is not SessionStatus.RUNNING:
                status = fold.session.status.value
                raise ConflictError(f"Session {str(session_id)!r} has ended already: {status}.")
            if not fold.on_hold:
                journal = self.journal(fold, lambda _: None)
                fold.session.pause(reason, journal.now())
                journal.collect(fold.session, USER)
                await journal.flush()
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

    async def expire_approvals(self, session_id: UUID) -> None:
        """Record what silence means for the approvals of a session whose time is over.

        Whoever answers at the same moment, and is first, is obeyed.
        """
        fold = await asyncio.to_thread(self.take_up, session_id)
        now = self.clock.now()
        for approval in [each for each in fold.approvals if each.is_due(now)]:
            if waits_for(approval, fold):
                approval.expire(now)
                journal = self.journal(fold, lambda _: None)
                journal.collect(approval, SYSTEM)
                with suppress(ConflictError):  # somebody was first
                    await journal.flush()

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

    def journal(self, fold: SessionFold, listener: Listener, fence: Fence | None = None) -> Journal:
        """Make the journal of a session that is held.

        Args:
            fence: under what its events are appended.
        """
        return Journal(self.log, self.clock, self.ids, fold, listener, fence)

    def close(self) -> None:
        """End what the use cases began for themselves."""
        self.directories.close()

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
        async with self.lease.hold_async(session_id, stop.request if stoppable else None):
            with stop:
                yield

    async def _open(
        self, session_id: UUID, charter: Charter, fold: SessionFold, journal: Journal
    ) -> None:
        directory = await self.directories.recent()
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
        await journal.flush()

    async def _drive(
        self, fold: SessionFold, journal: Journal, means: Means, *, resumed: bool
    ) -> None:
        directory = await self.directories.at(fold.opened_position)
        _check_goes_on(await self.directories.now() if resumed else directory)
        directory = directory.adapted(fold.session.capabilities)
        if resumed and self.choose is not None:
            means = await asyncio.to_thread(self.choose, fold, means)
        gatherer = NOTHING_GATHERED
        if self.evidence.is_needed(fold.session.charter):
            gatherer = await asyncio.to_thread(
                self.evidence.gatherer, fold.session.charter, fold.opened_position
            )
        consult = consult_function(self.guardrail_functions)
        hearing = Hearing(self.log, self.words, self.expire_approvals, self.clock.now, consult)
        engine = SessionEngine(fold, directory, journal, means, gatherer, hearing=hearing)
        await engine.run(resumed=resumed)


def is_untouched(fold: SessionFold) -> bool:
    """Tell whether a session was opened and nothing more."""
    return all(fold.version_of(task.id) == 1 for task in fold.tasks) and (
        fold.version_of(fold.session_id) == 1
    )


def give_up_lost_effects(fold: SessionFold, journal: Journal) -> None:
    """Let effects fail in whose midst process after process was lost: they may be the cause."""
    limit = fold.session.charter.policy.max_attempts
    for task in () if fold.root.ended else fold.tasks:
        for effect in () if task.ended else [*task.pending.values()]:
            failures = task.failed_attempts.get(effect.effect_id, [])
            lost = 0 if effect.failed else effect.attempt - len(failures)
            if lost < limit:
                continue
            message = f"The process that it ran in was lost each of {lost} times it was tried."
            failure = Failure(kind=FailureKind.INTERNAL, message=message)
            if effect.call is None:
                task.fail_model(effect.effect_id, failure, journal.now(), final=True)
            else:
                task.fail_tool(effect.effect_id, failure, journal.now())
            journal.collect(task, effect.agent)


def _check_goes_on(directory: Directory) -> None:
    if directory.halt is not None:
        raise HaltedError(directory.halt.by, directory.halt.reason)
