"""The command `projections`, on a real database."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from application.errors import ApplicationError
from hansard.cli.exits import exit_code
from hansard.cli.main import CONFLICT, NOT_FOUND, USAGE, cli
from infrastructure.database import Connection
from projections.catalogue import PROJECTIONS
from tests.support.read_side import ReadSide, open_read_side

NAMES = [projection.name for projection in PROJECTIONS]


@pytest.fixture
def read_side(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadSide]:
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    with open_read_side(database_url) as read_side:
        read_side.tell_plain_session()
        yield read_side


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["projections", *arguments])


def answer(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result
    return json.loads(result.stdout)


def refusal(*arguments: str) -> tuple[int, str]:
    """Give the exit code and the message of a command that is refused."""
    result = run(*arguments)
    assert isinstance(result.exception, ApplicationError), result
    return exit_code(result.exception), str(result.exception)


def poison(connection: Connection, read_side: ReadSide) -> int:
    """Damage the newest turn, so that it cannot be decoded."""
    read_side.open_session("damaged")
    connection.execute("ALTER TABLE hansard.events DISABLE TRIGGER ALL")
    row = connection.execute(
        "UPDATE hansard.events SET payload = '{' WHERE position = (SELECT max(position)"
        " FROM hansard.events WHERE type = 'conversation.turn_taken') RETURNING position"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_the_status_lists_every_read_model_and_changes_nothing(read_side: ReadSide) -> None:
    found = answer("status")
    last = found[0]["lag"]
    assert [each["name"] for each in found] == NAMES
    assert last > 0
    assert {each["lag"] for each in answer("status")} == {last}
    assert {each["state"] for each in found} == {"behind"}
    assert all(each["lag_s"] > 0 for each in found)
    read_side.runner().catch_up()
    assert {(each["state"], each["lag"], each["lag_s"]) for each in answer("status")} == {
        ("up to date", 0, 0.0)
    }
    told = run("status").stdout.splitlines()
    headings = ("read model", "position", "events behind", "seconds behind", "set aside", "state")
    assert all(heading in told[0] for heading in headings)
    assert len(told) == 1 + len(NAMES)


def test_a_rebuild_says_what_it_did(read_side: ReadSide) -> None:
    read_side.runner().catch_up()
    before = read_side.contents()
    result = run("rebuild", "session_list", "task_tree")
    assert result.exit_code == 0
    assert result.stderr == "Building anew; the old ones answer meanwhile.\n"
    last = read_side.log.last_position()
    told = r"Built anew: session_list, task_tree; (\d+) events in \S+ s \(\S+ events/s\)\.\n"
    match = re.fullmatch(told, result.stdout)
    assert match is not None, result.stdout
    assert 0 <= int(match[1]) <= last  # whoever leads may have begun before it was looked at
    document = answer("rebuild", "--all")
    assert [each["name"] for each in document["projections"]] == NAMES
    assert 0 <= document["events"] <= last
    assert document["seconds"] > 0
    assert {name: rows for name, rows in read_side.contents().items() if name != "activity"} == {
        name: rows for name, rows in before.items() if name != "activity"
    }


@pytest.mark.parametrize("arguments", [(), ("session_list", "--all")])
def test_what_to_rebuild_has_to_be_said(arguments: tuple[str, ...]) -> None:
    result = run("rebuild", *arguments)
    assert result.exit_code == USAGE
    assert "Name the read models to build anew, or say --all." in result.stderr


def test_a_read_model_is_paused_and_resumed(read_side: ReadSide) -> None:
    [paused] = answer("pause", "task_tree")
    assert (paused["name"], paused["state"]) == ("task_tree", "paused")
    assert refusal("rebuild", "task_tree") == (
        CONFLICT,
        "The read model 'task_tree' is paused: resume it first.",
    )
    read_side.runner().catch_up()
    assert {each["name"]: each["state"] for each in answer("status")}["task_tree"] == "paused"
    assert "task_tree has been paused since " in run("status").stdout
    [resumed] = answer("resume", "task_tree")
    assert resumed["state"] == "behind"
    read_side.runner().catch_up()
    assert {each["state"] for each in answer("status")} == {"up to date"}


def test_a_stopped_read_model_says_why_and_what_to_do(
    read_side: ReadSide, connection: Connection
) -> None:
    position = poison(connection, read_side)
    read_side.runner().catch_up()
    told = run("status").stdout
    assert f"conversation_history stopped at position {position}: " in told
    assert "hansard projections resume conversation_history" in told
    [status] = answer("set-aside", "conversation_history", "--reason", "the disk \x1b[31mfailed")
    assert (status["state"], len(status["set_aside"])) == ("behind", 1)
    read_side.runner().catch_up()
    told = run("status").stdout
    assert f"conversation_history does without position {position}, set aside at " in told
    assert "(the disk failed): " in told
    assert refusal("set-aside", "conversation_history", "--reason", "x")[0] == CONFLICT


@pytest.mark.parametrize("command", [("pause",), ("resume",), ("rebuild",)])
def test_a_name_that_is_no_read_models_is_refused(
    read_side: ReadSide, command: tuple[str, ...]
) -> None:
    code, message = refusal(*command, "astrology")
    assert code == NOT_FOUND
    assert message.endswith(f"The read models are {', '.join(NAMES)}.")


def test_help_names_every_command() -> None:
    text = run("--help").stdout
    for command in ("status", "rebuild", "pause", "resume", "set-aside"):
        assert command in text
        assert run(command, "--help").exit_code == 0
