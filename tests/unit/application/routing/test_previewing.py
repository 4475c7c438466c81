"""Previewing: what strategies would decide, with nobody asked and nothing recorded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import pytest

from application.errors import BadRequestError, NotFoundError
from application.routing.gathering import EvidenceSources, Gatherer
from application.routing.previewing import RouteView, preview
from application.routing.reading import read_routing
from domain.policy import STANDARD
from domain.routing import TrackRecord
from tests.support.office import packaged_directory
from tests.support.routing import FixedRecords, ScriptedSimilarity

SOURCES = EvidenceSources(
    lambda: ScriptedSimilarity("charts"), FixedRecords({"ANA_007": TrackRecord(9, 0)})
)


def ready(weights: Mapping[str, float]) -> Gatherer:
    return SOURCES.ready(weights.keys(), 9)


def previewed(
    request: str,
    routing: str | Mapping[str, float] | None = None,
    *skills: str,
    department: str | None = None,
) -> RouteView:
    return preview(
        packaged_directory(),
        ready,
        request,
        routing=routing,
        skills=skills,
        department=department,
        policy=STANDARD,
        decision_id=UUID(int=7),
        at=datetime(2026, 10, 3, tzinfo=UTC),
    )


def test_all_specialists_are_scored_and_the_parts_are_shown() -> None:
    view = previewed("Draw charts", {"rules": 0.6, "similarity": 0.3, "track_record": 0.1})

    assert view.decision.chosen == "ANA_007"
    assert len(view.decision.candidates) == 103
    assert view.skills == ("charts",)  # the request names it
    assert view.decision.candidates[0].facts == {
        "similarity": 0.52,
        "completed": 9.0,
        "failed": 0.0,
    }
    assert view.left_out == ()


def test_within_a_department_it_is_decided_as_its_director_would() -> None:
    view = previewed("Sum it up", "rules", "metrics", department="analytics")

    assert view.decision.chosen == "ANA_003"
    assert len(view.decision.candidates) == 7


def test_strategies_that_ask_models_are_left_out_and_named() -> None:
    view = previewed("Draw charts", {"rules": 0.5, "model": 0.25, "auction": 0.25})

    assert view.left_out == ("model", "auction")
    assert view.decision.strategy == "rules"


@pytest.mark.parametrize("routing", ["model", "auction", {"model": 1, "auction": 2}])
def test_nothing_is_decided_where_only_models_could_say(
    routing: str | Mapping[str, float],
) -> None:
    with pytest.raises(BadRequestError, match="asks models"):
        previewed("Draw charts", routing)


def test_an_unknown_department_is_named() -> None:
    with pytest.raises(NotFoundError, match="No department 'alchemy' is known"):
        previewed("Draw charts", "rules", department="alchemy")


@pytest.mark.parametrize(
    ("text", "routing"),
    [
        ("similarity", "similarity"),
        ("rules:0.6, similarity:0.4", {"rules": 0.6, "similarity": 0.4}),
        ("rules:1", {"rules": 1.0}),
        ({"rules": 2}, {"rules": 2}),
    ],
)
def test_a_choice_of_strategies_can_be_written_in_one_line(
    text: str | Mapping[str, float], routing: str | dict[str, float]
) -> None:
    assert read_routing(text) == routing


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules,similarity", "'rules' is no strategy with its weight"),
        ("rules:much", "'rules:much' is no strategy with its weight"),
        ("rules:0", "The weight of 'rules' is 0.0"),
        ("luck", "no routing strategy 'luck'"),
        ("", "No strategy is weighed"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        read_routing(text)
