"""Tests of the main job with language models: the real SDK, tools and database, a scripted API."""

from __future__ import annotations

import csv
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import hansard
from application.views import SessionView
from domain.effect import FailureKind
from domain.policy import Policy
from domain.session import SessionStatus
from tests.support.messages_api import KEY, MessagesApi, OrganisationScript, Refusal, Reply

REQUEST = "Generate a Q4 financial report with charts"
ROWS = [
    ("2024-11-02", "Sales", "Lamp", "999.00"),
    ("2025-09-30", "Sales", "Lamp", "50.00"),
    ("2025-10-01", "Sales", "Lamp", "120.50"),
    ("2025-11-15", "Service", "Repair", "80.25"),
    ("2025-12-31", "Sales", "Chair", "300.00"),
]
IMPATIENT = Policy(retry_wait_s=0.0)


def do_job(
    tmp_path: Path, database_url: str, script: Callable[[dict[str, Any]], Reply]
) -> tuple[SessionView, MessagesApi]:
    """Let the organisation do the job with models that answer by a script."""
    ledger = tmp_path / "sales.csv"
    with ledger.open("w", newline="") as file:
        csv.writer(file).writerows([("day", "team", "article", "amount"), *ROWS])
    with (
        MessagesApi(script) as api,
        hansard.open(
            database_url=database_url,
            anthropic_api_key=KEY,
            anthropic_base_url=api.base_url,
        ) as house,
    ):
        view = house.run(REQUEST, [ledger], output=tmp_path / "out", policy=IMPATIENT)
    assert api.refusals == []
    return view, api


def test_the_report_is_made_by_the_named_specialists_from_the_files_figures(
    tmp_path: Path, database_url: str
) -> None:
    view, _ = do_job(tmp_path, database_url, OrganisationScript())
    assert view.status is SessionStatus.COMPLETED
    holders = {task.key: task.holder for task in view.tasks}
    assert holders["metrics"] == "ANA_003"
    assert "FIN_007" in holders.values()
    assert "ANA_007" in holders.values()
    assert "500.75" in view.answer  # 120.50 + 80.25 + 300.00, by hand
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| Sales | 420.5 |" in report
    assert "| Service | 80.25 |" in report
    assert (tmp_path / "out" / "groups.svg").read_text().startswith("<svg")


def test_tokens_and_prices_of_all_calls_add_up(tmp_path: Path, database_url: str) -> None:
    view, api = do_job(tmp_path, database_url, OrganisationScript())
    assert view.model_names == ("claude-haiku-5-5", "claude-sonnet-5-5")
    assert view.input_tokens == 100 * len(api.requests)
    assert view.output_tokens == 20 * len(api.requests)
    # each call of Haiku 100 x $0.10 + 20 x $0.50, of Sonnet 100 x $2 + 20 x $10, a million
    small = sum(received.body["model"] == "claude-haiku-5-5" for received in api.requests)
    large = len(api.requests) - small
    assert view.cost_usd == Decimal("0.00002") * small + Decimal("0.0004") * large


def test_limits_overload_and_overflow_are_overcome_and_recorded(
    tmp_path: Path, database_url: str
) -> None:
    trouble = [
        Refusal(429, "rate_limit_error", "Slow down", {"retry-after": "0"}),
        Refusal(529, "overloaded_error", "Overloaded"),
        Refusal(400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
    ]
    usual = OrganisationScript()

    def script(request: dict[str, Any]) -> Reply:
        return trouble.pop(0) if trouble else usual(request)

    view, api = do_job(tmp_path, database_url, script)
    assert view.status is SessionStatus.COMPLETED
    first, *_, last = [received.body["system"][0]["text"] for received in api.requests[:4]]
    assert "metrics" in first
    assert len(last) < len(first)  # the fourth try of Nova's first call was compressed


def test_an_empty_account_ends_the_session_with_its_reason(
    tmp_path: Path, database_url: str
) -> None:
    view, api = do_job(
        tmp_path,
        database_url,
        lambda _: Refusal(400, "invalid_request_error", "Your credit balance is too low."),
    )
    assert view.status is SessionStatus.FAILED
    assert view.failure is not None
    assert view.failure.kind is FailureKind.QUOTA_EXHAUSTED
    assert "credit" in view.answer
    assert len(api.requests) == 1
