"""YAML document: a file as plain data, with the line and column of every part.

Scalars are read as the text they are, so that a skill called `no` stays a skill called `no`, or by
the JSON schema of YAML 1.2, in which `true`, `false`, `null` and numbers are no text. Anchors,
aliases and tags are refused: nobody needs them here, and YAML bombs are made of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from infrastructure.yaml_files.problems import Problem, YamlFileError

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # PyYAML without libyaml is fifteen times slower, and as safe
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "value", "merge")
)
NULL = "tag:yaml.org,2002:null"
WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?([eE][-+]?[0-9]{1,3})?")

Place: TypeAlias = tuple[str | int, ...]


@dataclass
class YamlDocument:
    """The data of a file and where each part stands.

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


@dataclass(frozen=True, slots=True)
class Limits:
    """What is read of a file.

    Attributes:
        max_bytes: size of the file.
        max_depth: how deep collections may be nested.
        typed: whether `true`, `null` and numbers are no text.
    """

    max_bytes: int = 1_000_000
    max_depth: int = 12
    typed: bool = False


def read_document(path: Path, error: type[YamlFileError], limits: Limits) -> YamlDocument:
    """Read a YAML file.

    Args:
        error: what is raised, and what such a file is called.

    Raises:
        YamlFileError: it cannot be read, is too large, or is no YAML; or it uses what it may not
            use.
    """
    text = _read_text(path, error, limits)
    document = YamlDocument()
    try:
        _check_structure(text, document, error.KIND, limits)
        if document.problems:
            raise error(path, document.problems)
        node = yaml.compose(text, Loader=Loader)
    except yaml.MarkedYAMLError as wrong:
        raise error(path, [_syntax_problem(wrong)]) from wrong
    except yaml.YAMLError as wrong:
        raise error(path, [], f"it is no YAML ({str(wrong).splitlines()[0]})") from wrong
    if node is None:
        raise error(path, [], f"it is empty; start from a copy of {error.START}")
    document.data = _plain(node, (), document, typed=limits.typed)
    return document


def _read_text(path: Path, error: type[YamlFileError], limits: Limits) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(limits.max_bytes + 1)
    except FileNotFoundError as wrong:
        raise error(path, [], "there is no such file; check the path") from wrong
    except OSError as wrong:
        reason = (wrong.strerror or str(wrong)).lower()
        raise error(path, [], f"it cannot be read ({reason})") from wrong
    if len(content) > limits.max_bytes:
        too_large = f"it is larger than {limits.max_bytes:,} bytes; no {error.KIND} needs that"
        raise error(path, [], too_large)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = content.count(b"\n", 0, wrong.start) + 1
        column = wrong.start - content.rfind(b"\n", 0, wrong.start)
        message = f"byte 0x{content[wrong.start]:02X} is no UTF-8; save the file as UTF-8"
        raise error(path, [Problem(line, column, message)]) from wrong


def _check_structure(text: str, document: YamlDocument, kind: str, limits: Limits) -> None:
    """Look at the events of the parser, which needs no recursion, before anything is built."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        line, column = _place(event.start_mark)
        if documents > 1:
            message = f"a second document starts here; a {kind} is one document"
            document.problems.append(Problem(line, column, message))
        if depth > limits.max_depth:
            message = f"nested more than {limits.max_depth} levels deep; no {kind} needs that"
            document.problems.append(Problem(line, column, message))
        for complaint in _complaints(event):
            document.problems.append(Problem(line, column, complaint))
        if depth > limits.max_depth or documents > 1:
            return


def _complaints(event: Any) -> Iterator[str]:
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


def _plain(node: yaml.Node, path: Place, document: YamlDocument, *, typed: bool) -> Any:
    document.values[path] = _place(node.start_mark)
    if isinstance(node, yaml.MappingNode):
        return _plain_mapping(node, path, document, typed=typed)
    if isinstance(node, yaml.SequenceNode):
        return [
            _plain(item, (*path, index), document, typed=typed)
            for index, item in enumerate(node.value)
        ]
    if typed:
        return _typed(node)
    return None if node.tag == NULL else node.value


def _typed(node: yaml.Node) -> Any:
    """Read a scalar by the JSON schema of YAML 1.2; what is quoted is text."""
    text = str(node.value)
    if isinstance(node, yaml.ScalarNode) and node.style:
        return text
    if text in WORDS:
        return WORDS[text]
    number = NUMBER.fullmatch(text)
    if number is None:
        return text
    if number[2] is None and number[3] is None:
        return int(text)
    return float(text) if math.isfinite(float(text)) else text


def _plain_mapping(
    node: yaml.MappingNode, path: Place, document: YamlDocument, *, typed: bool
) -> dict[str, Any]:
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
        mapping[key] = _plain(value_node, (*path, key), document, typed=typed)
    return mapping
