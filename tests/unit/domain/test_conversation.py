"""Conversation: participants take turns, and nobody else does."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.conversation import USER, Conversation, Turn
from domain.errors import TransitionError
from tests.support.given_when_then import AT, STREAM, given, happened, happenings, when

SESSION = UUID(int=7)
STARTED = happened(Conversation.Created, session_id=SESSION, participants=(USER, "NOVA_001"))


def turn(speaker: str, text: str = "Hello") -> Turn:
    return Turn(turn_id=UUID(int=8), speaker=speaker, text=text)


def test_a_conversation_starts_with_its_participants_and_no_turn() -> None:
    started = Conversation.start(STREAM, SESSION, (USER, "NOVA_001"), AT)

    assert happenings(None, started) == [STARTED]
    assert started.turns == []
    assert started.session_id == SESSION


def test_turns_stand_in_the_order_in_which_they_were_taken() -> None:
    talk = given(Conversation, STARTED)
    question, answer = turn(USER), turn("NOVA_001", "")

    assert when(talk, lambda it: it.take_turn(question, AT)) == [
        happened(Conversation.TurnTaken, turn=question)
    ]
    when(talk, lambda it: it.take_turn(answer, AT))

    assert talk.turns == [question, answer]


def test_a_stranger_cannot_take_a_turn() -> None:
    talk = given(Conversation, STARTED)

    with pytest.raises(TransitionError, match=r"between USER, NOVA_001.*turn of 'FIN_007'"):
        talk.take_turn(turn("FIN_007"), AT)

    assert talk.collect_events() == []
