"""The commands `audit` and `why`: lists, exports, explanations, and who looked."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result

import hansard
from application.auditing.accesses import NotRecordedError
from application.errors import ConflictError, NotFoundError
from hansard.cli.exits import exit_code
from hansard.cli.main import INTEGRITY, UNAVAILABLE, USAGE, cli
from infrastructure.database import Connection
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from tests.support.event_log import recorder_on
from tests.support.histories import DIRECTOR, MASTERMIND, Ids, SessionTeller, SteppingClock
from tests.support.integrity import Attacker
from tests.support.postgres import TestServer


class Past(NamedTuple):
    """A database with a session, and the folder of keys that belongs to it."""

    conninfo: str
    home: Path


@pytest.fixture(scope="module")
def past(postgres_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    out = tmp_path_factory.mktemp("out")
    with postgres_server.fresh_database() as conninfo:
        with hansard.open(
            database_url=conninfo, output_root=out, home=out / "home", model="offline"
        ) as h:
            h.run("What is 6 * 7?")
        yield Past(conninfo, out / "home")


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, past: Past, tmp_path: Path) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", past.conninfo)
    monkeypatch.setenv("HANSARD_HOME", str(past.home))
    monkeypatch.setenv("HANSARD_ACTOR", "auditor-1")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def own_database(settings: None, monkeypatch: pytest.MonkeyPatch, database_url: str) -> str:
    """An empty database that the test may add to and harm."""
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_HOME", str(Path.cwd() / "own-home"))
    return database_url


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def answer(*arguments: str | Path) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result
    return json.loads(result.stdout)


def look_of(command: str) -> dict[str, Any]:
    """Give the newest recorded look of a kind."""
    found = answer("audit", "--accesses", "--limit", "1000")["items"]
    newest: dict[str, Any] = [item for item in found if item["access"]["look"] == command][-1]
    return newest


def test_the_list_shows_what_each_task_took(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = run("audit")
    monkeypatch.setattr("hansard.cli.terminal.PIPE_WIDTH", 100)
    narrow = run("audit")

    head, first, *rest = wide.stdout.splitlines()
    assert head.split()[:8] == [
        *("Position", "Task", "From", "To", "Confidence", "Policy", "Tokens", "USD"),
    ]
    assert first.split()[1:4] == ["request", "NOVA_001", "MM_001"]
    assert len(rest) == 2
    assert "NOVA_001 > MM_001  1.00  completed  0 tokens, 0.0000 USD" in narrow.stdout


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--confidence-under", "0"), 0),
        (("--confidence-under", "1"), 1),
        (("--policy", "2"), 3),
        (("--policy", "1"), 0),
        (("--agent", "NOVA_001"), 1),
        (("last", "--strategy", "hierarchy"), 1),
        (("--rewound", "--what-if"), 3),
    ],
)
def test_the_list_can_be_narrowed(options: tuple[str, ...], expected: int) -> None:
    document = answer("audit", *options)

    assert len(document["items"]) == expected


def test_the_decisions_on_one_task_can_be_listed() -> None:
    items = answer("audit")["items"]
    task = items[-1]["task_id"]

    found = answer("audit", "--task", task)["items"]

    assert found == [item for item in items if item["task_id"] == task]
    assert look_of("audit")["access"]["filters"]["task_id"] == task


def test_an_explanation_tells_the_chain_the_grounds_and_the_proofs() -> None:
    [*_, last] = answer("audit")["items"]

    told = run("why", str(last["position"]))

    assert told.exit_code == 0
    for part in (
        "events verified, signed at position",
        "root ",
        "by hansard/",
        "Policy          version 2: confidence_threshold 0.3,",
        "chosen",
        "rejected",
        "What the decider knew",
        "Chain of authority",
        "The user asked",
        "What was understood",
        "Handed over",
        "Planned",
        "Decided",
        "Done",
        "Result",
        "What the user was told",
        "verified, path of ",
    ):
        assert part in told.stdout, part
    assert f"Decision        {last['decision_id']} at position {last['position']}" in told.stdout
    assert look_of("why")["access"]["decision_id"] == last["decision_id"]


def test_an_explanation_is_the_same_under_all_names() -> None:
    [*_, last] = answer("audit")["items"]
    by_position = answer("why", str(last["position"]))

    for name in (
        last["decision_id"],
        by_position["decisions"][0]["delegation_id"],
        by_position["decisions"][0]["event_id"],
    ):
        found = answer("why", name)
        assert found["decisions"][0]["position"] == last["position"]
        assert found["decision_id"] == last["decision_id"]
    of_task = answer("why", last["task_id"], "--session", "last")
    assert of_task["decision_id"] is None
    assert of_task["decisions"][-1]["position"] == last["position"]
    earlier = answer("why", last["task_id"], "--at", str(last["position"]))
    assert earlier["decisions"][-1]["outcome"] == "open"
    assert earlier["position"] == last["position"]


def test_what_is_unknown_is_not_found() -> None:
    unknown = "01999999-0000-7000-8000-000000000001"

    assert isinstance(run("why", unknown).exception, NotFoundError)
    assert isinstance(run("audit", unknown).exception, NotFoundError)


@pytest.mark.parametrize(
    ("arguments", "saying"),
    [
        (("--accesses", "--agent", "X"), "--agent has no meaning for a list of accesses"),
        (("--accesses", "last"), "session has no meaning for a list of accesses"),
        (("--export", "x.csv", "--limit", "3"), "--limit has no meaning for an export"),
        (("--export", "x.csv", "--actor", "eve"), "--actor has no meaning for an export"),
        (("--format", "csv"), "--format has no meaning for a list"),
        (("--actor", "eve"), "--actor has no meaning for a list"),
        (("--confidence-under", "1.5"), "1.5 is not in the range"),
    ],
)
def test_options_that_mean_nothing_together_are_refused(
    arguments: tuple[str, ...], saying: str
) -> None:
    result = run("audit", *arguments)

    assert result.exit_code == USAGE
    assert saying in result.stderr


@pytest.mark.parametrize(
    ("name", "options", "format_"),
    [
        ("x.csv", (), "csv"),
        ("x.jsonl", (), "jsonl"),
        ("x.NDJSON", (), "jsonl"),
        ("x.json", (), "bundle"),
        ("x.txt", ("--format", "jsonl"), "jsonl"),
        ("x.json", ("--format", "csv"), "csv"),
    ],
)
def test_an_export_is_written_and_recorded(
    name: str, options: tuple[str, ...], format_: str, tmp_path: Path
) -> None:
    written = answer("audit", "--export", name, *options, "--agent", "MM_001")

    assert (written["format"], written["decisions"]) == (format_, 2)
    look = look_of("export")
    assert look["actor"] == "auditor-1"
    assert look["position"] == written["access_position"]
    assert look["access"]["filters"] == {"agent": "MM_001"}
    assert look["access"]["export"] == {
        "format": format_,
        "sha256": written["sha256"],
        "size": (tmp_path / name).stat().st_size,
    }
    assert isinstance(run("audit", "--export", name, *options).exception, ConflictError)
    assert run("audit", "--export", name, *options, "--force").exit_code == 0


def test_a_bundle_is_checked_by_the_program_beside_it(tmp_path: Path) -> None:
    result = run("audit", "last", "--export", "bundle.json")
    key = run("checkpoint-key").stdout.strip()

    assert result.stdout == "bundle.json\n"
    assert f"python verify_proof.py bundle.json --key {key}" in result.stderr
    arguments = ["verify_proof.py", "bundle.json", "--key", key]
    command = [sys.executable, "-I", "-S", *arguments]
    good = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith("PROVEN: 3 decisions, exported by 'auditor-1' at\n")
    bundle = tmp_path / "bundle.json"
    bundle.write_text(bundle.read_text().replace("auditor-1", "auditor-2"))
    bad = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (bad.returncode, bad.stdout) == (7, "")
    assert bad.stderr == "NOT PROVEN: the bundle: it was changed after it was signed\n"


def test_accesses_are_listed_with_who_and_what() -> None:
    run("audit", "last", "--agent", "NOVA_001")
    result = run("audit", "--accesses", "--actor", "auditor-1", "--limit", "1000")

    assert "auditor-1" in result.stdout
    assert "agent NOVA_001" in result.stdout
    assert run("audit", "--accesses", "--actor", "nobody").stdout.count("\n") == 1
    assert run("audit", "--accesses", "--since", "1h", "--until", "0s").exit_code == 0


def hostile(conninfo: str) -> SessionTeller:
    """Tell a session whose words are formulas and control a terminal."""
    with recorder_on(conninfo, ids=Ids(2_000_000)) as recorder:
        log = PostgresEventLog(recorder, EventMapper())
        told = SessionTeller(log, Ids(), SteppingClock(), "=1+1\x1b[2J")
        told.delegate(told.root, MASTERMIND)
        task = told.create_task()
        told.delegate(task, DIRECTOR)
        told.start(task)
        told.complete(task, "=cmd|' /C calc'!A0\x1b]0;owned\x07")
        return told


def test_what_is_said_controls_neither_terminal_nor_spreadsheet(
    own_database: str, tmp_path: Path
) -> None:
    told = hostile(own_database)

    outputs = [
        run("audit").stdout,
        run("why", str(told.root.id)).stdout,
        run("audit", "--json").stdout,
        run("why", str(told.root.id), "--json").stdout,
    ]
    run("audit", "--export", "x.csv")

    assert all("\x1b" not in text and "\x07" not in text for text in outputs)
    text = (tmp_path / "x.csv").read_text("utf-8")
    assert "\x1b" not in text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["outcome_detail"] for row in rows] == ["", "'=cmd|' /C calc'!A0"]
    assert rows[0]["task_title"] == "The request"


def test_a_changed_decision_is_shown_and_exit_code_7(
    own_database: str, connection: Connection
) -> None:
    with hansard.open() as h:
        h.run("What is 6 * 7?")
    position = answer("audit")["items"][0]["position"]
    assert run("why", str(position)).exit_code == 0
    Attacker(connection).run("UPDATE events SET actor = 'EVE' WHERE position = :at", at=position)

    result = run("why", str(position))
    outcome = CliRunner().invoke(cli, ["why", str(position)], standalone_mode=False)

    assert outcome.return_value == INTEGRITY
    assert "are not what was signed" in result.stdout
    assert "NOT what was signed" in result.stdout


def test_what_cannot_be_recorded_is_not_shown(own_database: str, connection: Connection) -> None:
    with hansard.open() as h:
        task = h.run("What is 6 * 7?").tasks[0].task_id
    connection.execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA hansard FROM hansard_writer")
    try:
        for arguments in (
            ("audit",),
            ("why", str(task)),
            ("audit", "--accesses"),
            ("audit", "--export", "x.csv"),
        ):
            result = run(*arguments)
            assert isinstance(result.exception, NotRecordedError)
            assert exit_code(result.exception) == UNAVAILABLE
            assert result.stdout == ""
    finally:
        connection.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA hansard TO hansard_writer")
    assert not Path("x.csv").exists()
