"""Extract: finds the table, settles the period, and saves the rows of it."""

from __future__ import annotations

import re

from application.briefs import ExecuteBrief, Submission
from domain.effect import ToolAnswer
from infrastructure.models.offline.facts import Facts
from infrastructure.models.offline.figures import whole
from infrastructure.models.offline.reading import read_facts
from infrastructure.models.offline.requests import Kind, recognise
from infrastructure.models.offline.sql import column, entries, in_span, where
from infrastructure.models.offline.work import Call, Work, use
from infrastructure.tools.schemas import QueryTableAnswer, QueryTableArguments

_REPORTED = frozenset({Kind.REPORT, None})
"""Kinds of request whose reader wants the rows; None stands for a plan that another model made."""


def extract(brief: ExecuteBrief) -> Work[Submission]:
    """Establish the facts of the table; for a report, keep the rows of the period as a file."""
    facts = yield from read_facts(brief)
    if recognise(brief.request, brief.files).kind in _REPORTED:
        facts = yield from _keep_rows(facts)
    return Submission(
        done=True, summary=_summary(facts), data={"facts": facts.model_dump(mode="json")}
    )


def _keep_rows(facts: Facts) -> Work[Facts]:
    sql = entries(facts) + f"SELECT * EXCLUDE ({_added(facts)})\nFROM _entries"
    sql += where(in_span(facts, facts.period))
    if facts.date_sql:
        sql += "\nORDER BY _day"
    arguments = QueryTableArguments(sql=sql, limit=1, save_as=_file_name(facts))
    (answer,) = yield from use(Call("query_table", arguments))
    found = QueryTableAnswer.model_validate(answer.content)
    return facts.model_copy(
        update={
            "period_entries": found.row_count,
            "extract_file": found.saved_as or "",
            "extract_sha256": _sha256(answer),
        }
    )


def _added(facts: Facts) -> str:
    """Name the columns that `_entries` adds, so that the file holds the table's own."""
    added = ["_day"] if facts.date_sql else []
    added += [column(line) for line in facts.lines]
    return ", ".join([*added, "_units"] if facts.quantity_sql else added)


def _file_name(facts: Facts) -> str:
    words = re.findall(r"[a-z0-9]+", f"{facts.table} {facts.period_label}".casefold())
    return "_".join(words)[:60].lstrip("_") + "_rows.csv"


def _sha256(answer: ToolAnswer) -> str:
    return answer.artefacts[0].sha256 if answer.artefacts else ""


def _summary(facts: Facts) -> str:
    figures = ", ".join(line.label.lower() for line in facts.lines)
    said = (
        f"{whole(facts.period_entries)} of {whole(facts.entries)} entries of {facts.file} belong to"
        f" {facts.period_label}"
    )
    if facts.date_name:
        said += f" (column {facts.date_name})"
    said += f". Figures: {figures}{facts.unit}."
    if facts.dimensions:
        said += f" Grouped by {', '.join(facts.dimensions)}."
    return " ".join((said, *facts.notes))
