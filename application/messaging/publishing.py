"""Publishing: topics, who subscribed to them, and what is published."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from application.errors import ConflictError, NotFoundError
from application.messaging.messenger import Messenger
from application.messaging.views import PublicationView, SubscriptionView
from application.ports import Entry, EventReader
from domain.event import Envelope
from domain.message import Message
from domain.topic import (
    Publication,
    Subscription,
    check_pattern,
    copy_for,
    matches,
    subscription_id,
)

SUBSCRIPTION_EVENTS: tuple[str, ...] = (
    Subscription.Created.TOPIC,
    Subscription.Renewed.TOPIC,
    Subscription.Ended.TOPIC,
)


@dataclass(slots=True)
class Subscribers:
    """Who has subscribed to what, folded from the log.

    Attributes:
        position: up to which the log was folded.
    """

    position: int = 0
    _known: dict[UUID, SubscriptionView] = field(default_factory=dict)
    _active: set[UUID] = field(default_factory=set)

    def catch_up(self, log: EventReader, until: int | None = None) -> None:
        """Fold what was recorded since, up to a position."""
        for recorded in log.read(after=self.position, until=until, types=SUBSCRIPTION_EVENTS):
            event: Any = recorded.event
            stream: UUID = event.originator_id
            self.position = recorded.position
            if isinstance(event, Subscription.Ended):
                self._active.discard(stream)
                continue
            if isinstance(event, Subscription.Created):
                agent, pattern = event.agent, event.pattern
            else:
                agent, pattern = self._known[stream].agent, self._known[stream].pattern
            self._known[stream] = SubscriptionView(
                agent=agent, pattern=pattern, position=recorded.position
            )
            self._active.add(stream)

    def __iter__(self) -> Iterator[SubscriptionView]:
        return (view for stream, view in self._known.items() if stream in self._active)

    def of(self, topic: str) -> tuple[str, ...]:
        """List the agents that get what is published on a topic, each once, sorted."""
        return tuple(sorted({each.agent for each in self if matches(each.pattern, topic)}))


def list_subscriptions(log: EventReader, until: int | None = None) -> list[SubscriptionView]:
    """List who has subscribed to what as of a position, by pattern and agent.

    Raises:
        UnavailableError: the database cannot be used.
    """
    subscribers = Subscribers()
    subscribers.catch_up(log, until)
    return sorted(subscribers, key=lambda each: (each.pattern, each.agent))


class Topics:
    """Subscribes agents and publishes to them."""

    def __init__(self, messenger: Messenger) -> None:
        self._messenger = messenger
        self._subscribers = Subscribers()
        self._catching_up = asyncio.Lock()

    async def subscribe(self, agent: str, pattern: str) -> None:
        """Let an agent get what is published from now on; nothing changes if it does already.

        Args:
            pattern: a topic in which `*` stands for any word and `#` for any words.

        Raises:
            TopicError: this is no pattern.
            UnavailableError: the database cannot be used.
        """
        check_pattern(pattern)
        while True:
            subscription = await self._find(agent, pattern)
            at = self._messenger.clock.now()
            if subscription is None:
                subscription = Subscription.begin(agent, pattern, at)
            elif subscription.active:
                return
            else:
                subscription.renew(at)
            if await self._record(subscription, agent):
                return

    async def unsubscribe(self, agent: str, pattern: str) -> None:
        """Let an agent get nothing more on a pattern; nothing changes if it does not.

        Raises:
            TopicError: this is no pattern.
            UnavailableError: the database cannot be used.
        """
        check_pattern(pattern)
        while True:
            subscription = await self._find(agent, pattern)
            if subscription is None or not subscription.active:
                return
            subscription.end(self._messenger.clock.now())
            if await self._record(subscription, agent):
                return

    async def publish(
        self,
        topic: str,
        message: Message,
        *,
        publication_id: UUID | None = None,
        subject: str | None = None,
    ) -> PublicationView:
        """Send a message to everybody who has subscribed, all at once or none.

        Who publishes gets no copy.

        Args:
            message: what each gets, under an id of its own; whom it names as recipient is ignored.
            publication_id: repeat it to publish once however often it is tried.

        Raises:
            TopicError: this is no topic.
            UnavailableError: the database cannot be used.
        """
        messenger = self._messenger
        async with self._catching_up:
            await asyncio.to_thread(self._subscribers.catch_up, messenger.log)
        publication_id = publication_id or messenger.ids.new()
        subscribers = tuple(
            each for each in self._subscribers.of(topic) if each != message.from_agent
        )
        publication = Publication.make(
            publication_id, topic, message.from_agent, subscribers, message.sent_at
        )
        entries = self._entries(publication, message.from_agent)
        copies = [
            await messenger.sending(_copy(message, topic, publication_id, each))
            for each in subscribers
        ]
        try:
            recorded = await messenger.record_all(copies, subject, entries)
        except ConflictError:
            return await asyncio.to_thread(self._published, publication_id)
        return PublicationView(
            publication_id=publication_id,
            topic=topic,
            position=recorded[0].position,
            subscribers=subscribers,
        )

    def _published(self, publication_id: UUID) -> PublicationView:
        log = self._messenger.log
        for recorded in log.read(stream=publication_id, limit=1):
            event: Any = recorded.event
            if isinstance(event, Publication.Created):
                return PublicationView(
                    publication_id=publication_id,
                    topic=event.topic,
                    position=recorded.position,
                    subscribers=event.subscribers,
                    duplicate=True,
                )
        raise ConflictError(
            f"Nothing could be published under {str(publication_id)!r}: the id is taken."
        )

    async def _find(self, agent: str, pattern: str) -> Subscription | None:
        stream = subscription_id(agent, pattern)
        try:
            return await asyncio.to_thread(self._messenger.log.load, Subscription, stream)
        except NotFoundError:
            return None

    async def _record(self, subscription: Subscription, agent: str) -> bool:
        try:
            await self._messenger.append(self._entries(subscription, agent))
        except ConflictError:
            return False  # somebody else did the same, or the opposite, just now
        return True

    def _entries(self, aggregate: Subscription | Publication, actor: str) -> list[Entry]:
        ids = self._messenger.ids
        return [
            Entry(event, Envelope(event_id=ids.new(), actor=actor, correlation_id=aggregate.id))
            for event in aggregate.collect_events()
        ]


def _copy(message: Message, topic: str, publication_id: UUID, agent: str) -> Message:
    return message.model_copy(
        update={
            "message_id": copy_for(publication_id, agent),
            "to_agent": agent,
            "topic": topic,
            "publication_id": publication_id,
        }
    )
