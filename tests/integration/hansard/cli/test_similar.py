"""The command `similar` finds what was asked and answered, and keeps what finds it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hansard.cli.main import OK, USAGE, cli
from infrastructure.database import Connection
from tests.support.database_contents import relations_with
from tests.support.processes import PATIENCE_S


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def document(*arguments: str) -> Any:
    done = run("similar", *arguments, "--json")
    assert done.exit_code == OK, done
    return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "output"))


def test_what_was_asked_is_found_with_what_was_answered() -> None:
    run("run", "What is 6 * 7?", "-q")
    run("run", "What is 20 / 4?", "-q")

    page = document("what was 6 * 7", "--kind", "query", "--limit", "1")
    shown = run("similar", "what was 6 * 7", "--kind", "query", "--limit", "1")

    [hit] = page["items"]
    assert (hit["text"], hit["kind"], hit["speaker"]) == ("What is 6 * 7?", "query", "USER")
    assert "42" in hit["answer"]
    assert (hit["meaning_rank"], hit["word_rank"]) == (1, 1)
    assert (page["model"], page["lag"], page["meaning_lag"]) == ("static-256-v1", 0, 0)
    assert "What is 6 * 7?" in shown.stdout
    assert "answered: " in shown.stdout
    assert f"session {hit['session_id']}, turn {hit['turn_id']}" in shown.stdout
    assert f"Computed at position {page['position']}." in shown.stderr


def test_a_search_can_look_back_and_be_narrowed() -> None:
    run("run", "What is 6 * 7?", "-q")
    first = document("what", "--session", "last")["items"][0]["session_id"]
    position = document("what")["position"]
    run("run", "What is 20 / 4?", "-q")

    before = document("what", "--at", str(position))
    narrowed = document("what", "--session", first, "--agent", "NOVA_001")

    assert {hit["session_id"] for hit in before["items"]} == {first}
    assert {hit["session_id"] for hit in narrowed["items"]} == {first}
    assert len(document("what", "--limit", "50")["items"]) == 4


def test_controls_in_texts_do_not_reach_the_terminal() -> None:
    run("run", "What is 6 * 7? \x1b[2J\x1b]0;gone\x07", "-q")

    shown = run("similar", "what")

    assert "What is 6 * 7?" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_nothing_found_is_said_and_no_failure() -> None:
    done = run("similar", "anything at all")

    assert (done.exit_code, done.stdout) == (OK, "")
    assert "Nothing was found." in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["  "], "The text is empty; say what to look for."),
        (["x", "--at", "yesterday"], "yesterday"),
        (["x", "--session", "nonsense"], "nonsense"),
        (["x", "--limit", "0"], "0"),
        (["rebuild", "--model", "nonsense"], "nonsense"),
    ],
)
def test_what_cannot_be_done_is_refused_with_advice(arguments: list[str], said: str) -> None:
    run("run", "What is 6 * 7?", "-q")

    done = run("similar", *arguments)

    message = done.stderr + str(done.exception)
    assert done.exit_code != OK
    assert said in message
    assert USAGE == 2


def test_a_word_that_names_a_command_is_searched_for_explicitly() -> None:
    run("run", "What are models?", "-q")

    [hit, *_] = document("search", "models", "--kind", "query")["items"]

    assert hit["text"] == "What are models?"
    assert document("models")[0]["name"] == "static-256-v1"


def test_another_model_is_compared_and_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    run("run", "What is 6 * 7?", "-q")
    document("six times seven")

    tried = document("rebuild", "--model", "deterministic", "--dry-run")
    assert (tried["swapped"], tried["comparison"]["queries"]) == (False, 1)
    assert document("x")["model"] == "static-256-v1"

    built = document("rebuild", "--model", "deterministic")
    assert built["swapped"]
    assert built["replaced"]["name"] == "static-256-v1"
    assert document("x")["model"] == "deterministic-64-v1"
    states = [(model["name"], model["state"], model["is_trial"]) for model in document("models")]
    assert states == [
        ("static-256-v1", "retired", False),
        ("deterministic-64-v1", "retired", True),
        ("deterministic-64-v1", "live", False),
    ]

    monkeypatch.setenv("HANSARD_EMBEDDER", "deterministic")
    refused = run("similar", "rebuild", "--model", "static")
    assert refused.exit_code != OK
    assert "HANSARD_EMBEDDER is 'deterministic'" in str(refused.exception)


def test_a_chosen_embedder_replaces_the_live_one_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run("run", "What is 6 * 7?", "-q")
    assert document("x")["model"] == "static-256-v1"
    monkeypatch.setenv("HANSARD_EMBEDDER", "deterministic")

    run("worker", "--once")

    assert document("x")["model"] == "deterministic-64-v1"


def test_without_dead_letters_there_are_none() -> None:
    assert document("dead-letters") == []
    assert "There are none." in run("similar", "dead-letters", "--retry").stderr


def test_what_a_forgotten_person_said_is_found_no_more_and_stands_nowhere(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.erasure.traces.PATIENCE_S", PATIENCE_S)
    run("run", "Say quokkabert to me", "--subject", "customer-42", "-q")
    run("run", "What is 6 * 7?", "-q")
    assert document("quokkabert", "--kind", "query")["items"][0]["text"] == "Say quokkabert to me"
    sessions = connection.execute(
        "SELECT DISTINCT session_id FROM hansard_search.rows_1"
    ).fetchall()

    assert run("forget", "customer-42", "--reason", "asked").exit_code == OK

    left = connection.execute("SELECT DISTINCT session_id FROM hansard_search.rows_1").fetchall()
    assert (len(sessions), len(left)) == (2, 1)
    assert relations_with(connection, "quokkabert") == []
    found = document("quokkabert")["items"]
    assert {hit["word_score"] for hit in found} == {0.0}
