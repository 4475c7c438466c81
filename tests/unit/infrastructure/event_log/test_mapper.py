"""EventMapper: every event survives its way into the log and back, byte by byte.

`tests/data/events` keeps one stored payload of each event type and schema version, named
`<type>.v<version>.json`. When an event changes, give its class the next `class_version` and an
upcast, leave the old file as it is, and add a file for the new version.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import StoredEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.effect import ToolAnswer
from domain.event import Envelope
from domain.task import Task
from infrastructure.event_log.errors import UnreadableEventError
from infrastructure.event_log.mapper import EnvelopedEvent, EventMapper
from tests.support.event_values import AGGREGATES, attribute_types, event_classes, events_of

EVENT_CLASSES = sorted(event_classes(), key=lambda event_class: event_class.TOPIC)
EXAMPLES = Path(__file__).parents[3] / "data" / "events"
STORED = sorted(EXAMPLES.iterdir())
NAME = re.compile(r"(?P<type>[a-z_]+\.[a-z_]+)\.v(?P<version>[1-9][0-9]*)\.json")
TOPICS = {aggregate.__name__: vars(aggregate)["TOPIC"] for aggregate in AGGREGATES}
PAST = (
    r"([a-z]+_)*(begun|chosen|dead|forgotten|founded|given_up|made|put|rewound|sent|taken"
    r"|written|[a-z]+ed)(_in_charge)?"
)
MAPPER = EventMapper()
AT = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)


def named(event_class: Any) -> str:
    return str(event_class.TOPIC)


def current_version(event_class: Any) -> int:
    return int(getattr(event_class, "class_version", 1))


def stored_example(path: Path) -> EnvelopedEvent:
    name = NAME.fullmatch(path.name)
    assert name is not None
    return EnvelopedEvent(
        originator_id=UUID(int=1),
        originator_version=1,
        topic=name["type"],
        state=path.read_bytes(),
        occurred_at=AT,
        schema_version=int(name["version"]),
    )


def test_every_aggregate_has_events() -> None:
    assert {named(it).partition(".")[0] for it in EVENT_CLASSES} == {
        vars(aggregate)["TOPIC"] for aggregate in AGGREGATES
    }


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=named)
def test_every_event_has_a_stable_name_of_its_aggregate_in_the_past_tense(event_class: Any) -> None:
    aggregate, _, happened = named(event_class).partition(".")

    assert aggregate == TOPICS[event_class.__qualname__.partition(".")[0]]
    assert re.fullmatch(PAST, happened)


def test_no_two_events_share_a_name() -> None:
    assert [name for name, count in Counter(map(named, EVENT_CLASSES)).items() if count > 1] == []


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=named)
@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_event_comes_back_equal_and_encodes_to_the_same_bytes(
    event_class: Any, data: st.DataObject
) -> None:
    event = data.draw(events_of(event_class))

    stored = MAPPER.to_stored_event(event)
    decoded = MAPPER.to_domain_event(stored)

    assert decoded == event
    assert type(decoded) is event_class
    assert MAPPER.to_stored_event(decoded).state == stored.state
    assert (stored.topic, stored.occurred_at) == (named(event_class), event.timestamp)


def tool_answered(content: Any) -> Any:
    event_class: Any = Task.ToolAnswered
    return event_class(
        originator_id=UUID(int=1),
        originator_version=1,
        timestamp=AT,
        effect_id=UUID(int=2),
        answer=ToolAnswer(content=content),
    )


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("\x00\u2028\U0001f600é\u200f", id="unusual characters"),
        pytest.param(10**1000, id="a number of a thousand digits"),
        pytest.param([-0.0, 5e-324, 1.7976931348623157e308], id="extreme floats"),
        pytest.param({"": {"": None}}, id="empty names"),
    ],
)
def test_unusual_content_comes_back_as_it_was(content: Any) -> None:
    event = tool_answered(content)

    assert MAPPER.to_domain_event(MAPPER.to_stored_event(event)) == event


def test_content_a_hundred_levels_deep_comes_back_as_it_was() -> None:
    content: Any = "deep"
    for _ in range(50):
        content = {"in": [content]}
    event = tool_answered(content)

    assert MAPPER.to_domain_event(MAPPER.to_stored_event(event)) == event


def test_a_payload_holds_what_happened_and_the_envelope_the_rest() -> None:
    envelope = Envelope(event_id=UUID(int=3), actor="FIN_007", correlation_id=UUID(int=4))

    stored = MAPPER.to_stored_event(tool_answered({"a": 1}), envelope)

    assert stored.envelope == envelope
    assert (stored.originator_id, stored.originator_version) == (UUID(int=1), 1)
    assert (stored.topic, stored.schema_version) == ("task.tool_answered", 1)
    assert stored.state == (
        b'{"effect_id":"00000000-0000-0000-0000-000000000002",'
        b'"answer":{"content":{"a":1},"artefacts":[],"duration_ms":0.0}}'
    )


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=named)
def test_every_event_has_a_stored_example_of_its_current_version(event_class: Any) -> None:
    name = f"{event_class.TOPIC}.v{current_version(event_class)}.json"

    assert EXAMPLES / name in STORED


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.name)
def test_a_stored_example_still_decodes(path: Path) -> None:
    event = MAPPER.to_domain_event(stored_example(path))

    own = {name for name in vars(event) if name in attribute_types(type(event))}
    assert own == set(attribute_types(type(event)))


CURRENT = [
    EXAMPLES / f"{event_class.TOPIC}.v{current_version(event_class)}.json"
    for event_class in EVENT_CLASSES
]


@pytest.mark.parametrize("path", CURRENT, ids=lambda path: path.name)
def test_an_example_of_the_current_version_encodes_to_the_same_bytes(path: Path) -> None:
    stored = stored_example(path)

    encoded = MAPPER.to_stored_event(MAPPER.to_domain_event(stored))

    assert encoded.state == stored.state
    assert encoded.schema_version == stored.schema_version


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.name)
def test_no_name_of_a_module_or_class_enters_the_log(path: Path) -> None:
    payload = path.read_text(encoding="utf-8")

    names = {event_class.__qualname__ for event_class in EVENT_CLASSES}
    modules = {"domain.", "application.", "infrastructure.", "eventsourcing", "__"}
    assert [name for name in names | modules if name in payload] == []


class Parcel(Aggregate):
    """An aggregate whose event has changed twice since the first was stored."""

    TOPIC = "parcel"

    class Created(Aggregate.Created):
        TOPIC = "parcel.posted"

    class Weighed(Aggregate.Event):
        TOPIC = "parcel.weighed"
        class_version = 3
        grams: int
        by: str

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            state["grams"] = state.pop("kilograms") * 1000

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            state["by"] = "unknown"


def weighed(state: bytes, version: int) -> EnvelopedEvent:
    return EnvelopedEvent(
        originator_id=UUID(int=1),
        originator_version=1,
        topic="parcel.weighed",
        state=state,
        occurred_at=AT,
        schema_version=version,
    )


@pytest.mark.parametrize(
    ("state", "version", "by"),
    [
        (b'{"kilograms":2}', 1, "unknown"),
        (b'{"grams":2000}', 2, "unknown"),
        (b'{"grams":2000,"by":"Ann"}', 3, "Ann"),
    ],
)
def test_an_old_payload_is_brought_up_to_date_step_by_step(
    state: bytes, version: int, by: str
) -> None:
    event: Any = MAPPER.to_domain_event(weighed(state, version))

    assert (event.grams, event.by) == (2000, by)


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (weighed(b"{}", 4), "its schema version is 4, known here up to 3; upgrade Hansard"),
        (weighed(b'{"grams":"many","by":"Ann"}', 3), "its payload does not fit"),
        (weighed(b'{"grams":1,"by":"Ann","colour":"red"}', 3), "its payload does not fit"),
        (weighed(b"not json", 2), "its payload does not fit"),
        (
            EnvelopedEvent(UUID(int=1), 1, "parcel.lost", b"{}", occurred_at=AT),
            "its type is unknown here; upgrade Hansard",
        ),
    ],
)
def test_an_event_that_cannot_be_read_says_which_and_why(stored: StoredEvent, reason: str) -> None:
    with pytest.raises(UnreadableEventError, match=reason) as caught:
        MAPPER.to_domain_event(stored)

    assert stored.topic in str(caught.value)
