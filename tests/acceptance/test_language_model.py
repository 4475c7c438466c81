"""The main job over the real Anthropic SDK and real HTTP, with a stand-in for the service."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg import sql

from infrastructure.database import Connection
from tests.support.command import LEDGER, REQUEST, Command, Outcome
from tests.support.messages_api import Answer, MessagesApi, OrganisationScript, Refusal, Use

KEY = "sk-ant-acceptance-0123456789"
ROLES = {"NOVA_001": "claude-haiku-5-5", "MM_001": "claude-sonnet-5-5"}
RUN = ("run", REQUEST, "--input", LEDGER, "--json")
UNAVAILABLE, NOT_ALLOWED = 6, 5


def with_model(hansard: Command, api: MessagesApi) -> Command:
    """Point the command to the stand-in."""
    return hansard.given(ANTHROPIC_API_KEY=KEY, ANTHROPIC_BASE_URL=api.base_url)


def events(connection: Connection, kind: str) -> list[dict[str, Any]]:
    """Read the payloads of all events of a type, in order."""
    rows = connection.execute(
        "SELECT payload FROM hansard.event_log WHERE type = %s ORDER BY position", (kind,)
    )
    return [row[0] for row in rows]


def everything_kept(connection: Connection, folder: Path) -> Iterator[str]:
    """Read every row of every table, and every file in a folder."""
    tables = connection.execute(
        "SELECT schemaname, tablename FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    ).fetchall()
    for table in tables:
        query = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(*table))
        yield from (row[0] for row in connection.execute(query))
    for payload in connection.execute("SELECT payload::text FROM hansard.event_log"):
        yield payload[0]
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_text(encoding="utf-8", errors="replace")


def test_the_main_job_completes_with_usage_and_cost_and_keeps_the_key_nowhere(
    hansard: Command, connection: Connection
) -> None:
    with MessagesApi(OrganisationScript(), key=KEY) as api:
        outcome = with_model(hansard, api).run(*RUN)

    view = outcome.document
    check_bill(view, outcome, api, connection)
    with LEDGER.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if "2025-10" <= row["date"][:7] <= "2025-12"]
    total = sum((Decimal(row["amount"]) for row in rows if row["amount"]), Decimal(0))
    assert f"{total.normalize():f}" in (Path(view["output_folder"]) / "report.md").read_text()
    paths = {artefact["path"] for artefact in view["artefacts"]}
    assert {"report.md", "report.html", "groups.svg"} <= paths
    kept = list(everything_kept(connection, hansard.folder))
    assert len(kept) > 100
    assert not any(KEY in text for text in (*kept, outcome.out, outcome.err))


def check_bill(
    view: dict[str, Any], outcome: Outcome, api: MessagesApi, connection: Connection
) -> None:
    """Hold that every call was recorded with its usage, and priced."""
    assert (outcome.code, view["status"]) == (0, "completed"), outcome.err
    assert api.refusals == []
    assert set(view["model_names"]) == {"claude-haiku-5-5", "claude-sonnet-5-5"}
    called = events(connection, "task.model_called")
    assert len(called) == len(api.requests) == len(events(connection, "task.model_answered"))
    assert {call["agent"]: call["model"] for call in called}.items() >= ROLES.items()
    assert view["input_tokens"] == 100 * len(called)
    assert view["output_tokens"] == 20 * len(called)
    assert Decimal(view["cost_usd"]) > 0


def test_a_refused_key_is_told_without_showing_it(hansard: Command) -> None:
    with MessagesApi(OrganisationScript(), key="another") as api:
        outcome = with_model(hansard, api).run(*RUN)

    assert outcome.code != 0
    assert outcome.document["status"] == "failed"
    assert "ANTHROPIC_API_KEY" in outcome.document["failure"]["message"]
    assert KEY not in outcome.out + outcome.err
    assert "Traceback" not in outcome.err


def test_every_attempt_is_an_event(hansard: Command, connection: Connection) -> None:
    script = OrganisationScript()
    busy = Refusal(429, "rate_limit_error", "Too many requests.", {"retry-after": "1"})
    replies = iter([busy])

    with MessagesApi(lambda request: next(replies, None) or script(request), key=KEY) as api:
        outcome = with_model(hansard, api).run(*RUN)

    assert (outcome.code, outcome.document["status"]) == (0, "completed"), outcome.err
    (failed,) = events(connection, "task.model_failed")
    assert failed["failure"]["kind"] == "rate_limited"
    assert failed["failure"]["retry_after_s"] == 1
    assert failed["final"] is False
    attempts = Counter(call["effect_id"] for call in events(connection, "task.model_called"))
    assert attempts[failed["effect_id"]] == 2
    assert sum(attempts.values()) == len(api.requests)


def test_a_service_that_never_answers_properly_ends_the_session_in_one_sentence(
    hansard: Command,
) -> None:
    broken = Refusal(529, "overloaded_error", "Overloaded", {"retry-after": "0"})

    with MessagesApi(lambda _: broken, key=KEY) as api:
        outcome = with_model(hansard, api).run(*RUN)

    view = outcome.document
    assert outcome.code == UNAVAILABLE
    assert view["status"] == "failed"
    assert view["failure"]["kind"] == "overloaded"
    assert "\n" not in view["failure"]["message"]
    assert view["failure"]["message"] in view["answer"]
    assert "Traceback" not in outcome.err
    assert 1 < len(api.requests) < 20


def test_a_service_that_is_away_is_told_with_its_address(hansard: Command) -> None:
    away = hansard.given(ANTHROPIC_API_KEY=KEY, ANTHROPIC_BASE_URL="http://127.0.0.1:9")

    outcome = away.run("run", "What is 1 + 1?", "--json", "--quiet")

    assert outcome.code == UNAVAILABLE
    assert outcome.document["failure"]["kind"] == "unreachable"
    assert "Traceback" not in outcome.err


class Curious:
    """A model that wants to read a file that was not handed over."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._script = OrganisationScript()
        self._asked = False

    def __call__(self, request: dict[str, Any]) -> Answer:
        tools = {tool["name"] for tool in request.get("tools", [])}
        if "read_file" in tools and not self._asked:
            self._asked = True
            return Answer(uses=(Use("read_file", {"name": self._path}),))
        return self._script(request)


