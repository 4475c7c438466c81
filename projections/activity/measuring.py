"""Measuring: figures of any range of positions, from sums of its blocks and facts at its ends."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any

import sqlalchemy as sa

from projections.activity.blocks import Blocks, Ranges, cover
from projections.activity.sums import bucket_of
from projections.activity.tables import (
    BUCKETS_PER_DOUBLING,
    CALLS_ANSWERED,
    GROUPS,
    TOKENS,
    Measure,
    activity,
    activity_day_ends,
    activity_days,
    activity_rollup,
    activity_spread,
    sum_columns,
)


def measured(after: int, until: int) -> sa.CTE:
    """Give sums of the facts at `after < position <= until`: some rows for each group.

    Whoever asks adds `count`, `durations` and so on up by the groups that matter. The roll-ups must
    have come to `until`.

    Returns:
        Columns `agent`, `department`, `peer`, `kind`, `name`, `error`, `count`, `durations` (how
        many have a `duration_ms`) and their sum in milliseconds, `latencies` likewise, tokens,
        `cost_usd` and `priced` (how many have one), `first_recorded_at` and `last_recorded_at`.
    """
    return _measured(after, until).cte("measured")


def _measured(after: int, until: int) -> sa.CompoundSelect[Any]:
    blocks, ends = cover(after, until)
    sums = [column for column in activity_rollup.columns if column.name not in {"level", "block"}]
    whole = sa.select(*sums).where(_in_blocks(activity_rollup, blocks))
    return sa.union_all(whole, _facts(ends))


def by_day(connection: sa.Connection, after: int, until: int) -> sa.CTE:
    """Give sums as `measured` does, for each day (UTC) in the column `day`."""
    names = [str(column.name) for column in sum_columns()]
    day = activity_days.columns
    whole, parts = _days_of(connection, after, until)
    are_whole = day.day.between(*whole) if whole else sa.false()
    queries: list[Any] = [sa.select(day.day, *(day[name] for name in names)).where(are_whole)]
    for part_of, start, end in parts:
        part = _measured(start, end).subquery()
        columns = (part.columns[name] for name in names)
        queries.append(sa.select(sa.cast(part_of, sa.Date), *columns))
    return sa.union_all(*queries).cte("by_day")


def _days_of(
    connection: sa.Connection, after: int, until: int
) -> tuple[tuple[date, date] | None, list[tuple[date, int, int]]]:
    """Tell the whole days in a range, first and last, and the parts of days at its ends."""
    end = activity_day_ends.columns
    ended = connection.execute(
        sa.select(end.day, end.last_position).where(end.last_position > after).order_by(end.day)
    ).all()
    fact = activity.columns
    before = connection.scalar(
        sa.select(sa.func.max(end.last_position)).where(end.last_position <= after)
    )
    first = connection.scalar(
        sa.select(sa.func.min(fact.position)).where(fact.position > (before or 0))
    )
    starts_day = first is None or first > after
    whole: list[date] = []
    parts: list[tuple[date, int, int]] = []
    start = after
    for day, last in ended:
        if last > until:
            break
        if starts_day:
            whole.append(day)
        else:
            parts.append((day, start, last))
        start, starts_day = last, True
    if start < until:
        moment = connection.scalar(
            sa.select(fact.recorded_at)
            .where(fact.position > start, fact.position <= until)
            .order_by(fact.position)
            .limit(1)
        )
        if moment is not None:
            parts.append((moment.astimezone(UTC).date(), start, until))
    return ((whole[0], whole[-1]) if whole else None), parts


def spread(after: int, until: int, measure: Measure) -> sa.CTE:
    """Tell how durations or latencies at `after < position <= until` are spread, calls left out.

    Returns:
        Columns `kind`, `agent`, `department`, `bucket` and `count`; milliseconds of a bucket b are
        2 ** (b / 8) - 1 up to 2 ** ((b + 1) / 8) - 1.
    """
    blocks, ends = cover(after, until)
    row, fact = activity_spread.columns, activity.columns
    whole = sa.select(row.kind, row.agent, row.department, row.bucket, row.count).where(
        _in_blocks(activity_spread, blocks), row.measure == measure
    )
    bucket = sa.literal_column(bucket_of(f"{activity.fullname}.{measure}_ms"), sa.Double)
    parts = sa.select(
        fact.kind,
        fact.agent,
        fact.department,
        sa.cast(bucket, sa.SmallInteger).label("bucket"),
        sa.literal(1, sa.BigInteger).label("count"),
    ).where(
        _in_ranges(ends),
        fact[f"{measure}_ms"].is_not(None),
        fact.kind.not_in(CALLS_ANSWERED),
    )
    return sa.union_all(whole, parts).cte("spread")


def milliseconds_of(bucket: int) -> float:
    """Give the middle of a bucket of the spread, in milliseconds."""
    return float(2 ** ((bucket + 0.5) / BUCKETS_PER_DOUBLING) - 1)


def _in_blocks(table: sa.Table, blocks: Blocks) -> sa.ColumnElement[bool]:
    row = table.columns
    return sa.or_(
        sa.false(),
        *(
            sa.and_(row.level == level, row.block >= first, row.block < end)
            for level, first, end in blocks
        ),
    )


def _in_ranges(ranges: Ranges) -> sa.ColumnElement[bool]:
    position = activity.columns.position
    return sa.or_(
        sa.false(), *(sa.and_(position > after, position <= until) for after, until in ranges)
    )


def _facts(ranges: Ranges) -> sa.Select[Any]:
    """Say facts as sums of one each."""
    fact = activity.columns

    def one_if_known(column: sa.Column[Any]) -> sa.ColumnElement[int]:
        return sa.cast(sa.case((column.is_(None), 0), else_=1), sa.BigInteger)

    return sa.select(
        *(fact[name] for name in GROUPS),
        sa.literal(1, sa.BigInteger),
        one_if_known(fact.duration_ms),
        fact.duration_ms,
        one_if_known(fact.latency_ms),
        fact.latency_ms,
        *(fact[name] for name in TOKENS),
        fact.cost_usd,
        one_if_known(fact.cost_usd),
        fact.recorded_at,
        fact.recorded_at,
    ).where(_in_ranges(ranges))
