"""Fixtures of the database's own tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from infrastructure.database import EmbeddedServer
from tests.conftest import RUN_FOLDER
from tests.support.own_server import PASSWORD, OwnServer, own_server


@pytest.fixture
def home() -> Iterator[Path]:
    """A home with a short path; its server is stopped afterwards."""
    folder = Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8]
    folder.mkdir()
    yield folder
    EmbeddedServer(folder / "postgres").stop(now=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def own() -> Iterator[OwnServer]:
    """A server of the user's own, with the role `worker` and its database `works`."""
    with own_server(Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8]) as server:
        server.administer(
            f"CREATE ROLE worker LOGIN PASSWORD '{PASSWORD}'",
            f"CREATE ROLE outsider LOGIN PASSWORD '{PASSWORD}'",
            "CREATE DATABASE works OWNER worker",
        )
        server.administer("CREATE EXTENSION vector", database="works")
        yield server
