"""The command `tail`, as a process of its own: it follows, is ended in any way, and goes on."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner

from application.errors import BadRequestError, NotFoundError
from hansard.cli.main import BROKEN_PIPE, INTERRUPTED, OK, cli
from infrastructure.database import Connection, connect, ensure_schema
from tests.conftest import RUN_FOLDER
from tests.support.command import Command, Running, command_of_this_tree
from tests.support.own_server import OwnServer, own_server
from tests.support.processes import eventually
from tests.support.read_side import ReadSide, open_read_side


@pytest.fixture
def hansard(database_url: str, tmp_path: Path) -> Command:
    """The command of this tree on a fresh database, whose organisation stands already."""
    command = command_of_this_tree(tmp_path, database_url)
    command.succeed("agents", "list")
    return command


@pytest.fixture
def read_side(database_url: str) -> Iterator[ReadSide]:
    with open_read_side(database_url) as read_side:
        yield read_side


def documents(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def positions(text: str) -> list[int]:
    return [document["position"] for document in documents(text)]


def positions_of(connection: Connection, condition: str = "true") -> list[int]:
    rows = connection.execute(
        f"SELECT position FROM hansard.event_log WHERE {condition} ORDER BY position"  # noqa: S608
    )
    return [row[0] for row in rows]


def first_document(running: Running) -> dict[str, Any]:
    """Read a line of standard output, and go on listening."""
    assert running.process.stdout is not None
    document: dict[str, Any] = json.loads(running.process.stdout.readline())
    return document


def test_the_last_events_come_in_order(
    hansard: Command, read_side: ReadSide, connection: Connection
) -> None:
    told = read_side.tell_plain_session("Report on Q4")
    every = positions_of(connection)

    found = documents(hansard.succeed("tail", "--json"))

    assert [document["position"] for document in found] == every[-20:]
    assert {document["payload"] for document in found} == {None}
    assert found[-1]["type"] == "session.completed"
    assert found[-1]["session_id"] == str(told.session.id)
    assert found[-1]["text"] == "# Report All is well."
    row = connection.execute(
        "SELECT event_id, stream, version, actor, recorded_at, occurred_at"
        " FROM hansard.event_log ORDER BY position DESC LIMIT 1"
    ).fetchone()
    assert row is not None
    last = found[-1]
    assert [last["event_id"], last["stream"], last["version"], last["actor"]] == [
        *map(str, row[:2]),
        *row[2:4],
    ]
    assert positions(hansard.succeed("tail", "--json", "-n", "3")) == every[-3:]
    assert hansard.succeed("tail", "--json", "-n", "0") == ""


def test_events_can_be_chosen(
    hansard: Command, read_side: ReadSide, connection: Connection
) -> None:
    told = read_side.tell_plain_session("One")
    other = read_side.tell_plain_session("Two")

    def chosen(*options: str) -> list[int]:
        return positions(hansard.succeed("tail", "--json", "-n", "1000", *options))

    of_first = f"session_id = '{told.session.id}'"
    assert chosen("--session", str(told.session.id)) == positions_of(connection, of_first)
    assert chosen("--session", "last") == positions_of(
        connection, f"session_id = '{other.session.id}'"
    )
    assert chosen("--type", "task.*") == positions_of(connection, "type ^@ 'task.'")
    assert chosen("--type", "task.c*", "--type", "session.opened") == positions_of(
        connection, "type ^@ 'task.c' OR type = 'session.opened'"
    )
    assert chosen("--agent", "USER") == positions_of(connection, "actor = 'USER'")
    assert (
        chosen("--actor", "SYSTEM", "-n", "5") == positions_of(connection, "actor = 'SYSTEM'")[-5:]
    )
    opened = positions_of(connection, f"type = 'session.opened' AND {of_first}")[0]
    row = connection.execute(
        "SELECT event_id FROM hansard.event_log WHERE position = %s", (opened,)
    ).fetchone()
    assert row is not None
    for moment in (str(opened), str(row[0])):
        assert chosen("--from", moment, "--type", "session.*")[0] == opened


def test_everything_that_an_event_says_can_be_seen(hansard: Command, read_side: ReadSide) -> None:
    told = read_side.tell_plain_session("Report on\nQ4")
    session = ("--session", str(told.session.id), "--type", "session.opened")

    [document] = documents(hansard.succeed("tail", *session, "--full", "--json"))
    text = hansard.succeed("tail", *session, "--full")

    assert document["payload"]["charter"]["request"] == "Report on\nQ4"
    assert document["text"] == "Report on Q4"
    assert json.loads(text.partition("\n")[2]) == document["payload"]


def test_what_cannot_be_meant_is_refused_in_a_sentence(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    for options, error, saying in (
        (("--type", "task.delegate"), BadRequestError, "near it are task.delegated"),
        (("--type", "zzz.*"), BadRequestError, "there are agent.*, approval.*, audit.*"),
        (("--from", "yesterday"), BadRequestError, "'yesterday' is no moment"),
        (("--from", "2026-10-03T12:00:00"), BadRequestError, "has no zone"),
        (("--bookmark", "my mark"), BadRequestError, "'my mark' is no name of a bookmark"),
        (("--session", str(uuid4())), NotFoundError, "No session"),
        (("--session", "nonsense"), BadRequestError, "nonsense"),
    ):
        result = CliRunner().invoke(cli, ["tail", *options])
        assert isinstance(result.exception, error)
        assert saying in str(result.exception)
        assert result.stdout == ""
    assert CliRunner().invoke(cli, ["tail", "-n", "-1"]).exit_code == 2


def test_what_is_appended_is_shown_at_once(hansard: Command, read_side: ReadSide) -> None:
    told = read_side.open_session("t0")
    with hansard.started("tail", "-f", "-n", "1", "--json") as running:
        assert first_document(running)["type"] == "conversation.turn_taken"
        for number in range(5):
            told.say("NOVA_001", f"t{number}")
            assert first_document(running)["text"] == f"NOVA_001: t{number}"
        running.process.terminate()
        outcome = running.end()
    assert (outcome.code, outcome.out) == (OK, "")
    last = read_side.log.last_position()
    assert outcome.err == (
        f"Stopped behind position {last}: `hansard tail --from {last + 1}` goes on there.\n"
    )


def test_ctrl_c_says_where_to_go_on(hansard: Command, read_side: ReadSide) -> None:
    read_side.open_session("t0")
    last = read_side.log.last_position()
    for options, advice in (
        ((), f"`hansard tail --from {last + 1}`"),
        (("--bookmark", "mine"), "`hansard tail --bookmark mine`"),
    ):
        with hansard.started("tail", "-f", "--json", "-n", "1", *options) as running:
            first_document(running)
            running.interrupt()
            outcome = running.end()
        assert outcome.code == INTERRUPTED
        said = f"Stopped behind position {last}: {advice} goes on there."
        assert outcome.err.split("\n") == [said, "", "Interrupted.", ""]


def test_a_tail_that_has_shown_nothing_says_where_to_go_on_too(
    hansard: Command, read_side: ReadSide, connection: Connection
) -> None:
    last = read_side.log.last_position()
    with hansard.started("tail", "-f", "-n", "0") as running:
        eventually(lambda: followers(connection) == 1)
        running.interrupt()
        outcome = running.end()
    assert f"Stopped behind position {last}: " in outcome.err


def test_a_reader_that_leaves_ends_it_although_nothing_happens(
    hansard: Command, read_side: ReadSide
) -> None:
    read_side.open_session("t0")
    with hansard.started("tail", "-f", "-n", "1") as running:
        assert "conversation.turn_taken" in running.first_line()
        outcome = running.end()
    assert (outcome.code, outcome.err) == (BROKEN_PIPE, "")


def test_a_bookmark_goes_on_where_it_was_left(hansard: Command, read_side: ReadSide) -> None:
    told = read_side.open_session("t0")
    mark = ("tail", "--json", "--bookmark", "a")
    assert len(positions(hansard.succeed(*mark))) == 20
    assert hansard.succeed(*mark) == ""
    told.say("NOVA_001", "t1")
    told.say("NOVA_001", "t2")
    texts = [document["text"] for document in documents(hansard.succeed(*mark, "-n", "1"))]
    assert texts == ["NOVA_001: t1", "NOVA_001: t2"]
    assert hansard.succeed(*mark, "--from", "1") == ""
    assert len(positions(hansard.succeed("tail", "--json", "--bookmark", "b", "-n", "2"))) == 2


def test_a_bookmark_of_another_log_is_refused(
    hansard: Command, read_side: ReadSide, connection: Connection
) -> None:
    connection.execute("INSERT INTO hansard.tracking VALUES ('tail:a', 1000000)")

    outcome = hansard.run("tail", "--bookmark", "a")

    assert outcome.code == 4
    assert "stands at position 1000000, and the log ends at" in outcome.err


class Chatter:
    """Appends to the log until it is told to stop."""

    def __init__(self, read_side: ReadSide) -> None:
        self._told = read_side.open_session("t0")
        self._stop = Event()
        self._thread = Thread(target=self._talk)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _talk(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            self._told.say("NOVA_001", f"t{number}")


def test_nothing_is_lost_or_left_out_when_it_is_killed_again_and_again(
    hansard: Command, read_side: ReadSide, connection: Connection
) -> None:
    types = ("--type", "conversation.turn_taken")
    mark = ("tail", "--json", "--bookmark", "a", "--from", "1", *types)
    shown: list[list[int]] = []
    with Chatter(read_side):
        for count in (1, 40, 300, 5):
            with hansard.started(*mark, "-f") as running:
                taken = [first_document(running)["position"] for _ in range(count)]
                running.process.kill()
                assert running.process.stdout is not None
                rest = running.process.stdout.read()
                shown.append(taken + positions(rest[: rest.rfind("\n") + 1]))
    shown.append(positions(hansard.succeed(*mark)))

    expected = positions_of(connection, "type = 'conversation.turn_taken'")
    assert sorted({position for run in shown for position in run}) == expected
    for run in shown:
        start = expected.index(run[0])
        assert run == expected[start : start + len(run)]
    for former, latter in pairwise(shown):
        assert expected.index(latter[0]) <= expected.index(former[-1]) + 1


def test_a_bookmark_is_stored_while_nothing_happens(
    hansard: Command, read_side: ReadSide, connection: Connection
) -> None:
    read_side.open_session("t0")
    last = read_side.log.last_position()
    with hansard.started("tail", "-f", "--json", "--bookmark", "a", "-n", "3") as running:
        eventually(lambda: stored(connection, "a") == last)
        running.kill()
    assert hansard.succeed("tail", "--bookmark", "a") == ""


def test_terminals_get_colours_and_nothing_that_controls_them(
    hansard: Command, read_side: ReadSide, connection: Connection
) -> None:
    told = read_side.tell_plain_session("Evil\x1b]0;owned\x07 \x1b[2J\u202erequest " + "x" * 500)

    told_positions = positions_of(connection, f"session_id = '{told.session.id}'")
    for options in ((), ("--wide",), ("--full",), ("--wide", "--full")):
        screen = hansard.show("tail", "--session", "last", "-n", "100", *options, columns=100)
        assert screen.code == OK
        assert not re.search(r"\x1b\]|\x1b\[2J|[\x07\u202e]", screen.sent)
        assert re.search(r"\x1b\[[0-9;]*32m", screen.sent)  # what is completed is green
        assert str(told.session.id) in screen.text
        if not options:
            assert max(map(len, screen.text.splitlines())) <= 100
            assert len(screen.text.splitlines()) == 1 + len(told_positions)
    plain = hansard.given(NO_COLOR="1").show("tail", "--session", "last")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", plain.sent)


def stored(connection: Connection, name: str) -> int | None:
    row = connection.execute(
        "SELECT position FROM hansard.tracking WHERE application = %s", (f"tail:{name}",)
    ).fetchone()
    return None if row is None else int(row[0])


def followers(connection: Connection) -> int:
    row = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND query = 'LISTEN hansard_appended'"
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def server() -> Iterator[OwnServer]:
    """A server that can be stopped."""
    with own_server(Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8]) as server:
        ensure_schema(server.admin_conninfo())
        yield server


def test_it_outlives_a_restart_of_the_database_and_leaves_nothing_out(
    server: OwnServer, tmp_path: Path
) -> None:
    url = server.admin_conninfo()
    hansard = command_of_this_tree(tmp_path, url)
    mark = ("tail", "--json", "--bookmark", "a", "--type", "conversation.turn_taken")
    with hansard.started(*mark, "-f", "--from", "1") as running:
        with open_read_side(url) as read_side:
            read_side.open_session("t0")
        assert first_document(running)["text"] == "USER: t0"
        server.stop()
        running.await_message("The log cannot be followed now and is waited for")
        server.start()
        with open_read_side(url) as read_side:
            read_side.ids = type(read_side.ids)(500)
            read_side.open_session("t1")
        assert first_document(running)["text"] == "USER: t1"
        with connect(url, autocommit=True) as connection:
            last = positions_of(connection, "type = 'conversation.turn_taken'")[-1]
            eventually(lambda: stored(connection, "a") == last)
        server.stop()
        running.process.send_signal(signal.SIGTERM)
        outcome = running.end()
        server.start()
    assert outcome.code == OK
    assert "Traceback" not in outcome.err
    assert hansard.succeed(*mark) == ""
