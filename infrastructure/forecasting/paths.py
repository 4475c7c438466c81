"""Paths: many possible futures of a series, from which expectations and intervals are read."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain.forecasting import COVERAGE, Estimate, Prediction

Series: TypeAlias = NDArray[np.float64]

PATHS = 500
SEED = 20_261_003
"""Futures are drawn with a fixed seed: the same history always gets the same forecast."""


def drawn_errors(residuals: Series, steps: int) -> Series:
    """Draw past errors with replacement, one row a step and one column a path (bootstrap).

    They are taken as they were, without a bell curve: counts and costs are skewed.
    """
    centred = residuals - residuals.mean()
    return np.random.default_rng(SEED).choice(centred, size=(steps, PATHS))


def read_paths(expected: Series, paths: Series) -> Prediction:
    """Read the prediction off: what is expected, and quantiles of the paths.

    Args:
        expected: one value a step.
        paths: one row a step, one column a path.
    """
    tails = [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]
    means = np.maximum(expected, 0.0)
    lows, highs = np.maximum(np.quantile(paths, tails, axis=1), 0.0)
    # Paths are added up as they are: cut off at zero, their sum would lie too high.
    low, high = np.maximum(np.quantile(paths.sum(axis=0), tails), 0.0)
    return Prediction(
        steps=tuple(_estimate(*figures) for figures in zip(means, lows, highs, strict=True)),
        total=_estimate(means.sum(), low, high),
    )


def _estimate(mean: float, low: float, high: float) -> Estimate:
    """Make an estimate; of what is skewed, the mean can lie outside the middle of the paths."""
    return Estimate(mean=float(mean), low=float(min(low, mean)), high=float(max(high, mean)))
