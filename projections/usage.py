"""Usage: tokens and cost of the answers of models, by agent, department, model, session or day."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

import sqlalchemy as sa

from domain.value import Value
from projections import activity
from projections.protocol import Page, computed_at
from projections.session_list import NAME as SESSION_LIST
from projections.session_list import sessions
from projections.tally import COST, COUNT, DURATION, TOKENS, Key, Tally, tally

Dimension = Literal["agent", "department", "model", "session", "day"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
COLUMNS: dict[Dimension, str] = {
    "agent": "agent",
    "department": "department",
    "model": "name",
    "session": "session_id",
    "day": "day",
}
"""Column of the facts by dimension."""

ANSWER = "model_answer"
SUMS = (*COUNT, *DURATION, *TOKENS, *COST)


class UsageView(Value):
    """What answers of models took.

    Attributes:
        group: what it is the usage of, by dimension: an agent's handle, a department's key (None
            for agents of no department), a model as the provider names it, a session's id, or a
            day in UTC as ISO 8601.
        input_tokens: without those that were read from or written to the provider's cache.
        cost_usd: US dollars; None when no answer had a price.
        unpriced: answers whose price is not known.
        duration_ms: milliseconds the answers took, added up.
    """

    group: dict[Dimension, str | None]
    answers: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: Decimal | None
    unpriced: int
    duration_ms: float


def usage(  # noqa: PLR0913 - choices, all by keyword
    connection: sa.Connection,
    by: Sequence[Dimension] = ("agent",),
    *,
    at: int | None = None,
    after: int = 0,
    start: int = 0,
    limit: int = 100,
) -> Page[UsageView]:
    """Give what answers of models took up to a position.

    Sessions come newest first, days oldest first, and whatever else by tokens, most first.

    Args:
        by: dimensions; at least one.
        at: position of the log; None for now.
        after: count only what happened after this position.
        start: `next` of the page that came before.
        limit: groups on a page; with sessions among the dimensions, sessions on it.
    """
    if "session" in by:
        return _by_session(connection, by, at, after, start, limit)
    position, lag = computed_at(connection, activity.NAME, at=at)
    if "day" in by:
        source = activity.by_day(connection, after, position)
    else:
        source = activity.measured(after, position)
    column = source.columns
    groups = [column[COLUMNS[dimension]] for dimension in by]
    found = tally(connection, source, groups, column.kind == ANSWER, sums=SUMS)
    found.sort(key=lambda entry: _order(by, *entry))
    views = [_view(by, key, part) for key, part in found[start : start + limit]]
    more = start + limit < len(found)
    return Page[UsageView](
        position=position, lag=lag, items=tuple(views), next=start + limit if more else None
    )


def _order(by: Sequence[Dimension], key: Key, part: Tally) -> Any:
    day = key[by.index("day")].isoformat() if "day" in by else ""
    return day, -part.context_tokens - part.output_tokens, [(each is None, each) for each in key]


def _view(by: Sequence[Dimension], key: Key, part: Tally) -> UsageView:
    group = {
        dimension: None if value is None else str(value)
        for dimension, value in zip(by, key, strict=True)
    }
    return UsageView(
        group=group,
        answers=part.count,
        input_tokens=part.input_tokens,
        output_tokens=part.output_tokens,
        cache_read_tokens=part.cache_read_tokens,
        cache_write_tokens=part.cache_write_tokens,
        cost_usd=part.cost_usd,
        unpriced=part.count - part.priced,
        duration_ms=part.duration_ms,
    )


def _by_session(  # noqa: PLR0913, PLR0917 - as `usage`
    connection: sa.Connection,
    by: Sequence[Dimension],
    at: int | None,
    after: int,
    start: int,
    limit: int,
) -> Page[UsageView]:
    """Page through sessions in which a model answered, and sum up those on the page."""
    position, lag = computed_at(connection, activity.NAME, SESSION_LIST, at=at)
    fact, session = activity.activity.columns, sessions.columns
    answered = (fact.kind == ANSWER) & (fact.position > after) & (fact.position <= position)
    page = (
        sa.select(session.session_id, session.position)
        .where(session.position <= position)
        .where(sa.exists().where((fact.session_id == session.session_id) & answered))
        .order_by(session.position.desc())
        .limit(limit + 1)
    )
    if start:
        page = page.where(session.position < start)
    opened: dict[UUID, int] = {row[0]: row[1] for row in connection.execute(page)}
    shown = list(opened)[:limit]
    source = _as_measured(
        sa.select(activity.activity).where(
            fact.session_id == sa.any_(sa.cast(shown, sa.ARRAY(sa.Uuid))), answered
        )
    )
    column = source.columns
    groups = [column[COLUMNS[dimension]] for dimension in by]
    found = tally(connection, source, groups, sums=SUMS)
    place = by.index("session")
    found.sort(key=lambda entry: (-opened[entry[0][place]], _order(by, *entry)))
    return Page[UsageView](
        position=position,
        lag=lag,
        items=tuple(_view(by, key, part) for key, part in found),
        next=opened[shown[-1]] if len(opened) > limit else None,
    )


def _as_measured(facts: sa.Select[Any]) -> sa.CTE:
    """Give single facts the columns that sums of facts have."""
    fact = facts.subquery().columns
    return sa.select(
        *(fact[name] for name in ("session_id", "agent", "department", "name", *TOKENS)),
        sa.cast(sa.func.timezone("UTC", fact.recorded_at), sa.Date).label("day"),
        sa.literal(1, sa.BigInteger).label("count"),
        _present(fact.duration_ms).label("durations"),
        fact.duration_ms,
        _present(fact.cost_usd).label("priced"),
        fact.cost_usd,
    ).cte("facts")


def _present(column: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return sa.cast(sa.case((column.is_(None), 0), else_=1), sa.BigInteger)
