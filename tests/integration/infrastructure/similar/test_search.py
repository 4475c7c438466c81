"""A search finds what is near by words or meaning, in its scope, and says as of when."""

from __future__ import annotations

from typing import Any

import pytest

from application.errors import BadRequestError
from domain.event import DEFAULT_TENANT
from infrastructure.similar.search import LARGEST_LIMIT
from tests.support.histories import NOVA
from tests.support.similar import SimilarSide


def test_a_query_is_found_with_its_answer_its_place_and_the_parts_of_its_score(
    side: SimilarSide,
) -> None:
    talk = side.talk()
    asked = talk.ask("How did the revenue of Bavaria develop?")
    answered = talk.answer("It fell by four percent.")
    other = side.talk()
    other.ask("Who pays the rent?")
    side.catch_up()

    page = side.search("revenue of Bavaria", kind="query")

    assert [hit.text for hit in page.items] == [
        "How did the revenue of Bavaria develop?",
        "Who pays the rent?",
    ]
    hit = page.items[0]
    turn = talk.conversation.turns[0]
    assert (hit.position, hit.session_id) == (asked, talk.session_id)
    assert (hit.conversation_id, hit.turn_id) == (talk.conversation.id, turn.turn_id)
    assert (hit.kind.value, hit.speaker, hit.agent) == ("query", "USER", NOVA)
    assert (hit.answer, hit.answer_position) == ("It fell by four percent.", answered)
    assert (hit.meaning_rank, hit.word_rank) == (1, 1)
    assert hit.score == pytest.approx(1 / 11 + 0.5 / 11)
    assert hit.similarity is not None
    assert hit.similarity > 0.3
    assert hit.word_score > 1
    assert (page.position, page.lag, page.meaning_lag) == (side.read_side.log.last_position(), 0, 0)
    assert (page.model, page.note) == ("deterministic-64-v1", "")


def test_an_answer_is_found_too_and_names_what_was_asked(side: SimilarSide) -> None:
    talk = side.talk()
    asked = talk.ask("How are we doing?")
    talk.answer("The quarter was splendid.")
    side.catch_up()

    [hit] = side.search("splendid quarter", kind="answer").items

    assert (hit.kind.value, hit.speaker, hit.agent) == ("answer", NOVA, NOVA)
    assert (hit.query, hit.query_position) == ("How are we doing?", asked)
    assert (hit.answer, hit.answer_position) == (None, None)


def test_an_answer_belongs_to_the_query_right_before_it(side: SimilarSide) -> None:
    talk = side.talk()
    talk.ask("first question")
    talk.ask("second question")
    talk.answer("an answer")
    side.catch_up()

    hits = {hit.text: hit.answer for hit in side.search("question", kind="query").items}

    assert hits == {"first question": None, "second question": "an answer"}


def test_words_are_found_before_anything_was_embedded(side: SimilarSide) -> None:
    side.talk().ask("the margin of Bavaria")
    side.project()

    page = side.search("Bavaria")

    assert [hit.text for hit in page.items] == ["the margin of Bavaria"]
    assert (page.items[0].meaning_rank, page.items[0].word_rank) == (None, 1)
    assert page.model is None
    assert "No embedder" in page.note


def test_what_is_not_yet_embedded_is_found_by_its_words_beside_what_is(side: SimilarSide) -> None:
    for number in range(20):
        side.talk().ask(f"the margin of Bavaria in month {number}")
    side.catch_up()
    side.talk().ask("the rent of Bavaria")
    side.project()

    page = side.search("rent Bavaria")

    assert page.items[0].text == "the rent of Bavaria"
    assert (page.items[0].meaning_rank, page.items[0].word_rank) == (None, 1)
    assert {hit.meaning_rank for hit in page.items[1:]} <= set(range(1, 21))
    assert page.meaning_lag == 2  # the conversation that was begun, and the turn
    assert "by its words alone" in page.note


def test_nothing_recorded_later_counts(side: SimilarSide) -> None:
    talk = side.talk()
    asked = talk.ask("the rent")
    answered = talk.answer("It is due.")
    side.talk().ask("the rent again")
    side.catch_up()

    before = side.search("rent", at=asked)
    after = side.search("rent", at=answered)

    assert [(hit.text, hit.answer) for hit in before.items] == [("the rent", None)]
    assert [(hit.text, hit.answer) for hit in after.items][:1] == [("the rent", "It is due.")]
    assert (before.position, before.lag) == (asked, 0)


def test_before_the_first_item_nothing_is_found(side: SimilarSide) -> None:
    side.talk().ask("the rent")
    side.catch_up()

    page = side.search("rent", at=0)

    assert (page.items, page.position, page.lag) == ((), 0, 0)


def test_a_moment_that_is_still_to_come_is_answered_as_of_now(side: SimilarSide) -> None:
    position = side.talk().ask("the rent")
    side.catch_up()

    page = side.search("rent", at=position + 1000)

    assert (len(page.items), page.position, page.lag) == (1, position, 0)


def test_a_page_says_how_far_the_items_are_behind_the_log(side: SimilarSide) -> None:
    first = side.talk().ask("the rent")
    side.catch_up()
    second = side.talk().ask("the rent again")

    page = side.search("rent")

    assert (len(page.items), page.position, page.lag) == (1, first, second - first)


def test_an_empty_log_gives_an_empty_page(side: SimilarSide) -> None:
    page = side.search("rent")

    assert (page.items, page.position, page.lag) == ((), 0, 0)


