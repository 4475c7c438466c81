"""Fixtures of the acceptance tests: the installed command, and one run of the main job."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from infrastructure.database import connect
from infrastructure.database.process_lock import held_alone
from tests.conftest import RUN_FOLDER
from tests.support.command import LEDGER, REQUEST, WHEEL, Command
from tests.support.postgres import TEMPLATE, TestServer

DATABASE = "main_job"


@dataclass(frozen=True)
class MainJob:
    """The main job, run once by the installed command for all tests that only look at it.

    Attributes:
        hansard: the command, on the database of that run.
        view: the document that `hansard run --json` printed.
        earlier: the document of a calculation that was run before it.
    """

    hansard: Command
    view: dict[str, Any]
    earlier: dict[str, Any]

    @property
    def output(self) -> Path:
        """Folder of the results."""
        return Path(self.view["output_folder"])

    @property
    def session(self) -> str:
        """Id of the session."""
        return str(self.view["session_id"])

    def task(self, key: str) -> dict[str, Any]:
        """Find a task of the plan."""
        found: dict[str, Any] = next(task for task in self.view["tasks"] if task["key"] == key)
        return found


@pytest.fixture(scope="session")
def program() -> Path:
    """The console script of the installed wheel."""
    path = WHEEL / "bin" / "hansard"
    if not path.exists():
        pytest.fail("The wheel is not installed in build/wheel: run `make wheel`.", pytrace=False)
    return path


@pytest.fixture
def hansard(program: Path, database_url: str, tmp_path: Path) -> Command:
    """The installed command on a fresh database."""
    return Command(program, tmp_path, {"HANSARD_DATABASE_URL": database_url})


@pytest.fixture
def embedded(program: Path) -> Iterator[Command]:
    """The installed command as a newcomer has it: with an embedded server still to be made.

    Root's server runs as another user, and every pytest takes the others' right to pass through
    its own temporary folders away.
    """
    with TemporaryDirectory(dir=os.environ[RUN_FOLDER]) as folder:
        yield Command(program, Path(folder), {})


@pytest.fixture(scope="session")
def main_job(program: Path, postgres_server: TestServer) -> MainJob:
    """The main job on the example ledger; the first worker that needs it runs it."""
    folder = Path(os.environ[RUN_FOLDER])
    place, kept = folder / "main-job", folder / "main-job.json"
    url = postgres_server.conninfo_of(DATABASE)
    command = Command(program, place, {"HANSARD_DATABASE_URL": url})
    with held_alone(folder / "main-job.lock", timeout_s=300):
        if not kept.exists():
            place.mkdir()
            with connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {TEMPLATE}")
            earlier = command.document("run", "What is 1250 * 12?", "--quiet")
            view = command.document("run", REQUEST, "--input", LEDGER, "--quiet")
            kept.write_text(json.dumps([view, earlier]))
    return MainJob(command, *json.loads(kept.read_text()))
