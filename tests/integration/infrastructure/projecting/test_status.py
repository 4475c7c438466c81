"""The status says how far each read model has come, how long it lags, and what went wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from application.errors import NotFoundError
from projections.catalogue import PROJECTIONS
from projections.conversation_history import CONVERSATION_HISTORY
from projections.session_list import SESSION_LIST
from tests.support.poison import breaking_at, texts
from tests.support.read_side import ReadSide


def test_read_models_are_listed_in_the_order_of_the_catalogue(read_side: ReadSide) -> None:
    names = [projection.name for projection in PROJECTIONS]
    runner = read_side.runner()
    assert list(runner.names) == names
    assert [status.name for status in runner.status()] == names


def test_the_lag_is_told_in_events_and_in_seconds_of_the_oldest_of_them(
    read_side: ReadSide,
) -> None:
    runner = read_side.runner([SESSION_LIST])
    told = read_side.open_session()
    runner.catch_up()
    (status,) = runner.status()
    assert (status.lag, status.lag_s) == (0, 0.0)
    told.say("NOVA_001", "one")
    told.say("NOVA_001", "two")
    first = next(read_side.log.read(after=status.position)).recorded_at
    waited = (datetime.now(UTC) - first).total_seconds()
    (status,) = runner.status()
    assert status.lag == 2
    assert waited <= status.lag_s <= waited + 60


def test_catching_up_beyond_the_end_of_the_log_goes_to_its_end(read_side: ReadSide) -> None:
    told = read_side.open_session("t0")
    last = read_side.log.last_position()
    runner = read_side.runner([CONVERSATION_HISTORY])
    (status,) = runner.catch_up(until=last + 1_000)
    assert status.position == last
    told.say("NOVA_001", "t1")
    runner.catch_up()
    assert texts(read_side) == ["t0", "t1"]


def test_a_paused_read_model_stands_where_it_is(read_side: ReadSide) -> None:
    told = read_side.open_session("t0")
    runner = read_side.runner([SESSION_LIST, CONVERSATION_HISTORY])
    runner.catch_up()
    runner.pause(CONVERSATION_HISTORY.name)
    told.say("NOVA_001", "t1")
    sessions, conversations = runner.catch_up()
    assert (sessions.lag, sessions.paused_at) == (0, None)
    assert (conversations.lag, conversations.runs, conversations.stopped) == (1, False, False)
    assert conversations.paused_at is not None
    runner.pause(CONVERSATION_HISTORY.name)
    assert runner.status()[1].paused_at == conversations.paused_at
    runner.resume(CONVERSATION_HISTORY.name)
    assert [status.lag for status in runner.catch_up()] == [0, 0]
    assert texts(read_side) == ["t0", "t1"]


def test_a_read_model_can_be_paused_before_it_was_ever_built(read_side: ReadSide) -> None:
    read_side.open_session()
    runner = read_side.runner([CONVERSATION_HISTORY])
    runner.pause(CONVERSATION_HISTORY.name)
    (status,) = runner.catch_up()
    assert (status.position, status.runs) == (0, False)


def test_a_name_that_does_not_exist_cannot_be_paused_or_resumed(read_side: ReadSide) -> None:
    for change in (read_side.runner().pause, read_side.runner().resume):
        with pytest.raises(NotFoundError, match="'astrology'"):
            change("astrology")


def test_a_successor_that_cannot_go_on_is_told_apart_from_the_one_that_answers(
    read_side: ReadSide,
) -> None:
    told = read_side.open_session("poison")
    read_side.runner([CONVERSATION_HISTORY]).catch_up()
    breaking = read_side.runner([breaking_at("poison")])
    with read_side.connect() as connection, connection.transaction():
        connection.execute(
            "INSERT INTO hansard_read.projection_positions"
            " (projection, slot, version, position, failed_position, error, updated_at)"
            " VALUES ('conversation_history', 'next', 1, 3, 4, 'ValueError: poison', now())"
        )
    told.say("NOVA_001", "after")
    (status,) = breaking.catch_up()
    assert (status.stopped, status.runs, status.lag) == (False, True, 0)
    assert (status.rebuilt_to, status.rebuild_error) == (3, "ValueError: poison")
