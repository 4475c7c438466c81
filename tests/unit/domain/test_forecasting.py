"""Forecasting: the method that erred least predicts, and its error is that of fair trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.forecasting import (
    FEWEST_WINDOWS,
    MOST_WINDOWS,
    Estimate,
    Forecast,
    Prediction,
    fewest_values,
    forecast,
)

SEASON, STEPS = 3, 2


def predict(means: Sequence[float], width: float = 0.0) -> Prediction:
    steps = tuple(Estimate(mean=mean, low=mean - width, high=mean + width) for mean in means)
    total = sum(means)
    return Prediction(steps=steps, total=Estimate(mean=total, low=total, high=total))


@dataclass
class Naive:
    """Says: as one season before."""

    name: str = "naive"

    def predict(self, values: Sequence[float], steps: int) -> Prediction | None:
        return predict([values[len(values) - SEASON + step % SEASON] for step in range(steps)])


@dataclass
class Constant:
    """Always says the same."""

    value: float
    width: float = 0.0
    name: str = "constant"

    def predict(self, values: Sequence[float], steps: int) -> Prediction | None:  # noqa: ARG002 - the port
        return predict([self.value] * steps, self.width)


@dataclass
class Spying:
    """Keeps what it was told, and says what comes from a list of all values."""

    truth: Sequence[float]
    name: str = "spying"

    def __post_init__(self) -> None:
        self.told: list[list[float]] = []

    def predict(self, values: Sequence[float], steps: int) -> Prediction | None:
        self.told.append(list(values))
        known = len(values)
        return predict(list(self.truth[known : known + steps]) or [0.0] * steps)


class Refusing:
    """Needs more history than there is."""

    name = "refusing"

    def predict(self, values: Sequence[float], steps: int) -> Prediction | None:  # noqa: ARG002 - the port
        return None


def ask(values: Sequence[float], *methods: object) -> Forecast:
    return forecast(values, [Naive(), *methods], season=SEASON, steps=STEPS)  # type: ignore[list-item]


def test_the_method_that_erred_least_predicts() -> None:
    found = ask([5.0, 1.0, 9.0, 5.0] * 5, Constant(5.0), Constant(50.0, name="far off"))

    assert found.method == "constant"
    assert [trial.method for trial in found.trials] == ["constant", "naive", "far off"]
    assert [step.mean for step in found.prediction.steps] == [5.0, 5.0]


def test_where_little_happens_the_expected_value_is_preferred_to_nothing() -> None:
    found = ask([0.0, 0.0, 0.0, 0.0, 3.0] * 5, Constant(0.0, name="nothing"), Constant(0.6))

    assert found.method == "constant"


def test_the_baseline_predicts_when_nothing_is_better() -> None:
    found = ask([1.0, 2.0, 3.0] * 6, Constant(2.0))

    assert found.method == "naive"
    assert found.made.wape == 0


def test_a_method_never_sees_the_window_it_is_tried_on() -> None:
    values = [float(number % 7) for number in range(25)]
    spy = Spying(values)

    found = ask(values, spy)

    *trials, final = spy.told
    assert [len(told) for told in trials] == [
        25 - STEPS * back for back in range(MOST_WINDOWS, 0, -1)
    ]
    assert final == values
    assert found.windows == MOST_WINDOWS


def test_a_method_that_cannot_predict_every_window_is_left_out() -> None:
    found = ask([1.0, 2.0, 3.0] * 6, Refusing())

    assert [trial.method for trial in found.trials] == ["naive"]


def test_errors_are_those_that_are_computed_by_hand() -> None:
    values = [4.0] * 9 + [2.0, 6.0, 4.0, 4.0, 10.0, 6.0]

    trial = next(
        each for each in ask(values, Constant(4.0, 2.0)).trials if each.method == "constant"
    )

    assert trial.wape == pytest.approx((2 + 2 + 0 + 0 + 6 + 2) / 32)
    assert trial.total_wape == pytest.approx((0 + 0 + 8) / 32)
    assert trial.coverage == pytest.approx(5 / 6)
    assert trial.rmse == pytest.approx(((4 + 4 + 0 + 0 + 36 + 4) / 6) ** 0.5)
    # Naive errors within the training part are zero before the first window, so that it cannot
    # scale; they are 2 + 2 over 8, and 2 + 2 + 0 + 2 over 10 before the other two windows.
    assert trial.mase == pytest.approx((0 / 0.5 + 0 / 0.5 + 6 / 0.6 + 2 / 0.6) / 4)


def test_the_error_is_that_of_choosing_by_earlier_windows_alone() -> None:
    # Until the last window the constant is best; there it is far off, and was chosen all the same.
    values = [1.0, 5.0, 9.0] * 3 + [5.0, 5.0, 5.0, 5.0, 90.0, 90.0]

    found = ask(values, Constant(5.0))

    assert found.made.wape == pytest.approx((0 + 85 * 2) / (10 + 180))


def test_the_error_of_the_baseline_is_measured_on_the_same_windows() -> None:
    found = ask([1.0, 2.0, 3.0] * 6, Refusing())

    assert (found.made.wape, found.made.mase) == (found.baseline.wape, found.baseline.mase)


def test_an_interval_that_held_too_little_is_stretched() -> None:
    values = [8.0, 12.0] * 12

    found = ask(values, Constant(10.0, width=1.0))

    assert found.method == "constant"
    assert found.trials[0].coverage == 0
    assert found.made.coverage == 1
    assert [(step.low, step.high) for step in found.prediction.steps] == [(8, 12), (8, 12)]


def test_an_interval_that_held_too_much_is_shrunk_but_not_to_nothing() -> None:
    found = ask([9.0, 11.0] * 12, Constant(10.0, width=1.5), Constant(50.0, name="far off"))
    assert [(step.low, step.high) for step in found.prediction.steps] == [(9, 11), (9, 11)]

    sure = ask([10.0, 10.01, 9.99, 10.0] * 6, Constant(10.0, width=8.0))
    assert [(step.low, step.high) for step in sure.prediction.steps] == [(6, 14), (6, 14)]


def test_no_interval_reaches_below_nothing() -> None:
    found = ask([0.0, 9.0, 0.0, 0.0, 3.0] * 5, Constant(2.4, width=2.0))

    assert found.method == "constant"
    assert found.prediction.steps[0].low == 0


def test_zeros_have_no_relative_error() -> None:
    found = ask([0.0] * 15)

    assert found.made.wape is None
    assert found.made.mase is None


def test_too_few_values_are_refused() -> None:
    needed = fewest_values(SEASON, STEPS)

    with pytest.raises(ValueError, match=f"{needed} are needed"):
        ask([1.0] * (needed - 1))


@given(st.lists(st.floats(0, 1e6), min_size=fewest_values(SEASON, STEPS), max_size=60))
def test_any_series_is_forecast_and_the_best_trial_has_the_smallest_error(
    values: list[float],
) -> None:
    found = ask(values, Constant(1.0))

    errors = [trial.rmse for trial in found.trials]
    assert found.trials[0].method == found.method
    assert FEWEST_WINDOWS <= found.windows <= MOST_WINDOWS
    assert errors == sorted(errors)
