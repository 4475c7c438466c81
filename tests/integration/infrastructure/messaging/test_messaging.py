"""Messaging on the real log: between processes, across a crash, and as it is listed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

from application.errors import ConflictError
from application.messaging.messaging import Messaging
from domain.message import Message, MessageStatus
from projections.message_traffic import message_deliveries
from projections.messages import (
    MessageFilter,
    list_messages,
    list_queues,
    list_topics,
    settled_until,
)
from tests.support.messaging import a_message
from tests.support.processes import guided
from tests.support.read_side import open_read_side

OpenMessaging = Callable[..., AbstractAsyncContextManager[Messaging]]

KILLED = """
import asyncio, sys
from tests.integration.infrastructure.messaging.conftest import open_messaging
from tests.support.messaging import a_message

async def main():
    async with open_messaging(sys.argv[1]) as messaging:
        for number in range(3):
            await messaging.messenger.send(a_message(content={"text": str(number)}))

        async def handler(message):
            print("handling", message.content["text"], flush=True)
            await asyncio.Event().wait()

        await messaging.serving.serve("FIN_007", handler)

asyncio.run(main())
"""


def test_what_waited_when_a_process_was_killed_is_delivered_once_by_another(
    database_url: str, opened: OpenMessaging
) -> None:
    with guided(KILLED, database_url) as process:
        assert process.heard() == "handling 0"
        process.kill()

    async def go() -> list[str]:
        got: list[str] = []
        everything = asyncio.Event()

        async def handler(message: Message) -> None:
            got.append(str(message.content["text"]))
            if len(got) == 3:
                everything.set()

        async with opened() as one, opened() as other:
            serving = asyncio.ensure_future(_serve_when_free(one, handler))
            await everything.wait()
            assert await other.messenger.receive("FIN_007", timeout_s=0.2) is None
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            read = one.messenger.log.read()
            counted = Counter(recorded.type for recorded in read)
            assert counted == {"message.sent": 3, "message.delivered": 3}
        return got

    assert asyncio.run(go()) == ["0", "1", "2"]


async def _serve_when_free(messaging: Messaging, handler: Callable[[Message], object]) -> None:
    """Serve as soon as the server has noticed that the former one is gone."""
    while True:
        try:
            await messaging.serving.serve("FIN_007", handler)
        except ConflictError:
            await asyncio.sleep(0.01)


def test_two_processes_ask_and_answer_across_the_log(opened: OpenMessaging) -> None:
    async def go() -> None:
        async with opened() as asker, opened() as answerer:

            async def answer() -> None:
                request = await answerer.messenger.receive("FIN_007", timeout_s=20)
                assert request is not None
                await answerer.requests.reply(request, {"profit": 7})

            answering = asyncio.ensure_future(answer())
            request = a_message(sent_at=datetime.now(UTC))
            reply = await asker.requests.request(request, timeout_s=20)
            await answering
            assert reply.content == {"profit": 7}

    asyncio.run(go())


def test_two_processes_share_an_inbox_and_nothing_is_delivered_twice(
    opened: OpenMessaging,
) -> None:
    async def go() -> None:
        async with opened() as one, opened() as other:
            messages = [a_message() for _ in range(60)]

            async def take_all(messaging: Messaging) -> list[Message]:
                got = []
                while message := await messaging.messenger.receive("FIN_007", timeout_s=0.3):
                    got.append(message)
                return got

            taking = asyncio.gather(*(take_all(each) for each in (one, other) * 3))
            for first in range(0, 60, 6):
                await one.messenger.send_many(messages[first : first + 6])
            got = [message for part in await taking for message in part]
            assert Counter(each.message_id for each in got) == Counter(
                each.message_id for each in messages
            )

    asyncio.run(go())


def test_lists_queues_and_figures_tell_of_messages_as_of_a_position(
    database_url: str, opened: OpenMessaging
) -> None:
    """B6, C8: the books balance at every position."""

    async def go() -> int:
        async with opened() as messaging:
            messenger = messaging.messenger
            await messaging.topics.subscribe("FIN_008", "news.#")
            await messenger.send_many([a_message(), a_message()])
            await messaging.topics.publish("news.q4", a_message())
            middle = messenger.log.last_position()
            await messenger.receive("FIN_007")
            gone = a_message(time_to_live_s=0.001)
            await messenger.send(gone)
            while messenger.board.waiting.keys() & {gone.message_id}:
                await messenger.sweep()
            return middle

    middle = asyncio.run(go())
    with open_read_side(database_url) as read_side:
        read_side.runner().catch_up()
        with read_side.read_models.reading() as connection:
            now = list_messages(connection, MessageFilter())
            assert Counter(each.status for each in now.items) == {
                MessageStatus.DELIVERED: 1,
                MessageStatus.EXPIRED: 1,
                MessageStatus.WAITING: 2,
            }
            then = list_messages(connection, MessageFilter(), at=middle)
            assert {each.status for each in then.items} == {MessageStatus.WAITING}
            wanted = MessageFilter(agent="FIN_007", statuses=(MessageStatus.DELIVERED,))
            [delivered] = list_messages(connection, wanted).items
            assert delivered.delivered_by == "a test"
            assert delivered.latency_ms is not None
            [first, second] = list_queues(connection).items
            assert (first.agent, first.waiting, first.delivered, first.expired) == (
                "FIN_007",
                1,
                1,
                1,
            )
            assert (second.agent, second.waiting) == ("FIN_008", 1)
            [topic] = list_topics(connection).items
            assert (topic.topic, topic.messages, topic.waiting) == ("news.q4", 1, 1)
            for at in range(middle, now.position + 1):
                for row in message_deliveries(connection, at=at).items:
                    assert row.sent == row.delivered + row.expired + row.dead + row.waiting
            [figures] = message_deliveries(connection).items
            assert (figures.sent, figures.delivered) == (4, 1)
            assert figures.p99_latency_ms == delivered.latency_ms
            until = settled_until(connection)

    async def reopen() -> int:
        async with opened(settled_until=lambda: until) as messaging:
            return len(messaging.messenger.board.waiting)

    assert asyncio.run(reopen()) == 2
