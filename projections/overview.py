"""Overview: what a report shows beside the statistics: days, decisions, costly sessions."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from domain.session import SessionStatus
from domain.value import Value
from projections import activity, delegation_audit, lineage, session_list
from projections.activity import by_day
from projections.delegation_audit import delegations
from projections.lineage import session_turnings
from projections.protocol import Page, computed_at
from projections.session_list import session_states, sessions, states


class SessionDayView(Value):
    """How many sessions ended so, or were opened, on a day (UTC).

    Attributes:
        event: a status in which sessions end, or `opened`, `forked` or `rewound`.
    """

    day: date
    event: str
    count: int


class StrategyView(Value):
    """Decisions of one routing strategy.

    Attributes:
        unplaced: decisions that found nobody.
        mean_confidence: of those that found somebody, 0 to 1; None when none did.
        mean_candidates: how many agents were considered.
    """

    strategy: str
    decisions: int
    unplaced: int
    mean_confidence: float | None
    mean_candidates: float


class SessionCostView(Value):
    """What the answers of models took in one session.

    Attributes:
        tokens: in, cached ones included, and out.
        cost_usd: US dollars; None when no answer had a price.
    """

    session_id: UUID
    request: str
    status: SessionStatus
    opened_at: datetime
    answers: int
    tokens: int
    cost_usd: Decimal | None


def session_days(
    connection: sa.Connection, *, at: int | None = None, after: int = 0
) -> Page[SessionDayView]:
    """Count sessions by the day (UTC) on which they began, were rewound, and ended.

    Args:
        at: position of the log; None for now.
        after: count only what happened after this position.
    """
    position, lag = computed_at(connection, activity.NAME, at=at)
    column = by_day(connection, after, position).columns
    events = (
        *("opened", "forked", "rewound"),
        *(each.value for each in SessionStatus if each is not SessionStatus.RUNNING),
    )
    count = sa.cast(sa.func.sum(column.count), sa.BigInteger)
    query = (
        sa.select(column.day, column.kind, count)
        .where(column.kind.in_([f"session_{event}" for event in events]))
        .group_by(column.day, column.kind)
        .order_by(column.day, column.kind)
    )
    return Page[SessionDayView](
        position=position,
        lag=lag,
        items=tuple(
            SessionDayView(day=day, event=kind.removeprefix("session_"), count=number)
            for day, kind, number in connection.execute(query)
        ),
    )


def strategies(
    connection: sa.Connection, *, at: int | None = None, after: int = 0
) -> Page[StrategyView]:
    """Sum up decisions on delegations by strategy, most decisions first.

    Args:
        at: position of the log; None for now.
        after: count only what happened after this position.
    """
    position, lag = computed_at(connection, delegation_audit.NAME, at=at)
    column = delegations.columns
    placed = column.to_agent.is_not(None)
    number = sa.func.count()
    query = (
        sa.select(
            column.strategy,
            number.label("decisions"),
            sa.func.count().filter(~placed).label("unplaced"),
            sa.func.avg(column.confidence).filter(placed).label("mean_confidence"),
            sa.cast(sa.func.avg(sa.func.jsonb_array_length(column.candidates)), sa.Double).label(
                "mean_candidates"
            ),
        )
        .where(column.position > after, column.position <= position, ~column.what_if)
        .group_by(column.strategy)
        .order_by(number.desc(), column.strategy)
    )
    return Page[StrategyView](
        position=position,
        lag=lag,
        items=tuple(StrategyView(**row) for row in connection.execute(query).mappings()),
    )


def costliest_sessions(
    connection: sa.Connection, *, at: int | None = None, after: int = 0, limit: int = 10
) -> Page[SessionCostView]:
    """Give the sessions whose answers cost most; those without a price by tokens.

    Args:
        at: position of the log; None for now.
        after: count only what happened after this position.
    """
    names = (activity.NAME, session_list.NAME, lineage.NAME)
    position, lag = computed_at(connection, *names, at=at)
    whole = _costliest_ended(position, after, limit).subquery()
    parts = _costs_of_running(position, after).subquery()
    either = sa.union_all(sa.select(whole), sa.select(parts)).subquery()
    column = either.columns
    top = (
        sa.select(either)
        .order_by(column.cost_usd.desc().nulls_last(), column.tokens.desc(), column.session_id)
        .limit(limit)
        .subquery()
    )
    taken, opened, state = top.columns, sessions.columns, states(position)
    query = (
        sa.select(
            top,
            opened.request,
            opened.recorded_at.label("opened_at"),
            sa.func.coalesce(state.columns.status, SessionStatus.RUNNING.value).label("status"),
        )
        .join_from(top, sessions, opened.session_id == taken.session_id)
        .outerjoin(state, state.columns.session_id == taken.session_id)
        .order_by(taken.cost_usd.desc().nulls_last(), taken.tokens.desc(), taken.session_id)
    )
    return Page[SessionCostView](
        position=position,
        lag=lag,
        items=tuple(SessionCostView(**row) for row in connection.execute(query).mappings()),
    )


def _costliest_ended(position: int, after: int, limit: int) -> sa.Select[Any]:
    """Select the costliest of the sessions that lie in a range from beginning to end.

    One that was rewound may have gone on after its end, and is summed up elsewhere.
    """
    column = activity.activity_sessions.columns
    return (
        sa.select(column.session_id, column.answers, column.tokens, column.cost_usd)
        .where(column.opened_position > after, column.position <= position, column.answers > 0)
        .where(~_rewound(column.session_id, position))
        .order_by(column.cost_usd.desc().nulls_last(), column.tokens.desc(), column.session_id)
        .limit(limit)
    )


def _costs_of_running(position: int, after: int) -> sa.Select[Any]:
    """Sum up what those sessions took in a range that ran at one of its ends or were rewound."""
    fact, opened, ended = activity.activity.columns, sessions.columns, session_states.columns
    begun_before = sa.and_(opened.position <= after, ended.position > after)
    first_end = (ended.session_id == opened.session_id) & ended.replaces.is_(None)
    running = (
        sa.select(opened.session_id)
        .outerjoin_from(sessions, session_states, first_end)
        .where(
            opened.position <= position,
            ~opened.what_if,
            sa.or_(
                ended.position.is_(None),
                ended.position > position,
                begun_before,
                _rewound(opened.session_id, position),
            ),
        )
    )
    tokens = [sa.func.coalesce(sa.func.sum(fact[name]), 0) for name in activity.TOKENS]
    return (
        sa.select(
            fact.session_id,
            sa.func.count().label("answers"),
            sa.cast(sum(tokens, sa.literal(0)), sa.BigInteger).label("tokens"),
            sa.func.sum(fact.cost_usd).label("cost_usd"),
        )
        .where(
            fact.session_id.in_(running),
            fact.kind == "model_answer",
            fact.position > after,
            fact.position <= position,
        )
        .group_by(fact.session_id)
    )


def _rewound(session_id: sa.ColumnElement[Any], position: int) -> sa.ColumnElement[bool]:
    turning = session_turnings.columns
    return sa.exists().where(
        turning.session_id == session_id,
        turning.kind == "rewound",
        turning.position <= position,
    )
