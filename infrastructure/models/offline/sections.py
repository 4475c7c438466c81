"""Sections: the parts of a financial report, each from its figures."""

from __future__ import annotations

from collections.abc import Sequence

from infrastructure.models.offline.charts import Chart
from infrastructure.models.offline.facts import EXPENSES, REVENUE, Facts
from infrastructure.models.offline.figures import (
    amount,
    cell,
    change,
    difference,
    quantity,
    share,
    table,
    whole,
)
from infrastructure.models.offline.findings import (
    NO_VALUE,
    Breakdown,
    Findings,
    Group,
    SpanFigures,
)
from infrastructure.models.offline.periods import month_name

_GROUPS_SHOWN = 10
_MOVERS_SHOWN = 6
_OUTLIERS_SHOWN = 5
_OUTLIERS_NETTED = 3


def key_points(facts: Facts, findings: Findings) -> list[str]:
    """Say the most important in a few sentences."""
    points = [_figure_point(facts, findings, line.key, line.label) for line in facts.lines]
    if facts.has_result:
        points.append(_result_point(facts, findings))
    points += _month_point(facts, findings)
    points += _leader_points(facts, findings)
    points += _mover_point(facts, findings)
    if findings.outliers:
        first = findings.outliers[0]
        points.append(
            f"{_entries(findings.outlier_count)} unusual in size; the farthest out is"
            f" {money(facts, first.amount)} for {cell(first.label or first.group)}"
            f"{f' on {first.day}' if first.day else ''},"
            f" where {money(facts, first.usual)} is usual."
        )
    return points


def money(facts: Facts, value: float) -> str:
    """Write an amount with its currency."""
    return f"{facts.currency} {amount(value)}".strip()


def _entries(count: int) -> str:
    return "1 entry is" if count == 1 else f"{count} entries are"


def _figure_point(facts: Facts, findings: Findings, key: str, label: str) -> str:
    now = findings.current.values[key]
    compared = [
        f"{change(now, span.values[key])} against {span.label} ({amount(span.values[key])})"
        for span in (findings.previous, findings.year_earlier)
        if span is not None and span.values[key]
    ]
    tail = f": {', '.join(compared)}" if compared else ""
    verb = "were" if label.endswith("s") else "was"
    return f"{cell(label)} {verb} **{money(facts, now)}** in {findings.current.label}{tail}."


def _result_point(facts: Facts, findings: Findings) -> str:
    current = findings.current
    name = "a surplus" if current.result >= 0 else "a deficit"
    said = f"The result is {name} of **{money(facts, abs(current.result))}**"
    if margin := _margin(current):
        said += f", a margin of {margin}"
    compared = [
        f"{amount(span.result)}{f' and {_margin(span)}' if _margin(span) else ''} in {span.label}"
        for span in (findings.previous, findings.year_earlier)
        if span is not None
    ]
    return said + (f" ({'; '.join(compared)})" if compared else "") + "."


def _margin(span: SpanFigures) -> str:
    revenue = span.values[REVENUE]
    return share(span.result, revenue) if revenue > 0 else ""


def _month_point(facts: Facts, findings: Findings) -> list[str]:
    if facts.period is None:
        return []
    start, end = (day.strftime("%Y-%m") for day in (facts.period.start, facts.period.end))
    inside = [month for month in findings.months if start <= month.month < end]
    line = facts.lines[0]
    if len(inside) < 2:  # noqa: PLR2004 - a single month has no best and no weakest
        return []
    best = max(inside, key=lambda month: month.values[line.key])
    worst = min(inside, key=lambda month: month.values[line.key])
    if best.values == worst.values:
        return []
    said = (
        f"By {line.label.lower()}, {month_name(best.month)} was the strongest month"
        f" ({amount(best.values[line.key])}) and {month_name(worst.month)} the weakest"
        f" ({amount(worst.values[line.key])})."
    )
    return [said]


def _leader_points(facts: Facts, findings: Findings) -> list[str]:
    points = []
    for line in facts.lines:
        breakdown = next((b for b in findings.breakdowns if b.line == line.key), None)
        leader = _named(breakdown)[:1] if breakdown else []
        total = findings.current.values[line.key]
        if breakdown and leader and total:
            points.append(
                f"The largest share of {line.label.lower()} by {breakdown.column} is"
                f" {cell(leader[0].value)}: {amount(leader[0].current)},"
                f" {share(leader[0].current, total)}."
            )
    return points


def _named(breakdown: Breakdown) -> list[Group]:
    return [group for group in breakdown.groups if group.value != NO_VALUE]


def _mover_point(facts: Facts, findings: Findings) -> list[str]:
    before = findings.previous or findings.year_earlier
    movers = _movers(findings)
    if before is None or not movers:
        return []
    breakdown, group = movers[0]
    label = next(line.label for line in facts.lines if line.key == breakdown.line)
    said = (
        f"The largest movement against {before.label} is in {label.lower()} of"
        f" {cell(group.value)} ({breakdown.column}):"
        f" {difference(group.current, group.before or 0)} ({change(group.current, group.before)})."
    )
    return [said]


