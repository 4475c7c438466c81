"""Serving: a handler deals with the messages of an inbox, one process at a time."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from application.errors import ConflictError
from application.messaging.board import Waiting
from application.messaging.errors import RefusedError
from application.messaging.messenger import Messenger
from application.ports import SessionLease
from domain.message import DeadReason, Delivery, Message

NAMESPACE = UUID("019a0000-0000-7000-8000-000000000004")
"""Namespace in which an agent's handle names its inbox (RFC 9562, version 5)."""

MAX_ATTEMPTS = 3
RETRY_WAIT_S = 1.0
"""Seconds before a message is given to a failing handler again; doubled each time."""

Handler = Callable[[Message], Awaitable[object] | object]
"""Deals with a message; one that is no coroutine function is called in a thread."""

logger = logging.getLogger(__name__)


def inbox_id(agent: str) -> UUID:
    """Name the inbox of an agent; one process at a time serves it."""
    return uuid5(NAMESPACE, agent)


@dataclass(frozen=True, slots=True)
class Serving:
    """Gives messages to handlers, and records what came of it.

    A message counts as delivered when its handler is done. If the process dies before, the database
    frees the inbox and the next process gives the message to its handler again, under the same id.
    """

    messenger: Messenger
    lease: SessionLease

    async def serve(
        self,
        agent: str,
        handler: Handler,
        *,
        parallel: int = 1,
        max_attempts: int = MAX_ATTEMPTS,
        retry_wait_s: float = RETRY_WAIT_S,
    ) -> None:
        """Serve an inbox until the caller is cancelled.

        Args:
            handler: raises `RefusedError` to refuse a message for good; any other error is a
                failure, after which the message waits and is tried again.
            parallel: messages in the handler's hands at once.
            max_attempts: failures after which a message is dead.
            retry_wait_s: seconds before the second try; doubled each time.

        Raises:
            ConflictError: another process serves the inbox.
            UnavailableError: the database cannot be used.
        """
        hold = self.lease.hold(inbox_id(agent))
        try:
            await asyncio.to_thread(hold.__enter__)
        except ConflictError as error:
            raise ConflictError(
                f"The inbox of {agent!r} is served by another process already: stop that one, or"
                " wait for it to end."
            ) from error
        work = _Work(self.messenger, handler, max_attempts, retry_wait_s)
        tasks = [asyncio.create_task(work.go_on(agent)) for _ in range(parallel)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(hold.__exit__, None, None, None)


@dataclass(frozen=True, slots=True)
class _Work:
    """What one inbox is served with."""

    messenger: Messenger
    handler: Handler
    max_attempts: int
    retry_wait_s: float

    async def go_on(self, agent: str) -> None:
        messenger = self.messenger
        while True:
            while (waiting := messenger.board.take(agent)) is not None:
                try:
                    await self._deal_with(waiting)
                except BaseException:
                    messenger.put_back(waiting)
                    raise
            await messenger.arrivals.wait(agent, None)

    async def _deal_with(self, waiting: Waiting) -> None:
        messenger, at = self.messenger, self.messenger.clock.now()
        if waiting.delivery.is_expired(at):
            await messenger.settle([waiting], lambda delivery: delivery.expire(at))
            return
        try:
            await self._handle(waiting.message.unpack())
        except RefusedError as refusal:
            reason = str(refusal)
            await self._bury(waiting, DeadReason.REFUSED, reason)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is a failed attempt
            await self._failed(waiting, f"{type(error).__name__}: {error}")
        else:
            await self._delivered(waiting, at)

    async def _handle(self, message: Message) -> None:
        if inspect.iscoroutinefunction(self.handler):
            await self.handler(message)
        else:
            await asyncio.to_thread(self.handler, message)

    async def _delivered(self, waiting: Waiting, taken_at: datetime) -> None:
        """Record the delivery as of when the handler got the message, within its time to live."""
        to_agent, by = waiting.message.to_agent, self.messenger.who
        await self.messenger.settle(
            [waiting], lambda delivery: delivery.deliver(to_agent, by, taken_at)
        )

    async def _bury(self, waiting: Waiting, reason: DeadReason, detail: str) -> None:
        at = self.messenger.clock.now()
        await self._say(waiting, detail, lambda delivery, words: delivery.die(reason, words, at))

    async def _failed(self, waiting: Waiting, failure: str) -> None:
        messenger, at = self.messenger, self.messenger.clock.now()
        attempts = len(waiting.delivery.attempts) + 1
        logger.warning("Message %s: attempt %d failed.", waiting.message.message_id, attempts)

        def note(delivery: Delivery, words: str) -> None:
            delivery.fail(messenger.who, words, at)
            if attempts >= self.max_attempts:
                delivery.die(DeadReason.RETRIES_USED_UP, words, at)

        if await self._say(waiting, failure, note) and attempts < self.max_attempts:
            wait_s = self.retry_wait_s * 2 ** (attempts - 1)
            asyncio.get_running_loop().call_later(wait_s, messenger.put_back, waiting)

    async def _say(
        self, waiting: Waiting, words: str, command: Callable[[Delivery, str], None]
    ) -> bool:
        """Record what a handler said of a message; without its words, if they are to be forgotten.

        They may quote the message, so they are sealed with the key of its subject.
        """
        settle = self.messenger.settle
        try:
            return bool(await settle([waiting], lambda delivery: command(delivery, words)))
        except ConflictError:
            return bool(await settle([waiting], lambda delivery: command(delivery, "")))
