"""Writing: a page is in its file whole, or the file is what it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from application.errors import BadRequestError, ConflictError
from infrastructure.report import write_page, writing


def test_a_page_is_written_and_its_absolute_path_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    file = write_page(Path("report.html"), "päge\n", force=False)

    assert file == tmp_path / "report.html"
    assert file.read_bytes() == "päge\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_file_that_exists_is_replaced_only_when_that_is_wanted(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("old", encoding="utf-8")

    with pytest.raises(ConflictError, match="exists"):
        write_page(file, "new", force=False)
    assert file.read_text(encoding="utf-8") == "old"

    write_page(file, "new", force=True)
    assert file.read_text(encoding="utf-8") == "new"


def test_a_file_that_appears_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "report.html"
    monkeypatch.setattr(writing, "check_writable", lambda *_, **__: file.write_text("other"))

    with pytest.raises(ConflictError, match="somebody else"):
        write_page(file, "new", force=False)
    assert file.read_text(encoding="utf-8") == "other"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_failure_leaves_the_old_page_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "report.html"
    file.write_text("old", encoding="utf-8")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadRequestError, match="No space left"):
        write_page(file, "new", force=True)
    assert file.read_text(encoding="utf-8") == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_or_a_file_without_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match="is a folder"):
        write_page(tmp_path, "page", force=True)
    with pytest.raises(BadRequestError, match="There is no folder"):
        write_page(tmp_path / "missing" / "report.html", "page", force=True)


@pytest.mark.skipif(os.name == "nt", reason="folders have no such rights")
def test_the_page_has_the_rights_that_new_files_have(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()

    file = write_page(tmp_path / "report.html", "page", force=False)

    assert file.stat().st_mode == plain.stat().st_mode
