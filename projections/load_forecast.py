"""Load forecast: what is to come, from what was, with the error such forecasts had in the past."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple

import sqlalchemy as sa
from pydantic import AfterValidator, Field

from domain.forecasting import (
    COVERAGE,
    Forecast,
    ForecastMethod,
    fewest_values,
    forecast,
)
from domain.value import Value
from projections import activity
from projections.clock import Stretch
from projections.load_history import Grouping, LoadSeries, Measure, Period, load_history
from projections.protocol import computed_at

Progress = Callable[[int, int], None]
"""Is told how many series are forecast, out of how many."""

MOST_STEPS = {Period.HOUR: 168, Period.DAY: 60}
SEASON = {Period.HOUR: 24, Period.DAY: 7}
REACH = {Period.HOUR: timedelta(weeks=6), Period.DAY: timedelta(days=730)}
"""How far back the history is looked at."""

UNITS = {Measure.TASKS: "tasks", Measure.DURATION: "s", Measure.COST: "USD"}

_NOTHING = {
    Measure.TASKS: "No task was taken up in the time looked at.",
    Measure.DURATION: "No task ended in the time looked at.",
    Measure.COST: "No answer in the time looked at had a price.",
}

_HORIZON = re.compile(r"([1-9]\d{0,3})([hd])")


def _horizon(text: str) -> str:
    found = _HORIZON.fullmatch(text)
    if found is None:
        raise ValueError("write hours or days, such as 24h or 7d")
    period = Period.HOUR if found[2] == "h" else Period.DAY
    if int(found[1]) > MOST_STEPS[period]:
        raise ValueError(f"at most {MOST_STEPS[period]}{found[2]} can be forecast")
    return text


class LoadQuestion(Value):
    """What to forecast.

    Attributes:
        by: whose load beside that of the whole organisation.
        horizon: how far ahead, in hours (`24h`) or days (`7d`); hours make hourly figures.
        limit: how many of the busiest agents or departments.
    """

    measure: Measure = Measure.TASKS
    by: Grouping | None = None
    horizon: Annotated[str, AfterValidator(_horizon)] = "24h"
    limit: Annotated[int, Field(ge=1, le=1000)] = 20

    @property
    def period(self) -> Period:
        """Whether figures are by the hour or by the day."""
        return Period.HOUR if self.horizon.endswith("h") else Period.DAY

    @property
    def steps(self) -> int:
        """How many periods are to forecast."""
        return int(self.horizon[:-1])

    def looks_back_to(self, moment: datetime) -> datetime:
        """Tell from when on history counts, when the question is asked at a moment."""
        return self.period.start(moment - REACH[self.period])


class SubjectForecastView(Value):
    """The forecast for one agent, one department, or the whole organisation.

    Attributes:
        subject: handle or key; None for the whole organisation.
        history: the load of each past period that is known, oldest first.
        history_starts_at: start of the first of them.
        forecast: None when there is nothing to forecast from; `lacking` says why.
    """

    subject: str | None
    history_starts_at: datetime
    history: tuple[float, ...]
    forecast: Forecast | None
    lacking: str = ""


class LoadForecastView(Value):
    """What is to come.

    Attributes:
        position: position of the log as of which it holds.
        lag: how many positions that is behind what was asked for.
        as_of: the moment at which it was asked; nothing recorded later counts.
        unit: of all figures: `tasks`, `s` (seconds) or `USD`.
        period: `hour` or `day`, in UTC.
        starts_at: start of the first period that is forecast: the one `as_of` lies in.
        coverage: probability with which the intervals hold what comes.
        needed: how many past periods a forecast takes.
        items: the whole organisation first, then the busiest subjects.
        left_out: subjects beyond the limit.
    """

    position: int
    lag: int
    as_of: datetime
    measure: Measure
    unit: str
    by: Grouping | None
    period: Period
    starts_at: datetime
    steps: int
    coverage: float = COVERAGE
    needed: int
    items: tuple[SubjectForecastView, ...]
    left_out: int = 0


class Load(NamedTuple):
    """What a forecast is made from, so that no database waits while it is made.

    Attributes:
        lag: how many positions `position` is behind what was asked for.
        series: the whole organisation first, then the busiest subjects.
    """

    question: LoadQuestion
    as_of: datetime
    position: int
    lag: int
    series: tuple[LoadSeries, ...]

    @property
    def starts_at(self) -> datetime:
        """Start of the first period to forecast."""
        return self.question.period.start(self.as_of)


def read_load(
    connection: sa.Connection,
    question: LoadQuestion,
    *,
    as_of: datetime,
    after: int = 0,
    at: int | None = None,
) -> Load:
    """Read the load of the past from what stood in the log.

    Args:
        as_of: the moment at which the question is asked.
        after: position of the last event before `question.looks_back_to(as_of)`.
        at: position of the log that `as_of` means; None for now.
    """
    computed = computed_at(connection, activity.NAME, at=at)
    ends_at = question.period.start(as_of)
    stretch = Stretch(after, computed.position, question.looks_back_to(as_of), ends_at)
    found = load_history(connection, question.measure, question.period, question.by, stretch)
    return Load(question, as_of, computed.position, computed.lag, tuple(found))


def forecast_load(
    load: Load,
    methods: Sequence[ForecastMethod],
    *,
    progress: Progress = lambda _done, _all: None,
) -> LoadForecastView:
    """Forecast the load of the coming hours or days.

    Args:
        methods: to choose among, for the question's period; the baseline first.
    """
    question = load.question
    kept = load.series[: question.limit + 1]
    items = []
    for number, series in enumerate(kept):
        progress(number, len(kept))
        items.append(_foreseen(series, question, methods))
    progress(len(kept), len(kept))
    return LoadForecastView(
        position=load.position,
        lag=load.lag,
        as_of=load.as_of,
        measure=question.measure,
        unit=UNITS[question.measure],
        by=question.by,
        period=question.period,
        starts_at=load.starts_at,
        steps=question.steps,
        needed=fewest_values(SEASON[question.period], question.steps),
        items=tuple(items),
        left_out=len(load.series) - len(kept),
    )


def _foreseen(
    series: LoadSeries, question: LoadQuestion, methods: Sequence[ForecastMethod]
) -> SubjectForecastView:
    season = SEASON[question.period]
    needed = fewest_values(season, question.steps)
    lacking = ""
    if len(series.values) < needed:
        unit = question.period.value
        lacking = (
            f"{needed} whole {unit}s of history are needed for {question.steps} {unit}s ahead;"
            f" there are {len(series.values)}."
        )
    elif not any(series.values):
        lacking = _NOTHING[question.measure]
    return SubjectForecastView(
        subject=series.subject,
        history_starts_at=series.starts_at,
        history=series.values,
        forecast=None
        if lacking
        else forecast(series.values, methods, season=season, steps=question.steps),
        lacking=lacking,
    )
