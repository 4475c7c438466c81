"""The command `what-if` changes one thing, tells what came of it, and refuses in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from application.errors import ApplicationError
from hansard.cli.exits import exit_code
from hansard.cli.main import CONFLICT, NOT_FOUND, OK, USAGE, cli


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def document(*arguments: str) -> Any:
    done = run("what-if", *arguments, "--json")
    assert done.exit_code == OK, done
    return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "output"))
    run("run", "What is 6 * 7?", "-q")


def doer() -> str:
    shown = json.loads(run("show", "--json").stdout)
    handle: str = shown["tasks"][-1]["holder"]
    return handle


def test_a_what_if_is_told_to_people() -> None:
    done = run("what-if", "--policy", "confidence_threshold=0.99", "-q")

    assert done.exit_code == OK, done
    for part in ("policy confidence_threshold", "0.99", "Diverges", "differs", "nobody"):
        assert part in done.stdout
    assert done.stderr == ""
    assert len(json.loads(run("sessions", "--json").stdout)["items"]) == 1


def test_a_dry_run_makes_nothing() -> None:
    before = json.loads(run("lineage", "--json").stdout)

    done = run("what-if", "last", "--policy", "max_wait_s=60", "--dry-run")

    assert "this is a dry run" in done.stdout
    assert "nowhere" in done.stdout
    assert json.loads(run("lineage", "--json").stdout) == before


def test_an_agent_is_changed_by_its_options(tmp_path: Path) -> None:
    agent = doer()
    text = tmp_path / "description.md"
    text.write_text("Counts on its fingers.")

    described = document("--agent", agent, "--description", f"@{text}", "--dry-run")
    taught = document("--agent", agent, "--add-skill", "juggling", "--max-turns", "3", "--dry-run")
    barred = document("--agent", agent, "--tools", "read_file", "--offline", "-q")

    assert described["change"]["after"] == "Counts on its fingers."
    assert described["divergence"]["agent"] == agent
    assert "juggling" in taught["change"]["after"]["skills"]
    assert taught["change"]["after"]["max_reasoning_turns"] == 3
    assert barred["change"]["after"] == {"tools": ["read_file"]}
    assert barred["fork"]["status"] == "failed"


def test_an_answer_is_changed_by_position_from_json_or_a_file(tmp_path: Path) -> None:
    session = json.loads(run("show", "--json").stdout)["session_id"]
    tried = run("what-if", "--answer", '1={"text": "x"}')
    there = str(tried.exception).split("there are ")[1].split(" ")[0]
    given = {"failure": {"kind": "overloaded", "message": "Busy."}}
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(given))

    for value in (json.dumps(given), str(file), f"@{file}"):
        view = document(session, "--answer", f"{there}={value}", "--dry-run")
        assert view["divergence"]["kind"] == "answer"
        assert view["divergence"]["position"] == int(there)
        assert view["change"]["after"] == {"failure": {**given["failure"], "retry_after_s": None}}


def test_what_cannot_be_done_is_said_in_one_sentence() -> None:
    refused = (
        (("--policy", "speed=1"), USAGE, "it has confidence_threshold"),
        (("--policy", "max_wait_s=120"), USAGE, "is 120.0 already"),
        (("--model", "boss=offline"), USAGE, "the roles are personal, orchestrator, specialist"),
        (("--model", "personal=gpt"), USAGE, "No model 'gpt' is known"),
        (("--agent", "X_1", "--max-turns", "2"), NOT_FOUND, "No agent 'X_1'"),
        (("--answer", "yesterday={}"), USAGE, "is no moment"),
        (("--policy", "max_wait_s=1", "--at", "999999"), CONFLICT, "had ended"),
        (("--policy", "max_wait_s=1", "--offline", "--no-live"), USAGE, "choose one"),
    )
    for arguments, code, told in refused:
        done = run("what-if", *arguments)
        assert isinstance(done.exception, ApplicationError), done
        assert exit_code(done.exception) == code
        assert told in str(done.exception)
    assert json.loads(run("lineage", "--json").stdout)["forks"] == []
