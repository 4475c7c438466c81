"""Replay: the part of the synchronous Python API that goes through sessions again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from hansard.api.caller import Caller
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from application.replaying.frames import Frames
    from application.replaying.views import ReplayVerificationView


class Replay:
    """Goes through sessions again for ordinary programs; a part of `Hansard`.

    Each method runs the method of the same name of `AsyncReplay`, which documents it.
    """

    def replay(
        self: Caller,
        session: str | UUID,
        at: Moment | None = None,
        *,
        since: Moment | None = None,
    ) -> Frames:
        """Go through a session event by event."""
        return self._call(self._inner.replay, session, at, since=since)

    def verify_replay(
        self: Caller,
        session: str | UUID | None = None,
        at: Moment | None = None,
        *,
        bundle: str | Path | None = None,
        key: str | None = None,
    ) -> ReplayVerificationView:
        """Recompute every decision of a session from recorded answers, and compare."""
        return self._call(self._inner.verify_replay, session, at, bundle=bundle, key=key)
