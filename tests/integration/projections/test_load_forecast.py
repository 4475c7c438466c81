"""Load and its forecast: what was counted, from when on, and that the future is never looked at."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from domain.conversation import USER
from infrastructure.forecasting import methods_for
from projections.clock import Stretch
from projections.load_forecast import (
    LoadForecastView,
    LoadQuestion,
    forecast_load,
    read_load,
)
from projections.load_history import (
    NO_DEPARTMENT,
    Grouping,
    LoadSeries,
    Measure,
    Period,
    load_history,
)
from tests.support.dated_history import DatedHistory, dated_history
from tests.support.postgres import TestServer
from tests.support.raw_facts import Fact, RawFacts
from tests.support.read_side import ReadSide

APART = timedelta(minutes=23)
EVENTS = 900
"""Two weeks."""


@pytest.fixture(scope="module")
def history(postgres_server: TestServer) -> Iterator[DatedHistory]:
    with dated_history(postgres_server, EVENTS, APART) as history:
        yield history


def ask(history: DatedHistory, at: int | None = None, **question: object) -> LoadForecastView:
    asked = LoadQuestion.model_validate(question)
    as_of = history.events[(at or len(history.events)) - 1].recorded_at
    after = history.position_before(asked.looks_back_to(as_of))
    at = at or len(history.events)
    load = read_load(history.connection, asked, as_of=as_of, after=after, at=at)
    return forecast_load(load, methods_for(asked.period))


def amounts(facts: list[Fact], measure: Measure) -> Iterator[tuple[Fact, float]]:
    for fact in facts:
        if measure is Measure.TASKS and fact.kind == "task_started":
            yield fact, 1.0
        elif measure is Measure.DURATION and fact.kind in {"task_completed", "task_failed"}:
            yield fact, (fact.duration_ms or 0.0) / 1000
        elif measure is Measure.COST and fact.kind == "model_answer":
            yield fact, float(fact.cost_usd or 0)


@pytest.mark.parametrize("period", list(Period))
@pytest.mark.parametrize("measure", list(Measure))
@pytest.mark.parametrize("by", list(Grouping))
def test_load_is_what_the_events_add_up_to(
    history: DatedHistory, measure: Measure, period: Period, by: Grouping
) -> None:
    starts_at = period.start(history.ends_at) - timedelta(days=5)
    ends_at = period.start(history.ends_at)
    after = history.position_before(starts_at)
    stretch = Stretch(after, len(history.events), starts_at, ends_at)

    found = load_history(history.connection, measure, period, by, stretch)

    sums: dict[str | None, Counter[datetime]] = defaultdict(Counter)
    for fact, amount in amounts(RawFacts(history.events).facts, measure):
        if fact.position > after:
            start = period.start(fact.recorded_at)
            sums[None][start] += amount  # type: ignore[assignment]
            sums[getattr(fact, by.value) or NO_DEPARTMENT][start] += amount  # type: ignore[assignment]
    assert found[0].subject is None
    for series in found:
        for number, value in enumerate(series.values):
            start = series.starts_at + number * period.length
            assert value == pytest.approx(sums[series.subject][start])
        assert series.starts_at + len(series.values) * period.length == ends_at
    assert {series.subject for series in found} == set(sums)
    assert [sum(series.values) for series in found[1:]] == sorted(
        (sum(series.values) for series in found[1:]), reverse=True
    )


def test_history_begins_when_a_subject_did_something_first(history: DatedHistory) -> None:
    epoch = datetime(2020, 1, 1, tzinfo=UTC)
    stretch = Stretch(0, len(history.events), epoch, Period.HOUR.start(history.ends_at))

    found = load_history(history.connection, Measure.TASKS, Period.HOUR, Grouping.AGENT, stretch)

    first: dict[str | None, datetime] = {}
    for fact in RawFacts(history.events).facts:
        counted = {"task_started", "task_completed", "task_failed", "model_answer"}
        if fact.kind in counted and fact.agent != USER:
            first.setdefault(fact.agent, fact.recorded_at)
            first.setdefault(None, fact.recorded_at)
    assert {series.subject: series.starts_at for series in found} == {
        series.subject: Period.HOUR.start(first[series.subject]) for series in found
    }


def test_the_coming_hours_are_forecast_with_interval_and_error(history: DatedHistory) -> None:
    view = ask(history, by="agent", horizon="24h", limit=3)

    whole = view.items[0]
    assert whole.subject is None
    assert whole.forecast is not None
    assert len(whole.forecast.prediction.steps) == 24
    assert whole.forecast.prediction.total.low < whole.forecast.prediction.total.high
    assert whole.forecast.made.wape is not None
    assert whole.forecast.baseline.method.startswith("seasonal naive")
    assert len(view.items) == 4
    assert view.left_out > 0
    assert view.starts_at == Period.HOUR.start(history.ends_at)
    assert (view.position, view.lag) == (len(history.events), 0)


@pytest.mark.parametrize(
    ("measure", "unit"), [("tasks", "tasks"), ("duration", "s"), ("cost", "USD")]
)
def test_every_measure_has_its_unit(history: DatedHistory, measure: str, unit: str) -> None:
    view = ask(history, measure=measure)

    assert view.unit == unit
    assert view.items[0].forecast is not None


def test_as_of_a_past_moment_it_is_that_of_a_log_that_ended_there(
    history: DatedHistory, postgres_server: TestServer
) -> None:
    at = len(history.events) - 60
    with dated_history(postgres_server, EVENTS, APART, told=at) as shorter:
        assert ask(history, at, by="department") == ask(shorter, by="department")


def test_asking_twice_gives_the_same(history: DatedHistory) -> None:
    assert ask(history) == ask(history)


def test_too_little_history_is_said_and_nothing_is_guessed(history: DatedHistory) -> None:
    view = ask(history, horizon="7d")

    assert view.items[0].forecast is None
    days = len(view.items[0].history)
    assert view.items[0].lacking == (
        f"42 whole days of history are needed for 7 days ahead; there are {days}."
    )


def test_a_log_without_work_has_nothing_to_forecast(read_side: ReadSide) -> None:
    read_side.open_session()
    read_side.runner().catch_up()
    with read_side.read_models.reading() as connection:
        load = read_load(connection, LoadQuestion(), as_of=datetime.now(UTC))

    assert not forecast_load(load, methods_for(Period.HOUR)).items


def test_progress_is_told(history: DatedHistory) -> None:
    told: list[tuple[int, int]] = []

    question = LoadQuestion(by=Grouping.AGENT, limit=2)
    load = read_load(history.connection, question, as_of=history.ends_at)
    forecast_load(
        load,
        methods_for(Period.HOUR),
        progress=lambda done, total: told.append((done, total)),
    )

    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("horizon", ["", "0h", "24", "h", "24m", "-1d", "169h", "61d", "1.5h"])
def test_a_horizon_that_means_nothing_is_refused(horizon: str) -> None:
    with pytest.raises(ValidationError):
        LoadQuestion(horizon=horizon)


def test_a_series_says_whose_it_is_and_when_it_starts() -> None:
    series = LoadSeries(subject=None, starts_at=datetime(2026, 1, 1, tzinfo=UTC), values=(1.0,))

    assert series == LoadSeries.model_validate_json(series.model_dump_json())
