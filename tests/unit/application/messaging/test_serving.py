"""Serving: a message counts as delivered when its handler is done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast
from uuid import UUID

import pytest

from application.errors import ConflictError
from application.messaging.errors import RefusedError
from application.messaging.serving import Serving, inbox_id
from application.ports import Entry, SessionLease
from domain.event import RecordedEvent
from domain.message import DeadReason, Delivery, Message, MessageStatus
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.messaging import Post, a_message, open_post, until_ended


class Leases:
    """Lets one hold what nobody else holds."""

    def __init__(self) -> None:
        self.held: set[UUID] = set()

    @contextmanager
    def hold(
        self, session_id: UUID, _on_stop: Callable[[str], None] | None = None
    ) -> Iterator[None]:
        if session_id in self.held:
            raise ConflictError("held")
        self.held.add(session_id)
        try:
            yield
        finally:
            self.held.remove(session_id)


def serving_of(post: Post, leases: Leases | None = None) -> Serving:
    return Serving(post.messenger, cast("SessionLease", leases or Leases()))


def test_a_handler_that_is_done_has_the_message_delivered() -> None:
    async def go() -> None:
        async with open_post() as post:
            leases, handled = Leases(), []

            async def handler(message: Message) -> None:
                assert post.types() == ["message.sent"]
                handled.append(message)

            serving = asyncio.ensure_future(serving_of(post, leases).serve("FIN_007", handler))
            message = a_message()
            await post.messenger.send(message)
            assert (await until_ended(post, message.message_id)).status is MessageStatus.DELIVERED
            assert handled == [message]
            assert leases.held == {inbox_id("FIN_007")}
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            assert leases.held == set()

    asyncio.run(go())


def test_a_failing_handler_is_tried_again_until_the_message_is_dead() -> None:
    async def go() -> None:
        async with open_post() as post:

            async def handler(message: Message) -> None:
                raise ValueError(message.content["text"])

            serving = asyncio.ensure_future(
                serving_of(post).serve("FIN_007", handler, retry_wait_s=0.0)
            )
            message = a_message(content={"text": "no"})
            await post.messenger.send(message)
            ended = await until_ended(post, message.message_id)
            assert ended.dead_reason is DeadReason.RETRIES_USED_UP
            assert ended.attempts == ["ValueError: no"] * 3
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(go())


def test_a_handler_may_refuse_for_good() -> None:
    async def go() -> None:
        async with open_post() as post:

            async def handler(message: Message) -> None:
                raise RefusedError("not my field")

            serving = asyncio.ensure_future(serving_of(post).serve("FIN_007", handler))
            message = a_message()
            await post.messenger.send(message)
            ended = await until_ended(post, message.message_id)
            assert (ended.dead_reason, ended.dead_detail) == (DeadReason.REFUSED, "not my field")
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(go())


def test_one_process_at_a_time_serves_an_inbox() -> None:
    async def go() -> None:
        async with open_post() as post:
            leases = Leases()
            leases.held.add(inbox_id("FIN_007"))

            async def handler(message: Message) -> None: ...

            with pytest.raises(ConflictError, match="'FIN_007' is served by another process"):
                await serving_of(post, leases).serve("FIN_007", handler)

    asyncio.run(go())


def test_a_message_in_the_hands_of_a_cancelled_handler_waits_again() -> None:
    async def go() -> None:
        async with open_post() as post:
            begun = asyncio.Event()

            async def handler(message: Message) -> None:
                begun.set()
                await asyncio.Event().wait()

            serving = asyncio.ensure_future(serving_of(post).serve("FIN_007", handler))
            message = a_message()
            await post.messenger.send(message)
            await begun.wait()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            assert await post.messenger.receive("FIN_007", timeout_s=0.0) == message

    asyncio.run(go())


class ForgettingLog(InMemoryEventLog):
    """Takes nothing more of a subject once that is forgotten."""

    forgotten = False

    def append(self, entries: Sequence[Entry]) -> Sequence[RecordedEvent]:
        if self.forgotten and any(entry.envelope.subject for entry in entries):
            raise ConflictError("forgotten")
        return super().append(entries)


def test_what_a_handler_says_is_sealed_like_the_message_or_left_out() -> None:
    async def go(*, forgotten: bool) -> tuple[list[str | None], Delivery]:
        log = ForgettingLog()
        async with open_post(log) as post:

            async def handler(message: Message) -> None:
                log.forgotten = forgotten
                raise RefusedError(str(message.content["text"]))

            serving = asyncio.ensure_future(serving_of(post).serve("FIN_007", handler))
            message = a_message()
            await post.messenger.send(message, "customer-42")
            ended = await until_ended(post, message.message_id)
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            return [recorded.envelope.subject for recorded in log.events], ended

    subjects, ended = asyncio.run(go(forgotten=False))
    assert (subjects, ended.dead_detail) == (["customer-42"] * 2, "Figures of Q4?")
    subjects, ended = asyncio.run(go(forgotten=True))
    assert (subjects, ended.dead_detail) == (["customer-42", None], "")


def test_a_dead_letter_of_a_subject_is_requeued_under_its_seal() -> None:
    async def go() -> None:
        async with open_post() as post:
            post.recipients.refused["FIN_007"] = DeadReason.INACTIVE_RECIPIENT
            message = a_message()
            await post.messenger.send(message, "customer-42")
            await post.messenger.requeue(message.message_id)
            sent = [each for each in post.log.events if each.type == "message.sent"]
            assert [each.envelope.subject for each in sent] == ["customer-42"] * 2

    asyncio.run(go())
