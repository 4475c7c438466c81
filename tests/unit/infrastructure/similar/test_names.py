"""The agent's name says nothing about what is meant."""

from __future__ import annotations

import pytest

from infrastructure.similar.names import without_names


@pytest.mark.parametrize(
    ("text", "agent", "expected"),
    [
        ("Nova, what is the margin?", "NOVA_001", "what is the margin?"),
        ("@nova_001 what is the margin?", "NOVA_001", "what is the margin?"),
        ("What is the margin?", "NOVA_001", "What is the margin?"),
        ("Nova, what is the margin?", None, "Nova, what is the margin?"),
        ("Nova", "NOVA_001", "Nova"),
    ],
)
def test_the_name_of_the_agent_is_taken_out(text: str, agent: str | None, expected: str) -> None:
    assert without_names(text, agent) == expected