def test_tenants_find_only_their_own(side: SimilarSide) -> None:
    for tenant in ("a", "b", "100% 'odd' \\ tenant"):
        side.talk(tenant=tenant).ask(f"the rent of {tenant}")
    side.catch_up()

    assert side.texts("rent", tenant="a") == ["the rent of a"]
    assert side.texts("rent", tenant="100% 'odd' \\ tenant") == ["the rent of 100% 'odd' \\ tenant"]
    assert side.texts("rent") == []


def test_a_search_can_be_narrowed_to_an_agent_a_session_and_a_kind(side: SimilarSide) -> None:
    talk, other = side.talk(), side.talk()
    talk.ask("the rent")
    talk.answer("the rent is due")
    other.ask("the rent again")
    side.catch_up()

    assert side.texts("rent", session_id=other.session_id) == ["the rent again"]
    assert side.texts("rent", kind="answer") == ["the rent is due"]
    assert len(side.texts("rent", agent=NOVA)) == 3
    assert side.texts("rent", agent="FIN_007") == []


@pytest.mark.parametrize("embedded", [True, False])
def test_filters_hold_for_items_with_and_without_vectors(
    side: SimilarSide, *, embedded: bool
) -> None:
    talk, other = side.talk(), side.talk()
    talk.ask("the rent")
    other.answer("the rent is due")
    (side.catch_up if embedded else side.project)()

    assert side.texts("rent", session_id=talk.session_id) == ["the rent"]
    assert side.texts("rent", within=talk.session_id) == ["the rent is due"]
    assert side.texts("rent", kind="answer", agent=NOVA) == ["the rent is due"]


def test_the_words_of_a_subject_are_found_in_their_other_sessions_alone(side: SimilarSide) -> None:
    first, second = side.talk(subject="customer-1"), side.talk(subject="customer-1")
    stranger, nobody = side.talk(subject="customer-2"), side.talk()
    for talk in (first, second, stranger, nobody):
        talk.ask(f"the rent of {talk.subject}")
    side.catch_up()

    assert side.texts("rent", within=second.session_id) == [
        "the rent of None",
        "the rent of customer-1",
    ]
    assert side.texts("rent", within=stranger.session_id) == ["the rent of None"]
    assert side.texts("rent", within=nobody.session_id) == []
    assert len(side.texts("rent")) == 4


def test_of_equals_the_newer_one_comes_first(side: SimilarSide) -> None:
    positions = [side.talk().ask("the rent") for _ in range(4)]
    side.catch_up()

    found = [hit.position for hit in side.search("the rent", limit=3).items]

    assert found == positions[:0:-1]


def test_what_says_nothing_is_found_by_nothing(side: SimilarSide) -> None:
    talk = side.talk()
    talk.ask("???")
    talk.answer("the rent")
    side.catch_up()

    assert side.texts("rent") == ["the rent"]
    assert side.texts("!!!") == []


def test_a_search_without_words_goes_by_meaning_alone_where_there_is_one(
    side: SimilarSide,
) -> None:
    side.talk().ask("the rent")
    side.catch_up()

    page = side.search("unheard")

    assert [(hit.meaning_rank, hit.word_rank) for hit in page.items] == [(1, None)]


@pytest.mark.parametrize("text", ["", "  \n\t ", "\ud800"])
def test_a_text_that_cannot_be_searched_for_is_refused(side: SimilarSide, text: str) -> None:
    with pytest.raises(BadRequestError, match="text"):
        side.search(text)


@pytest.mark.parametrize("limit", [0, -1, LARGEST_LIMIT + 1])
def test_a_limit_that_cannot_be_used_is_refused(side: SimilarSide, limit: int) -> None:
    with pytest.raises(BadRequestError, match=str(limit)):
        side.search("rent", limit=limit)


def test_no_text_breaks_a_search(side: SimilarSide) -> None:
    odd = "a \x00 zero, 100% %(at)s 'quoted' \U0001f600 \u202e and the rent"
    long = "rent " + " ".join(f"word{number}" for number in range(40_000))
    side.talk().ask(odd)
    side.talk().ask(long)
    side.catch_up()

    for text in (odd, long, "%s %(x)s", "' OR 1=1 --", "\x00", "x" * 100_000):
        assert len(side.texts(text)) <= 2
    shown = side.search("rent zero").items[0].text
    assert shown == odd.replace("\x00", "\ufffd")
    assert all(len(hit.text) <= 2_000 for hit in side.search("rent").items)


def test_without_the_embedder_of_the_live_model_words_alone_are_compared(
    side: SimilarSide,
) -> None:
    side.talk().ask("the rent")
    side.catch_up()
    side.embedders.clear()

    page = side.search("rent")

    assert [hit.text for hit in page.items] == ["the rent"]
    assert page.model is None
    assert "'deterministic'" in page.note


def test_an_embedder_of_another_version_is_not_mixed_with_the_vectors(side: SimilarSide) -> None:
    side.talk().ask("the rent")
    side.catch_up()
    changed: Any = side.embedders["deterministic"]
    side.embedders["deterministic"] = Renamed(changed)

    page = side.search("rent")

    assert (page.model, page.items[0].meaning_rank) == (None, None)
    assert "'deterministic-64-v1'" in page.note


class Renamed:
    """The same embedder under the name of a later version."""

    def __init__(self, embedder: Any) -> None:
        self.name = "deterministic-64-v2"
        self.dimensions = embedder.dimensions
        self.embed = embedder.embed


def test_the_default_tenant_is_the_one_of_events_without_a_tenant(side: SimilarSide) -> None:
    side.talk().ask("the rent")
    side.catch_up()

    assert side.texts("rent", tenant=DEFAULT_TENANT) == ["the rent"]
