"""The commands `agents` and `route`: who joins, pauses, leaves and takes requests; who would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hansard.cli.main import cli

AGENT = "id: FIN_100\nname: Chart Charlie\ndepartment: finance\ntools: [draw_chart]\n"
BLEND = "rules:0.6,similarity:0.3,track_record:0.1"


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> Callable[..., Result]:
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HANSARD_MODEL", "offline")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments, standalone_mode=False)

    return invoke


def answered(result: Result) -> Any:
    assert result.exception is None, result.exception
    return json.loads(result.stdout)


def test_an_agent_joins_pauses_returns_and_leaves(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    """A13, A14: from a file, without skills; then its whole career by commands."""
    file = tmp_path / "agent.yaml"
    file.write_text(AGENT, "utf-8")

    joined = run("agents", "register", str(file))
    assert joined.stdout == "FIN_100 joined, with the skills charts, graphs.\n"
    assert answered(run("agents", "show", "FIN_100", "--json"))["supervisor"] == "DIR_FINANCE"

    paused = answered(run("agents", "deactivate", "FIN_100", "--reason", "rest", "--json"))
    assert paused["active"] is False
    refused = run("agents", "deactivate", "FIN_100", "--reason", "rest")
    assert "'FIN_100' is 'inactive'" in str(refused.exception)
    assert run("agents", "activate", "FIN_100").stdout == "FIN_100 takes work again.\n"
    assert run("agents", "remove", "FIN_100", "--reason", "done").exception is None
    assert "No agent 'FIN_100'" in str(run("agents", "show", "FIN_100").exception)


def test_who_takes_requests_can_be_asked_and_changed(run: Callable[..., Result]) -> None:
    """A12: the agent in charge, which is the active one in the words of the mission."""
    assert run("agents", "switch").stdout == "NOVA_001 takes the requests that name no agent.\n"
    assert answered(run("agents", "switch", "ANA_003", "--json"))["handle"] == "ANA_003"

    run("run", "What is 6 * 7?", "-q")

    view = answered(run("show", "--json"))
    assert {task["holder"] for task in view["tasks"]} == {"ANA_003"}


def test_idle_agents_are_unloaded(run: Callable[..., Result]) -> None:
    """A14: whoever was not used for a time takes no work until it is activated."""
    would = run("agents", "unload", "--idle", "0m", "--dry-run")
    assert len(would.stdout.splitlines()) == 103
    assert answered(run("agents", "unload", "--idle", "1d", "--json")) == {
        "handles": [],
        "dry_run": False,
    }
    assert "is no duration" in str(run("agents", "unload", "--idle", "soon").exception)


def test_a_route_is_shown_with_every_part_and_nothing_is_recorded(
    run: Callable[..., Result],
) -> None:
    """A11: the real embedder and the real log behind a dry run."""
    view = answered(run("route", "Pay the salaries of our staff", "--strategy", BLEND, "--json"))

    best = view["decision"]["candidates"][0]
    assert (view["decision"]["chosen"], best["handle"]) == ("HR_003", "HR_003")
    assert best["facts"]["similarity"] > 0.4
    assert view["decision"]["sources"]["embedder"] == "static-256-v1"
    assert len(view["decision"]["candidates"]) == 103

    shown = run("route", "Draw charts", "--skill", "charts", "--department", "analytics")
    assert "ANA_007 fits charts best" in shown.stdout
    assert shown.return_value == 0


def test_a_route_to_nobody_has_an_exit_code_of_its_own(run: Callable[..., Result]) -> None:
    assert run("route", "Hum").return_value == 3


def test_a_request_is_routed_or_given_to_an_agent_by_name(run: Callable[..., Result]) -> None:
    """A12: with an explicit agent, and by routing."""
    run("run", "What is 6 * 7?", "--agent", "FIN_007", "-q")
    assert answered(run("show", "--json"))["tasks"][0]["holder"] == "FIN_007"

    run("run", "Book a flight to Berlin", "--routing", "similarity", "-q")
    decision, *others = [
        each
        for each in answered(run("show", "--json"))["tasks"][-1]["decisions"]
        if each["strategy"] == "similarity"
    ]
    assert decision["chosen"] == "ADM_003"
    tried = {each["handle"] for other in others for each in other["candidates"]}
    assert "ADM_003" not in tried  # the offline rules book no flights, so others were tried

    both = run("run", "Hello", "--agent", "FIN_007", "--routing", "rules")
    assert "Give one of --workflow, --agent and --routing" in str(both.exception)
    assert "No agent 'FIN_999'" in str(run("run", "Hello", "--agent", "FIN_999").exception)
