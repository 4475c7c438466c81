"""Published checkpoints: whole or not there, whatever a crash leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from application.errors import UnavailableError
from infrastructure.integrity import publication
from infrastructure.integrity.note import Checkpoint, NoteError, Signer
from infrastructure.integrity.publication import Publication
from infrastructure.integrity.tiles import Tile, Tree

SIGNER = Signer("hansard/x", Ed25519PrivateKey.from_private_bytes(bytes(32)))
SIGNED = [SIGNER.sign(size, bytes([size]) * 32) for size in (3, 5, 8)]


@pytest.fixture
def published(tmp_path: Path) -> Publication:
    opened = Publication(tmp_path / "log")
    with opened.held(wait=False):
        opened.write_checkpoints(SIGNED[:1])
        opened.write_checkpoints(SIGNED[1:])
    return opened


def test_what_was_published_is_read_back(published: Publication) -> None:
    assert list(published.checkpoints()) == SIGNED
    assert published.newest() == SIGNED[-1]
    assert published.newest_path.read_text("utf-8") == SIGNED[-1].note


def test_nothing_is_published_at_first(tmp_path: Path) -> None:
    empty = Publication(tmp_path / "none")

    assert list(empty.checkpoints()) == []
    assert empty.newest() is None
    assert empty.tile(0, 0) is None
    assert empty.notes_after(0) == (b"", 0)


def test_a_note_that_a_crash_cut_off_is_left_out_and_mended(published: Publication) -> None:
    whole = published.list_path.read_bytes()
    last = len(SIGNED[-1].note.encode()) + 1
    for cut in range(1, last + 1):
        published.list_path.write_bytes(whole[:-cut])
        published.newest_path.write_text(SIGNED[1].note, "utf-8")

        assert list(published.checkpoints()) == SIGNED[:2], cut
        assert published.newest() == SIGNED[1], cut
        published.write_checkpoints(SIGNED[2:])
        assert published.list_path.read_bytes() == whole


def test_the_newest_is_the_newer_of_list_and_single_file(published: Publication) -> None:
    whole = published.list_path.read_bytes()
    published.list_path.write_bytes(whole[: whole.rindex(b"hansard/x\n8")])

    assert published.newest() == SIGNED[-1]


@pytest.mark.parametrize("garbage", ["What?\n\n\u2014 hansard/x AAAAAAAAAA\n\n", "\u2014 a\n\n"])
def test_garbage_in_the_list_is_an_error(published: Publication, garbage: str) -> None:
    with published.list_path.open("a", encoding="utf-8") as file:
        file.write(garbage)

    with pytest.raises(NoteError):
        list(published.checkpoints())


def test_a_list_that_ends_in_no_checkpoint_at_all_is_an_error(published: Publication) -> None:
    published.list_path.write_bytes(b"x" * 300_000)

    with pytest.raises(NoteError, match="holds no checkpoint"):
        published.newest()


def test_notes_are_given_out_from_where_one_stopped(published: Publication) -> None:
    everything, end = published.notes_after(0)
    first = f"{SIGNED[0].note}\n".encode()

    assert everything == "".join(f"{one.note}\n" for one in SIGNED).encode()
    assert published.notes_after(end) == (b"", end)
    assert published.notes_after(len(first)) == (everything.removeprefix(first), end)
    assert published.notes_after(end + 1) == (everything, end)


def test_a_full_tile_replaces_its_unfinished_ones(published: Publication) -> None:
    tree = Tree()
    leaves = [bytes([number]) * 32 for number in range(256)]
    for start, end in ((0, 5), (5, 200)):
        assert tree.extend(leaves[start:end]) == []
        published.write_unfinished(tree)
    assert published.tile(0, 0) is None
    assert published.tile(0, 0, 5) == b"".join(leaves[:5])

    (full,) = tree.extend(leaves[200:])
    published.write_tiles([full])
    published.write_unfinished(tree)

    assert full == Tile(0, 0, b"".join(leaves))
    assert published.tile(0, 0) == full.hashes
    assert published.tile(0, 0, 5) == b"".join(leaves[:5])
    assert published.tile(1, 0, 1) == tree.levels[1][0]
    assert {path.name for path in (published.folder / "tile" / "0").iterdir()} == {"000"}


def test_one_process_publishes_at_a_time(
    published: Publication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "LOCK_TIMEOUT_S", 0.0)
    with published.held(wait=False) as held:
        assert held
        with published.held(wait=False) as again:
            assert not again
        with (
            pytest.raises(UnavailableError, match="has been publishing"),
            published.held(wait=True),
        ):
            raise AssertionError("it is not held twice")
    with published.held(wait=True) as held:
        assert held


def test_a_checkpoint_is_a_value() -> None:
    assert Checkpoint.parse(SIGNED[0].note) == SIGNED[0]
