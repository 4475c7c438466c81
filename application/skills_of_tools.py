"""Skills of tools: what an agent is taken to be able to do when only its tools are said."""

from __future__ import annotations

from collections.abc import Iterable

SKILLS: dict[str, tuple[str, ...]] = {
    "draw_chart": ("charts", "graphs"),
    "evaluate_expression": ("metrics",),
    "list_files": (),
    "profile_table": ("analysis",),
    "query_table": ("sql", "data_extraction"),
    "read_file": ("documents",),
    "search_past_conversations": ("records",),
    "write_document": ("documents", "reporting"),
}
"""Skills, in the vocabulary of the packaged roster, that the tools of the house stand for."""


def skills_of(tools: Iterable[str]) -> tuple[str, ...]:
    """Infer specialisation tags from tools; one that is not known stands for itself."""
    return tuple(dict.fromkeys(skill for tool in tools for skill in SKILLS.get(tool, (tool,))))
