"""Messages: what was sent, and what became of it; none of what was said in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from domain.event import RecordedEvent
from domain.message import DeadReason, Delivery, MessageStatus, MessageType
from domain.priority import Priority
from domain.value import Value
from projections.protocol import Batch, Page, Projection, computed_at, metadata

NAME = "messages"

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("message_id", sa.Uuid, nullable=False),
    sa.Column("conversation_id", sa.Uuid, nullable=False),
    sa.Column("parent_id", sa.Uuid),
    sa.Column("session_id", sa.Uuid),
    sa.Column("from_agent", sa.Text, nullable=False),
    sa.Column("to_agent", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("priority", sa.Text, nullable=False),
    sa.Column("topic", sa.Text),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True)),
    sa.Column("token_budget", sa.BigInteger),
    sa.Column("tokens_used", sa.BigInteger, nullable=False),
    sa.Index("messages_by_id", "message_id"),
    sa.Index("messages_by_recipient", "to_agent", "position"),
    sa.Index("messages_by_conversation", "conversation_id", "position"),
    comment="Every message that was sent.",
)

message_ends = sa.Table(
    "message_ends",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("message_id", sa.Uuid, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("delivered_by", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Index("message_ends_by_id", "message_id"),
    comment="How each message ended: delivered, expired or dead; what has no row waits.",
)

_LARGEST = 2**63 - 1


class MessageSummaryView(Value):
    """A message, without what it says.

    Attributes:
        sent_at: time in the domain.
        ended_at: time at which its end was recorded; None while it waits.
        latency_ms: milliseconds from the recording of the message to that of its end.
        reason: why it is dead.
    """

    position: int
    message_id: UUID
    conversation_id: UUID
    parent_id: UUID | None
    session_id: UUID | None
    from_agent: str
    to_agent: str
    type: MessageType
    priority: Priority
    topic: str | None
    attempt: int
    sent_at: datetime
    expires_at: datetime | None
    token_budget: int | None
    tokens_used: int
    status: MessageStatus
    ended_at: datetime | None
    delivered_by: str | None
    reason: DeadReason | None
    latency_ms: float | None


class MessageFilter(Value):
    """Which messages are asked for; what is None does not matter.

    Attributes:
        agent: sent by or to this agent.
        statuses: what became of them; all when empty.
    """

    agent: str | None = None
    from_agent: str | None = None
    to_agent: str | None = None
    conversation_id: UUID | None = None
    session_id: UUID | None = None
    type: MessageType | None = None
    priority: Priority | None = None
    topic: str | None = None
    statuses: tuple[MessageStatus, ...] = ()


class QueueView(Value):
    """The inbox of an agent.

    Attributes:
        urgent: how many messages of this priority wait, as `high`, `normal` and `low`.
        oldest_sent_at: when the one that waits longest was sent; None when none waits.
        delivered: how many were delivered so far; `expired` and `dead` likewise.
    """

    agent: str
    waiting: int
    urgent: int
    high: int
    normal: int
    low: int
    oldest_sent_at: datetime | None
    delivered: int
    expired: int
    dead: int


class TopicView(Value):
    """A topic that was published on.

    Attributes:
        messages: messages by which subscribers got it.
        waiting: how many of them wait.
        last_published_at: time of recording.
    """

    topic: str
    messages: int
    waiting: int
    last_published_at: datetime


def _sent(batch: Batch, recorded: RecordedEvent) -> None:
    event: Any = recorded.event
    message = event.message
    batch.add(
        messages,
        recorded,
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        parent_id=message.parent_id,
        session_id=message.session_id,
        from_agent=message.from_agent,
        to_agent=message.to_agent,
        type=message.type.value,
        priority=message.priority.value,
        topic=message.topic,
        attempt=message.attempt,
        sent_at=message.sent_at,
        expires_at=message.expires_at,
        token_budget=_storable(message.token_budget),
        tokens_used=_storable(message.tokens_used),
    )


def _storable(number: int | None) -> int | None:
    return None if number is None else min(number, _LARGEST)


def _ended(status: MessageStatus) -> Any:
    def end(batch: Batch, recorded: RecordedEvent) -> None:
        event: Any = recorded.event
        reason = event.reason.value if status is MessageStatus.DEAD else None
        batch.add(
            message_ends,
            recorded,
            message_id=event.originator_id,
            status=status.value,
            delivered_by=event.by if status is MessageStatus.DELIVERED else None,
            reason=reason,
        )

    return end


MESSAGES = Projection(
    name=NAME,
    version=1,
    tables=(messages, message_ends),
    handlers={
        Delivery.Created.TOPIC: _sent,
        Delivery.Delivered.TOPIC: _ended(MessageStatus.DELIVERED),
        Delivery.Expired.TOPIC: _ended(MessageStatus.EXPIRED),
        Delivery.Dead.TOPIC: _ended(MessageStatus.DEAD),
    },
    holds_words=False,
)


def standing(after: int, position: int) -> sa.CTE:
    """Give the messages sent at `after < position <= ...`, as they stand at a position."""
    sent, end = messages.columns, message_ends.columns
    apart = sa.func.extract("epoch", end.recorded_at - sent.recorded_at)
    return (
        sa.select(
            *messages.columns,
            sa.func.coalesce(end.status, MessageStatus.WAITING.value).label("status"),
            end.recorded_at.label("ended_at"),
            end.delivered_by,
            end.reason,
            sa.cast(1000 * apart, sa.Float).label("latency_ms"),
        )
        .select_from(
            messages.outerjoin(
                message_ends,
                sa.and_(end.message_id == sent.message_id, end.position <= position),
            )
        )
        .where(sent.position > after, sent.position <= position)
        .cte("standing")
    )


def list_messages(
    connection: sa.Connection,
    wanted: MessageFilter,
    *,
    at: int | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Page[MessageSummaryView]:
    """List messages as they stand at a position, newest first.

    Args:
        at: position of the log; None for now.
        before: `next` of the page that came before.
    """
    position, lag = computed_at(connection, NAME, at=at)
    source = standing(0, position)
    column = source.columns
    same = wanted.model_dump(exclude={"agent", "statuses"}, exclude_none=True)
    query = (
        sa.select(*(column[name] for name in MessageSummaryView.model_fields))
        .where(*(column[name] == value for name, value in same.items()))
        .order_by(column.position.desc())
        .limit(limit + 1)
    )
    if wanted.agent is not None:
        query = query.where(
            sa.or_(column.from_agent == wanted.agent, column.to_agent == wanted.agent)
        )
    if wanted.statuses:
        query = query.where(column.status.in_([each.value for each in wanted.statuses]))
    if before is not None:
        query = query.where(column.position < before)
    found = [MessageSummaryView(**row) for row in connection.execute(query).mappings()]
    more = len(found) > limit
    return Page[MessageSummaryView](
        position=position,
        lag=lag,
        items=tuple(found[:limit]),
        next=found[limit - 1].position if more else None,
    )


def list_queues(connection: sa.Connection, *, at: int | None = None) -> Page[QueueView]:
    """Tell what waits for each agent that was sent anything up to a position, most first."""
    position, lag = computed_at(connection, NAME, at=at)
    column = standing(0, position).columns
    waits = column.status == MessageStatus.WAITING.value
    count = sa.func.count
    query = sa.select(
        column.to_agent.label("agent"),
        count().filter(waits).label("waiting"),
        *(
            count().filter(waits, column.priority == each.value).label(each.value)
            for each in Priority
        ),
        sa.func.min(column.sent_at).filter(waits).label("oldest_sent_at"),
        *(
            count().filter(column.status == each.value).label(each.value)
            for each in MessageStatus
            if each is not MessageStatus.WAITING
        ),
    ).group_by(column.to_agent)
    found = [QueueView(**row) for row in connection.execute(query).mappings()]
    found.sort(key=lambda view: (-view.waiting, view.agent))
    return Page[QueueView](position=position, lag=lag, items=tuple(found))


def list_topics(connection: sa.Connection, *, at: int | None = None) -> Page[TopicView]:
    """List the topics that reached anybody up to a position, by name."""
    position, lag = computed_at(connection, NAME, at=at)
    column = standing(0, position).columns
    waits = column.status == MessageStatus.WAITING.value
    query = (
        sa.select(
            column.topic,
            sa.func.count().label("messages"),
            sa.func.count().filter(waits).label("waiting"),
            sa.func.max(column.recorded_at).label("last_published_at"),
        )
        .where(column.topic.is_not(None))
        .group_by(column.topic)
        .order_by(column.topic)
    )
    found = [TopicView(**row) for row in connection.execute(query).mappings()]
    return Page[TopicView](position=position, lag=lag, items=tuple(found))


def settled_until(connection: sa.Connection) -> int:
    """Tell a position up to which every message that was sent has come to its end.

    It holds for ever, however far behind the read model is, because no end is ever taken back.
    """
    position, _ = computed_at(connection, NAME)
    sent, end = messages.columns, message_ends.columns
    ended = sa.select(end.message_id).where(end.message_id == sent.message_id).exists()
    oldest = connection.scalar(sa.select(sa.func.min(sent.position)).where(~ended))
    return position if oldest is None else oldest - 1
