"""Read side: the part of the house that keeps read models and answers questions from them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from functools import cached_property, partial
from pathlib import Path
from threading import Event, RLock, Thread
from typing import TYPE_CHECKING, Any

from application.errors import NotFoundError, UnavailableError
from infrastructure.database import Database
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.wakeup import Wakeup
from infrastructure.read_models import ReadModels
from infrastructure.settings import Settings

if TYPE_CHECKING:
    import sqlalchemy as sa

    from domain.forecasting import ForecastMethod
    from infrastructure.projecting import ProjectionRunner, ProjectionStatus
    from infrastructure.similar.service import SimilarQueries
    from projections.load_history import Period
    from projections.similar_queries import SimilarPage

CATCH_UP_S = 10.0
"""Seconds that a question waits for the newest events before it is answered without them."""

BEGIN_S = 1.0
"""Seconds after which read models are kept up to date during a run; one that is over sooner leaves
that to whoever asks next, and does not load what it takes."""

logger = logging.getLogger(__name__)


class ReadSide:
    """Keeps the read models up to date once they are used, and reads them.

    What it needs is heavy, so that it is loaded with the first use. May be used from several
    threads.

    Args:
        wakeup: tells of appends.
        closing: ends what was begun.
    """

    settings: Settings
    database: Database
    log: PostgresEventLog

    def _begin_read_side(self, wakeup: Wakeup, closing: ExitStack) -> None:
        self._wakeup = wakeup
        self._closing = closing
        self._read_models = ReadModels(partial(self.database.connect, autocommit=False))
        closing.callback(self._read_models.close)
        self._opening = RLock()
        self._closed = Event()
        self._runner: ProjectionRunner | None = None
        self._follower: Thread | None = None

    @property
    def projections(self) -> ProjectionRunner:
        """The runner of the read models, which follows the log from the first use on.

        Raises:
            UnavailableError: the house is closed.
        """
        from infrastructure.projecting import ProjectionRunner, ProjectionThread  # noqa: PLC0415 - heavy

        with self._opening:
            if self._runner is None:
                self._check_open()
                runner = ProjectionRunner(self.log, self.database.pool, self.database.connect)
                thread = ProjectionThread(runner, self._wakeup)
                self._closing.callback(thread.stop)
                thread.start()
                self._runner = runner
            return self._runner

    @property
    def similar(self) -> SimilarQueries:
        """Similar-query search, whose vectors follow the log from the first use on."""
        with self._opening:
            return self._similar

    def keep_up(self) -> None:
        """Keep the read models up to date from now on, in the background; returns at once."""
        with self._opening:
            if self._runner is None and self._follower is None and not self._closed.is_set():
                self._follower = Thread(
                    target=self._begin_following, name="hansard-read-side", daemon=True
                )
                self._follower.start()

    def catch_up(self) -> None:
        """Bring the read models up to date as far as that takes seconds, and say what is not."""
        for status in self.projections.catch_up(patience_s=CATCH_UP_S):
            if status.stopped:
                logger.warning(
                    "The read model %r stopped at position %d (%s): its answers end there.",
                    status.name,
                    status.failed_position,
                    status.error,
                )

    def messages_settled_until(self) -> int:
        """Tell a position up to which every message has come to its end, as far as is known."""
        from projections.messages import settled_until  # noqa: PLC0415 - heavy

        with self._read_models.reading() as connection:
            return settled_until(connection)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Bring the read models up to date and give a connection to query them."""
        self.catch_up()
        with self._read_models.reading() as connection:
            yield connection

    @contextmanager
    def working(
        self,
        projections: Sequence[str],
        on_led: Callable[[frozenset[str]], None],
        metrics_port: int | None = None,
    ) -> Iterator[tuple[ProjectionRunner, str | None]]:
        """Keep read models, and what is searched for similar queries, while the context lasts.

        Args:
            projections: names of the read models to keep; all of them when empty.
            on_led: told, in another thread, which read models this process leads.
            metrics_port: port on this machine to serve metrics on; 0 for any that is free.

        Yields:
            The runner, and the address of the metrics.

        Raises:
            NotFoundError: there is no read model of that name.
            BadRequestError: the port cannot be used.
        """
        from infrastructure.projecting import ProjectionThread  # noqa: PLC0415 - heavy
        from infrastructure.projecting.metrics_server import serving  # noqa: PLC0415
        from projections.similar_queries import NAME as SIMILAR_QUERIES  # noqa: PLC0415

        runner = self.runner_of(projections)
        serves = nullcontext() if metrics_port is None else serving(metrics_port, runner.metrics)
        thread = ProjectionThread(runner, self._wakeup, on_led)
        with serves as address:
            thread.start()
            try:
                if SIMILAR_QUERIES in runner.names:
                    _ = self.similar.thread  # begins with its first use
                yield runner, address
            finally:
                thread.stop()

    def work_off(self, projections: Sequence[str]) -> tuple[ProjectionStatus, ...]:
        """Bring read models, and what is searched for similar queries, up to date once.

        Args:
            projections: as for `working`.

        Raises:
            NotFoundError: there is no read model of that name.
            UnavailableError: the database cannot be used.
        """
        from projections.similar_queries import NAME as SIMILAR_QUERIES  # noqa: PLC0415 - heavy

        runner = self.runner_of(projections)
        with closing(runner):
            statuses = runner.catch_up()
        if SIMILAR_QUERIES in runner.names:
            with closing(self.similar.worker) as worker:
                worker.advance()
        return statuses

    def runner_of(self, projections: Sequence[str] = ()) -> ProjectionRunner:
        """Make a runner of some read models, or of all when none is named; it begins nothing.

        Raises:
            NotFoundError: there is no read model of that name.
        """
        from infrastructure.projecting import ProjectionRunner  # noqa: PLC0415 - heavy
        from projections.catalogue import PROJECTIONS  # noqa: PLC0415 - heavy

        known = {each.name: each for each in PROJECTIONS}
        for name in projections:
            if name not in known:
                raise NotFoundError("read model", name, f"The read models are {', '.join(known)}.")
        chosen = [known[name] for name in dict.fromkeys(projections or known)]
        return ProjectionRunner(self.log, self.database.pool, self.database.connect, chosen)

    def find_similar(self, text: str, **choices: Any) -> SimilarPage:
        """Bring the read models up to date and search; choices are those of `SimilarRequest`."""
        from infrastructure.similar.search import SimilarRequest  # noqa: PLC0415 - heavy

        self.catch_up()
        return self.similar.search(SimilarRequest(text, **choices))

    def forecast_methods(self, period: Period) -> tuple[ForecastMethod, ...]:
        """Give the methods that figures of a period are forecast by, the baseline first."""
        from infrastructure.forecasting import methods_for  # noqa: PLC0415 - heavy

        return methods_for(period)

    def write_report(
        self,
        file: Path,
        ask: Callable[[sa.Connection], dict[str, Any]],
        *,
        force: bool,
        tell: Callable[[str], None],
    ) -> Path:
        """Write a report.

        Args:
            ask: gives the fields of `infrastructure.report.ReportQuestion`.
            tell: is told what is being worked on.

        Raises:
            ConflictError: the file exists and must not be replaced.
            BadRequestError: the file cannot be written.
        """
        from infrastructure import report  # noqa: PLC0415 - heavy

        report.check_writable(file, force=force)
        tell("Bringing the read models up to date")
        with self.reading() as connection:
            question = report.ReportQuestion(**ask(connection))
            view = report.gather(connection, self.log, question, tell)
        view = report.foresee(view, tell)
        tell("Drawing the charts")
        return report.write_page(file, report.render(view), force=force)

    def _end_read_side(self) -> None:
        """Let nothing begin any more."""
        self._closed.set()
        with self._opening:
            follower = self._follower
        if follower is not None:
            follower.join()

    @cached_property
    def _similar(self) -> SimilarQueries:
        from infrastructure.similar.service import SimilarQueries  # noqa: PLC0415 - heavy

        self._check_open()
        return SimilarQueries(self.database, self.settings, self._closing)

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise UnavailableError("Hansard is closed: open it again to go on.")

    def _begin_following(self) -> None:
        if self._closed.wait(BEGIN_S):
            return
        try:
            _ = self.projections
        except UnavailableError as error:
            logger.debug("read models are not kept up to date: %s", error)
