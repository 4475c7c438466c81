"""The tool that searches earlier sessions finds them by words and by meaning."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from infrastructure.past_turns import SimilarPastTurns
from infrastructure.tools.schemas import PastTurn
from tests.support.similar import SimilarSide, open_similar_side


class Engine:
    """The search without its thread."""

    def __init__(self, side: SimilarSide) -> None:
        self._side = side

    def search(self, request: Any, patience_s: float) -> Any:
        assert patience_s == 0  # a run never waits for an embedder
        self._side.engine.look_again()
        return self._side.engine.search(request)


@pytest.fixture
def side(database_url: str) -> Iterator[SimilarSide]:
    with ExitStack() as closing:
        yield closing.enter_context(open_similar_side(database_url))


def past_turns(side: SimilarSide, catch_up: Any = None) -> SimilarPastTurns:
    engine: Any = Engine(side)
    return SimilarPastTurns(lambda: engine, catch_up)


def test_past_turns_come_in_the_shape_of_the_tool_without_the_asking_session(
    side: SimilarSide,
) -> None:
    earlier, asking = side.talk(), side.talk()
    position = earlier.ask("the margin of Q4")
    asking.ask("what was the margin?")
    side.catch_up()

    found = past_turns(side).search("margin", 5, asking.session_id)

    [turn] = [PastTurn.model_validate(past_turn) for past_turn in found]
    assert (turn.session_id, turn.speaker) == (str(earlier.session_id), "USER")
    assert (turn.text, turn.position) == ("the margin of Q4", position)
    assert turn.said_at.endswith("+00:00")


def test_a_search_can_bring_the_read_model_up_to_date_itself(side: SimilarSide) -> None:
    side.talk().ask("the margin of Q4")

    assert past_turns(side).search("margin", 5, None) == []
    found = past_turns(side, side.project).search("margin", 5, None)
    assert [turn["text"] for turn in found] == ["the margin of Q4"]


def test_turns_that_share_no_word_and_no_meaning_are_not_quoted(side: SimilarSide) -> None:
    side.talk().ask("the margin of Q4")
    side.catch_up()

    assert past_turns(side).search("wombats", 5, None) == []


def test_turns_are_whole_and_as_many_as_were_asked_for(side: SimilarSide) -> None:
    long = "margin " * 1_000
    for number in range(6):
        side.talk().ask(f"{long}{number}")
    side.catch_up()

    found = past_turns(side).search("margin", 4, None)

    texts = {turn["text"] for turn in found}
    assert len(texts) == 4
    assert texts <= {f"{long}{number}" for number in range(6)}


def test_what_a_subject_said_is_quoted_in_their_own_sessions_alone(side: SimilarSide) -> None:
    said, own, other = side.talk(subject="c1"), side.talk(subject="c1"), side.talk()
    for talk in (said, own, other):
        talk.ask(f"the margin of {talk.subject}")
    side.catch_up()

    in_own = past_turns(side).search("margin", 5, own.session_id)
    in_other = past_turns(side).search("margin", 5, other.session_id)
    in_none = past_turns(side).search("margin", 5, None)

    assert [turn["text"] for turn in in_own] == ["the margin of None", "the margin of c1"]
    assert in_other == []
    assert [turn["text"] for turn in in_none] == ["the margin of None"]
