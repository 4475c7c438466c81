"""The command `run`: the job's place in a trace, typed or from the environment."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from application.errors import BadRequestError
from hansard.cli.main import cli

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "out"))


def ask(*options: str, **environment: str) -> Result:
    variables = {"TRACEPARENT": None} | environment
    return CliRunner().invoke(cli, ["run", "What is 6 * 7?", "--quiet", *options], env=variables)


def traceparents(database_url: str) -> list[str | None]:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT DISTINCT traceparent FROM hansard.event_log WHERE session_id IS NOT NULL"
        )
        return [row[0] for row in rows]


def test_without_a_trace_there_is_none(database_url: str) -> None:
    result = ask()

    assert (result.exit_code, result.exception) == (0, None)
    assert traceparents(database_url) == [None]


def test_what_is_typed_wins_over_the_environment(database_url: str) -> None:
    assert ask("--traceparent", TRACEPARENT, TRACEPARENT=OTHER).exit_code == 0

    assert traceparents(database_url) == [TRACEPARENT]


def test_the_environment_names_the_trace(database_url: str) -> None:
    assert ask(TRACEPARENT=OTHER).exit_code == 0

    assert traceparents(database_url) == [OTHER]


def test_a_wrong_one_from_the_environment_is_ignored_aloud(database_url: str) -> None:
    result = ask(TRACEPARENT="00-nonsense")

    assert result.exit_code == 0
    assert "TRACEPARENT is ignored: The traceparent '00-nonsense' is none" in result.stderr
    assert "42" in result.stdout
    assert traceparents(database_url) == [None]


def test_an_empty_one_is_none(database_url: str) -> None:
    result = ask(TRACEPARENT="")

    assert (result.exit_code, "ignored" in result.stderr) == (0, False)
    assert traceparents(database_url) == [None]


def test_a_wrong_one_that_was_typed_is_refused_before_anything_is_done(database_url: str) -> None:
    result = ask("--traceparent", "00-nonsense")

    assert isinstance(result.exception, BadRequestError)
    assert traceparents(database_url) == []
