"""The command `worker`, as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen
from uuid import uuid4

import pytest

from hansard.cli.main import CONFLICT, NOT_FOUND
from infrastructure.database import Connection, ensure_schema
from projections.catalogue import PROJECTIONS
from projections.conversation_history import CONVERSATION_HISTORY
from tests.conftest import RUN_FOLDER
from tests.support.command import Command, Running
from tests.support.own_server import OwnServer, own_server
from tests.support.poison import texts
from tests.support.processes import ROOT, eventually
from tests.support.read_side import ReadSide, open_read_side

NAMES = [projection.name for projection in PROJECTIONS]


@pytest.fixture
def hansard(database_url: str, tmp_path: Path) -> Command:
    """The command of this tree on a fresh database."""
    return command(tmp_path, database_url)


def command(folder: Path, url: str) -> Command:
    program = folder / "hansard"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m hansard "$@"\n')
    program.chmod(0o755)
    environment = {"HANSARD_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    return Command(program, folder, environment)


@pytest.fixture
def read_side(database_url: str) -> Iterator[ReadSide]:
    with open_read_side(database_url) as read_side:
        yield read_side


def follows(read_side: ReadSide, *expected: str) -> None:
    eventually(lambda: texts(read_side) == [*expected])


def said(line: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(line)
    return document


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_keeps_read_models_until_a_signal_ends_it_cleanly(
    hansard: Command, read_side: ReadSide, number: signal.Signals
) -> None:
    told = read_side.open_session("t0")
    with hansard.started("worker", "--no-sessions", "--json") as running:
        line = said(running.await_message("Leadership changed."))
        assert line["level"] == "info"
        assert line["leads"].split(",") == NAMES
        assert line["stands_by_for"] == ""
        follows(read_side, "t0")
        told.say("NOVA_001", "t1")
        follows(read_side, "t0", "t1")
        running.process.send_signal(number)
        outcome = running.end()
    assert (outcome.code, outcome.out) == (0, "")
    messages = [said(line)["message"] for line in outcome.err.splitlines()]
    assert messages[-2:] == ["The worker ends.", "The worker has ended."]


def test_a_stand_by_takes_over_when_the_leader_is_killed(
    hansard: Command, read_side: ReadSide
) -> None:
    told = read_side.open_session("t0")
    with hansard.started("worker", "--no-sessions", "--json") as leader:
        leader.await_message("Leadership changed.")
        with hansard.started("worker", "--no-sessions", "--json") as other:
            line = said(other.await_message("Leadership changed."))
            assert (line["leads"], line["stands_by_for"].split(",")) == ("", NAMES)
            follows(read_side, "t0")
            leader.kill()
            line = said(other.await_message("Leadership changed."))
            assert (line["leads"].split(","), line["stands_by_for"]) == (NAMES, "")
            told.say("NOVA_001", "t1")
            follows(read_side, "t0", "t1")
    runner = read_side.runner()
    kept = read_side.contents()
    for projection in PROJECTIONS:
        runner.rebuild(projection.name)
    assert read_side.contents() == kept


def test_it_can_be_restricted_to_some_read_models(hansard: Command, read_side: ReadSide) -> None:
    read_side.open_session("t0")
    outcome = hansard.run("worker", "--once", "--projections", "session_list, conversation_history")
    assert outcome.code == 0
    lags = {status.name: status.lag for status in read_side.runner().status()}
    assert {name for name, lag in lags.items() if lag == 0} == {
        "session_list",
        "conversation_history",
    }


def test_catching_up_once_tells_what_stopped(
    hansard: Command, read_side: ReadSide, connection: Connection
) -> None:
    read_side.open_session("t0")
    last = read_side.log.last_position()
    connection.execute("ALTER TABLE hansard.events DISABLE TRIGGER ALL")
    connection.execute("UPDATE hansard.events SET payload = '{' WHERE position = %s", (last,))
    outcome = hansard.run("worker", "--once", "--json", "--projections", "conversation_history")
    assert outcome.code == CONFLICT
    document = said(outcome.err.splitlines()[-1])
    assert document["message"] == "A read model stopped."
    assert document["failed_position"] == last


def test_a_read_model_that_does_not_exist_is_refused(hansard: Command) -> None:
    outcome = hansard.run("worker", "--projections", "astrology")
    assert outcome.code == NOT_FOUND
    assert "No read model 'astrology' is known." in outcome.err
    assert "Traceback" not in outcome.err


def test_metrics_are_served_on_this_machine(hansard: Command, read_side: ReadSide) -> None:
    read_side.open_session("t0")
    with hansard.started("worker", "--metrics-port", "0") as running:
        line = running.await_message("metrics=")
        address = line.strip().rpartition("metrics=")[2]
        assert address.startswith("http://127.0.0.1:")
        follows(read_side, "t0")
        up_to_date = f'lag_events{{projection="{CONVERSATION_HISTORY.name}"}} 0\n'
        eventually(lambda: up_to_date in read(address))
        assert 'hansard_projection_leads{projection="session_list"} 1\n' in read(address)
        with pytest.raises(HTTPError, match="404"):
            read(address.removesuffix("metrics"))
        taken = hansard.run("worker", "--metrics-port", address.split(":")[2].split("/")[0])
        assert "Metrics cannot be served on port" in taken.err
        end(running)


def read(address: str) -> str:
    with urlopen(address, timeout=30) as answer:  # noqa: S310 - an address of our own
        body: bytes = answer.read()
    return body.decode()


def end(running: Running) -> None:
    running.process.terminate()
    assert running.end().code == 0


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    """A server that can be stopped."""
    with own_server(Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8]) as server:
        ensure_schema(server.admin_conninfo())
        yield server


def test_it_outlives_restarts_of_the_database(server: OwnServer, tmp_path: Path) -> None:
    url = server.admin_conninfo()
    worker = command(tmp_path, url)
    with worker.started("worker") as running:
        running.await_message("Leadership changed.")
        server.stop()
        line = running.await_message("cannot be brought up to date now")
        assert " warning " in line
        server.start()
        running.await_message("brought up to date again")
        with open_read_side(url) as read_side:
            read_side.open_session("t0")
            follows(read_side, "t0")
        end(running)


def test_it_ends_cleanly_while_the_database_is_away(server: OwnServer, tmp_path: Path) -> None:
    with command(tmp_path, server.admin_conninfo()).started("worker") as running:
        running.await_message("Leadership changed.")
        server.stop()
        try:
            running.await_message("cannot be brought up to date now")
            running.process.terminate()
            outcome = running.end()
        finally:
            server.start()
    assert outcome.code == 0
    assert "Traceback" not in outcome.err
