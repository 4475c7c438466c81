"""The commands `messages` and `context`: what people do with messages and shared values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import hansard
from hansard.cli.main import NOT_FOUND, OK, cli

NOVA = "NOVA_001"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, standalone_mode=False)


def document(*arguments: str) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == OK, done
    return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "output"))


def test_a_message_is_sent_listed_taken_shown_and_requeued() -> None:
    sent = document("messages", "send", NOVA, "Hello\x1b[2J", "--priority", "high")
    lost = run("messages", "send", "NOBODY", "--content", '{"a": 1}')
    assert lost.return_value == NOT_FOUND
    assert "unknown recipient" in lost.stderr
    [dead] = document("messages", "dead")["items"]
    again = run("messages", "requeue", dead["message_id"])
    assert (again.return_value, "unknown recipient" in again.stderr) == (NOT_FOUND, True)

    waiting = document("messages", "list", "--status", "waiting")["items"]
    assert [each["message_id"] for each in waiting] == [sent["message_id"]]
    assert document("messages", "queues")["items"][0]["high"] == 1
    shown = run("messages", "receive", NOVA)
    assert "delivered" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert run("messages", "receive", NOVA).return_value == NOT_FOUND
    assert document("messages", "show", sent["message_id"])["message"]["priority"] == "high"
    assert [row["sent"] for row in document("stats", "messages", "--by", "delivery")["items"]] == [
        3
    ]
    table = run("messages", "list").stdout
    assert {"urgent", "high", "normal"} & set(table.split())
    assert document("messages", "topics") == {
        **document("messages", "topics"),
        "items": [],
        "subscriptions": [],
    }


def test_what_to_send_is_said_once_and_as_json() -> None:
    for wrong in (["messages", "send", NOVA], ["messages", "send", NOVA, "--content", "[1]"]):
        with pytest.raises(Exception, match=r"TEXT or --content|JSON object"):
            CliRunner().invoke(cli, wrong, standalone_mode=False, catch_exceptions=False)


def test_what_is_shared_is_shown_as_a_table_a_prompt_and_json_and_merged() -> None:
    with hansard.open() as h:
        session = h.run("What is 6 * 7?")
        first = h.share(session.session_id, "total", 42, agent=NOVA)
        fork = h.fork(session.session_id, first.position, reason="to see")
        h.share(str(fork.session_id), "total", 43, agent=NOVA)

    asked = str(session.session_id)
    assert run("context", asked, "--prompt").stdout == "NOVA_001 total: 42\n"
    merged = run("context", asked, "--merge", str(fork.session_id))
    assert "43" in merged.stdout
    assert "Recorded at position" in merged.stderr
    assert "Nothing new" in run("context", asked, "--merge", str(fork.session_id)).stderr
    assert [each["value"] for each in document("context", asked)["values"]] == [43]
    assert [
        each["value"] for each in document("context", asked, "--at", str(first.position))["values"]
    ] == [42]
    assert document("context", asked, "--agent", "USER")["values"] == []
    assert "NOVA_001" in run("context", asked).stdout