def headline_table(facts: Facts, findings: Findings) -> str:
    """Lay out the totals of the period and of the spans it is compared with."""
    current = findings.current
    others = [span for span in (findings.previous, findings.year_earlier) if span is not None]
    head = ["Figure", current.label]
    for span in others:
        head += [span.label, "Change"]
    rows = []
    for line in facts.lines:
        row = [cell(line.label) + facts.unit, amount(current.values[line.key])]
        for span in others:
            before = span.values[line.key]
            row += [amount(before), change(current.values[line.key], before)]
        rows.append(row)
    if facts.has_result:
        rows += _result_rows(facts, current, others)
    rows += _count_rows(current, others)
    return table(head, rows)


def _result_rows(
    facts: Facts, current: SpanFigures, others: Sequence[SpanFigures]
) -> list[list[str]]:
    result = [f"**Result**{facts.unit}", f"**{amount(current.result)}**"]
    margin = ["Margin", _margin(current) or "\u2013"]
    for span in others:
        result += [amount(span.result), change(current.result, span.result)]
        margin += [_margin(span) or "\u2013", _points(current, span)]
    return [result, margin]


def _points(current: SpanFigures, before: SpanFigures) -> str:
    """Write a change of margin in percentage points."""
    now, then = current.values[REVENUE], before.values[REVENUE]
    if now <= 0 or then <= 0:
        return "\u2013"
    return f"{100 * (current.result / now - before.result / then):+.1f} pp"


def _count_rows(current: SpanFigures, others: Sequence[SpanFigures]) -> list[list[str]]:
    rows = []
    if current.quantity is not None:
        row = ["Quantity", quantity(current.quantity)]
        for span in others:
            row += [quantity(span.quantity or 0), change(current.quantity, span.quantity)]
        rows.append(row)
    row = ["Entries", whole(current.entries)]
    for span in others:
        row += [whole(span.entries), change(current.entries, span.entries)]
    return [*rows, row]


def monthly_section(
    facts: Facts, findings: Findings, charts: Sequence[Chart], used: set[str]
) -> str:
    """Show the development by month, up to the end of the period."""
    if not findings.months:
        return ""
    head = ["Month", *(cell(line.label) + facts.unit for line in facts.lines)]
    if facts.has_result:
        head += ["Result", "Margin"]
    rows = []
    for month in findings.months:
        row = [month.month, *(amount(month.values[line.key]) for line in facts.lines)]
        if facts.has_result:
            revenue = month.values[REVENUE]
            result = revenue - month.values[EXPENSES]
            row += [amount(result), share(result, revenue) if revenue > 0 else "\u2013"]
        rows.append(row)
    pictures = [_picture(charts, about, used) for about in ("months", "result")]
    parts = ["## Month by month", *pictures, table(head, rows)]
    return "\n\n".join(part for part in parts if part)


def _picture(charts: Sequence[Chart], about: str, used: set[str]) -> str:
    for chart in charts:
        if chart.about == about and chart.file not in used:
            used.add(chart.file)
            return f"![{chart.title}]({chart.file})"
    return ""


def charts_left_over(charts: Sequence[Chart], used: set[str]) -> str:
    """Show the charts that belong to no other section."""
    left = [f"![{chart.title}]({chart.file})" for chart in charts if chart.file not in used]
    return "\n\n".join(["## Further charts", *left]) if left else ""


def breakdown_sections(
    facts: Facts, findings: Findings, charts: Sequence[Chart], used: set[str]
) -> list[str]:
    """Show each breakdown with shares and the change since the span before."""
    before = findings.previous or findings.year_earlier
    sections = []
    for breakdown in findings.breakdowns:
        label = next(line.label for line in facts.lines if line.key == breakdown.line)
        total = findings.current.values[breakdown.line]
        head = [cell(breakdown.column), findings.current.label + facts.unit, "Share"]
        head += [before.label, "Change"] if before else []
        parts = [
            f"## {cell(label)} by {cell(breakdown.column)}",
            _picture(charts, f"{breakdown.line}:{breakdown.column}", used),
            table(head, _group_rows(breakdown, total, with_before=before is not None)),
        ]
        sections.append("\n\n".join(part for part in parts if part))
    return sections


def _group_rows(breakdown: Breakdown, total: float, *, with_before: bool) -> list[list[str]]:
    shown = list(breakdown.groups[:_GROUPS_SHOWN])
    rest = breakdown.groups[_GROUPS_SHOWN:]
    if rest:
        shown.append(
            Group(
                value=f"{len(rest)} others",
                current=sum(group.current for group in rest),
                before=sum(group.before or 0 for group in rest) if with_before else None,
            )
        )
    everything = Group(
        value="Total",
        current=sum(group.current for group in breakdown.groups),
        before=sum(group.before or 0 for group in breakdown.groups) if with_before else None,
    )
    rows = []
    for group in (*shown, everything):
        name = f"**{group.value}**" if group is everything else cell(group.value)
        row = [name, amount(group.current), share(group.current, total)]
        if with_before:
            row += [amount(group.before), change(group.current, group.before)]
        rows.append(row)
    return rows


