"""Checking: everything that can be wrong with a roster, in words that say what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from infrastructure.roster.entries import RosterEntry, entry_at, listed
from infrastructure.yaml_files.complaints import Fault, Say, complain, unknown_key, where
from infrastructure.yaml_files.document import Place, YamlDocument


def check_entry(document: YamlDocument, known_tools: Collection[str] | None) -> RosterEntry | None:
    """Read a roster out of a document; None when its problems, which are noted, allow none.

    Args:
        known_tools: names of the tools there are; None takes every name.
    """
    entry = None
    try:
        entry = RosterEntry.model_validate(document.data, context={"known_tools": known_tools})
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _complain(document, detail)
    _check_handles(document)
    _check_grants(document)
    return None if document.problems else entry


def _complain(document: YamlDocument, detail: Mapping[str, Any]) -> None:
    place: Place = tuple(step for step in detail["loc"] if step != "[key]")
    complain(document, detail, place, MESSAGES, "the roster")


def _mismatched(fault: Fault) -> str:
    if fault.name == "id":
        return (
            f"{fault.value!r} is no handle; use 2 to 32 capital letters, digits and underscores,"
            " the first a letter, as in FIN_007"
        )
    return (
        f"{fault.value!r} is no key of a department; use small letters, digits and underscores,"
        " the first a letter"
    )


def _wrong_level(fault: Fault) -> str:
    expected = fault.context["expected"]
    return f"{where(fault.place[:-1], fault.whole)} has the level {expected}, not {fault.value!r}"


def _no_level(fault: Fault) -> str:
    return f"{fault.value!r} is no level; the levels are {fault.context['expected']}"


def _unknown_key(fault: Fault) -> str:
    return unknown_key(fault, entry_at(fault.place[:-1]).model_fields)


MESSAGES: Mapping[str, Say] = {
    "extra_forbidden": _unknown_key,
    "literal_error": _wrong_level,
    "enum": _no_level,
    "string_pattern_mismatch": _mismatched,
}
"""What to say, by pydantic's name of the fault, where the usual words do not do."""


def _agents(document: YamlDocument) -> Iterator[Place]:
    yield ("personal_agent",)
    yield ("orchestrator",)
    departments = document.at(("departments",))
    for key in departments if isinstance(departments, dict) else ():
        yield ("departments", key, "director")
        specialists = document.at(("departments", key, "specialists"))
        for index in range(len(specialists) if isinstance(specialists, list) else 0):
            yield ("departments", key, "specialists", index)


def _check_handles(document: YamlDocument) -> None:
    first: dict[str, int] = {}
    for agent in _agents(document):
        path = (*agent, "id")
        handle = document.at(path)
        if not isinstance(handle, str):
            continue
        line = document.values[path][0]
        if handle in first:
            document.complain(
                path,
                f"the id {handle!r} is taken by the agent on line {first[handle]};"
                " give each agent its own",
            )
        first.setdefault(handle, line)


def _check_grants(document: YamlDocument) -> None:
    departments = document.at(("departments",))
    skills = {
        skill for agent in _agents(document) for skill in _words(document.at((*agent, "skills")))
    }
    grants = document.at(("grants",))
    for index in range(len(grants) if isinstance(grants, list) else 0):
        path: Place = ("grants", index)
        keys = departments if isinstance(departments, dict) else {}
        _check_names(document, (*path, "departments"), "department", keys)
        _check_names(document, (*path, "skills"), "skill", skills)
        grant = document.at(path)
        if isinstance(grant, dict) and not grant.get("skills") and not grant.get("departments"):
            document.complain(path, "the grant reaches nobody; give it 'skills' or 'departments'")


def _check_names(document: YamlDocument, path: Place, kind: str, known: Collection[str]) -> None:
    for index, name in enumerate(_words(document.at(path))):
        if name not in known:
            close = get_close_matches(name, known, n=1)
            advice = f"did you mean {close[0]!r}?" if close else _advice(kind, known)
            document.complain((*path, index), f"unknown {kind} {name!r}; {advice}")


def _advice(kind: str, known: Collection[str]) -> str:
    if kind == "skill":
        return "no agent of this roster has it"
    return f"the departments are {listed(known)}" if known else "the roster has no department"


def _words(part: Any) -> list[str]:
    return [word for word in part if isinstance(word, str)] if isinstance(part, list) else []