def test_a_path_outside_is_a_recorded_tool_error(hansard: Command, connection: Connection) -> None:
    secret = hansard.folder / "secret.txt"
    secret.write_text("the cake is a lie")

    with MessagesApi(Curious(str(secret)), key=KEY) as api:
        outcome = with_model(hansard, api).run(*RUN)

    assert outcome.code == NOT_ALLOWED
    assert outcome.document["failure"]["kind"] == "not_allowed"
    failures = [event["failure"] for event in events(connection, "task.tool_failed")]
    assert [failure["kind"] for failure in failures] == ["not_allowed"]
    assert str(secret) in failures[0]["message"]
    assert "cake" not in outcome.out
    assert not any("cake" in str(request.body) for request in api.requests)


def test_what_a_model_says_never_controls_the_terminal(hansard: Command) -> None:
    script = OrganisationScript()
    sequences = ("\x1b]0;owned\x07", "\x1b[2J", "\x9b5m", "\u202e")

    def reply(request: dict[str, Any]) -> Answer:
        answer = script(request)
        return answer if answer.uses else Answer(text=f"# Do{'o'.join(sequences)}ne\n\nGood.")

    with MessagesApi(reply, key=KEY) as api:
        command = with_model(hansard, api)
        screen = command.show(*RUN[:-1])
        shown = command.run("show")

    assert screen.code == 0
    assert "Dooo5mone" in screen.text
    assert "Dooo5mone" in shown.out
    for sequence in sequences:
        assert sequence not in screen.sent
        assert sequence not in shown.out
