"""A11: rules by keywords and patterns that agents are configured with."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.agent import AgentCapabilities
from domain.routing import Need, Profile, score
from domain.routing.words import every_word_in, occurs


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("invoic*", "Send the INVOICES out", True),
        ("invoic*", "Send them out", False),
        ("q?", "Results of Q4", True),
        ("net income", "The income, net of tax", True),
        ("net income", "The income", False),
        ("*", "", False),
    ],
)
def test_a_pattern_occurs_when_all_its_words_do(pattern: str, text: str, found: bool) -> None:  # noqa: FBT001 - a case
    assert occurs(pattern, every_word_in(text)) is found


def test_a_pattern_that_occurs_counts_as_all_describing_words() -> None:
    plain = Profile(agent_id=UUID(int=0), handle="FIN_002", skills=("ar",), words="Invoicing")
    marked = plain.model_copy(update={"patterns": ("invoic*",)})
    need = Need(skills=(), words="Send the invoices out")

    assert score(plain, need).parts["words"] == 0.0
    assert score(marked, need).score == 1.0


def test_an_agent_without_patterns_is_written_as_it_was() -> None:
    assert "patterns" not in AgentCapabilities().model_dump_json()
