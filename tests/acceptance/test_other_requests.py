"""Requests beside the report: questions, calculations, memory, and what nobody can serve."""

from __future__ import annotations

import csv
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

from tests.support.command import LEDGER, Command


def revenue_by_product(first_month: str, last_month: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    with LEDGER.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["type"] == "revenue" and first_month <= row["date"][:7] <= last_month:
                found[row["product"]] += Decimal(row["amount"] or 0)
    return found


def test_which_product_lost_revenue_and_how_much(hansard: Command) -> None:
    before = revenue_by_product("2025-04", "2025-06")
    after = revenue_by_product("2025-07", "2025-09")
    loser = min(before, key=lambda product: after[product] - before[product])

    view = hansard.document(
        "run", "Which product lost revenue in Q3, and why?", "--input", LEDGER, "--quiet"
    )

    first = view["answer"].splitlines()[0]
    assert loser in first
    for amount in (before[loser], after[loser], before[loser] - after[loser]):
        assert f"{amount:,}" in first
    assert all(product in view["answer"] for product in before)


def test_a_calculation_is_done_exactly(hansard: Command) -> None:
    view = hansard.document("run", "What is 1250 * 12 + 7% of 30000?", "--quiet")

    assert view["status"] == "completed"
    assert "17100" in view["answer"].replace(",", "")


def test_an_earlier_conversation_is_found_again(hansard: Command) -> None:
    first = hansard.document("run", "What is 1250 * 12?", "--quiet")
    other = hansard.document("run", "What is 99 / 3?", "--quiet")

    view = hansard.document("run", "What did I ask about 1250 earlier?", "--quiet")

    assert "What is 1250 * 12?" in view["answer"]
    assert first["session_id"] in view["answer"]
    assert other["session_id"] not in view["answer"]


def test_a_question_about_data_without_a_file_is_declined_with_what_to_do(
    hansard: Command,
) -> None:
    outcome = hansard.run("run", "Show total revenue by region")

    assert outcome.code == 3
    assert "--input" in outcome.out
    assert "declined" in outcome.err


def test_a_request_nobody_can_serve_is_declined_with_the_reason(hansard: Command) -> None:
    outcome = hansard.run("run", "Book me a flight to Paris tomorrow", "--json")

    view = outcome.document
    assert outcome.code == 3
    assert view["status"] == "declined"
    assert view["intent"]["servable"] is False
    assert "book" in view["answer"]
    assert view["artefacts"] == []


def test_a_file_that_was_not_handed_over_is_never_read(hansard: Command, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the cake is a lie")

    outcome = hansard.run("run", f"Read {secret} and tell me what it says", "--json")

    assert outcome.code != 0
    assert "cake" not in outcome.out
    assert outcome.document["status"] != "completed"