def _movers(findings: Findings) -> list[tuple[Breakdown, Group]]:
    """Order the groups of the first breakdown of each line by the size of their change."""
    firsts: dict[str, Breakdown] = {}
    for breakdown in findings.breakdowns:
        firsts.setdefault(breakdown.line, breakdown)
    moved = [
        (breakdown, group)
        for breakdown in firsts.values()
        for group in _named(breakdown)
        if group.before is not None and group.current != group.before
    ]
    return sorted(moved, key=lambda pair: -abs(pair[1].current - (pair[1].before or 0)))


def movers_section(facts: Facts, findings: Findings) -> str:
    """Show the largest changes since the span before, across the lines."""
    before = findings.previous or findings.year_earlier
    movers = _movers(findings)[:_MOVERS_SHOWN]
    if before is None or not movers:
        return ""
    labels = {line.key: line.label for line in facts.lines}
    rows = [
        [
            cell(group.value),
            f"{cell(labels[breakdown.line])} by {cell(breakdown.column)}",
            amount(group.before),
            amount(group.current),
            difference(group.current, group.before or 0),
            change(group.current, group.before),
        ]
        for breakdown, group in movers
    ]
    head = ["What", "Where", before.label, findings.current.label, "Difference", "Change"]
    return f"## Largest movements against {before.label}\n\n{table(head, rows, 2)}"


def unusual_section(facts: Facts, findings: Findings) -> str:
    """Show entries that stand out, with the rule that found them."""
    rule = f"Rule: {findings.outlier_rule}."
    if not findings.outliers:
        return f"## Unusual entries\n\nNo entry of {facts.period_label} stands out. {rule}"
    rows = [
        [
            outlier.day or "\u2013",
            cell(outlier.line),
            cell(outlier.group),
            cell(outlier.label) or "\u2013",
            amount(outlier.amount),
            amount(outlier.usual),
        ]
        for outlier in findings.outliers[:_OUTLIERS_SHOWN]
    ]
    head = ["Date", "Figure", "Group", "Entry", "Amount", "Usual"]
    count = findings.outlier_count
    more = f" The {_OUTLIERS_SHOWN} farthest of {count} are shown." if count > len(rows) else ""
    said = "Worth a second look; they are included in all figures above."
    effect = _without_unusual(facts, findings)
    return f"## Unusual entries\n\n{said}{more} {rule}\n\n{table(head, rows, 4)}{effect}"


def _without_unusual(facts: Facts, findings: Findings) -> str:
    """Say what the result would be without the unusual entries, when both sides are known."""
    if not facts.has_result or findings.outlier_count > _OUTLIERS_NETTED:
        return ""
    signs = {facts.lines[0].label: -1, facts.lines[1].label: 1}
    result = findings.current.result + sum(
        signs[outlier.line] * outlier.amount for outlier in findings.outliers
    )
    whom = "it" if findings.outlier_count == 1 else "them"
    return f"\n\nWithout {whom}, the result would be {money(facts, result)}."


def method(facts: Facts, findings: Findings, missing: Sequence[str]) -> str:
    """Say what was assumed, what is odd, and by which queries the figures came about."""
    current = findings.current
    quality = [cell_sentence(note) for note in facts.notes]
    if current.without_amount:
        verb = "has" if current.without_amount == 1 else "have"
        quality.append(
            f"{whole(current.without_amount)} of {whole(current.entries)} entries in"
            f" {current.label} {verb} no usable amount, so the figures leave them out."
        )
    quality += [
        f"{money(facts, group.current)} of {line.label.lower()} have no {cell(breakdown.column)}."
        for breakdown in findings.breakdowns
        for line in facts.lines
        for group in breakdown.groups
        if line.key == breakdown.line and group.value == NO_VALUE and group.current
    ]
    quality += missing
    computed = (
        f"All figures were computed by SQL from {facts.file}{_hash(facts.file_sha256)}:"
        f" {whole(current.entries)} of {whole(facts.entries)} entries."
    )
    if facts.extract_file:
        computed += f" The entries of the period are in {facts.extract_file}"
        computed += f"{_hash(facts.extract_sha256)}."
    assumed = [cell_sentence(sentence) for sentence in facts.assumptions]
    queries = "\n\n".join(
        f"{statement.purpose}:\n\n```sql\n{statement.sql}\n```" for statement in findings.statements
    )
    parts = [
        "## Data quality\n\n" + _bullets(quality or ["Nothing odd was found in the data."]),
        "## Method\n\n" + _bullets([computed, *assumed]),
        f"## Queries\n\n{queries}",
    ]
    return "\n\n".join(parts)


def cell_sentence(sentence: str) -> str:
    """Make a sentence that may quote the data safe inside Markdown."""
    return " ".join(sentence.split()).replace("<", "\\<").replace("|", "\\|")


def _bullets(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _hash(sha256: str) -> str:
    return f" (SHA-256 {sha256})" if sha256 else ""
