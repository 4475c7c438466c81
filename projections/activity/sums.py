"""Sums of activity: what is summed up in the transaction that stores the facts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from projections.activity import blocks
from projections.activity.tables import (
    BUCKETS_PER_DOUBLING,
    CALLS_ANSWERED,
    GROUPS,
    KIND,
    POSITION,
    RECORDED_AT,
    SESSION_BEGINNINGS,
    SESSION_ENDS,
    TOKENS,
    activity,
)
from projections.protocol import Batch, Statement

_OF_GROUP = ", ".join(GROUPS)
_TOKENS = " + ".join(f"coalesce(fact.{name}, 0)" for name in TOKENS)

_SUMS_OF_FACTS = """
    count(*) AS count, count(duration_ms) AS durations, sum(duration_ms) AS duration_ms,
    count(latency_ms) AS latencies, sum(latency_ms) AS latency_ms,
    sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens,
    sum(cache_read_tokens)::bigint AS cache_read_tokens,
    sum(cache_write_tokens)::bigint AS cache_write_tokens, sum(cost_usd) AS cost_usd,
    count(cost_usd) AS priced, min(recorded_at) AS first_recorded_at,
    max(recorded_at) AS last_recorded_at
"""

_SUMS_OF_SUMS = """
    sum(count)::bigint, sum(durations)::bigint, sum(duration_ms), sum(latencies)::bigint,
    sum(latency_ms), sum(input_tokens)::bigint, sum(output_tokens)::bigint,
    sum(cache_read_tokens)::bigint, sum(cache_write_tokens)::bigint, sum(cost_usd),
    sum(priced)::bigint, min(first_recorded_at), max(last_recorded_at)
"""

ROLL_UP_FACTS = f"""
INSERT INTO {{schema}}.activity_rollup
SELECT %(level)s, (position - 1) >> %(level)s, {_OF_GROUP}, {_SUMS_OF_FACTS}
FROM {{schema}}.activity WHERE position > %(after)s AND position <= %(until)s
GROUP BY (position - 1) >> %(level)s, {_OF_GROUP}
"""  # noqa: S608 - built from constants of this module

ROLL_UP_BLOCKS = f"""
INSERT INTO {{schema}}.activity_rollup
SELECT %(level)s, block >> %(step)s, {_OF_GROUP}, {_SUMS_OF_SUMS}
FROM {{schema}}.activity_rollup
WHERE level = %(below)s AND block >= %(first)s AND block < %(end)s
GROUP BY block >> %(step)s, {_OF_GROUP}
"""  # noqa: S608 - as above


def bucket_of(ms: str) -> str:
    """Say in SQL which bucket milliseconds belong to."""
    return f"floor({BUCKETS_PER_DOUBLING} * ln(1 + greatest({ms}, 0)) / ln(2::double precision))"


BUCKET = bucket_of("ms")
_CALLS = ", ".join(f"'{kind}'" for kind in CALLS_ANSWERED)
_BEGINNINGS = ", ".join(f"'{kind}'" for kind in SESSION_BEGINNINGS)

SPREAD_FACTS = f"""
INSERT INTO {{schema}}.activity_spread
SELECT %(level)s, (position - 1) >> %(level)s, kind, agent, department, measure, {BUCKET}, count(*)
FROM {{schema}}.activity
CROSS JOIN LATERAL (VALUES ('duration', duration_ms), ('latency', latency_ms)) AS m (measure, ms)
WHERE position > %(after)s AND position <= %(until)s AND ms IS NOT NULL
  AND kind NOT IN ({_CALLS})
GROUP BY 2, 3, 4, 5, 6, 7
"""  # noqa: S608 - as above

SPREAD_BLOCKS = """
INSERT INTO {schema}.activity_spread
SELECT %(level)s, block >> %(step)s, kind, agent, department, measure, bucket, sum(count)::bigint
FROM {schema}.activity_spread
WHERE level = %(below)s AND block >= %(first)s AND block < %(end)s
GROUP BY 2, 3, 4, 5, 6, 7
"""

# The last subquery is looked at once: on most batches, no day has ended.
_OF_ENDED_DAYS = """
FROM {schema}.activity
WHERE position > (SELECT position FROM closed) AND position <= %(until)s AND recorded_at < %(today)s
  AND (SELECT first.recorded_at FROM {schema}.activity AS first
       WHERE first.position > (SELECT position FROM closed)
       ORDER BY first.position LIMIT 1) < %(today)s
"""

DAY = "(recorded_at AT TIME ZONE 'UTC')::date"

CLOSE_DAYS = f"""
WITH closed AS MATERIALIZED (
    SELECT coalesce(max(last_position), 0) AS position FROM {{schema}}.activity_day_ends
), days AS (
    INSERT INTO {{schema}}.activity_days
    SELECT {DAY}, {_OF_GROUP}, {_SUMS_OF_FACTS} {_OF_ENDED_DAYS} GROUP BY {DAY}, {_OF_GROUP}
)
INSERT INTO {{schema}}.activity_day_ends
SELECT {DAY}, max(position) {_OF_ENDED_DAYS} GROUP BY {DAY}
"""  # noqa: S608 - as above


SUM_SESSIONS = f"""
INSERT INTO {{schema}}.activity_sessions
SELECT ended.position, ended.session_id, opened.position, count(fact.position),
       coalesce(sum({_TOKENS}), 0)::bigint, sum(fact.cost_usd)
FROM {{schema}}.activity AS ended
JOIN {{schema}}.activity AS opened
  ON opened.session_id = ended.session_id AND opened.kind IN ({_BEGINNINGS})
LEFT JOIN {{schema}}.activity AS fact
  ON fact.session_id = ended.session_id AND fact.position < ended.position
 AND fact.kind = 'model_answer'
WHERE ended.position = ANY(%(ends)s)
GROUP BY ended.position, ended.session_id, opened.position
"""  # noqa: S608 - as above


def roll_up(batch: Batch, after: int, until: int) -> Iterator[Statement]:
    """Sum up the blocks that end in `after < position <= until`, and the days that are over."""
    lowest = blocks.LEVELS[0]
    first, end = after >> lowest, until >> lowest
    if first < end:
        of_facts = {"level": lowest, "after": first << lowest, "until": end << lowest}
        yield ROLL_UP_FACTS, of_facts
        yield SPREAD_FACTS, of_facts
    for below, level in pairwise(blocks.LEVELS):
        first, end, step = after >> level, until >> level, level - below
        if first < end:
            of_blocks = {"level": level, "below": below, "step": step}
            of_blocks |= {"first": first << step, "end": end << step}
            yield ROLL_UP_BLOCKS, of_blocks
            yield SPREAD_BLOCKS, of_blocks
    rows = batch.rows.get(activity)
    if rows:
        ends = [row[POSITION] for row in rows if row[KIND] in SESSION_ENDS]
        if ends:
            yield SUM_SESSIONS, {"ends": ends}
        newest: datetime = rows[-1][RECORDED_AT]
        today = newest.replace(hour=0, minute=0, second=0, microsecond=0)
        yield CLOSE_DAYS, {"until": until, "today": today}
