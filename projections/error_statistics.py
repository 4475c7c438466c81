"""Error statistics: what went wrong, how often, for whom, and when it was first and last seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from domain.value import Value
from projections import activity
from projections.protocol import Page, computed_at
from projections.tally import COUNT, FIRST, LAST, Key, Tally, tally

Aspect = Literal["kind", "error", "agent", "name"]
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)

KINDS = ("model_failure", "answer_rejected", "tool_failure", "task_failed", "session_failed")
SUMS = (*COUNT, *FIRST, *LAST)
REJECTED = "rejected_answer"
"""Type of error of an answer that breaks a schema or a rule, for which models have no word."""


class ErrorStatisticsView(Value):
    """Errors of one type.

    Fields of what was not asked for are None.

    Attributes:
        kind: what failed: `model_failure` (one attempt), `answer_rejected`, `tool_failure`,
            `task_failed` or `session_failed`.
        error: type of the error, a `domain.effect.FailureKind`, or `rejected_answer`.
        agent: for whom; None for a session too.
        name: the model or tool; None for a task or a session too.
        first_seen: time of recording.
        last_seen: time of recording.
    """

    kind: str | None
    error: str | None
    agent: str | None
    name: str | None
    count: int
    first_seen: datetime
    last_seen: datetime


def error_statistics(  # noqa: PLR0913 - choices, all by keyword
    connection: sa.Connection,
    by: Sequence[Aspect] = ("kind", "error"),
    *,
    at: int | None = None,
    after: int = 0,
    start: int = 0,
    limit: int = 100,
) -> Page[ErrorStatisticsView]:
    """Count errors up to a position, most frequent first.

    Args:
        by: what to tell apart.
        at: position of the log; None for now.
        after: count only what happened after this position.
        start: `next` of the page that came before.
    """
    position, lag = computed_at(connection, activity.NAME, at=at)
    source = activity.measured(after, position)
    column = source.columns
    groups = [_group(column, aspect) for aspect in by]
    found = tally(connection, source, groups, column.kind.in_(KINDS), sums=SUMS)
    views = error_views(by, found)
    more = start + limit < len(views)
    return Page[ErrorStatisticsView](
        position=position,
        lag=lag,
        items=views[start : start + limit],
        next=start + limit if more else None,
    )


def error_views(
    by: Sequence[Aspect], found: Iterable[tuple[Key, Tally]]
) -> tuple[ErrorStatisticsView, ...]:
    """Show tallies of errors, most frequent first."""
    in_order = sorted(
        found, key=lambda entry: (-entry[1].count, [(part is None, part) for part in entry[0]])
    )
    nothing: dict[str, Any] = dict.fromkeys(ASPECTS)
    return tuple(
        ErrorStatisticsView(
            **nothing | dict(zip(by, key, strict=True)),
            count=part.count,
            first_seen=part.first_seen,
            last_seen=part.last_seen,
        )
        for key, part in in_order
    )


def _group(column: Any, aspect: Aspect) -> sa.ColumnElement[Any]:
    if aspect == "error":
        return sa.case((column.kind == "answer_rejected", REJECTED), else_=column.error)
    grouped: sa.ColumnElement[Any] = column[aspect]
    return grouped
