"""The commands around workers: jobs are left to them, wait, stop and go on."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hansard.cli.exits import exit_code
from hansard.cli.main import CONFLICT, NOT_FOUND, OK, cli
from tests.support.command import Command, command_of_this_tree

LEDGER = Path(__file__).parents[4] / "examples" / "q4" / "ledger.csv"
REQUEST = "List the columns of the ledger"
Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in this process, on a fresh database."""
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path))

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments, standalone_mode=False)

    return invoke


@pytest.fixture
def hansard(database_url: str, tmp_path: Path) -> Command:
    """The command of this tree as a process, on the same database."""
    return command_of_this_tree(tmp_path, database_url)


def code_of(result: Result) -> int:
    assert isinstance(result.exception, Exception)
    return exit_code(result.exception)


def test_a_submitted_job_waits_while_it_is_paused_and_all_work_is_stopped(
    run: Run, hansard: Command
) -> None:
    """Issue 6: hansard worker, submit, wait, pause, resume, stop-all and release."""
    session = run("submit", REQUEST, "--input", str(LEDGER), "--priority", "high").stdout.strip()
    assert json.loads(run("pause", session, "--reason", "wrong ledger", "--json").stdout)
    assert run("stop-all", "--reason", "wrong invoices").return_value == OK
    with hansard.started("worker", "--no-projections", "--json") as worker:
        shares = json.loads(worker.await_message("Sessions are shared out."))
        assert (shares["shards"], shares["workers"]) == (64, 1)
        refused = run("resume", session)
        assert code_of(refused) == CONFLICT
        assert "wrong invoices" in str(refused.exception)
        assert run("resume", session, "--detach").return_value == OK
        assert json.loads(run("release", "--json").stdout) == {"halted": True}
        view = json.loads(run("wait", session, "--json").stdout)
        assert view["status"] in {"completed", "declined"}
        worker.process.send_signal(signal.SIGTERM)
        ended = worker.end()
    assert ended.code == OK
    assert json.loads(ended.err.splitlines()[-1])["message"] == "The worker has ended."


def test_what_cannot_be_done_is_said(run: Run) -> None:
    unknown = "01999999-0000-7000-8000-000000000001"
    assert code_of(run("pause", unknown, "--reason", "x")) == NOT_FOUND
    assert json.loads(run("release", "--json").stdout) == {"halted": False}
    nothing = run("worker", "--no-sessions", "--no-projections")
    assert "Nothing is left to do" in str(nothing.exception)
