"""Drivers: where a change between two spans sits, by arithmetic contributions."""

# ruff: noqa: S608 - names and values are quoted by `identifier` and `literal`

from __future__ import annotations

from application.briefs import ExecuteBrief, Submission
from domain.value import Value
from infrastructure.models.offline.answer import remarks
from infrastructure.models.offline.asked import Asked, read_question
from infrastructure.models.offline.facts import Facts
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
from infrastructure.models.offline.findings import NO_VALUE, number
from infrastructure.models.offline.periods import Span
from infrastructure.models.offline.reading import facts_of
from infrastructure.models.offline.sql import (
    by_dimension,
    column,
    entries,
    group_value,
    in_span,
    literal,
    sums,
    where,
)
from infrastructure.models.offline.vocabulary import means
from infrastructure.models.offline.work import StoppedError, Work, query
from infrastructure.tools.schemas import QueryTableAnswer

_DIMENSIONS_TRIED = 4
_GROUPS_SHOWN = 10
_CONTRIBUTIONS_SHOWN = 3
CAUTION = "These are arithmetic contributions: they show where the change sits, not what caused it."


class Moved(Value):
    """A group's figure in the base span and in the period."""

    value: str
    base: float
    current: float

    @property
    def delta(self) -> float:
        """The change."""
        return self.current - self.base


class Volume(Value):
    """What a figure is made of in one span: its entries and, when known, its quantity."""

    total: float
    entries: int
    quantity: float | None


class Comparison(Value):
    """What is compared: the table, the question, and the two spans."""

    facts: Facts
    asked: Asked
    period: Span
    base: Span


def find_drivers(brief: ExecuteBrief) -> Work[Submission]:
    """Compare two spans, name what moved, and split the largest movement up."""
    facts = yield from facts_of(brief)
    asked = yield from read_question(brief.request, facts)
    if facts.period is None or facts.baseline is None:
        raise StoppedError(
            f"{facts.file} holds no full span to compare {facts.period_label} with, so a change"
            " cannot be explained; name two periods that the data covers."
        )
    compared = Comparison(facts=facts, asked=asked, period=facts.period, base=facts.baseline)
    columns = _columns(compared)
    groups, volumes = yield from _look(compared, columns, "")
    columns = _dividing(columns, groups, asked)
    parts = [_overall(compared, volumes), _made_of(compared, volumes, "Overall")]
    if facts.has_result and not asked.named:
        parts.append((yield from _all_lines(compared)))
    focus = None
    if columns:
        ordered = _ordered(brief.request, groups[columns[0]], volumes)
        lead = _lead(brief.request, compared, columns[0], ordered)
        parts = [lead, *parts] if asked.groups or means(brief.request, "why") else [*parts, lead]
        parts.append(_moved_table(compared, columns[0], ordered, volumes))
        focus = ordered[0] if ordered and ordered[0].delta else None
    if focus is not None:
        parts += yield from _focus(compared, columns, focus)
    parts += [CAUTION, *remarks(facts, asked)]
    return Submission(
        done=True,
        summary="\n\n".join(part for part in parts if part),
        data={
            "period": compared.period.label,
            "baseline": compared.base.label,
            "dimension": columns[0] if columns else "",
            "groups": [m.model_dump(mode="json") for m in (groups[columns[0]] if columns else ())],
        },
    )


def _columns(compared: Comparison) -> tuple[str, ...]:
    """The dimension asked for, or the first of the table, and then the others."""
    facts, asked = compared.facts, compared.asked
    fixed = {item.column for item in asked.filters if len(item.values) == 1}
    ordered = [*asked.groups, *facts.dimensions]
    free = [name for name in dict.fromkeys(ordered) if name not in fixed]
    return tuple(free[: _DIMENSIONS_TRIED + 1])


def _dividing(
    columns: tuple[str, ...], groups: dict[str, list[Moved]], asked: Asked
) -> tuple[str, ...]:
    """Put the first column that divides the figure in front, unless one was asked for."""
    if columns and columns[0] in asked.groups:
        return columns
    two = 2
    dividing = [c for c in columns if sum(m.value != NO_VALUE for m in groups[c]) >= two]
    return tuple(dict.fromkeys([*dividing, *columns]))


