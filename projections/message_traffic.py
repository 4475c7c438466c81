"""Message traffic: what agents say to each other, how often, and how fast they answer.

What they say as they work on tasks is told by the events of tasks; messages are told apart from it.
"""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa

from domain.message import MessageStatus
from domain.value import Value
from projections import activity
from projections.messages import NAME as MESSAGES
from projections.messages import standing
from projections.protocol import Page, computed_at
from projections.quantiles import Quantiles, quantiles
from projections.tally import COUNT, LATENCY, Key, Tally, tally

MessageType = Literal[
    "text", "task_request", "task_accept", "escalate", "task_complete", "task_failed"
]

TYPES: dict[str, MessageType] = {
    "turn": "text",
    "delegation": "task_request",
    "task_started": "task_accept",
    "unplaced": "escalate",
    "task_completed": "task_complete",
    "task_failed": "task_failed",
}
"""Type of message by kind of activity."""

SUMS = (*COUNT, *LATENCY)

RECEIVED = ("delegation",)
"""Kinds whose agent receives the message; of all others it is the sender."""


class MessageTypeView(Value):
    """Messages of one type.

    Latency is the time to react: of a text, since somebody else spoke before; of an acceptance and
    of the end of a task, since the task was requested. Requests and escalations wait for nobody.

    Attributes:
        mean_latency_ms: milliseconds, as all latencies; None where nothing was waited for.
        p50_latency_ms: as exact as `projections.quantiles` says, as the other quantiles.
    """

    type: MessageType
    count: int
    mean_latency_ms: float | None
    p50_latency_ms: float | None
    p95_latency_ms: float | None
    p99_latency_ms: float | None


class MessagePairView(Value):
    """Messages of one type from one agent to another.

    Attributes:
        from_agent: handle, or `USER`.
        to_agent: handle, or `USER`; None when nobody is named: an escalation goes to whoever can.
        mean_latency_ms: milliseconds, as in `MessageTypeView`.
    """

    from_agent: str | None
    to_agent: str | None
    type: MessageType
    count: int
    mean_latency_ms: float | None


def message_types(
    connection: sa.Connection, *, at: int | None = None, after: int = 0
) -> Page[MessageTypeView]:
    """Give the traffic of every type of message that was sent up to a position.

    Args:
        at: position of the log; None for now.
        after: count only what happened after this position.
    """
    position, lag = computed_at(connection, activity.NAME, at=at)
    source = activity.measured(after, position)
    kind = source.columns.kind
    parts = tally(connection, source, [kind], kind.in_(TYPES), sums=SUMS)
    found = {key[0]: part for key, part in parts}
    spread = activity.spread(after, position, "latency")
    counted = spread.columns.kind
    waits = quantiles(connection, spread, counted, counted.in_(TYPES))
    items = tuple(
        _type_view(message, found[kind], waits.get(kind, Quantiles()))
        for kind, message in TYPES.items()
        if kind in found
    )
    return Page[MessageTypeView](position=position, lag=lag, items=items)


def _type_view(message: MessageType, part: Tally, wait: Quantiles) -> MessageTypeView:
    return MessageTypeView(
        type=message,
        count=part.count,
        mean_latency_ms=part.mean_latency_ms,
        p50_latency_ms=wait.median_ms,
        p95_latency_ms=wait.p95_ms,
        p99_latency_ms=wait.p99_ms,
    )


def message_pairs(
    connection: sa.Connection,
    *,
    at: int | None = None,
    after: int = 0,
    start: int = 0,
    limit: int = 100,
) -> Page[MessagePairView]:
    """Give the traffic between every two agents up to a position, most messages first.

    Args:
        at: position of the log; None for now.
        after: count only what happened after this position.
        start: `next` of the page that came before.
    """
    position, lag = computed_at(connection, activity.NAME, at=at)
    source = activity.measured(after, position)
    column = source.columns
    groups: list[sa.ColumnElement[Any]] = [column.agent, column.peer, column.kind]
    found = tally(connection, source, groups, column.kind.in_(TYPES), sums=SUMS)
    views = [_pair_view(key, part) for key, part in found]
    views.sort(
        key=lambda view: (-view.count, view.from_agent or "", view.to_agent or "", view.type)
    )
    more = start + limit < len(views)
    return Page[MessagePairView](
        position=position,
        lag=lag,
        items=tuple(views[start : start + limit]),
        next=start + limit if more else None,
    )


def _pair_view(key: Key, part: Tally) -> MessagePairView:
    agent, peer, kind = key
    sender, receiver = (peer, agent) if kind in RECEIVED else (agent, peer)
    return MessagePairView(
        from_agent=sender,
        to_agent=receiver,
        type=TYPES[kind],
        count=part.count,
        mean_latency_ms=part.mean_latency_ms,
    )


class MessageDeliveryView(Value):
    """What became of the messages of one type that were sent.

    Latency is the time from the recording of a message to that of its delivery.

    Attributes:
        waiting: how many have no end yet: `sent` = `delivered` + `expired` + `dead` + `waiting`.
        mean_latency_ms: milliseconds, as all latencies; None before the first delivery.
    """

    type: str
    sent: int
    delivered: int
    expired: int
    dead: int
    waiting: int
    mean_latency_ms: float | None
    p50_latency_ms: float | None
    p95_latency_ms: float | None
    p99_latency_ms: float | None


def message_deliveries(
    connection: sa.Connection, *, at: int | None = None, after: int = 0
) -> Page[MessageDeliveryView]:
    """Tell what became of the messages of every type that were sent up to a position.

    Args:
        at: position of the log; None for now.
        after: only messages that were sent after this position.
    """
    position, lag = computed_at(connection, MESSAGES, at=at)
    column = standing(after, position).columns
    count = sa.func.count
    delivered = column.status == MessageStatus.DELIVERED.value

    def spread(share: float) -> sa.ColumnElement[Any]:
        ordered = sa.func.percentile_cont(share).within_group(column.latency_ms)
        return ordered.filter(delivered)

    query = (
        sa.select(
            column.type,
            count().label("sent"),
            *(
                count().filter(column.status == each.value).label(each.value)
                for each in MessageStatus
            ),
            sa.func.avg(column.latency_ms).filter(delivered).label("mean_latency_ms"),
            *(spread(n / 100).label(f"p{n}_latency_ms") for n in (50, 95, 99)),
        )
        .group_by(column.type)
        .order_by(column.type)
    )
    found = [MessageDeliveryView(**row) for row in connection.execute(query).mappings()]
    return Page[MessageDeliveryView](position=position, lag=lag, items=tuple(found))
