"""The command `report`: one page of what really happened, as it was when one asks for the past."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hansard.cli.main import CONFLICT, NOT_FOUND, USAGE, cli

EVIL = "<script>alert('x')</script>"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(each) for each in arguments])


@pytest.fixture(autouse=True)
def _home(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "output"))
    monkeypatch.chdir(tmp_path)


def test_a_report_shows_what_was_done(tmp_path: Path) -> None:
    done = run("run", "What is 6 * 7?", "-q", "--json")
    session = json.loads(done.stdout)["session_id"]
    run("run", f"{EVIL} sing me a song", "-q")

    written = run("report", "--out", "report.html", "--title", f"Our {EVIL}")

    assert written.exit_code == 0, written.output
    assert written.stdout == f"{tmp_path / 'report.html'}\n"
    assert "Adding up the figures ..." in written.stderr
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert session in page
    assert "What is 6 * 7?" in page
    assert "NOVA_001" in page
    assert EVIL not in page
    assert "<h1>Our &lt;script&gt;" in page
    assert "whole hours of history are needed" in page


def test_a_report_of_a_past_moment_and_of_a_range_leaves_out_the_rest(tmp_path: Path) -> None:
    first = json.loads(run("run", "What is 6 * 7?", "-q", "--json").stdout)
    second = json.loads(run("run", "What is 7 * 8?", "-q", "--json").stdout)
    position = str(first["position"])

    pages: list[str] = []
    for options in (("--at", position), ("--since", str(first["position"] + 1)), ()):
        file = tmp_path / f"{len(pages)}.html"
        assert run("report", "-o", file, "-q", *options).exit_code == 0
        pages.append(file.read_text(encoding="utf-8"))

    then, later, whole = pages
    assert f"position {first['position']:,} of the log" in then
    assert (first["session_id"] in then, second["session_id"] in then) == (True, False)
    assert (first["session_id"] in later, second["session_id"] in later) == (False, True)
    assert (first["session_id"] in whole, second["session_id"] in whole) == (True, True)


def test_the_same_past_moment_gives_the_same_report_after_more_was_done(tmp_path: Path) -> None:
    first = json.loads(run("run", "What is 6 * 7?", "-q", "--json").stdout)
    at = str(first["position"])
    run("report", "-o", "before.html", "-q", "--at", at)
    run("run", "What is 7 * 8?", "-q")

    run("report", "-o", "after.html", "-q", "--at", at)

    assert (tmp_path / "before.html").read_bytes() == (tmp_path / "after.html").read_bytes()


def test_an_empty_history_gives_a_page_that_says_so(tmp_path: Path) -> None:
    assert run("report", "-o", "report.html", "-q").exit_code == 0

    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Nothing is recorded in this range" in page
    assert "<svg" not in page


def test_a_file_that_exists_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("mine", encoding="utf-8")

    refused = run("report", "-o", "report.html")

    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "mine"
    assert _code(refused) == CONFLICT
    assert "Adding up" not in refused.stderr

    assert run("report", "-o", "report.html", "--force", "-q").exit_code == 0
    assert "<!doctype html>" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("-o", "missing/report.html"), USAGE),
        (("-o", "report.html", "--since", "yesterday"), USAGE),
        (("-o", "report.html", "--until", "2026-01-01T00:00:00"), USAGE),
        (("-o", "report.html", "--at", "01999999-0000-7000-8000-000000000000"), NOT_FOUND),
    ],
)
def test_what_cannot_be_understood_leaves_no_file(
    tmp_path: Path, options: tuple[str, ...], code: int
) -> None:
    refused = run("report", "-q", *options)

    assert _code(refused) == code
    assert not list(tmp_path.glob("*.html"))


def _code(result: Result) -> int:
    from hansard.cli.exits import exit_code  # noqa: PLC0415 - heavy

    assert isinstance(result.exception, Exception)
    return exit_code(result.exception)