def _look(
    compared: Comparison, columns: tuple[str, ...], extra: str
) -> Work[tuple[dict[str, list[Moved]], tuple[Volume, Volume]]]:
    """Fetch each dimension's groups and the volumes of both spans."""
    facts, line = compared.facts, compared.asked.line
    conditions = [part for part in (compared.asked.condition, extra) if part]
    condition = " AND ".join(conditions)
    spans = [compared.period, compared.base]
    statements = [_volume_statement(compared, condition)]
    if columns:
        parts = [by_dimension(facts, name, line, spans, condition) for name in columns]
        union = "\nUNION ALL ".join(parts)
        # Most moved first, so that the limit on rows cuts off the least.
        ordered = f"SELECT * FROM (\n{union}\n) ORDER BY ABS(s0 - s1) DESC"
        statements.append(entries(facts, (line,)) + ordered)
    answers = yield from query(*statements, limit=1000)
    groups: dict[str, list[Moved]] = {name: [] for name in columns}
    for name, _, value, current, base in answers[1].rows if columns else ():
        moved = Moved(value=str(value), base=number(base), current=number(current))
        groups[str(name)].append(moved)
    return groups, _volumes(answers[0])


def _volume_statement(compared: Comparison, condition: str) -> str:
    facts, line = compared.facts, compared.asked.line
    units = "SUM(_units)" if facts.quantity_sql else "NULL"
    amount = column(line)
    parts = (
        f"SELECT {literal(role)} AS span, SUM({amount}) AS total, COUNT({amount}) AS entries,"
        f" {units} AS quantity\nFROM _entries"
        f"{where(in_span(facts, span), condition, f'{amount} <> 0')}"
        for role, span in (("period", compared.period), ("base", compared.base))
    )
    return entries(facts, (line,)) + "\nUNION ALL ".join(parts)


def _volumes(answer: QueryTableAnswer) -> tuple[Volume, Volume]:
    found = {
        str(role): Volume(
            total=number(total),
            entries=int(number(entries)),
            quantity=number(measured) if measured is not None else None,
        )
        for role, total, entries, measured in answer.rows
    }
    return found["period"], found["base"]


def _ordered(request: str, groups: list[Moved], volumes: tuple[Volume, Volume]) -> list[Moved]:
    """Put the largest change first, in the direction the request or the total has."""
    fell = means(request, "lost")
    if not fell and not means(request, "gained"):
        fell = volumes[0].total < volumes[1].total
    return sorted(groups, key=lambda moved: (moved.delta if fell else -moved.delta, moved.value))


def _lead(request: str, compared: Comparison, name: str, ordered: list[Moved]) -> str:
    label = compared.asked.line.label.lower()
    spans = f"from {compared.base.label} to {compared.period.label}"
    named = [moved for moved in ordered if moved.value != NO_VALUE]
    fell, rose = means(request, "lost"), means(request, "gained")
    if fell and not rose and not any(moved.delta < 0 for moved in named):
        return f"**No {name} lost {label} {spans}.**"
    if rose and not fell and not any(moved.delta > 0 for moved in named):
        return f"**No {name} gained {label} {spans}.**"
    if not named:
        return ""
    first = named[0]
    verb = "lost" if first.delta < 0 else "gained"
    return (
        f"**{cell(first.value)} {verb} most: its {label} went {spans} from {amount(first.base)} to"
        f" {amount(first.current)} ({difference(first.current, first.base)}{_unit(compared)},"
        f" {change(first.current, first.base)}).**"
    )


def _unit(compared: Comparison) -> str:
    money = compared.asked.line.key != "quantity" and compared.facts.currency
    return f" {compared.facts.currency}" if money else ""


