"""Outlook: the part of the synchronous Python API that tells the situation, forecasts, reports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hansard.api.asynchronous_outlook import ignore
from hansard.api.asynchronous_similar import ignore_progress
from hansard.api.caller import Caller
from hansard.api.moments import Bound, Moment

if TYPE_CHECKING:
    from projections.load_forecast import LoadForecastView
    from projections.situation import SituationView


class Outlook:
    """Tells ordinary programs how things stand and will go on; a part of `Hansard`.

    Each method runs the method of the same name of `AsyncOutlook`, which documents it.
    """

    def situation(
        self: Caller, at: Moment | None = None, *, window: timedelta = timedelta(hours=1)
    ) -> SituationView:
        """Tell who is doing what, now or at a past moment, and how busy everybody has been."""
        return self._call(self._inner.situation, at, window=window)

    def forecast(
        self: Caller,
        at: Moment | None = None,
        *,
        on_progress: Callable[[int, int], None] = ignore_progress,
        **question: Any,
    ) -> LoadForecastView:
        """Forecast the load of the coming hours or days, with the error such forecasts had."""
        return self._call(self._inner.forecast, at, on_progress=on_progress, **question)

    def report(  # noqa: PLR0913 - choices, all by keyword
        self: Caller,
        file: str | Path,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
        title: str = "What the organisation did",
        force: bool = False,
        on_progress: Callable[[str], None] = ignore,
    ) -> Path:
        """Write a report on what the organisation did: one HTML page that needs nothing else."""
        return self._call(
            self._inner.report,
            file,
            since=since,
            until=until,
            at=at,
            title=title,
            force=force,
            on_progress=on_progress,
        )
