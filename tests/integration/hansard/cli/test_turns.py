"""The command `turns` shows what was said, word for word, page by page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from application.errors import NotFoundError
from hansard.cli.main import OK, cli


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def document(*arguments: str) -> Any:
    done = run("turns", *arguments, "--json")
    assert done.exit_code == OK, done
    return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "output"))
    run("run", "What is 6 * 7?", "-q")
    run("run", "What is 20 / 4?", "-q")


def test_turns_are_listed_by_session_speaker_and_words() -> None:
    speakers = [(turn["speaker"], turn["text"][:15]) for turn in document()["items"]]
    assert [speaker for speaker, _ in speakers] == ["USER", "NOVA_001"] * 2
    assert [text for _, text in speakers[::2]] == ["What is 6 * 7?", "What is 20 / 4?"]

    asked = document("last", "--speaker", "USER")["items"]
    assert [turn["text"] for turn in asked] == ["What is 20 / 4?"]
    assert [turn["text"] for turn in document("--text", "7 nothing")["items"]][:1] == [
        "What is 6 * 7?"
    ]


def test_pages_follow_each_other_and_moments_are_kept_to() -> None:
    first = document("--limit", "1")
    then = document("--limit", "1", "--after", str(first["next"]))
    assert then["items"][0]["position"] > first["items"][0]["position"]
    assert document("--at", str(first["items"][0]["position"]))["items"] == first["items"]


def test_people_see_who_said_what_and_how_to_go_on() -> None:
    shown = run("turns", "--limit", "1")
    assert "USER" in shown.stdout
    assert "What is 6 * 7?" in shown.stdout
    assert "--after" in shown.stderr
    assert "Computed at position" in shown.stderr


def test_a_session_that_does_not_exist_is_named() -> None:
    done = run("turns", "01a1fdcc-e353-73b3-9fc8-04faae071ed5")
    assert isinstance(done.exception, NotFoundError)
