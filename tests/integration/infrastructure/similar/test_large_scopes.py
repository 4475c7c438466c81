"""In large scopes indexes are asked, and never does a search give fewer hits than there are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infrastructure.similar import search, statements, worker
from infrastructure.similar.search import LiveModel
from infrastructure.similar.statements import Shape, bucket_of, search_statement
from tests.support.similar import SimilarSide

TENANT = "a 100% 'large' tenant"
ROWS = 240


@pytest.fixture
def large(side: SimilarSide, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimilarSide]:
    """A tenant whose rows are too many to compare all, as far as the limits say."""
    monkeypatch.setattr(search, "EXACT_UP_TO", 40)
    monkeypatch.setattr(worker, "GRAPH_FROM", 40)
    monkeypatch.setattr(statements, "CANDIDATES", 30)
    search_statement.cache_clear()
    talk = side.talk(tenant=TENANT)
    other = side.talk(tenant=TENANT)
    for number in range(ROWS // 2):
        talk.ask(f"the rent of house {number} in street{number % 7}")
        talk.answer(f"it is {number * 10} for street{number % 7}")
    other.ask("a lonely word: quokka")
    side.talk(tenant="small").ask("the rent of a tent")
    side.catch_up()
    side.catch_up()  # indexes are made once all rows are there
    yield side
    search_statement.cache_clear()


def live(side: SimilarSide) -> LiveModel:
    side.engine.look_again()
    with side.pool.connection() as connection:
        model = side.engine._live_model(connection)
    assert model is not None
    return model


def plan(side: SimilarSide) -> str:
    model = live(side)
    shape = Shape(model.number, bucket_of(TENANT), (), TENANT)
    request = search.SimilarRequest("rent of house 7", tenant=TENANT)
    with side.pool.connection() as connection:
        vector, _ = side.engine._embed(request, model)
        parameters = search._parameters(connection, request, vector)
        parameters["terms"] = search._telling_terms(request.text)
        rows = connection.execute(b"EXPLAIN " + search_statement(shape), parameters).fetchall()
    return "\n".join(row[0] for row in rows)


def test_tenants_with_many_rows_alone_get_indexes_of_their_own(large: SimilarSide) -> None:
    assert live(large).large_tenants == {TENANT}
    with large.read_side.connect() as connection:
        names = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'hansard_search'"
            " AND (indexdef LIKE '%hnsw%' OR indexdef LIKE '%gin%')"
        ).fetchall()
    assert len(names) == 2


def test_the_graph_is_used_for_the_ranking_by_meaning(large: SimilarSide) -> None:
    with large.pool.connection() as connection:
        connection.execute("SET enable_seqscan = off")
    assert "_graph on rows_" in plan(large)


def test_what_is_nearest_is_found(large: SimilarSide) -> None:
    page = large.search("the rent of house 77 in street0", tenant=TENANT)

    assert page.items[0].text == "the rent of house 77 in street0"
    assert (page.items[0].meaning_rank, page.items[0].word_rank) == (1, 1)


@pytest.mark.parametrize("limit", [1, 10, 100])
def test_as_many_hits_come_back_as_were_asked_for(large: SimilarSide, limit: int) -> None:
    assert len(large.search("the rent", tenant=TENANT, limit=limit).items) == limit


def test_few_rows_up_to_a_moment_are_all_compared(large: SimilarSide) -> None:
    with large.read_side.connect() as connection:
        positions = [
            position
            for (position,) in connection.execute(
                "SELECT position FROM hansard_read.similar_items WHERE tenant = %s"
                " ORDER BY position LIMIT 12",
                (TENANT,),
            )
        ]

    page = large.search("the rent", tenant=TENANT, at=positions[-1], limit=100)

    assert sorted(hit.position for hit in page.items) == positions


def test_a_filter_that_leaves_few_rows_finds_them_all(large: SimilarSide) -> None:
    talk = large.talk(tenant=TENANT)
    talk.ask("the rent of a quokka")
    large.catch_up()

    page = large.search("rent", tenant=TENANT, session_id=talk.session_id)
    within = large.search("quokka", tenant=TENANT, kind="answer", limit=100)

    assert [hit.text for hit in page.items] == ["the rent of a quokka"]
    assert len(within.items) == 100
    assert {hit.kind.value for hit in within.items} == {"answer"}


def test_a_rare_word_is_found_whatever_the_meaning(large: SimilarSide) -> None:
    page = large.search("quokka", tenant=TENANT)

    assert [hit.text for hit in page.items if hit.word_rank == 1] == ["a lonely word: quokka"]


def test_what_has_no_vector_yet_is_found_in_a_large_scope_too(large: SimilarSide) -> None:
    large.talk(tenant=TENANT).ask("a wombat pays")
    large.project()

    page = large.search("wombat", tenant=TENANT)

    assert page.items[0].text == "a wombat pays"
