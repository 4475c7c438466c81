"""Structure: what differs between two documents, told so that the one can be made of the other."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from application.comparing.structure import KEYS, Change, Member, difference, members
from application.comparing.views import ChangeKind

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.0, 1.0, 0.5]),
    st.text("ab.[", max_size=3),
)
KEYED = st.lists(
    st.fixed_dictionaries(
        {"key": st.sampled_from("abc"), "handle": st.sampled_from("xyz")},
        optional={"note": SCALARS, "skills": st.lists(SCALARS, max_size=3)},
    ),
    max_size=4,
)
DOCUMENTS = st.recursive(
    SCALARS | KEYED,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*"pq", "tasks", "agents", "a.b", "", '"']), inner)
    ),
    max_leaves=15,
)


def applied(document: Any, changes: list[Change]) -> Any:
    """Make the changes to a copy of a document."""
    holder = {"": deepcopy(document)}
    for change in changes:
        _apply(holder, ("", *change.steps), change)
    return holder[""]


def _apply(holder: Any, steps: tuple[Any, ...], change: Change) -> None:
    name = ""
    while len(steps) > 1:
        holder, name, steps = _child(holder, name, steps[0]), steps[0], steps[1:]
    step = _place(holder, name, steps[0])
    if change.kind is ChangeKind.REMOVED:
        del holder[step]
    elif change.kind is ChangeKind.REORDERED:
        found = members(holder[step], KEYS[str(step)])
        by_text = {
            Change((member,), change.kind, None, None).path[1:-1]: found[member] for member in found
        }
        assert list(by_text) == change.before
        assert isinstance(change.after, list)
        holder[step] = [by_text[str(text)] for text in change.after]
    elif isinstance(holder, list) and step == len(holder):
        holder.append(change.after)
    else:
        holder[step] = change.after


def _child(holder: Any, name: Any, step: Any) -> Any:
    return holder[_place(holder, name, step)]


def _place(holder: Any, name: Any, step: Any) -> Any:
    """Tell where in a list a member stands; a new one comes last."""
    if not isinstance(step, Member):
        return step
    found = members(holder, KEYS[name])
    return list(found).index(step) if step in found else len(holder)


@given(DOCUMENTS, DOCUMENTS)
@example({"tasks": [{"key": "a"}, {"key": "a"}]}, {"tasks": []})
@example({"tasks": [{"key": "a"}, {"key": "b"}, {"key": "a"}]}, {"tasks": [{"key": "b"}]})
@settings(deadline=None)
def test_the_changes_make_the_right_document_of_the_left(left: Any, right: Any) -> None:
    changes = difference(left, right)

    assert _typed(applied(left, changes)) == _typed(right)


@given(DOCUMENTS)
@settings(deadline=None)
def test_a_document_does_not_differ_from_itself(document: Any) -> None:
    assert difference(document, deepcopy(document)) == []


@given(DOCUMENTS, DOCUMENTS)
@settings(deadline=None)
def test_the_other_way_round_the_same_parts_differ(left: Any, right: Any) -> None:
    turned = {
        ChangeKind.ADDED: ChangeKind.REMOVED,
        ChangeKind.REMOVED: ChangeKind.ADDED,
        ChangeKind.CHANGED: ChangeKind.CHANGED,
    }
    forth = {
        (change.path, turned[change.kind], repr(change.after), repr(change.before))
        for change in difference(left, right)
        if change.kind is not ChangeKind.REORDERED
    }
    back = {
        (change.path, change.kind, repr(change.before), repr(change.after))
        for change in difference(right, left)
        if change.kind is not ChangeKind.REORDERED
    }

    assert forth == back


@given(DOCUMENTS, DOCUMENTS)
@settings(deadline=None)
def test_no_two_changes_stand_at_the_same_path(left: Any, right: Any) -> None:
    changes = difference(left, right)

    assert len({(change.path, change.kind) for change in changes}) == len(changes)


def _typed(document: Any) -> Any:
    """Tell 1 from 1.0 and from true."""
    if isinstance(document, dict):
        return {name: _typed(part) for name, part in document.items()}
    if isinstance(document, list):
        return [_typed(part) for part in document]
    return type(document), document


@pytest.mark.parametrize(
    ("left", "right", "path"),
    [
        ({"tasks": [{"key": "a", "r": 1}]}, {"tasks": [{"key": "a", "r": 2}]}, "tasks[a].r"),
        ({"tasks": [{"key": "a"}]}, {"tasks": []}, "tasks[a]"),
        ({"tasks": [{"key": "a"}]}, {"tasks": [{"key": "a"}, {"key": "a"}]}, "tasks[a#2]"),
        ({"tasks": [{"key": "1"}]}, {"tasks": []}, 'tasks["1"]'),
        ({"artefacts": [{"path": "a b.md"}]}, {"artefacts": []}, 'artefacts["a b.md"]'),
        ({"artefacts": [{"path": "out/a.md"}]}, {"artefacts": []}, "artefacts[out/a.md]"),
        ({"turns": [{"text": "a"}]}, {"turns": [{"text": "b"}]}, "turns[0].text"),
        ({"tasks": ["a"]}, {"tasks": ["b"]}, "tasks[0]"),
        ({"a.b": 1}, {"a.b": 2}, '["a.b"]'),
        (1, 2, ""),
    ],
)  # fmt: skip
def test_paths_name_members_by_what_they_are(left: Any, right: Any, path: str) -> None:
    (change,) = difference(left, right)

    assert change.path == change.view().path == path


def test_members_in_another_order_are_told_as_such() -> None:
    left: Any = {"agents": [{"handle": "A"}, {"handle": "B"}]}
    right: Any = {"agents": [{"handle": "B"}, {"handle": "A"}, {"handle": "C"}]}

    added, reordered = difference(left, right)

    assert (added.path, added.kind) == ("agents[C]", ChangeKind.ADDED)
    assert (reordered.path, reordered.kind) == ("agents", ChangeKind.REORDERED)
    assert (reordered.before, reordered.after) == (["A", "B", "C"], ["B", "A", "C"])
