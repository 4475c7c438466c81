"""Nothing that belongs to one machine is committed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The brackets keep these patterns from finding themselves.
PACKAGE_INDEX = re.compile(r"py[p]i\.org|python[h]osted\.org|https?://\S+/simple\b|--index-ur[l]")
PRIVATE_FOLDER = re.compile(r"(?<![\w.$}/-])/(?:home|Users|root|work)/[\w.]")


def committed_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - whichever git the developer uses
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def offending_lines(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in committed_files()
        for number, line in enumerate(path.read_text("utf-8", "ignore").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_index() -> None:
    assert offending_lines(PACKAGE_INDEX) == []


def test_no_file_names_a_private_folder() -> None:
    assert offending_lines(PRIVATE_FOLDER) == []


@pytest.mark.parametrize(
    "host", ["py" + "pi.org", "files.python" + "hosted.org", "a.example/simple"]
)
def test_a_package_index_is_found(host: str) -> None:
    assert PACKAGE_INDEX.search(f"https://{host}/project")


@pytest.mark.parametrize("folder", ["home", "Users", "root", "work"])
def test_a_private_folder_is_found(folder: str) -> None:
    assert PRIVATE_FOLDER.search(f"open('/{folder}/ada/ledger.csv')")


@pytest.mark.parametrize("text", ["https://example.org/work/x", "${HOME}/root/x", "docs/home/x"])
def test_harmless_paths_are_left_alone(text: str) -> None:
    assert not PRIVATE_FOLDER.search(text)
    assert not PACKAGE_INDEX.search(text)
