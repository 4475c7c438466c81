"""Agent statistics: what each agent was given, did, spent and how long it took."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from domain.conversation import USER
from domain.value import Value
from projections import activity
from projections.protocol import Page, computed_at
from projections.quantiles import Quantiles, quantiles
from projections.tally import Tallies, by_kind, tally
from projections.work import SUMS, TRIED, USED, work_figures


class AgentStatisticsView(Value):
    """One agent's figures.

    Attributes:
        interactions: how often others turned to it: delegations it received and turns it heard.
        memory_turns: turns of its conversations, those it heard and its own.
        model_calls: attempts, repeated ones included.
        input_tokens: without those that were read from or written to the provider's cache.
        cost_usd: US dollars; None when no answer had a price.
        busy_ms: milliseconds its model and tool calls took, added up.
        mean_duration_ms: mean milliseconds from taking up a task to its completion or failure;
            None before the first.
        median_duration_ms: half of these tasks took no longer, and 95 % no longer than
            `p95_duration_ms`; as exact as `projections.quantiles` says.
        success_rate: completed out of completed and failed tasks, 0 to 1; None before the first.
        last_used: time of recording of the newest event that counts.
    """

    agent: str
    interactions: int
    memory_turns: int
    delegations_received: int
    tasks_completed: int
    tasks_failed: int
    tasks_cancelled: int
    model_calls: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: Decimal | None
    busy_ms: float
    mean_duration_ms: float | None
    median_duration_ms: float | None
    p95_duration_ms: float | None
    success_rate: float | None
    last_used: datetime

    def idle(self, now: datetime) -> timedelta:
        """Tell how long before a moment it was last used."""
        return now - self.last_used


def agent_statistics(
    connection: sa.Connection, *, at: int | None = None, after: int = 0, agent: str | None = None
) -> Page[AgentStatisticsView]:
    """Give the figures of all agents that were used up to a position, in order of handle.

    Args:
        at: position of the log; None for now.
        after: count only what happened after this position.
        agent: only the agent of this handle.
    """
    position, lag = computed_at(connection, activity.NAME, at=at)
    figures, heard = _tallies(connection, after, position, agent)
    took = _durations(connection, after, position, agent)
    items = tuple(
        _view(handle, tallies, heard[handle], took.get(handle, Quantiles()))
        for handle, tallies in sorted(figures.items())
        if handle != USER and agent in (None, handle)
    )
    return Page[AgentStatisticsView](position=position, lag=lag, items=items)


def _tallies(
    connection: sa.Connection, after: int, until: int, agent: str | None
) -> tuple[dict[str, Tallies], Counter[str]]:
    """Give tallies by agent and kind, and how many turns each agent heard."""
    source = activity.measured(after, until)
    column = source.columns
    said_to = sa.case((column.kind == "turn", column.peer))
    conditions: list[sa.ColumnElement[bool]] = [column.kind.in_(USED), column.agent.is_not(None)]
    if agent is not None:
        conditions.append(sa.or_(column.agent == agent, said_to == agent))
    groups = (column.agent, column.kind, said_to)
    found = tally(connection, source, groups, *conditions, sums=SUMS)
    heard: Counter[str] = Counter()
    for (_, _, hearer), part in found:
        if hearer is not None:
            heard[hearer] += part.count
    return by_kind(found), heard


def _durations(
    connection: sa.Connection, after: int, until: int, agent: str | None
) -> dict[Any, Quantiles]:
    source = activity.spread(after, until, "duration")
    column = source.columns
    conditions: list[sa.ColumnElement[bool]] = [column.kind.in_(TRIED)]
    if agent is not None:
        conditions.append(column.agent == agent)
    return quantiles(connection, source, column.agent, *conditions)


def _view(handle: str, tallies: Tallies, heard: int, took: Quantiles) -> AgentStatisticsView:
    return AgentStatisticsView(
        agent=handle,
        interactions=tallies.number("delegation") + heard,
        memory_turns=tallies.number("turn") + heard,
        median_duration_ms=took.median_ms,
        p95_duration_ms=took.p95_ms,
        **work_figures(tallies),
    )
