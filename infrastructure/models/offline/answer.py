"""Answer: computes what a question about a table asks for."""

from __future__ import annotations

from application.briefs import ExecuteBrief, Submission
from infrastructure.models.offline.asked import Asked, Operation, read_question
from infrastructure.models.offline.facts import Facts
from infrastructure.models.offline.figures import amount, cell, quantity, share, table, whole
from infrastructure.models.offline.findings import number
from infrastructure.models.offline.reading import facts_of
from infrastructure.models.offline.sql import column, entries, group_value, in_span, literal, where
from infrastructure.models.offline.vocabulary import means
from infrastructure.models.offline.work import StoppedError, Work, query

_SHOWN = 20


def answer_question(brief: ExecuteBrief) -> Work[Submission]:
    """Match the question, compute it, and say in one sentence what was computed."""
    facts = yield from facts_of(brief)
    asked = yield from read_question(brief.request, facts)
    require_matched(brief.request, facts, asked)
    sql = answer_statement(facts, asked)
    (found,) = yield from query(sql, limit=1000)
    rows = [(str(row[0]), number(row[1]), int(number(row[2]))) for row in found.rows]
    if not rows or not sum(entries for *_, entries in rows):
        raise StoppedError(f"No entry of {facts.file} answers to {about(facts, asked)}.")
    said = _said(facts, asked, rows, found.row_count)
    parts = [said, *remarks(facts, asked)]
    values = [{"group": group, "value": value} for group, value, _ in rows]
    return Submission(
        done=True,
        summary="\n\n".join(parts),
        data={"values": values, "asked": asked.model_dump(mode="json"), "query": sql},
    )


def require_matched(request: str, facts: Facts, asked: Asked) -> None:
    """Stop when the question is about something that the table and the rules do not know.

    Raises:
        StoppedError: no figure is named, and nothing else says which one is meant.
    """
    counted = asked.operation is Operation.COUNT and not asked.ignored
    counted = counted or asked.operation is Operation.DISTINCT
    ranked = asked.ranked and bool(asked.groups or asked.each)
    plainly = not asked.ignored and (asked.groups or asked.filters or means(request, "question"))
    if asked.named or counted or ranked or plainly:
        return
    figures = ", ".join([line.label for line in facts.lines] + list(facts.measures))
    raise StoppedError(
        f"The offline rules found nothing in {facts.file} for {', '.join(asked.ignored)!r}; they"
        f" can compute {figures}, by {', '.join(facts.dimensions) or 'nothing else'}. A model key"
        " (ANTHROPIC_API_KEY) would widen what can be asked."
    )


def about(facts: Facts, asked: Asked) -> str:
    """Name what was computed: `total revenue in Q3 2025, region North only`."""
    if asked.operation is Operation.COUNT:
        what = "number of entries"
    elif asked.operation is Operation.DISTINCT:
        what = f"number of different {(asked.groups or ('rows',))[0]}"
    else:
        what = f"{asked.operation.value} {asked.line.label.lower()}"
    return f"{what} in {facts.period_label}{asked.filter_text}"


def answer_statement(facts: Facts, asked: Asked) -> str:
    """One row for each group: its name, its figure, its entries; one row without groups."""
    line = column(asked.line)
    scope = where(in_span(facts, facts.period), asked.condition)
    counted = asked.operation is Operation.COUNT
    distinct = group_value(asked.groups[0]) if asked.groups else "*"
    figure = {
        Operation.TOTAL: f"SUM({line})",
        Operation.AVERAGE: f"AVG({line})",
        Operation.MEDIAN: f"MEDIAN({line})",
        Operation.COUNT: "COUNT(*)",
        Operation.DISTINCT: f"COUNT(DISTINCT {distinct})" if asked.groups else "COUNT(*)",
    }[asked.operation]
    rows = "COUNT(*)" if counted else f"COUNT({line})"
    group = _group(facts, asked)
    select = (
        f"{entries(facts, (asked.line,))}SELECT {group or literal('all')} AS grp,"
        f" {figure} AS figure, {rows} AS entries\nFROM _entries{scope}"
    )
    if group is None:
        return select
    order = "grp" if asked.each and not asked.ranked else f"figure {_direction(asked)}, grp"
    return f"{select}\nGROUP BY 1 HAVING {rows} > 0 ORDER BY {order}"


