"""Structure: in what two documents of objects, lists and values differ, part by part."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from application.comparing.views import ChangeKind, ChangeView

KEYS: Mapping[str, str] = {
    "agents": "handle",
    "artefacts": "path",
    "candidates": "handle",
    "departments": "key",
    "input_files": "name",
    "pending": "effect_id",
    "steps": "effect_id",
    "tasks": "key",
}
"""Lists whose members are matched by a field of theirs; members of others are by their index."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PLAIN_KEY = re.compile(r"[^\s\[\]\"\\#.][^\s\[\]\"\\#]*")


@dataclass(frozen=True, slots=True)
class Member:
    """A step to a member of a list that is matched by key.

    Attributes:
        number: which one of those with this key, from 1.
    """

    key: str
    number: int = 1


Step = str | int | Member
"""A field of an object, an index of a list, or a member under its key."""


@dataclass(frozen=True, slots=True)
class Change:
    """A part in which two documents differ.

    Attributes:
        before: on the left; None for what was added. Of a reordered list, its members.
        after: on the right; None for what was removed.
    """

    steps: tuple[Step, ...]
    kind: ChangeKind
    before: JsonValue
    after: JsonValue

    @property
    def path(self) -> str:
        """The steps as text, for example `tasks[extract].result.summary`."""
        return "".join(map(_step_text, self.steps)).removeprefix(".")

    def view(self) -> ChangeView:
        """View it."""
        return ChangeView(path=self.path, kind=self.kind, before=self.before, after=self.after)


def difference(left: JsonValue, right: JsonValue) -> list[Change]:
    """Tell how the left document becomes the right one.

    Members of lists in `KEYS` that have their key are matched by it, wherever they stand; others by
    their index. The order is canonical: as on the left, then what only the right has. What is
    removed from a list comes after what is changed in it, last member first.
    """
    return list(_different((), left, right))


def _different(steps: tuple[Step, ...], left: JsonValue, right: JsonValue) -> Iterator[Change]:
    if isinstance(left, dict) and isinstance(right, dict):
        yield from _different_fields(steps, left, right)
    elif isinstance(left, list) and isinstance(right, list):
        name = steps[-1] if steps and isinstance(steps[-1], str) else ""
        field = KEYS.get(name)
        if field and _keyed(left, field) and _keyed(right, field):
            yield from _different_members(steps, members(left, field), members(right, field))
        else:
            yield from _different_items(steps, left, right)
    elif type(left) is not type(right) or left != right:
        yield Change(steps, ChangeKind.CHANGED, left, right)


def _different_fields(
    steps: tuple[Step, ...], left: dict[str, JsonValue], right: dict[str, JsonValue]
) -> Iterator[Change]:
    for name in {**left, **right}:
        if name not in right:
            yield Change((*steps, name), ChangeKind.REMOVED, left[name], None)
        elif name not in left:
            yield Change((*steps, name), ChangeKind.ADDED, None, right[name])
        else:
            yield from _different((*steps, name), left[name], right[name])


def _different_items(
    steps: tuple[Step, ...], left: Sequence[JsonValue], right: Sequence[JsonValue]
) -> Iterator[Change]:
    for index, (before, after) in enumerate(zip(left, right, strict=False)):
        yield from _different((*steps, index), before, after)
    for index in range(len(left), len(right)):
        yield Change((*steps, index), ChangeKind.ADDED, None, right[index])
    for index in reversed(range(len(right), len(left))):
        yield Change((*steps, index), ChangeKind.REMOVED, left[index], None)


def _different_members(
    steps: tuple[Step, ...], left: dict[Member, JsonValue], right: dict[Member, JsonValue]
) -> Iterator[Change]:
    for member, before in left.items():
        if member in right:
            yield from _different((*steps, member), before, right[member])
    for member in reversed(left):
        if member not in right:
            yield Change((*steps, member), ChangeKind.REMOVED, left[member], None)
    for member, after in right.items():
        if member not in left:
            yield Change((*steps, member), ChangeKind.ADDED, None, after)
    kept = [member for member in left if member in right]
    given = [*kept, *(member for member in right if member not in left)]
    if given != list(right):
        yield Change(
            steps, ChangeKind.REORDERED, [*map(_key_text, given)], [*map(_key_text, right)]
        )


def members(items: Sequence[JsonValue], field: str) -> dict[Member, JsonValue]:
    """Give the items of a list under their keys; of equal keys, each under its number."""
    seen: Counter[str] = Counter()
    found: dict[Member, JsonValue] = {}
    for item in items:
        assert isinstance(item, dict)  # noqa: S101 - for the type; `_keyed` has looked
        key = str(item[field])
        seen[key] += 1
        found[Member(key, seen[key])] = item
    return found


def _keyed(items: Sequence[JsonValue], field: str) -> bool:
    return all(isinstance(item, dict) and isinstance(item.get(field), str) for item in items)


def _step_text(step: Step) -> str:
    if isinstance(step, Member):
        return f"[{_key_text(step)}]"
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN.fullmatch(step) else f'["{_escaped(step)}"]'


def _key_text(member: Member) -> str:
    plain = _PLAIN_KEY.fullmatch(member.key) and not member.key.isdecimal()
    text = member.key if plain else f'"{_escaped(member.key)}"'
    return text if member.number == 1 else f"{text}#{member.number}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
