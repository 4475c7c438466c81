"""Lines: which figures a table gives, by the shape of its measures and the signs in its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.value import Value
from infrastructure.models.offline.columns import Reading
from infrastructure.models.offline.facts import EXPENSES, REVENUE, Line
from infrastructure.models.offline.sql import identifier, literal
from infrastructure.models.offline.vocabulary import side_of
from infrastructure.models.offline.work import StoppedError
from infrastructure.tools.schemas import QueryTableAnswer

_MOST_KIND_COLUMNS = 4
_ENOUGH_CLASSIFIED = 0.8
_ENOUGH_OF_EACH_SIGN = 0.1
_NAMED_IN_FULL = 8


class KindCount(Value):
    """Rows with one value of a column that may tell revenue from expenses."""

    value: str
    entries: int
    negative: int


@dataclass(frozen=True, slots=True)
class Amounts:
    """The signs of a table's amounts, over all rows and by value of the likely columns."""

    kinds: Mapping[str, Sequence[KindCount]]
    positive: int
    negative: int


@dataclass(frozen=True, slots=True)
class Statement:
    """The lines of a table and what was assumed to get them."""

    lines: tuple[Line, ...]
    assumptions: tuple[str, ...]


def amount_sql(reading: Reading) -> str | None:
    """Give the expression of a row's signed amount; None when the lines need none."""
    if reading.first("debit") and reading.first("credit"):
        debit, credit = (_zero(reading.first(key)) for key in ("debit", "credit"))
        return f"({credit} - {debit})"
    if reading.first("revenue") and reading.first("expenses"):
        return None
    name = _single_amount(reading)
    return f"CAST({identifier(name)} AS DOUBLE)" if name else None


def kind_candidates(reading: Reading) -> tuple[str, ...]:
    """Name the columns whose values may tell revenue from expenses."""
    if amount_sql(reading) is None or reading.first("quantity"):
        return ()
    return reading.kinds[:_MOST_KIND_COLUMNS]


def amounts_statement(reading: Reading, candidates: Sequence[str]) -> str:
    """Count the signs of amounts: over all rows, and for each value of the candidate columns.

    The rows are column, value, entries, positive, negative; the column is empty for all rows.
    """
    amount = amount_sql(reading) or "0"
    counts = (
        f"COUNT(*) AS entries, COUNT(*) FILTER (WHERE {amount} > 0) AS positive,"
        f" COUNT(*) FILTER (WHERE {amount} < 0) AS negative"
        f" FROM {identifier(reading.profile.table)}"
    )
    parts = [f"SELECT '' AS name, '' AS value, {counts}"]
    parts += [
        f"SELECT {literal(name)}, COALESCE(CAST({identifier(name)} AS VARCHAR), ''), {counts}"
        f" GROUP BY {identifier(name)}"
        for name in candidates
    ]
    return "\nUNION ALL ".join(parts)


def read_amounts(answer: QueryTableAnswer) -> Amounts:
    """Read the rows of `amounts_statement`; values stand in order of frequency, then of name."""
    positive = negative = 0
    kinds: dict[str, list[KindCount]] = {}
    for name, value, *numbers in answer.rows:
        entries, above, below = (int(str(number)) for number in numbers)
        if name == "":
            positive, negative = above, below
            continue
        count = KindCount(value=str(value), entries=entries, negative=below)
        kinds.setdefault(str(name), []).append(count)
    for counts in kinds.values():
        counts.sort(key=lambda count: (-count.entries, count.value))
    return Amounts(kinds=kinds, positive=positive, negative=negative)


def state_lines(reading: Reading, amounts: Amounts) -> Statement:
    """Decide the lines of a table.

    In this order: separate revenue and cost columns; an amount with a column that tells revenue
    from expenses; debit and credit; a signed amount; quantity times unit price; one measure.

    Raises:
        StoppedError: the table has nothing to add up.
    """
    if reading.first("revenue") and reading.first("expenses"):
        return _separate(reading)
    if (column := _telling(amounts.kinds)) is not None:
        return _typed(reading, column, amounts.kinds[column])
    if reading.first("debit") and reading.first("credit"):
        return _debit_credit(reading)
    name = _single_amount(reading)
    if name is None:
        return _priced(reading)
    sql = f"CAST({identifier(name)} AS DOUBLE)"
    signs = (amounts.positive, amounts.negative)
    if any(signs) and min(signs) / sum(signs) >= _ENOUGH_OF_EACH_SIGN:
        return _signed(name, sql)
    return _one_measure(reading, name, sql)


def _zero(name: str | None) -> str:
    return f"COALESCE(CAST({identifier(name or '')} AS DOUBLE), 0)"


def _single_amount(reading: Reading) -> str | None:
    for meaning in ("revenue", "amount", "expenses", "result"):
        if (name := reading.first(meaning)) is not None:
            return name
    if reading.first("quantity") and reading.first("unit_price"):
        return None
    for meaning in ("other", "unit_price", "credit", "debit", "quantity", "tax"):
        if (name := reading.first(meaning)) is not None:
            return name
    return None


