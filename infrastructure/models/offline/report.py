"""Report: writes the document a finance chief reads, from the figures and charts handed in."""

from __future__ import annotations

from collections.abc import Sequence

from application.briefs import ExecuteBrief, Submission
from infrastructure.models.offline.charts import Chart
from infrastructure.models.offline.facts import Facts
from infrastructure.models.offline.findings import Findings
from infrastructure.models.offline.metrics import find
from infrastructure.models.offline.reading import facts_of
from infrastructure.models.offline.sections import (
    breakdown_sections,
    cell_sentence,
    charts_left_over,
    headline_table,
    key_points,
    method,
    monthly_section,
    movers_section,
    unusual_section,
)
from infrastructure.models.offline.work import Call, Work, use
from infrastructure.tools.schemas import WriteDocumentAnswer, WriteDocumentArguments

OFFLINE_NOTE = "Written by Hansard's offline rules, without a language model."


def write_report(brief: ExecuteBrief) -> Work[Submission]:
    """Write the report and hand in its key points."""
    facts = yield from facts_of(brief)
    findings = _findings(brief)
    if findings is None:
        findings = yield from find(facts)
    charts, missing = _charts(brief), _missing(brief)
    title = f"{_subject(facts)}: {facts.period_label}"
    arguments = WriteDocumentArguments(
        title=title,
        markdown=compose(title, facts, findings, charts, missing),
        file_stem="report",
        language="en",
    )
    (answer,) = yield from use(Call("write_document", arguments))
    files = WriteDocumentAnswer.model_validate(answer.content).files
    points = "\n".join(f"- {point}" for point in key_points(facts, findings))
    return Submission(
        done=True,
        summary="\n\n".join(
            part
            for part in (
                f"**{title}**",
                points,
                _notable(facts),
                f"The full report is in {' and '.join(files)}.",
            )
            if part
        ),
        data={"files": list(files)},
    )


def _subject(facts: Facts) -> str:
    if facts.has_result:
        return "Financial report"
    return " and ".join(line.label for line in facts.lines) + " report"


def _notable(facts: Facts) -> str:
    """The notes on the data that a reader of the key points must know."""
    notes = "\n".join(f"- {cell_sentence(note)}" for note in facts.notes)
    return f"To know about the data:\n\n{notes}" if notes else ""


def compose(
    title: str,
    facts: Facts,
    findings: Findings,
    charts: Sequence[Chart],
    missing: Sequence[str] = (),
) -> str:
    """Compose the report in Markdown."""
    points = "\n".join(f"- {point}" for point in key_points(facts, findings))
    used: set[str] = set()
    parts = [
        f"# {title}",
        _source(facts),
        f"## Key points\n\n{points}",
        f"## Headline figures\n\n{headline_table(facts, findings)}",
        monthly_section(facts, findings, charts, used),
        *breakdown_sections(facts, findings, charts, used),
        movers_section(facts, findings),
        charts_left_over(charts, used),
        unusual_section(facts, findings),
        method(facts, findings, missing),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _source(facts: Facts) -> str:
    currency = f" Amounts in {facts.currency}." if facts.currency else ""
    dates = ""
    if facts.period is not None:
        last = facts.period.end.toordinal() - 1
        end = facts.period.end.fromordinal(last)
        dates = f", {facts.period.start.isoformat()} to {end.isoformat()}"
    return f"*Source: {facts.file}, {facts.period_label}{dates}.{currency} {OFFLINE_NOTE}*"


def _findings(brief: ExecuteBrief) -> Findings | None:
    for dependency in brief.dependencies:
        if dependency.result is not None and "findings" in dependency.result.data:
            return Findings.model_validate(dependency.result.data["findings"])
    return None


def _charts(brief: ExecuteBrief) -> tuple[Chart, ...]:
    charts: list[Chart] = []
    for dependency in brief.dependencies:
        listed = dependency.result.data.get("charts") if dependency.result else None
        if isinstance(listed, list):
            charts += [Chart.model_validate(chart) for chart in listed]
    return tuple(charts)


def _missing(brief: ExecuteBrief) -> tuple[str, ...]:
    return tuple(
        f"{dependency.title} is missing: {dependency.failure}"
        for dependency in brief.dependencies
        if dependency.failure
    )
