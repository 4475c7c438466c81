"""Complaints: what pydantic finds wrong with a document, in words that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from infrastructure.yaml_files.document import Place, YamlDocument

LONGEST = 40
"""Characters of a value that fit into a line."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What pydantic found wrong.

    Attributes:
        place: path of the part, which is missing for `missing`.
        context: figures and names of the rule that was broken.
        whole: what the document is called.
    """

    place: Place
    value: Any
    context: Mapping[str, Any]
    said: str
    whole: str = "the file"

    @property
    def name(self) -> str:
        """Last word of the path."""
        return str(self.place[-1]) if self.place else self.whole


Say = Callable[[Fault], str]


def complain(
    document: YamlDocument,
    detail: Mapping[str, Any],
    place: Place,
    say: Mapping[str, Say],
    whole: str,
) -> None:
    """Note what pydantic found wrong, in words of ours.

    Args:
        detail: one of the errors of a `ValidationError`.
        place: where it stands in the document.
        say: what to say by pydantic's name of the fault, where `MESSAGES` does not do.
        whole: what the document is called.
    """
    kind: str = detail["type"]
    fault = Fault(place, detail["input"], detail.get("ctx", {}), detail["msg"], whole)
    message = (say.get(kind) or MESSAGES.get(kind) or _other)(fault)
    at_key = kind == "extra_forbidden" or detail["loc"][-1:] == ("[key]",)
    document.complain(place, message, at_key=at_key)


def unknown_key(fault: Fault, keys: Iterable[str]) -> str:
    """Say that a key is not known."""
    known = list(keys)
    close = get_close_matches(fault.name, known, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"the keys here are {listed(known)}"
    return f"unknown key {fault.name!r}; {advice}"


def listed(names: Iterable[str]) -> str:
    """List names for a sentence."""
    return ", ".join(sorted(names))


def where(path: Place, whole: str) -> str:
    """Say a path."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return repr(text) if text else whole


def _missing(fault: Fault) -> str:
    return f"{where(fault.place[:-1], fault.whole)} has no {fault.name!r}; add it"


def _empty(fault: Fault) -> str:
    return f"{where(fault.place, fault.whole)} is empty; fill it in"


def _shaped(shape: str) -> Say:
    return lambda fault: (
        f"{where(fault.place, fault.whole)} must be {shape}, not {_shown(fault.value)}"
    )


def _choice(fault: Fault) -> str:
    expected = fault.context["expected"]
    return f"{where(fault.place, fault.whole)} must be {expected}, not {_shown(fault.value)}"


def _other(fault: Fault) -> str:
    return f"{where(fault.place, fault.whole)}: {fault.said}"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return repr(value if len(str(value)) <= LONGEST else f"{str(value)[:LONGEST]}...")


MESSAGES: Mapping[str, Say] = {
    "missing": _missing,
    "value_error": lambda fault: str(fault.context["error"]),
    "enum": _choice,
    "literal_error": _choice,
    "string_too_short": _empty,
    "too_short": _empty,
    "tuple_type": _shaped("a list"),
    "dict_type": _shaped("a mapping of keys to values"),
    "model_type": _shaped("a mapping of keys to values"),
    "model_attributes_type": _shaped("a mapping of keys to values"),
    "string_type": _shaped("text"),
    "int_type": _shaped("a whole number"),
    "int_parsing": _shaped("a whole number"),
    "int_from_float": _shaped("a whole number"),
    "bool_type": _shaped("true or false"),
    "bool_parsing": _shaped("true or false"),
}
"""What to say, by pydantic's name of the fault."""
