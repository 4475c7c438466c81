"""`hansard approvals`, D10: waiting survives a kill, and anybody may answer from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import hansard
from application.errors import ConflictError
from domain.session import SessionStatus
from hansard.cli.main import WAITING, cli
from tests.support.command import command_of_this_tree

Run = Callable[..., Result]

REQUEST = "What is 6 * 7?"
POLICY = """\
approvals:
  - name: arithmetic
    tools: ["evaluate_*"]
"""
STUCK = """\
import time
from hansard.cli.main import main
from application.orchestration.engine import SessionEngine

wait = SessionEngine._wait

async def never_rests(self):
    if not self._running:
        time.sleep(3600)
    return await wait(self)

SessionEngine._wait = never_rests
main()
"""
"""The command, whose process hangs where its session would rest."""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy that asks before anything is computed."""
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path / "policy.yaml"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, database_url: str, policy: Path, tmp_path: Path) -> Run:
    """Run a command in this process, as Ada."""
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HANSARD_MODEL", "offline")
    monkeypatch.setenv("HANSARD_ACTOR", "ada")
    monkeypatch.setenv("HANSARD_POLICY", str(policy))
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments, standalone_mode=False)

    return invoke


def waiting(run: Run) -> Any:
    [view] = json.loads(run("approvals", "list", "--json").stdout)
    return view


def test_waiting_survives_a_kill_and_an_answer_from_another_process_goes_on(
    database_url: str, policy: Path, tmp_path: Path
) -> None:
    """D10: approval before a risky step, by whoever is asked, whatever becomes of the process."""
    (tmp_path / "stuck.py").write_text(STUCK)
    stuck = command_of_this_tree(tmp_path, database_url, f'"{tmp_path / "stuck.py"}"')
    with stuck.started("run", REQUEST, "--policy", policy) as running:
        asked = re.search(r"approval ([0-9a-f-]{36}) waits", running.await_message("waits"))
        assert asked
        running.kill()

    with hansard.open(database_url=database_url, home=tmp_path / "home", actor="ada") as h:
        [view] = h.approvals()
        assert str(view.approval_id) == asked[1]
        assert h.resume(view.session_id).waits_for_approval
        h.approve(view.approval_id, comment="Go on.")
        ended = h.go_on(view.session_id, view.approval_id)
        assert ended is not None
        assert ended.status is SessionStatus.COMPLETED
        assert "42" in ended.answer
        with pytest.raises(ConflictError, match="ada has granted it at"):
            h.reject(view.approval_id)
        assert h.verify_replay(view.session_id).is_verified


def test_a_run_that_waits_says_so_and_an_amended_call_is_made_instead(run: Run) -> None:
    """D10: who answers may put something else in its place; the record says who it was."""
    opened = run("run", REQUEST, "--quiet")
    assert opened.return_value == WAITING
    view = waiting(run)
    assert f"Session {view['session_id']} waits for approval:" in opened.stderr
    assert view["request"]["call"]["arguments"]["expression"] == "6 * 7"

    shown = run("approvals", "show", view["approval_id"])
    assert "Rule 'arithmetic' asks before evaluate_expression is used." in shown.stdout
    refused = run("approvals", "amend", view["approval_id"], "--arguments", '{"expression": 6}')
    assert "do not fit the schema of evaluate_expression" in str(refused.exception)
    amended = run(
        *("approvals", "amend", view["approval_id"], "--arguments", '{"expression": "6 * 8"}'),
        *("--comment", "Eight.", "--resume"),
    )

    assert amended.exception is None, amended.exception
    assert "48" in amended.stdout
    listed = run("approvals", "list", "--all")
    assert re.search(r"amended by ada( \(run by \w+\))? at .*: Eight\.", listed.stdout)
    why = run("why", view["request"]["task_id"])
    assert "amended by ada" in why.stdout
