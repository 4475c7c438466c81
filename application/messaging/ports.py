"""Ports of messaging: what it needs from the outside beside the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from domain.event import RecordedEvent
from domain.message import DeadReason, Delivery

MESSAGE_EVENTS: tuple[str, ...] = (
    Delivery.Created.TOPIC,
    Delivery.Delivered.TOPIC,
    Delivery.Expired.TOPIC,
    Delivery.Dead.TOPIC,
    Delivery.Attempted.TOPIC,
    Delivery.GivenUp.TOPIC,
)
"""The events of which inboxes are made."""


class MessageFeed(Protocol):
    """Gives the events of messages, those of other processes too, from where inboxes begin."""

    def read(self) -> Iterator[RecordedEvent]:
        """Read what is needed to know every message that waits; called once, before `follow`.

        Raises:
            UnavailableError: the database cannot be used.
        """
        ...

    def follow(self, deliver: Callable[[Sequence[RecordedEvent]], None]) -> None:
        """Hand over what was recorded after that, in order, until `stop`; returns at once.

        Args:
            deliver: called in another thread.
        """
        ...

    def pass_over(self, positions: Iterable[int]) -> None:
        """Take it as told that these events are known already; they need not be handed over."""
        ...

    def stop(self) -> None:
        """End `follow`."""
        ...


class Recipients(Protocol):
    """Who can be sent a message."""

    async def refusal(self, handle: str) -> DeadReason | None:
        """Say why a message to this agent can never be delivered; None when it can."""
        ...
