"""SimilarPastTurns: the port `PastTurns` on similar-query search."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import JsonValue

from infrastructure.tools.schemas import PastTurn

if TYPE_CHECKING:
    from infrastructure.similar.service import SimilarQueries
    from projections.similar_queries import SimilarView

NEAR = 0.5
"""Cosine from which on meanings are near enough when not one word is shared."""

LOOKED_THROUGH = 20
"""Hits that are looked through for those that are near enough, at least."""


NOBODY = UUID(int=0)
"""Asks in no session, and so for no subject."""

WHOLE = 2**31 - 1
"""Characters of a text: all of them."""


class SimilarPastTurns:
    """Finds what was said in earlier sessions, by its words and its meaning.

    Args:
        similar: gives the search when it is first needed.
        catch_up: brings the read models up to date before each search; without it the search
            finds what somebody else has brought in.
    """

    def __init__(
        self, similar: Callable[[], SimilarQueries], catch_up: Callable[[], object] | None = None
    ) -> None:
        self._similar = similar
        self._catch_up = catch_up

    def search(self, text: str, limit: int, exclude: UUID | None) -> list[dict[str, JsonValue]]:
        """Find turns that share a word or are near in meaning, best first; see the port.

        Returns:
            Dictionaries of the shape `PastTurn`.

        Raises:
            UnavailableError: the database cannot be used.
        """
        from infrastructure.similar.search import SimilarRequest  # noqa: PLC0415 - heavy

        if self._catch_up is not None:
            self._catch_up()
        request = SimilarRequest(
            text, within=exclude or NOBODY, limit=max(limit, LOOKED_THROUGH), length=WHOLE
        )
        page = self._similar().search(request, patience_s=0)
        near = [hit for hit in page.items if _is_near(hit)]
        return [
            PastTurn(
                session_id=str(hit.session_id),
                speaker=hit.speaker,
                text=hit.text,
                said_at=hit.said_at.isoformat(),
                position=hit.position,
            ).model_dump(mode="json")
            for hit in near[:limit]
        ]


def _is_near(hit: SimilarView) -> bool:
    return hit.word_score > 0 or (hit.similarity or 0.0) >= NEAR
