"""B11, B23: the main job with language models under the policy that is in force by default."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, cast

import hansard
from domain.effect import FailureKind
from domain.policy import Policy
from domain.recovery import RecoveryRules
from domain.session import SessionStatus
from tests.support.messages_api import (
    KEY,
    Answer,
    MessagesApi,
    OrganisationScript,
    Refusal,
    Reply,
    Use,
)
from tests.support.messages_api.organisation import PLAN

SPENT = Refusal(
    429,
    "rate_limit_error",
    "You have reached your spend limit",
    code="enforced_spend_limit_reached",
)


ONE_TASK = PLAN | {"tasks": cast("list[Any]", PLAN["tasks"])[:1], "complexity": 0.1}


class WithoutMoney:
    """Answers as the organisation does, but for one model that has no quota left."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._script = OrganisationScript()

    def __call__(self, request: dict[str, Any]) -> Reply:
        if request["model"] == self._model:
            return SPENT
        if any(tool["name"] == "submit_plan" for tool in request.get("tools", [])):
            return Answer(uses=(Use("submit_plan", ONE_TASK),))
        return self._script(request)


def test_without_quota_for_one_model_the_job_is_done_by_the_next_within_all_budgets(
    tmp_path: Path, database_url: str
) -> None:
    ledger = tmp_path / "sales.csv"
    with ledger.open("w", newline="") as file:
        csv.writer(file).writerows(
            [("day", "team", "amount"), ("2025-10-01", "Sales", "120.50"), ("2025-11-01", "B", "1")]
        )
    with (
        MessagesApi(WithoutMoney("claude-sonnet-5-5")) as api,
        hansard.open(
            database_url=database_url, anthropic_api_key=KEY, anthropic_base_url=api.base_url
        ) as house,
    ):
        view = house.run("How many rows has Q4?", [ledger], output=tmp_path / "out")
        events = [event.type for event in house.tail(view.session_id, last=1000)]

    assert api.refusals == []
    assert view.status is SessionStatus.COMPLETED
    assert view.model_names == ("claude-haiku-5-5", "claude-opus-5-5")
    assert "task.recovery_chosen" in events
    assert "task.budget_exceeded" not in events
    longest = {received.body["max_tokens"] for received in api.requests}
    assert max(longest) <= 4_000
    assert 2_000 in longest


def test_a_model_that_keeps_failing_is_left_alone_and_the_log_tells_of_it(
    tmp_path: Path, database_url: str
) -> None:
    busy = Refusal(529, "overloaded_error", "Overloaded")
    impatient = Policy(retry_wait_s=0.0, max_wait_s=0.0, recovery=RecoveryRules())
    with (
        MessagesApi(lambda _: busy) as api,
        hansard.open(
            database_url=database_url,
            anthropic_api_key=KEY,
            anthropic_base_url=api.base_url,
            breaker_failures=1,
        ) as house,
    ):
        view = house.run("Say hello", output=tmp_path / "out", policy=impatient)
        told = [(event.type, event.text) for event in house.tail(types=["breaker.*"])]

    assert view.failure is not None
    assert view.failure.kind is FailureKind.OVERLOADED
    assert "kept failing" in view.failure.message
    assert len(api.requests) == 1
    assert [kind for kind, _ in told] == ["breaker.installed", "breaker.opened"]
    assert "for 30 s after 1 failures in a row, the latest overloaded" in told[1][1]
