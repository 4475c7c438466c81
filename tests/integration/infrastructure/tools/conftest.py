"""Fixtures: a session with the real tools."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.tools.toolbox import LocalToolbox
from tests.support.tool_session import ToolSession


@pytest.fixture(scope="session")
def toolbox() -> Iterator[LocalToolbox]:
    """One toolbox for all sessions, as in the product."""
    toolbox = LocalToolbox(past_turns=None, max_input_bytes=200_000_000)
    yield toolbox
    toolbox.close()


@pytest.fixture
def session(toolbox: LocalToolbox, tmp_path: Path) -> ToolSession:
    """A session without files."""
    return ToolSession(toolbox, tmp_path)
