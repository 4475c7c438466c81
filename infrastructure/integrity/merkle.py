"""Merkle tree of RFC 9162, section 2.1: hashes, and the paths and checks of its two proofs.

A tree is known by its size alone; a subtree is the range of leaves it covers, start included and
end not. Proofs come as the ranges whose roots they consist of, so that whoever holds the hashes,
in whatever form, can look them up.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

HASH_BYTES = 32
LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"
EMPTY_ROOT = sha256(b"").digest()


class Range(NamedTuple):
    """Leaves from `start` up to but not including `end`, counted from 0."""

    start: int
    end: int


def leaf_hash(data: bytes) -> bytes:
    """Hash a leaf."""
    return sha256(LEAF_PREFIX + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash an inner node."""
    return sha256(NODE_PREFIX + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Compute the root over hashes of leaves, or over roots of perfect subtrees of one height.

    The last one may also be the root of a smaller subtree: RFC 9162 cuts at powers of two, so the
    ragged end of a tree is always its last node, however high it is looked at.
    """
    if not hashes:
        return EMPTY_ROOT
    nodes = list(hashes)
    while len(nodes) > 1:
        odd = nodes.pop() if len(nodes) % 2 else None
        pairs = zip(nodes[::2], nodes[1::2], strict=True)
        nodes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        if odd is not None:
            nodes.append(odd)
    return nodes[0]


def split(size: int) -> int:
    """Tell how many leaves the left half of a tree has: the largest power of two below its size."""
    return 1 << (size - 1).bit_length() - 1


def inclusion_path(index: int, size: int) -> list[Range]:
    """Name the subtrees that prove a leaf's inclusion (RFC 9162, 2.1.3.1), lowest first.

    Raises:
        ValueError: there is no such leaf in a tree of this size.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of size {size}")
    path: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(start, middle))
            start = middle
    return path[::-1]


def consistency_path(old: int, size: int) -> list[Range]:
    """Name the subtrees that prove an old tree to be a beginning of a new one (RFC 9162, 2.1.4.1).

    Raises:
        ValueError: the old tree is empty, or larger than the new one.
    """
    if not 0 < old <= size:
        raise ValueError(f"no tree of size {size} begins with one of size {old} that can be proven")
    path: list[Range] = []
    start, end = 0, size
    whole = True  # what is left of the old tree is the whole old tree
    while old != end:
        middle = start + split(end - start)
        if old <= middle:
            path.append(Range(middle, end))
            end = middle
        else:
            path.append(Range(start, middle))
            start = middle
            whole = False
    if not whole:
        path.append(Range(start, end))
    return path[::-1]


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """Compute the root that an inclusion proof leads to (RFC 9162, 2.1.3.2).

    Args:
        leaf: hash of the leaf.

    Returns:
        None when the proof does not fit a tree of this size.
    """
    if not 0 <= index < size:
        return None
    place, last, root = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if place & 1 or place == last:
            root = node_hash(sibling, root)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            root = node_hash(root, sibling)
        place >>= 1
        last >>= 1
    return root if last == 0 else None


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether a proof shows that a leaf stands at an index of the tree with this root."""
    return root_from_inclusion(leaf, index, size, proof) == root


def is_consistent(
    old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Tell whether a proof shows that an old tree is the beginning of a new one (2.1.4.2)."""
    if old == size:
        return not proof and old_root == root
    if not 0 < old < size or not proof:
        return False
    nodes = list(proof)
    if old & (old - 1) == 0:  # a perfect tree is itself the first node
        nodes.insert(0, old_root)
    place, last = old - 1, size - 1
    while place & 1:
        place >>= 1
        last >>= 1
    old_found = found = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old_found = node_hash(node, old_found)
            found = node_hash(node, found)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            found = node_hash(found, node)
        place >>= 1
        last >>= 1
    return last == 0 and old_found == old_root and found == root
