"""Department statistics: what the agents of each department were given, did and spent."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from domain.conversation import USER
from domain.value import Value
from projections import activity
from projections.protocol import Page, computed_at
from projections.quantiles import Quantiles, quantiles
from projections.tally import Key, Tally, by_kind, tally
from projections.work import SUMS, TRIED, USED, work_figures


class DepartmentStatisticsView(Value):
    """The figures of one department, added up over whoever belonged to it at the time.

    Attributes:
        department: key; None for agents of no department.
        agents: how many agents were used.
        model_calls: attempts, repeated ones included.
        input_tokens: without those that were read from or written to the provider's cache.
        cost_usd: US dollars; None when no answer had a price.
        busy_ms: milliseconds model and tool calls took, added up.
        mean_duration_ms: mean milliseconds from taking up a task to its completion or failure;
            None before the first.
        median_duration_ms: half of these tasks took no longer, and 95 % no longer than
            `p95_duration_ms`; as exact as `projections.quantiles` says.
        success_rate: completed out of completed and failed tasks, 0 to 1; None before the first.
        last_used: time of recording of the newest event that counts.
    """

    department: str | None
    agents: int
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


def department_statistics(
    connection: sa.Connection, *, at: int | None = None, after: int = 0
) -> Page[DepartmentStatisticsView]:
    """Give the figures of all departments that were used up to a position, in order of key.

    Agents of no department come last.

    Args:
        at: position of the log; None for now.
        after: count only what happened after this position.
    """
    position, lag = computed_at(connection, activity.NAME, at=at)
    found = _found(connection, after, position)
    spread = activity.spread(after, position, "duration")
    column = spread.columns
    took = quantiles(connection, spread, column.department, column.kind.in_(TRIED))
    tallies = by_kind(found)
    agents: dict[Any, set[str]] = {}
    for (department, _, agent), _ in found:
        agents.setdefault(department, set()).add(agent)
    items = []
    for department in sorted(tallies, key=lambda key: (key is None, key)):
        middle = took.get(department, Quantiles())
        items.append(
            DepartmentStatisticsView(
                department=department,
                agents=len(agents[department]),
                median_duration_ms=middle.median_ms,
                p95_duration_ms=middle.p95_ms,
                **work_figures(tallies[department]),
            )
        )
    return Page[DepartmentStatisticsView](position=position, lag=lag, items=tuple(items))


def _found(connection: sa.Connection, after: int, until: int) -> list[tuple[Key, Tally]]:
    source = activity.measured(after, until)
    column = source.columns
    groups = (column.department, column.kind, column.agent)
    used = (column.kind.in_(USED), column.agent != USER)
    return tally(connection, source, groups, *used, sums=SUMS)
