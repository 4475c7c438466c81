"""Forecasting: the coming periods of a series, by the method that has erred least on its past."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from domain.value import Value

COVERAGE = 0.8
"""Share of what really comes that an interval shall hold."""

TRAINING_SEASONS = 3
"""Seasons that every method learns from, at least."""

NARROWEST, WIDEST = 0.5, 5.0
"""Bounds of what past errors may stretch an interval by."""

FEWEST_WINDOWS = 3
MOST_WINDOWS = 7
"""Windows of the past that the methods are tried on."""


class Estimate(Value):
    """An expected value with the interval that holds what comes with probability `COVERAGE`."""

    mean: float
    low: float
    high: float


class Prediction(Value):
    """What a method expects of the coming steps, of each and of their sum."""

    steps: tuple[Estimate, ...]
    total: Estimate


class ForecastMethod(Protocol):
    """Predicts a series of figures that are never negative; the same series, the same answer."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    def predict(self, values: Sequence[float], steps: int) -> Prediction | None:
        """Predict the coming steps; None when the series is too short for this method."""
        ...


class Trial(Value):
    """How far a method was off when it was asked about the past.

    Attributes:
        wape: weighted absolute percentage error: sum of absolute errors by sum of true values, 1.0
            for 100 %; None when all true values are zero.
        mase: mean absolute scaled error (Hyndman and Koehler 2006): mean absolute error by that of
            the seasonal naive method within the training part; None when that one was always right.
        total_wape: as `wape`, of the sums of whole windows.
        rmse: root mean squared error, in the unit of the series.
        coverage: share of the true values that lay within the interval.
    """

    method: str
    rmse: float
    wape: float | None
    mase: float | None
    total_wape: float | None
    coverage: float


class Forecast(Value):
    """The coming steps by the method that was chosen, and how far such forecasts were off.

    Attributes:
        windows: past windows, each as long as the horizon, on which the methods were tried.
        made: error of this very procedure: in each window but the first, the method was chosen, and
            its intervals were stretched, by the windows before it alone.
        baseline: error of the seasonal naive method in the same windows.
        trials: each method on all windows, the best first; flattering for the best one, because it
            was chosen by them.
    """

    method: str
    prediction: Prediction
    windows: int
    made: Trial
    baseline: Trial
    trials: tuple[Trial, ...]


class _Window(Value):
    """What one method said about one window of the past, and what was true."""

    predicted: Prediction
    actual: tuple[float, ...]
    scale: float

    @property
    def squared_error(self) -> float:
        return sum((step.mean - actual) ** 2 for step, actual in self.pairs)

    @property
    def pairs(self) -> list[tuple[Estimate, float]]:
        return list(zip(self.predicted.steps, self.actual, strict=True))

    @property
    def total(self) -> tuple[Estimate, float]:
        return self.predicted.total, sum(self.actual)


def fewest_values(season: int, steps: int) -> int:
    """Tell how many values a series needs before it can be forecast and the error measured."""
    return TRAINING_SEASONS * season + FEWEST_WINDOWS * steps


def forecast(
    values: Sequence[float], methods: Sequence[ForecastMethod], *, season: int, steps: int
) -> Forecast:
    """Forecast a series.

    Every method is tried on windows at the end of the series (rolling origin: it learns only from
    what lies before the window); the one with the smallest sum of squared errors predicts. It is
    not that of absolute errors, because where little happens that favours saying that nothing will
    (Kolassa 2016, Evaluating predictive count data distributions in retail sales forecasting).

    Intervals are stretched or shrunk so that they would have held their share of the past (split
    conformal prediction, Vovk et al. 2005): methods know how errors grow from step to step, but
    think too well of what they were fitted to.

    Args:
        values: one value a period, oldest first, none negative.
        methods: the first one is the baseline, the seasonal naive method.
        season: periods after which the pattern repeats.
        steps: periods to forecast.

    Raises:
        ValueError: there are fewer than `fewest_values`.
    """
    needed = fewest_values(season, steps)
    if len(values) < needed:
        raise ValueError(f"{len(values)} values are too few for a forecast; {needed} are needed")
    tried = _try_all(values, methods, season, steps)
    baseline = methods[0].name
    ranked = sorted(tried, key=lambda name: sum(window.squared_error for window in tried[name]))
    windows = len(tried[baseline])
    for name in ranked:
        method = next(method for method in methods if method.name == name)
        prediction = method.predict(values, steps)
        if prediction is not None:
            break
    else:  # pragma: no cover - the baseline needs no more than one season
        raise ValueError("not even the baseline can predict the series")
    return Forecast(
        method=name,
        prediction=_stretched(prediction, tried[name]),
        windows=windows,
        made=_trial(name, _as_chosen_then(tried, baseline)),
        baseline=_trial(baseline, tried[baseline][1:]),
        trials=tuple(_trial(each, tried[each]) for each in ranked),
    )


