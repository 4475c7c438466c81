"""Range proof: shows that a run of leaves stands in a tree whose root was signed.

It consists of the roots of the subtrees beside the run, from left to right, as few as there can be:
with them and the leaves themselves the root of the whole tree is computed as RFC 9162, section 2.1
defines it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from infrastructure.integrity.merkle import Range, node_hash, root_of, split

AT_ONCE = 256
"""Leaves of the run that are held at a time."""


def range_path(run: Range, size: int) -> list[Range]:
    """Name the subtrees beside a run of leaves, from left to right.

    Raises:
        ValueError: the run is empty or not in a tree of this size.
    """
    if not 0 <= run.start < run.end <= size:
        raise ValueError(f"the leaves {run.start} to {run.end} are no run in a tree of size {size}")
    return list(_beside(run, Range(0, size)))


def root_from_range(
    leaves: Iterable[bytes], run: Range, size: int, proof: Iterable[bytes]
) -> bytes | None:
    """Compute the root that a range proof leads to, with a few leaves in memory at a time.

    Args:
        leaves: their hashes, in order.

    Returns:
        None when leaves or proof are not as many as a tree of this size needs.
    """
    if not 0 <= run.start < run.end <= size:
        return None
    coming, beside = iter(leaves), iter(proof)
    try:
        root = _root(run, Range(0, size), coming, beside)
    except StopIteration:
        return None
    return root if next(coming, None) is None and next(beside, None) is None else None


def _beside(run: Range, tree: Range) -> Iterator[Range]:
    if tree.end <= run.start or run.end <= tree.start:
        yield tree
    elif tree.start < run.start or run.end < tree.end:
        middle = tree.start + split(tree.end - tree.start)
        yield from _beside(run, Range(tree.start, middle))
        yield from _beside(run, Range(middle, tree.end))


def _root(run: Range, tree: Range, leaves: Iterator[bytes], proof: Iterator[bytes]) -> bytes:
    if tree.end <= run.start or run.end <= tree.start:
        return next(proof)
    size = tree.end - tree.start
    if size <= AT_ONCE and run.start <= tree.start and tree.end <= run.end:
        hashes = list(islice(leaves, size))
        if len(hashes) < size:
            raise StopIteration
        return root_of(hashes)
    middle = tree.start + split(size)
    left = _root(run, Range(tree.start, middle), leaves, proof)
    return node_hash(left, _root(run, Range(middle, tree.end), leaves, proof))
