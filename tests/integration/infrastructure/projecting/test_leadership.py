"""One process leads a read model; when it ends, dies or hangs, another one takes over."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import psycopg
import pytest

from application.errors import UnavailableError
from infrastructure.database import Connection
from infrastructure.projecting import ProjectionRunner, sql
from infrastructure.projecting.leadership import Leadership
from projections.catalogue import PROJECTIONS
from projections.conversation_history import CONVERSATION_HISTORY
from projections.session_list import SESSION_LIST
from tests.support.poison import texts
from tests.support.processes import eventually, guided
from tests.support.read_side import ReadSide

ALL = frozenset(projection.name for projection in PROJECTIONS)

LEADERS = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database =
    (SELECT oid FROM pg_database WHERE datname = current_database())
  AND classid = hashtext('hansard.projection')::bigint & 4294967295
"""

LEADING = """
import sys
from threading import Event
from tests.support.read_side import open_read_side
with open_read_side(sys.argv[1]) as read_side:
    print(len(read_side.runner().follow(Event())), flush=True)
    sys.stdin.readline()
"""


def leaders(connection: Connection) -> set[int]:
    return {pid for (pid,) in connection.execute(LEADERS.encode())}


def test_who_leads_keeps_others_standing_by_until_it_closes(read_side: ReadSide) -> None:
    one, two = read_side.runner(), read_side.runner()
    assert one.follow(Event()) == one.led == ALL
    assert two.follow(Event()) == frozenset()
    one.close()
    eventually(lambda: two.follow(Event()) == ALL)
    assert one.led == frozenset()


def test_a_runner_leads_only_the_read_models_it_was_made_for(read_side: ReadSide) -> None:
    one = read_side.runner([SESSION_LIST])
    assert one.follow(Event()) == {"session_list"}
    assert read_side.runner().follow(Event()) == ALL - {"session_list"}


def test_whoever_only_catches_up_leads_no_longer_than_that(
    read_side: ReadSide, connection: Connection
) -> None:
    read_side.tell_plain_session()
    runner = read_side.runner()
    runner.catch_up()
    assert leaders(connection) == set()
    runner.follow(Event())
    runner.catch_up()
    assert len(leaders(connection)) == 1


def test_a_stand_by_leads_as_soon_as_the_process_that_led_is_killed(
    read_side: ReadSide, database_url: str
) -> None:
    read_side.open_session("t0")
    runner = read_side.runner()
    with guided(LEADING, database_url) as process:
        assert process.heard() == str(len(ALL))
        assert runner.follow(Event()) == frozenset()
        process.kill()
        eventually(lambda: runner.follow(Event()) == ALL)
    assert texts(read_side) == ["t0"]


def leads_all(runner: ProjectionRunner) -> bool:
    try:
        return runner.follow(Event()) == ALL
    except UnavailableError:  # a slow machine may be taken for one that hangs
        return False


def test_a_process_that_hangs_leads_no_longer_than_its_lease(
    read_side: ReadSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = read_side.open_session("t0")
    hanging, runner = read_side.runner(), read_side.runner()
    with monkeypatch.context() as patched:
        patched.setattr(sql, "LEASE", "500ms")
        eventually(lambda: leads_all(hanging))
    told.say("NOVA_001", "t1")
    eventually(lambda: leads_all(runner))
    assert texts(read_side) == ["t0", "t1"]
    assert hanging.follow(Event()) == frozenset()  # it awakes, and stands by
    runner.close()
    told.say("NOVA_001", "t2")
    eventually(lambda: leads_all(hanging))
    assert texts(read_side) == ["t0", "t1", "t2"]


def test_a_connection_that_was_killed_while_nothing_happened_is_replaced_unseen(
    read_side: ReadSide, connection: Connection
) -> None:
    told = read_side.open_session("t0")
    runner = read_side.runner()
    for text in ("t1", "t2"):
        assert runner.follow(Event()) == ALL
        [pid] = leaders(connection)
        connection.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))
        told.say("NOVA_001", text)
        assert runner.follow(Event()) == ALL
        assert texts(read_side)[-1] == text


def test_only_who_leads_is_on_a_lease(read_side: ReadSide) -> None:
    def lease(runner: ProjectionRunner) -> str:
        connection = runner._advance._leadership.connection
        row = connection.execute("SHOW idle_session_timeout").fetchone()
        return str(row[0]) if row else ""

    read_side.open_session("t0")
    runner = read_side.runner([CONVERSATION_HISTORY])
    runner.catch_up()
    assert lease(runner) == "0"
    runner.follow(Event())
    assert lease(runner) == sql.LEASE


class Silent:
    """Opens connections that refuse the settings."""

    def __init__(self, opened: Callable[[], Connection]) -> None:
        self._opened = opened
        self.connections: list[Any] = []

    def __call__(self) -> Any:
        connection = self._opened()
        connection.execute("SET statement_timeout = '1ms'")
        connection.execute("SET lock_timeout = 0")
        self.connections.append(connection)
        return connection


def test_a_connection_that_cannot_be_set_up_is_closed(
    read_side: ReadSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Silent(read_side.connect)
    monkeypatch.setattr(sql, "SETTINGS", "SELECT pg_sleep(60), %(lease)s")
    leadership = Leadership(opened, ["session_list"])
    with pytest.raises(psycopg.errors.QueryCanceled):
        leadership.seek()
    assert [connection.closed for connection in opened.connections] == [True]
    with pytest.raises(psycopg.OperationalError, match="nothing is led"):
        _ = leadership.connection
