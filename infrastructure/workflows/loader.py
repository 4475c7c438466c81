"""Loader: a workflow file in, the workflow it describes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, JsonValue, ValidationError

from domain.guardrail import Guardrail
from domain.workflow import Workflow
from domain.workflow_rules import Surroundings, faults_of
from infrastructure.workflows import entries as given
from infrastructure.workflows.building import build
from infrastructure.workflows.places import Places
from infrastructure.yaml_files.complaints import Fault, Say, complain, unknown_key, where
from infrastructure.yaml_files.document import Limits, Place, YamlDocument, read_document
from infrastructure.yaml_files.problems import YamlFileError

EXAMPLES = Path(__file__).parent / "examples"
LIMITS = Limits(max_bytes=500_000, max_depth=40, typed=True)


class WorkflowFileError(YamlFileError):
    """The workflow file cannot be used."""

    KIND = "workflow file"
    START = "one that `hansard workflow list` names"


def load_workflow(path: Path, around: Surroundings | None = None) -> Workflow:
    """Read a workflow.

    Args:
        around: what it may name; without it, only its shape is checked.

    Raises:
        WorkflowFileError: the file cannot be used; it lists every problem with line and column.
    """
    document = read_document(path, WorkflowFileError, LIMITS)
    entry = _read(document)
    if entry is None or document.problems:
        raise WorkflowFileError(path, document.problems)
    workflow = build(entry)
    if around is not None:
        places = Places(entry)
        for fault in faults_of(workflow, around):
            document.complain(places.find(fault.place), fault.message)
    if document.problems:
        raise WorkflowFileError(path, document.problems)
    return workflow


def packaged_workflows() -> Mapping[str, Path]:
    """Give the files of the workflows that come along, by name, in order."""
    return {path.stem: path for path in sorted(EXAMPLES.glob("*.yaml"))}


def workflow_file(file: Path) -> Path:
    """Find a workflow file, or the packaged one of that name where there is no such file."""
    return file if file.exists() else packaged_workflows().get(str(file), file)


def workflow_schema() -> dict[str, JsonValue]:
    """Give the JSON Schema (draft 2020-12) of workflow files."""
    schema: dict[str, JsonValue] = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return schema | given.WorkflowEntry.model_json_schema()


def _read(document: YamlDocument) -> given.WorkflowEntry | None:
    try:
        return given.WorkflowEntry.model_validate(document.data)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            if detail["type"] == "too_short" and detail["input"]:
                continue  # what is in it is wrong, and is told on its own
            place = tuple(_in_file(detail["loc"]))
            complain(document, detail, place, MESSAGES, "the workflow")
    return None


def _in_file(loc: tuple[str | int, ...]) -> Iterator[str | int]:
    """Leave out of a path what pydantic adds: the pattern of a procedure, and marks of keys."""
    before: str | int | None = None
    for step in loc:
        if not (before == "procedure" and step in given.PATTERNS) and step != "[key]":
            yield step
        before = step


def _entry_at(place: Place) -> type[BaseModel] | None:
    """Tell which kind of entry stands at a path, where that does not depend on the pattern."""
    if not place:
        return given.WorkflowEntry
    named = [step for step in place if isinstance(step, str)]
    kinds: dict[str, type[BaseModel]] = {
        "tasks": given.SpreadTaskEntry,
        "roles": given.RoleEntry,
        "task": given.TaskEntry,
        "work": given.TermsEntry,
        "stages": given.StageEntry,
        "guardrails": Guardrail,
    }
    return kinds.get(named[-1])


def _unknown_key(fault: Fault) -> str:
    kind = _entry_at(fault.place[:-1])
    if kind is None:
        return unknown_key(
            fault, {name for each in given.PATTERNS.values() for name in each.model_fields}
        )
    return unknown_key(fault, kind.model_fields)


def _pattern(fault: Fault) -> str:
    known = ", ".join(given.PATTERNS)
    tag: Any = fault.context.get("tag")
    return f"unknown pattern {tag!r}; the patterns are {known}"


def _no_pattern(fault: Fault) -> str:
    known = ", ".join(given.PATTERNS)
    return f"{where(fault.place, fault.whole)} names no pattern; add 'pattern', one of {known}"


def _mismatched(fault: Fault) -> str:
    return (
        f"{fault.value!r} cannot be a name here; use small letters, digits and underscores,"
        " the first a letter"
    )


MESSAGES: Mapping[str, Say] = {
    "extra_forbidden": _unknown_key,
    "union_tag_invalid": _pattern,
    "union_tag_not_found": _no_pattern,
    "string_pattern_mismatch": _mismatched,
}
"""What to say, by pydantic's name of the fault, where the usual words do not do."""
