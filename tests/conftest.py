"""Fixtures that all tests share: a clean environment and a real database."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg_pool import ConnectionPool

from infrastructure.database import (
    Connection,
    EmbeddedServer,
    connect,
    open_pool,
    prepare_writer,
)
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.settings import Settings
from tests.support.event_log import recorder_on
from tests.support.postgres import TestServer, running_server

RUN_FOLDER = "PYTEST_HANSARD_RUN_FOLDER"
"""Names the folder that the workers of one run share; they inherit the variable."""

OURS = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        folder = Path(tempfile.mkdtemp(prefix="hansard-tests-"))
        config.stash[OURS] = folder
        os.environ[RUN_FOLDER] = str(folder)


def pytest_unconfigure(config: pytest.Config) -> None:
    folder = config.stash.get(OURS, None)
    if folder is not None:
        EmbeddedServer(folder / "postgres").stop(now=True)  # a killed worker did not
        shutil.rmtree(folder)
        del os.environ[RUN_FOLDER]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the developer's settings, keys and data away from the tests."""
    for variable in os.environ:
        if variable.startswith(("HANSARD_", "ANTHROPIC_", "OPENAI_", "PG")):
            monkeypatch.delenv(variable)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setenv("HANSARD_HOME", str(tmp_path / "hansard-home"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[TestServer]:
    """The server of this run."""
    with running_server(Path(os.environ[RUN_FOLDER])) as server:
        yield server


@pytest.fixture
def database_url(postgres_server: TestServer) -> Iterator[str]:
    """Connection string of a fresh database with the newest schema."""
    with postgres_server.fresh_database() as conninfo:
        yield conninfo


@pytest.fixture
def empty_database_url(postgres_server: TestServer) -> Iterator[str]:
    """Connection string of a fresh database with nothing in it."""
    with postgres_server.fresh_database(migrated=False) as conninfo:
        yield conninfo


@pytest.fixture
def pool(database_url: str) -> Iterator[ConnectionPool[Connection]]:
    """Connections to a fresh database, with the rights of a writer."""
    with open_pool(database_url, prepare=prepare_writer) as pool:
        yield pool


@pytest.fixture
def recorder(database_url: str) -> Iterator[PostgresEventRecorder]:
    """A recorder on a fresh database, with the rights of a writer."""
    with recorder_on(database_url) as recorder:
        yield recorder


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A connection in autocommit mode to a fresh database."""
    with connect(database_url, autocommit=True) as connection:
        yield connection
