"""Assembling: one text from several results, with what they agree on, contradict and lack."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from pydantic import JsonValue

from application.briefs import AssembleBrief, ResultBrief
from infrastructure.models.offline.figures import cell, table

_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z\d*`])")
_MOST_ROWS = 20


def assemble(brief: AssembleBrief) -> str:
    """Write one answer: main points, figures that agree or not, and what is missing."""
    done = [item for item in brief.results if item.result is not None]
    lacking = [item for item in brief.results if item.result is None]
    parts = [f"# {cell(brief.task.title)}"]
    if not done:
        parts.append("None of the tasks gave a result.")
    parts += _points(done)
    parts += _figures(done)
    files = dict.fromkeys(
        artefact.path for item in done if item.result for artefact in item.result.artefacts
    )
    if files:
        parts.append("Files: " + ", ".join(f"`{path}`" for path in files) + ".")
    if lacking:
        lines = [f"- {item.title}: {item.failure or 'no result'}" for item in lacking]
        parts.append("## Gaps\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def _points(done: Sequence[ResultBrief]) -> list[str]:
    """Tell each result once: a paragraph that several say is told with all their names."""
    tellers: dict[str, list[str]] = {}
    words: dict[str, str] = {}
    for item in done:
        for paragraph in (item.result.summary if item.result else "").split("\n\n"):
            text = paragraph.strip()
            if text and not text.startswith("#"):
                key = " ".join(text.casefold().split())
                words.setdefault(key, text)
                tellers.setdefault(key, []).append(item.title)
    shared = [key for key, titles in tellers.items() if len(set(titles)) > 1]
    parts = []
    if shared:
        lines = [f"- {words[key]} ({', '.join(dict.fromkeys(tellers[key]))})" for key in shared]
        parts.append("## What several results say\n\n" + "\n".join(lines))
    for item in done:
        own = [words[key] for key, titles in tellers.items() if titles == [item.title]]
        if own:
            parts.append(f"## {cell(item.title)}\n\n" + "\n\n".join(own))
    return parts


def _figures(done: Sequence[ResultBrief]) -> list[str]:
    """Compare the values that several results give under one name."""
    found: dict[str, list[tuple[str, JsonValue]]] = {}
    files = {path.path for item in done if item.result for path in item.result.artefacts}
    for item in done:
        for name, value in (item.result.data if item.result else {}).items():
            if isinstance(value, str) and value in files:
                continue  # each has its own
            if isinstance(value, (str, int, float, bool)) and len(str(value)) <= 80:  # noqa: PLR2004 - fits a cell
                found.setdefault(name, []).append((item.title, value))
    compared = {name: told for name, told in found.items() if len(told) > 1}
    if not compared:
        return []
    rows = []
    for name, told in list(compared.items())[:_MOST_ROWS]:
        values = {json.dumps(value) for _, value in told}
        verdict = "agree" if len(values) == 1 else "**contradict each other**"
        said = "; ".join(f"{title}: {value}" for title, value in told)
        rows.append([cell(name), cell(said), verdict])
    return ["## Values that several results give\n\n" + table(["Value", "Said", ""], rows, 3)]


def first_sentence(text: str) -> str:
    """Give the first sentence of a Markdown text."""
    line = next((part for part in text.split("\n") if part.strip() and part[0] not in "#|"), "")
    return _SENTENCES.split(line.strip())[0]
