"""ConversationSearch: the port `PastTurns` on the read model of conversations."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from pydantic import JsonValue

from infrastructure.read_models import ReadModels
from infrastructure.tools.schemas import PastTurn


class ConversationSearch:
    """Full-text search over what was said in earlier sessions.

    Args:
        catch_up: brings the read model up to date before each search; without it the search
            finds what somebody else has brought in.
    """

    def __init__(
        self, read_models: ReadModels, catch_up: Callable[[], object] | None = None
    ) -> None:
        self._read_models = read_models
        self._catch_up = catch_up

    def search(self, text: str, limit: int, exclude: UUID | None) -> list[dict[str, JsonValue]]:
        """Find turns whose words match, best first; see the port.

        Returns:
            Dictionaries of the shape `PastTurn`.

        Raises:
            UnavailableError: the database cannot be used.
        """
        from projections.conversation_history import search_turns  # noqa: PLC0415 - heavy

        if self._catch_up is not None:
            self._catch_up()
        with self._read_models.reading() as connection:
            page = search_turns(connection, text, exclude=exclude, limit=limit)
        return [
            PastTurn(
                session_id=str(turn.session_id),
                speaker=turn.speaker,
                text=turn.text,
                said_at=turn.said_at.isoformat(),
                position=turn.position,
            ).model_dump(mode="json")
            for turn in page.items
        ]
