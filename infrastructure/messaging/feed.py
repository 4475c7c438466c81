"""LogMessageFeed: the port `MessageFeed` on the log and its wake-up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Event, Thread

from application.errors import ApplicationError
from application.messaging.ports import MESSAGE_EVENTS
from application.ports import EventReader
from domain.event import RecordedEvent
from infrastructure.event_log.wakeup import Wakeup

PAUSE_S = 0.005
"""Seconds between two looks at the log; what is recorded in between is read at once."""

OUTAGE_PAUSE_S = 1.0
"""Seconds between two looks at a log that cannot be read."""

MOST_KNOWN = 10_000
"""Positions that are remembered in order to be passed over."""

logger = logging.getLogger(__name__)


class LogMessageFeed:
    """Reads from behind the last position up to which everything that was sent has its end.

    Args:
        settled_until: tells that position, or a lower one.
    """

    def __init__(
        self, log: EventReader, wakeup: Wakeup, settled_until: Callable[[], int] = lambda: 0
    ) -> None:
        self._log = log
        self._wakeup = wakeup
        self._settled_until = settled_until
        self._position = 0
        self._known: set[int] = set()
        self._stopped = Event()
        self._thread: Thread | None = None

    def read(self) -> Iterator[RecordedEvent]:
        """Read what is needed to know every message that waits; see the port."""
        self._position = self._settled_until()
        return self._read()

    def follow(self, deliver: Callable[[Sequence[RecordedEvent]], None]) -> None:
        """Hand over what is recorded from here on; see the port."""
        self._wakeup.listen()
        self._thread = Thread(
            target=self._follow, args=(deliver,), name="hansard-messages", daemon=True
        )
        self._thread.start()

    def pass_over(self, positions: Iterable[int]) -> None:
        """Do not read these events, as far as nothing else stands before them; see the port."""
        self._known.update(positions)

    def stop(self) -> None:
        """End `follow`."""
        self._stopped.set()
        self._wakeup.wake()
        if self._thread is not None:
            self._thread.join()

    def _follow(self, deliver: Callable[[Sequence[RecordedEvent]], None]) -> None:
        told = False
        while not self._stopped.is_set():
            seen = self._wakeup.count
            self._pass_over_known()
            try:
                events = list(self._read())
                told = False
            except ApplicationError as error:
                if not told:
                    logger.warning("Messages of other processes cannot be read now: %s", error)
                told = True
                self._stopped.wait(OUTAGE_PAUSE_S)
                continue
            if events:
                deliver(events)
            self._wakeup.wait(seen)
            self._stopped.wait(PAUSE_S)

    def _pass_over_known(self) -> None:
        """Begin behind what the messenger itself has just appended: it need not be decoded."""
        known = self._known
        while self._position + 1 in known:
            self._position += 1
            known.discard(self._position)
        if len(known) > MOST_KNOWN:
            self._known = set()

    def _read(self) -> Iterator[RecordedEvent]:
        for recorded in self._log.read(after=self._position, types=MESSAGE_EVENTS):
            self._position = recorded.position
            yield recorded
