"""Tiles: the Merkle tree cut into pieces of 256 hashes that are stored and looked up as one.

Tile n of level l holds the roots of the subtrees of 256**l leaves each, from n * 256 on; a tile of
level 0 holds hashes of leaves. The cut, the form (hashes one after another) and the paths are those
of https://c2sp.org/tlog-tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from infrastructure.integrity.merkle import (
    HASH_BYTES,
    Range,
    consistency_path,
    inclusion_path,
    node_hash,
    root_of,
    split,
)

HEIGHT = 8
WIDTH = 1 << HEIGHT
TILE_BYTES = WIDTH * HASH_BYTES
REMEMBERED_TILES = 1024
REMEMBERED_ROOTS = 4096
"""Roots of subtrees; those that lie near each other share most of their proofs."""


class Tile(NamedTuple):
    """A full tile."""

    level: int
    number: int
    hashes: bytes


def joined(hashes: Iterable[bytes]) -> bytes:
    """Put hashes into the form of a tile."""
    return b"".join(hashes)


def hashes_of(tile: bytes) -> list[bytes]:
    """Take a tile apart."""
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


def tile_path(level: int, number: int, width: int = WIDTH) -> str:
    """Name the file of a tile: `tile/0/x001/234`; a partial one ends in `.p/` and its width."""
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{level}/{path}" + ("" if width == WIDTH else f".p/{width}")


def whole_tiles(size: int) -> int:
    """Count the leaves that stand in full tiles, for a tree of this size."""
    return size - size % WIDTH


class Tree:
    """A tree that grows: it keeps the unfinished tile of each level and hands out full ones.

    Attributes:
        size: leaves it has.
        levels: hashes of the unfinished tile of each level, fewer than 256 each.
    """

    def __init__(self) -> None:
        self.size = 0
        self.levels: list[list[bytes]] = [[]]

    def copy(self) -> Tree:
        """Make a tree that grows on its own."""
        twin = Tree()
        twin.size = self.size
        twin.levels = [list(level) for level in self.levels]
        return twin

    def extend(self, leaves: Sequence[bytes]) -> list[Tile]:
        """Add hashes of leaves, and hand out the tiles that they fill."""
        filled: list[Tile] = []
        at = 0
        while at < len(leaves):
            taken = leaves[at : at + WIDTH - len(self.levels[0])]
            at += len(taken)
            self.size += len(taken)
            self.levels[0].extend(taken)
            if len(self.levels[0]) == WIDTH:
                self._finish(0, filled)
        return filled

    def root(self) -> bytes:
        """Compute the root."""
        ragged: list[bytes] = []
        for level in self.levels:
            if level or ragged:
                ragged = [root_of([*level, *ragged])]
        return ragged[0] if ragged else root_of([])

    def _finish(self, level: int, filled: list[Tile]) -> None:
        hashes = self.levels[level]
        filled.append(Tile(level, (self.size >> HEIGHT * (level + 1)) - 1, joined(hashes)))
        if level + 1 == len(self.levels):
            self.levels.append([])
        self.levels[level] = []
        self.levels[level + 1].append(root_of(hashes))
        if len(self.levels[level + 1]) == WIDTH:
            self._finish(level + 1, filled)


class TiledTree:
    """A tree of fixed size over stored tiles, for roots and proofs of any part of it.

    Args:
        read_tile: gives the full tile of a level and a number.
        rest: hashes of the leaves that no full tile holds, at most 255.
    """

    def __init__(
        self, size: int, read_tile: Callable[[int, int], bytes], rest: Sequence[bytes]
    ) -> None:
        if len(rest) != size % WIDTH:
            raise ValueError(f"a tree of size {size} has {size % WIDTH} leaves beside full tiles")
        self.size = size
        self._rest = rest
        self._read = lru_cache(REMEMBERED_TILES)(lambda *place: hashes_of(read_tile(*place)))
        self._hash = lru_cache(maxsize=None)(self._find_hash)
        self._root = lru_cache(REMEMBERED_ROOTS)(self.subtree)

    def root(self, size: int | None = None) -> bytes:
        """Compute the root of this tree, or of its first `size` leaves."""
        size = self.size if size is None else size
        return self.subtree(Range(0, size)) if size else root_of([])

    def leaf(self, index: int) -> bytes:
        """Give the hash of a leaf."""
        return self._hash(0, index)

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Prove that a leaf stands in this tree."""
        return [self._root(part) for part in inclusion_path(index, self.size)]

    def consistency_proof(self, old: int) -> list[bytes]:
        """Prove that this tree begins with its first `old` leaves."""
        return [self.subtree(part) for part in consistency_path(old, self.size)]

    def subtree(self, part: Range) -> bytes:
        """Compute the root of a subtree."""
        size = part.end - part.start
        if size & (size - 1):
            middle = part.start + split(size)
            left, right = Range(part.start, middle), Range(middle, part.end)
            return node_hash(self.subtree(left), self.subtree(right))
        height = size.bit_length() - 1
        level = height // HEIGHT
        count = 1 << height - HEIGHT * level
        first = part.start >> HEIGHT * level
        return root_of([self._hash(level, index) for index in range(first, first + count)])

    def growing(self) -> Tree:
        """Make a tree of the same leaves that can grow."""
        tree = Tree()
        tree.size = self.size
        tree.levels = []
        for level in range(max(1, -(-self.size.bit_length() // HEIGHT))):
            count = self.size >> HEIGHT * level
            tree.levels.append([self._hash(level, at) for at in range(whole_tiles(count), count)])
        return tree

    def _find_hash(self, level: int, index: int) -> bytes:
        number, place = divmod(index, WIDTH)
        if (number + 1) << HEIGHT * (level + 1) <= self.size:
            return self._read(level, number)[place]
        if level == 0:
            return self._rest[place]
        return root_of(self._read(level - 1, index))
