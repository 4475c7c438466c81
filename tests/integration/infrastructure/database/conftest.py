"""Fixtures of the database's own tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from infrastructure.database import EmbeddedServer
from tests.conftest import RUN_FOLDER
from tests.support.own_server import PASSWORD, OwnServer, own_server


@pytest.fixture
def new_home() -> Iterator[Path]:
    """A home with a short path, in which no server has run yet; one is stopped afterwards."""
    folder = Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8]
    folder.mkdir()
    yield folder
    EmbeddedServer(folder / "postgres").stop(now=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """The folder of a stopped server, made once because that takes most of a second."""
    folder = Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8]
    with EmbeddedServer(folder).joined():
        pass
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def home(new_home: Path, prepared: Path) -> Path:
    """A home in which a server has run already."""
    # Unlike shutil, cp keeps the owner.
    subprocess.run(["/bin/cp", "-a", str(prepared), str(new_home / "postgres")], check=True)
    return new_home


@pytest.fixture(scope="module")
def own() -> Iterator[OwnServer]:
    """A server of the user's own, with the role `worker` and its database `works`."""
    with own_server(Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8]) as server:
        server.administer(
            f"CREATE ROLE worker LOGIN CREATEROLE PASSWORD '{PASSWORD}'",
            f"CREATE ROLE outsider LOGIN PASSWORD '{PASSWORD}'",
            "CREATE DATABASE works OWNER worker",
        )
        server.administer("CREATE EXTENSION vector", database="works")
        yield server
