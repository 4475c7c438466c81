"""Hearing: a session that is run learns what humans say meanwhile.

Humans answer from other processes, straight into the streams of approvals. What they said is taken
in at once, and recorded as received before anything rests on it: so a replay knows from where on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from math import inf
from threading import Lock, Thread
from uuid import UUID

from application.approval_views import waits_for
from application.fold import SessionFold
from application.orchestration.guarding import Consult
from application.orchestration.journal import Collector
from application.ports import EventLog, Follower
from domain.approval import Approval
from domain.event import SYSTEM, RecordedEvent

WORDS: tuple[str, ...] = tuple(
    event.TOPIC
    for event in (Approval.Granted, Approval.Rejected, Approval.Amended, Approval.Expired)
)
"""Types of the events with which an approval is answered."""


class WordWatch:
    """Wakes the sessions of this process that run on while a human is asked, at each answer.

    Its one thread follows the log as long as somebody waits.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._wake: dict[UUID, Callable[[], None]] = {}
        self._follower: Follower | None = None

    @contextmanager
    def expecting(
        self, log: EventLog, session_id: UUID, wake: Callable[[], None]
    ) -> Iterator[None]:
        """Call `wake`, in another thread, at each answer to an approval of a session."""
        with self._lock:
            self._wake[session_id] = wake
            if self._follower is None:
                self._follower = log.follow(after=log.last_position(), types=WORDS)
                Thread(
                    target=self._follow, args=(self._follower,), name="hansard-words", daemon=True
                ).start()
        try:
            yield
        finally:
            with self._lock:
                del self._wake[session_id]
                if not self._wake and self._follower is not None:
                    self._follower.stop()
                    self._follower = None

    def _follow(self, follower: Follower) -> None:
        for recorded in follower:
            with self._lock:
                wake = self._wake.get(recorded.session_id) if recorded.session_id else None
            if wake is not None:
                wake()


class Hearing:
    """What one session hears.

    Args:
        expire: records what silence means for the approvals of a session whose time is over.
        consult: asks the functions of guardrails.
    """

    def __init__(
        self,
        log: EventLog,
        watch: WordWatch,
        expire: Callable[[UUID], Awaitable[None]],
        now: Callable[[], datetime],
        consult: Consult,
    ) -> None:
        self.consult = consult
        self._log = log
        self._watch = watch
        self._expire = expire
        self._now = now

    @asynccontextmanager
    async def listening(self, session_id: UUID) -> AsyncIterator[asyncio.Event]:
        """Set the event at each answer to an approval of a session, and once to begin with."""
        loop, heard = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed, so that nothing runs any more
                loop.call_soon_threadsafe(heard.set)

        expecting = self._watch.expecting(self._log, session_id, wake)
        await asyncio.to_thread(expecting.__enter__)
        heard.set()
        try:
            yield heard
        finally:
            expecting.__exit__(None, None, None)

    def seconds_left(self, fold: SessionFold) -> float | None:
        """Tell how long it takes until the time of an open approval is over; None for ever."""
        seconds = seconds_until_due(fold, self._now())
        return None if seconds == inf else seconds

    async def take_in(self, fold: SessionFold) -> None:
        """Take in what was said since, and what silence means."""
        if self.seconds_left(fold) == 0.0:
            await self._expire(fold.session_id)
        for recorded in await asyncio.to_thread(self._said, fold):
            fold.hear(recorded)

    def _said(self, fold: SessionFold) -> list[RecordedEvent]:
        found: list[RecordedEvent] = []
        for approval in open_approvals(fold):
            stream = fold.stream_of(approval.id)
            known = fold.version_of(stream)
            found += [
                recorded
                for recorded in self._log.read(stream=stream)
                if recorded.event.originator_version > known
            ]
        return found


def open_approvals(fold: SessionFold) -> list[Approval]:
    """List the approvals that somebody waits for and nobody has answered, as far as is known."""
    return [each for each in fold.approvals if waits_for(each, fold)]


def seconds_until_due(fold: SessionFold, now: datetime) -> float:
    """Tell how long it takes until the time of an open approval is over; infinity for ever."""
    ends = (each.request.expires_at for each in open_approvals(fold))
    left = ((end - now).total_seconds() for end in ends if end is not None)
    return max(0.0, min(left, default=inf))


def rests(fold: SessionFold) -> bool:
    """Tell whether a session waits for humans, and for nothing else that may come by itself."""
    live = [task for task in fold.tasks if not task.ended]
    return bool(open_approvals(fold)) and not (
        any(task.pending for task in live)
        or any(not each.is_open and not each.received for each in fold.approvals)
    )


def receive(fold: SessionFold, journal: Collector) -> int:
    """Record that a session learned of the answers that it knows of; tell how many there are."""
    count = 0
    for approval in fold.approvals:
        if not approval.is_open and not approval.received:
            approval.receive(journal.now())
            journal.collect(approval, SYSTEM)
            count += 1
    return count
