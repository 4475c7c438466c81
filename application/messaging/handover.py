"""Handover: who waits already gets a message by the very append that sends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from application.messaging.arrivals import Arrivals, Waiter
from application.messaging.board import Board
from domain.event import RecordedEvent
from domain.message import Delivery, Message, MessageStatus


class Handover:
    """Records deliveries together with the sending; that saves the second append of a message."""

    def __init__(self, board: Board, arrivals: Arrivals, who: str) -> None:
        self._board = board
        self._arrivals = arrivals
        self._who = who
        self._recorded: dict[UUID, bool] = {}

    @contextmanager
    def of(self, deliveries: Sequence[Delivery], at: datetime) -> Iterator[None]:
        """Deliver to those who wait, and hand over what was recorded within the context.

        The most urgent go first. Who gets nothing in the end looks for themselves again.
        """
        claims = list(self._claimed(deliveries, at))
        try:
            yield
        finally:
            for waiter, message in claims:
                recorded = self._recorded.pop(message.message_id)
                self._arrivals.hand(waiter, message.unpack() if recorded else None)

    def note(self, recorded: Sequence[RecordedEvent]) -> None:
        """Take note of what an append of this process recorded."""
        if not self._recorded:
            return
        events = [each.event for each in recorded]
        sent = {event.originator_id for event in events if isinstance(event, Delivery.Created)}
        for event in events:  # both at once: no other append can have delivered it
            if isinstance(event, Delivery.Delivered) and event.originator_id in sent:
                self._recorded[event.originator_id] = True

    def _claimed(
        self, deliveries: Sequence[Delivery], at: datetime
    ) -> Iterator[tuple[Waiter, Message]]:
        for delivery in sorted(deliveries, key=lambda each: each.message.priority.rank):
            message = delivery.message
            if delivery.status is not MessageStatus.WAITING or delivery.is_expired(at):
                continue
            if message.message_id in self._recorded or self._board.is_reply(message):
                continue
            if self._board.has_for(message.to_agent):
                continue
            waiter = self._arrivals.claim(message.to_agent)
            if waiter is not None:
                delivery.deliver(message.to_agent, self._who, at)
                self._recorded[message.message_id] = False
                yield waiter, message
