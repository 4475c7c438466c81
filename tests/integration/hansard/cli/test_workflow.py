"""Workflows on the command line: run, checked, drawn, listed, with their schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from application.errors import BadRequestError
from hansard.cli.main import cli

BROKEN = """\
name: broken
procedure:
  pattern: chain
  tasks:
    - {key: a, instruction: Do., agent: NOBODY_1}
    - {key: b, instruction: "{{c.summary}}", agent: FIN_007}
"""


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "out"))


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch, database_url: str) -> str:
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    return database_url


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.mark.usefixtures("url")
def test_a_workflow_is_run_with_its_inputs_shown_and_verified() -> None:
    """D4: parallelism metrics are shown."""
    ran = call("run", "--workflow", "parallel", "--set", "amount=1000", "--quiet", "--json")
    assert (ran.exit_code, ran.exception) == (0, None)
    view: dict[str, Any] = json.loads(ran.stdout)
    assert '"value": 1104.08' in view["answer"]
    assert view["request"] == "What does 1000 grow to within 5 years?"
    assert view["workflow"]["inputs"] == {"amount": 1000, "years": 5}
    figures = view["tasks"][0]["parallelism"]
    assert (figures["tasks"], figures["agents"]) == (3, 3)

    shown = call("show", "last")
    assert "3 tasks by 3 agents, at most" in shown.stdout
    assert call("replay", "--verify", "last").exit_code == 0


@pytest.mark.usefixtures("url")
def test_a_file_with_problems_is_told_in_full_before_anything_is_run(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(BROKEN, encoding="utf-8")

    for command in (["workflow", "check", str(file)], ["run", "-w", str(file), "Go"]):
        error = call(*command).exception
        assert isinstance(error, BadRequestError)
        assert str(error).splitlines()[1:] == [
            "  broken.yaml:5:41: unknown agent 'NOBODY_1'",
            (
                "  broken.yaml:6:29: {{c.summary}} names no task that this one depends on; it may"
                " name results of a"
            ),
        ]
    assert json.loads(call("sessions", "--json").stdout)["items"] == []


@pytest.mark.usefixtures("url")
def test_a_valid_workflow_is_said_to_be_one() -> None:
    assert call("workflow", "check", "consensus").stdout == (
        "consensus 1 is a valid workflow: consensus, 4 tasks.\n"
    )
    assert json.loads(call("workflow", "check", "chain", "--json").stdout)["name"] == "chain"


@pytest.mark.usefixtures("url")
def test_what_cannot_be_run_is_told() -> None:
    assert "Say what is wanted" in call("run").stderr
    assert "name one by --workflow" in call("run", "Go", "--set", "a=1").stderr
    unknown = call("run", "--workflow", "parallel", "--set", "amout=1")
    assert str(unknown.exception) == (
        "The workflow 'parallel' has no input 'amout'; did you mean 'amount'?"
    )


def test_the_workflows_that_come_along_are_listed() -> None:
    listed = json.loads(call("workflow", "list", "--json").stdout)
    assert "chain" in [each["name"] for each in listed]
    assert "consensus" in call("workflow", "list").stdout


def test_a_workflow_is_drawn_without_a_database(tmp_path: Path) -> None:
    drawing = tmp_path / "chain.svg"
    assert call("workflow", "graph", "chain", "-o", str(drawing)).exit_code == 0
    assert drawing.read_text(encoding="utf-8").startswith("<svg xmlns=")
    assert call("workflow", "graph", "chain").stdout == drawing.read_text(encoding="utf-8")
    error = call("workflow", "graph", "chain", "-o", str(tmp_path / "no" / "x.svg")).exception
    assert isinstance(error, BadRequestError)


def test_the_schema_of_workflow_files_is_printed() -> None:
    schema = json.loads(call("workflow", "schema").stdout)
    assert schema["title"] == "WorkflowEntry"
    assert "procedure" in schema["required"]
