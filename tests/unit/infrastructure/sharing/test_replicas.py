"""Replicas: whatever order updates come in and however often, what is shared is the same."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.sharing.replicas import PycrdtReplicas
from tests.support.event_values import JSON

REPLICAS = PycrdtReplicas()
AGENTS = st.sampled_from(["FIN_001", "FIN_002"])
KEYS = st.sampled_from(["total", "note", "a\nb"])
WRITES = st.lists(
    st.tuples(st.integers(0, 2), AGENTS, KEYS, st.none() | JSON.filter(lambda v: v is not None)),
    max_size=12,
)


def write_all(writes: list[tuple[int, str, str, Any]]) -> list[list[str]]:
    """Let three replicas, who do not hear each other, write; give what each has."""
    known: list[list[str]] = [[], [], []]
    for replica, agent, key, value in writes:
        update = REPLICAS.written(known[replica], replica + 1, agent, key, value)
        known[replica].append(update)
    return known


@given(WRITES)
@settings(max_examples=50, deadline=None)
def test_merging_is_commutative_associative_and_idempotent(
    writes: list[tuple[int, str, str, Any]],
) -> None:
    """C4: conflict-free merging."""
    one, two, three = write_all(writes)
    merged = REPLICAS.values([*one, *two, *three])

    assert REPLICAS.values([*three, *one, *two]) == merged
    assert REPLICAS.values([*one, *two, *three, *two, *one]) == merged
    step = REPLICAS.missing(two, one)
    halfway = [*two, step] if step else two
    rest = REPLICAS.missing(halfway, three)
    whole = [*halfway, rest] if rest else halfway
    assert REPLICAS.values(whole) == merged
    for each in (one, two, three):
        assert REPLICAS.missing(whole, each) is None


@given(WRITES)
@settings(max_examples=50, deadline=None)
def test_what_only_one_replica_writes_is_what_was_written_last(
    writes: list[tuple[int, str, str, Any]],
) -> None:
    alone = [(0, agent, key, value) for _, agent, key, value in writes]
    expected: dict[str, dict[str, Any]] = {}
    for _, agent, key, value in alone:
        if value is None:
            expected.get(agent, {}).pop(key, None)
        else:
            expected.setdefault(agent, {})[key] = value
    [updates, _, _] = write_all(alone)

    assert REPLICAS.values(updates) == {agent: kept for agent, kept in expected.items() if kept}


def test_different_agents_never_conflict() -> None:
    """B19: agents write concurrently under their own name."""
    updates = [
        REPLICAS.written([], number, f"FIN_{number:03}", "total", number) for number in range(1, 6)
    ]

    assert REPLICAS.values(updates) == {
        f"FIN_{number:03}": {"total": number} for number in range(1, 6)
    }
    assert all(REPLICAS.missing([one], [other]) is not None for one, other in pairwise(updates))


def test_an_update_whose_words_were_erased_is_passed_over() -> None:
    update = REPLICAS.written([], 1, "FIN_001", "total", 1)

    assert REPLICAS.values(["[erased]", update]) == {"FIN_001": {"total": 1}}
