"""Tail: the part of the synchronous Python API that watches the log."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING
from uuid import UUID

from hansard.api.caller import Caller
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from application.tailing import EventView


class Tail:
    """Watches the log for ordinary programs; a part of `Hansard`."""

    def tail(  # noqa: PLR0913 - filters, all by keyword
        self: Caller,
        session: str | UUID | None = None,
        *,
        types: Collection[str] = (),
        actor: str | None = None,
        since: Moment | None = None,
        last: int = 20,
        follow: bool = False,
        bookmark: str | None = None,
        full: bool = False,
    ) -> Iterator[EventView]:
        """Give the events of the log in order of position, and those to come if that is wanted.

        It stops when the iterator is closed or forgotten; see `AsyncTail.tail` for the rest.
        """
        events = self._inner.tail(
            session,
            types=types,
            actor=actor,
            since=since,
            last=last,
            follow=follow,
            bookmark=bookmark,
            full=full,
        )

        async def following() -> EventView | None:
            return await anext(events, None)

        try:
            while not events.closed:  # it is closed together with Hansard
                view = self._call(following)
                if view is not None:
                    yield view
        finally:
            if not events.closed:
                self._call(events.aclose)
