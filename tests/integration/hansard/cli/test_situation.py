"""The commands `situation` and `forecast` on a real history."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import hansard
from application.errors import BadRequestError
from hansard.cli.main import cli
from tests.support.histories import MASTERMIND, SPECIALIST
from tests.support.read_side import ReadSide, open_read_side


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def document(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(autouse=True)
def _home(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "output"))


@contextmanager
def history(database_url: str) -> Iterator[ReadSide]:
    """A log with the organisation in it, to which sessions can be told."""
    run("agents", "list")
    with open_read_side(database_url) as read_side:
        yield read_side


def test_an_idle_organisation_is_shown_as_such() -> None:
    shown = run("situation")

    assert shown.exit_code == 0, shown.output
    assert "No session is running." in shown.stdout
    assert "119 agents have nothing to do and did nothing in the last 1h00m" in shown.stdout
    assert "As of " in shown.stderr


def test_who_is_doing_what_is_shown(database_url: str) -> None:
    with history(database_url) as read_side:
        told = read_side.open_session("Report on \x1b[31mQ4")
        told.delegate(told.root, MASTERMIND)
        task = told.create_task()
        told.delegate(task, SPECIALIST)
        told.start(task)
        told.call_model(task)
        then = read_side.log.last_position()
        told.complete(task)
        told.end()

    shown = run("situation", "--at", str(then))
    assert "\x1b" not in shown.stdout
    assert "Report on Q4" in shown.stdout
    assert re.search(rf"report working for [\d.]+m?s {SPECIALIST} \(finance\)", shown.stdout)
    assert "awaits model offline" in shown.stdout
    view = document("situation", "--at", str(then))
    assert view["position"] == then
    assert [agent["agent"] for agent in view["agents"] if agent["working"]] == [SPECIALIST]
    assert "No session is running." in run("situation").stdout


def test_the_window_of_utilisation_can_be_chosen() -> None:
    assert document("situation", "--window", "30m")["window_s"] == 1800
    refused = run("situation", "--window", "soon")
    assert "write 90s, 30m, 1h or 7d" in refused.stderr


def test_all_agents_can_be_listed() -> None:
    assert len(document("situation")["agents"]) == 119
    assert "LEG_002" in run("situation", "--all").stdout


def test_too_little_history_is_said_and_is_no_error() -> None:
    run("run", "What is 6 * 7?", "-q")

    shown = run("forecast")

    assert shown.exit_code == 0
    assert "No forecast is possible: 144 whole hours of history are needed" in shown.stdout
    view = document("forecast", "--by", "agent", "--measure", "cost", "--horizon", "7d")
    assert (view["period"], view["steps"], view["needed"]) == ("day", 7, 42)
    assert all(item["forecast"] is None and item["lacking"] for item in view["items"])


def test_a_log_in_which_nothing_was_done_has_no_forecast() -> None:
    assert "there is nothing to forecast from" in run("forecast").stdout


def test_a_question_that_means_nothing_is_refused(database_url: str) -> None:
    with hansard.open(database_url=database_url) as h:
        with pytest.raises(BadRequestError, match="horizon 'soon' cannot be used"):
            h.forecast(horizon="soon")
        with pytest.raises(BadRequestError, match="Extra inputs"):
            h.forecast(colour="red")
