"""Sweeping: messages whose time to live is over are ended, also when nobody asks for them."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from application.errors import ApplicationError

if TYPE_CHECKING:
    from application.messaging.messenger import Messenger

AGAIN_S = 1.0
"""Seconds after which it is tried again when the database cannot be used."""

logger = logging.getLogger(__name__)


class Sweeper:
    """Wakes up when the next message's time is over; several processes do no harm."""

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger
        self._changed = asyncio.Event()
        self._closed = False
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Sweep from now on, on this event loop."""
        self._task = asyncio.get_running_loop().create_task(self._go_on())

    def look(self) -> None:
        """Take note that another message may be the next."""
        self._changed.set()

    async def end(self) -> None:
        """Sweep no more."""
        self._closed = True
        self._changed.set()  # not cancelled: Python 3.11 may lose that in `wait_for`
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self) -> int:
        """End the messages whose time to live is over; tell how many.

        Raises:
            UnavailableError: the database cannot be used.
        """
        messenger = self._messenger
        at = messenger.clock.now()
        expired = messenger.board.due(at)
        messenger.tell_arrived()
        return len(await messenger.settle(expired, lambda delivery: delivery.expire(at)))

    async def _go_on(self) -> None:
        while not self._closed:
            self._changed.clear()
            wait_s = self._seconds_left()
            if wait_s == 0.0:
                wait_s = await self._sweep_or_wait()
            if wait_s != 0.0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), wait_s)

    def _seconds_left(self) -> float | None:
        due = self._messenger.board.next_due
        if due is None:
            return None
        return max((due - self._messenger.clock.now()).total_seconds(), 0.0)

    async def _sweep_or_wait(self) -> float:
        try:
            await self.sweep()
        except ApplicationError as error:
            logger.warning("Messages whose time is over cannot be ended now: %s", error)
            return AGAIN_S
        return 0.0
