"""The command `db`, on real servers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner, Result

from application.errors import BadRequestError
from hansard.cli.main import cli
from infrastructure.database import DatabaseUnavailableError
from migrations import head
from tests.conftest import RUN_FOLDER


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["db", *arguments])


def answer(*arguments: str) -> dict[str, object]:
    result = run(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    document: dict[str, object] = json.loads(result.stdout)
    return document


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the embedded server of the command lives."""
    with TemporaryDirectory(dir=os.environ[RUN_FOLDER]) as home:
        monkeypatch.setenv("HANSARD_HOME", home)
        yield Path(home) / "postgres"


def test_a_server_is_started_looked_at_and_stopped(folder: Path) -> None:
    try:
        started = answer("start")
        migrated = answer("migrate")
        found = answer("status")
        told = run("status").stdout.splitlines()
    finally:
        stopped = answer("stop")

    assert started["running"] is True
    assert started["kept"] is True
    assert started["folder"] == str(folder)
    assert str(folder) in str(started["conninfo"])
    assert (migrated["before"], migrated["after"]) == (None, head())
    assert (found["schema"], found["newest"]) == (head(), head())
    assert told[0] == f"Database: embedded server in '{folder}'"
    assert told[1].startswith("Server: running, not in use, kept until `hansard db stop`;")
    assert told[2] == f"Schema: {head()} (newest: {head()})"
    assert (stopped["running"], stopped["kept"]) == (False, False)


def test_the_status_of_a_server_that_never_ran_is_told_without_making_one(folder: Path) -> None:
    assert run("status").stdout.splitlines() == [
        f"Database: embedded server in '{folder}'",
        f"Server: stopped; its data are in '{folder}'",
    ]
    assert answer("stop")["running"] is False
    assert not folder.exists()


def test_a_database_of_the_users_own_is_migrated_and_shown(
    monkeypatch: pytest.MonkeyPatch, empty_database_url: str
) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", empty_database_url)

    before = run("status").stdout
    first, second = run("migrate").stdout, run("migrate").stdout
    after = answer("status")

    assert f"Schema: none (newest: {head()})" in before
    assert first == f"Schema: {head()}, was none.\n"
    assert second == f"Schema: {head()}, nothing to do.\n"
    assert (after["server"], after["schema"]) == (None, head())


@pytest.mark.parametrize("command", ["start", "stop"])
def test_a_server_of_the_users_own_is_neither_started_nor_stopped(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", "postgresql://db.example/hansard")

    error = run(command).exception

    assert isinstance(error, BadRequestError)
    assert "names a server of your own, which Hansard neither starts nor stops" in str(error)


def test_a_server_that_cannot_be_reached_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", "postgresql://me:pa55word@127.0.0.1:1/hansard")

    error = run("status").exception

    assert isinstance(error, DatabaseUnavailableError)
    assert "'127.0.0.1:1' cannot be reached" in str(error)
    assert "pa55word" not in str(error)


@pytest.mark.parametrize("command", ["start", "stop", "status", "migrate"])
def test_each_command_explains_itself(command: str) -> None:
    result = run(command, "--help")

    assert result.exit_code == 0
    assert "--json" in result.stdout
