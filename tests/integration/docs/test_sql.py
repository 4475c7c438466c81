"""docs/sql.md: every query on the page runs for a reader and finds what is there."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import errors, sql
from psycopg.rows import DictRow, dict_row

import hansard
from application.views import SessionView
from domain.session import SessionStatus
from hansard.cli.main import cli
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from tests.conftest import RUN_FOLDER
from tests.support.command import LEDGER, REQUEST, ROOT
from tests.support.event_log import recorder_on
from tests.support.histories import Ids, SessionTeller, SteppingClock
from tests.support.postgres import TestServer

PAGE = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")
QUERIES = {
    section.partition("\n")[0]: query
    for section in PAGE.split("\n## ")
    for query in re.findall(r"```sql\n(.+?)```", section, re.DOTALL)
}
VARIABLE = re.compile(r":'(\w+)'")
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
SUBJECT = "customer-42"


@dataclass
class Auditor:
    """A login that may read and nothing else, on a log with some history.

    Attributes:
        job: the main job, done within a trace.
        fork: a fork of the job that was cancelled and then rewound, so that it runs again.
        lost: a session whose process was lost while it asked a model for the second time.
    """

    connection: psycopg.Connection[DictRow]
    job: SessionView
    fork: UUID
    lost: UUID

    def ask(self, title: str, **variables: object) -> list[DictRow]:
        """Run a query of the page, with variables as psql fills them in."""
        values = {"session": self.job.session_id} | variables

        def filled(variable: re.Match[str]) -> str:
            return sql.Literal(str(values[variable[1]])).as_string(self.connection)

        query = VARIABLE.sub(filled, QUERIES[title])
        return self.connection.execute(query.encode()).fetchall()

    def rows(self, query: str, *values: object) -> list[DictRow]:
        """Ask something that is not on the page."""
        return self.connection.execute(query.encode(), values).fetchall()


@pytest.fixture(scope="module")
def auditor(
    postgres_server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Auditor]:
    folder = tmp_path_factory.mktemp("sql")
    with postgres_server.fresh_database() as url:
        choices: dict[str, Any] = {"database_url": url, "home": folder / "home"}
        with hansard.open(**choices, output_root=folder / "out") as h:
            job = h.run(REQUEST, [LEDGER], traceparent=TRACEPARENT)
            forked = h.fork(job.session_id, job.position - 30, reason="What if it stops there?")
            assert forked.session_id is not None
            begun = h.session(forked.session_id).position
            h.cancel(forked.session_id, "It does.")
            h.rewind(forked.session_id, begun, reason="It does not.", cancel_effects=True)
            h.sessions()  # brings the read models up to date
            h.audit(job.session_id, agent="MM_001")
            h.run("What is 6 * 7?", subject=SUBJECT)
            h.run("What is 7 * 8?", subject=SUBJECT)
            h.forget(SUBJECT, reason="The customer asked for it.")
        assert job.status is SessionStatus.COMPLETED
        lost = lose_a_session(url)
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            connection.execute("SET ROLE hansard_reader")
            yield Auditor(connection, job, forked.session_id, lost)


def lose_a_session(database_url: str) -> UUID:
    """Tell a session in which a model fails once for good, a tool fails, and then nothing."""
    with recorder_on(database_url) as recorder:
        log = PostgresEventLog(recorder, EventMapper())
        teller = SessionTeller(log, Ids(2_000_000), SteppingClock(), "Report on Q4")
        task = teller.create_task()
        teller.start(task)
        teller.fail_model(task, teller.call_model(task))
        teller.call_model(task)
        return teller.session_id


def test_the_page_has_at_least_ten_queries_each_tested_here() -> None:
    asked = set(re.findall(r'auditor\.ask\(\s*"(.+?)"', Path(__file__).read_text(encoding="utf-8")))

    assert len(QUERIES) >= 10
    assert PAGE.count("```sql") == len(QUERIES)
    assert asked == set(QUERIES)


def test_every_column_of_the_view_is_explained(auditor: Auditor) -> None:
    columns = auditor.rows(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'hansard' AND table_name = 'event_log' ORDER BY ordinal_position"
    )

    explained = re.findall(r"^\| (`.+?) \|", PAGE, re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(explained)) == [row["column_name"] for row in columns]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE hansard.event_log SET actor = 'NOBODY'",
        "DELETE FROM hansard.events",
        "SELECT * FROM hansard.append(NULL, NULL)",
        "CREATE TABLE hansard.mine ()",
    ],
)
def test_a_reader_can_change_nothing(auditor: Auditor, statement: str) -> None:
    with pytest.raises((errors.InsufficientPrivilege, errors.ObjectNotInPrerequisiteState)):
        auditor.rows(statement)


def test_the_story_of_a_session(auditor: Auditor) -> None:
    story = auditor.ask("The story of a session")

    assert len(story) == auditor.job.position - story[0]["position"] + 1
    assert (story[0]["type"], story[0]["what"]) == ("session.opened", REQUEST)
    assert story[-1]["type"] == "session.completed"
    assert auditor.job.answer.startswith(story[-1]["what"])
    said = {row["type"] for row in story if row["what"]}
    assert said >= {"task.delegated", "task.tool_called", "task.model_called", "task.completed"}


def test_the_history_of_a_session(auditor: Auditor) -> None:
    straight = auditor.ask("The history of a session, after rewinds and in forks")
    story = auditor.ask("The story of a session")
    assert [row["position"] for row in straight] == [row["position"] for row in story]

    forked = auditor.ask(
        "The history of a session, after rewinds and in forks", session=auditor.fork
    )
    shared = [row for row in forked if row["session_id"] == auditor.job.session_id]
    assert shared == straight[: len(shared)]
    assert [row["type"] for row in forked[len(shared) :]] == ["session.forked", "session.rewound"]
    everything = auditor.ask("The story of a session", session=auditor.fork)
    assert "session.cancelled" in {row["type"] for row in everything}


def test_rewinds_and_forks(auditor: Auditor) -> None:
    forked, rewound = auditor.ask("Rewinds and forks")

    assert (forked["kind"], forked["parent_id"]) == ("forked", auditor.job.session_id)
    assert (forked["session_id"], rewound["session_id"]) == (auditor.fork, auditor.fork)
    assert (rewound["kind"], rewound["to_position"]) == ("rewound", forked["position"])
    assert rewound["positions_taken_back"] == rewound["position"] - forked["position"] - 1 > 0
    assert (rewound["reason"], rewound["actor"]) == ("It does not.", "USER")


def test_delegations(auditor: Auditor) -> None:
    passed = auditor.ask("Who passed what to whom, and why")

    for task in auditor.job.tasks:
        hands = [row["to_agent"] for row in passed if row["task_id"] == task.task_id]
        assert tuple(task.path[-len(hands) :]) == tuple(hands)
    assert len(passed) >= 9
    assert all(row["reason"] and row["candidates"] >= 1 for row in passed)
    assert all(0 <= row["confidence"] <= 1 for row in passed)


def test_tokens_and_cost(auditor: Auditor) -> None:
    spent = auditor.ask("Tokens and cost by agent and day")

    (answered,) = auditor.rows(
        "SELECT count(*) AS n FROM hansard.event_log WHERE type = 'task.model_answered'"
    )
    assert sum(row["answers"] for row in spent) == answered["n"]
    assert {row["agent"] for row in spent} >= {"NOVA_001", "MM_001"}
    assert {row["model"] for row in spent} == {"offline"}


def test_failed_effects(auditor: Auditor) -> None:
    (failed,) = auditor.ask("Effects that failed, and what became of them")

    assert failed["session_id"] == auditor.lost
    assert (failed["attempts"], failed["failures"]) == (1, 1)
    assert (failed["last_kind"], failed["last_message"]) == ("overloaded", "too busy")
    assert failed["answered_in_the_end"] is False


def test_slow_tools(auditor: Auditor) -> None:
    slowest = auditor.ask("The slowest tool calls")

    durations = [row["duration_ms"] for row in slowest]
    assert durations == sorted(durations, reverse=True)
    assert {row["tool"] for row in slowest} >= {"query_table", "draw_chart"}
    assert all(row["waited"] >= timedelta(0) for row in slowest)


def test_sessions_without_an_end(auditor: Auditor) -> None:
    forked, lost = auditor.ask("Sessions without an end")

    assert (forked["session_id"], forked["latest_type"]) == (auditor.fork, "session.rewound")
    assert lost["session_id"] == auditor.lost
    assert (lost["latest_type"], lost["request"]) == ("task.model_called", "Report on Q4")


def test_what_led_to_an_event(auditor: Auditor) -> None:
    (last,) = auditor.rows(
        "SELECT event_id FROM hansard.event_log WHERE type = 'task.completed' AND session_id = %s"
        " ORDER BY position DESC LIMIT 1",
        auditor.job.session_id,
    )

    chain = auditor.ask("What led to an event", event=last["event_id"])

    assert (chain[0]["type"], chain[0]["actor"]) == ("session.opened", "USER")
    assert chain[-1]["type"] == "task.completed"
    assert [row["steps_back"] for row in chain] == list(range(len(chain)))[::-1]
    assert len(chain) > 5


def test_what_one_agent_did(auditor: Auditor) -> None:
    since, middle, until = datetimes(auditor)
    everything = auditor.ask(
        "What one agent did between two times", agent="MM_001", since=since, until=until
    )
    halves = [
        auditor.ask(
            "What one agent did between two times", agent="MM_001", since=since, until=middle
        ),
        auditor.ask(
            "What one agent did between two times", agent="MM_001", since=middle, until=until
        ),
    ]

    expected = auditor.rows(
        "SELECT position FROM hansard.event_log WHERE actor = 'MM_001' ORDER BY position"
    )
    assert [row["position"] for row in everything] == [row["position"] for row in expected] != []
    assert halves[0] + halves[1] == everything


def datetimes(auditor: Auditor) -> tuple[datetime, datetime, datetime]:
    """Give three times: of the first event, of one in the middle, and after the last."""
    (row,) = auditor.rows(
        "SELECT min(recorded_at) AS first, max(recorded_at) AS last,"
        " (array_agg(recorded_at ORDER BY position) FILTER (WHERE actor = 'MM_001'))[9] AS middle"
        " FROM hansard.event_log"
    )
    return row["first"], row["middle"], row["last"] + timedelta(microseconds=1)


def test_busy_seconds(auditor: Auditor) -> None:
    seconds = auditor.ask("The busiest seconds")

    (all_,) = auditor.rows("SELECT count(*) AS n FROM hansard.event_log")
    assert sum(row["events"] for row in seconds) == all_["n"]
    assert all(row["last"] - row["first"] + 1 == row["events"] for row in seconds)


def test_order(auditor: Auditor) -> None:
    (found,) = auditor.ask("Is anything missing or out of order?")

    (all_,) = auditor.rows("SELECT max(position) AS last FROM hansard.event_log")
    assert found["events"] == all_["last"]
    # The told session leaves causes out, which the real ones never do.
    (told,) = auditor.rows(
        "SELECT count(*) - 1 AS n FROM hansard.event_log WHERE session_id = %s", auditor.lost
    )
    assert found == {
        "events": all_["last"],
        "gaps_in_position": 0,
        "gaps_in_version": 0,
        "back_in_time": 0,
        "without_cause": told["n"],
    }


def test_who_looked_at_the_audit(auditor: Auditor) -> None:
    [look] = auditor.ask("Who looked at the audit")

    assert (look["look"], look["actor"]) == ("audit", look["system_user"])
    assert look["of_session"] == str(auditor.job.session_id)
    assert look["filters"] == {"agent": "MM_001", "after": 0, "limit": 50}
    assert (look["decisions"], look["exported_sha256"]) == (5, None)
    assert look["as_of"] < look["position"]


def test_forgotten(auditor: Auditor) -> None:
    (forgotten,) = auditor.ask("Who was forgotten")

    assert (forgotten["subject"], forgotten["sessions"]) == (SUBJECT, 2)
    assert forgotten["reason"] == "The customer asked for it."
    assert forgotten["sealed_events"] > 10


def test_traces(auditor: Auditor) -> None:
    traced, forked = auditor.ask("What was done within a trace", trace=TRACE)

    assert (traced["session_id"], forked["session_id"]) == (auditor.job.session_id, auditor.fork)
    assert traced["events"] == len(auditor.ask("The story of a session"))


def test_shapes(auditor: Auditor) -> None:
    shapes = auditor.ask("Which shapes of events there are")

    versions = {row["type"]: row["schema_version"] for row in shapes}
    assert versions["session.opened"] == 2
    assert versions["task.delegated"] == 1
    (all_,) = auditor.rows("SELECT count(*) AS n FROM hansard.event_log")
    assert sum(row["events"] for row in shapes) == all_["n"]


def test_the_newest_events_are_found_without_reading_the_log(auditor: Auditor) -> None:
    auditor.connection.execute("SET enable_sort = off")  # the planner would not fear a small log
    plan = auditor.rows("EXPLAIN SELECT * FROM hansard.event_log ORDER BY position DESC LIMIT 5")

    auditor.connection.execute("RESET enable_sort")
    assert "Index Scan Backward" in "\n".join(row["QUERY PLAN"] for row in plan)


def test_the_login_that_db_status_shows_runs_the_queries_and_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner = CliRunner()
    with TemporaryDirectory(dir=os.environ[RUN_FOLDER]) as home:
        monkeypatch.setenv("HANSARD_HOME", home)
        try:
            runner.invoke(cli, ["db", "start"])
            runner.invoke(cli, ["db", "migrate"])
            shown = runner.invoke(cli, ["db", "status"]).stdout
            command, conninfo = shlex.split(shown.partition("connect with: ")[2].splitlines()[0])
            with psycopg.connect(conninfo, autocommit=True) as connection:
                rows = connection.execute(QUERIES["Which shapes of events there are"].encode())
                assert (command, rows.fetchall()) == ("psql", [])
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute("INSERT INTO hansard.logs (log) VALUES (2)")
        finally:
            runner.invoke(cli, ["db", "stop"])
