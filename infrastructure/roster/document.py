"""Roster document: a YAML file as plain data, with the line and column of every part.

Every scalar is read as the text it is, so that a skill called `no` stays a skill called `no`.
Anchors, aliases and tags are refused: a roster needs none, and YAML bombs are made of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from infrastructure.roster.problems import Problem, RosterError

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # PyYAML without libyaml is fifteen times slower, and as safe
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

MAX_BYTES = 1_000_000
MAX_DEPTH = 12
PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "value", "merge")
)
NULL = "tag:yaml.org,2002:null"

Place: TypeAlias = tuple[str | int, ...]


@dataclass
class RosterDocument:
    """The data of a roster file and where each part stands.

    Attributes:
        keys: line and column of each key.
        values: line and column of each value.
    """

    data: Any = None
    keys: dict[Place, tuple[int, int]] = field(default_factory=dict)
    values: dict[Place, tuple[int, int]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def complain(self, path: Place, message: str, *, at_key: bool = False) -> None:
        """Note a problem at a part, or at the nearest part around it that stands in the file."""
        places = self.keys if at_key else self.values
        line, column = places.get(path) or self._around(path)
        self.problems.append(Problem(line, column, message))

    def at(self, path: Place) -> Any:
        """Get the part at a path; None when there is none."""
        part = self.data
        for step in path:
            try:
                part = part[step]
            except (KeyError, IndexError, TypeError):
                return None
        return part

    def _around(self, path: Place) -> tuple[int, int]:
        while path and path not in self.values:
            path = path[:-1]
        return self.keys.get(path) or self.values.get(path, (1, 1))


def read_document(path: Path) -> RosterDocument:
    """Read a YAML file.

    Raises:
        RosterError: it cannot be read, is too large, or is no YAML; or it uses what a roster may
            not use.
    """
    text = _read_text(path)
    document = RosterDocument()
    try:
        _check_structure(text, document)
        if document.problems:
            raise RosterError(path, document.problems)
        node = yaml.compose(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        raise RosterError(path, [_syntax_problem(error)]) from error
    except yaml.YAMLError as error:
        raise RosterError(path, [], f"it is no YAML ({str(error).splitlines()[0]})") from error
    if node is None:
        raise RosterError(path, [], "it is empty; start from a copy of the packaged roster")
    document.data = _plain(node, (), document)
    return document


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise RosterError(path, [], "there is no such file; check the path") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RosterError(path, [], f"it cannot be read ({reason})") from error
    if len(content) > MAX_BYTES:
        raise RosterError(path, [], f"it is larger than {MAX_BYTES:,} bytes; no roster needs that")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        message = f"byte 0x{content[error.start]:02X} is no UTF-8; save the file as UTF-8"
        raise RosterError(path, [Problem(line, column, message)]) from error


def _check_structure(text: str, document: RosterDocument) -> None:
    """Look at the events of the parser, which needs no recursion, before anything is built."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        for complaint in _complaints(event, depth, documents):
            line, column = _place(event.start_mark)
            document.problems.append(Problem(line, column, complaint))
        if depth > MAX_DEPTH or documents > 1:
            return


def _complaints(event: Any, depth: int, documents: int) -> Iterator[str]:
    if documents > 1:
        yield "a second document starts here; a roster is one document"
    if depth > MAX_DEPTH:
        yield f"nested more than {MAX_DEPTH} levels deep; no roster needs that"
    if isinstance(event, yaml.AliasEvent):
        yield f"the alias '*{event.anchor}' is not allowed; write the value out"
    elif getattr(event, "anchor", None):
        yield f"the anchor '&{event.anchor}' is not allowed; write values out"
    tag = getattr(event, "tag", None)
    if tag and tag not in PLAIN_TAGS and tag != "!":
        yield f"the tag {tag!r} is not allowed; remove it"


def _place(mark: Any) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def _syntax_problem(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = _place(mark)
    said = ", ".join(part for part in (error.context, error.problem) if part)
    return Problem(line, column, f"no valid YAML ({said}); check indentation, quotes and brackets")


def _plain(node: yaml.Node, path: Place, document: RosterDocument) -> Any:
    document.values[path] = _place(node.start_mark)
    if isinstance(node, yaml.MappingNode):
        return _plain_mapping(node, path, document)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, index), document) for index, item in enumerate(node.value)]
    return None if node.tag == NULL else node.value


def _plain_mapping(node: yaml.MappingNode, path: Place, document: RosterDocument) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        place = _place(key_node.start_mark)
        if not isinstance(key_node, yaml.ScalarNode):
            document.problems.append(Problem(*place, "a key must be a plain word"))
            continue
        key = str(key_node.value)
        if key in mapping:
            first = document.keys[(*path, key)][0]
            message = f"the key {key!r} stands on line {first} already; remove one of them"
            document.problems.append(Problem(*place, message))
            continue
        document.keys[(*path, key)] = place
        mapping[key] = _plain(value_node, (*path, key), document)
    return mapping
