"""Forecasting by a statistics library: the methods that `domain.forecasting` chooses among."""

from __future__ import annotations

from infrastructure.forecasting.methods import methods_for

__all__ = ["methods_for"]
