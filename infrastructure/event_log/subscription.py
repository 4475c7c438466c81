"""Subscription: follow the log from a position on."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from threading import Event

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

POLL_S = 0.05
PAGE = 500


class PollingSubscription(Subscription[ApplicationRecorder]):
    """Asks for new events every 50 ms while there are none; keeps no connection in between."""

    def __init__(
        self, recorder: ApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder, gt=gt, topics=topics)
        self._buffer: deque[Notification] = deque()
        self._stopped = Event()

    def stop(self) -> None:
        """End the iteration, also one that waits."""
        super().stop()
        self._stopped.set()

    def __next__(self) -> Notification:
        while not self._stopped.is_set():
            if self._buffer:
                return self._buffer.popleft()
            self._fill()
            if not self._buffer:
                self._stopped.wait(POLL_S)
        raise StopIteration

    def _fill(self) -> None:
        page = self._recorder.select_notifications(
            start=self._last_notification_id or 0,
            limit=PAGE,
            topics=self._topics,
            inclusive_of_start=False,
        )
        self._buffer.extend(page)
        if page:
            self._last_notification_id = page[-1].id
