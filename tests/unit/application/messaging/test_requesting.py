"""Requesting: a reply counts for the try that is waited for; what comes later is dead."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from application.messaging.chaining import Chains
from application.messaging.errors import NoReplyError, UndeliverableError
from domain.message import DeadReason, Delivery, Message, MessageStatus, MessageType
from tests.support.messaging import Post, a_message, open_post, until_ended

SOON = 0.02


async def answer(post: Post, agent: str, **content: Any) -> None:
    request = await post.messenger.receive(agent)
    assert request is not None
    await post.requests.reply(request, content)


def test_a_request_gets_the_reply_and_nobody_else_does() -> None:
    """B9: request-response."""

    async def go() -> None:
        async with open_post() as post:
            stealing = asyncio.ensure_future(post.messenger.receive("NOVA", timeout_s=SOON))
            request = a_message(type=MessageType.DATA_REQUEST)
            replying = asyncio.ensure_future(answer(post, "FIN_007", profit=7))
            reply = await post.requests.request(request)
            await replying
            assert (reply.parent_id, reply.type) == (request.message_id, MessageType.DATA_RESPONSE)
            assert reply.content == {"profit": 7}
            assert (reply.from_agent, reply.to_agent) == ("FIN_007", "NOVA")
            assert await stealing is None
            assert post.types() == ["message.sent", "message.delivered"] * 2

    asyncio.run(go())


def test_a_synchronous_call_is_tried_three_times_more_and_then_given_up() -> None:
    """C3: time-out and retries; each try is a message whose parent is the request."""

    async def go() -> None:
        async with open_post() as post:
            request = a_message()
            with pytest.raises(NoReplyError, match="did not answer 4 requests") as caught:
                await post.requests.request(request, timeout_s=SOON, retries=3)
            tries = [post.log.load(Delivery, message_id) for message_id in caught.value.request_ids]
            assert [each.message.attempt for each in tries] == [1, 2, 3, 4]
            assert {each.message.parent_id for each in tries[1:]} == {request.message_id}
            assert all(each.given_up for each in tries)
            post.clock.go_on(1)
            await post.messenger.sweep()
            assert {post.log.load(Delivery, each.id).status for each in tries} == {
                MessageStatus.EXPIRED
            }

    asyncio.run(go())


def test_the_late_reply_is_recorded_as_dead_and_never_delivered() -> None:
    async def go() -> None:
        async with open_post() as post:
            asking = asyncio.ensure_future(
                post.requests.request(a_message(), timeout_s=SOON, retries=1)
            )
            first = await post.messenger.receive("FIN_007")
            second = await post.messenger.receive("FIN_007")
            assert first is not None
            assert second is not None
            late = await post.requests.reply(first, {"try": 1})
            await post.requests.reply(second, {"try": 2})
            assert (await asking).content == {"try": 2}
            assert late.dead is DeadReason.LATE
            assert await post.messenger.receive("NOVA", timeout_s=0.0) is None

    asyncio.run(go())


def test_a_reply_of_another_process_that_did_not_know_better_is_buried() -> None:
    async def go() -> None:
        async with open_post() as asker, open_post(asker.log) as other:
            asking = asyncio.ensure_future(asker.requests.request(a_message(), timeout_s=SOON))
            await asyncio.sleep(0)
            await asyncio.sleep(SOON / 4)
            await other.look()
            request = await other.messenger.receive("FIN_007")
            assert request is not None
            with pytest.raises(NoReplyError):
                await asking
            sent = await other.requests.reply(request, {})
            assert sent.dead is None
            await asker.look()
            buried = await until_ended(asker, sent.message_id)
            assert buried.dead_reason is DeadReason.LATE

    asyncio.run(go())


def test_the_reply_to_a_process_that_died_is_an_ordinary_message_after_a_while() -> None:
    async def go() -> None:
        async with open_post() as post:
            request = a_message(reply_within_s=30.0)
            await post.messenger.send(request)
            await answer(post, "FIN_007", profit=7)
            assert await post.messenger.receive("NOVA", timeout_s=0.0) is None
            post.clock.go_on(36)
            await post.messenger.sweep()
            reply = await post.messenger.receive("NOVA", timeout_s=0.0)
            assert reply is not None
            assert reply.parent_id == request.message_id

    asyncio.run(go())


def test_who_cannot_be_reached_is_told_at_once() -> None:
    async def go() -> None:
        async with open_post() as post:
            post.recipients.refused["FIN_007"] = DeadReason.UNKNOWN_RECIPIENT
            with pytest.raises(UndeliverableError, match="unknown recipient"):
                await post.requests.request(a_message())

    asyncio.run(go())


def test_a_chain_goes_on_until_one_accepts_and_every_step_says_why() -> None:
    """B9: chain of responsibility."""

    async def go() -> None:
        async with open_post() as post:
            post.recipients.refused["FIN_008"] = DeadReason.INACTIVE_RECIPIENT

            async def handle(agent: str, kind: MessageType, reason: str) -> Message:
                request = await post.messenger.receive(agent)
                assert request is not None
                await post.requests.reply(request, {"reason": reason}, type=kind)
                return request

            handling = [
                asyncio.ensure_future(handle("FIN_007", MessageType.TASK_REJECT, "busy")),
                asyncio.ensure_future(handle("FIN_009", MessageType.TASK_ACCEPT, "my field")),
            ]
            chains = Chains(post.messenger, post.requests)
            found = await chains.ask(a_message(), ["FIN_007", "FIN_008", "FIN_009", "FIN_010"])
            assert found.accepted_by == "FIN_009"
            assert [(step.agent, step.accepted) for step in found.steps] == [
                ("FIN_007", False),
                ("FIN_008", False),
                ("FIN_009", True),
            ]
            assert found.steps[0].reason == "busy"
            assert "inactive" in found.steps[1].reason
            assert found.steps[2].reason == "my field"
            last = await handling[1]
            assert last.route == ("FIN_007", "FIN_008")
            declined = last.shared_context["declined"]
            assert isinstance(declined, dict)
            assert declined["FIN_007"] == "busy"

    asyncio.run(go())


def test_a_chain_that_nobody_takes_on_says_so() -> None:
    async def go() -> None:
        async with open_post() as post:
            chains = Chains(post.messenger, post.requests)
            found = await chains.ask(a_message(), ["FIN_007"], timeout_s=SOON)
            assert (found.accepted_by, found.reply, len(found.steps)) == (None, None, 1)
            assert "did not answer" in found.steps[0].reason

    asyncio.run(go())
