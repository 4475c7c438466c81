"""Following: the log from a position on, and then whatever is appended to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from threading import Event
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

from application.errors import UnavailableError
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.wakeup import POLL_S, Wakeup

MAX_PAUSE_S = 1.0
"""Seconds between two looks at a log that cannot be reached."""

logger = logging.getLogger(__name__)


class Placed(Protocol):
    """An event with its place in the log."""

    @property
    def position(self) -> int:
        """Its position."""
        ...


E = TypeVar("E", bound=Placed)


class LogFollower(Iterator[E], Generic[E]):
    """Gives each event once, in order of position, and waits for more until it is stopped.

    It reads in pages and keeps one at a time, so that a slow reader costs little memory and holds
    no connection. While the log cannot be reached it waits, tells so once in the program's own log,
    and goes on where it was. After any other error it goes on with the event that failed.

    Args:
        read: reads the log after a position.
        after: position of the last event that is not wanted.
    """

    def __init__(self, read: Callable[[int], Iterator[E]], wakeup: Wakeup, after: int) -> None:
        self._read = read
        self._wakeup = wakeup
        self._after = after
        self._stopped = Event()
        self._pause_s = POLL_S
        wakeup.listen()
        self._look()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> E:
        while not self._stopped.is_set():
            event = self._next_by_now()
            if event is not None:
                self._after = event.position
                return event
            self._wakeup.wait(self._seen, self._pause_s)
            self._look()
        raise StopIteration

    def stop(self) -> None:
        """End the iteration, also one that waits; may be called from any thread."""
        self._stopped.set()
        self._wakeup.wake()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _look(self) -> None:
        """Begin to read behind the last event; who appends from now on wakes the next wait."""
        self._seen = self._wakeup.count
        self._events = self._read(self._after)

    def _next_by_now(self) -> E | None:
        try:
            event = next(self._events, None)
        except UnavailableError as error:
            if self._pause_s == POLL_S:
                logger.warning("The log cannot be followed now and is waited for: %s", error)
            self._pause_s = min(2 * self._pause_s, MAX_PAUSE_S)
            return None
        except BaseException:
            self._look()
            raise
        if self._pause_s != POLL_S:
            logger.warning("The log is followed again, from position %d on.", self._after + 1)
            self._pause_s = POLL_S
        return event


class LogSubscription(Subscription[ApplicationRecorder]):
    """Follows the log in the library's terms."""

    def __init__(
        self,
        recorder: ApplicationRecorder,
        follower: LogFollower[LoggedEvent],
        topics: Sequence[str] = (),
    ) -> None:
        super().__init__(recorder, topics=topics)
        self._follower = follower

    def stop(self) -> None:
        """End the iteration, also one that waits."""
        super().stop()
        self._follower.stop()

    def __next__(self) -> Notification:
        return next(self._follower).to_notification()
