"""Conversation history pages through turns and finds them by their words."""

from __future__ import annotations

from projections.conversation_history import list_turns
from tests.support.histories import NOVA
from tests.support.read_side import ReadSide


def found_texts(read_side: ReadSide, words: str, limit: int = 5) -> list[str]:
    with read_side.read_models.reading() as connection:
        return [turn.text for turn in list_turns(connection, text=words, limit=limit).items]


def tell(read_side: ReadSide, *texts: str) -> None:
    told = read_side.open_session("hello")
    for text in texts:
        told.say(NOVA, text)
    read_side.runner().catch_up()


def test_turns_come_oldest_first_fifty_a_page(read_side: ReadSide) -> None:
    tell(read_side, *(f"turn {number}" for number in range(1, 120)))
    sizes, texts, after = [], [], 0
    with read_side.read_models.reading() as connection:
        while True:
            page = list_turns(connection, after=after)
            sizes.append(len(page.items))
            texts += [turn.text for turn in page.items]
            if page.next is None:
                break
            after = page.next
    assert sizes == [50, 50, 20]
    assert texts == ["hello", *(f"turn {number}" for number in range(1, 120))]


def test_turns_can_be_asked_for_by_session_conversation_speaker_and_position(
    read_side: ReadSide,
) -> None:
    first, second = read_side.open_session("first"), read_side.open_session("second")
    before = read_side.log.last_position()
    second.say(NOVA, "answer")
    read_side.runner().catch_up()
    with read_side.read_models.reading() as connection:
        of_first = list_turns(connection, session_id=first.session_id)
        of_second = list_turns(connection, conversation_id=second.conversation.id)
        of_nova = list_turns(connection, speaker=NOVA)
        earlier = list_turns(connection, at=before)
    assert [turn.text for turn in of_first.items] == ["first"]
    assert [turn.text for turn in of_second.items] == ["second", "answer"]
    assert [turn.text for turn in of_nova.items] == ["answer"]
    assert [turn.text for turn in earlier.items] == ["first", "second"]


def test_turns_with_any_of_some_words_come_oldest_first(read_side: ReadSide) -> None:
    tell(read_side, "revenue fell", "Revenue fell in Bavaria", "nothing of the kind", "bavaria")
    expected = ["revenue fell", "Revenue fell in Bavaria", "bavaria"]
    assert found_texts(read_side, "REVENUE Bavaria") == expected
    assert found_texts(read_side, "REVENUE Bavaria", limit=2) == expected[:2]


def test_a_search_without_words_finds_nothing(read_side: ReadSide) -> None:
    tell(read_side, "something")
    assert found_texts(read_side, " & | ! () '' \\ :*") == []
    assert found_texts(read_side, "") == []


def test_no_text_breaks_the_search(read_side: ReadSide) -> None:
    tell(read_side, "it's 50 & more | less")
    for words in (
        "it's & more",
        "a \x00 more",
        "' | more",
        "http://x.y/a?b=1&c=2 more",
        "m" * 9000,
    ):
        assert len(found_texts(read_side, words)) <= 1
    assert found_texts(read_side, "'more") == ["it's 50 & more | less"]


def test_a_turn_may_hold_any_character_and_be_very_long(read_side: ReadSide) -> None:
    odd = "zero\x00byte \\u0000 \U0001f600 \u202e"
    long = "needle " + " ".join(f"word{number}" for number in range(700_000))
    tell(read_side, odd, long)
    (status, *_) = read_side.runner().status()
    assert status.error is None
    assert found_texts(read_side, "needle") == [long]
    with read_side.read_models.reading() as connection:
        texts = [turn.text for turn in list_turns(connection).items]
    assert texts[1] == odd.replace("\x00", "\ufffd")
