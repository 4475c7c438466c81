"""Arrivals: who waits for something to come, and is woken when it has; on one event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from domain.message import Message

Key = str | UUID
"""An agent, for its inbox; or a request, for its reply."""


class Arrival(NamedTuple):
    """What somebody waited for.

    Attributes:
        came: whether it is worth to look; False when the time is over.
        message: what was handed over at once, so that there is nothing to look for.
    """

    came: bool
    message: Message | None = None


class Waiter:
    """Somebody who waits.

    Attributes:
        claimable: whether a message may be handed over at once.
        claimed: whether a message for them is being recorded; they wait for what comes of it.
        left: whether they have stopped to wait.
    """

    __slots__ = ("claimable", "claimed", "future", "key", "left")

    def __init__(
        self, key: Key, future: asyncio.Future[Message | None], *, claimable: bool
    ) -> None:
        self.key = key
        self.future = future
        self.claimable = claimable
        self.claimed = False
        self.left = False


class Arrivals:
    """Wakes one of those who wait, in the order in which they came, for each arrival.

    Args:
        keep: is given what was handed to somebody who had left.
    """

    def __init__(self, keep: Callable[[Message], None]) -> None:
        self._keep = keep
        self._waiters: dict[Key, deque[Waiter]] = {}

    async def wait(self, key: Key, deadline: float | None, *, claimable: bool = False) -> Arrival:
        """Wait until something came.

        Args:
            deadline: by the clock of the event loop; None for never.
            claimable: whether a message may be handed over at once.
        """
        loop = asyncio.get_running_loop()
        left_s = None if deadline is None else deadline - loop.time()
        if left_s is not None and left_s <= 0:
            return Arrival(came=False)
        waiter = Waiter(key, loop.create_future(), claimable=claimable)
        self._waiters.setdefault(key, deque()).append(waiter)
        try:
            await asyncio.wait({waiter.future}, timeout=left_s)
            if waiter.claimed:
                await asyncio.wait({waiter.future})
        except asyncio.CancelledError:
            self._leave(waiter)
            raise
        finally:
            self._forget(waiter)
        if not waiter.future.done():
            return Arrival(came=False)
        return Arrival(came=True, message=waiter.future.result())

    def wake(self, key: Key) -> None:
        """Tell the first who waits; nobody is told where nobody waits."""
        waiters = self._waiters.get(key)
        if waiters:
            waiters.popleft().future.set_result(None)

    def claim(self, key: Key) -> Waiter | None:
        """Take the first who waits and takes a message at once; `hand` tells what came of it."""
        for waiter in self._waiters.get(key, ()):
            if waiter.claimable:
                self._waiters[key].remove(waiter)
                waiter.claimed = True
                return waiter
        return None

    def hand(self, waiter: Waiter, message: Message | None) -> None:
        """Give somebody who was claimed a message; None lets them look for themselves."""
        if not waiter.left:
            waiter.future.set_result(message)
        elif message is None:
            self.wake(waiter.key)
        else:
            self._keep(message)

    def _leave(self, waiter: Waiter) -> None:
        """Pass on what somebody got who does not wait any more."""
        waiter.left = True
        if waiter.future.done():
            self.hand(waiter, waiter.future.result())

    def _forget(self, waiter: Waiter) -> None:
        waiters = self._waiters.get(waiter.key)
        if waiters is None:
            return
        if not waiter.claimed and not waiter.future.done():
            waiters.remove(waiter)
        if not waiters:
            del self._waiters[waiter.key]
