"""Quantiles: medians and tails of how long something took, from the spread of activity.

A quantile is the value of nearest rank, known by its bucket and given as the bucket's middle on the
logarithmic scale: at most 4.5 % of `ms + 1` off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from projections.activity import milliseconds_of


class Quantiles(NamedTuple):
    """Milliseconds that half, 95 % and 99 % of all cases stay within."""

    median_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None


PERCENTS = (50, 95, 99)


def quantiles(
    connection: sa.Connection,
    source: sa.CTE,
    group: sa.ColumnElement[Any],
    *conditions: sa.ColumnElement[bool],
) -> dict[Any, Quantiles]:
    """Find quantiles by group.

    Args:
        source: what `spread` of `projections.activity` gave.
        group: an expression over its columns.
        conditions: which of its rows count.
    """
    column = source.columns
    counted = (
        sa.select(
            group.label("subject"),
            column.bucket,
            sa.cast(sa.func.sum(column.count), sa.BigInteger).label("count"),
        )
        .where(*conditions)
        .group_by(group, column.bucket)
        .subquery()
    )
    subject, bucket, count = counted.columns
    ranked = sa.select(
        subject,
        bucket,
        sa.func.sum(count).over(partition_by=subject, order_by=bucket).label("reached"),
        sa.func.sum(count).over(partition_by=subject).label("total"),
    ).subquery()
    rank = ranked.columns
    buckets = [
        sa.func.min(rank.bucket).filter(rank.reached * 100 >= rank.total * percent)
        for percent in PERCENTS
    ]
    query = sa.select(rank.subject, *buckets).group_by(rank.subject)
    return {row[0]: _from_buckets(row[1:]) for row in connection.execute(query).all()}


def _from_buckets(buckets: Sequence[int]) -> Quantiles:
    return Quantiles(*(milliseconds_of(bucket) for bucket in buckets))
