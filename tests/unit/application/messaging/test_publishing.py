"""Publishing and gossiping: one message for each who is told, and books that balance."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import UUID

import pytest

from application.errors import BadRequestError
from application.messaging.gossiping import NOTICE, Gossiping
from application.messaging.publishing import Topics, list_subscriptions
from domain.gossip import spread
from domain.message import DeadReason
from domain.topic import TopicError, copy_for
from tests.support.messaging import a_message, open_post


def test_everybody_who_subscribed_gets_one_copy_and_the_publisher_none() -> None:
    """B9, C3: publish-subscribe on topics."""

    async def go() -> None:
        async with open_post() as post:
            topics = Topics(post.messenger)
            for agent, pattern in [
                ("FIN_001", "finance.#"),
                ("FIN_001", "finance.*.q4"),
                ("FIN_002", "finance.*"),
                ("FIN_003", "#"),
                ("NOVA", "#"),
            ]:
                await topics.subscribe(agent, pattern)
            await topics.subscribe("FIN_003", "#")
            post.recipients.refused["FIN_003"] = DeadReason.INACTIVE_RECIPIENT
            made = await topics.publish("finance.reports.q4", a_message())
            assert made.subscribers == ("FIN_001", "FIN_003")
            got = await post.messenger.receive("FIN_001", timeout_s=0.0)
            assert got is not None
            assert got.message_id == copy_for(made.publication_id, "FIN_001")
            assert (got.topic, got.publication_id) == ("finance.reports.q4", made.publication_id)
            assert await post.messenger.receive("FIN_002", timeout_s=0.0) is None
            assert Counter(post.types()) == {
                "subscription.begun": 5,
                "publication.made": 1,
                "message.sent": 2,
                "message.delivered": 1,
                "message.dead": 1,
            }

    asyncio.run(go())


def test_a_publication_that_is_repeated_is_made_once() -> None:
    async def go() -> None:
        async with open_post() as post:
            topics = Topics(post.messenger)
            await topics.subscribe("FIN_001", "news")
            message, publication_id = a_message(), UUID(int=3)
            first = await topics.publish("news", message, publication_id=publication_id)
            await topics.subscribe("FIN_002", "news")
            again = await topics.publish("news", message, publication_id=publication_id)
            assert (first.duplicate, again.duplicate) == (False, True)
            assert again.subscribers == ("FIN_001",)
            assert post.types().count("message.sent") == 1

    asyncio.run(go())


def test_who_unsubscribed_gets_nothing_more_until_subscribing_again() -> None:
    async def go() -> None:
        async with open_post() as post:
            topics = Topics(post.messenger)
            await topics.subscribe("FIN_001", "news")
            await topics.unsubscribe("FIN_001", "news")
            await topics.unsubscribe("FIN_001", "news")
            ended = post.log.last_position()
            assert (await topics.publish("news", a_message())).subscribers == ()
            await topics.subscribe("FIN_001", "news")
            assert (await topics.publish("news", a_message())).subscribers == ("FIN_001",)
            assert list_subscriptions(post.log, ended) == []
            assert [each.agent for each in list_subscriptions(post.log)] == ["FIN_001"]

    asyncio.run(go())


def test_what_is_no_topic_is_refused_before_anything_is_recorded() -> None:
    async def go() -> None:
        async with open_post() as post:
            with pytest.raises(TopicError, match="no topic"):
                await Topics(post.messenger).publish("finance.*", a_message())
            with pytest.raises(TopicError, match="no pattern"):
                await Topics(post.messenger).subscribe("NOVA", "a..b")
            assert post.types() == []

    asyncio.run(go())


def test_a_notification_spreads_as_the_seed_says_and_reaches_nearly_everybody() -> None:
    """C2: gossip."""

    async def go() -> None:
        async with open_post() as post:
            gossiping = Gossiping(post.messenger)
            agents = [f"FIN_{number:03}" for number in range(40)]
            gossip, first = await gossiping.spread({"halt": True}, "NOVA", agents, seed=7)
            assert len(first) == 3
            heard = {"NOVA"}
            for _ in range(gossip.rounds):
                for agent in ["NOVA", *agents]:
                    while told := await post.messenger.receive(agent, timeout_s=0.0):
                        assert told.content[NOTICE] == {"halt": True}
                        heard.add(agent)
                        await gossiping.pass_on(told)
            planned = spread(gossip, "NOVA")
            assert heard == {"NOVA"} | {hearer for pairs in planned for _, hearer in pairs}
            assert len(heard) > 35
            assert post.types().count("message.sent") <= 41 * 3
            counted = Counter(post.types())
            assert counted["message.sent"] == counted["message.delivered"]

    asyncio.run(go())


def test_what_is_of_no_gossip_is_not_passed_on() -> None:
    async def go() -> None:
        async with open_post() as post:
            with pytest.raises(BadRequestError, match="no gossip"):
                await Gossiping(post.messenger).pass_on(a_message())
            with pytest.raises(BadRequestError, match="fanout"):
                await Gossiping(post.messenger).spread({}, "NOVA", ["FIN_001"], fanout=0)

    asyncio.run(go())
