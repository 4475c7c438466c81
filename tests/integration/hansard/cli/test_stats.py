"""The commands `stats` and `tasks`: tables, JSON and CSV of the same figures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

import hansard
from domain.effect import Failure, FailureKind, ToolCall
from hansard.cli.main import cli
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from tests.support.event_log import recorder_on
from tests.support.histories import Ids, SessionTeller, SteppingClock
from tests.support.postgres import TestServer

COMMANDS = (
    ("stats",),
    ("stats", "agents"),
    ("stats", "agents", "--by", "day"),
    ("stats", "agents", "--by", "department,day"),
    ("stats", "departments"),
    ("stats", "departments", "--by", "model"),
    ("stats", "models"),
    ("stats", "models", "--by", "agent"),
    ("stats", "sessions"),
    ("stats", "sessions", "--by", "agent"),
    ("stats", "errors"),
    ("stats", "errors", "--by", "agent,name"),
    ("stats", "messages"),
    ("stats", "messages", "--by", "pair"),
    ("stats", "orchestrator"),
    ("stats", "orchestrator", "--by", "day"),
)


@pytest.fixture(scope="module")
def one_session(
    postgres_server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A database with a session that nobody adds to."""
    out = tmp_path_factory.mktemp("out")
    with postgres_server.fresh_database() as conninfo:
        with hansard.open(
            database_url=conninfo, output_root=out, home=out / "home", model="offline"
        ) as h:
            h.run("What is 6 * 7?")
        yield conninfo


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, one_session: str, tmp_path: Path) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", one_session)
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "out"))


@pytest.fixture
def own_database(settings: None, monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    """An empty database that the test may add to."""
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)


@pytest.fixture
def hostile(own_database: None, database_url: str) -> None:
    """A session in which a model calls a tool whose name is a formula and controls a terminal."""
    with recorder_on(database_url, ids=Ids(2_000_000)) as recorder:
        log = PostgresEventLog(recorder, EventMapper())
        told = SessionTeller(log, Ids(1_000_000), SteppingClock(), "=1+1 \x1b]0;owned\x07")
        task = told.create_task()
        told.fail_model(task, told.call_model(task))
        call = ToolCall(call_id="1", tool="=cmd|'/C calc'!A0\x1b[2J", arguments={})
        effect_id, clock = UUID(int=1), SteppingClock()
        task.call_tool(effect_id, call, task.holder, clock.now())
        failure = Failure(kind=FailureKind.NOT_ALLOWED, message="no such tool")
        task.fail_tool(effect_id, failure, clock.now())
        told.record(task)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def document(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result
    return json.loads(result.stdout)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_answer_is_a_table_a_document_and_a_spreadsheet(command: tuple[str, ...]) -> None:
    table, found = run(*command), document(*command)
    sheet = run(*command, "--csv")
    lines = list(csv.reader(io.StringIO(sheet.stdout)))

    assert (table.exit_code, sheet.exit_code) == (0, 0)
    assert table.stdout.strip()
    assert "\x1b" not in table.output
    assert found["lag"] == 0
    for result in (table, sheet):
        assert f"Computed at position {found['position']}, lag 0." in result.stderr
    assert {len(line) for line in lines} == {len(lines[0])}
    if "items" in found:
        assert len(lines) == len(found["items"]) + 1


def test_stats_alone_and_with_a_handle_are_those_of_agents() -> None:
    everybody = document("stats", "agents")
    one = everybody["items"][0]

    assert document("stats") == everybody
    assert document("stats", one["agent"])["items"] == [one]
    assert document("stats", "agents", one["agent"])["items"] == [one]
    assert document("stats", "--at", "1")["items"] == []


def test_stretches_of_time_are_given_as_moments_and_as_spans() -> None:
    whole = document("stats", "orchestrator")

    assert document("stats", "orchestrator", "--since", "7d") == whole
    assert document("stats", "orchestrator", "--since", "30d", "--until", "2w")["turns"] == 0
    middle = str(whole["position"] - 5)
    assert document("stats", "orchestrator", "--until", middle)["position"] == int(middle) - 1


@pytest.mark.usefixtures("hostile")
def test_names_that_are_formulas_or_control_sequences_stay_names() -> None:
    sheet = run("stats", "errors", "--by", "name,error", "--csv").stdout
    table = run("stats", "errors", "--by", "name,error").output

    names = [line[3] for line in csv.reader(io.StringIO(sheet))]
    assert "'=cmd|'/C calc'!A0" in names
    assert "=cmd|'/C calc'!A0" in table
    assert "\x1b" not in sheet + table
    assert "overloaded" in table
    sessions = run("stats", "sessions", "--csv").stdout
    assert "'=1+1 " in sessions
    assert "\x1b" not in sessions


@pytest.mark.usefixtures("own_database")
def test_a_long_list_goes_on_where_it_ended() -> None:
    with hansard.open() as h:
        h.run("What is 6 * 7?")
        h.run("What is 100 / 8?")
    whole = document("stats", "sessions")["items"]
    first = run("stats", "sessions", "--limit", "1")
    page = document("stats", "sessions", "--limit", "1")
    rest = document("stats", "sessions", "--start", str(page["next"]))

    assert f"There are more: add --start {page['next']}." in first.stderr
    assert [*page["items"], *rest["items"]] == whole


def test_the_tree_of_tasks_names_each_with_who_had_it() -> None:
    tree = document("tasks")
    (root,) = tree["tasks"]
    shown = run("tasks", tree["session_id"])

    assert tree["lag"] == 0
    for node in (root, *root["tasks"]):
        assert node["task_id"] in shown.stdout
        assert f"{node['key']} completed {node['agent']}" in shown.stdout
    assert "with those below" in shown.stdout
    assert document("tasks", "--at", "1")["tasks"] == []


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("stats", "agents", "--by", "colour"), "choose from agent, department"),
        (("stats", "errors", "--by", "kind,colour"), "choose from kind, error"),
        (("stats", "messages", "--by", "colour"), "choose type, pair or delivery"),
        (("stats", "agents", "FIN_007", "--by", "day"), "leave AGENT or --by out"),
        (("stats", "models", "--since", "7y"), "'7y' is no moment"),
        (("stats", "NOBODY"), "No agent 'NOBODY' is known"),
    ],
)
def test_what_cannot_be_understood_is_refused(command: tuple[str, ...], said: str) -> None:
    result = run(*command)

    assert result.exit_code != 0
    assert said in result.output + str(result.exception)
