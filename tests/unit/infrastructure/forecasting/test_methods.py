"""Methods: what they expect, how sure they are, and that they never guess twice differently."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.forecasting import ForecastMethod, fewest_values, forecast
from infrastructure.forecasting import methods_for
from infrastructure.forecasting.methods import ExponentialSmoothing, PlainMean, SeasonalNaive
from projections.load_history import Period

WEEK = 7
METHODS = methods_for(Period.DAY)


def noisy_weeks(weeks: int, *, growth: float = 0.0, seed: int = 1) -> list[float]:
    chance = random.Random(seed)  # noqa: S311 - a story, no secret
    return [
        max((80 if day % WEEK < 5 else 10) * (1 + growth * day) + chance.gauss(0, 6), 0.0)
        for day in range(weeks * WEEK)
    ]


def poisson(mean: float, count: int) -> list[float]:
    """Draw counts (Knuth's method)."""
    chance = random.Random(3)  # noqa: S311 - as above
    counts = []
    for _ in range(count):
        number, left = 0, chance.random()
        while left > math.exp(-mean):
            number, left = number + 1, left * chance.random()
        counts.append(float(number))
    return counts


def test_the_seasonal_naive_method_says_as_one_season_before() -> None:
    found = SeasonalNaive("naive", 3).predict([9, 9, 9, 1, 2, 3], 5)

    assert found is not None
    assert [step.mean for step in found.steps] == [1, 2, 3, 1, 2]


def test_the_seasonal_naive_method_is_less_sure_of_later_seasons() -> None:
    found = SeasonalNaive("naive", WEEK).predict(noisy_weeks(10), 3 * WEEK)

    assert found is not None
    widths = [step.high - step.low for step in found.steps[::WEEK]]
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


def test_the_mean_is_the_mean() -> None:
    found = PlainMean().predict([1, 2, 6], 2)

    assert found is not None
    assert [step.mean for step in found.steps] == [3, 3]
    assert found.total.mean == 6


def test_holt_winters_finds_the_week() -> None:
    found = forecast(noisy_weeks(20), METHODS, season=WEEK, steps=WEEK)

    assert "Holt-Winters" in found.method
    assert found.made.wape is not None
    assert found.baseline.wape is not None
    assert found.made.wape < found.baseline.wape
    assert [round(step.mean, -1) for step in found.prediction.steps] == [80] * 5 + [10] * 2


def test_a_trend_is_followed() -> None:
    found = forecast(noisy_weeks(30, growth=0.01), METHODS, season=WEEK, steps=WEEK)

    assert found.prediction.total.mean > sum(noisy_weeks(30, growth=0.01)[-2 * WEEK : -WEEK])


def test_where_chance_alone_rules_the_interval_holds_about_what_it_promises() -> None:
    found = forecast(poisson(4.0, 200), METHODS, season=WEEK, steps=WEEK)

    assert 0.6 <= found.made.coverage <= 1.0
    assert found.prediction.total.low < 28 < found.prediction.total.high


def test_what_never_changes_is_expected_to_go_on_without_a_doubt() -> None:
    found = forecast([3.0] * 60, METHODS, season=WEEK, steps=WEEK)

    assert found.prediction.total.low == found.prediction.total.high == pytest.approx(21)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_the_same_history_gets_the_same_prediction(method: ForecastMethod) -> None:
    assert method.predict(noisy_weeks(9), WEEK) == method.predict(noisy_weeks(9), WEEK)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_series_that_is_too_short_is_not_predicted_or_predicted_finitely(
    method: ForecastMethod,
) -> None:
    for count in range(1, 20):
        found = method.predict([float(number % 3) for number in range(count)], 2)
        assert found is None or math.isfinite(found.total.mean)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_the_size_of_figures_does_not_matter(scale: float) -> None:
    method = ExponentialSmoothing("ets", WEEK)

    plain = method.predict(noisy_weeks(8), WEEK)
    scaled = method.predict([value * scale for value in noisy_weeks(8)], WEEK)

    assert plain is not None
    assert scaled is not None
    assert scaled.total.mean == pytest.approx(plain.total.mean * scale, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(st.just(0.0), st.floats(1e-9, 1e9)),
        min_size=fewest_values(WEEK, WEEK),
        max_size=70,
    )
)
def test_no_series_gets_a_negative_or_endless_forecast_or_a_warning(values: list[float]) -> None:
    for method in METHODS:
        found = method.predict(values, WEEK)
        assert found is not None
        for estimate in (*found.steps, found.total):
            assert 0 <= estimate.low <= estimate.mean <= estimate.high < math.inf


def test_hours_have_a_baseline_by_the_day_and_a_method_by_the_week() -> None:
    names = [method.name for method in methods_for(Period.HOUR)]

    assert names[:2] == ["seasonal naive (day)", "seasonal naive (week)"]
