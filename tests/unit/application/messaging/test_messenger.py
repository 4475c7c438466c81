"""Messenger: every message comes to exactly one end, whoever asks for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import UUID

import pytest

from application.errors import ConflictError
from domain.message import DeadReason, Delivery, MessageStatus
from domain.priority import Priority
from tests.support.messaging import NOW, a_message, open_post

INSTANT = 0.0


def test_urgent_overtakes_high_normal_and_low_and_equals_keep_their_order() -> None:
    """B6: priority decides, then the order of sending."""

    async def go() -> list[str]:
        async with open_post() as post:
            told = [Priority.LOW, Priority.NORMAL, Priority.URGENT, Priority.NORMAL, Priority.HIGH]
            await post.messenger.send_many(
                [
                    a_message(priority=priority, content={"text": f"{number} {priority.value}"})
                    for number, priority in enumerate(told)
                ]
            )
            got = []
            while message := await post.messenger.receive("FIN_007", timeout_s=INSTANT):
                got.append(str(message.content["text"]))
            assert post.log.appends == 1 + 5
            return got

    assert asyncio.run(go()) == ["2 urgent", "4 high", "1 normal", "3 normal", "0 low"]


def test_a_message_whose_time_to_live_is_over_is_never_delivered() -> None:
    async def go() -> None:
        async with open_post() as post:
            await post.messenger.send(a_message(time_to_live_s=10))
            post.clock.go_on(10)
            assert await post.messenger.receive("FIN_007", timeout_s=INSTANT) is None
            assert post.types() == ["message.sent", "message.expired"]

    asyncio.run(go())


def test_what_nobody_takes_is_swept_when_its_time_is_over() -> None:
    async def go() -> None:
        async with open_post() as post:
            await post.messenger.send_many([a_message(time_to_live_s=10) for _ in range(3)])
            await post.messenger.send(a_message())
            assert await post.messenger.sweep() == 0
            post.clock.go_on(11)
            assert await post.messenger.sweep() == 3
            assert Counter(post.types()) == {"message.sent": 4, "message.expired": 3}

    asyncio.run(go())


def test_a_message_sent_twice_is_recognised_and_delivered_once() -> None:
    async def go() -> None:
        async with open_post() as post:
            message = a_message(content={"text": "x" * 500})
            first = await post.messenger.send(message)
            again = await post.messenger.send(message)
            among, other = await post.messenger.send_many([message, a_message()])
            assert (first.duplicate, again.duplicate, among.duplicate) == (False, True, True)
            assert not other.duplicate
            assert first.position == again.position == among.position
            got = [await post.messenger.receive("FIN_007", timeout_s=INSTANT) for _ in range(3)]
            assert [each and each.message_id for each in got] == [
                message.message_id,
                other.message_id,
                None,
            ]

    asyncio.run(go())


def test_an_id_that_says_something_else_is_a_conflict() -> None:
    async def go() -> None:
        async with open_post() as post:
            message = a_message()
            await post.messenger.send(message)
            with pytest.raises(ConflictError, match="another content"):
                await post.messenger.send(message.model_copy(update={"to_agent": "FIN_008"}))

    asyncio.run(go())


@pytest.mark.parametrize("reason", [DeadReason.UNKNOWN_RECIPIENT, DeadReason.INACTIVE_RECIPIENT])
def test_what_cannot_be_delivered_is_dead_at_once(reason: DeadReason) -> None:
    async def go() -> None:
        async with open_post() as post:
            post.recipients.refused["FIN_007"] = reason
            sent = await post.messenger.send(a_message())
            assert sent.dead is reason
            assert await post.messenger.receive("FIN_007", timeout_s=INSTANT) is None
            assert post.types() == ["message.sent", "message.dead"]

    asyncio.run(go())


def test_a_recipient_who_went_before_the_delivery_gets_nothing() -> None:
    async def go() -> None:
        async with open_post() as post:
            await post.messenger.send(a_message())
            post.recipients.refused["FIN_007"] = DeadReason.INACTIVE_RECIPIENT
            assert await post.messenger.receive("FIN_007", timeout_s=INSTANT) is None
            assert post.types() == ["message.sent", "message.dead"]

    asyncio.run(go())


def test_two_processes_deliver_a_message_once() -> None:
    async def go() -> None:
        async with open_post() as one, open_post(one.log) as other:
            messages = [a_message() for _ in range(20)]
            await one.messenger.send_many(messages)
            await other.look()
            got = await asyncio.gather(
                *(post.messenger.receive("FIN_007", timeout_s=0.05) for post in (one, other) * 15)
            )
            ids = Counter(each.message_id for each in got if each is not None)
            assert ids == Counter(message.message_id for message in messages)
            assert Counter(one.types()) == {"message.sent": 20, "message.delivered": 20}

    asyncio.run(go())


def test_what_another_process_sent_is_received_as_soon_as_it_is_known() -> None:
    async def go() -> None:
        async with open_post() as one, open_post(one.log) as other:
            receiving = asyncio.ensure_future(other.messenger.receive("FIN_007"))
            await asyncio.sleep(0)
            message = a_message()
            await one.messenger.send(message)
            await other.look()
            assert await receiving == message

    asyncio.run(go())


def test_a_queue_is_rebuilt_from_the_log_alone() -> None:
    async def go() -> None:
        async with open_post() as first:
            messages = [a_message(content={"text": str(n)}) for n in range(3)]
            await first.messenger.send_many(messages)
            await first.messenger.receive("FIN_007")
        async with open_post(first.log) as second:
            assert second.messenger.board.inbox("FIN_007") == messages[1:]
            assert await second.messenger.receive("FIN_007") == messages[1]

    asyncio.run(go())


def test_a_large_content_is_compressed_in_the_log_and_whole_for_who_gets_it() -> None:
    """C3: compressed calls."""

    async def go() -> None:
        async with open_post() as post:
            message = a_message(content={"text": "profit " * 500})
            await post.messenger.send(message)
            recorded = post.log.load(Delivery, message.message_id).message
            assert recorded.content == {}
            assert len(recorded.packed) < 200
            assert await post.messenger.receive("FIN_007") == message

    asyncio.run(go())


def test_who_stops_waiting_while_a_delivery_is_recorded_loses_nothing() -> None:
    async def go() -> None:
        async with open_post() as post:
            message = a_message()
            await post.messenger.send(message)
            receiving = asyncio.ensure_future(post.messenger.receive("FIN_007"))
            await asyncio.sleep(0)
            receiving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await receiving
            assert await post.messenger.receive("FIN_007") == message
            assert post.types() == ["message.sent", "message.delivered"]

    asyncio.run(go())


def test_a_dead_letter_is_requeued_once_as_a_new_message() -> None:
    async def go() -> None:
        async with open_post() as post:
            post.recipients.refused["FIN_007"] = DeadReason.INACTIVE_RECIPIENT
            message = a_message()
            await post.messenger.send(message)
            post.recipients.refused.clear()
            post.clock.go_on(60)
            first = await post.messenger.requeue(message.message_id)
            again = await post.messenger.requeue(message.message_id)
            assert (first.duplicate, again.duplicate) == (False, True)
            assert first.message_id == again.message_id != message.message_id
            got = await post.messenger.receive("FIN_007")
            assert got is not None
            assert got.parent_id == message.message_id
            assert got.content == message.content
            assert got.sent_at > NOW
            assert post.log.load(Delivery, message.message_id).status is MessageStatus.DEAD

    asyncio.run(go())


def test_what_was_delivered_cannot_be_requeued() -> None:
    async def go(message_id: UUID) -> None:
        async with open_post() as post:
            await post.messenger.send(a_message(message_id=message_id))
            await post.messenger.receive("FIN_007")
            with pytest.raises(ConflictError, match="is delivered"):
                await post.messenger.requeue(message_id)

    asyncio.run(go(UUID(int=5)))


def test_who_waits_already_gets_the_message_by_the_append_that_sends_it() -> None:
    async def go() -> None:
        async with open_post() as post:
            receiving = [asyncio.ensure_future(post.messenger.receive("FIN_007")) for _ in range(2)]
            await asyncio.sleep(0)
            low, urgent, none = (
                a_message(priority=priority, to_agent=agent)
                for priority, agent in [
                    (Priority.LOW, "FIN_007"),
                    (Priority.URGENT, "FIN_007"),
                    (Priority.HIGH, "FIN_008"),
                ]
            )
            await post.messenger.send_many([low, urgent, none])
            assert await asyncio.gather(*receiving) == [urgent, low]
            assert post.log.appends == 1
            assert Counter(post.types()) == {"message.sent": 3, "message.delivered": 2}
            assert post.messenger.board.inbox("FIN_008") == [none]

    asyncio.run(go())


def test_a_message_handed_to_somebody_who_left_goes_to_the_next() -> None:
    async def go() -> None:
        async with open_post() as post:
            leaving = asyncio.ensure_future(post.messenger.receive("FIN_007"))
            await asyncio.sleep(0)
            message = a_message()
            sending = asyncio.ensure_future(post.messenger.send(message))
            await asyncio.sleep(0)
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
            await sending
            assert await post.messenger.receive("FIN_007", timeout_s=INSTANT) == message
            assert post.types() == ["message.sent", "message.delivered"]

    asyncio.run(go())


def test_who_waits_gets_nothing_by_a_send_that_is_a_repetition() -> None:
    async def go() -> None:
        async with open_post() as post:
            message = a_message()
            await post.messenger.send(message)
            assert await post.messenger.receive("FIN_007") == message
            waiting = asyncio.ensure_future(post.messenger.receive("FIN_007", timeout_s=0.05))
            await asyncio.sleep(0)
            assert (await post.messenger.send(message)).duplicate
            assert await waiting is None

    asyncio.run(go())
