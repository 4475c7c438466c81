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

_TOTALS, _MONTHS, _GROUPS = "Headline figures", "Month by month", "Breakdowns"
_OUTLIERS = "Unusual entries"


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
    """Compute the figures; unusual entries last, because the breakdowns say how to group them."""
    wanted = {
        _TOTALS: totals_statement(facts),
        _MONTHS: months_statement(facts),
        _GROUPS: breakdown_statement(facts),
    }
    statements = {purpose: sql for purpose, sql in wanted.items() if sql is not None}
    found = yield from query(*statements.values(), limit=1000)
    answers = dict(zip(statements, found, strict=True))
    totals = read_totals(facts, answers[_TOTALS])
    breakdowns = read_breakdowns(facts, answers[_GROUPS]) if _GROUPS in answers else ()
    statements[_OUTLIERS] = outlier_statement(facts, breakdowns)
    (outliers,) = yield from query(statements[_OUTLIERS])
    return Findings(
        current=totals["current"],
        previous=totals.get("previous"),
        year_earlier=totals.get("year"),
        months=read_months(facts, answers[_MONTHS]) if _MONTHS in answers else (),
        breakdowns=breakdowns,
        outliers=read_outliers(outliers),
        outlier_count=outliers.row_count,
        outlier_rule=outlier_rule(facts, breakdowns),
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
