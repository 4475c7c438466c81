"""Schemas are checked and obeyed; none is fetched, and no pattern takes for ever."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from application.json_schema import MAX_MISFITS, misfits, schema_problem

SCHEMA: dict[str, JsonValue] = {
    "type": "object",
    "properties": {"rows": {"type": "integer", "minimum": 1}},
    "required": ["rows"],
}


def test_a_value_that_fits_has_no_misfits() -> None:
    assert schema_problem(SCHEMA) is None
    assert misfits(SCHEMA, {"rows": 3}) == ()


def test_each_misfit_is_told_with_its_place() -> None:
    assert misfits(SCHEMA, {}) == ('"rows" is a required property',)
    assert misfits(SCHEMA, {"rows": 0}) == ("rows: 0 is less than the minimum of 1",)


def test_only_so_many_misfits_are_told() -> None:
    many: list[JsonValue] = ["x"] * 50
    assert len(misfits({"items": {"type": "integer"}}, many)) == MAX_MISFITS


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "objekt"}, '"objekt" is not valid'),
        ({"$ref": "https://example.invalid/schema"}, "Retrieval is disabled"),
        ({"$ref": "file:///etc/hostname"}, "Retrieval is disabled"),
        ({"$ref": "#/nowhere"}, "does not exist"),
        ({"pattern": "(?=x)"}, "regex"),
        ({"$schema": "https://example.invalid/"}, "Unknown meta-schema"),
    ],
)
def test_an_unusable_schema_is_told(schema: dict[str, JsonValue], said: str) -> None:
    problem = schema_problem(schema)
    assert problem is not None
    assert said in problem


def test_patterns_run_in_linear_time() -> None:
    assert misfits({"pattern": "^(a+)+$"}, "a" * 5_000 + "b") != ()