def _try_all(
    values: Sequence[float], methods: Sequence[ForecastMethod], season: int, steps: int
) -> dict[str, list[_Window]]:
    """Try the methods; one that cannot predict every window is left out."""
    room = len(values) - TRAINING_SEASONS * season
    origins = [
        len(values) - steps * back for back in range(min(room // steps, MOST_WINDOWS), 0, -1)
    ]
    tried: dict[str, list[_Window]] = {}
    for method in methods:
        windows = []
        for origin in origins:
            predicted = method.predict(values[:origin], steps)
            if predicted is None:
                break
            windows.append(
                _Window(
                    predicted=predicted,
                    actual=tuple(values[origin : origin + steps]),
                    scale=_naive_error(values[:origin], season),
                )
            )
        else:
            tried[method.name] = windows
    return tried


def _as_chosen_then(tried: dict[str, list[_Window]], baseline: str) -> list[_Window]:
    """Give, for each window but the first, what the method that was best before it said."""
    made = []
    for number in range(1, len(tried[baseline])):
        best = min(
            tried, key=lambda name: sum(window.squared_error for window in tried[name][:number])
        )
        window = tried[best][number]
        predicted = _stretched(window.predicted, tried[best][:number])
        made.append(window.model_copy(update={"predicted": predicted}))
    return made


def _stretched(prediction: Prediction, past: Sequence[_Window]) -> Prediction:
    """Make intervals so wide that they would have held their share of the past."""
    by_step = _stretch([pair for window in past for pair in window.pairs])
    by_total = _stretch([window.total for window in past])
    return Prediction(
        steps=tuple(_stretched_by(by_step, step) for step in prediction.steps),
        total=_stretched_by(max(by_step, by_total), prediction.total),
    )


def _stretch(pairs: Sequence[tuple[Estimate, float]]) -> float:
    """Tell by what to multiply the width of intervals; 1.0 when nothing can be learned."""
    needed = []
    for estimate, actual in pairs:
        below = actual < estimate.mean
        width = estimate.mean - estimate.low if below else estimate.high - estimate.mean
        if width > 0:
            needed.append(abs(actual - estimate.mean) / width)
    if not needed:
        return 1.0
    rank = min(math.ceil(COVERAGE * (len(needed) + 1)), len(needed))
    return min(max(sorted(needed)[rank - 1], NARROWEST), WIDEST)


def _stretched_by(factor: float, estimate: Estimate) -> Estimate:
    mean = estimate.mean
    return Estimate(
        mean=mean,
        low=max(mean - factor * (mean - estimate.low), 0.0),
        high=mean + factor * (estimate.high - mean),
    )


def _naive_error(values: Sequence[float], season: int) -> float:
    """Give the mean absolute error of saying: as one season before."""
    errors = [abs(now - then) for now, then in zip(values[season:], values, strict=False)]
    return sum(errors) / len(errors)


def _trial(name: str, windows: Sequence[_Window]) -> Trial:
    errors = [
        (abs(step.mean - actual), step.low <= actual <= step.high, window.scale)
        for window in windows
        for step, actual in window.pairs
    ]
    truth = sum(sum(window.actual) for window in windows)
    scaled = [error / scale for error, _, scale in errors if scale]
    totals = sum(abs(window.predicted.total.mean - sum(window.actual)) for window in windows)
    return Trial(
        method=name,
        rmse=math.sqrt(sum(error * error for error, _, _ in errors) / len(errors)),
        wape=sum(error for error, _, _ in errors) / truth if truth else None,
        mase=sum(scaled) / len(scaled) if scaled else None,
        total_wape=totals / truth if truth else None,
        coverage=sum(inside for _, inside, _ in errors) / len(errors),
    )
