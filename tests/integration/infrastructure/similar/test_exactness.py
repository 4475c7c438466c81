"""A search as of T answers as one that never heard of anything later, and as brute force does."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infrastructure.embedders.deterministic import DeterministicEmbedder
from infrastructure.lexical import document_weights, query_weights
from infrastructure.similar.statements import DEFAULT_WEIGHTS, DEPTH, SMOOTHING
from tests.support.postgres import TestServer
from tests.support.similar import SimilarSide, Talk, open_similar_side

WORDS = ["rent", "margin", "revenue", "Bavaria", "quarter", "the", "of", "is", "???", "fell"]

examples = count(1)
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join)
turns = st.tuples(st.integers(0, 3), st.booleans(), texts)
Story = list[tuple[int, bool, str]]
stories = st.lists(turns, min_size=1, max_size=25)
relaxed = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def replica(postgres_server: TestServer) -> Iterator[SimilarSide]:
    """A second database, which is told less."""
    with postgres_server.fresh_database() as conninfo, open_similar_side(conninfo) as side:
        yield side


def tell(side: SimilarSide, story: Story, tenant: str) -> list[int]:
    """Tell a story in four sessions of one tenant, and give the position of each turn."""
    talks: dict[int, Talk] = {}
    positions = []
    for number, asks, text in story:
        talk = talks.setdefault(number, side.talk(tenant=tenant))
        positions.append(talk.ask(text) if asks else talk.answer(text))
    return positions


def brute_force(story: Story, query: str) -> list[int]:
    """Rank turns as the definition says: numbers of turns, best first."""
    embedder = DeterministicEmbedder()
    rows = embedder.embed([text for _, _, text in story]).astype(np.float16).astype(np.float32)
    [vector] = embedder.embed([query]).astype(np.float16).astype(np.float32)
    wanted = query_weights(query)
    near = {turn: float(row @ vector) for turn, row in enumerate(rows) if row.any()}
    best = {
        turn: sum(
            weight * wanted.get(dimension, 0.0)
            for dimension, weight in document_weights(text).items()
        )
        for turn, (_, _, text) in enumerate(story)
    }
    fused: dict[int, float] = {}
    rankings = (
        (DEFAULT_WEIGHTS.meaning, near if vector.any() else {}),
        (DEFAULT_WEIGHTS.words, {turn: score for turn, score in best.items() if score > 0}),
    )
    for weight, scores in rankings:
        ordered = sorted(scores, key=lambda turn: (-round(scores[turn], 5), -turn))
        for rank, turn in enumerate(ordered[:DEPTH], start=1):
            fused[turn] = fused.get(turn, 0.0) + weight / (SMOOTHING + rank)
    return sorted(fused, key=lambda turn: (-fused[turn], -turn))


@given(story=stories, query=texts, data=st.data())
@relaxed
def test_answers_as_of_a_moment_equal_those_of_a_replica_that_was_told_no_more(
    side: SimilarSide, replica: SimilarSide, story: Story, query: str, data: st.DataObject
) -> None:
    tenant = f"tenant-{next(examples)}"
    told = data.draw(st.integers(1, len(story)), label="turns told")
    ours = tell(side, story, tenant)
    theirs = tell(replica, story[:told], tenant)
    side.catch_up()
    replica.catch_up()

    full = side.search(query, tenant=tenant, at=ours[told - 1], limit=30)
    part = replica.search(query, tenant=tenant, limit=30)

    def place(position: int | None, positions: list[int]) -> int | None:
        return None if position is None else positions.index(position)

    varying = {
        *("position", "session_id", "conversation_id", "turn_id", "said_at"),
        *("answer_position", "query_position"),
    }
    assert [
        (
            place(hit.position, ours),
            place(hit.answer_position, ours),
            hit.model_dump(exclude=varying),
        )
        for hit in full.items
    ] == [
        (
            place(hit.position, theirs),
            place(hit.answer_position, theirs),
            hit.model_dump(exclude=varying),
        )
        for hit in part.items
    ]


@given(story=stories, query=texts)
@relaxed
def test_hits_and_their_order_are_those_of_brute_force(
    side: SimilarSide, story: Story, query: str
) -> None:
    tenant = f"tenant-{next(examples)}"
    positions = tell(side, story, tenant)
    side.catch_up()

    page = side.search(query, tenant=tenant, limit=30)

    assert [positions.index(hit.position) for hit in page.items] == brute_force(story, query)
