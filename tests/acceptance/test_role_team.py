"""The product team, offline: one requirement in, ten outputs out, and the product works."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Command

OUTPUTS = {
    "user_stories.md",
    "competitive_analysis.md",
    "acceptance_criteria.md",
    "architecture.md",
    "data_model.md",
    "api.md",
    "product.py",
    "documentation.md",
    "test_product.py",
    "quality_report.md",
}
ROLES = {
    "user_stories": "PT_PRODUCT",
    "architecture": "PT_ARCHITECT",
    "implementation": "PT_DEVELOPER",
    "quality_report": "PT_QUALITY",
}
CONVERTER = "A command-line tool that converts CSV to JSON with column selection"
KEEPER = (
    "Keep track of tasks with a title, a due date and a priority (low, medium or high); add,"
    " complete and list overdue tasks"
)
VALIDATOR = "Validate passwords: at least 10 characters, one digit and one upper case letter"
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux confines the tests")


def build(hansard: Command, requirement: str, workflow: str = "product-team") -> dict[str, Any]:
    """Let the team build what a requirement asks for."""
    outcome = hansard.run("run", requirement, "--workflow", workflow, "--json", "--quiet")
    assert outcome.code == 0, outcome.err
    view: dict[str, Any] = outcome.document
    folder = Path(view["output_folder"])
    assert {artefact["path"] for artefact in view["artefacts"]} == OUTPUTS
    assert all((folder / name).stat().st_size > 100 for name in OUTPUTS)
    return view


def use(view: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the product as its user would."""
    return subprocess.run(
        [sys.executable, "-I", "product.py", *arguments],
        cwd=view["output_folder"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def own_tests(view: dict[str, Any]) -> str:
    """Run the tests that the QA engineer wrote, outside the house."""
    folder = view["output_folder"]
    done = subprocess.run(
        [sys.executable, "-m", "unittest", "test_product"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@linux
def test_a_requirement_becomes_a_tested_product_of_ten_outputs(hansard: Command) -> None:
    """E1, E3: four roles, ten outputs, from user stories to the quality report."""
    before = hansard.document("agents", "list")
    view = build(hansard, CONVERTER)
    assert view["status"] == "completed"
    holders = {task["key"]: task["holder"] for task in view["tasks"]}
    assert holders.items() >= ROLES.items()
    assert len(hansard.document("agents", "list")) == len(before) + 5

    folder = Path(view["output_folder"])
    (folder / "in.csv").write_text("name,city\nAda,London\nLinus,Helsinki\n", encoding="utf-8")
    done = use(view, "in.csv", "--columns", "city")
    assert json.loads(done.stdout) == [{"city": "London"}, {"city": "Helsinki"}]
    assert use(view, "in.csv", "--columns", "height").returncode == 2
    assert "OK" in own_tests(view)
    report = (folder / "quality_report.md").read_text(encoding="utf-8")
    assert "6 tests of `product.py` were run" in report
    assert "no network and no other process" in report
    assert hansard.run("replay", view["session_id"], "--verify").code == 0


@linux
def test_the_team_hands_one_task_on_from_role_to_role(hansard: Command) -> None:
    """E2, E3: product manager, architect, developer, QA engineer."""
    view = build(hansard, KEEPER, "product-team-relay")
    (delivery,) = [task for task in view["tasks"] if task["parent_id"]]
    assert delivery["path"][1:] == ["PT_PRODUCT", "PT_ARCHITECT", "PT_DEVELOPER", "PT_QUALITY"]
    added = use(view, "add", "--title", "Call Ada", "--due-date", "2025-01-02", "--priority", "low")
    assert json.loads(added.stdout)["id"] == 1
    late = use(view, "overdue", "--today", "2025-02-01")
    assert json.loads(late.stdout)["title"] == "Call Ada"
    assert use(view, "mark", "1").returncode == 0
    assert use(view, "overdue", "--today", "2025-02-01").stdout == ""
    assert (
        use(view, "add", "--title", "x", "--due-date", "soon", "--priority", "low").returncode == 2
    )
    assert "OK" in own_tests(view)


@linux
def test_another_requirement_becomes_another_product(hansard: Command) -> None:
    """E3: nothing is canned: the rules of the product are those of the requirement."""
    view = build(hansard, VALIDATOR)
    assert use(view, "Abcdefghi1").returncode == 0
    short = use(view, "Abc1")
    assert (short.returncode, short.stdout) == (1, "Abc1: not valid: has at least 10 characters\n")
    assert use(view, "abcdefghij").returncode == 1
    assert "OK" in own_tests(view)
