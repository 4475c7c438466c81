"""AsyncBranching: the part of the Python API that goes back in time, and on from there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from application.branching import Branch, ForkView, RewindView
from application.directory import load_directory
from application.errors import ConflictError
from application.lineages import LineageView, lineage_view
from application.views import MomentView, OrganisationView, organisation_view, session_view
from hansard.api.asynchronous_similar import AsyncSimilar
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from projections.similar_queries import SimilarView


MOST_SIMILAR = 50
"""Hits that are looked at for those of other sessions."""


class AsyncBranching(AsyncSimilar):
    """Takes sessions back and forks them for asynchronous programs; a part of `AsyncHansard`."""

    async def view(
        self, session: str | UUID, at: Moment | None = None, *, similar: int = 5
    ) -> MomentView:
        """View a moment whole: the session, the organisation, and what similar queries found then.

        Args:
            similar: how many items of other sessions that are like the request; 0 for none.

        Raises:
            NotFoundError: there is no such session, or not yet at that moment.
            BadRequestError: the moment cannot be understood.
        """
        session_id = await self._session_id(session)
        position = await asyncio.to_thread(self._position, at)
        fold = await asyncio.to_thread(self._house.sessions.fold, session_id, position)
        viewed = session_view(fold)
        found: list[SimilarView] = []
        if similar:
            page = await self.similar(viewed.request, position, limit=MOST_SIMILAR)
            found = [hit for hit in page.items if hit.session_id != session_id][:similar]
        return MomentView(
            position=position,
            session=viewed,
            organisation=await self.organisation(position),
            similar=tuple(hit.model_dump(mode="json") for hit in found),
        )

    async def organisation(self, at: Moment | None = None) -> OrganisationView:
        """View the organisation as it is, or as it was at a past moment.

        Raises:
            BadRequestError: the moment cannot be understood.
        """
        return await asyncio.to_thread(self._organisation, at)

    async def rewind(
        self,
        session: str | UUID,
        to: Moment,
        *,
        reason: str,
        cancel_effects: bool = False,
        dry_run: bool = False,
    ) -> RewindView:
        """Take a session back to what it was at a past moment; `undo` takes that back.

        One event is appended, and nothing is deleted. `resume` goes on from there.

        Args:
            reason: recorded for ever.
            cancel_effects: give up calls that are in flight, and let a process that runs the
                session stop.
            dry_run: append nothing, and tell what would be.

        Raises:
            NotFoundError: there is no such session, or not yet at that moment.
            BadRequestError: the moment cannot be understood, or there is no reason.
            ConflictError: calls are in flight, another process runs the session, or it has done
                nothing since.
        """
        session_id = await self._session_id(session)
        position = await asyncio.to_thread(self._position, to)
        return await self._house.branching.rewind(
            session_id, position, reason, cancel_effects=cancel_effects, dry_run=dry_run
        )

    async def undo(
        self,
        session: str | UUID,
        *,
        reason: str,
        cancel_effects: bool = False,
        dry_run: bool = False,
    ) -> RewindView:
        """Take the latest rewind of a session back; done twice, it is rewound again.

        Raises:
            NotFoundError: there is no such session.
            BadRequestError: there is no reason.
            ConflictError: the session was never rewound; else as `rewind` does.
        """
        session_id = await self._session_id(session)
        lineage = await asyncio.to_thread(self._house.sessions.lineage, session_id)
        if not lineage.rewinds:
            raise ConflictError(f"Session {str(session_id)!r} was never rewound.")
        return await self._house.branching.rewind(
            session_id,
            lineage.rewinds[-1].position - 1,
            reason,
            cancel_effects=cancel_effects,
            dry_run=dry_run,
        )

    async def fork(
        self,
        session: str | UUID,
        at: Moment | None = None,
        *,
        reason: str,
        output: str | Path | None = None,
        dry_run: bool = False,
    ) -> ForkView:
        """Go on from a past moment of a session as another one; the parent does not change.

        No event is copied: the fork reads its parent's. Files that were written by then are copied
        to its own output folder. `resume` lets the fork go on.

        Args:
            at: now, if it is left out.
            reason: recorded for ever.
            output: folder of the fork's results; a new one below `hansard-output` by default.
            dry_run: append and copy nothing, and tell what would be.

        Raises:
            NotFoundError: there is no such session, or not yet at that moment.
            BadRequestError: the moment cannot be understood, there is no reason, or files cannot be
                copied.
            ConflictError: the subject of the session was forgotten.
        """
        session_id = await self._session_id(session)
        position = await asyncio.to_thread(self._position, at)
        house = self._house
        fork_id = house.sessions.ids.new()
        folder = str(await asyncio.to_thread(house.output_folder, output, fork_id))
        branch = Branch(reason, lambda own: own.model_copy(update={"output_folder": folder}))
        return await house.branching.fork(
            session_id, position, branch, fork_id=fork_id, dry_run=dry_run
        )

    async def lineage(self, session: str | UUID) -> LineageView:
        """Tell what a session's history is made of: its ancestors, rewinds and forks.

        Raises:
            NotFoundError: there is no such session.
        """
        session_id = await self._session_id(session)
        return await asyncio.to_thread(lineage_view, self._house.log, session_id)

    def _position(self, at: Moment | None) -> int:
        until = self._until(at)
        return self._house.log.last_position() if until is None else until

    def _organisation(self, at: Moment | None) -> OrganisationView:
        return organisation_view(load_directory(self._house.log, self._until(at)))
