"""AsyncSharing: the part of the Python API that reads and writes shared contexts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain.conversation import USER
from hansard.api.asynchronous_statistics import AsyncStatistics
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from application.sharing.views import SharedContextView, SharedMergeView, SharedWriteView


class AsyncSharing(AsyncStatistics):
    """Shares values in sessions for asynchronous programs; a part of `AsyncHansard`."""

    async def shared_context(
        self, session: str | UUID, at: Moment | None = None
    ) -> SharedContextView:
        """Tell what agents share in a session, as it is or was.

        Returns:
            The values with where they were written; `merged` gives them all by agent and name,
            `of(agent)` one agent's, `rendered()` a text for a prompt.

        Raises:
            NotFoundError: there is no such session, or not yet at that moment.
            BadRequestError: the moment cannot be understood.
            UnavailableError: the database cannot be used.
        """
        session_id = await self._session_id(session)

        def ask() -> SharedContextView:
            return self._house.sharing.read(session_id, self._until(at))

        return await asyncio.to_thread(ask)

    async def share(
        self, session: str | UUID, key: str, value: Any, *, agent: str = USER
    ) -> SharedWriteView:
        """Share a value in a session under an agent's own name; None takes it back.

        Raises:
            BadRequestError: the name is empty, or the value is too large or no JSON.
            NotFoundError: there is no such session.
            ConflictError: the subject of the session was forgotten.
            UnavailableError: the database cannot be used.
        """
        session_id = await self._session_id(session)
        return await asyncio.to_thread(self._house.sharing.write, session_id, agent, key, value)

    async def merge_shared_context(
        self, session: str | UUID, other: str | UUID, at: Moment | None = None
    ) -> SharedMergeView:
        """Take over what is shared in another session, such as a fork of this one.

        Nothing conflicts, the order does not matter, and what is known is not recorded again.

        Args:
            other: the session to take over from.
            at: the moment as of which the other is looked at.

        Raises:
            BadRequestError: both are the same, or the moment cannot be understood.
            NotFoundError: there is no such session, or not yet at that moment.
            ConflictError: the subject of a session was forgotten.
            UnavailableError: the database cannot be used.
        """
        into, source = await self._session_id(session), await self._session_id(other)

        def merge() -> SharedMergeView:
            house = self._house
            return house.sharing.merge(into, source, self._until(at), actor=house.person)

        return await asyncio.to_thread(merge)