def _direction(asked: Asked) -> str:
    return "ASC" if asked.ascending else "DESC"


def _group(facts: Facts, asked: Asked) -> str | None:
    if asked.each and facts.date_sql:
        if asked.each == "month":
            return "strftime(_day, '%Y-%m')"
        if asked.each == "quarter":
            return "year(_day) || '-Q' || quarter(_day)"
        return "CAST(year(_day) AS VARCHAR)"
    filtered = {item.column for item in asked.filters if len(item.values) == 1}
    free = [column for column in asked.groups if column not in filtered]
    if not free or asked.operation is Operation.DISTINCT:
        return None
    return group_value(free[0])


def _said(facts: Facts, asked: Asked, rows: list[tuple[str, float, int]], groups: int) -> str:
    counted = asked.operation in {Operation.COUNT, Operation.DISTINCT}
    unit = "" if counted or asked.line.key == "quantity" else facts.currency
    write = quantity if counted or asked.line.key == "quantity" else amount
    what = about(facts, asked)
    if _group(facts, asked) is None:
        entries = "" if counted else f", from {whole(rows[0][2])} entries"
        return f"**{what[:1].upper()}{what[1:]}: {write(rows[0][1])}{_after(unit)}**{entries}."
    by = asked.each or asked.groups[0]
    shown = rows[: asked.top or _SHOWN]
    adds_up = asked.operation in {Operation.TOTAL, Operation.COUNT} and groups == len(rows)
    total = sum(value for _, value, _ in rows)
    lead = f"{what[:1].upper()}{what[1:]}, by {by}"
    if asked.mean_of_groups:
        lead = (
            f"**Average {asked.line.label.lower()} per {by} in {facts.period_label}"
            f"{asked.filter_text}: {write(total / len(rows))}{_after(unit)}**,"
            f" over {len(rows)} {by}s"
        )
    if asked.ranked:
        extreme = "lowest" if asked.ascending else "highest"
        lead = f"**{cell(rows[0][0])} has the {extreme} {what}: {write(rows[0][1])}{_after(unit)}**"
    head = [cell(by), (f"Figure ({unit})" if unit else "Figure"), "Entries"]
    lines = [[cell(group), write(value), whole(entries)] for group, value, entries in shown]
    if adds_up:
        head.append("Share")
        lines = [[*ln, share(row[1], total)] for ln, row in zip(lines, shown, strict=True)]
        lines.append(["**Total**", write(total), whole(sum(row[2] for row in rows)), ""])
    more = f"\n\n{groups - len(shown)} more are not shown." if groups > len(shown) else ""
    return f"{lead}.\n\n{table(head, lines)}{more}"


def _after(unit: str) -> str:
    return f" {unit}" if unit else ""


def remarks(facts: Facts, asked: Asked) -> list[str]:
    """Say what was assumed, what is odd, and which words were not taken into account."""
    said = []
    if not asked.named and asked.operation not in {Operation.COUNT, Operation.DISTINCT}:
        said.append(f"The request names no figure; {asked.line.label} was taken.")
    if asked.line.key == "measure" and facts.has_result:
        said.append(f"{asked.line.label} is added up as it stands, revenue and expenses alike.")
    if asked.ignored:
        said.append(f"Not understood, so not taken into account: {cell(', '.join(asked.ignored))}.")
    counted = asked.operation in {Operation.COUNT, Operation.DISTINCT}
    unused = tuple(
        f"{line.label}:"
        for line in facts.lines
        if counted or asked.line.key not in {line.key, "result"}
    )
    said += [text for text in facts.assumptions if not (unused and text.startswith(unused))]
    said += facts.notes
    return ["\n".join(f"- {sentence}" for sentence in said)] if said else []
