"""Similar: the part of the synchronous Python API that finds what was asked before."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from hansard.api.asynchronous_similar import ignore_progress
from hansard.api.caller import Caller
from hansard.api.moments import Moment

if TYPE_CHECKING:
    from hansard.bootstrap import DeadLetterView, ModelView, RebuildView
    from projections.conversation_history import TurnView
    from projections.protocol import Page
    from projections.similar_queries import SimilarPage


class Similar:
    """Finds what was said for ordinary programs; a part of `Hansard`.

    Each method runs the method of the same name of `AsyncSimilar`, which documents it.
    """

    def similar(  # noqa: PLR0913 - filters
        self: Caller,
        text: str,
        at: Moment | None = None,
        agent: str | None = None,
        session: str | UUID | None = None,
        limit: int = 5,
        *,
        kind: str | None = None,
    ) -> SimilarPage:
        """Find what users asked and were told that is near to a text, best first."""
        return self._call(self._inner.similar, text, at, agent, session, limit, kind=kind)

    def turns(  # noqa: PLR0913 - filters
        self: Caller,
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
        """List what was said, oldest first."""
        return self._call(
            self._inner.turns,
            session,
            speaker=speaker,
            text=text,
            rewound=rewound,
            what_ifs=what_ifs,
            at=at,
            after=after,
            limit=limit,
        )

    def similar_models(self: Caller) -> list[ModelView]:
        """List the embedders whose vectors are, were or will be searched, oldest first."""
        return self._call(self._inner.similar_models)

    def similar_dead_letters(self: Caller, *, retry: bool = False) -> list[DeadLetterView]:
        """List items that an embedder refused for good."""
        return self._call(self._inner.similar_dead_letters, retry=retry)

    def rebuild_similar(
        self: Caller,
        model: str | None = None,
        *,
        dry_run: bool = False,
        on_progress: Callable[[int, int], None] = ignore_progress,
    ) -> RebuildView:
        """Embed all items anew beside the live vectors; progress is told from another thread."""
        return self._call(
            self._inner.rebuild_similar, model, dry_run=dry_run, on_progress=on_progress
        )
