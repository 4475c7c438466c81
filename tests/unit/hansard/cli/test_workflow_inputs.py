"""Inputs are typed on the command line as name=value."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from application.errors import BadRequestError
from hansard.cli.workflow_inputs import read_values

INPUTS: dict[str, JsonValue] = {"quarter": "Q4", "year": 2026, "any": None}


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("quarter=1", {"quarter": "1"}),
        ("quarter=a=b", {"quarter": "a=b"}),
        ("year=2027", {"year": 2027}),
        ("any=[1, true]", {"any": [1, True]}),
        ("any=plain text", {"any": "plain text"}),
        ("any=NaN", {"any": "NaN"}),
        ("any=", {"any": ""}),
    ],
)
def test_a_value_is_json_or_text(assignment: str, value: dict[str, JsonValue]) -> None:
    assert read_values([assignment], INPUTS) == value


@pytest.mark.parametrize("assignments", [["quarter"], ["=x"], ["year=1", "year=2"]])
def test_what_is_no_assignment_is_refused(assignments: list[str]) -> None:
    with pytest.raises(BadRequestError):
        read_values(assignments, INPUTS)
