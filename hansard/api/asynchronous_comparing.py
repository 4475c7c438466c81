"""AsyncComparing: the part of the Python API that compares histories and searches them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from uuid import UUID

from application.errors import BadRequestError
from application.moments import newest_before
from hansard.api.asynchronous_statistics import AsyncStatistics
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from application.comparing.views import BisectionView, DifferenceView


class AsyncComparing(AsyncStatistics):
    """Compares histories for asynchronous programs; a part of `AsyncHansard`."""

    async def diff(
        self,
        a: str | UUID,
        b: str | UUID | None = None,
        *,
        at: Moment | None = None,
        other_at: Moment | None = None,
        organisation: bool = False,
    ) -> DifferenceView:
        """Tell in what two sessions, two branches or two moments of one session differ.

        What follows from ids, positions, times and output folders alone is no difference.

        Args:
            b: the session to compare `a` with; by default `a` itself, at another moment.
            at: the moment at which `a` is looked at; now by default.
            other_at: the moment at which `b` is looked at; now by default.
            organisation: compare the organisation at these moments as well.

        Raises:
            NotFoundError: there is no such session, or not yet at that moment.
            BadRequestError: a moment cannot be understood, or `a` is compared with itself.
        """
        left = await self._session_id(a)
        right = left if b is None else await self._session_id(b)
        if b is None and at is None and other_at is None:
            raise BadRequestError(
                f"Session {str(left)!r} does not differ from itself: name another session, or a"
                " past moment (--at T)."
            )

        def ask() -> DifferenceView:
            from application.comparing.differing import compare  # noqa: PLC0415 - only here

            return compare(
                self._house.log,
                left=left,
                right=right,
                left_until=self._until(at),
                right_until=self._until(other_at),
                organisation=organisation,
            )

        return await asyncio.to_thread(ask)

    async def bisect(
        self,
        predicate: str,
        session: str | UUID | None = None,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
    ) -> BisectionView:
        """Find the first position at which a predicate holds, such as `cost_usd > 5`.

        docs/diff-and-bisect.md has the language and what it can name.

        Args:
            session: only its history, without what was taken back by rewinds; by default all
                sessions together, without what-ifs.
            since: only positions from this moment on; what came before counts all the same.
            until: only positions before this moment.

        Returns:
            What was found; `found` is None when the predicate held nowhere.

        Raises:
            BadRequestError: a moment or the predicate cannot be understood; for the predicate it
                is a `PredicateError`, which says where it is wrong.
            NotFoundError: there is no such session.
        """
        session_id = None if session is None else await self._session_id(session)

        def ask() -> BisectionView:
            from application.comparing.bisecting import bisect  # noqa: PLC0415 - only here

            log = self._house.log
            after = 0 if since is None else newest_before(since, log)
            end = None if until is None else newest_before(until, log)
            began = time.perf_counter()
            view = bisect(log, predicate, session_id, after=after, until=end)
            spent = time.perf_counter() - began
            return view.model_copy(update={"duration_ms": round(spent * 1000, 3)})

        return await asyncio.to_thread(ask)
