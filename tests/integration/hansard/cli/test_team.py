"""C6: the command `team` and the API behind it, on a real log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import hansard
from domain.planning import PlannedTask
from hansard.cli.main import CONFLICT, NOT_FOUND, USAGE, main
from hansard.cli.main import cli as command


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["team", *arguments])


def document(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(autouse=True)
def _home(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "output"))


def test_a_team_is_formed_assessed_reformed_and_dissolved() -> None:
    formed = document("form", "artists", "--skill", "charts", "--skill", "reporting")
    members = formed["formation"]["members"]
    assert len(members) == 2
    assert set(formed["formation"]["assigned"]) == {"charts", "reporting"}

    shown = run("show", "artists")
    assert shown.exit_code == 0, shown.output
    assert all(member in shown.stdout for member in members)
    assert "diversity +" in shown.stdout
    assert "communication -" in shown.stdout

    assessed = document("assess", "artists", "--threshold", "0.5")
    assert assessed["assessment"]["performance"] is None

    reformed = run("reform", "artists", "--replace", members[0])
    assert reformed.exit_code == 0, reformed.output
    assert f"{members[0]} left" in reformed.stderr
    again = document("show", "artists", "--at", str(formed["position"]))
    assert again["formation"]["members"] == members

    assert run("dissolve", "artists", "--reason", "done").exit_code == 0
    assert "0 teams." in run("list").stderr
    listed = run("list", "--all")
    assert "artists" in listed.stdout
    assert "dissolved" in listed.stdout


def test_what_cannot_be_done_is_told_with_an_exit_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def code(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["hansard", "team", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(str(ended.value.code)), capsys.readouterr().err

    document("form", "artists", "--skill", "charts")

    assert code("form", "artists", "--skill", "charts")[0] == CONFLICT
    assert code("show", "nobody") == (
        NOT_FOUND,
        "hansard: No team 'nobody' is known. `hansard team list` lists those there are.\n",
    )
    assert code("form", "Bad Name", "--skill", "charts")[0] == USAGE


def test_programs_form_teams_for_the_tasks_of_a_plan() -> None:
    task = PlannedTask(
        key="draw", title="Draw", instruction="Draw charts of sales.", skills=("charts",)
    )

    with hansard.open() as h:
        team = h.form_team("drawers", ("sql",), tasks=[task], department="analytics")
        stood = h.teams()

    assert set(team.formation.assigned) == {"sql", "draw"}
    assert all(member.startswith("ANA_") for member in team.members)
    assert [each.name for each in stood] == ["drawers"]
