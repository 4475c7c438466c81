"""Faults: what can be wrong with a workflow, where, and what it is held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from pydantic import JsonValue

from domain.errors import DomainError
from domain.guardrail import Guardrail, check_guardrail
from domain.planning import PlannedTask
from domain.template import Reference, references_in
from domain.workflow import INPUT, REQUEST, Procedure

PARTS = ("summary", "data", "artefacts")
"""What references may name of a result."""

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a workflow.

    Attributes:
        place: path of the part, by fields, keys and indexes, from the workflow on.
        message: one sentence without its full stop: what is wrong, and what to do.
    """

    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a workflow may name.

    Attributes:
        agents: tools that each active agent may use, by its handle.
        departments: keys of the departments.
        tools: names of the tools.
        schema_problem: says what is wrong with a JSON Schema, None when nothing is.
        misfits: says where a value does not fit a schema that has no problem.
        check_guardrail: raises `GuardrailError` where one cannot be used.
    """

    agents: Mapping[str, Collection[str]]
    departments: Collection[str]
    tools: Collection[str]
    schema_problem: Callable[[dict[str, JsonValue]], str | None] = lambda _: None
    misfits: Callable[[dict[str, JsonValue], JsonValue], Sequence[str]] = lambda _, __: ()
    check_guardrail: Callable[[Guardrail], None] = check_guardrail


class WorkflowError(DomainError):
    """The workflow breaks a rule.

    Attributes:
        faults: everything that is wrong.
    """

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        lines = [f"The workflow {name!r} cannot be used:"]
        lines += [f"  {said_place(fault.place)}: {fault.message}" for fault in faults]
        super().__init__("\n".join(lines))


def said_place(place: Place) -> str:
    """Say a place as a path, for example `tasks[2].depends_on`."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "the workflow"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a part of a workflow may name: its inputs, and results of tasks around it."""

    around: Surroundings
    procedures: Mapping[str, Procedure]
    inputs: frozenset[str]
    keys: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()

    def within(self, task: PlannedTask | None, name: str) -> Scope:
        """Go into a procedure by which a task is done."""
        keys = self.keys.union(task.depends_on if task else ())
        return replace(self, keys=keys, names=(*self.names, name))


def reference_faults(
    template: JsonValue, keys: Collection[str], scope: Scope, *, request: bool = True
) -> Iterator[str]:
    """Say which references of a template name nothing that they may name."""
    for reference in dict.fromkeys(references_in(template)):
        message = _reference_fault(reference, keys, scope, request=request)
        if message is not None:
            yield message


def _reference_fault(
    reference: Reference, keys: Collection[str], scope: Scope, *, request: bool
) -> str | None:
    if not reference.valid:
        return (
            f"{reference} is no reference; write it as {{{{task.data.name}}}} or"
            f" {{{{input.name}}}}, and \\{{{{ for braces that are none"
        )
    first, *rest = reference.steps
    if first == REQUEST and request:
        return f"{reference} names a part of the request, which has none" if rest else None
    if first == INPUT:
        known = ", ".join(sorted(scope.inputs)) or "none"
        found = rest and rest[0] in scope.inputs
        message = f"{reference} names no input of the workflow; its inputs are: {known}"
        return None if found else message
    return _result_fault(reference, keys)


def _result_fault(reference: Reference, keys: Collection[str]) -> str | None:
    first, *rest = reference.steps
    if first not in keys:
        known = ", ".join(sorted(keys))
        means = f"it may name results of {known}" if keys else "it depends on no task"
        return f"{reference} names no task that this one depends on; {means}"
    if not rest or rest[0] not in PARTS:
        said = ", ".join(f"{{{{{first}.{part}}}}}" for part in PARTS)
        return f"{reference} names no part of a result; write one of {said}"
    return None


def unknown(name: str | None, kind: str, known: Collection[str], place: Place) -> Iterator[Fault]:
    """Say that a name is not among those that are known, if it is not."""
    if name is not None and name not in known:
        yield Fault(place, f"unknown {kind} {name!r}{advice(name, known)}")


def advice(name: str, known: Collection[str]) -> str:
    """Say what a name may have meant, or which names there are."""
    close = get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    few = 15
    return f"; there are {', '.join(sorted(known))}" if 0 < len(known) <= few else ""


def repeated(names: Sequence[str]) -> list[str]:
    """List the names that are there more than once."""
    return [name for name, count in Counter(names).items() if count > 1]
