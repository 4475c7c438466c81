"""AsyncSimilar: the part of the Python API that finds what was asked and answered before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from application.errors import BadRequestError
from hansard.api.asynchronous_statistics import AsyncStatistics
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from hansard.bootstrap import DeadLetterView, ModelView, RebuildView
    from projections.conversation_history import TurnView
    from projections.protocol import Page
    from projections.similar_queries import SimilarPage

KINDS = ("query", "answer")


def ignore_progress(_reached: int, _target: int) -> None:
    """Let progress pass unseen."""


class AsyncSimilar(AsyncStatistics):
    """Finds what was said for asynchronous programs; a part of `AsyncHansard`."""

    async def similar(  # noqa: PLR0913 - filters
        self,
        text: str,
        at: Moment | None = None,
        agent: str | None = None,
        session: str | UUID | None = None,
        limit: int = 5,
        *,
        kind: str | None = None,
    ) -> SimilarPage:
        """Find what users asked and were told that is near to a text, best first.

        An item is found by its words as soon as it is recorded, and by its meaning as soon as it is
        embedded; its `note` says when that is not yet so. Two rankings, by words and by meaning,
        are fused.

        Args:
            at: search as of this moment: later items count for nothing.
            agent: only what this agent was asked or answered.
            session: only items of this session.
            limit: how many hits at most, from 1 to 100.
            kind: only `query` or only `answer`.

        Raises:
            BadRequestError: the text is empty, or the moment or a filter cannot be understood.
            NotFoundError: there is no such session.
            UnavailableError: the database cannot be used.
        """
        session_id = None if session is None else await self._session_id(session)
        if kind not in {None, *KINDS}:
            raise BadRequestError(f"{kind!r} is no kind of item: say {' or '.join(KINDS)}.")

        def ask() -> SimilarPage:
            return self._house.find_similar(
                text,
                at=self._until(at),
                agent=agent,
                session_id=session_id,
                kind=kind,
                limit=limit,
            )

        return await asyncio.to_thread(ask)

    async def turns(  # noqa: PLR0913 - filters
        self,
        session: str | UUID | None = None,
        *,
        speaker: str | None = None,
        text: str | None = None,
        rewound: bool = False,
        what_ifs: bool = False,
        at: Moment | None = None,
        after: int = 0,
        limit: int = 50,
    ) -> Page[TurnView]:
        """List what was said, oldest first.

        Of all sessions, what was taken back is listed too, and marked as `rewound`.

        Args:
            session: only turns of this session's history; a fork's holds those of its
                parent, up to where it was forked off.
            speaker: only turns of this agent, or of `USER`.
            text: only turns that hold any of the words of this text, letter case aside.
            rewound: of one session, list also what was said in it and taken back.
            what_ifs: of all sessions, list also what was said in what-ifs.
            at: only what had been said at this moment.
            after: `next` of the page that came before.

        Raises:
            BadRequestError: the moment cannot be understood.
            NotFoundError: there is no such session.
            UnavailableError: the database cannot be used.
        """
        session_id = None if session is None else await self._session_id(session)

        def ask() -> Page[TurnView]:
            from projections.conversation_history import list_turns  # noqa: PLC0415 - heavy

            if session_id is not None:
                self._house.sessions.require(session_id)
            with self._house.reading() as connection:
                return list_turns(
                    connection,
                    at=self._until(at),
                    session_id=session_id,
                    speaker=speaker,
                    text=text,
                    rewound=rewound,
                    what_ifs=what_ifs,
                    after=after,
                    limit=limit,
                )

        return await asyncio.to_thread(ask)

    async def similar_models(self) -> list[ModelView]:
        """List the embedders whose vectors are, were or will be searched, oldest first."""
        return await asyncio.to_thread(lambda: self._house.similar.models())  # noqa: PLW0108 - it connects

    async def similar_dead_letters(self, *, retry: bool = False) -> list[DeadLetterView]:
        """List items that an embedder refused for good; they are found by their words alone.

        Args:
            retry: embed them again first.

        Raises:
            UnavailableError: the database or the embedder cannot be used.
        """

        def ask() -> list[DeadLetterView]:
            if retry:
                self._house.similar.retry()
            return self._house.similar.dead_letters()

        return await asyncio.to_thread(ask)

    async def rebuild_similar(
        self,
        model: str | None = None,
        *,
        dry_run: bool = False,
        on_progress: Callable[[int, int], None] = ignore_progress,
    ) -> RebuildView:
        """Embed all items anew beside the live vectors, compare both, and let the new ones serve.

        Searches go on meanwhile. The comparison repeats searches that were made.

        Args:
            model: name of the embedder as in the settings; the live one by default.
            dry_run: build and compare, and keep the live vectors.
            on_progress: is told the position that was reached, and the one to be reached.

        Raises:
            BadRequestError: there is no such embedder here, or the settings want another one.
            NotFoundError: nothing was said yet.
            ConflictError: another rebuild took its place.
            UnavailableError: the database or the embedder cannot be used.
        """

        def rebuild() -> RebuildView:
            self._house.catch_up()
            return self._house.similar.rebuild(model, dry_run=dry_run, tell=on_progress)

        return await asyncio.to_thread(rebuild)
