"""Event schemas: no event changes its shape without a new version, and the check says what to do.

`tests/data/schemas` keeps the shape of each event type and schema version, and
`python -m tests.support.event_schemas --write` adds to it.
"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
from annotated_types import Ge

from domain.value import PERSONAL, NonEmptyText, Value, Words
from tests.support.event_schemas import (
    SCHEMAS,
    changes,
    explain,
    main,
    schema_of,
    version_of,
    write,
)
from tests.support.event_values import event_classes

EVENT_CLASSES = sorted(event_classes(), key=lambda event_class: str(event_class.TOPIC))
EXAMPLES = SCHEMAS.parent / "events"
STORED = {path.stem for path in SCHEMAS.iterdir()}


def named(event_class: Any) -> str:
    return str(event_class.TOPIC)


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=named)
def test_an_event_keeps_the_shape_that_its_version_was_stored_in(event_class: Any) -> None:
    explanation = explain(event_class)

    if explanation:
        pytest.fail(explanation, pytrace=False)


@pytest.mark.parametrize("event_class", EVENT_CLASSES, ids=named)
def test_an_event_is_brought_up_to_date_from_each_of_its_versions(event_class: Any) -> None:
    for version in range(1, version_of(event_class)):
        assert callable(getattr(event_class, f"upcast_v{version}_v{version + 1}", None))


def test_every_version_has_a_schema_and_an_example_and_none_was_dropped() -> None:
    versions = {
        f"{event_class.TOPIC}.v{version}"
        for event_class in EVENT_CLASSES
        for version in range(1, version_of(event_class) + 1)
    }

    assert versions == STORED == {path.stem for path in EXAMPLES.iterdir()}


def test_the_check_can_be_run_as_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out == ""


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class OneColour(StrEnum):
    RED = "red"


class MoreColours(StrEnum):
    RED = "red"
    BLUE = "blue"
    GREEN = "green"


class Label(Value):
    """What is written on a parcel."""

    title: str
    weight: Annotated[int, Ge(0)]
    colour: Colour = Colour.RED


class LabelInWords(Value):
    """The same, as erasure sees it; descriptions and marks do not count."""

    title: Words
    weight: Annotated[int, Ge(0), PERSONAL]
    colour: Colour = Colour.RED


class LabelWithNote(Label):
    note: str | None = None
    tags: tuple[str, ...] = ()


class LabelWithOwner(Label):
    owner: str


class LabelWithoutWeight(Value):
    title: str
    colour: Colour = Colour.RED


class LabelOfText(Value):
    title: str
    weight: str
    colour: Colour = Colour.RED


class LabelOfHeavy(Value):
    title: str
    weight: Annotated[int, Ge(1)]
    colour: Colour = Colour.RED


class LabelTitled(Value):
    title: NonEmptyText
    weight: Annotated[int, Ge(0)]
    colour: Colour = Colour.RED


class LabelOfOneColour(Value):
    title: str
    weight: Annotated[int, Ge(0)]
    colour: OneColour = OneColour.RED


class LabelOfMoreColours(Value):
    title: str
    weight: Annotated[int, Ge(0)]
    colour: MoreColours = MoreColours.RED


class LabelBlue(Value):
    title: str
    weight: Annotated[int, Ge(0)]
    colour: Colour = Colour.BLUE


class LabelColoured(Value):
    title: str
    weight: Annotated[int, Ge(0)]
    colour: Colour


def event_of(label: Any, version: int = 1, **more: Any) -> Any:
    """Make an event class that carries labels in every way there is."""
    hints = {
        "one": label,
        "many": tuple[label, ...],
        "named": dict[str, label],
        "perhaps": label | None,
        **more,
    }

    class Labelled:
        __qualname__ = "Parcel.Labelled"
        TOPIC: ClassVar[str] = "parcel.labelled"
        class_version: ClassVar[int] = version
        __annotations__ = hints
        __dataclass_fields__ = hints

    return Labelled


PLACES = ("one", "many[]", "named{}", "perhaps|0")
OLD = schema_of(event_of(Label))


@pytest.mark.parametrize(
    ("label", "saying"),
    [
        (LabelWithOwner, "owner: added, and events stored before do not have it"),
        (LabelWithoutWeight, "weight: removed"),
        (LabelOfText, 'weight: type was "integer", is "string"'),
        (LabelOfHeavy, "weight: minimum was 0, is 1"),
        (LabelTitled, "title: minLength was not given, is 1"),
        (LabelOfOneColour, "colour:"),
        (LabelOfMoreColours, 'colour: enum was ["red", "blue"], is ["red", "blue", "green"]'),
        (LabelBlue, 'colour: default was "red", is "blue"'),
        (LabelColoured, "colour: required now"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_change_that_stored_events_do_not_fit_is_found_wherever_it_is(
    label: Any, saying: str
) -> None:
    found = list(changes(OLD, schema_of(event_of(label))))

    for place in PLACES:
        assert any(str(each).startswith(f"payload.{place}.{saying}") for each in found), found
    assert not any(each.compatible for each in found)


def test_a_new_field_with_a_default_is_compatible_wherever_it_is() -> None:
    found = list(changes(OLD, schema_of(event_of(LabelWithNote))))

    assert {each.path for each in found} == {
        f"payload.{place}.{field}" for place in PLACES for field in ("note", "tags")
    }
    assert all(each.compatible for each in found)


@pytest.mark.parametrize("label", [Label, LabelInWords], ids=["itself", "in other words"])
def test_names_of_classes_descriptions_and_marks_of_erasure_change_nothing(label: Any) -> None:
    assert list(changes(OLD, schema_of(event_of(label)))) == []


def test_an_attribute_of_the_event_itself_has_no_default_and_needs_a_version() -> None:
    (change,) = changes(OLD, schema_of(event_of(Label, note=str | None)))

    assert (change.path, change.compatible) == ("payload.note", False)


def test_a_schema_that_is_not_stored_is_asked_for_and_stored(tmp_path: Path) -> None:
    event_class = event_of(Label)
    assert "The schema of 'parcel.labelled' v1 is not stored yet: run" in explain(
        event_class, tmp_path
    )

    assert write([event_class], tmp_path) == []

    assert [path.name for path in tmp_path.iterdir()] == ["parcel.labelled.v1.json"]
    assert explain(event_class, tmp_path) == ""


def test_a_compatible_change_is_asked_for_and_stored(tmp_path: Path) -> None:
    write([event_of(Label)], tmp_path)
    changed = event_of(LabelWithNote)
    assert "has new fields that old events may lack" in explain(changed, tmp_path)

    assert write([changed], tmp_path) == []

    assert explain(changed, tmp_path) == ""
    assert "payload.one.note: removed" in explain(event_of(Label), tmp_path)


def test_an_incompatible_change_is_refused_and_told_how_to_make(tmp_path: Path) -> None:
    write([event_of(Label)], tmp_path)
    stored = (tmp_path / "parcel.labelled.v1.json").read_bytes()

    (refusal,) = write([event_of(LabelWithoutWeight)], tmp_path)

    assert (tmp_path / "parcel.labelled.v1.json").read_bytes() == stored
    assert refusal == explain(event_of(LabelWithoutWeight), tmp_path)
    for part in (
        "The event 'parcel.labelled' v1 changed",
        "  - payload.one.weight: removed",
        "Parcel.Labelled: class_version = 2",
        "upcast_v1_v2(state)",
        "tests/data/events/parcel.labelled.v2.json",
        "python -m tests.support.event_schemas --write",
    ):
        assert part in refusal


def test_a_new_version_is_stored_beside_the_old_one(tmp_path: Path) -> None:
    write([event_of(Label)], tmp_path)

    assert write([event_of(LabelWithoutWeight, version=2)], tmp_path) == []

    assert {path.name: json.loads(path.read_text()) for path in tmp_path.iterdir()} == {
        "parcel.labelled.v1.json": OLD,
        "parcel.labelled.v2.json": schema_of(event_of(LabelWithoutWeight)),
    }
