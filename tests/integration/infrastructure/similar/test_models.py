"""Another model is built beside the live one, compared with it, and takes its place at once."""

from __future__ import annotations

import pytest

from infrastructure.embedders.errors import EmbedderUnavailableError
from infrastructure.similar import sql
from infrastructure.similar.models import ModelState, read_models, tables_of_rows
from tests.support.similar import BackwardsEmbedder, FailingEmbedder, SimilarSide


@pytest.fixture
def told(side: SimilarSide) -> SimilarSide:
    """Some talks, searched with the deterministic embedder, and another embedder at hand."""
    side.embedders["backwards"] = BackwardsEmbedder("backwards-64-v1")
    talk = side.talk()
    for text in ("the rent of the house", "a margin in Bavaria", "tner eht", "quarterly figures"):
        talk.ask(text)
    side.catch_up()
    return side


def states(side: SimilarSide) -> list[tuple[str, str]]:
    with side.read_side.connect() as connection:
        return [(model.name, model.state.value) for model in read_models(connection)]


def log_query(side: SimilarSide, text: str) -> None:
    position = side.read_side.log.last_position()
    with side.read_side.connect() as connection:
        values = {"tenant": "default", "position": position, "text": text}
        connection.execute(sql.LOG_QUERY, values)


def test_a_wanted_model_replaces_the_live_one_when_it_has_come_as_far(told: SimilarSide) -> None:
    assert told.search("rent").model == "deterministic-64-v1"

    told.worker(wanted="backwards").advance()

    assert told.search("rent").model == "backwards-64-v1"
    assert states(told) == [("deterministic-64-v1", "retired"), ("backwards-64-v1", "live")]
    with told.read_side.connect() as connection:
        assert tables_of_rows(connection) == ["rows_2"]


def test_where_nobody_chose_a_model_the_live_one_stays(told: SimilarSide) -> None:
    told.worker(default="backwards").advance()

    assert states(told) == [("deterministic-64-v1", "live")]


def test_searches_go_on_with_the_live_model_while_another_is_built(told: SimilarSide) -> None:
    slow = told.embedders["backwards"]
    assert isinstance(slow, FailingEmbedder)
    slow.unavailable = True
    with pytest.raises(EmbedderUnavailableError):
        told.worker(wanted="backwards").advance()
    newest = told.talk().ask("the newest rent")
    told.project()
    with pytest.raises(EmbedderUnavailableError):
        told.worker(wanted="backwards").advance()

    page = told.search("the newest rent")

    assert page.model == "deterministic-64-v1"
    assert (page.items[0].position, page.items[0].meaning_rank) == (newest, 1)
    assert states(told)[1] == ("backwards-64-v1", "building")

    slow.unavailable = False
    told.worker(wanted="backwards").advance()
    assert told.search("rent").model == "backwards-64-v1"


def test_vectors_of_two_models_are_never_compared(told: SimilarSide) -> None:
    told.worker(wanted="backwards").advance()

    nearest = min(told.search("the rent").items, key=lambda hit: hit.meaning_rank or 99)

    # Its letters are those of "the rent", which only this model takes for the same.
    assert nearest.text == "tner eht"
    assert nearest.similarity == pytest.approx(1, abs=1e-3)


def test_models_are_compared_on_the_searches_that_were_made(told: SimilarSide) -> None:
    log_query(told, "the rent of a house")
    log_query(told, "figures")
    told.worker(wanted="backwards").advance()

    with told.read_side.connect() as connection:
        comparison = read_models(connection)[1].comparison
    assert comparison is not None
    assert comparison.queries == 2
    assert comparison.overlap == 1  # four items, and ten hits at most
    assert comparison.rank_correlation is not None
    assert -1 <= comparison.rank_correlation < 1


def test_what_is_said_while_a_model_is_built_is_in_it(told: SimilarSide) -> None:
    newest = told.talk().ask("one more question")
    told.project()
    told.worker(wanted="backwards").advance()

    page = told.search("one more question")
    assert page.meaning_lag == 0
    assert newest in [hit.position for hit in page.items if hit.meaning_rank]


def test_a_model_nobody_wants_any_more_is_given_up_while_it_is_built(told: SimilarSide) -> None:
    failing = told.embedders["third"] = FailingEmbedder("third-64-v1")
    failing.unavailable = True
    with pytest.raises(EmbedderUnavailableError):
        told.worker(wanted="third").advance()
    told.worker(wanted="backwards").advance()

    assert states(told) == [
        ("deterministic-64-v1", "retired"),
        ("third-64-v1", "retired"),
        ("backwards-64-v1", "live"),
    ]
    with told.read_side.connect() as connection:
        assert tables_of_rows(connection) == ["rows_3"]


def test_when_the_embedder_of_the_live_model_is_gone_its_successor_is_built(
    told: SimilarSide,
) -> None:
    del told.embedders["deterministic"]
    told.talk().ask("one more question")
    told.project()
    told.worker(wanted="backwards").advance()

    assert states(told)[-1] == ("backwards-64-v1", "live")


def test_one_model_at_most_is_live_and_one_is_built(told: SimilarSide) -> None:
    told.worker(wanted="backwards").advance()
    with told.read_side.connect() as connection, pytest.raises(Exception, match="models_in_state"):
        connection.execute("UPDATE hansard_search.models SET state = 'live'")
    assert ModelState.LIVE.value == "live"
