"""A read model is built anew beside the live one, and nobody notices but for the result."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa

from application.errors import ConflictError, UnavailableError
from domain.event import RecordedEvent
from infrastructure.database import Connection
from infrastructure.projecting import ProjectionRunner
from projections.catalogue import PROJECTIONS
from projections.conversation_history import CONVERSATION_HISTORY, turns
from projections.session_list import SESSION_LIST
from tests.support.poison import breaking_at, texts
from tests.support.processes import eventually, guided
from tests.support.read_side import ReadSide

NAME = CONVERSATION_HISTORY.name
NOW = CONVERSATION_HISTORY.version
NEXT = NOW + 1

BOUND = "2s"
"""Longer than any reader may wait; an exchange gives up after 50 ms."""


def successor_at(read_side: ReadSide) -> int | None:
    [status] = read_side.runner([CONVERSATION_HISTORY]).status()
    return status.rebuilt_to


def count_turns(read_side: ReadSide) -> int:
    with read_side.read_models.reading() as connection:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BOUND}'")
        return connection.scalar(sa.select(sa.func.count()).select_from(turns)) or 0


def test_reads_and_appends_go_on_while_everything_is_built_anew_again_and_again(
    read_side: ReadSide,
) -> None:
    told = read_side.open_session("t0")
    runner = read_side.runner(batch_size=7)
    runner.catch_up()
    done = Event()

    def read() -> list[int]:
        counts = [count_turns(read_side)]
        while not done.is_set():
            counts.append(count_turns(read_side))
        return counts

    def append() -> int:
        number = 0
        while not done.is_set():
            number += 1
            told.say("NOVA_001", f"t{number}")
            runner.catch_up()
        return number

    with ThreadPoolExecutor(3) as threads:
        readers = [threads.submit(read) for _ in range(2)]
        appender = threads.submit(append)
        try:
            for _ in range(4):
                read_side.runner(batch_size=50).rebuild_together(
                    [projection.name for projection in PROJECTIONS]
                )
        finally:
            done.set()
        for reader in readers:
            counts = reader.result()
            assert counts == sorted(counts)
            assert counts[0] >= 1
    runner.catch_up()
    assert texts(read_side) == [f"t{number}" for number in range(appender.result() + 1)]


def test_a_long_query_delays_the_exchange_and_no_other_reader(read_side: ReadSide) -> None:
    told = read_side.open_session("t0")
    runner = read_side.runner([CONVERSATION_HISTORY])
    runner.catch_up()
    rows = sa.select(turns.columns.text)
    with ThreadPoolExecutor(1) as thread:
        with read_side.read_models.reading() as long:
            assert [*long.scalars(rows)] == ["t0"]
            rebuilding = thread.submit(read_side.runner([CONVERSATION_HISTORY]).rebuild, NAME)
            last = read_side.log.last_position()
            eventually(lambda: successor_at(read_side) == last)
            told.say("NOVA_001", "t1")
            for _ in range(20):
                assert count_turns(read_side) in {1, 2}
            eventually(lambda: texts(read_side) == ["t0", "t1"])
            assert [*long.scalars(rows)] == ["t0"]
            assert not rebuilding.done()
        assert rebuilding.result().lag == 0
    assert texts(read_side) == ["t0", "t1"]


STALLING = """
import sys
from dataclasses import replace
from projections.conversation_history import CONVERSATION_HISTORY
from tests.support.poison import TURN
from tests.support.read_side import open_read_side

def handle(batch, recorded):
    if recorded.event.turn.text == "t5":
        print("there", flush=True)
        sys.stdin.readline()
    CONVERSATION_HISTORY.handlers[TURN](batch, recorded)

with open_read_side(sys.argv[1]) as read_side:
    stalling = replace(CONVERSATION_HISTORY, handlers={TURN: handle})
    read_side.runner([stalling], batch_size=2).rebuild(CONVERSATION_HISTORY.name)
