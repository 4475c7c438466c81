"""Life cycle: whatever two processes do in whatever order, the books of messages balance."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from application.errors import ConflictError
from domain.message import DeadReason, Message
from domain.priority import Priority
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.messaging import Post, StandingClock, a_message, open_post

AGENTS = st.sampled_from(["FIN_001", "FIN_002"])
POSTS = st.sampled_from([0, 1])
NUMBERS = st.integers(0, 1000)

BY_TYPE = {
    "message.delivered": "delivered",
    "message.expired": "expired",
    "message.dead": "dead",
}


class MessageLife(RuleBasedStateMachine):
    """Two processes on one log, beside a model that is a dictionary.

    What a process has not been shown yet it may try in vain, and nothing comes of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._closing = AsyncExitStack()
        self.sent: dict[Any, Message] = {}
        self.ends: dict[Any, str] = {}

    def do(self, work: Any) -> Any:
        return self._runner.run(work)

    @initialize()
    def open(self) -> None:
        async def go() -> list[Post]:
            log, clock = InMemoryEventLog(), StandingClock()
            return [
                await self._closing.enter_async_context(open_post(log, clock, who))
                for who in ("one", "two")
            ]

        self.posts: list[Post] = self.do(go())
        self.log, self.clock = self.posts[0].log, self.posts[0].clock

    @rule(
        by=POSTS,
        to_agent=AGENTS,
        priority=st.sampled_from(Priority),
        lives_s=st.sampled_from([None, 5.0, 20.0]),
        count=st.integers(1, 3),
    )
    def send(
        self, by: int, to_agent: str, priority: Priority, lives_s: float | None, count: int
    ) -> None:
        messages = [
            a_message(
                to_agent=to_agent,
                priority=priority,
                time_to_live_s=lives_s,
                sent_at=self.clock.now(),
            )
            for _ in range(count)
        ]
        refused = self.posts[by].recipients.refused.get(to_agent)
        for view in self.do(self.posts[by].messenger.send_many(messages)):
            assert not view.duplicate
            if refused is not None:
                self.ends[view.message_id] = "dead"
        self.sent |= {each.message_id: each for each in messages}

    @rule(by=POSTS, number=NUMBERS)
    def send_again(self, by: int, number: int) -> None:
        if self.sent:
            message = list(self.sent.values())[number % len(self.sent)]
            assert self.do(self.posts[by].messenger.send(message)).duplicate

    @rule(by=POSTS, agent=AGENTS)
    def receive(self, by: int, agent: str) -> None:
        post = self.posts[by]
        got = self.do(post.messenger.receive(agent, timeout_s=0.0))
        self.note_ends()
        if got is None:
            return
        assert got.to_agent == agent
        assert got == self.sent[got.message_id]
        assert got.expires_at is None or self.clock.now() < got.expires_at
        assert self.ends[got.message_id] == "delivered"

    @rule(by=POSTS, waits=POSTS, agent=AGENTS)
    def send_to_one_who_waits(self, by: int, waits: int, agent: str) -> None:
        message = a_message(to_agent=agent, sent_at=self.clock.now())

        async def go() -> tuple[Message | None, Any]:
            receiving = asyncio.ensure_future(
                self.posts[waits].messenger.receive(agent, timeout_s=0.01)
            )
            await asyncio.sleep(0)
            sent = await self.posts[by].messenger.send(message)
            return await receiving, sent

        got, _ = self.do(go())
        self.sent[message.message_id] = message
        self.note_ends()
        if got is not None:
            assert got == self.sent[got.message_id]
            assert self.ends[got.message_id] == "delivered"

    @rule(by=POSTS)
    def sweep(self, by: int) -> None:
        self.do(self.posts[by].messenger.sweep())
        self.note_ends()

    @rule(by=POSTS)
    def learn(self, by: int) -> None:
        self.do(self.posts[by].look())

    @rule(seconds=st.sampled_from([1, 4, 10]))
    def wait(self, seconds: int) -> None:
        self.clock.go_on(seconds)

    @rule(agent=AGENTS, active=st.booleans())
    def change(self, *, agent: str, active: bool) -> None:
        for post in self.posts:
            if active:
                post.recipients.refused.pop(agent, None)
            else:
                post.recipients.refused[agent] = DeadReason.INACTIVE_RECIPIENT

    @rule(by=POSTS, number=NUMBERS)
    def requeue(self, by: int, number: int) -> None:
        if not self.sent:
            return
        message = list(self.sent.values())[number % len(self.sent)]
        self.note_ends()
        before = self.log.last_position()
        try:
            view = self.do(self.posts[by].messenger.requeue(message.message_id))
        except ConflictError:
            assert self.ends.get(message.message_id) not in {"expired", "dead"}
            return
        assert self.ends[message.message_id] in {"expired", "dead"}
        assert view.duplicate == (view.message_id in self.sent)
        for recorded in self.log.read(after=before, types=("message.sent",)):
            event: Any = recorded.event
            self.sent[view.message_id] = event.message
        self.note_ends()

    @rule(by=POSTS)
    def start_anew(self, by: int) -> None:
        async def go() -> Post:
            await self.posts[by].messenger.close()
            return await self._closing.enter_async_context(
                open_post(self.log, self.clock, f"again {by}")
            )

        refused = self.posts[by].recipients.refused
        self.posts[by] = self.do(go())
        self.posts[by].recipients.refused.update(refused)

    def note_ends(self) -> None:
        """Take over what became of messages; none ends twice."""
        for recorded in self.log.read(types=tuple(BY_TYPE)):
            message_id = recorded.event.originator_id
            assert (
                self.ends.setdefault(message_id, BY_TYPE[recorded.type]) == (BY_TYPE[recorded.type])
            )

    @invariant()
    def the_books_balance(self) -> None:
        counted = Counter(recorded.type for recorded in self.log.events)
        ends = Counter(
            recorded.event.originator_id for recorded in self.log.events if recorded.type in BY_TYPE
        )
        assert counted["message.sent"] == len(self.sent)
        assert not ends or max(ends.values()) == 1
        assert ends.keys() <= self.sent.keys()
        waiting = self.sent.keys() - ends.keys()
        assert counted["message.sent"] == ends.total() + len(waiting)

    def teardown(self) -> None:
        self.do(self._closing.aclose())
        self._runner.close()


MessageLife.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestMessageLife = MessageLife.TestCase
