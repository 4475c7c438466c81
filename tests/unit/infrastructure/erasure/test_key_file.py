"""KeyFile: made once, for the owner alone, and never used when anything about it is wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infrastructure.erasure.errors import KeyFileError
from infrastructure.erasure.key_file import KeyFile, MasterKey

OWNER = b"log customer-42"
DATA = b"d" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "subjects.key"


def test_there_are_no_keys_before_the_file_is_made(path: Path) -> None:
    assert KeyFile(path).read() == []
    assert not path.parent.exists()


def test_the_file_and_its_folder_are_for_the_owner_alone(path: Path) -> None:
    KeyFile(path).create()

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [it.name for it in path.parent.iterdir()] == [path.name]


def test_what_was_wrapped_is_unwrapped_by_the_key_read_again(path: Path) -> None:
    [made] = KeyFile(path).create()
    wrapped = made.wrap(DATA, OWNER)

    [read] = KeyFile(path).read()

    assert read.key_id == made.key_id
    assert read.unwrap(wrapped, OWNER) == DATA


def test_a_wrapped_key_is_of_use_to_nobody_else() -> None:
    master = MasterKey.new()
    wrapped = master.wrap(DATA, OWNER)

    assert MasterKey.new().unwrap(wrapped, OWNER) is None
    assert master.unwrap(wrapped, b"log customer-43") is None
    assert master.unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]), OWNER) is None
    assert master.unwrap(b"", OWNER) is None
    assert master.wrap(DATA, OWNER) != wrapped


def test_whoever_comes_first_makes_the_key_of_all(path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: KeyFile(path).create()[0].key_id, range(16)))

    assert len(set(made)) == 1


def test_several_keys_keep_their_order(path: Path) -> None:
    old, new = MasterKey.new(), MasterKey.new()
    KeyFile(path).create()

    KeyFile(path).replace([old, new])

    assert [it.key_id for it in KeyFile(path).read()] == [old.key_id, new.key_id]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_may_read_is_refused(path: Path, mode: int) -> None:
    KeyFile(path).create()
    path.chmod(mode)

    with pytest.raises(KeyFileError, match=rf"\(mode {mode:o}\).*chmod 600"):
        KeyFile(path).read()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no key:"),
        ("# only words\n", "holds no key:"),
        ("nonsense\n", "was changed"),
        ("0123456789abcdef !!!!\n", "holds no key in one line"),
        ("0123456789abcdef AAAA\n", "was changed"),
        ("\N{SNOWMAN}", "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused(path: Path, content: str, said: str) -> None:
    KeyFile(path).create()
    path.write_text(content, encoding="utf-8")

    with pytest.raises(KeyFileError, match=said) as caught:
        KeyFile(path).read()

    assert str(path) in str(caught.value)


def test_a_changed_key_is_refused_and_not_shown(path: Path) -> None:
    KeyFile(path).create()
    *_, line = path.read_text(encoding="ascii").splitlines()
    key_id, encoded = line.split()
    changed = ("B" if encoded[0] == "A" else "A") + encoded[1:]
    path.write_text(f"{key_id} {changed}\n", encoding="ascii")

    with pytest.raises(KeyFileError, match="was changed") as caught:
        KeyFile(path).read()

    assert changed not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").touch()

    with pytest.raises(KeyFileError, match="cannot be written"):
        KeyFile(tmp_path / "keys" / "subjects.key").create()


def test_a_folder_in_place_of_the_file_is_named(path: Path) -> None:
    path.mkdir(parents=True)

    with pytest.raises(KeyFileError, match="cannot be read"):
        KeyFile(path).read()
    with pytest.raises(KeyFileError, match="cannot be written"):
        KeyFile(path).replace([MasterKey.new()])
    assert [it.name for it in path.parent.iterdir()] == [path.name]
