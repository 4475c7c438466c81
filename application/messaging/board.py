"""Board: the inboxes of all agents, folded from the events of messages.

It forgets a message as soon as it has come to its end, so that it grows with what waits and not
with what was ever sent.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from application.evolving import apply
from domain.event import RecordedEvent
from domain.message import Delivery, Message, MessageStatus

V = TypeVar("V")

REPLY_GRACE = timedelta(seconds=5)
"""How much longer than its sender waits a reply is kept for that sender, in case it still takes it.

After that nobody waits: the process that did has ended without a word.
"""

REMEMBERED = 100_000
"""Ends and requests given up that are remembered, so that what comes late is recognised."""


@dataclass(slots=True)
class Waiting:
    """A message that waits.

    Attributes:
        position: where it was sent; earlier ones of the same priority go first.
        latest: id of its newest event.
        subject: the person whose words it holds; None for nobody's.
        taken: whether somebody in this process is about to bring it to its end.
    """

    delivery: Delivery
    position: int
    latest: UUID
    subject: str | None = None
    taken: bool = False

    @property
    def message(self) -> Message:
        """The message."""
        return self.delivery.message

    @property
    def order(self) -> tuple[int, int, UUID]:
        """Place in the inbox, the most urgent first."""
        return (self.message.priority.rank, self.position, self.message.message_id)


class Request(NamedTuple):
    """A request whose reply is waited for."""

    from_agent: str
    reply_by: datetime


@dataclass(slots=True)
class Board:
    """All messages that wait, by recipient, the most urgent first.

    Attributes:
        late: replies to requests that were given up; they are taken, and to be ended as dead.
        arrived: agents with something new in their inbox, and requests with a reply.
    """

    waiting: dict[UUID, Waiting] = field(default_factory=dict)
    late: deque[Waiting] = field(default_factory=deque)
    arrived: list[str | UUID] = field(default_factory=list)
    _inboxes: dict[str, list[tuple[int, int, UUID]]] = field(default_factory=dict)
    _requests: dict[UUID, Request] = field(default_factory=dict)
    _replies: dict[UUID, deque[UUID]] = field(default_factory=dict)
    _due: list[tuple[datetime, UUID]] = field(default_factory=list)
    _ended: OrderedDict[UUID, None] = field(default_factory=OrderedDict)
    _given_up: OrderedDict[UUID, str] = field(default_factory=OrderedDict)

    def take_in(self, recorded: RecordedEvent) -> None:
        """Take in an event; one that is known already changes nothing."""
        event: Any = recorded.event
        message_id: UUID = event.originator_id
        if isinstance(event, Delivery.Created):
            self._sent(event, recorded)
        elif isinstance(event, Delivery.GivenUp):
            _remember(self._given_up, message_id, recorded.envelope.actor)
            self._forget_request(message_id)
        waiting = self.waiting.get(message_id)
        if waiting is None:
            if isinstance(event, Delivery.Delivered | Delivery.Expired | Delivery.Dead):
                _remember(self._ended, message_id, None)
        elif event.originator_version == waiting.delivery.version + 1:
            apply(waiting.delivery, event)
            waiting.latest = recorded.envelope.event_id
            if waiting.delivery.status is not MessageStatus.WAITING:
                self._end(waiting)

    def _sent(self, event: Any, recorded: RecordedEvent) -> None:
        message: Message = event.message
        message_id = message.message_id
        if message_id in self.waiting or message_id in self._ended:
            return
        envelope = recorded.envelope
        waiting = Waiting(
            event.mutate(None), recorded.position, envelope.event_id, envelope.subject
        )
        self.waiting[message_id] = waiting
        if message.reply_by is not None:
            self._requests[message_id] = Request(message.from_agent, message.reply_by)
            heapq.heappush(self._due, (message.reply_by + REPLY_GRACE, message_id))
        self._offer(waiting)

    def _offer(self, waiting: Waiting) -> None:
        message, parent_id = waiting.message, waiting.message.parent_id
        if message.expires_at is not None:
            heapq.heappush(self._due, (message.expires_at, message.message_id))
        request = None if parent_id is None else self._requests.get(parent_id)
        if parent_id is not None and self.is_late(message):
            waiting.taken = True
            self.late.append(waiting)
        elif parent_id is not None and request and request.from_agent == message.to_agent:
            self._replies.setdefault(parent_id, deque()).append(message.message_id)
            self.arrived.append(parent_id)
        else:
            inbox = self._inboxes.setdefault(message.to_agent, [])
            heapq.heappush(inbox, waiting.order)
            self.arrived.append(message.to_agent)

    def _end(self, waiting: Waiting) -> None:
        message = waiting.message
        del self.waiting[message.message_id]
        _remember(self._ended, message.message_id, None)
        request = None if message.parent_id is None else self._requests.get(message.parent_id)
        answered = waiting.delivery.status is MessageStatus.DELIVERED
        if answered and message.parent_id and request and request.from_agent == message.to_agent:
            self._forget_request(message.parent_id)

    def _forget_request(self, request_id: UUID) -> None:
        """Wait no more for a reply; what else came as one goes where it belongs."""
        self._requests.pop(request_id, None)
        for message_id in self._replies.pop(request_id, ()):
            waiting = self.waiting.get(message_id)
            if waiting is not None and not waiting.taken:
                self._offer(waiting)

    def take(self, agent: str) -> Waiting | None:
        """Take the most urgent message out of an inbox, so that nobody else here takes it."""
        inbox = self._inboxes.get(agent)
        while inbox:
            _, _, message_id = heapq.heappop(inbox)
            waiting = self.waiting.get(message_id)
            if waiting is not None and not waiting.taken:
                waiting.taken = True
                return waiting
        return None

    def has_for(self, agent: str) -> bool:
        """Tell whether an inbox holds a message that nobody here has taken."""
        inbox = self._inboxes.get(agent)
        while inbox:
            waiting = self.waiting.get(inbox[0][2])
            if waiting is not None and not waiting.taken:
                return True
            heapq.heappop(inbox)
        return False

    def is_reply(self, message: Message) -> bool:
        """Tell whether somebody waits for just this message."""
        return message.parent_id is not None and message.parent_id in self._requests

    def take_reply(self, request_id: UUID) -> Waiting | None:
        """Take the first reply to a request."""
        replies = self._replies.get(request_id)
        while replies:
            waiting = self.waiting.get(replies.popleft())
            if waiting is not None and not waiting.taken:
                waiting.taken = True
                return waiting
        return None

    def put_back(self, waiting: Waiting) -> None:
        """Let others take a message that was taken, unless it has come to its end."""
        if waiting.taken and self.waiting.get(waiting.message.message_id) is waiting:
            waiting.taken = False
            self._offer(waiting)

    def correct(self, waiting: Waiting, delivery: Delivery) -> None:
        """Put a message as another process has left it in place of what was known of it."""
        message_id = waiting.message.message_id
        if self.waiting.get(message_id) is waiting:
            waiting.delivery = delivery
            if delivery.status is MessageStatus.WAITING:
                self.put_back(waiting)
            else:
                self._end(waiting)

    def due(self, at: datetime) -> list[Waiting]:
        """Take the messages whose time to live is over; replies nobody waits for become others."""
        expired = []
        while self._due and self._due[0][0] <= at:
            _, message_id = heapq.heappop(self._due)
            request = self._requests.get(message_id)
            if request is not None and request.reply_by + REPLY_GRACE <= at:
                self._forget_request(message_id)
            waiting = self.waiting.get(message_id)
            if waiting is not None and not waiting.taken and waiting.delivery.is_expired(at):
                waiting.taken = True
                expired.append(waiting)
        return expired

    @property
    def next_due(self) -> datetime | None:
        """The moment at which `due` has something to tell, at the earliest."""
        while self._due and not self._is_known(self._due[0][1]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def _is_known(self, message_id: UUID) -> bool:
        return message_id in self.waiting or message_id in self._requests

    def knows_request(self, request_id: UUID) -> bool:
        """Tell whether it is known here if a request is still waited for."""
        return request_id in self._requests or request_id in self._given_up

    def is_late(self, message: Message) -> bool:
        """Tell whether a message replies to a request that was given up, as far as is known."""
        if message.parent_id is None:
            return False
        return self._given_up.get(message.parent_id) == message.to_agent

    def inbox(self, agent: str) -> list[Message]:
        """List what waits for an agent, in the order in which it would be taken."""
        found = [each for each in self.waiting.values() if each.message.to_agent == agent]
        return [each.message for each in sorted(found, key=lambda each: each.order)]


def _remember(known: OrderedDict[UUID, V], message_id: UUID, value: V) -> None:
    known[message_id] = value
    if len(known) > REMEMBERED:
        known.popitem(last=False)
