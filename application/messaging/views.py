"""Views of messaging: what the doors are told."""

from __future__ import annotations

from uuid import UUID

from domain.message import DeadReason, Delivery, Message, MessageStatus
from domain.value import Value


class SentView(Value):
    """A message that was sent.

    Attributes:
        position: where it stands in the log.
        duplicate: whether it had been sent before, and was not sent again.
        dead: why it will never be delivered; None when it waits for its recipient.
    """

    message_id: UUID
    position: int
    duplicate: bool = False
    dead: DeadReason | None = None


class MessageView(Value):
    """A message and what became of it.

    Attributes:
        message: with its content as it was written.
        was_packed: whether the log holds its content compressed.
        delivered_by: the process that handed it over.
        attempts: why handlers could not deal with it, oldest first.
        given_up: whether its sender stopped to wait for a reply.
    """

    message: Message
    position: int
    status: MessageStatus
    was_packed: bool
    delivered_to: str | None
    delivered_by: str | None
    dead_reason: DeadReason | None
    dead_detail: str
    attempts: tuple[str, ...]
    given_up: bool


class PublicationView(Value):
    """Something that was published.

    Attributes:
        subscribers: who had subscribed, in order.
        duplicate: whether it had been published before, and was not again.
    """

    publication_id: UUID
    topic: str
    position: int
    subscribers: tuple[str, ...]
    duplicate: bool = False


class SubscriptionView(Value):
    """An agent's subscription.

    Attributes:
        position: of the event since which it holds.
    """

    agent: str
    pattern: str
    position: int


class StepView(Value):
    """One handler's part in a chain of responsibility.

    Attributes:
        request_id: the message that asked.
        reply_id: the message that answered; None when nobody did in time.
    """

    agent: str
    accepted: bool
    reason: str
    request_id: UUID
    reply_id: UUID | None = None


class ChainView(Value):
    """How a message went along a chain of responsibility.

    Attributes:
        accepted_by: who took it on; None when nobody did.
        reply: the answer of who did.
    """

    accepted_by: str | None
    reply: Message | None
    steps: tuple[StepView, ...]


def message_view(delivery: Delivery, position: int) -> MessageView:
    """Tell of a message and what became of it.

    Args:
        position: where it was sent.
    """
    return MessageView(
        message=delivery.message.unpack(),
        position=position,
        status=delivery.status,
        was_packed=bool(delivery.message.packed),
        delivered_to=delivery.delivered_to,
        delivered_by=delivery.delivered_by,
        dead_reason=delivery.dead_reason,
        dead_detail=delivery.dead_detail,
        attempts=tuple(delivery.attempts),
        given_up=delivery.given_up,
    )
