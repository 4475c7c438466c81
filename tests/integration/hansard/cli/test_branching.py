"""The commands `rewind`, `undo`, `fork` and `lineage`, also on what another process runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import pytest
from click.testing import CliRunner, Result

import hansard
from hansard.cli.exits import exit_code
from hansard.cli.main import CONFLICT, NOT_FOUND, OK, USAGE, cli
from infrastructure.database import Connection
from tests.integration.hansard.cli.test_stop import REQUEST, stuck, stuck_session, types
from tests.support.command import Command, command_of_this_tree

__all__ = ["stuck"]


@pytest.fixture
def session(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A session that has ended."""
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "out"))
    with hansard.open() as h:
        return str(h.run(REQUEST).session_id)


def run(*arguments: str, catch: bool = True) -> Result:
    return CliRunner().invoke(cli, arguments, standalone_mode=False, catch_exceptions=catch)


def document(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exception is None, result.exception
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def started(connection: Connection, session: str) -> int:
    row = connection.execute(
        "SELECT min(position) FROM hansard.event_log WHERE session_id = %s"
        " AND type = 'task.started'",
        (session,),
    ).fetchone()
    assert row is not None
    position: int = row[0]
    return position


def test_what_happened_and_cannot_be_taken_back_is_told(
    session: str, connection: Connection
) -> None:
    to = str(started(connection, session))

    tried = run("rewind", session, "--to", to, "--reason", "look", "--dry-run")
    done = run("rewind", session, "--to", to, "--reason", "look")

    assert "Would go back" in tried.stderr
    assert "To append" in tried.stderr
    assert "Went back" in done.stderr
    assert "completed > running" in done.stderr
    assert "cannot be taken back" in done.stderr
    assert f"hansard undo {session}" in done.stderr
    assert (tried.stdout, done.stdout) == ("", "")


def test_a_session_that_somebody_took_back_waits_for_him(
    session: str, connection: Connection, tmp_path: Path, database_url: str
) -> None:
    command = command_of_this_tree(tmp_path, database_url)
    document("rewind", session, "--to", str(started(connection, session)), "--reason", "look")

    outcome = command.run("run", REQUEST, "-q")

    assert outcome.code == OK
    assert "Finished interrupted session" not in outcome.err
    assert document("show", session)["status"] == "running"
    assert command.run("resume", session, "-q").code == OK
    assert document("show", session)["status"] == "completed"


def test_undoing_twice_rewinds_again(session: str, connection: Connection) -> None:
    before = document("show", session)
    rewound = document(
        "rewind", session, "--to", str(started(connection, session)), "--reason", "look"
    )

    undone = document("undo", session, "--reason", "as it was")
    again = document("undo", session, "--reason", "after all")

    assert undone["state_hash"] == before["state_hash"]
    assert again["state_hash"] == rewound["state_hash"] != undone["state_hash"]
    rewinds = document("lineage", session)["rewinds"]
    assert [each["reason"] for each in rewinds] == ["look", "as it was", "after all"]


def test_the_id_of_a_fork_is_all_that_goes_to_standard_output(
    session: str, connection: Connection
) -> None:
    at = str(started(connection, session))

    result = run("fork", session, "--at", at, "--reason", "another way")

    fork = result.stdout.strip()
    assert document("show", fork)["origin"]["session_id"] == session
    assert "Forked" in result.stderr
    assert fork in run("lineage", session).stdout
    assert session in run("lineage", fork).stdout
    tried = run("fork", session, "--reason", "another way", "--dry-run")
    assert ("Would fork" in tried.stderr, tried.stdout) == (True, "")


def test_what_cannot_be_done_is_said_in_a_sentence(session: str) -> None:
    for arguments, code, says in (
        (("rewind", "last", "--to", "1", "--reason", "x"), NOT_FOUND, "opened after position 1"),
        (("rewind", "last", "--to", "12:00", "--reason", "x"), USAGE, "is no moment"),
        (("rewind", "last", "--to", "1", "--reason", " "), USAGE, "The reason is empty"),
        (("fork", "last", "--at", "99999999", "--reason", ""), USAGE, "The reason is empty"),
        (("undo", session, "--reason", "x"), CONFLICT, "was never rewound"),
        (("lineage", str(UUID(int=5))), NOT_FOUND, str(UUID(int=5))),
    ):
        result = run(*arguments)

        assert result.stdout == ""
        assert isinstance(result.exception, Exception)
        assert exit_code(result.exception) == code
        assert says in str(result.exception)
    for arguments in (("rewind", "last", "--to", "1"), ("fork", "last"), ("undo", "last")):
        with pytest.raises(click.UsageError, match="Missing parameter: reason"):
            run(*arguments, catch=False)


def test_a_session_that_another_process_runs_is_stopped_before_it_is_taken_back(
    stuck: Command, tmp_path: Path, database_url: str, connection: Connection
) -> None:
    healthy = command_of_this_tree(tmp_path, database_url)
    with stuck.started("run", REQUEST) as running:
        session = stuck_session(running)
        begun = types(connection, session)
        to = str(started(connection, session) - 1)
        refused = healthy.run("rewind", session, "--to", to, "--reason", "too slow")
        assert refused.code == CONFLICT
        assert f"is being run already by hansard process {running.process.pid} on " in refused.err

        rewound = healthy.document(
            "rewind", session, "--to", to, "--reason", "too slow", "--cancel-effects"
        )
        outcome = running.end()

    assert outcome.code == CONFLICT
    assert [effect["purpose"] for effect in rewound["cancelled"]] == ["execute"]
    assert types(connection, session) == [*begun, "session.rewound"]
    assert healthy.run("resume", session, "-q").code == OK
