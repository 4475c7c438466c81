"""The main job: a quarterly report with charts on the example ledger, by requirement B8."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from tests.acceptance.conftest import MainJob
from tests.support.command import LEDGER
from tests.support.tables import figure, markdown_table

PLAN = {
    "extract": "finance",
    "metrics": "analytics",
    "charts": "creative",
    "report": "finance",
}
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def ledger() -> Rows:
    with LEDGER.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def report(main_job: MainJob) -> str:
    return (main_job.output / "report.md").read_text(encoding="utf-8")


def add_up(rows: Iterable[dict[str, str]], kind: str) -> Decimal:
    amounts = (Decimal(row["amount"]) for row in rows if row["type"] == kind and row["amount"])
    return sum(amounts, Decimal(0))


def fourth_quarter(ledger: Rows) -> Rows:
    return [row for row in ledger if "2025-10" <= row["date"][:7] <= "2025-12"]


def test_it_completes_and_says_who_answered(main_job: MainJob) -> None:
    view = main_job.view

    assert view["status"] == "completed"
    assert view["model_names"] == ["offline"]
    assert "without a language model" in view["answer"]
    assert view["turns"][-1]["model"] == "offline"


def test_report_and_charts_exist_as_they_were_recorded(main_job: MainJob) -> None:
    artefacts = {artefact["path"]: artefact for artefact in main_job.view["artefacts"]}
    written = {path.name: path.stat().st_size for path in main_job.output.iterdir()}

    assert {"report.md", "report.html"} < artefacts.keys()
    assert sum(path.endswith(".svg") for path in artefacts) >= 3
    assert {path: artefact["size"] for path, artefact in artefacts.items()} == written


def test_the_headline_figures_are_those_of_the_file(report: str, ledger: Rows) -> None:
    figures = {row["Figure"]: row["Q4 2025"] for row in markdown_table(report, "Headline figures")}
    entries = fourth_quarter(ledger)
    revenue, expenses = add_up(entries, "revenue"), add_up(entries, "expense")

    assert figure(figures["Revenue (EUR)"]) == revenue
    assert figure(figures["Expenses (EUR)"]) == expenses
    assert figure(figures["Result (EUR)"]) == revenue - expenses
    assert figure(figures["Entries"]) == len(entries)


def test_the_figures_of_each_month_are_those_of_the_file(report: str, ledger: Rows) -> None:
    by_month: dict[str, Rows] = defaultdict(list)
    for row in ledger:
        by_month[row["date"][:7]].append(row)

    months = markdown_table(report, "Month by month")

    assert {row["Month"] for row in months} == by_month.keys()
    for row in months:
        entries = by_month[row["Month"]]
        assert figure(row["Revenue (EUR)"]) == add_up(entries, "revenue")
        assert figure(row["Expenses (EUR)"]) == add_up(entries, "expense")


def test_the_figures_of_each_product_are_those_of_the_file(report: str, ledger: Rows) -> None:
    expected: dict[str, Decimal] = defaultdict(Decimal)
    for row in fourth_quarter(ledger):
        if row["type"] == "revenue" and row["amount"]:
            expected[row["product"]] += Decimal(row["amount"])

    products = {
        row["product"]: figure(row["Q4 2025 (EUR)"])
        for row in markdown_table(report, "Revenue by product")
    }

    assert products.pop("Total") == sum(expected.values())
    assert products == expected


def test_the_answer_holds_the_figures_too(main_job: MainJob, ledger: Rows) -> None:
    entries = fourth_quarter(ledger)

    for kind in ("revenue", "expense"):
        assert f"{add_up(entries, kind):,}" in main_job.view["answer"]


def test_the_html_needs_nothing_from_elsewhere_and_runs_nothing(main_job: MainJob) -> None:
    html = (main_job.output / "report.html").read_text(encoding="utf-8")
    charts = [path for path in main_job.output.iterdir() if path.suffix == ".svg"]
    links = re.findall(r"""(?:src|href|action|data|poster|srcset)\s*=\s*["']?([^"'\s>]+)""", html)
    rules = re.findall(r"url\(\s*[\"']?([^\"')]+)|@import", html)

    embedded = [link for link in links if not link.startswith("#")]
    assert len(embedded) == len(charts)
    assert all(link.startswith("data:image/") for link in embedded)
    assert all(rule.startswith(("#", "data:")) for rule in rules)
    assert "<script" not in html.lower()
    assert not re.search(r"\son\w+\s*=", re.sub(r"data:[^\"']+", "", html))


def test_each_chart_is_a_picture_with_words_for_those_who_cannot_see_it(main_job: MainJob) -> None:
    for path in main_job.output.glob("*.svg"):
        root = ET.parse(path).getroot()  # noqa: S314 - our own file
        text = path.read_text(encoding="utf-8")
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "aria-label" in text
        assert "<script" not in text
        assert not re.search(r"href=[\"']https?:", text)


def test_the_plan_has_the_four_tasks_in_their_departments(main_job: MainJob) -> None:
    planned = [task for task in main_job.view["tasks"] if task["parent_id"]]
    depends = {
        task["key"]: {other["key"] for other in planned if other["task_id"] in task["depends_on"]}
        for task in planned
    }

    assert {task["key"]: task["department"] for task in planned} == PLAN
    assert {task["status"] for task in planned} == {"completed"}
    assert depends["metrics"] == depends["charts"] == {"extract"}
    assert {"metrics", "charts"} <= depends["report"]


def test_directors_passed_the_tasks_to_the_specialists(main_job: MainJob) -> None:
    paths = {task["key"]: task["path"] for task in main_job.view["tasks"]}

    assert paths["request"] == ["NOVA_001", "MM_001"]
    assert paths["extract"] == ["MM_001", "DIR_FINANCE", "FIN_007"]
    assert paths["metrics"] == ["MM_001", "DIR_ANALYTICS", "ANA_003"]
    assert paths["charts"][-1] == "ANA_007"
    assert paths["report"][-1] == "FIN_007"


def test_independent_tasks_ran_at_the_same_time(main_job: MainJob) -> None:
    first, last = {}, {}
    for key in ("metrics", "charts"):
        chain = main_job.hansard.document("why", main_job.task(key)["task_id"])["chain"]
        first[key] = min(link["position"] for link in chain if link["type"] == "task.tool_called")
        last[key] = max(link["position"] for link in chain if link["type"] == "task.tool_answered")

    assert first["metrics"] < last["charts"]
    assert first["charts"] < last["metrics"]


def test_every_specialist_used_real_tools(main_job: MainJob) -> None:
    for key in PLAN:
        task = main_job.task(key)
        assert task["model_calls"] >= 2
        assert task["tool_calls"] >= 1
