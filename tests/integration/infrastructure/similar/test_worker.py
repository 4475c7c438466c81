"""The worker gives every item its row once, in whatever way it is interrupted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from infrastructure.embedders.errors import EmbedderUnavailableError
from infrastructure.similar import worker as worker_module
from infrastructure.similar.models import ModelState, model_in, read_letters, read_models
from tests.support.processes import eventually, guided
from tests.support.similar import FailingEmbedder, SimilarSide


def rows(side: SimilarSide) -> list[tuple[int, bool]]:
    """Give position of each row of the live model, and whether it has a vector."""
    with side.read_side.connect() as connection:
        model = model_in(connection, ModelState.LIVE)
        assert model is not None
        return connection.execute(
            f"SELECT position, embedding IS NOT NULL FROM hansard_search.rows_{model.number}"  # noqa: S608 - a number  # type: ignore[arg-type]
            " ORDER BY position"
        ).fetchall()


def tell(side: SimilarSide, number: int) -> list[int]:
    talk = side.talk()
    return [talk.ask(f"question {turn}") for turn in range(number)]


def test_every_item_gets_one_row_in_batches(
    side: SimilarSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "BATCH_SIZE", 7)
    embedder = side.embedders["deterministic"] = FailingEmbedder()
    positions = tell(side, 20)
    side.catch_up()
    side.catch_up()

    assert rows(side) == [(position, True) for position in positions]
    assert embedder.calls == [7, 7, 6]


def test_its_position_is_that_of_the_items(side: SimilarSide) -> None:
    tell(side, 3)
    side.catch_up()
    side.talk().record()
    side.catch_up()

    with side.read_side.connect() as connection:
        [model] = read_models(connection)
    assert model.position == side.read_side.log.last_position()


def test_without_an_embedder_nothing_is_lost_and_nothing_is_held_up(side: SimilarSide) -> None:
    embedder = side.embedders["deterministic"] = FailingEmbedder()
    first = tell(side, 3)
    side.catch_up()
    embedder.unavailable = True
    second = tell(side, 3)
    side.project()

    with pytest.raises(EmbedderUnavailableError, match="sleeps"):
        side.worker().advance()
    found = {hit.position for hit in side.search("question", limit=20).items}
    embedder.unavailable = False
    side.catch_up()

    assert found == {*first, *second}
    assert rows(side) == [(position, True) for position in (*first, *second)]


class DyingEmbedder(FailingEmbedder):
    """Dies in one of its calls, as a process does."""

    def __init__(self, dies_at: int) -> None:
        super().__init__()
        self.dies_at = dies_at

    def embed(self, texts: Sequence[str]) -> Any:
        if len(self.calls) == self.dies_at:
            self.calls.append(0)
            raise KeyboardInterrupt
        return super().embed(texts)


@pytest.mark.parametrize("dies_at", [0, 1, 3])
def test_a_crash_in_a_batch_loses_and_repeats_nothing(
    side: SimilarSide, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    monkeypatch.setattr(worker_module, "BATCH_SIZE", 4)
    side.embedders["deterministic"] = DyingEmbedder(dies_at)
    positions = tell(side, 15)
    side.project()

    with pytest.raises(KeyboardInterrupt):
        side.worker().advance()
    side.worker().advance()

    assert rows(side) == [(position, True) for position in positions]


KILLED = """
import sys
from functools import partial
from infrastructure.database import connect, prepare_writer
from infrastructure.embedders.deterministic import DeterministicEmbedder
from infrastructure.similar import worker
from infrastructure.similar.search import SimilarSearch, open_search_pool

class Telling(DeterministicEmbedder):
    def embed(self, texts):
        print("embeds", flush=True)
        sys.stdin.readline()
        return super().embed(texts)

worker.BATCH_SIZE = 5
embedder = Telling()
with open_search_pool(sys.argv[1]) as pool:
    search = SimilarSearch(lambda: pool, lambda _: embedder)
    opened = partial(connect, sys.argv[1], autocommit=True, prepare=prepare_writer)
    worker.EmbeddingWorker(opened, lambda _: embedder, search, default="deterministic").advance()
"""


def test_a_killed_worker_is_replaced_and_every_item_has_one_row(
    side: SimilarSide, database_url: str
) -> None:
    positions = tell(side, 23)
    side.project()
    with guided(KILLED, database_url) as process:
        assert process.heard() == "embeds"
        process.go_on()
        assert process.heard() == "embeds"
        held = side.worker().advance()
        process.kill()
    assert not held

    def is_replaced() -> bool:
        return side.worker().advance()

    eventually(is_replaced)
    assert rows(side) == [(position, True) for position in positions]


def test_of_two_workers_one_keeps_the_rows(side: SimilarSide) -> None:
    tell(side, 3)
    side.project()
    first, second = side.worker(), side.worker()

    assert (first.advance(), second.advance()) == (True, False)
    first.close()
    eventually(second.advance)


def test_what_an_embedder_refuses_is_set_aside_listed_and_tried_again(side: SimilarSide) -> None:
    embedder = side.embedders["deterministic"] = FailingEmbedder()
    embedder.refused = {"forbidden", "banned"}
    talk = side.talk()
    good = [talk.ask("a question"), talk.ask("one more question")]
    bad = [talk.ask("a forbidden question"), talk.ask("a banned question")]
    side.catch_up()

    with side.read_side.connect() as connection:
        letters = read_letters(connection)
    assert [(letter.position, letter.attempts) for letter in letters] == [(at, 1) for at in bad]
    assert "forbidden" in letters[0].error
    assert letters[0].session_id == talk.session_id
    assert rows(side) == [(at, True) for at in good] + [(at, False) for at in bad]
    assert "a forbidden question" in side.texts("forbidden")

    embedder.refused = {"banned"}
    assert side.worker().retry() == 1

    with side.read_side.connect() as connection:
        [left] = read_letters(connection)
    assert (left.position, left.attempts) == (bad[1], 2)
    assert Counter(has for _, has in rows(side)) == {True: 3, False: 1}


def test_what_says_nothing_has_a_row_without_a_vector(side: SimilarSide) -> None:
    position = side.talk().ask("???")
    side.catch_up()

    assert rows(side) == [(position, False)]


class ForgettingEmbedder(FailingEmbedder):
    """While it embeds, a subject is forgotten."""

    side: SimilarSide
    session_id: Any

    def embed(self, texts: Sequence[str]) -> Any:
        made = super().embed(texts)
        self.side.seals.forgotten.add("customer-1")
        self.side.read_side.runner().take_in_again(self.session_id)
        return made


def test_what_is_erased_while_it_is_embedded_gets_no_row(side: SimilarSide) -> None:
    embedder = side.embedders["deterministic"] = ForgettingEmbedder()
    personal, other = side.talk(subject="customer-1"), side.talk()
    personal.ask("my secret")
    kept = other.ask("a question")
    embedder.side, embedder.session_id = side, personal.session_id
    side.catch_up()

    assert rows(side) == [(kept, True)]
    assert side.texts("secret") == ["a question"]
