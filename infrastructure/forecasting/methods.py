"""Methods: seasonal naive and plain mean as yardsticks, exponential smoothing by statsmodels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from domain.forecasting import ForecastMethod, Prediction
from infrastructure.forecasting.paths import PATHS, drawn_errors, read_paths
from projections.load_history import Period

if TYPE_CHECKING:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

HOURS_OF_DAY, HOURS_OF_WEEK, DAYS_OF_WEEK = 24, 168, 7
_MOST_ITERATIONS = 100


@dataclass(frozen=True)
class SeasonalNaive:
    """Says: as one season before. Errors add up from season to season (random walk).

    Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd edition, 5.2 and 5.5.
    """

    name: str
    season: int

    def predict(self, values: Sequence[float], steps: int) -> Prediction | None:
        """Predict the coming steps; see the port."""
        if len(values) < 2 * self.season:
            return None
        known = np.asarray(values, dtype=np.float64)
        errors = drawn_errors(known[self.season :] - known[: -self.season], steps)
        for step in range(self.season, steps):
            errors[step] += errors[step - self.season]
        expected = known[-self.season :][np.arange(steps) % self.season]
        return read_paths(expected, expected[:, None] + errors)


@dataclass(frozen=True)
class PlainMean:
    """Says: as on average so far. Hard to beat where little happens, and without a pattern."""

    name: str = "mean"

    def predict(self, values: Sequence[float], steps: int) -> Prediction | None:
        """Predict the coming steps; see the port."""
        known = np.asarray(values, dtype=np.float64)
        expected = np.full(steps, known.mean())
        return read_paths(expected, expected[:, None] + drawn_errors(known - known.mean(), steps))


@dataclass(frozen=True)
class ExponentialSmoothing:
    """State space exponential smoothing with additive errors (ETS), by statsmodels.

    Attributes:
        season: periods after which the pattern repeats; None without a season.
        trend: whether there is a damped trend.
    """

    name: str
    season: int | None = None
    trend: bool = False

    def predict(self, values: Sequence[float], steps: int) -> Prediction | None:
        """Predict the coming steps; see the port."""
        known = np.asarray(values, dtype=np.float64)
        if len(known) < self._fewest:
            return None
        if np.ptp(known) == 0:  # nothing to fit, and its likelihood has no maximum
            expected = np.full(steps, known[-1])
            return read_paths(expected, np.repeat(expected[:, None], PATHS, axis=1))
        size = known.mean()
        # Whether it converged does not matter: what it is worth, the past windows tell.
        fitted = self._model(known / size).fit(
            maxiter=_MOST_ITERATIONS, disp=False, warn_convergence=False
        )
        expected = np.asarray(fitted.forecast(steps))
        paths = fitted.simulate(
            steps,
            anchor="end",
            repetitions=PATHS,
            random_errors=drawn_errors(np.asarray(fitted.resid), steps),
        )
        return read_paths(expected * size, np.asarray(paths).reshape(steps, PATHS) * size)

    @property
    def _fewest(self) -> int:
        """Values from which the library's heuristic start (FPP, 1st edition of 2008) works."""
        season = self.season or 1
        return max(10 + 2 * (season // 2), 2 * season)

    def _model(self, known: object) -> ETSModel:
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel

        return ETSModel(
            known,
            error="add",
            trend="add" if self.trend else None,
            damped_trend=self.trend,
            seasonal="add" if self.season else None,
            seasonal_periods=self.season,
            # Estimated start values would be as many unknowns as the season has periods.
            initialization_method="heuristic",
        )


def methods_for(period: Period) -> tuple[ForecastMethod, ...]:
    """Give the methods for figures by the hour or by the day, the baseline first."""
    level = (PlainMean(), ExponentialSmoothing("exponential smoothing"))
    if period is Period.HOUR:
        return (
            SeasonalNaive("seasonal naive (day)", HOURS_OF_DAY),
            SeasonalNaive("seasonal naive (week)", HOURS_OF_WEEK),
            *level,
            ExponentialSmoothing("Holt-Winters (day)", HOURS_OF_DAY),
            ExponentialSmoothing("Holt-Winters (week)", HOURS_OF_WEEK),
        )
    return (
        SeasonalNaive("seasonal naive (week)", DAYS_OF_WEEK),
        *level,
        ExponentialSmoothing("damped trend (Holt)", trend=True),
        ExponentialSmoothing("Holt-Winters (week)", DAYS_OF_WEEK),
        ExponentialSmoothing("Holt-Winters (week) with damped trend", DAYS_OF_WEEK, trend=True),
    )
