"""Inputs of a workflow are bound before it runs."""

from __future__ import annotations

import pytest

from domain import patterns as p
from domain.workflow_inputs import InputError, bind

WORKFLOW = p.workflow(
    "w",
    p.chain(p.task("a", "Do.", agent="A_1")),
    goal="Report on {{input.quarter}} of {{input.year}}",
    inputs={"quarter": None, "year": 2026},
)


def test_given_values_take_the_place_of_the_workflows_own_and_fill_its_goal() -> None:
    bound = bind(WORKFLOW, {"quarter": "Q4"})
    assert bound.inputs == {"quarter": "Q4", "year": 2026}
    assert bound.goal == "Report on Q4 of 2026"
    assert bind(bound, {}) == bound


def test_an_input_without_a_value_must_be_given() -> None:
    with pytest.raises(InputError, match=r"needs a value for 'quarter'; .* --set quarter=\.\.\."):
        bind(WORKFLOW, {})


def test_an_unknown_input_is_refused() -> None:
    with pytest.raises(InputError, match=r"has no input 'quater'; did you mean 'quarter'\?"):
        bind(WORKFLOW, {"quater": "Q4"})
    with pytest.raises(InputError, match="its inputs are quarter, year"):
        bind(WORKFLOW, {"x": 1})
