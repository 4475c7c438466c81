"""Checking: everything that can be wrong with a roster, in words that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from infrastructure.roster.document import Place, RosterDocument
from infrastructure.roster.entries import RosterEntry, entry_at, listed


def check_entry(document: RosterDocument, known_tools: Collection[str]) -> RosterEntry | None:
    """Read a roster out of a document; None when its problems, which are noted, allow none."""
    entry = None
    try:
        entry = RosterEntry.model_validate(document.data, context={"known_tools": known_tools})
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _complain(document, detail)
    _check_handles(document)
    _check_grants(document)
    return None if document.problems else entry


@dataclass(frozen=True, slots=True)
class Fault:
    """What pydantic found wrong.

    Attributes:
        place: path of the part, which is missing for `missing`.
        context: figures and names of the rule that was broken.
    """

    place: Place
    value: Any
    context: Mapping[str, Any]
    said: str

    @property
    def name(self) -> str:
        """Last word of the path."""
        return str(self.place[-1]) if self.place else "the roster"


def _complain(document: RosterDocument, detail: Mapping[str, Any]) -> None:
    kind: str = detail["type"]
    at_key = kind == "extra_forbidden" or detail["loc"][-1:] == ("[key]",)
    place: Place = tuple(step for step in detail["loc"] if step != "[key]")
    fault = Fault(place, detail["input"], detail.get("ctx", {}), detail["msg"])
    document.complain(place, MESSAGES.get(kind, _other)(fault), at_key=at_key)


def _missing(fault: Fault) -> str:
    return f"{_where(fault.place[:-1])} has no {fault.name!r}; add it"


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
    return f"{_where(fault.place[:-1])} has the level {expected}, not {fault.value!r}"


def _no_level(fault: Fault) -> str:
    return f"{fault.value!r} is no level; the levels are {fault.context['expected']}"


def _empty(fault: Fault) -> str:
    return f"{_where(fault.place)} is empty; fill it in"


def _shaped(shape: str) -> Callable[[Fault], str]:
    return lambda fault: f"{_where(fault.place)} must be {shape}, not {_shown(fault.value)}"


def _other(fault: Fault) -> str:
    return f"{_where(fault.place)}: {fault.said}"


def _unknown_key(fault: Fault) -> str:
    keys = entry_at(fault.place[:-1]).model_fields
    close = get_close_matches(fault.name, keys, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"the keys here are {listed(keys)}"
    return f"unknown key {fault.name!r}; {advice}"


def _where(path: Place) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return repr(text) if text else "the roster"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return repr(value if len(str(value)) <= 40 else f"{str(value)[:40]}...")  # noqa: PLR2004 - fits a line


MESSAGES: Mapping[str, Callable[[Fault], str]] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "value_error": lambda fault: str(fault.context["error"]),
    "literal_error": _wrong_level,
    "enum": _no_level,
    "string_pattern_mismatch": _mismatched,
    "string_too_short": _empty,
    "too_short": _empty,
    "tuple_type": _shaped("a list"),
    "dict_type": _shaped("a mapping of keys to values"),
    "model_type": _shaped("a mapping of keys to values"),
    "string_type": _shaped("text"),
    "int_type": _shaped("a whole number"),
    "int_parsing": _shaped("a whole number"),
}
"""What to say, by pydantic's name of the fault."""


def _agents(document: RosterDocument) -> Iterator[Place]:
    yield ("personal_agent",)
    yield ("orchestrator",)
    departments = document.at(("departments",))
    for key in departments if isinstance(departments, dict) else ():
        yield ("departments", key, "director")
        specialists = document.at(("departments", key, "specialists"))
        for index in range(len(specialists) if isinstance(specialists, list) else 0):
            yield ("departments", key, "specialists", index)


def _check_handles(document: RosterDocument) -> None:
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


def _check_grants(document: RosterDocument) -> None:
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


def _check_names(document: RosterDocument, path: Place, kind: str, known: Collection[str]) -> None:
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
