"""Busy time: how long each agent was at work within a stretch of the log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from projections.clock import Stretch

BUSY = """
WITH spans AS (
    SELECT agent, recorded_at - duration_ms * interval '1 millisecond' AS started_at,
           recorded_at AS ended_at
    FROM hansard_read.activity
    WHERE position > :after AND position <= :until AND duration_ms > 0 AND kind IN (
        'task_completed', 'task_failed', 'task_cancelled', 'model_answer', 'tool_answer')
    UNION ALL
    SELECT agent, started_at, CAST(:ends_at AS timestamptz)
    FROM unnest(CAST(:agents AS text[]), CAST(:since AS timestamptz[])) AS open (agent, started_at)
), unions AS (
    SELECT agent, unnest(range_agg(tstzrange(
        greatest(started_at, CAST(:starts_at AS timestamptz)),
        least(ended_at, CAST(:ends_at AS timestamptz))))) AS span
    FROM spans
    WHERE started_at < CAST(:ends_at AS timestamptz) AND ended_at > CAST(:starts_at AS timestamptz)
    GROUP BY agent
)
SELECT agent, sum(extract(epoch FROM upper(span) - lower(span)))::double precision AS busy_s
FROM unions GROUP BY agent
"""


def busy_seconds(
    connection: sa.Connection, pending: Sequence[tuple[str, datetime]], stretch: Stretch
) -> dict[str, float]:
    """Tell how many seconds each agent worked on a task or a call; what overlaps counts once.

    Args:
        pending: who is at work at the end of the stretch, and since when; a handle may repeat.
    """
    rows = connection.execute(
        sa.text(BUSY),
        {
            **stretch._asdict(),
            "agents": [agent for agent, _ in pending],
            "since": [since for _, since in pending],
        },
    )
    return {agent: busy_s for agent, busy_s in rows}  # noqa: C416 - rows are no pairs to a type checker
