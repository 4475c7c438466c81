"""Vocabulary: what can be named is what the documentation says."""

from __future__ import annotations

from pathlib import Path

from application.comparing.predicates import parse
from application.comparing.vocabulary import LOG_VOCABULARY, SESSION_VOCABULARY

PAGE = (Path(__file__).parents[4] / "docs" / "diff-and-bisect.md").read_text(encoding="utf-8")


def test_the_page_lists_what_can_be_named_with_units_and_meanings() -> None:
    rows = {line for line in PAGE.splitlines() if line.startswith("| `")}
    of_session, of_log = SESSION_VOCABULARY.terms, LOG_VOCABULARY.terms
    expected = set()
    for name, term in {**of_session, **of_log}.items():
        of = "both" if name in of_session and name in of_log else "a session"
        of = of if name in of_session else "the log"
        expected.add(f"| `{name}` | {of} | {term.unit or 'text'} | {term.meaning} |")

    assert rows == expected


def test_the_page_lists_what_can_be_named_of_an_agent() -> None:
    assert all(f"`{name}`" in PAGE for name in SESSION_VOCABULARY.agent_names)
    for name in SESSION_VOCABULARY.agent_names:
        assert parse(f"agent('FIN_007').{name} > 0", LOG_VOCABULARY).terms[0].unit


def test_what_is_told_elsewhere_says_where() -> None:
    for name, sentence in SESSION_VOCABULARY.elsewhere.items():
        assert name in LOG_VOCABULARY.terms
        assert "leave the session out" in sentence
    for name, sentence in LOG_VOCABULARY.elsewhere.items():
        assert name in SESSION_VOCABULARY.terms
        assert "name a session" in sentence
