"""AsyncReplay: the part of the Python API that goes through sessions again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from application.errors import BadRequestError
from hansard.api.asynchronous_statistics import AsyncStatistics
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from application.replaying.frames import Frames
    from application.replaying.views import ReplayVerificationView


class AsyncReplay(AsyncStatistics):
    """Goes through sessions again for asynchronous programs; a part of `AsyncHansard`."""

    async def replay(
        self, session: str | UUID, at: Moment | None = None, *, since: Moment | None = None
    ) -> Frames:
        """Go through a session event by event.

        Args:
            at: the moment up to which; all there is by default.
            since: the moment that the frame with the index `first` shows; the start by default.

        Returns:
            A sequence of frames, one for each event of the session's history, each made when it is
            asked for: the session as it stood right after that event.

        Raises:
            NotFoundError: there is no such session, or not yet at that moment.
            BadRequestError: the moment cannot be understood.
            UnavailableError: the database cannot be used.
        """
        session_id = await self._session_id(session)

        def ask() -> Frames:
            replays = self._house.replays
            return replays.frames(session_id, self._until(at), self._until(since))

        return await asyncio.to_thread(ask)

    async def verify_replay(
        self,
        session: str | UUID | None = None,
        at: Moment | None = None,
        *,
        bundle: str | Path | None = None,
        key: str | None = None,
    ) -> ReplayVerificationView:
        """Recompute every decision of a session from recorded answers, and compare byte by byte.

        No model and no tool is called, and nothing is appended.

        Args:
            session: which one; not with a bundle, which holds one.
            at: the moment up to which; all there is by default. Not with a bundle.
            bundle: file that `export_proof` wrote, to be verified instead of the log. Its signature
                and its proofs are checked first.
            key: verifier key of the log, or a file that holds it, to check a bundle with; without
                it, the bundle's own, which proves nothing to whoever does not know it.

        Returns:
            What was recomputed and found; `is_verified` says whether all is well.

        Raises:
            NotFoundError: there is no such session, or not yet at that moment.
            BadRequestError: the moment cannot be understood, neither a session nor a bundle is
                given or both are, or the bundle or the key cannot be read.
            IntegrityError: the bundle is not proven.
            UnavailableError: the database, or the key of a subject, cannot be used.
        """
        if (session is None) == (bundle is None):
            raise BadRequestError("Name either a session or a bundle to verify.")
        if bundle is not None:
            from hansard.bootstrap import verify_bundle  # noqa: PLC0415 - heavy

            if at is not None:
                raise BadRequestError("A bundle is verified as a whole: leave the moment out.")
            return await asyncio.to_thread(verify_bundle, Path(bundle), key)
        if key is not None:
            raise BadRequestError("The key checks bundles: name one, or leave the key out.")
        assert session is not None  # noqa: S101 - for type checkers
        session_id = await self._session_id(session)

        def ask() -> ReplayVerificationView:
            return self._house.replays.verify(session_id, self._until(at))

        return await asyncio.to_thread(ask)
