"""The command `forget`, and that a kill at any of its steps leaves nothing that cannot be ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import hansard
from application.errors import NotFoundError
from hansard.cli.exits import exit_code
from hansard.cli.main import NOT_FOUND, UNAVAILABLE, USAGE, cli
from infrastructure.database import Connection
from tests.support.database_contents import relations_with
from tests.support.processes import PATIENCE_S, guided

SUBJECT = "customer-42"
MARKER = "quokkabert"
LEDGER = f"date,customer,amount\n2026-10-05,{MARKER},120.50\n2026-11-07,{MARKER},80.25\n"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.fixture
def session(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A session of the subject, run by the command."""
    monkeypatch.setattr("infrastructure.erasure.traces.PATIENCE_S", PATIENCE_S)
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "output"))
    ledger = tmp_path / f"{MARKER}.csv"
    ledger.write_text(LEDGER, encoding="utf-8")
    request = f"Report on the amounts of {MARKER} with charts"
    done = run("run", request, "-i", str(ledger), "--subject", SUBJECT, "--json", "-q")
    assert done.exit_code == 0, done
    run("sessions")
    return str(json.loads(done.stdout)["session_id"])


def test_a_subject_is_forgotten_and_what_stays_is_named(
    session: str, tmp_path: Path, connection: Connection
) -> None:
    looked = run("forget", SUBJECT, "--dry-run")
    assert looked.exit_code == 0
    assert f"{SUBJECT} is known; nothing was changed." in looked.stdout
    assert session in looked.stdout
    assert "These files would stay:" in looked.stderr
    assert relations_with(connection, MARKER)

    done = run("forget", SUBJECT, "--reason", "The customer asked for it.")

    assert done.exit_code == 0
    assert f"{SUBJECT} was forgotten on " in done.stdout
    assert session in done.stdout
    written = [str(path) for path in (tmp_path / "output" / session).rglob("*") if path.is_file()]
    assert written
    assert all(path in done.stderr for path in written)
    assert "backups" in done.stderr
    assert relations_with(connection, MARKER) == []
    for look in (("show",), ("audit",), ("sessions",), ("show", "--at", "130")):
        shown = run(*look)
        assert shown.exit_code == 0
        assert MARKER not in shown.output


def test_one_document_says_it_all(session: str) -> None:
    done = run("forget", SUBJECT, "--reason", "asked", "--json")

    document = json.loads(done.stdout)
    assert document["subject"] == SUBJECT
    assert document["forgotten_at"]
    assert [it["session_id"] for it in document["sessions"]] == [session]
    assert document["rows"]["conversation_history"] == 2
    assert document["files"]
    assert document["unswept"] == []


def test_an_unknown_subject_ends_with_code_3(session: str) -> None:
    done = run("forget", "nobody", "--reason", "asked")

    assert isinstance(done.exception, NotFoundError)
    assert exit_code(done.exception) == NOT_FOUND == 3


def test_without_a_reason_nothing_is_done(session: str) -> None:
    done = run("forget", SUBJECT)

    assert done.exit_code == USAGE
    assert "--reason" in done.stderr
    assert "is known" in run("forget", SUBJECT, "--dry-run").stdout


def test_the_master_key_is_exchanged(session: str, tmp_path: Path) -> None:
    file = tmp_path / "home" / "keys" / "subjects.key"
    before = file.read_text(encoding="ascii")

    done = run("db", "rotate-key", "--json")

    assert json.loads(done.stdout) == {"key_file": str(file), "wrapped": 1}
    assert file.read_text(encoding="ascii") != before
    assert MARKER in run("show", session).stdout
    assert run("db", "rotate-key").stdout == f"1 keys are wrapped anew; back up {file}.\n"


def test_without_its_key_file_a_session_cannot_be_shown(session: str, tmp_path: Path) -> None:
    (tmp_path / "home" / "keys" / "subjects.key").unlink()

    for command in (("show", session), ("run", "What is 6 * 7?", "--subject", "x")):
        done = run(*command)
        assert done.exception is not None
        assert exit_code(done.exception) == UNAVAILABLE == 6  # type: ignore[arg-type]
        assert "is missing" in str(done.exception)


FORGETTING = """
import sys
import hansard
from application.forgetting import Forgetting
from infrastructure.erasure import traces
from infrastructure.erasure.vault import SubjectVault
from infrastructure.projecting import ProjectionRunner

STEPS = {
    "destroyed": (SubjectVault, "destroy"),
    "recorded": (Forgetting, "_record"),
    "one read model cleared": (ProjectionRunner, "_take_in_again"),
    "all read models cleared": (ProjectionRunner, "take_in_again"),
    "swept": (traces, "_sweep"),
}
place, name = STEPS[sys.argv[1]]
step = getattr(place, name)

def stopping(*args, **kwargs):
    done = step(*args, **kwargs)
    print("here", flush=True)
    input()
    return done

setattr(place, name, stopping)
with hansard.open() as h:
    h.forget("customer-42", reason="asked")
print("done", flush=True)
"""


@pytest.mark.parametrize(
    "step",
    [
        "destroyed",
        "recorded",
        "one read model cleared",
        "all read models cleared",
        "swept",
    ],
)
def test_a_kill_after_any_step_is_made_good_by_forgetting_again(
    session: str, step: str, connection: Connection
) -> None:
    before = log_of(connection)
    with guided(FORGETTING, step) as process:
        assert process.heard() == "here"
        process.kill()
    assert MARKER not in run("show", session).stdout

    again = run("forget", SUBJECT, "--reason", "asked")

    assert again.exit_code == 0, again
    assert relations_with(connection, MARKER) == []
    assert log_of(connection)[: len(before)] == before
    forgotten = connection.execute(
        "SELECT count(*) FROM hansard.events WHERE type = 'subject.forgotten'"
    ).fetchall()
    assert forgotten == [(1,)]


def log_of(connection: Connection) -> list[Any]:
    return connection.execute("SELECT * FROM hansard.events ORDER BY position").fetchall()


def test_two_who_forget_at_once_both_succeed(session: str, connection: Connection) -> None:
    with guided(FORGETTING, "destroyed") as one, hansard.open() as h:
        assert one.heard() == "here"
        h.forget(SUBJECT, reason="asked")
        one.go_on()

        assert one.heard() == "done"
    assert relations_with(connection, MARKER) == []
