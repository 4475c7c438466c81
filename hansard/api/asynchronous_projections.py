"""AsyncProjections: the part of the Python API that looks after read models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hansard.bootstrap import House, ProjectionStatus

Progress = Callable[[int, int], None]
"""Is told the position that was reached, and the one that is to be reached, from another thread."""


class AsyncProjections:
    """Looks after read models for asynchronous programs; a part of `AsyncHansard`."""

    _house: House

    async def projections(self) -> list[ProjectionStatus]:
        """Tell how every read model stands: how far it has come, its lag, and what went wrong.

        Raises:
            UnavailableError: the database cannot be used.
        """
        return list(await asyncio.to_thread(lambda: self._house.runner_of().status()))

    async def rebuild_projections(
        self, names: Iterable[str] = (), *, on_progress: Progress | None = None
    ) -> list[ProjectionStatus]:
        """Build read models anew from the log, while the old ones go on answering.

        A new one takes the place of the old one when it has come as far. Events that were set aside
        are tried again.

        Args:
            names: which; all of them by default.
            on_progress: told how far the slowest of them has come.

        Raises:
            NotFoundError: there is no such read model.
            ConflictError: one is paused, or cannot take in an event; the old one stays.
            UnavailableError: the database cannot be used.
        """

        def rebuild() -> list[ProjectionStatus]:
            runner = self._house.projections
            return list(runner.rebuild_together(list(names) or runner.names, on_progress))

        return await asyncio.to_thread(rebuild)

    async def pause_projection(self, name: str) -> None:
        """Let a read model stand where it is; its answers stay as they are until it is resumed.

        Raises:
            NotFoundError: there is no such read model.
            UnavailableError: the database cannot be used.
        """
        await asyncio.to_thread(lambda: self._house.runner_of().pause(name))

    async def resume_projection(self, name: str) -> None:
        """Let a paused read model go on, or a stopped one try again the event that it stopped at.

        Raises:
            NotFoundError: there is no such read model.
            UnavailableError: the database cannot be used.
        """
        await asyncio.to_thread(lambda: self._house.runner_of().resume(name))

    async def set_event_aside(self, projection: str, reason: str) -> int:
        """Let a stopped read model do without the event that it stopped at.

        The event is listed and counted with the read model from then on.

        Args:
            reason: why; kept with the event.

        Returns:
            The event's position.

        Raises:
            NotFoundError: there is no such read model.
            ConflictError: it has not stopped.
            BadRequestError: there is no reason.
            UnavailableError: the database cannot be used.
        """
        return await asyncio.to_thread(
            lambda: self._house.runner_of().set_aside(projection, reason)
        )
