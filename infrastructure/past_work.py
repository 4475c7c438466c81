"""RecordedPastWork: the port `PastWork` on the read models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from application.teaming import Work

if TYPE_CHECKING:
    import sqlalchemy as sa

    from projections.collaboration import WorkDone


class RecordedPastWork:
    """Tells from the read models what agents did, alone and together.

    Args:
        reading: gives a connection to query read models that are up to date.
    """

    def __init__(self, reading: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        self._reading = reading

    def work(self, since: Mapping[str, int], until: int) -> Mapping[str, Work]:
        """Tell what agents did up to a position; see the port.

        Raises:
            UnavailableError: the database cannot be used.
        """
        from projections.collaboration import work_done  # noqa: PLC0415 - heavy

        with self._reading() as connection:
            done = work_done(connection, since, until)
        return {handle: _work(figures) for handle, figures in done.items()}

    def together(self, until: int) -> Mapping[tuple[str, str], int]:
        """Count the sessions in which two agents both completed tasks; see the port.

        Raises:
            UnavailableError: the database cannot be used.
        """
        from projections.collaboration import worked_together  # noqa: PLC0415 - heavy

        with self._reading() as connection:
            return worked_together(connection, until)


def _work(done: WorkDone) -> Work:
    return Work(
        completed=done.completed,
        failed=done.failed,
        mean_s=None if done.mean_ms is None else float(done.mean_ms) / 1000,
        load=done.load,
    )
