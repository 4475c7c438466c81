"""Message: what one agent sends another, and what became of it."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate, event
from pydantic import AwareDatetime, Field, JsonValue

from domain.errors import TransitionError
from domain.priority import Priority
from domain.value import PERSONAL, NonEmptyText, Value, Words, later

PACKED = "zlib:"
"""Begins a content that is packed; Base64 of a zlib stream (RFC 1950) of UTF-8 JSON follows."""

MAX_UNPACKED_BYTES = 64_000_000
"""A packed content that says more than this is left as it is."""

Content = Annotated[dict[str, JsonValue], PERSONAL]


class MessageType(StrEnum):
    """What a message is for."""

    TEXT = "text"
    QUERY = "query"
    RESPONSE = "response"
    TASK_REQUEST = "task_request"
    TASK_ACCEPT = "task_accept"
    TASK_REJECT = "task_reject"
    TASK_PROGRESS = "task_progress"
    TASK_COMPLETE = "task_complete"
    TASK_FAILED = "task_failed"
    DELEGATE = "delegate"
    ESCALATE = "escalate"
    HEARTBEAT = "heartbeat"
    STATUS = "status"
    ERROR = "error"
    DATA_REQUEST = "data_request"
    DATA_RESPONSE = "data_response"


class MessageStatus(StrEnum):
    """What became of a message; it waits, or has come to one of three ends."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    EXPIRED = "expired"
    DEAD = "dead"


class DeadReason(StrEnum):
    """Why a message can never be delivered."""

    UNKNOWN_RECIPIENT = "unknown_recipient"
    INACTIVE_RECIPIENT = "inactive_recipient"
    RETRIES_USED_UP = "retries_used_up"
    REFUSED = "refused"
    LATE = "late"


class Message(Value):
    """A message between agents; it never changes.

    Attributes:
        parent_id: the message that it answers, repeats or goes on from.
        session_id: the session that it is about; it is no part of that session's history.
        from_agent: handle of the agent, `USER` or `SYSTEM`.
        to_agent: handle of the agent, or `USER`.
        route: routing path: whom it came through before, the first sender first.
        content: structured; untrusted when a model wrote it. Empty while it is packed.
        packed: the content, compressed; empty when it is not.
        sent_at: timestamp, with a zone.
        time_to_live_s: seconds after `sent_at` within which it may be delivered; None for ever.
        shared_context: what everybody who works on the same shall know.
        user_context: what is known of the user.
        token_budget: tokens that may be spent on it; None for no limit.
        tokens_used: tokens that were spent on it before it was sent.
        topic: the topic that it was published on, with the publication.
        attempt: which try of a request it is, from 1.
        reply_within_s: seconds that the sender of a request waits for its reply.
    """

    message_id: UUID
    conversation_id: UUID
    parent_id: UUID | None = later()
    session_id: UUID | None = later()
    from_agent: NonEmptyText
    to_agent: NonEmptyText
    route: tuple[NonEmptyText, ...] = later(())
    type: MessageType = MessageType.TEXT
    content: Content = {}
    packed: Words = later("")
    priority: Priority = Priority.NORMAL
    sent_at: AwareDatetime
    time_to_live_s: Annotated[float, Field(gt=0)] | None = later()
    shared_context: Content = {}
    user_context: Content = {}
    token_budget: Annotated[int, Field(ge=0)] | None = None
    tokens_used: Annotated[int, Field(ge=0)] = 0
    topic: NonEmptyText | None = later()
    publication_id: UUID | None = later()
    attempt: Annotated[int, Field(ge=1)] = 1
    reply_within_s: Annotated[float, Field(gt=0)] | None = later()

    @property
    def expires_at(self) -> datetime | None:
        """The moment from which on it is not delivered any more; None for never."""
        return _after(self.sent_at, self.time_to_live_s)

    @property
    def reply_by(self) -> datetime | None:
        """The moment until which its sender waits for a reply; None when nobody waits."""
        return _after(self.sent_at, self.reply_within_s)

    def pack(self, over_bytes: int) -> Self:
        """Compress the content where it is larger than a limit and gets smaller by it."""
        if not self.content:
            return self
        plain = json.dumps(self.content, ensure_ascii=False, separators=(",", ":")).encode()
        if len(plain) <= over_bytes:
            return self
        packed = PACKED + base64.b64encode(zlib.compress(plain)).decode()
        if len(packed) >= len(plain):
            return self
        return self.model_copy(update={"content": {}, "packed": packed})

    def unpack(self) -> Self:
        """Give the message with its content as it was written.

        What was erased, or was not packed by `pack`, stays as it is.
        """
        if not self.packed.startswith(PACKED):
            return self
        try:
            raw = base64.b64decode(self.packed.removeprefix(PACKED), validate=True)
            stream = zlib.decompressobj()
            plain = stream.decompress(raw, MAX_UNPACKED_BYTES)
            content = json.loads(plain) if stream.eof else None
        except (binascii.Error, zlib.error, ValueError):
            return self
        if not isinstance(content, dict):
            return self
        return self.model_copy(update={"content": content, "packed": ""})

    def requeued(self, at: datetime) -> Self:
        """Make the message that is sent once more in place of one that was not delivered.

        Its id follows from this one's (UUIDv5), so that whoever requeues twice sends one message.
        Nobody waits for its reply any more.
        """
        return self.model_copy(
            update={
                "message_id": uuid5(self.message_id, "requeued"),
                "parent_id": self.message_id,
                "sent_at": at,
                "attempt": 1,
                "reply_within_s": None,
            }
        )


