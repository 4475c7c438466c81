"""Collaboration: what agents did since they joined a team, and who had tasks in one session.

Sessions that are what-ifs do not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from projections.activity import activity
from projections.session_list import runs, sessions
from projections.work import ENDED, TRIED

MOST_SESSIONS = 20_000
"""Sessions that are looked into for who worked with whom; the newest."""


class WorkDone(NamedTuple):
    """What an agent did.

    Attributes:
        mean_ms: milliseconds that a task took on average; None without one that ended.
        load: tasks under way in sessions that run.
    """

    completed: int
    failed: int
    mean_ms: float | None
    load: int


def work_done(
    connection: sa.Connection, since: Mapping[str, int], until: int
) -> dict[str, WorkDone]:
    """Tell what agents did up to a position, each after one of its own.

    Args:
        since: position by handle.
    """
    if not since:
        return {}
    fact = activity.columns
    ended = connection.execute(
        sa.select(
            fact.agent,
            sa.func.count().filter(fact.kind == "task_completed").label("completed"),
            sa.func.count().filter(fact.kind == "task_failed").label("failed"),
            sa.func.avg(fact.duration_ms).label("mean_ms"),
        )
        .where(fact.kind.in_(TRIED), fact.position <= until, _joined(since))
        .group_by(fact.agent)
    )
    figures = {row.agent: row for row in ended}
    load = _load(connection, tuple(since), until)
    return {
        handle: WorkDone(
            completed=figures[handle].completed if handle in figures else 0,
            failed=figures[handle].failed if handle in figures else 0,
            mean_ms=figures[handle].mean_ms if handle in figures else None,
            load=load.get(handle, 0),
        )
        for handle in since
    }


def worked_together(connection: sa.Connection, until: int) -> dict[tuple[str, str], int]:
    """Count the sessions in which two agents both completed tasks, by their handles in order."""
    newest = (
        sa.select(sessions.columns.session_id)
        .where(sessions.columns.position <= until, ~sessions.columns.what_if)
        .order_by(sessions.columns.position.desc())
        .limit(MOST_SESSIONS)
    )
    fact = activity.columns
    took_part = (
        sa.select(fact.session_id, fact.agent)
        .where(fact.kind == "task_completed", fact.position <= until, fact.session_id.in_(newest))
        .distinct()
        .cte("took_part")
    )
    one, other = took_part.alias("one"), took_part.alias("other")
    rows = connection.execute(
        sa.select(one.columns.agent, other.columns.agent, sa.func.count())
        .join_from(
            one,
            other,
            (one.columns.session_id == other.columns.session_id)
            & (one.columns.agent.collate("C") < other.columns.agent.collate("C")),
        )
        .group_by(one.columns.agent, other.columns.agent)
    )
    return {(first, second): times for first, second, times in rows}


def _joined(since: Mapping[str, int]) -> sa.ColumnElement[bool]:
    """Match what agents did after positions of their own."""
    fact = activity.columns
    positions: dict[int, list[str]] = {}
    for handle, position in since.items():
        positions.setdefault(position, []).append(handle)
    return sa.or_(
        *(
            fact.agent.in_(handles) & (fact.position > position)
            for position, handles in sorted(positions.items())
        )
    )


def _load(connection: sa.Connection, handles: tuple[str, ...], until: int) -> dict[str, int]:
    fact = activity.columns
    running = sa.select(sessions.columns.session_id).where(
        sessions.columns.position <= until, ~sessions.columns.what_if, runs(until)
    )
    open_tasks: Any = sa.func.count().filter(fact.kind == "task_started") - sa.func.count().filter(
        fact.kind.in_(ENDED)
    )
    rows = connection.execute(
        sa.select(fact.agent, open_tasks.label("load"))
        .where(
            fact.kind.in_(("task_started", *ENDED)),
            fact.agent.in_(handles),
            fact.position <= until,
            fact.session_id.in_(running),
        )
        .group_by(fact.agent)
    )
    return {row.agent: max(0, row.load) for row in rows}
