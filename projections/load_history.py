"""Load history: how much was to do, hour by hour or day by day, for agents and departments.

Periods are hours and days of Coordinated Universal Time, by the time of recording.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from domain.conversation import USER
from domain.value import Value
from projections.activity import activity, by_day, measured
from projections.clock import Stretch
from projections.work import TRIED

NO_DEPARTMENT = "(no department)"


class Measure(StrEnum):
    """What load is measured in."""

    TASKS = "tasks"
    DURATION = "duration"
    COST = "cost"


class Grouping(StrEnum):
    """Whose load it is, when it is not that of the whole organisation."""

    AGENT = "agent"
    DEPARTMENT = "department"


class Period(StrEnum):
    """A step of a series."""

    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return timedelta(hours=1) if self is Period.HOUR else timedelta(days=1)

    def start(self, moment: datetime) -> datetime:
        """Tell when the period of a moment began, in UTC."""
        in_utc = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return in_utc if self is Period.HOUR else in_utc.replace(hour=0)


class LoadSeries(Value):
    """The load of one agent or department, or of all together.

    Attributes:
        subject: handle or key; None for the whole organisation.
        starts_at: start of the first period: the one of the subject's first activity, or the first
            that was asked for.
        values: one for each period that is over: tasks taken up, seconds spent on the tasks that
            ended in it, or US dollars.
    """

    subject: str | None
    starts_at: datetime
    values: tuple[float, ...]


_KINDS = {
    Measure.TASKS: ("task_started",),
    Measure.DURATION: TRIED,
    Measure.COST: ("model_answer",),
}


def load_history(
    connection: sa.Connection,
    measure: Measure,
    period: Period,
    by: Grouping | None,
    stretch: Stretch,
) -> list[LoadSeries]:
    """Give the load of the past, of all together first, then of the busiest subjects.

    Args:
        by: whose load to give as well; None for that of all together alone.
        stretch: what counts, from the start of the first period to the end of the last one.
    """
    amounts = _amounts(connection, measure, period, by, stretch)
    beginnings = _beginnings(connection, by, stretch.until)
    whole: dict[datetime, float] = defaultdict(float)
    for subject in amounts.values():
        for start, amount in subject.items():
            whole[start] += amount
    if not beginnings:
        return []
    everybody = _series(None, whole, min(beginnings.values()), period, stretch)
    if by is None:
        return [everybody]
    groups = [
        _series(subject, found, beginnings[subject], period, stretch)
        for subject, found in amounts.items()
    ]
    return [everybody, *sorted(groups, key=lambda each: (-sum(each.values), each.subject))]


def _series(
    subject: str | None,
    amounts: dict[datetime, float],
    beginning: datetime,
    period: Period,
    stretch: Stretch,
) -> LoadSeries:
    first = max(period.start(beginning), stretch.starts_at)
    count = max((stretch.ends_at - first) // period.length, 0)
    starts = (first + number * period.length for number in range(count))
    return LoadSeries(
        subject=subject,
        starts_at=first,
        values=tuple(amounts.get(start, 0.0) for start in starts),
    )


def _amounts(
    connection: sa.Connection,
    measure: Measure,
    period: Period,
    by: Grouping | None,
    stretch: Stretch,
) -> dict[str, dict[datetime, float]]:
    """Add up the load by subject and start of the period."""
    if period is Period.DAY:
        columns = by_day(connection, stretch.after, stretch.until).columns
        start: sa.ColumnElement[Any] = sa.cast(columns.day, sa.DateTime)
        conditions: list[sa.ColumnElement[bool]] = []
        count: sa.ColumnElement[Any] = sa.func.sum(columns.count)
    else:
        columns = activity.columns
        start = sa.func.date_trunc("hour", sa.func.timezone("UTC", columns.recorded_at))
        conditions = [columns.position > stretch.after, columns.position <= stretch.until]
        count = sa.func.count()
    amount = {
        Measure.TASKS: count,
        Measure.DURATION: sa.func.coalesce(sa.func.sum(columns.duration_ms) / 1000, 0.0),
        Measure.COST: sa.func.coalesce(sa.func.sum(columns.cost_usd), 0),
    }[measure]
    subject = columns[by.value] if by else sa.null()
    query = (
        sa.select(subject, start, sa.cast(amount, sa.Double))
        .where(columns.kind.in_(_KINDS[measure]), *conditions)
        .group_by(sa.literal_column("1"), sa.literal_column("2"))
    )
    amounts: dict[str, dict[datetime, float]] = defaultdict(dict)
    for name, moment, value in connection.execute(query):
        amounts[_name(name)][moment.replace(tzinfo=UTC)] = value
    return amounts


def _beginnings(connection: sa.Connection, by: Grouping | None, until: int) -> dict[str, datetime]:
    """Tell when each subject did something for the first time: before, it had no load to know."""
    columns = measured(0, until).columns
    subject = columns[by.value] if by else sa.null()
    query = (
        sa.select(subject, sa.func.min(columns.first_recorded_at))
        .where(columns.kind.in_(("task_started", *TRIED, "model_answer")), columns.agent != USER)
        .group_by(sa.literal_column("1"))
    )
    return {_name(name): moment for name, moment in connection.execute(query)}


def _name(found: str | None) -> str:
    return NO_DEPARTMENT if found is None else found
