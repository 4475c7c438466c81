"""docs/recovery.md and docs/budgets.md show policies that can be read, with the usual figures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.budget import Budgets
from domain.policy import STANDARD, Policy
from domain.recovery import RecoveryRules

DOCS = Path(__file__).parents[3] / "docs"


def policy_in(page: str) -> Policy:
    [block] = re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    return Policy.model_validate(yaml.safe_load(block))


def test_the_recovery_page_shows_the_usual_rules() -> None:
    shown = policy_in("recovery.md")

    assert shown.recovery is not None
    assert shown.recovery.model_copy(update={"other_models": {}}) == RecoveryRules()
    assert (shown.max_attempts, shown.max_wait_s) == (STANDARD.max_attempts, STANDARD.max_wait_s)


def test_the_budgets_page_shows_how_to_change_them() -> None:
    shown = policy_in("budgets.md").budgets

    assert shown == Budgets(specialist_task=8_000, director_task=16_000, orchestrator_task=32_000)


@pytest.mark.parametrize("name", ["turn", "context", "conversation", "closing"])
def test_the_budgets_page_tells_the_figures_in_force(name: str) -> None:
    budgets: Any = STANDARD.budgets

    assert f"{getattr(budgets, name):,}" in (DOCS / "budgets.md").read_text("utf-8")
