"""Private folder: no copy of user data outlives its owner for long."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from infrastructure.tools.interruption import Interruption
from infrastructure.tools.tables.loading import Source
from infrastructure.tools.tables.private_folder import PREFIX, PrivateFolder, remove_abandoned
from infrastructure.tools.tables.store import TableStore
from tests.support.processes import guided

OWNER = """
import sys
from pathlib import Path
from infrastructure.tools.interruption import Interruption
from infrastructure.tools.tables.loading import Source
from infrastructure.tools.tables.store import TableStore
store = TableStore()
with store.using(Source("t.csv", Path(sys.argv[1])), "0" * 64, Interruption()) as table:
    print(table.path, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n")
    return path


def test_a_new_store_removes_what_a_killed_process_left(csv: Path) -> None:
    with guided(OWNER, str(csv)) as process:
        left = Path(process.heard())
        process.kill()
    assert left.exists()
    with TableStore().using(Source("t.csv", csv), "0" * 64, Interruption()) as table:
        assert table.path.exists()
        assert not left.parent.exists()


def test_the_folder_of_a_living_process_stays_until_it_ends(csv: Path) -> None:
    with guided(OWNER, str(csv)) as process:
        used = Path(process.heard())
        remove_abandoned(used.parent.parent)
        assert used.exists()
        assert process.finish() == 0
    assert not used.parent.exists()


def test_links_files_and_other_folders_are_left_alone(tmp_path: Path, temporary: Path) -> None:
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    (treasure / "kept").touch()
    (temporary / f"{PREFIX}link").symlink_to(treasure)
    (temporary / f"{PREFIX}file").touch()
    (temporary / "other").mkdir()
    remove_abandoned(temporary)
    assert (treasure / "kept").exists()
    assert len(list(temporary.iterdir())) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_the_folders_of_other_users_are_left_alone(temporary: Path) -> None:
    foreign = temporary / f"{PREFIX}foreign"
    foreign.mkdir()
    os.chown(foreign, 12345, 12345)
    remove_abandoned(temporary)
    assert foreign.exists()


def test_a_folder_is_private_and_goes_with_its_owner() -> None:
    folder = PrivateFolder()
    path = folder.path
    assert path.stat().st_mode & 0o777 == 0o700
    del folder
    assert not path.exists()


def test_a_folder_that_is_taken_for_abandoned_at_birth_is_made_again(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = tempfile.mkdtemp
    made: list[str] = []

    def robbed(*args: str, **kwargs: str) -> str:
        made.append(make(*args, **kwargs))
        if len(made) == 1:
            remove_abandoned(temporary)
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", robbed)
    assert PrivateFolder().path == Path(made[1])


def test_the_least_recently_used_table_is_forgotten(tmp_path: Path, csv: Path) -> None:
    store = TableStore(capacity=1)
    paths = []
    for number in range(3):
        with store.using(Source("t.csv", csv), f"{number:064}", Interruption()) as table:
            paths.append(table.path)
    assert [path.exists() for path in paths] == [False, False, True]
