"""The tree of RFC 9162, against the definitions of the RFC written down as they stand there."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.integrity.merkle import (
    EMPTY_ROOT,
    consistency_path,
    inclusion_path,
    is_consistent,
    is_included,
    leaf_hash,
    node_hash,
    root_from_inclusion,
    root_of,
)
from infrastructure.integrity.tiles import (
    TiledTree,
    Tree,
    hashes_of,
    joined,
    tile_path,
    whole_tiles,
)

ENTRIES = [b"%d" % number * (number % 3) for number in range(1200)]


def hash_of(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def half(size: int) -> int:
    power = 1
    while power * 2 < size:
        power *= 2
    return power


def mth(entries: Sequence[bytes]) -> bytes:
    """Section 2.1.1."""
    if not entries:
        return hash_of()
    if len(entries) == 1:
        return hash_of(b"\x00", entries[0])
    k = half(len(entries))
    return hash_of(b"\x01", mth(entries[:k]), mth(entries[k:]))


def path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """Section 2.1.3.1."""
    if len(entries) == 1:
        return []
    k = half(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def subproof(m: int, entries: Sequence[bytes], *, whole: bool) -> list[bytes]:
    """Section 2.1.4.1."""
    if m == len(entries):
        return [] if whole else [mth(entries)]
    k = half(len(entries))
    if m <= k:
        return [*subproof(m, entries[:k], whole=whole), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], whole=False), mth(entries[:k])]


class Kept:
    """A tree that grew leaf by leaf, with the tiles it filled."""

    def __init__(self, size: int, step: int) -> None:
        self.tree = Tree()
        self.tiles: dict[tuple[int, int], bytes] = {}
        leaves = [leaf_hash(entry) for entry in ENTRIES[:size]]
        for start in range(0, size, step):
            for tile in self.tree.extend(leaves[start : start + step]):
                self.tiles[tile.level, tile.number] = tile.hashes
        self.tiled = TiledTree(
            size, lambda level, number: self.tiles[level, number], leaves[whole_tiles(size) :]
        )


@st.composite
def sizes_and_places(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(st.integers(1, len(ENTRIES)) | st.sampled_from([1, 2, 255, 256, 257, 512, 768]))
    return size, draw(st.integers(0, size - 1))


def test_the_empty_tree_has_the_root_of_the_rfc() -> None:
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Tree().root() == EMPTY_ROOT == mth([])


def test_the_known_roots_of_certificate_transparency_come_out() -> None:
    entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
    entries.append("606162636465666768696a6b6c6d6e6f")
    roots = {
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    leaves = [leaf_hash(bytes.fromhex(entry)) for entry in entries]

    assert {size: root_of(leaves[:size]).hex() for size in roots} == roots


@given(sizes_and_places(), st.integers(1, 600))
def test_a_growing_tree_has_the_root_of_the_rfc(place: tuple[int, int], step: int) -> None:
    size, part = place
    kept = Kept(size, step)

    assert kept.tree.root() == kept.tiled.root() == mth(ENTRIES[:size])
    assert kept.tiled.root(part) == mth(ENTRIES[:part])


@given(sizes_and_places())
def test_a_tree_restored_from_tiles_grows_on_as_if_it_had_never_stopped(
    place: tuple[int, int],
) -> None:
    size, part = place
    restored = Kept(part, 100).tiled.growing()
    twin = restored.copy()

    tiles = restored.extend([leaf_hash(entry) for entry in ENTRIES[part:size]])

    whole = Kept(size, 256)
    assert restored.root() == whole.tree.root()
    assert all(whole.tiles[level, number] == hashes for level, number, hashes in tiles)
    assert twin.root() == mth(ENTRIES[:part])


@given(sizes_and_places())
def test_an_inclusion_proof_is_that_of_the_rfc_and_holds(place: tuple[int, int]) -> None:
    size, index = place
    tree = Kept(size, 256).tiled
    leaf, proof = leaf_hash(ENTRIES[index]), tree.inclusion_proof(index)

    assert proof == path(index, ENTRIES[:size])
    assert tree.leaf(index) == leaf
    assert is_included(leaf, index, size, proof, tree.root())


@given(sizes_and_places(), st.data())
def test_an_inclusion_proof_holds_for_nothing_else(
    place: tuple[int, int], data: st.DataObject
) -> None:
    size, index = place
    tree = Kept(size, 256).tiled
    leaf, proof, root = leaf_hash(ENTRIES[index]), tree.inclusion_proof(index), tree.root()
    wrong_index = data.draw(st.integers(-1, size).filter(lambda other: other != index))

    assert not is_included(leaf_hash(b"forged"), index, size, proof, root)
    assert not is_included(leaf, wrong_index, size, proof, root)
    assert not is_included(leaf, index, size, [*proof, root], root)
    assert not is_included(leaf, index, size, proof, leaf_hash(b"other"))
    for place_of_node in range(len(proof)):
        changed = [*proof[:place_of_node], EMPTY_ROOT, *proof[place_of_node + 1 :]]
        shortened = [*proof[:place_of_node], *proof[place_of_node + 1 :]]
        assert not is_included(leaf, index, size, changed, root)
        assert not is_included(leaf, index, size, shortened, root)


@given(sizes_and_places())
def test_a_consistency_proof_is_that_of_the_rfc_and_holds(place: tuple[int, int]) -> None:
    size, before = place
    old = before + 1
    tree = Kept(size, 256).tiled
    proof = tree.consistency_proof(old)

    assert proof == subproof(old, ENTRIES[:size], whole=True)
    assert is_consistent(old, mth(ENTRIES[:old]), size, tree.root(), proof)


@given(sizes_and_places())
def test_a_consistency_proof_holds_for_nothing_else(place: tuple[int, int]) -> None:
    size, before = place
    old = before + 1
    tree = Kept(size, 256).tiled
    proof, root, old_root = tree.consistency_proof(old), tree.root(), mth(ENTRIES[:old])
    forged = mth([*ENTRIES[:before], b"forged"])

    assert not is_consistent(old, forged, size, root, proof)
    assert not is_consistent(old, old_root, size, forged, proof)
    assert not is_consistent(old, old_root, size, root, [*proof, root])
    assert not is_consistent(0, old_root, size, root, proof)
    assert not is_consistent(size + 1, old_root, size, root, proof)
    for place_of_node in range(len(proof)):
        changed = [*proof[:place_of_node], forged, *proof[place_of_node + 1 :]]
        assert not is_consistent(old, old_root, size, root, changed)
        assert not is_consistent(old, old_root, size, root, proof[:place_of_node])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (5, 4)])
def test_what_is_not_in_a_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="is not in a tree"):
        inclusion_path(index, size)
    assert root_from_inclusion(EMPTY_ROOT, index, size, []) is None


@pytest.mark.parametrize(("old", "size"), [(0, 4), (5, 4)])
def test_what_is_no_beginning_of_a_tree_has_no_proof(old: int, size: int) -> None:
    with pytest.raises(ValueError, match="no tree of size"):
        consistency_path(old, size)


def test_a_tiled_tree_wants_all_leaves_that_stand_in_no_full_tile() -> None:
    with pytest.raises(ValueError, match="has 1 leaves beside full tiles"):
        TiledTree(257, lambda _level, _number: b"", [])


def test_hashes_go_into_a_tile_and_out_again() -> None:
    hashes = [leaf_hash(entry) for entry in ENTRIES[:256]]

    assert hashes_of(joined(hashes)) == hashes
    assert node_hash(root_of(hashes[:128]), root_of(hashes[128:])) == root_of(hashes)


@pytest.mark.parametrize(
    ("level", "number", "width", "name"),
    [
        (0, 0, 256, "tile/0/000"),
        (1, 5, 17, "tile/1/005.p/17"),
        (0, 999, 256, "tile/0/999"),
        (0, 1000, 256, "tile/0/x001/000"),
        (0, 1234067, 256, "tile/0/x001/x234/067"),
    ],
)
def test_tiles_lie_where_the_specification_has_them(
    level: int, number: int, width: int, name: str
) -> None:
    assert tile_path(level, number, width) == name
