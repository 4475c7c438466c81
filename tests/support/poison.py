"""Poison: read models of turns that cannot take in what somebody says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from domain.event import RecordedEvent
from projections.conversation_history import CONVERSATION_HISTORY, turns
from projections.protocol import Batch, Projection
from tests.support.read_side import ReadSide

TURN = "conversation.turn_taken"


def breaking_at(word: str, projection: Projection = CONVERSATION_HISTORY) -> Projection:
    """Let a read model of turns break at the turns that say a word."""

    def handle(batch: Batch, recorded: RecordedEvent) -> None:
        event: Any = recorded.event
        if word in event.turn.text:
            raise ValueError(f"cannot take in {word!r}")
        projection.handlers[recorded.type](batch, recorded)

    return replace(projection, handlers={TURN: handle})


def texts(read_side: ReadSide) -> list[str]:
    """Read what the read model says was said, in order."""
    with read_side.read_models.reading() as connection:
        return [*connection.scalars(sa.select(turns.columns.text).order_by(turns.columns.position))]
