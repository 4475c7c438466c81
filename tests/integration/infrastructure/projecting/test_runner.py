"""The runner takes in every event exactly once, in whatever way it is interrupted."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from application.errors import NotFoundError, UnavailableError
from domain.event import RecordedEvent
from infrastructure.database import connect
from infrastructure.projecting import ProjectionRunner
from projections.activity import ACTIVITY
from projections.catalogue import PROJECTIONS
from projections.conversation_history import CONVERSATION_HISTORY, turns
from projections.delegation_audit import DELEGATION_AUDIT
from projections.protocol import Batch, Projection, Statement, projection_positions, shape_of
from projections.session_list import SESSION_LIST
from projections.task_tree import TASK_TREE
from tests.support.read_side import ReadSide, open_read_side

SPEAKER = shape_of(turns)[0].index("speaker")
NEXT = CONVERSATION_HISTORY.version + 1


@pytest.fixture
def read_side(database_url: str) -> Iterator[ReadSide]:
    with open_read_side(database_url) as read_side:
        yield read_side


def breaking_at(word: str, projection: Projection = CONVERSATION_HISTORY) -> Projection:
    """Let a read model of turns break at the turn that says a word."""

    def handle(batch: Batch, recorded: RecordedEvent) -> None:
        event: Any = recorded.event
        if word in event.turn.text:
            raise ValueError(f"cannot take in {word!r}")
        projection.handlers[recorded.type](batch, recorded)

    return replace(projection, handlers={"conversation.turn_taken": handle})


def texts(read_side: ReadSide) -> list[str]:
    with read_side.read_models.reading() as connection:
        return [*connection.scalars(sa.select(turns.columns.text).order_by(turns.columns.position))]


def test_catching_up_twice_changes_nothing(read_side: ReadSide) -> None:
    read_side.tell_plain_session()
    read_side.runner().catch_up()
    before = read_side.contents()
    statuses = read_side.runner().catch_up()
    assert read_side.contents() == before
    last = read_side.log.last_position()
    assert {(status.position, status.lag, status.stopped) for status in statuses} == {
        (last, 0, False)
    }


def test_a_runner_goes_on_where_the_last_one_came_to(read_side: ReadSide) -> None:
    read_side.tell_plain_session()
    read_side.runner(batch_size=3).catch_up(until=7)
    assert {status.position for status in read_side.runner().status()} == {7}
    read_side.tell_plain_session()
    read_side.runner(batch_size=3).catch_up()
    piecewise = read_side.contents()
    for projection in PROJECTIONS:
        read_side.runner().rebuild(projection.name)
    assert read_side.contents() == piecewise


def test_catching_up_to_a_position_already_passed_does_nothing(read_side: ReadSide) -> None:
    read_side.tell_plain_session()
    read_side.runner().catch_up()
    last = read_side.log.last_position()
    assert {status.position for status in read_side.runner().catch_up(until=3)} == {last}


def test_the_lag_tells_how_far_the_log_is_ahead(read_side: ReadSide) -> None:
    read_side.open_session()
    last = read_side.log.last_position()
    assert {(status.position, status.lag) for status in read_side.runner().status()} == {(0, last)}


class DyingLog:
    """Reads a log until it is told to die in the middle of a batch."""

    def __init__(self, read_side: ReadSide, dies_at: int) -> None:
        self._log = read_side.log
        self._dies_at = dies_at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def scan(
        self, after: int, until: int, types: Collection[str], unreadable: Collection[int] = ()
    ) -> Iterator[RecordedEvent]:
        for recorded in self._log.scan(after, until, types, unreadable):
            if recorded.position >= self._dies_at:
                raise KeyboardInterrupt
            yield recorded


@pytest.mark.parametrize("dies_at", [1, 5, 9, 16])
def test_a_crash_in_a_batch_loses_and_repeats_nothing(read_side: ReadSide, dies_at: int) -> None:
    read_side.tell_plain_session()
    dying: Any = DyingLog(read_side, dies_at)
    runner = ProjectionRunner(dying, read_side.pool, read_side.connect, batch_size=4)
    with pytest.raises(KeyboardInterrupt):
        runner.catch_up()
    read_side.runner(batch_size=4).catch_up()
    after_crash = read_side.contents()
    for projection in PROJECTIONS:
        read_side.runner().rebuild(projection.name)
    assert read_side.contents() == after_crash


def test_an_event_that_breaks_a_read_model_stops_it_there_and_no_other(
    read_side: ReadSide,
) -> None:
    told = read_side.open_session("good")
    told.say("NOVA_001", "poison")
    poisoned = read_side.log.last_position()
    told.say("NOVA_001", "after")
    runner = read_side.runner([SESSION_LIST, breaking_at("poison"), DELEGATION_AUDIT])
    sessions, conversations, delegations = runner.catch_up()
    assert conversations.stopped
    assert conversations.position == poisoned - 1
    assert conversations.failed_position == poisoned
    assert conversations.error == "ValueError: cannot take in 'poison'"
    assert conversations.lag == 2
    assert texts(read_side) == ["good"]
    assert not sessions.stopped
    assert not delegations.stopped
    assert sessions.position == delegations.position == poisoned + 1


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 1000])
def test_everything_before_the_breaking_event_is_kept_whatever_the_batch(
    read_side: ReadSide, batch_size: int
) -> None:
    told = read_side.open_session("t0")
    for number in range(1, 8):
        told.say("NOVA_001", "poison" if number == 6 else f"t{number}")
    read_side.runner([breaking_at("poison")], batch_size).catch_up()
    assert texts(read_side) == [f"t{number}" for number in range(6)]


def test_a_stopped_read_model_waits_until_it_is_resumed(read_side: ReadSide) -> None:
    told = read_side.open_session("good")
    told.say("NOVA_001", "poison")
    read_side.runner([breaking_at("poison")]).catch_up()
    repaired = read_side.runner([CONVERSATION_HISTORY])
    (still,) = repaired.catch_up()
    assert still.stopped
    repaired.resume(CONVERSATION_HISTORY.name)
    (status,) = repaired.catch_up()
    assert (status.stopped, status.error, status.lag) == (False, None, 0)
    assert texts(read_side) == ["good", "poison"]


def test_an_event_that_cannot_be_decoded_stops_the_read_models_that_need_it(
    read_side: ReadSide, database_url: str
) -> None:
    read_side.tell_plain_session()
    with connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE hansard.events DISABLE TRIGGER ALL")
        row = connection.execute(
            "UPDATE hansard.events SET payload = '{' WHERE type = 'task.tool_called'"
            " RETURNING position"
        ).fetchone()
    assert row is not None
    statuses = {status.name: status for status in read_side.runner().catch_up()}
    assert statuses[ACTIVITY.name].failed_position == row[0]
    assert not statuses[TASK_TREE.name].stopped  # it asks of tasks, and not of their calls
    assert not statuses[SESSION_LIST.name].stopped
    assert not statuses[CONVERSATION_HISTORY.name].stopped
    assert not statuses[DELEGATION_AUDIT.name].stopped


def test_a_row_the_database_refuses_stops_the_read_model(read_side: ReadSide) -> None:
    def handle(batch: Batch, recorded: RecordedEvent) -> None:
        CONVERSATION_HISTORY.handlers[recorded.type](batch, recorded)
        batch.rows[turns][-1][SPEAKER] = None

    read_side.open_session()
    refused = replace(CONVERSATION_HISTORY, handlers={"conversation.turn_taken": handle})
    (status,) = read_side.runner([refused]).catch_up()
    assert status.stopped
    assert "null value in column" in (status.error or "")


def test_a_lost_database_is_no_fault_of_an_event(read_side: ReadSide) -> None:
    read_side.open_session()

    def refuse() -> psycopg.Connection[Any]:
        raise UnavailableError("no database")

    with pytest.raises(UnavailableError):
        ProjectionRunner(read_side.log, read_side.pool, refuse).catch_up()
    assert not any(status.stopped for status in read_side.runner().status())


def test_a_connection_that_breaks_in_a_batch_is_no_fault_of_an_event(read_side: ReadSide) -> None:
    def kill(batch: Batch, after: int, until: int) -> list[Statement]:
        return [("RESET ROLE", {}), ("SELECT pg_terminate_backend(pg_backend_pid())", {})]

    read_side.open_session()
    losing = replace(CONVERSATION_HISTORY, roll_up=kill)
    with pytest.raises(UnavailableError):
        read_side.runner([losing]).catch_up()
    (status,) = read_side.runner([CONVERSATION_HISTORY]).catch_up()
    assert (status.stopped, status.lag) == (False, 0)


def test_many_runners_at_once_take_in_every_event_once(read_side: ReadSide) -> None:
    for _ in range(5):
        read_side.tell_plain_session()

    def run(batch_size: int) -> None:
        read_side.runner(batch_size=batch_size).catch_up()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, [3, 5, 7, 11]))
    together = read_side.contents()
    for projection in PROJECTIONS:
        read_side.runner().rebuild(projection.name)
    assert read_side.contents() == together
    assert len(together["sessions"]) == 5


def test_a_read_model_of_an_older_version_is_built_anew(read_side: ReadSide) -> None:
    read_side.open_session("once")
    read_side.runner([CONVERSATION_HISTORY]).catch_up()
    (status,) = read_side.runner([replace(CONVERSATION_HISTORY, version=NEXT)]).catch_up()
    assert (status.version, status.lag) == (NEXT, 0)
    assert texts(read_side) == ["once"]


def test_a_read_model_of_a_newer_version_is_left_alone(read_side: ReadSide) -> None:
    read_side.open_session("once")
    read_side.runner([replace(CONVERSATION_HISTORY, version=NEXT)]).catch_up()
    with pytest.raises(UnavailableError, match=r"'conversation_history'.* newer Hansard"):
        read_side.runner([CONVERSATION_HISTORY]).catch_up()
    assert texts(read_side) == ["once"]


def test_a_rebuild_repairs_rows_that_were_tampered_with(read_side: ReadSide) -> None:
    read_side.open_session("true")
    runner = read_side.runner([CONVERSATION_HISTORY])
    runner.catch_up()
    with read_side.read_models.writing() as connection:
        connection.execute(sa.update(turns).values(text="false"))
    status = runner.rebuild(CONVERSATION_HISTORY.name)
    assert (status.lag, texts(read_side)) == (0, ["true"])


def test_a_read_model_that_does_not_exist_is_named(read_side: ReadSide) -> None:
    with pytest.raises(NotFoundError, match=r"'astrology'.*session_list, lineage"):
        read_side.runner().rebuild("astrology")


def test_status_says_when_a_read_model_last_moved(read_side: ReadSide) -> None:
    (before,) = read_side.runner([SESSION_LIST]).status()
    (after,) = read_side.runner([SESSION_LIST]).catch_up()
    assert before.updated_at is None
    assert isinstance(after.updated_at, datetime)
    with read_side.read_models.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(projection_positions)) == 1
