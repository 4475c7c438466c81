"""Items are what users ask and what they are told, and nothing else."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from infrastructure.erasure.marking import ERASED
from infrastructure.lexical import DIMENSIONS, VERSION, document_weights, sparse_text
from projections import similar_queries
from projections.similar_queries import similar_items
from tests.support.histories import NOVA
from tests.support.read_side import ReadSide


def items(read_side: ReadSide, *names: str) -> list[tuple[Any, ...]]:
    with read_side.read_models.reading() as connection:
        columns = [similar_items.columns[name] for name in names]
        query = sa.select(*columns).order_by(similar_items.columns.position)
        return [tuple(row) for row in connection.execute(query)]


def test_a_turn_of_the_user_is_a_query_and_one_of_an_agent_an_answer(read_side: ReadSide) -> None:
    told = read_side.tell_plain_session("Report on Q4")
    read_side.runner().catch_up()

    assert items(read_side, "kind", "speaker", "agent", "text", "tenant") == [
        ("query", "USER", NOVA, "Report on Q4", "default"),
        ("answer", NOVA, NOVA, "All is well with the quarter.", "default"),
    ]
    assert items(read_side, "session_id", "conversation_id", "turn_id") == [
        (told.session_id, told.conversation.id, turn.turn_id) for turn in told.conversation.turns
    ]


def test_what_is_erased_or_says_nothing_is_no_item(read_side: ReadSide) -> None:
    told = read_side.open_session("Report on Q4")
    for text in (ERASED, " \n", ""):
        told.say(NOVA, text)
    read_side.runner().catch_up()

    assert items(read_side, "text") == [("Report on Q4",)]
    assert similar_queries.ERASED == ERASED


def test_words_are_stored_with_the_weights_of_the_lexicon(read_side: ReadSide) -> None:
    read_side.open_session("the margin of the Margin")
    read_side.runner().catch_up()

    with read_side.read_models.reading() as connection:
        stored = connection.scalar(sa.text("SELECT words::text FROM hansard_read.similar_items"))
    expected = sparse_text(document_weights("the margin of the Margin"))
    assert parsed(stored) == parsed(expected)


def parsed(text: str | None) -> tuple[dict[int, float], int]:
    assert text is not None
    inner, _, dimensions = text.removeprefix("{").partition("}/")
    pairs = (part.split(":") for part in inner.split(","))
    return {int(index): round(float(value), 4) for index, value in pairs}, int(dimensions)


def test_the_stored_weights_belong_to_the_version_of_the_read_model() -> None:
    assert similar_queries.WEIGHT_DIMENSIONS == DIMENSIONS
    assert (similar_queries.VERSION, VERSION) == (1, 1), "raise both when weights change"
