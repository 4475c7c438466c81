"""Messaging in memory: messengers on one list of events, with clocks that stand still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from application.messaging.messenger import Messenger
from application.messaging.ports import MESSAGE_EVENTS
from application.messaging.requesting import Requests
from domain.event import RecordedEvent
from domain.message import DeadReason, Delivery, Message, MessageStatus
from infrastructure.system import Uuid7Factory
from tests.support.in_memory_log import InMemoryEventLog

IDS = Uuid7Factory()
NOW = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)


@dataclass
class StandingClock:
    """Tells the time that it is set to."""

    at: datetime = NOW

    def now(self) -> datetime:
        """Tell the time."""
        return self.at

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


@dataclass
class KnownRecipients:
    """Refuses those it was told of, and nobody else."""

    refused: dict[str, DeadReason] = field(default_factory=dict)

    async def refusal(self, handle: str) -> DeadReason | None:
        """Say why this agent gets no messages."""
        return self.refused.get(handle)


class InMemoryFeed:
    """Gives the events of a list; `show` hands over those that were recorded since."""

    def __init__(self, log: InMemoryEventLog) -> None:
        self._log = log
        self._position = 0
        self._deliver: Callable[[Sequence[RecordedEvent]], None] | None = None

    def read(self) -> Iterator[RecordedEvent]:
        """Read what there is."""
        for recorded in self._log.read(after=self._position, types=MESSAGE_EVENTS):
            self._position = recorded.position
            yield recorded

    def follow(self, deliver: Callable[[Sequence[RecordedEvent]], None]) -> None:
        """Remember to whom `show` shows."""
        self._deliver = deliver

    def pass_over(self, positions: Iterable[int]) -> None:
        """Show it all the same: who knows an event already takes no harm."""

    def stop(self) -> None:
        """Show nothing more."""
        self._deliver = None

    def show(self) -> None:
        """Let the messenger learn what others have recorded."""
        if self._deliver is not None:
            self._deliver(list(self.read()))


@dataclass
class Post:
    """A messenger with what it stands on."""

    log: InMemoryEventLog
    clock: StandingClock
    recipients: KnownRecipients
    feed: InMemoryFeed
    messenger: Messenger

    @property
    def requests(self) -> Requests:
        """What asks and answers."""
        return Requests(self.messenger)

    async def look(self) -> None:
        """Let it learn what others have recorded."""
        self.feed.show()
        await asyncio.sleep(0)

    def types(self) -> list[str]:
        """Name the events of the log."""
        return [recorded.type for recorded in self.log.events]


@asynccontextmanager
async def open_post(
    log: InMemoryEventLog | None = None, clock: StandingClock | None = None, who: str = "here"
) -> AsyncIterator[Post]:
    """Open a messenger; several on one log are as several processes."""
    log, clock = log or InMemoryEventLog(), clock or StandingClock()
    recipients, feed = KnownRecipients(), InMemoryFeed(log)
    messenger = Messenger(log, clock, IDS, recipients, feed, who=who, pack_over_bytes=200)
    await messenger.open()
    try:
        yield Post(log, clock, recipients, feed, messenger)
    finally:
        await messenger.close()


def a_message(**fields: Any) -> Message:
    """Make a message; what is left out is new or does not matter."""
    full: dict[str, Any] = {
        "message_id": IDS.new(),
        "conversation_id": UUID(int=7),
        "from_agent": "NOVA",
        "to_agent": "FIN_007",
        "content": {"text": "Figures of Q4?"},
        "sent_at": NOW,
    }
    return Message(**full | fields)


async def until_ended(post: Post, message_id: UUID) -> Delivery:
    """Wait until a message has come to its end."""
    while (found := post.log.load(Delivery, message_id)).status is MessageStatus.WAITING:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.001)
    return found
