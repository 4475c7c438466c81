"""Files: a session's tools reach its inputs by name and its output folder, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from domain.effect import FailureKind
from tests.support.tool_session import ToolSession

OUTSIDE = [
    "../secret.txt",
    "..",
    ".",
    "/etc/passwd",
    "a/../../secret.txt",
    "in/../x",
    "..\\secret.txt",
    "C:\\secret.txt",
    "C:secret.txt",
    "~/secret.txt",
    ".hidden",
    "x\0.txt",
    "x\n.txt",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_name_that_leads_outside_is_not_allowed_and_named(
    session: ToolSession, name: str
) -> None:
    (session.inputs.parent / "secret.txt").write_text("secret")
    failure = session.failure("read_file", name=name)
    assert failure.kind is FailureKind.NOT_ALLOWED
    assert repr(name) in failure.message


def test_a_link_that_leads_out_of_the_output_folder_is_not_followed(session: ToolSession) -> None:
    secret = session.inputs.parent / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    session.output.mkdir()
    (session.output / "link.csv").symlink_to(secret)
    failure = session.failure("read_file", name="link.csv")
    assert failure.kind is FailureKind.NOT_ALLOWED
    assert session.use("list_files")["files"] == []
    assert session.failure("profile_table", table="link").kind is FailureKind.NOT_FOUND
    document = session.failure("write_document", title="T", markdown="![x](link.svg)")
    assert document.kind is FailureKind.NOT_FOUND


def test_an_input_that_changed_since_the_session_opened_is_refused(session: ToolSession) -> None:
    path = session.add("a.csv", "a,b\n1,2\n")
    path.write_text("a,b\n1,3\n")
    for failure in (
        session.failure("read_file", name="a.csv"),
        session.failure("query_table", sql="SELECT * FROM a"),
        session.failure("profile_table", table="a"),
    ):
        assert failure.kind is FailureKind.BAD_INPUT
        assert "'a.csv' has changed" in failure.message
    path.write_text("a,b\n1,234\n")
    assert "has changed" in session.failure("read_file", name="a.csv").message


def test_what_is_not_there_is_not_found_and_the_files_are_listed(session: ToolSession) -> None:
    path = session.add("a.csv", "a,b\n1,2\n")
    failure = session.failure("read_file", name="b.csv")
    assert failure.kind is FailureKind.NOT_FOUND
    assert "the files are: a.csv" in failure.message
    path.unlink()
    assert session.failure("read_file", name="a.csv").kind is FailureKind.NOT_FOUND


def test_two_gigabytes_are_too_large_at_once_without_being_read(session: ToolSession) -> None:
    path = session.inputs / "big.csv"
    with path.open("wb") as file:
        file.truncate(2 << 30)
    session.hand_in(path, sha256="0" * 64)
    before = os.times()
    for failure in (
        session.failure("read_file", name="big.csv"),
        session.failure("query_table", sql="SELECT * FROM big"),
    ):
        assert failure.kind is FailureKind.TOO_LARGE
        assert "2,147,483,648 bytes; at most 200,000,000" in failure.message
    assert os.times().user - before.user < 1


def test_a_pipe_or_folder_never_hangs_a_tool(session: ToolSession) -> None:
    session.output.mkdir()
    os.mkfifo(session.output / "pipe.txt")
    (session.output / "folder").mkdir()
    assert session.failure("read_file", name="pipe.txt").kind is FailureKind.NOT_ALLOWED
    assert session.failure("read_file", name="folder").kind is FailureKind.BAD_INPUT
    session.use("write_document", title="T", markdown="x", file_stem="report")
    (session.output / "x.csv").mkdir()
    assert "is a folder" in session.failure("query_table", sql="SELECT 1", save_as="x").message


def test_a_name_too_long_for_the_disk_is_not_found(session: ToolSession) -> None:
    assert session.failure("read_file", name="x" * 5000).kind is FailureKind.NOT_FOUND


def test_an_input_may_be_a_link_since_the_user_named_it(
    session: ToolSession, tmp_path: Path
) -> None:
    real = tmp_path / "real.txt"
    real.write_text("text")
    link = session.inputs / "link.txt"
    link.symlink_to(real)
    session.hand_in(link)
    assert session.use("read_file", name="link.txt")["text"] == "text"


def test_files_are_listed_with_their_tables_inputs_first(session: ToolSession) -> None:
    session.add("z.csv", "a,b\n1,2\n")
    session.add("notes.md", "# x")
    session.use("query_table", sql="SELECT 1 AS a", save_as="answer")
    (session.output / ".unfinished").touch()
    assert session.use("list_files")["files"] == [
        {"name": "z.csv", "size": 8, "origin": "input", "table": "z"},
        {"name": "notes.md", "size": 3, "origin": "input", "table": None},
        {"name": "answer.csv", "size": 6, "origin": "output", "table": "answer"},
    ]


def test_text_is_read_piece_by_piece_in_characters(session: ToolSession) -> None:
    session.add("x.txt", "äöü€" * 1000)
    first = session.use("read_file", name="x.txt", limit=5)
    assert first == {"text": "äöü€ä", "next_offset": 5}
    assert session.use("read_file", name="x.txt", offset=3998) == {
        "text": "ü€",
        "next_offset": None,
    }
    assert "is behind the end" in session.failure("read_file", name="x.txt", offset=4001).message
    session.add("empty.txt", "")
    assert session.use("read_file", name="empty.txt") == {"text": "", "next_offset": None}
    session.add("x.pdf", b"%PDF-1.4")
    assert "PDF" in session.failure("read_file", name="x.pdf").message
