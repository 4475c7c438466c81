"""An event that breaks a read model is set aside by somebody with a reason, never by itself."""

from __future__ import annotations

import pytest

from application.errors import BadRequestError, ConflictError, NotFoundError
from infrastructure.database import Connection
from projections.conversation_history import CONVERSATION_HISTORY
from projections.session_list import SESSION_LIST
from tests.support.histories import SessionTeller
from tests.support.poison import breaking_at, texts
from tests.support.read_side import ReadSide

NAME = CONVERSATION_HISTORY.name


def tell_poison(read_side: ReadSide, *later: str) -> tuple[SessionTeller, int]:
    told = read_side.open_session("good")
    told.say("NOVA_001", "poison")
    poisoned = read_side.log.last_position()
    for text in later:
        told.say("NOVA_001", text)
    return told, poisoned


def test_an_event_that_was_set_aside_is_listed_and_the_rest_is_taken_in(
    read_side: ReadSide,
) -> None:
    _, poisoned = tell_poison(read_side, "after")
    runner = read_side.runner([SESSION_LIST, breaking_at("poison")])
    runner.catch_up()
    assert runner.set_aside(NAME, "the model is being repaired") == poisoned
    sessions, conversations = runner.catch_up()
    assert (conversations.stopped, conversations.lag) == (False, 0)
    [event] = conversations.set_aside
    assert event.position == poisoned
    assert event.reason == "the model is being repaired"
    assert event.error == "ValueError: cannot take in 'poison'"
    assert sessions.set_aside == ()
    assert texts(read_side) == ["good", "after"]


def test_every_event_that_breaks_it_is_set_aside_by_itself(read_side: ReadSide) -> None:
    tell_poison(read_side, "more poison", "after")
    runner = read_side.runner([breaking_at("poison")], batch_size=1)
    for _ in range(2):
        runner.catch_up()
        runner.set_aside(NAME, "again")
    (status,) = runner.catch_up()
    assert len(status.set_aside) == 2
    assert texts(read_side) == ["good", "after"]


def test_nothing_is_set_aside_without_a_reason_or_while_nothing_is_wrong(
    read_side: ReadSide,
) -> None:
    tell_poison(read_side)
    runner = read_side.runner([SESSION_LIST, breaking_at("poison")])
    runner.catch_up()
    with pytest.raises(BadRequestError, match="Say why"):
        runner.set_aside(NAME, " ")
    with pytest.raises(ConflictError, match="'session_list' has not stopped"):
        runner.set_aside(SESSION_LIST.name, "why not")
    with pytest.raises(NotFoundError, match="'astrology'"):
        runner.set_aside("astrology", "why not")
    assert [status.set_aside for status in runner.catch_up()] == [(), ()]


def test_a_rebuild_tries_again_what_was_set_aside(read_side: ReadSide) -> None:
    tell_poison(read_side, "after")
    breaking = read_side.runner([breaking_at("poison")])
    breaking.catch_up()
    breaking.set_aside(NAME, "the model is being repaired")
    breaking.catch_up()
    status = read_side.runner([CONVERSATION_HISTORY]).rebuild(NAME)
    assert (status.set_aside, status.lag) == ((), 0)
    assert texts(read_side) == ["good", "poison", "after"]


def test_what_was_set_aside_stays_listed_when_a_rebuild_breaks_at_it_again(
    read_side: ReadSide,
) -> None:
    told, poisoned = tell_poison(read_side, "after")
    breaking = read_side.runner([breaking_at("poison")])
    breaking.catch_up()
    breaking.set_aside(NAME, "it cannot be repaired")
    breaking.catch_up()
    with pytest.raises(ConflictError, match="stays in use"):
        breaking.rebuild(NAME)
    (status,) = breaking.catch_up()
    assert [event.position for event in status.set_aside] == [poisoned]
    breaking.take_in_again(told.session_id)
    assert texts(read_side) == ["good", "after"]


def test_an_event_that_breaks_a_new_version_can_be_set_aside_too(read_side: ReadSide) -> None:
    _, poisoned = tell_poison(read_side, "after")
    read_side.runner([CONVERSATION_HISTORY]).catch_up()
    newer = breaking_at("poison")
    object.__setattr__(newer, "version", newer.version + 1)
    runner = read_side.runner([newer])
    assert runner.catch_up()[0].stopped
    assert runner.set_aside(NAME, "the new one can do without") == poisoned
    (status,) = runner.catch_up()
    assert (status.version, status.lag, status.rebuilt_to) == (newer.version, 0, None)
    assert [event.position for event in status.set_aside] == [poisoned]
    assert texts(read_side) == ["good", "after"]


def test_a_session_with_an_unreadable_event_that_was_set_aside_can_be_erased(
    read_side: ReadSide, connection: Connection
) -> None:
    told, poisoned = tell_poison(read_side, "after")
    connection.execute("ALTER TABLE hansard.events DISABLE TRIGGER ALL")
    connection.execute("UPDATE hansard.events SET payload = '{' WHERE position = %s", (poisoned,))
    runner = read_side.runner([CONVERSATION_HISTORY])
    runner.catch_up()
    assert runner.set_aside(NAME, "damaged") == poisoned
    runner.catch_up()
    assert texts(read_side) == ["good", "after"]
    assert runner.take_in_again(told.session_id) == {NAME: 2}
    assert texts(read_side) == ["good", "after"]