def _after(moment: datetime, seconds: float | None) -> datetime | None:
    if seconds is None:
        return None
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return None


class Delivery(Aggregate):
    """Aggregate of one message and what became of it; the message's id names the stream.

    So the log itself refuses to send an id twice, and to deliver a message twice.

    Attributes:
        attempts: why handlers could not deal with it so far.
        given_up: whether its sender has stopped to wait for a reply.
    """

    TOPIC = "message"

    class Event(Aggregate.Event):
        """An event of a message."""

    class Created(Aggregate.Created):
        """The message was sent."""

        TOPIC = "message.sent"
        message: Message

    class Delivered(Aggregate.Event):
        """The recipient has it; `by` names the process that handed it over."""

        TOPIC = "message.delivered"
        to_agent: NonEmptyText
        by: NonEmptyText

    class Expired(Aggregate.Event):
        """Its time to live was over before anybody took it."""

        TOPIC = "message.expired"

    class Dead(Aggregate.Event):
        """It can never be delivered."""

        TOPIC = "message.dead"
        reason: DeadReason
        detail: Words

    class Attempted(Aggregate.Event):
        """A handler was given it and failed; it waits for the next try."""

        TOPIC = "message.attempted"
        by: NonEmptyText
        failure: Words

    class GivenUp(Aggregate.Event):
        """Its sender stopped to wait for a reply; one that still comes is dead."""

        TOPIC = "message.given_up"
        waited_s: Annotated[float, Field(ge=0)]

    @event(Created)
    def __init__(self, message: Message) -> None:
        self.message = message
        self.status = MessageStatus.WAITING
        self.delivered_to: str | None = None
        self.delivered_by: str | None = None
        self.dead_reason: DeadReason | None = None
        self.dead_detail = ""
        self.attempts: list[str] = []
        self.given_up = False

    @classmethod
    def send(cls, message: Message) -> Delivery:
        """Send a message."""
        return cls._create(
            cls.Created, id=message.message_id, timestamp=message.sent_at, message=message
        )

    def is_expired(self, at: datetime) -> bool:
        """Tell whether its time to live is over at a moment."""
        expires_at = self.message.expires_at
        return expires_at is not None and at >= expires_at

    def deliver(self, to_agent: str, by: str, at: datetime) -> None:
        """Hand it to its recipient; one whose time to live is over is never delivered."""
        self._require_waiting("be delivered")
        if to_agent != self.message.to_agent:
            raise TransitionError(self._name, f"for {self.message.to_agent}", f"go to {to_agent}")
        if self.is_expired(at):
            raise TransitionError(self._name, "past its time to live", "be delivered")
        self._delivered(to_agent=to_agent, by=by, timestamp=at)

    def expire(self, at: datetime) -> None:
        """End it because its time to live is over."""
        self._require_waiting("expire")
        if not self.is_expired(at):
            raise TransitionError(self._name, "within its time to live", "expire")
        self._expired(timestamp=at)

    def die(self, reason: DeadReason, detail: str, at: datetime) -> None:
        """End it because it can never be delivered."""
        self._require_waiting("be given up as dead")
        self._dead(reason=reason, detail=detail, timestamp=at)

    def fail(self, by: str, failure: str, at: datetime) -> None:
        """Note that a handler failed; it goes on waiting."""
        self._require_waiting("be tried")
        self._attempted(by=by, failure=failure, timestamp=at)

    def give_up(self, waited_s: float, at: datetime) -> None:
        """Stop to wait for a reply; whether it was delivered makes no difference."""
        if self.message.reply_within_s is None or self.given_up:
            state = "given up" if self.given_up else "no request"
            raise TransitionError(self._name, state, "be given up")
        self._gave_up(waited_s=waited_s, timestamp=at)

    @property
    def _name(self) -> str:
        return f"Message {str(self.id)!r}"

    def _require_waiting(self, command: str) -> None:
        if self.status is not MessageStatus.WAITING:
            raise TransitionError(self._name, self.status.value, command)

    @event(Delivered)
    def _delivered(self, to_agent: str, by: str, timestamp: datetime) -> None:
        self.status = MessageStatus.DELIVERED
        self.delivered_to = to_agent
        self.delivered_by = by

    @event(Expired)
    def _expired(self, timestamp: datetime) -> None:
        self.status = MessageStatus.EXPIRED

    @event(Dead)
    def _dead(self, reason: DeadReason, detail: str, timestamp: datetime) -> None:
        self.status = MessageStatus.DEAD
        self.dead_reason = reason
        self.dead_detail = detail

    @event(Attempted)
    def _attempted(self, by: str, failure: str, timestamp: datetime) -> None:
        self.attempts.append(failure)

    @event(GivenUp)
    def _gave_up(self, waited_s: float, timestamp: datetime) -> None:
        self.given_up = True
