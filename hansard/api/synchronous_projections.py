"""Projections: the part of the synchronous Python API that looks after read models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hansard.api.asynchronous_projections import Progress
from hansard.api.caller import Caller

if TYPE_CHECKING:
    from hansard.bootstrap import ProjectionStatus


class Projections:
    """Looks after read models for ordinary programs; a part of `Hansard`.

    Each method runs the method of the same name of `AsyncProjections`, which documents it.
    """

    def projections(self: Caller) -> list[ProjectionStatus]:
        """Tell how every read model stands."""
        return self._call(self._inner.projections)

    def rebuild_projections(
        self: Caller, names: Iterable[str] = (), *, on_progress: Progress | None = None
    ) -> list[ProjectionStatus]:
        """Build read models anew from the log, while the old ones go on answering."""
        return self._call(self._inner.rebuild_projections, names, on_progress=on_progress)

    def pause_projection(self: Caller, name: str) -> None:
        """Let a read model stand where it is until it is resumed."""
        return self._call(self._inner.pause_projection, name)

    def resume_projection(self: Caller, name: str) -> None:
        """Let a paused read model go on, or a stopped one try again."""
        return self._call(self._inner.resume_projection, name)

    def set_event_aside(self: Caller, projection: str, reason: str) -> int:
        """Let a stopped read model do without the event that it stopped at."""
        return self._call(self._inner.set_event_aside, projection, reason)
