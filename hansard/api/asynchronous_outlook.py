"""AsyncOutlook: the part of the Python API that tells the situation, forecasts and reports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from application.directory import load_directory
from application.errors import BadRequestError
from application.moments import newest_before, time_of
from domain.value import Value
from hansard.api.asynchronous_similar import ignore_progress
from hansard.api.asynchronous_statistics import AsyncStatistics
from hansard.api.moments import Bound, Moment, Range

if TYPE_CHECKING:
    import sqlalchemy as sa

    from projections.load_forecast import LoadForecastView
    from projections.situation import SituationView

V = TypeVar("V", bound=Value)


def ignore(_: object) -> None:
    """Listen to nothing."""


class AsyncOutlook(AsyncStatistics):
    """Tells asynchronous programs how things stand and will go on; a part of `AsyncHansard`."""

    async def situation(
        self, at: Moment | None = None, *, window: timedelta = timedelta(hours=1)
    ) -> SituationView:
        """Tell who is doing what, now or at a past moment, and how busy everybody has been.

        Args:
            window: time before the moment over which utilisation is taken.

        Raises:
            BadRequestError: the moment cannot be understood, or the window is not positive.
        """
        return await asyncio.to_thread(self._situation, at, window)

    async def forecast(
        self,
        at: Moment | None = None,
        *,
        on_progress: Callable[[int, int], None] = ignore_progress,
        **question: Any,
    ) -> LoadForecastView:
        """Forecast the load of the coming hours or days, with the error such forecasts had so far.

        Args:
            at: the moment to ask at; what was recorded later does not count.
            on_progress: told how many series are forecast out of how many, from another thread.
            question: fields of `projections.load_forecast.LoadQuestion`: `measure` (`tasks`,
                `duration`, `cost`), `by` (`agent`, `department`), `horizon` (`24h`, `7d`), `limit`.

        Raises:
            BadRequestError: the moment or a field of the question cannot be understood.
        """
        return await asyncio.to_thread(self._forecast, question, at, on_progress)

    async def report(  # noqa: PLR0913 - choices, all by keyword
        self,
        file: str | Path,
        *,
        since: Bound | None = None,
        until: Bound | None = None,
        at: Moment | None = None,
        title: str = "What the organisation did",
        force: bool = False,
        on_progress: Callable[[str], None] = ignore,
    ) -> Path:
        """Write a report on what the organisation did: one HTML page that needs nothing else.

        Args:
            since: count only what was recorded at this moment or later.
            until: count only what was recorded before this moment.
            at: report as it would have been at this moment.
            force: replace the file if it exists.
            on_progress: told what is being worked on, from another thread.

        Returns:
            The file that was written.

        Raises:
            ConflictError: the file exists.
            BadRequestError: a moment cannot be understood, or the file cannot be written.
        """
        span, house = Range(since, until, at), self._house

        def ask(connection: sa.Connection) -> dict[str, Any]:
            after, end = span.resolve(house.log, connection)
            return {
                "as_of": span.ends_at(house.log, connection),
                "after": after,
                "at": end,
                "since": None if since is None else str(since),
                "until": None if until is None else str(until),
                "title": title,
            }

        return await asyncio.to_thread(
            house.write_report, Path(file), ask, force=force, tell=on_progress
        )

    def _situation(self, at: Moment | None, window: timedelta) -> SituationView:
        from projections.clock import database_time  # noqa: PLC0415 - heavy
        from projections.situation import Post, situation  # noqa: PLC0415 - heavy

        if window <= timedelta():
            raise BadRequestError(f"The window {window} is empty; give a longer one.")
        log, until = self._house.log, self._until(at)
        staff = load_directory(log, until).agents.values()
        posts = [Post(each.handle, each.post.department) for each in staff if each.active]
        with self._house.reading() as connection:
            as_of = time_of(at, log, database_time(connection))
            after = newest_before(as_of - window, log)
            return situation(connection, posts, as_of=as_of, window=window, after=after, at=until)

    def _forecast(
        self, question: dict[str, Any], at: Moment | None, tell: Callable[[int, int], None]
    ) -> LoadForecastView:
        from projections.clock import database_time  # noqa: PLC0415 - heavy
        from projections.load_forecast import (  # noqa: PLC0415 - heavy
            LoadQuestion,
            forecast_load,
            read_load,
        )

        asked = validated(LoadQuestion, question)
        log, until = self._house.log, self._until(at)
        methods = self._house.forecast_methods(asked.period)
        with self._house.reading() as connection:
            as_of = time_of(at, log, database_time(connection))
            after = newest_before(asked.looks_back_to(as_of), log)
            load = read_load(connection, asked, as_of=as_of, after=after, at=until)
        return forecast_load(load, methods, progress=tell)


def validated(kind: type[V], values: dict[str, Any]) -> V:
    """Make a value of what a caller gave.

    Raises:
        BadRequestError: a field cannot be used; says which and why.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        detail = error.errors()[0]
        name = ".".join(map(str, detail["loc"]))
        raise BadRequestError(
            f"{name} {detail['input']!r} cannot be used:"
            f" {detail['msg'].removeprefix('Value error, ')}."
        ) from error
