"""EventTail: reads the log, follows it, and keeps a bookmark behind what was taken."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from threading import Event, Semaphore, Thread
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import UUID

from application.errors import ConflictError, UnavailableError
from application.moments import newest_before
from application.tailing import EventView, by_actor, event_view
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from application.ports import Follower
    from domain.event import RecordedEvent
    from hansard.bootstrap import House

STORE_S = 0.5
"""Seconds between two times that a bookmark is stored."""

BATCH, BATCH_S = 200, 0.1
"""Events that are handed over at once while there are more, and seconds they are kept for that."""

CLOSE_S = 5.0
"""Seconds that closing waits for a read that is under way."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched, and from where on.

    Attributes:
        since: the moment from which it begins; None for the last events there are.
        last: how many of those.
        full: whether events come with their payloads.
    """

    types: tuple[str, ...]
    actor: str | None
    since: Moment | None
    last: int
    follow: bool
    bookmark: str | None
    full: bool


class EventTail:
    """Gives events in order of position to an `async for`; `AsyncHansard.tail` makes one.

    An event counts as taken when the next one is asked for. A bookmark is stored behind what was
    taken, within half a second and when this is closed: after a crash, what was taken just before
    is given again, and nothing is left out.

    Args:
        find_session: tells the one session that is watched; None for all.
        running: holds this from the first event until it is closed.
    """

    def __init__(
        self,
        house: House,
        watch: Watch,
        find_session: Callable[[], Awaitable[UUID | None]],
        running: set[EventTail],
    ) -> None:
        self._house = house
        self._watch = watch
        self._find_session = find_session
        self._running = running
        self._position: int | None = None
        self._given: int | None = None
        self._batch: deque[EventView] = deque()
        self._reading: _Reading | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._closed = False

    @property
    def position(self) -> int | None:
        """Position up to which events were taken, or behind which it began; None before that."""
        return self._position

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._closed

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> EventView:
        """Give the next event, and wait for it when the log is followed.

        Raises:
            BadRequestError: the moment from which it is to begin cannot be understood.
            NotFoundError: there is no such session.
            ConflictError: the bookmark was set in another log than this one.
            UnavailableError: the database cannot be used; a log that is followed is waited for.
        """
        async with self._one_at_a_time:
            self._take_note()
            if self._closed:
                raise StopAsyncIteration
            if self._reading is None:
                await self._begin()
            while not self._batch:
                assert self._reading is not None  # noqa: S101 - for the type
                try:
                    batch = await self._reading.next()
                except Exception:
                    await self._close(strictly=False)
                    raise
                if batch is None:
                    await self._close(strictly=True)
                    raise StopAsyncIteration
                self._batch.extend(batch)
            view = self._batch.popleft()
            self._given = view.position
            return view

    async def aclose(self) -> None:
        """Stop, also while an event is waited for, and store the bookmark."""
        if self._reading is not None:
            self._reading.stop()
        async with self._one_at_a_time:
            await self._close(strictly=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _begin(self) -> None:
        session_id = await self._find_session()
        after, newest = await asyncio.to_thread(self._start, session_id)
        self._position = after
        self._running.add(self)
        self._reading = _Reading(self._house, self._watch, session_id, after, newest)
        if self._watch.bookmark is not None:
            self._keeping = asyncio.create_task(self._keep_bookmark())

    def _take_note(self) -> None:
        if self._given is not None:
            self._position, self._given = self._given, None
            self._moved.set()

    def _start(self, session_id: UUID | None) -> tuple[int, int]:
        """Tell behind which position to begin, and the newest position by now."""
        log, watch, bookmarks = self._house.log, self._watch, self._house.bookmarks
        newest = log.last_position()
        known = None if watch.bookmark is None else bookmarks.find(watch.bookmark)
        if known is not None:
            if known > newest:
                raise ConflictError(
                    f"The bookmark {watch.bookmark!r} stands at position {known}, and the log ends"
                    f" at {newest}: it was set in another log or in a newer copy of this one. Begin"
                    " a new bookmark."
                )
            return known, newest
        if watch.since is not None:
            after = newest_before(watch.since, log)
        else:
            backwards = log.read(
                until=newest, session_id=session_id, types=watch.types, backwards=True
            )
            found = islice(by_actor(backwards, watch.actor), watch.last)
            after = min((each.position for each in found), default=newest + 1) - 1
        if watch.bookmark is not None:
            bookmarks.store(watch.bookmark, min(after, newest))
        return after, newest

    async def _keep_bookmark(self) -> None:
        """Store the bookmark while events are taken; what could not be stored is tried again."""
        while True:
            await self._moved.wait()
            try:
                await self._store()
            except UnavailableError as error:
                logger.debug("the bookmark cannot be stored now: %s", error)
            await asyncio.sleep(STORE_S)

    async def _store(self) -> None:
        self._moved.clear()
        assert self._watch.bookmark is not None  # noqa: S101 - for the type
        assert self._position is not None  # noqa: S101
        store = self._house.bookmarks.store
        try:
            await asyncio.to_thread(store, self._watch.bookmark, self._position)
        except BaseException:
            self._moved.set()
            raise

    async def _close(self, *, strictly: bool) -> None:
        """Stop reading and store the bookmark.

        Args:
            strictly: whether a bookmark that cannot be stored is an error.
        """
        self._closed = True
        self._running.discard(self)
        self._batch.clear()
        reading, self._reading = self._reading, None
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()
        if reading is not None:
            reading.stop()
            await asyncio.to_thread(reading.join)
        if self._watch.bookmark is None or not self._moved.is_set():
            return
        try:
            await self._store()
        except UnavailableError as error:
            if strictly:
                raise
            logger.warning("The bookmark could not be stored, so events will come again: %s", error)


class _Reading:
    """Reads in a thread of its own, which waits until what it read was asked for."""

    def __init__(
        self, house: House, watch: Watch, session_id: UUID | None, after: int, newest: int
    ) -> None:
        self._log = house.log
        self._watch = watch
        self._session_id = session_id
        self._after = after
        self._newest = newest
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Queue[list[EventView] | BaseException | None] = asyncio.Queue()
        self._demand = Semaphore(1)
        self._stopped = Event()
        self._follower: Follower | None = None
        self._thread = Thread(target=self._read, name="hansard-tail", daemon=True)
        self._thread.start()

    async def next(self) -> list[EventView] | None:
        """Give the next events; None at the end."""
        batch = await self._ready.get()
        self._demand.release()
        if isinstance(batch, BaseException):
            raise batch
        return batch

    def stop(self) -> None:
        """End soon."""
        self._stopped.set()
        self._demand.release()
        if self._follower is not None:
            self._follower.stop()

    def join(self) -> None:
        """Wait until it has ended; a read that takes longer is left to itself."""
        self._thread.join(CLOSE_S)

    def _read(self) -> None:
        try:
            for batch in self._batches():
                self._demand.acquire()
                if self._stopped.is_set():
                    break
                self._hand_over(batch)
            self._hand_over(None)
        except Exception as error:  # noqa: BLE001 - raised again where the events are taken
            self._hand_over(error)

    def _hand_over(self, batch: list[EventView] | BaseException | None) -> None:
        with suppress(RuntimeError):  # the loop is closed, so that nobody waits any more
            self._loop.call_soon_threadsafe(self._ready.put_nowait, batch)

    def _batches(self) -> Iterator[list[EventView]]:
        try:
            yield from self._there()
        except UnavailableError:
            if not self._watch.follow:
                raise
        if self._watch.follow:
            yield from self._coming()

    def _there(self) -> Iterator[list[EventView]]:
        """Read what there was when it began."""
        batch: list[EventView] = []
        since = monotonic()
        events = self._log.read(
            after=self._after,
            until=self._newest,
            session_id=self._session_id,
            types=self._watch.types,
        )
        for view in self._wanted(events):
            batch.append(view)
            if self._watch.full or len(batch) >= BATCH or monotonic() - since > BATCH_S:
                yield batch
                batch, since = [], monotonic()
        if batch:
            yield batch

    def _coming(self) -> Iterator[list[EventView]]:
        """Read on, and wait for what is appended."""
        self._follower = follower = self._log.follow(
            after=self._after, session_id=self._session_id, types=self._watch.types
        )
        if self._stopped.is_set():
            return  # whoever stopped it may not have known the follower yet
        with follower as events:
            for view in self._wanted(events):
                yield [view]

    def _wanted(self, events: Iterator[RecordedEvent]) -> Iterator[EventView]:
        for recorded in events:
            if self._stopped.is_set():
                return
            self._after = recorded.position
            if self._watch.actor in {None, recorded.envelope.actor}:
                yield event_view(recorded, full=self._watch.full)
