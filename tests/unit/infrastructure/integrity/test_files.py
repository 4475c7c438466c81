"""Files that are written piece by piece: whole in their place, or not there at all."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

from infrastructure.integrity.files import AtomicFile


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_its_place_once_it_is_published(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    with AtomicFile(path) as file:
        file.write(b"one ")
        file.write(b"two")
        assert not path.exists()
        file.publish(replace=False)

    assert path.read_bytes() == b"one two"
    assert (file.size, file.sha256) == (7, sha256(b"one two").hexdigest())
    assert path.stat().st_mode & 0o777 == 0o600
    assert names(path.parent) == ["file"]


def test_what_was_there_stays_unless_it_may_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    with AtomicFile(path) as file:
        file.write(b"new")
        with pytest.raises(FileExistsError):
            file.publish(replace=False)
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["file"])

    with AtomicFile(path) as file:
        file.write(b"new")
        file.publish(replace=True)
    assert (path.read_bytes(), names(tmp_path)) == (b"new", ["file"])


def test_nothing_is_left_of_a_file_that_was_not_published(tmp_path: Path) -> None:
    with AtomicFile(tmp_path / "one") as file:
        file.write(b"unfinished")

    with suppress(KeyboardInterrupt), AtomicFile(tmp_path / "two") as file:
        file.write(b"unfinished")
        raise KeyboardInterrupt

    assert names(tmp_path) == []
