"""A log in small partitions, with odd events in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.database import Connection
from tests.support.archive import ArchivableLog, archivable_log
from tests.support.event_log import shrink_partitions

PARTITION = 100


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where archives, keys and published checkpoints lie."""
    return tmp_path / "home"


@pytest.fixture
def log(database_url: str, connection: Connection, home: Path) -> Iterator[ArchivableLog]:
    """An empty log in partitions of a hundred positions."""
    shrink_partitions(connection, PARTITION)
    with archivable_log(database_url, home) as opened:
        yield opened
