"""Topic: what messages are published on, who subscribed to it, and what was published."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, event
from pydantic import StringConstraints

from domain.errors import DomainError, TransitionError
from domain.value import NonEmptyText

NAMESPACE = UUID("019a0000-0000-7000-8000-000000000003")
"""Namespace in which subscriptions have their ids (RFC 9562, version 5)."""

ONE_WORD, ANY_WORDS = "*", "#"

_WORD = r"[A-Za-z0-9_-]+"

Topic = Annotated[str, StringConstraints(pattern=rf"^{_WORD}(\.{_WORD})*$", max_length=200)]
"""Words of letters, digits, `_` and `-`, with dots between them: `finance.reports.q4`."""

TopicPattern = Annotated[
    str,
    StringConstraints(pattern=rf"^({_WORD}|\*|#)(\.({_WORD}|\*|#))*$", max_length=200),
]
"""A topic in which `*` stands for any one word, and `#` for any number of words, also none."""


class TopicError(DomainError):
    """This is no topic, or no pattern of topics."""

    def __init__(self, kind: str, text: str, allowed: str) -> None:
        self.text = text
        super().__init__(f"{text!r} is no {kind}: write {allowed}, with dots between them.")


def check_topic(text: str) -> str:
    """Give a topic back.

    Raises:
        TopicError: it is none.
    """
    if len(text) > 200 or not re.fullmatch(rf"{_WORD}(\.{_WORD})*", text):  # noqa: PLR2004 - as above
        raise TopicError("topic", text, "words of letters, digits, '_' and '-'")
    return text


def check_pattern(text: str) -> str:
    """Give a pattern back.

    Raises:
        TopicError: it is none.
    """
    part = rf"({_WORD}|\*|#)"
    if len(text) > 200 or not re.fullmatch(rf"{part}(\.{part})*", text):  # noqa: PLR2004 - as above
        raise TopicError("pattern of topics", text, "words, '*' for one word or '#' for any words")
    return text


def matches(pattern: str, topic: str) -> bool:
    """Tell whether a topic fits a pattern."""
    reached = {0}  # how many words of the topic the pattern so far may stand for
    words = topic.split(".")
    for part in pattern.split("."):
        if part == ANY_WORDS:
            reached = set(range(min(reached), len(words) + 1)) if reached else set()
        else:
            fits = (n for n in reached if n < len(words) and part in {ONE_WORD, words[n]})
            reached = {n + 1 for n in fits}
    return len(words) in reached


def subscription_id(agent: str, pattern: str) -> UUID:
    """Name the stream of an agent's subscription to a pattern."""
    return uuid5(NAMESPACE, f"{pattern}\n{agent}")


def copy_for(publication_id: UUID, agent: str) -> UUID:
    """Name the message by which a subscriber gets a publication: one each, however often sent."""
    return uuid5(publication_id, agent)


class Subscription(Aggregate):
    """Aggregate of one agent's subscription to one pattern of topics."""

    TOPIC = "subscription"

    class Event(Aggregate.Event):
        """An event of a subscription."""

    class Created(Aggregate.Created):
        """The agent subscribed."""

        TOPIC = "subscription.begun"
        agent: NonEmptyText
        pattern: TopicPattern

    class Ended(Aggregate.Event):
        """The agent wants nothing more on it."""

        TOPIC = "subscription.ended"

    class Renewed(Aggregate.Event):
        """The agent subscribed again."""

        TOPIC = "subscription.renewed"

    @event(Created)
    def __init__(self, agent: str, pattern: str) -> None:
        self.agent = agent
        self.pattern = pattern
        self.active = True

    @classmethod
    def begin(cls, agent: str, pattern: str, at: datetime) -> Subscription:
        """Subscribe an agent to a pattern of topics.

        Raises:
            TopicError: this is no pattern.
        """
        return cls._create(
            cls.Created,
            id=subscription_id(agent, check_pattern(pattern)),
            timestamp=at,
            agent=agent,
            pattern=pattern,
        )

    def end(self, at: datetime) -> None:
        """Unsubscribe."""
        if not self.active:
            raise TransitionError(f"Subscription to {self.pattern!r}", "ended", "end")
        self._ended(timestamp=at)

    def renew(self, at: datetime) -> None:
        """Subscribe again after an end."""
        if self.active:
            raise TransitionError(f"Subscription to {self.pattern!r}", "active", "be renewed")
        self._renewed(timestamp=at)

    @event(Ended)
    def _ended(self, timestamp: datetime) -> None:
        self.active = False

    @event(Renewed)
    def _renewed(self, timestamp: datetime) -> None:
        self.active = True


class Publication(Aggregate):
    """Aggregate of one publication; its stream begins and ends with it.

    The messages by which subscribers get it are recorded with it, all or none.
    """

    TOPIC = "publication"

    class Event(Aggregate.Event):
        """An event of a publication."""

    class Created(Aggregate.Created):
        """Something was published on a topic, for those who had subscribed by then."""

        TOPIC = "publication.made"
        topic: Topic
        from_agent: NonEmptyText
        subscribers: tuple[str, ...]

    @event(Created)
    def __init__(self, topic: str, from_agent: str, subscribers: tuple[str, ...]) -> None:
        self.topic = topic
        self.from_agent = from_agent
        self.subscribers = subscribers

    @classmethod
    def make(
        cls,
        publication_id: UUID,
        topic: str,
        from_agent: str,
        subscribers: tuple[str, ...],
        at: datetime,
    ) -> Publication:
        """Publish on a topic.

        Raises:
            TopicError: this is no topic.
        """
        return cls._create(
            cls.Created,
            id=publication_id,
            timestamp=at,
            topic=check_topic(topic),
            from_agent=from_agent,
            subscribers=subscribers,
        )
