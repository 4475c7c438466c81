"""AsyncTail: the part of the Python API that watches the log."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from uuid import UUID

from application.errors import BadRequestError
from application.tailing import choose_types
from hansard.api.asynchronous_statistics import AsyncStatistics
from hansard.api.event_tail import EventTail, Watch
from hansard.api.moments import Moment

BOOKMARK = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


class AsyncTail(AsyncStatistics):
    """Watches the log for asynchronous programs; a part of `AsyncHansard`."""

    _tails: set[EventTail]

    def tail(  # noqa: PLR0913 - filters, all by keyword
        self,
        session: str | UUID | None = None,
        *,
        types: Collection[str] = (),
        actor: str | None = None,
        since: Moment | None = None,
        last: int = 20,
        follow: bool = False,
        bookmark: str | None = None,
        full: bool = False,
    ) -> EventTail:
        """Give the events of the log in order of position, and those to come if that is wanted.

        A log that is followed and cannot be reached is waited for.

        Args:
            session: only events that were recorded in this session; a fork's own begin where it
                left its parent.
            types: only events of these types; `task.*` stands for all whose name begins so.
            actor: only what this agent, `USER` or `SYSTEM` caused.
            since: begin with what was recorded at or after this moment.
            last: without `since`, begin with so many of the last events.
            follow: wait for what is appended, until this is closed.
            bookmark: name under which the database keeps how far this has come. Where it is known
                already, this goes on behind it whatever `since` and `last` say. Use one for each
                purpose: two programs that share one move it for each other.
            full: give events with their payloads.

        Returns:
            An asynchronous iterator; `async with` or `aclose` closes it when it is left early.

        Raises:
            BadRequestError: a type, the number or the bookmark's name cannot be understood; what
                else is wrong is raised with the first event.
        """
        if last < 0:
            raise BadRequestError(f"{last} is no number of events; say 0 or more.")
        if bookmark is not None and not BOOKMARK.fullmatch(bookmark):
            raise BadRequestError(
                f"{bookmark!r} is no name of a bookmark: use up to 100 letters, digits and ._:-"
            )
        watch = Watch(choose_types(types), actor, since, last, follow, bookmark, full)

        async def find_session() -> UUID | None:
            if session is None:
                return None
            session_id = await self._session_id(session)
            await asyncio.to_thread(self._house.sessions.require, session_id)
            return session_id

        return EventTail(self._house, watch, find_session, self._tails)

    async def _end_tails(self) -> None:
        """Stop everything that watches, and store the bookmarks."""
        for events in list(self._tails):
            await events.aclose()
