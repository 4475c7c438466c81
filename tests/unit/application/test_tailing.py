"""Tailing: any event can be shown in one line, and types are chosen by patterns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.errors import BadRequestError
from application.tailing import AGGREGATES, choose_types, event_types, event_view, one_line
from domain.event import Envelope, RecordedEvent
from tests.support import event_values
from tests.support.event_values import event_classes, events_of

TOPICS = sorted(kind.TOPIC for kind in event_classes())
EVENT_ID = UUID("01999999-0000-7000-8000-000000000001")
SESSION = UUID("01999999-0000-7000-8000-000000000002")
RECORDED = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)


def test_all_types_of_events_are_known() -> None:
    assert set(AGGREGATES) == set(event_values.AGGREGATES)
    assert list(event_types()) == TOPICS


@pytest.mark.parametrize("event_class", list(event_classes()), ids=lambda kind: kind.TOPIC)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_an_event_says_is_one_line(event_class: Any, data: st.DataObject) -> None:
    event = data.draw(events_of(event_class))
    envelope = Envelope(event_id=EVENT_ID, actor="USER", correlation_id=SESSION, session_id=SESSION)
    recorded = RecordedEvent(7, RECORDED, envelope, event)

    view = event_view(recorded, full=True)

    assert len(view.text.splitlines()) <= 1
    assert len(view.text) <= 300
    assert view.payload is not None
    assert type(view).model_validate_json(view.model_dump_json()) == view
    assert event_view(recorded) == view.model_copy(update={"payload": None})
    assert (view.position, view.recorded_at, view.event_id) == (7, RECORDED, EVENT_ID)
    assert (view.type, view.session_id, view.actor) == (event_class.TOPIC, SESSION, "USER")
    assert (view.stream, view.version) == (event.originator_id, event.originator_version)
    assert view.occurred_at == event.timestamp


def test_a_type_that_nobody_has_described_is_shown_as_it_is() -> None:
    class Unheard:
        def __init__(self) -> None:
            self.timestamp = RECORDED
            self.words = "a\nb"
            self.number = 3

    assert one_line(Unheard()) == '{"words":"a\\nb","number":3}'


def test_no_pattern_chooses_nothing_in_particular() -> None:
    assert choose_types([]) == ()


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["task.completed"], ["task.completed"]),
        ([" Task.Completed "], ["task.completed"]),
        (["task.completed", "task.comp*"], ["task.completed"]),
        (["*.completed"], ["session.completed", "task.completed"]),
        (["task.*"], [name for name in TOPICS if name.startswith("task.")]),
        (["*"], TOPICS),
        (["task.f?iled"], ["task.failed"]),
    ],
)
def test_patterns_choose_types(patterns: list[str], expected: list[str]) -> None:
    assert list(choose_types(patterns)) == expected


@pytest.mark.parametrize(
    ("pattern", "advice"),
    [
        ("task.delegate", "near it are task.delegated"),
        ("delegated", "near it are task.delegated"),
        ("tasks.*", "there are agent.*"),
        ("zzz.*", "there are agent.*, "),
        ("", "there are agent.*"),
    ],
)
def test_an_unknown_type_is_refused_with_near_ones(pattern: str, advice: str) -> None:
    with pytest.raises(BadRequestError) as refusal:
        choose_types(["task.completed", pattern])

    assert f"No event is of the type {pattern!r}; {advice}" in str(refusal.value)
