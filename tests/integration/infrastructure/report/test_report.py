"""A report on a busy history: every section has something to show, and says what it must."""

from __future__ import annotations

import re

from infrastructure.report import render
from infrastructure.report.gathering import ReportView

SECTIONS = (
    "sessions",
    "cost",
    "agents",
    "models",
    "decisions",
    "messages",
    "errors",
    "situation",
    "forecast",
)


def test_every_section_is_there_and_has_something_to_show(view: ReportView) -> None:
    page = render(view)

    assert re.findall(r'<section id="(\w+)"', page) == list(SECTIONS)
    for part in page.split("<section ")[1:]:
        assert "<table>" in part


def test_forecasts_stand_with_their_interval_and_error(view: ReportView) -> None:
    page = render(view)

    forecast = page.partition('<section id="forecast"')[2]
    assert forecast.count("<svg") == len(view.forecasts)
    for each in view.forecasts:
        found = each.items[0].forecast
        assert found is not None
        assert f"Method: {found.method}." in forecast
        assert f"{found.made.wape:.1%}, of the seasonal naive method" in forecast


def test_the_same_figures_give_the_same_page(view: ReportView) -> None:
    assert render(view) == render(view)


def test_figures_of_all_parts_agree(view: ReportView) -> None:
    by_department = sum(row.cost_usd or 0 for row in view.usage_departments)
    by_model = sum(row.cost_usd or 0 for row in view.usage_models)
    by_day = sum(row.cost_usd or 0 for row in view.usage_days)

    assert view.summary.cost_usd == by_department == by_model == by_day
    assert sum(row.decisions for row in view.strategies) == view.summary.delegations + sum(
        row.unplaced for row in view.strategies
    )
    assert view.situation.position == view.position
    assert {each.position for each in view.forecasts} == {view.position}
