"""A log with integrity, and somebody who attacks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.database import Connection
from infrastructure.integrity.service import LogIntegrity
from tests.support.integrity import Attacker, integrity_on


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where keys and published checkpoints lie."""
    return tmp_path / "home"


@pytest.fixture
def integrity(database_url: str, home: Path) -> Iterator[LogIntegrity]:
    """Integrity of a fresh log."""
    with integrity_on(database_url, home) as opened:
        yield opened


@pytest.fixture
def attacker(connection: Connection) -> Attacker:
    """Somebody who may do anything in the database."""
    return Attacker(connection)
