"""Filling: what the templates of a workflow become once the results they refer to are there."""

from __future__ import annotations

from typing import cast

from pydantic import JsonValue

from application.fold import SessionFold
from application.json_schema import misfits
from application.orchestration.procedures import surrounding, terms_of
from domain.task import Result, Task
from domain.template import UnfilledError, fill, fill_text
from domain.workflow import INPUT, REQUEST, Planning, Terms


class FillingError(Exception):
    """A template cannot be filled in, or what comes out does not fit; the message says why."""


def filled_arguments(task: Task, fold: SessionFold) -> dict[str, JsonValue]:
    """Fill in the arguments of a task and hold them against its input schema.

    Raises:
        FillingError: a reference has no value, or the arguments do not fit.
    """
    terms = terms_of(task, fold)
    if not terms.arguments and terms.input_schema is None:
        return {}
    try:
        filled = cast("dict[str, JsonValue]", fill(terms.arguments, _values(task, fold)))
    except UnfilledError as error:
        raise FillingError(f"Task {task.assignment.key!r} cannot begin: {error}") from error
    if terms.input_schema is not None:
        wrong = misfits(terms.input_schema, filled)
        if wrong:
            raise FillingError(
                f"The arguments of task {task.assignment.key!r} do not fit its input schema:"
                f" {'; '.join(wrong)}."
            )
    return filled


def filled_terms(task: Task, fold: SessionFold) -> Terms:
    """Give the terms of a task with their arguments and instructions filled in.

    Raises:
        FillingError: see `filled_arguments`.
    """
    terms = terms_of(task, fold)
    if not terms.arguments and terms.input_schema is None and "{{" not in terms.instructions:
        return terms
    arguments = filled_arguments(task, fold)
    instructions = _text(terms.instructions, task, fold)
    return terms.model_copy(update={"arguments": arguments, "instructions": instructions})


def filled_instruction(task: Task, fold: SessionFold) -> str:
    """Give the instruction of a task, filled in where the author of a workflow wrote it.

    What a model or a user wrote is never a template.

    Raises:
        FillingError: see `filled_arguments`.
    """
    instruction = task.assignment.instruction
    parent_id = task.assignment.parent_id
    if parent_id is None or surrounding(task, fold).planning is not Planning.GIVEN:
        return instruction
    given = {planned.key for planned in surrounding(task, fold).tasks}
    return _text(instruction, task, fold) if task.assignment.key in given else instruction


def check_filling(task: Task, fold: SessionFold) -> str | None:
    """Say why a task cannot begin, although all it waits for is there; None when it can."""
    try:
        filled_terms(task, fold)
        filled_instruction(task, fold)
    except FillingError as error:
        return str(error)
    return None


def _text(template: str, task: Task, fold: SessionFold) -> str:
    if "{{" not in template:
        return template
    try:
        return fill_text(template, _values(task, fold))
    except UnfilledError as error:
        raise FillingError(f"Task {task.assignment.key!r} cannot begin: {error}") from error


def _values(task: Task, fold: SessionFold) -> dict[str, JsonValue]:
    """Gather what references may name; a nested task also sees what those around it depend on."""
    values: dict[str, JsonValue] = {}
    around: Task | None = task
    while around is not None:
        for task_id in around.assignment.depends_on:
            needed = fold.task(task_id)
            if needed.result is not None:
                values.setdefault(needed.assignment.key, _value_of(needed.result))
        parent_id = around.assignment.parent_id
        around = None if parent_id is None else fold.task(parent_id)
    charter = fold.session.charter
    values[INPUT] = dict(charter.workflow.inputs) if charter.workflow else {}
    values[REQUEST] = charter.request
    return values


def _value_of(result: Result) -> dict[str, JsonValue]:
    return {
        "summary": result.summary,
        "data": dict(result.data),
        "artefacts": [artefact.path for artefact in result.artefacts],
    }
