"""Metrics: computes the figures of a period and of the spans it is compared with."""

from __future__ import annotations

from application.briefs import ExecuteBrief, Submission
from infrastructure.models.offline.facts import Facts
from infrastructure.models.offline.figures import amount, change, table
from infrastructure.models.offline.findings import (
    Findings,
    Statement,
    breakdown_statement,
    months_statement,
    outlier_rule,
    outlier_statement,
    read_breakdowns,
    read_months,
    read_outliers,
    read_totals,
    totals_statement,
)
from infrastructure.models.offline.reading import facts_of
from infrastructure.models.offline.work import Work, query


def compute_metrics(brief: ExecuteBrief) -> Work[Submission]:
    """Compute and hand in the figures."""
    facts = yield from facts_of(brief)
    findings = yield from find(facts)
    return Submission(
        done=True,
        summary=_summary(facts, findings),
        data={
            "facts": facts.model_dump(mode="json"),
            "findings": findings.model_dump(mode="json"),
        },
    )


def find(facts: Facts) -> Work[Findings]:
    """Run the queries of a period, all in parallel."""
    wanted = {
        "Headline figures": totals_statement(facts),
        "Month by month": months_statement(facts),
        "Breakdowns": breakdown_statement(facts),
        "Unusual entries": outlier_statement(facts),
    }
    statements = {purpose: sql for purpose, sql in wanted.items() if sql is not None}
    answers = dict(
        zip(statements, (yield from query(*statements.values(), limit=1000)), strict=True)
    )
    totals = read_totals(facts, answers["Headline figures"])
    months = answers.get("Month by month")
    groups = answers.get("Breakdowns")
    return Findings(
        current=totals["current"],
        previous=totals.get("previous"),
        year_earlier=totals.get("year"),
        months=read_months(facts, months) if months else (),
        breakdowns=read_breakdowns(facts, groups) if groups else (),
        outliers=read_outliers(answers["Unusual entries"]),
        outlier_rule=outlier_rule(facts),
        statements=tuple(
            Statement(purpose=purpose, sql=sql) for purpose, sql in statements.items()
        ),
    )


def _summary(facts: Facts, findings: Findings) -> str:
    current, previous = findings.current, findings.previous
    rows = []
    for line in facts.lines:
        now = current.values[line.key]
        before = previous.values[line.key] if previous else None
        rows.append([line.label + facts.unit, amount(now), amount(before), change(now, before)])
    if facts.has_result:
        before = previous.result if previous else None
        rows.append(
            [
                "Result" + facts.unit,
                amount(current.result),
                amount(before),
                change(current.result, before),
            ]
        )
    head = ["Figure", current.label, previous.label if previous else "Before", "Change"]
    return table(head, rows)
