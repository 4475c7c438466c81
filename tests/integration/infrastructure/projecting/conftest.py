"""Fixtures of projecting."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.read_side import ReadSide, open_read_side


@pytest.fixture
def read_side(database_url: str) -> Iterator[ReadSide]:
    """A log with read models, both empty."""
    with open_read_side(database_url) as read_side:
        yield read_side