"""


def test_a_rebuild_whose_process_was_killed_is_finished_by_whoever_leads_next(
    read_side: ReadSide, database_url: str
) -> None:
    told = read_side.open_session("t0")
    for number in range(1, 9):
        told.say("NOVA_001", f"t{number}")
    runner = read_side.runner([CONVERSATION_HISTORY])
    runner.catch_up()
    with guided(STALLING, database_url) as process:
        assert process.heard() == "there"
        reached = successor_at(read_side)
        process.kill()
    assert reached is not None
    assert 0 < reached < read_side.log.last_position()
    assert texts(read_side) == [f"t{number}" for number in range(9)]
    seen: list[int] = []

    def handle(batch: Any, recorded: RecordedEvent) -> None:
        seen.append(recorded.position)
        CONVERSATION_HISTORY.handlers[recorded.type](batch, recorded)

    noting = replace(CONVERSATION_HISTORY, handlers={"conversation.turn_taken": handle})
    successor = read_side.runner([noting])
    eventually(lambda: successor.catch_up()[0].rebuilt_to is None)
    assert min(seen) > reached
    assert texts(read_side) == [f"t{number}" for number in range(9)]


def test_two_who_ask_for_the_same_rebuild_get_the_same_one(read_side: ReadSide) -> None:
    read_side.tell_plain_session()
    runners = [read_side.runner(batch_size=3) for _ in range(3)]
    runners[0].catch_up()
    before = read_side.contents()
    with ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(runner.rebuild, NAME) for runner in runners]
        assert [each.result().rebuilt_to for each in asked] == [None] * 3
    assert read_side.contents() == before


def test_all_read_models_are_built_anew_together(read_side: ReadSide) -> None:
    read_side.tell_plain_session()
    runner = read_side.runner()
    runner.catch_up()
    before, told = read_side.contents(), list[tuple[int, int]]()
    statuses = runner.rebuild_together(runner.names, lambda *reached: told.append(reached))
    assert [status.name for status in statuses] == [each.name for each in PROJECTIONS]
    assert read_side.contents() == before
    assert told == sorted(told)
    assert told[-1] == (read_side.log.last_position(),) * 2


def test_a_paused_read_model_is_not_built_anew(read_side: ReadSide) -> None:
    read_side.open_session()
    runner = read_side.runner([SESSION_LIST, CONVERSATION_HISTORY])
    runner.pause(NAME)
    with pytest.raises(ConflictError, match=r"'conversation_history' is paused: resume it"):
        runner.rebuild_together(runner.names)
    assert [status.rebuilt_to for status in runner.status()] == [None, None]


def test_a_paused_read_model_of_an_older_version_disturbs_nobody(read_side: ReadSide) -> None:
    told = read_side.open_session("t0")
    read_side.runner([CONVERSATION_HISTORY]).catch_up()
    newer = read_side.runner([SESSION_LIST, replace(CONVERSATION_HISTORY, version=NEXT)])
    newer.pause(NAME)
    told.say("NOVA_001", "t1")
    sessions, conversations = newer.catch_up()
    assert (sessions.lag, conversations.version, conversations.rebuilt_to) == (0, NOW, None)
    newer.resume(NAME)
    _, conversations = newer.catch_up()
    assert (conversations.version, conversations.lag) == (NEXT, 0)


def test_a_rebuild_of_what_is_paused_meanwhile_goes_on_when_it_is_resumed(
    read_side: ReadSide,
) -> None:
    told = read_side.open_session("t0")
    told.say("NOVA_001", "t1")
    runner = read_side.runner([CONVERSATION_HISTORY], batch_size=1)
    runner.catch_up()
    with pytest.raises(ConflictError, match="goes on when it is resumed"):
        runner.rebuild(NAME, lambda *_: runner.pause(NAME))
    assert texts(read_side) == ["t0", "t1"]
    runner.resume(NAME)
    eventually(lambda: runner.catch_up()[0].rebuilt_to is None)
    assert texts(read_side) == ["t0", "t1"]


def test_a_stopped_read_model_is_repaired_by_a_rebuild(read_side: ReadSide) -> None:
    told = read_side.open_session("good")
    told.say("NOVA_001", "poison")
    told.say("NOVA_001", "after")
    read_side.runner([breaking_at("poison")]).catch_up()
    status = read_side.runner([CONVERSATION_HISTORY]).rebuild(NAME)
    assert (status.stopped, status.lag) == (False, 0)
    assert texts(read_side) == ["good", "poison", "after"]


def test_an_event_that_breaks_the_new_one_leaves_the_old_one_as_it_is(read_side: ReadSide) -> None:
    told = read_side.open_session("good")
    told.say("NOVA_001", "poison")
    last = read_side.log.last_position()
    read_side.runner([CONVERSATION_HISTORY]).catch_up()
    breaking = read_side.runner([breaking_at("poison")])
    with pytest.raises(ConflictError, match=rf"comes up to position {last - 1} .*stays in use"):
        breaking.rebuild(NAME)
    told.say("NOVA_001", "after")
    (status,) = breaking.catch_up()
    assert (status.stopped, status.lag, status.rebuilt_to) == (False, 0, None)
    assert texts(read_side) == ["good", "poison", "after"]


def test_a_new_version_is_built_beside_the_old_one_which_answers_until_it_is_done(
    read_side: ReadSide,
) -> None:
    told = read_side.open_session("good")
    told.say("NOVA_001", "poison")
    read_side.runner([CONVERSATION_HISTORY]).catch_up()
    newer = replace(CONVERSATION_HISTORY, version=NEXT)
    (status,) = read_side.runner([breaking_at("poison", newer)]).catch_up()
    assert (status.version, status.stopped) == (NOW, True)
    assert status.rebuild_error == "ValueError: cannot take in 'poison'"
    assert texts(read_side) == ["good", "poison"]
    repaired = read_side.runner([newer])
    repaired.resume(NAME)
    (status,) = repaired.catch_up()
    assert (status.version, status.stopped, status.rebuilt_to) == (NEXT, False, None)
    assert texts(read_side) == ["good", "poison"]


def test_whoever_is_older_than_what_is_being_built_gives_way(read_side: ReadSide) -> None:
    read_side.open_session("good")
    older = read_side.runner([CONVERSATION_HISTORY])
    older.catch_up()
    newer = replace(CONVERSATION_HISTORY, version=NEXT)
    read_side.runner([breaking_at("good", newer)]).catch_up()
    with pytest.raises(
        UnavailableError, match=rf"version {NEXT}; this one knows {NOW}.*upgrade Hansard"
    ):
        older.catch_up()
    with pytest.raises(UnavailableError, match="newer Hansard"):
        older.rebuild(NAME)
    with pytest.raises(UnavailableError, match="newer Hansard"):
        older.take_in_again(read_side.ids.new())


def test_somebody_elses_view_stops_the_exchange_with_a_clear_error_and_nothing_else(
    read_side: ReadSide, connection: Connection
) -> None:
    told = read_side.open_session("t0")
    runner = read_side.runner([SESSION_LIST, CONVERSATION_HISTORY])
    runner.catch_up()
    connection.execute("CREATE VIEW mine AS SELECT text FROM hansard_read.turns")
    with pytest.raises(ConflictError, match=r"view hansard.mine depends on .*stays in use"):
        runner.rebuild(NAME)
    told.say("NOVA_001", "t1")
    assert [status.lag for status in runner.catch_up()] == [0, 0]
    connection.execute("DROP VIEW mine")
    assert runner.rebuild(NAME).lag == 0
    assert texts(read_side) == ["t0", "t1"]


class HookedLog:
    """Reads a log and does something once, before the events that were read are stored."""

    def __init__(self, read_side: ReadSide, hook: Callable[[], object]) -> None:
        self._log = read_side.log
        self._hook: Callable[[], object] | None = hook

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def scan(
        self, after: int, until: int, types: Collection[str], unreadable: Collection[int] = ()
    ) -> Iterator[RecordedEvent]:
        events = list(self._log.scan(after, until, types, unreadable))
        hook, self._hook = self._hook, None
        if hook is not None and events:
            hook()
        yield from events


@pytest.mark.parametrize("rebuilds", [False, True])
def test_words_that_are_erased_while_somebody_has_read_them_are_not_stored(
    read_side: ReadSide, connection: Connection, *, rebuilds: bool
) -> None:
    told = read_side.open_session("secret")
    other = read_side.runner([CONVERSATION_HISTORY])
    if rebuilds:
        other.catch_up()

    def erase() -> None:
        connection.execute("ALTER TABLE hansard.events DISABLE TRIGGER ALL")
        connection.execute(
            "UPDATE hansard.events SET payload = convert_to(replace(convert_from(payload, 'UTF8'),"
            " 'secret', 'erased'), 'UTF8')"
        )
        other.take_in_again(told.session_id)

    hooked: Any = HookedLog(read_side, erase)
    runner = ProjectionRunner(hooked, read_side.pool, read_side.connect, [CONVERSATION_HISTORY])
    if rebuilds:
        runner.rebuild(NAME)
    else:
        runner.catch_up()
    runner.close()
    assert texts(read_side) == ["erased"]
