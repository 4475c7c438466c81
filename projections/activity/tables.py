"""Tables of activity: its facts, and their sums over blocks of positions and over days."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa

from projections.protocol import metadata

NAME = "activity"


Measure = Literal["duration", "latency"]

BUCKETS_PER_DOUBLING = 8
"""How finely durations are told apart in the spread: to 4.5 % of their value."""

CALLS_ANSWERED = ("model_answer", "tool_answer")
"""Kinds whose spread nobody asks for; they would be two thirds of it."""


def fact_columns() -> list[sa.Column[Any]]:
    """Make the columns of a fact."""
    return [
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("session_id", sa.Uuid),
        sa.Column("task_id", sa.Uuid),
        sa.Column("agent", sa.Text),
        sa.Column("department", sa.Text),
        sa.Column("peer", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("duration_ms", sa.Double),
        sa.Column("latency_ms", sa.Double),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("cache_read_tokens", sa.BigInteger),
        sa.Column("cache_write_tokens", sa.BigInteger),
        sa.Column("cost_usd", sa.Numeric),
    ]


activity = sa.Table(
    "activity",
    metadata,
    *fact_columns(),
    sa.Index("activity_by_session", "session_id", "position"),
    comment="What counts in statistics, one row an event; kind says what.",
)

what_if_activity = sa.Table(
    "what_if_activity",
    metadata,
    *fact_columns(),
    sa.Index("what_if_activity_by_session", "session_id", "position"),
    comment="The same of what-ifs, which count in no statistics.",
)

POSITION, RECORDED_AT, KIND = 0, 1, 7
"""Places of columns in a row."""

SESSION_BEGINNINGS = ("session_opened", "session_forked")
SESSION_ENDS = ("session_completed", "session_declined", "session_failed", "session_cancelled")

GROUPS = ("agent", "department", "peer", "kind", "name", "error")
TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


def sum_columns() -> list[sa.Column[Any]]:
    """Make the columns that all sums have."""
    return [
        *(sa.Column(name, sa.Text, nullable=name != "kind") for name in GROUPS),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("durations", sa.BigInteger, nullable=False),
        sa.Column("duration_ms", sa.Double),
        sa.Column("latencies", sa.BigInteger, nullable=False),
        sa.Column("latency_ms", sa.Double),
        *(sa.Column(name, sa.BigInteger) for name in TOKENS),
        sa.Column("cost_usd", sa.Numeric),
        sa.Column("priced", sa.BigInteger, nullable=False),
        sa.Column("first_recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_recorded_at", sa.DateTime(timezone=True), nullable=False),
    ]


activity_rollup = sa.Table(
    "activity_rollup",
    metadata,
    sa.Column("level", sa.SmallInteger, nullable=False),
    sa.Column("block", sa.BigInteger, nullable=False),
    *sum_columns(),
    sa.Index("activity_rollup_by_block", "level", "block", "kind"),
    comment="Sums of activity over block * 2^level < position <= (block + 1) * 2^level.",
)

activity_days = sa.Table(
    "activity_days",
    metadata,
    sa.Column("day", sa.Date, nullable=False),
    *sum_columns(),
    sa.Index("activity_days_by_day", "day"),
    comment="Sums of activity over whole days (UTC), once they are over.",
)

activity_day_ends = sa.Table(
    "activity_day_ends",
    metadata,
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("last_position", sa.BigInteger, primary_key=True),
    comment="The last fact of each day (UTC) that is over.",
)

activity_sessions = sa.Table(
    "activity_sessions",
    metadata,
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("session_id", sa.Uuid, nullable=False),
    sa.Column("opened_position", sa.BigInteger, nullable=False),
    sa.Column("answers", sa.BigInteger, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("cost_usd", sa.Numeric),
    comment="What the answers of each session that has ended took; position is that of its end.",
)
sa.Index(
    "activity_sessions_by_cost",
    activity_sessions.columns.cost_usd.desc().nulls_last(),
    activity_sessions.columns.tokens.desc(),
    activity_sessions.columns.session_id,
)

activity_spread = sa.Table(
    "activity_spread",
    metadata,
    sa.Column("level", sa.SmallInteger, nullable=False),
    sa.Column("block", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("agent", sa.Text),
    sa.Column("department", sa.Text),
    sa.Column("measure", sa.Text, nullable=False),
    sa.Column("bucket", sa.SmallInteger, nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Index("activity_spread_by_block", "level", "block", "kind", "measure"),
    comment="How durations and latencies of a block are spread: ms + 1 >= 2^(bucket / 8).",
)


def whole_activity() -> sa.Subquery:
    """Give the facts of all sessions, what-ifs too."""
    return sa.union_all(sa.select(activity), sa.select(what_if_activity)).subquery("whole_activity")
