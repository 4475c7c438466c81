"""The command `db archive`: whatever is looked at afterwards is as it was before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import hansard
from application.auditing.views import WhyView
from application.errors import BadRequestError, IntegrityError, NotFoundError
from hansard.cli.main import cli
from infrastructure.database import Connection
from tests.support.event_log import shrink_partitions


@pytest.fixture
def settings(
    database_url: str, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log in partitions of forty positions, in a few of which there are sessions."""
    shrink_partitions(connection, 40)
    monkeypatch.setenv("HANSARD_DATABASE_URL", database_url)
    monkeypatch.setenv("HANSARD_OUTPUT_ROOT", str(tmp_path / "out"))
    with hansard.open() as h:
        while h.run("What is 6 * 7?").position < 300:
            pass


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["db", *arguments])


def answer(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def everything(h: hansard.Hansard) -> list[Any]:
    """Look at all there is to see, as of the newest session and at past moments.

    Looking adds to the log, so that checkpoints grow and proofs get longer: they stay out.
    """
    sessions = h.sessions(limit=1000).items
    at = h.session(hansard.LAST).position
    seen: list[Any] = [sessions, h.agents(), h.stats(at=at), h.audit(at=at, limit=1000)]
    for summary in sessions:
        view = h.session(summary.session_id)
        whys = [h.why(task.task_id) for task in view.tasks]
        assert all(link.inclusion and link.inclusion.verified for why in whys for link in why.chain)
        seen += [view, *(without_proofs(why) for why in whys)]
        for at in range(summary.position, view.position, 7):
            seen += [h.session(summary.session_id, at=at), h.agents(at=at)]
    return seen


def without_proofs(why: WhyView) -> WhyView:
    """Take the proofs out of an explanation."""
    bare = {"inclusion": None}
    return why.model_copy(
        update={
            "decisions": tuple(each.model_copy(update=bare) for each in why.decisions),
            "chain": tuple(each.model_copy(update=bare) for each in why.chain),
        }
    )


@pytest.mark.usefixtures("settings")
def test_all_that_is_shown_is_the_same_after_archiving(tmp_path: Path) -> None:
    with hansard.open() as h:
        before = everything(h)

    planned = answer("archive", "--before", "250", "--dry-run")
    done = run("archive", "--before", "250")
    found = answer("status")

    assert [one["last"] for one in planned["archived"]] == [40, 80, 120, 160, 200, 240]
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0].startswith("Positions 1 to 40 moved from the database (")
    assert len(done.stdout.splitlines()) == 6
    assert "Positions 201 to 240: dropped." in done.stderr
    with hansard.open() as h:
        assert everything(h) == before
    folder = tmp_path / "hansard-home" / "archive"
    files = sorted(path for path in folder.rglob("*.parquet"))
    assert len(files) == len(found["log"]["archives"]) == 6
    assert {folder / one["name"] for one in found["log"]["archives"]} == set(files)
    assert sum(path.stat().st_size for path in files) == sum(
        one["bytes"] for one in found["log"]["archives"]
    )
    assert found["log"]["partitions"][0]["first"] == 241
    newest = answer("status")["log"]["newest"]  # looking added to the log
    told = run("status").stdout.splitlines()
    assert told[-2].startswith(f"Log: up to position {newest}, from 241 on in the")
    assert told[-1].startswith("Archives: 6, up to position 240 (")
    assert run("archive", "--before", "250").stdout == (
        "No partition holds events up to position 249 alone: nothing to do.\n"
    )


@pytest.mark.usefixtures("settings")
def test_a_moment_is_said_as_elsewhere() -> None:
    with hansard.open() as h:
        first = h.sessions(limit=1000).items[-1]

    def lasts(before: str) -> list[int]:
        planned = answer("archive", "--before", before, "--dry-run")
        return [one["last"] for one in planned["archived"]]

    assert lasts(first.opened_at.isoformat()) == [*range(40, first.position, 40)]
    assert lasts("41") == [40]
    assert lasts("40") == lasts("1970-01-01T00:00:00Z") == lasts("0") == []
    assert lasts("9999-01-01T00:00:00Z") == lasts("1000000") == [40, 80, 120, 160, 200, 240]
    assert isinstance(run("archive", "--before", "soon").exception, BadRequestError)
    unknown = "01999999-0000-7000-8000-000000000001"
    assert isinstance(run("archive", "--before", unknown).exception, NotFoundError)
    assert run("archive").exit_code == 2


@pytest.mark.usefixtures("settings")
def test_verifying_reads_archives_and_notices_a_damaged_one(tmp_path: Path) -> None:
    answer("archive", "--before", "250")
    intact = CliRunner().invoke(cli, ["verify", "--json"])
    assert json.loads(intact.stdout)["is_intact"]

    path = next((tmp_path / "hansard-home").rglob("*-81-120.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    noticed = CliRunner().invoke(cli, ["verify"])
    assert isinstance(noticed.exception, IntegrityError)
    assert f"The archive '{path}' with positions 81 to 120" in str(noticed.exception)
