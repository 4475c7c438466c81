"""Inputs of a workflow: what is given for one run in place of what the workflow says itself."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from pydantic import JsonValue

from domain.errors import DomainError
from domain.template import fill_text
from domain.workflow import INPUT, Workflow


class InputError(DomainError):
    """An input of a workflow is missing, or there is none of that name."""


def bind(workflow: Workflow, given: Mapping[str, JsonValue]) -> Workflow:
    """Put inputs in place of a workflow's own, and into its goal.

    Raises:
        InputError: an input is not known, or one without a value of its own is not given.
    """
    for name in given:
        if name not in workflow.inputs:
            raise InputError(
                f"The workflow {workflow.name!r} has no input {name!r}; {_known(name, workflow)}"
            )
    inputs = {**workflow.inputs, **given}
    missing = [name for name, value in inputs.items() if value is None]
    if missing:
        named = ", ".join(map(repr, missing))
        raise InputError(
            f"The workflow {workflow.name!r} needs a value for {named}; say it, on the command"
            f" line by --set {missing[0]}=..."
        )
    goal = workflow.goal and fill_text(workflow.goal, {INPUT: inputs})
    return workflow.model_copy(update={"inputs": inputs, "goal": goal})


def _known(name: str, workflow: Workflow) -> str:
    close = get_close_matches(name, workflow.inputs, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    known = ", ".join(workflow.inputs)
    return f"its inputs are {known}." if known else "it has none."
