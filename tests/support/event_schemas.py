"""Event schemas: the shape of every event's payload as it was stored, and what has changed since.

`tests/data/schemas` keeps one JSON Schema of each event type and schema version, named
`<type>.v<version>.json`. `python -m tests.support.event_schemas --write` adds what is new and
refuses what would make stored events unreadable; without `--write` it only tells.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infrastructure.event_log.mapper import payload_codec
from tests.support.event_values import event_classes

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "tests" / "data" / "schemas"
WRITE = "python -m tests.support.event_schemas --write"

FOR_PEOPLE = {"title", "description"}
"""Keywords that say nothing about what is valid."""

NESTED = {"items": "[]", "additionalProperties": "{}", "propertyNames": "{name}"}
LISTED = {"anyOf", "oneOf", "allOf", "prefixItems"}


@dataclass(frozen=True)
class Change:
    """One difference between the stored shape of a payload and that of the code.

    Attributes:
        compatible: whether events stored before it read as well as they did.
    """

    path: str
    saying: str
    compatible: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.saying}"


def version_of(event_class: Any) -> int:
    """Tell the schema version of an event class."""
    return int(getattr(event_class, "class_version", 1))


def path_of(event_class: Any, version: int | None = None, folder: Path = SCHEMAS) -> Path:
    """Tell where the schema of an event class is stored."""
    return folder / f"{event_class.TOPIC}.v{version or version_of(event_class)}.json"


def schema_of(event_class: Any) -> dict[str, Any]:
    """Give the JSON Schema of an event's payload, in one piece, without words for people."""
    schema = payload_codec(event_class).json_schema()
    whole: dict[str, Any] = _normalised(schema, schema.get("$defs", {}), ())
    return whole


def changes(old: Any, new: Any, path: str = "payload") -> Iterator[Change]:
    """Compare two schemas; a new field that may be left out is the one compatible change."""
    if old == new:
        return
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield Change(path, f"{_shown(old)} became {_shown(new)}")
        return
    yield from _field_changes(old, new, path)
    for keyword in sorted((old.keys() | new.keys()) - {"properties", "required"}):
        before, after = old.get(keyword), new.get(keyword)
        if keyword in NESTED and isinstance(before, dict) and isinstance(after, dict):
            yield from changes(before, after, path + NESTED[keyword])
        elif keyword in LISTED and _match(before, after):
            pairs = zip(old[keyword], new[keyword], strict=True)
            for number, (one, other) in enumerate(pairs):
                yield from changes(one, other, f"{path}|{number}")
        elif before != after:
            was, now = _shown(before, keyword in old), _shown(after, keyword in new)
            yield Change(path, f"{keyword} was {was}, is {now}")


def explain(event_class: Any, folder: Path = SCHEMAS) -> str:
    """Say what is wrong with the stored schema of an event class and what to do; empty if all well.

    Args:
        folder: where schemas are stored.
    """
    version = version_of(event_class)
    path = path_of(event_class, folder=folder)
    name = f"{event_class.TOPIC!r} v{version}"
    if not path.exists():
        return f"The schema of {name} is not stored yet: run `{WRITE}`."
    found = list(changes(_read(path), schema_of(event_class)))
    if not found:
        return ""
    listed = "\n".join(f"  - {change}" for change in found)
    if all(change.compatible for change in found):
        return (
            f"The event {name} has new fields that old events may lack:\n{listed}\n"
            f"If that is meant, run `{WRITE}`."
        )
    where = f"{event_class.__module__}, {event_class.__qualname__}"
    return (
        f"The event {name} changed, but logs hold events of its stored shape:\n{listed}\n"
        f"Undo that, or give the event a new version:\n"
        f"  1. in {where}: class_version = {version + 1}\n"
        f"  2. there: a static method upcast_v{version}_v{version + 1}(state) that brings decoded"
        " JSON of the old shape into the new one\n"
        f"  3. tests/data/events/{event_class.TOPIC}.v{version + 1}.json: an example of the new"
        f" shape (that of v{version} stays as it is)\n"
        f"  4. run `{WRITE}`"
    )


def write(classes: Sequence[Any], folder: Path = SCHEMAS) -> list[str]:
    """Store the schemas of event classes that are new or compatible; say why others were not."""
    refused = []
    for event_class in classes:
        path, schema = path_of(event_class, folder=folder), schema_of(event_class)
        known = _read(path) if path.exists() else schema
        if all(change.compatible for change in changes(known, schema)):
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False)
            path.write_text(text + "\n", encoding="utf-8")
        else:
            refused.append(explain(event_class, folder))
    return refused


def _field_changes(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed, needs = old.get("required", []), new.get("required", [])
    for name in sorted(before.keys() | after.keys()):
        field = f"{path}.{name}"
        if name not in after:
            yield Change(field, "removed")
        elif name not in before and name in needs:
            yield Change(field, "added, and events stored before do not have it")
        elif name not in before:
            yield Change(field, "added, with a default where it is missing", compatible=True)
        else:
            if (name in needed) != (name in needs):
                yield Change(field, "required now" if name in needs else "optional now")
            yield from changes(before[name], after[name], field)


def _normalised(node: Any, definitions: dict[str, Any], inside: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_normalised(each, definitions, inside) for each in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref", "").removeprefix("#/$defs/")
    if reference and reference not in inside:
        rest = {keyword: value for keyword, value in node.items() if keyword != "$ref"}
        whole = definitions[reference] | rest
        return _normalised(whole, definitions, (*inside, reference))
    shape: dict[str, Any] = {}
    for keyword, value in node.items():
        if keyword == "properties":
            shape[keyword] = {
                name: _normalised(field, definitions, inside) for name, field in value.items()
            }
        elif keyword == "required":
            shape[keyword] = sorted(value)
        elif keyword in {"default", "enum", "const"}:
            shape[keyword] = value
        elif keyword not in FOR_PEOPLE | {"$defs"}:
            shape[keyword] = _normalised(value, definitions, inside)
    return shape


def _match(before: Any, after: Any) -> bool:
    return isinstance(before, list) and isinstance(after, list) and len(before) == len(after)


def _shown(value: Any, given: bool = True) -> str:  # noqa: FBT001, FBT002 - reads well above
    return json.dumps(value, sort_keys=True, ensure_ascii=False) if given else "not given"


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def main(arguments: Sequence[str]) -> int:
    """Check all stored schemas, or write them; 1 when something is left to do."""
    classes = sorted(event_classes(), key=lambda event_class: str(event_class.TOPIC))
    left = write(classes) if "--write" in arguments else [*filter(None, map(explain, classes))]
    sys.stdout.write("".join(saying + "\n\n" for saying in left))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
