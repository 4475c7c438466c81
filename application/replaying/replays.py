"""Replays: verify a session by recomputing it, or go through it event by event."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from application.directory import Directory, load_directory
from application.evolving import without_collector
from application.history import read_lineage
from application.ports import EventReader
from application.replaying.frames import Frames
from application.replaying.history import SessionHistory, load_history
from application.replaying.journal import Payloads
from application.replaying.verifying import verify_history
from application.replaying.views import ReplayVerificationView


@dataclass(frozen=True, slots=True)
class Replays:
    """The use cases of replay, on a log that is only read.

    Attributes:
        payloads: of the events of the log, byte by byte.
    """

    log: EventReader
    payloads: Payloads

    def verify(self, session_id: UUID, until: int | None = None) -> ReplayVerificationView:
        """Recompute every decision of a session from what was recorded, and compare.

        No model and no tool is called, and nothing is appended.

        Args:
            until: position up to which it is verified; all there is by default.

        Raises:
            NotFoundError: there is no such session, or it was opened after the position.
            UnavailableError: the database or the key of a subject cannot be used.
        """
        with without_collector():
            history = self.history(session_id, until)
            return verify_history(history, self._directory, self.payloads)

    def frames(
        self, session_id: UUID, until: int | None = None, since: int | None = None
    ) -> Frames:
        """Go through a session event by event; raises as `verify` does.

        Args:
            since: position to begin with.
        """
        return Frames(self.history(session_id, until), since)

    def history(self, session_id: UUID, until: int | None = None) -> SessionHistory:
        """Read the history of a session; raises as `verify` does."""
        lineage = read_lineage(self.log, session_id, until)
        return load_history(self.log, lineage, is_whole=until is None)

    def _directory(self, position: int) -> Directory:
        return load_directory(self.log, until=position)