def _separate(reading: Reading) -> Statement:
    revenue = reading.first("revenue") or ""
    costs = reading.measures["expenses"]
    whole = next((name for name in costs if "total" in name.casefold()), None)
    counted = (whole,) if whole else costs
    assumptions = [f"Revenue is the column {revenue}; expenses are {' + '.join(counted)}."]
    if len(reading.measures["revenue"]) > 1:
        others = ", ".join(reading.measures["revenue"][1:])
        assumptions.append(f"The first revenue column was taken; {others} was left out.")
    lines = (
        Line(key=REVENUE, label="Revenue", sql=_zero(revenue)),
        Line(key=EXPENSES, label="Expenses", sql=f"({' + '.join(_zero(n) for n in counted)})"),
    )
    return Statement(lines, tuple(assumptions))


def _telling(kinds: Mapping[str, Sequence[KindCount]]) -> str | None:
    """Choose the column whose values best tell revenue from expenses; None when none does."""
    best: tuple[float, str] | None = None
    for column, counts in kinds.items():
        rows = sum(count.entries for count in counts)
        sides = {side_of(count.value) for count in counts}
        known = sum(count.entries for count in counts if side_of(count.value))
        if not rows or not {REVENUE, EXPENSES} <= sides or known / rows < _ENOUGH_CLASSIFIED:
            continue
        if best is None or known / rows > best[0]:
            best = (known / rows, column)
    return best[1] if best else None


def _typed(reading: Reading, column: str, counts: Sequence[KindCount]) -> Statement:
    amount = amount_sql(reading) or ""
    booked_twice = bool(reading.first("debit") and reading.first("credit"))
    lines, assumptions = [], []
    for key, label in ((REVENUE, "Revenue"), (EXPENSES, "Expenses")):
        own = [count for count in counts if side_of(count.value) == key]
        negated = _mostly_negative(own) if not booked_twice else key == EXPENSES
        values = ", ".join(literal(count.value) for count in own)
        sign = "-" if negated else ""
        sql = (
            f"CASE WHEN CAST({identifier(column)} AS VARCHAR) IN ({values}) THEN {sign}{amount} END"
        )
        lines.append(Line(key=key, label=label, sql=sql))
        signs = ", whose amounts are negative in the file" if negated and not booked_twice else ""
        assumptions.append(f"{label}: entries whose {column} is {_named(own)}{signs}.")
    if booked_twice:
        assumptions.append("Revenue counts credit minus debit, expenses debit minus credit.")
    sides = {REVENUE, EXPENSES}
    if unknown := [count for count in counts if side_of(count.value) not in sides]:
        entries = sum(count.entries for count in unknown)
        assumptions.append(
            f"Left out as neither: {entries} entries whose {column} is {_named(unknown)}."
        )
    return Statement(tuple(lines), tuple(assumptions))


def _mostly_negative(counts: Sequence[KindCount]) -> bool:
    return sum(count.negative for count in counts) * 2 > sum(count.entries for count in counts)


def _named(counts: Sequence[KindCount]) -> str:
    names = [count.value or "empty" for count in counts[:_NAMED_IN_FULL]]
    more = len(counts) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _debit_credit(reading: Reading) -> Statement:
    lines = tuple(
        Line(key=key, label=label, sql=_zero(reading.first(key)))
        for key, label in (("debit", "Debits"), ("credit", "Credits"))
    )
    assumption = (
        "The table books debits and credits, and no column tells revenue from expenses, so both"
        " sides are reported and no result is derived."
    )
    return Statement(lines, (assumption,))


def _signed(name: str, sql: str) -> Statement:
    lines = (
        Line(key=REVENUE, label="Income", sql=f"CASE WHEN {sql} > 0 THEN {sql} END"),
        Line(key=EXPENSES, label="Spending", sql=f"CASE WHEN {sql} < 0 THEN -{sql} END"),
    )
    return Statement(lines, (f"Positive {name} counts as income, negative {name} as spending.",))


def _priced(reading: Reading) -> Statement:
    quantity, price = reading.first("quantity"), reading.first("unit_price")
    if quantity is None or price is None:
        raise StoppedError(_nothing_to_add(reading))
    lines = [_product(REVENUE, "Revenue", quantity, price)]
    assumptions = [f"Revenue is {quantity} \u00d7 {price}, row by row."]
    if (cost := reading.first("unit_cost")) is not None:
        lines.append(_product(EXPENSES, "Cost of sales", quantity, cost))
        assumptions.append(f"Cost of sales is {quantity} \u00d7 {cost}, row by row.")
    return Statement(tuple(lines), tuple(assumptions))


def _product(key: str, label: str, quantity: str, price: str) -> Line:
    factors = (f"CAST({identifier(name)} AS DOUBLE)" for name in (quantity, price))
    return Line(key=key, label=label, sql=f"({' * '.join(factors)})")


def _nothing_to_add(reading: Reading) -> str:
    names = ", ".join(column.name for column in reading.profile.columns)
    return (
        f"{reading.profile.file} has no column of amounts to add up (its columns are {names});"
        " name a file with at least one numeric column, or ask for a description of this one."
    )


def _one_measure(reading: Reading, name: str, sql: str) -> Statement:
    key = next((k for k in (REVENUE, EXPENSES) if reading.first(k) == name), "total")
    label = {REVENUE: "Revenue", EXPENSES: "Expenses"}.get(key, name[:1].upper() + name[1:])
    assumptions = [f"The figures add up the column {name}."]
    others = [
        other
        for meaning in ("revenue", "amount", "other")
        for other in reading.measures.get(meaning, ())
        if other != name
    ]
    if others:
        assumptions.append(f"Other numeric columns ({', '.join(others)}) were left out.")
    return Statement((Line(key=key, label=label, sql=sql),), tuple(assumptions))