def _overall(compared: Comparison, volumes: tuple[Volume, Volume]) -> str:
    now, then = volumes
    return (
        f"{compared.asked.line.label}{compared.asked.filter_text} overall: {amount(then.total)} in"
        f" {compared.base.label}, {amount(now.total)} in {compared.period.label}"
        f" ({difference(now.total, then.total)}{_unit(compared)},"
        f" {change(now.total, then.total)})."
    )


def _made_of(compared: Comparison, volumes: tuple[Volume, Volume], name: str) -> str:
    """Split a change exactly into how much was sold and at what price, or entries and size."""
    now, then = volumes
    if now.quantity and then.quantity and compared.asked.line.key != "quantity":
        old, new = then.total / then.quantity, now.total / now.quantity
        more = (now.quantity - then.quantity) * old
        price = now.quantity * (new - old)
        return (
            f"{name}: the quantity went from {quantity(then.quantity)} to {quantity(now.quantity)}"
            f" (worth {more:+,.2f} at the old price), the average price from {amount(old)} to"
            f" {amount(new)} (worth {price:+,.2f} at the new quantity)."
        )
    if not now.entries or not then.entries:
        return ""
    old, new = then.total / then.entries, now.total / now.entries
    more = (now.entries - then.entries) * old
    size = now.entries * (new - old)
    return (
        f"{name}: the number of entries went from {whole(then.entries)} to {whole(now.entries)}"
        f" (worth {more:+,.2f}), the average entry from {amount(old)} to {amount(new)}"
        f" (worth {size:+,.2f})."
    )


def _all_lines(compared: Comparison) -> Work[str]:
    """Compare revenue, expenses and result when the request names none of them."""
    facts = compared.facts
    spans = (compared.base, compared.period)
    sql = entries(facts) + "\nUNION ALL ".join(
        f"SELECT {n} AS place, {sums(facts.lines)}\nFROM _entries{where(in_span(facts, span))}"
        for n, span in enumerate(spans)
    )
    (answer,) = yield from query(sql)
    then, now = (
        [number(value) for value in row[1:]]
        for row in sorted(answer.rows, key=lambda row: str(row[0]))
    )
    names = [line.label for line in facts.lines]
    then.append(then[0] - then[1])
    now.append(now[0] - now[1])
    rows = [
        [cell(name), amount(old), amount(new), difference(new, old), change(new, old)]
        for name, old, new in zip([*names, "Result"], then, now, strict=True)
    ]
    head = ["Figure", compared.base.label, compared.period.label, "Difference", "Change"]
    return table(head, rows)


def _moved_table(
    compared: Comparison, name: str, ordered: list[Moved], volumes: tuple[Volume, Volume]
) -> str:
    total = volumes[0].total - volumes[1].total
    head = [cell(name), compared.base.label, compared.period.label]
    head += ["Difference", "Change", "Part of total change"]
    rows = [
        [
            cell(moved.value),
            amount(moved.base),
            amount(moved.current),
            difference(moved.current, moved.base),
            change(moved.current, moved.base),
            share(moved.delta, total),
        ]
        for moved in ordered[:_GROUPS_SHOWN]
    ]
    more = len(ordered) - len(rows)
    return table(head, rows) + (f"\n\n{more} more are not shown." if more else "")


def _focus(compared: Comparison, columns: tuple[str, ...], focus: Moved) -> Work[list[str]]:
    """Split the largest movement up by the other dimensions."""
    condition = f"{group_value(columns[0])} = {literal(focus.value)}"
    groups, volumes = yield from _look(compared, columns[1:], condition)
    said = [_made_of(compared, volumes, f"Within {cell(focus.value)}")]
    for name, found in groups.items():
        same = [moved for moved in found if moved.delta * focus.delta > 0]
        largest = sorted(same, key=lambda moved: -abs(moved.delta))[:_CONTRIBUTIONS_SHOWN]
        if len(found) > 1 and largest:
            parts = ", ".join(
                f"{cell(moved.value)} {difference(moved.current, moved.base)}" for moved in largest
            )
            said.append(f"by {cell(name)}: {parts}")
    lines = "\n".join(f"- {sentence}" for sentence in said if sentence)
    return [f"### Within {cell(focus.value)}\n\n{lines}"] if lines else []
