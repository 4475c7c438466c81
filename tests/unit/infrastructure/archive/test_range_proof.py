"""Range proofs: a run of leaves stands in a tree, or the root comes out wrong."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.archive.range_proof import range_path, root_from_range
from infrastructure.integrity.merkle import Range, root_of

SIZES = st.integers(1, 700) | st.sampled_from([255, 256, 257, 512, 1024, 2000])


def tree(size: int) -> list[bytes]:
    return [sha256(b"%d" % number).digest() for number in range(size)]


@st.composite
def runs(draw: st.DrawFn) -> tuple[Range, int]:
    size = draw(SIZES)
    start = draw(st.integers(0, size - 1))
    return Range(start, draw(st.integers(start + 1, size))), size


def prove(leaves: list[bytes], run: Range) -> list[bytes]:
    return [root_of(leaves[part.start : part.end]) for part in range_path(run, len(leaves))]


@given(runs())
def test_the_leaves_of_a_run_and_its_proof_lead_to_the_root(case: tuple[Range, int]) -> None:
    run, size = case
    leaves = tree(size)

    proof = prove(leaves, run)

    assert root_from_range(iter(leaves[run.start : run.end]), run, size, proof) == root_of(leaves)
    assert len(proof) <= 2 * size.bit_length()


@given(runs(), st.integers(0, 10_000))
def test_any_other_leaf_or_proof_leads_elsewhere(case: tuple[Range, int], at: int) -> None:
    run, size = case
    leaves = tree(size)
    proof = prove(leaves, run)
    changed = [*leaves[run.start : run.end], *proof]
    changed[at % len(changed)] = bytes(32)
    part, rest = changed[: run.end - run.start], changed[run.end - run.start :]

    assert root_from_range(part, run, size, rest) != root_of(leaves)


@given(runs())
def test_too_many_or_too_few_lead_nowhere(case: tuple[Range, int]) -> None:
    run, size = case
    leaves = tree(size)
    proof = prove(leaves, run)
    part = leaves[run.start : run.end]

    assert root_from_range(part[1:], run, size, proof) is None
    assert root_from_range([*part, bytes(32)], run, size, proof) is None
    assert root_from_range(part, run, size, [*proof, bytes(32)]) is None
    if proof:
        assert root_from_range(part, run, size, proof[1:]) is None


@pytest.mark.parametrize("run", [Range(0, 0), Range(3, 3), Range(2, 1), Range(0, 6), Range(-1, 2)])
def test_a_run_that_is_none_is_refused(run: Range) -> None:
    with pytest.raises(ValueError, match="no run in a tree of size 5"):
        range_path(run, 5)
    assert root_from_range([], run, 5, []) is None
