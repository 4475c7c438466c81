"""Asked: what a question wants computed, matched against the columns and values of the table."""

# ruff: noqa: S608 - names and values are quoted by `identifier` and `literal`

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from domain.value import Value
from infrastructure.models.offline.facts import EXPENSES, REVENUE, Facts, Line
from infrastructure.models.offline.language import is_stopword, plain, words_of
from infrastructure.models.offline.periods import find_mentions
from infrastructure.models.offline.sql import group_value, identifier, literal, where
from infrastructure.models.offline.vocabulary import is_known, means
from infrastructure.models.offline.work import Work, query

_SHORTEST_VALUE = 2
_SYNONYMS = (
    "product products produkt produkte produit produits producto productos artikel item items",
    "customer customers kunde kunden client clients cliente clientes clienti",
    "region regions regionen gebiet area regione regioni",
    "account accounts konto konten compte comptes cuenta cuentas conto conti",
    "department departments abteilung abteilungen departement departements departamento",
    "category categories kategorie kategorien categorie categoria categorias",
    "country countries land lander pays pais paises paese",
    "channel channels kanal kanale canal canaux canales",
    "supplier suppliers vendor vendors lieferant lieferanten fournisseur fournisseurs proveedor",
    "project projects projekt projekte projet projets proyecto proyectos",
)
_GROUPED = re.compile(
    r"\b(?:by|per|for each|which|pro|je|nach|welche[rs]?|par|quels?|quelles?|por|cual|per ogni)\b"
)
_FAMILY = {word: n for n, words in enumerate(_SYNONYMS) for word in words.split()}


class Operation(StrEnum):
    """How rows are put together."""

    TOTAL = "total"
    AVERAGE = "average"
    MEDIAN = "median"
    COUNT = "count"
    DISTINCT = "distinct"


class Filter(Value):
    """Only rows where a column holds one of some values."""

    column: str
    values: tuple[str, ...]

    @property
    def sql(self) -> str:
        """The condition."""
        return f"{group_value(self.column)} IN ({', '.join(map(literal, self.values))})"


class Asked(Value):
    """A question in terms of the table.

    Attributes:
        line: what to compute; named in the request, or the table's first figure.
        named: whether the request named it.
        groups: columns that the request names to group by.
        each: `month`, `quarter` or `year` when a figure for each is asked.
        mean_of_groups: whether the mean of the figures for each `each` is asked.
        top: how many groups to show, when the request says so.
        ascending: smallest first.
        ranked: whether the request asks for the largest or smallest.
        ignored: words that nothing in the table or the rules answers to.
    """

    operation: Operation
    line: Line
    named: bool
    groups: tuple[str, ...] = ()
    each: str | None = None
    filters: tuple[Filter, ...] = ()
    mean_of_groups: bool = False
    top: int | None = None
    ascending: bool = False
    ranked: bool = False
    ignored: tuple[str, ...] = ()

    @property
    def condition(self) -> str:
        """The filters as one SQL condition; empty for none."""
        return " AND ".join(item.sql for item in self.filters)

    @property
    def filter_text(self) -> str:
        """The filters in words, ready to append; empty for none."""
        parts = (f"{item.column} {' or '.join(item.values)}" for item in self.filters)
        joined = " and ".join(parts)
        return f", {joined} only" if joined else ""


def read_question(request: str, facts: Facts) -> Work[Asked]:
    """Match a request against a table; looks up the values of its dimensions."""
    values: dict[str, list[str]] = {}
    if facts.dimensions:
        (answer,) = yield from query(_values_statement(facts), limit=1000)
        for column, value in answer.rows:
            values.setdefault(str(column), []).append(str(value))
    return match_question(request, facts, values)


def _values_statement(facts: Facts) -> str:
    return "\nUNION ALL ".join(
        f"SELECT DISTINCT {literal(name)} AS dimension, {group_value(name)} AS value"
        f" FROM {identifier(facts.table)}{where(f'{identifier(name)} IS NOT NULL')}"
        for name in facts.dimensions
    )


def match_question(request: str, facts: Facts, values: dict[str, list[str]]) -> Asked:
    """Match a request against columns and values; a bare count of a column counts its values."""
    filters = _filters(request, values)
    line, named = _line(request, facts)
    groups = tuple(c for c in (*facts.dimensions, *facts.labels) if _names(request, c))
    operation, each = _operation(request), _each(request)
    if operation is Operation.COUNT and not _GROUPED.search(plain(request)):
        operation = Operation.DISTINCT if groups and not means(request, "rows") else operation
        groups = groups if operation is Operation.DISTINCT else ()
    mean_of_groups = operation is Operation.AVERAGE and each is not None
    top = re.search(r"\b(?:top|bottom|first|die|les|los)\s+(\d{1,3})\b", plain(request))
    ascending = means(request, "lowest")
    return Asked(
        operation=Operation.TOTAL if mean_of_groups else operation,
        mean_of_groups=mean_of_groups,
        line=line,
        named=named,
        groups=groups,
        each=each,
        filters=filters,
        top=int(top.group(1)) if top else None,
        ascending=ascending,
        ranked=ascending or means(request, "highest"),
        ignored=_ignored(request, facts, filters),
    )


def _operation(request: str) -> Operation:
    if means(request, "count"):
        return Operation.DISTINCT if means(request, "distinct") else Operation.COUNT
    if means(request, "median"):
        return Operation.MEDIAN
    return Operation.AVERAGE if means(request, "average") else Operation.TOTAL


def _each(request: str) -> str | None:
    which = re.search(r"\b(?:which|what|welcher|welches|quel|que|cual)\s+(\w+)", plain(request))
    noun = which.group(1) if which else ""
    for unit, concept in (("month", "monthly"), ("quarter", "quarterly"), ("year", "yearly")):
        if means(request, concept):
            return unit
    nouns = {"month": "month", "monat": "month", "mois": "month", "mes": "month"}
    nouns |= {"quarter": "quarter", "quartal": "quarter", "trimestre": "quarter"}
    return nouns.get(noun)


def _line(request: str, facts: Facts) -> tuple[Line, bool]:
    """Choose the figure: a column the request names, then a known figure, then the first."""
    revenue, expenses = facts.line(REVENUE), facts.line(EXPENSES)
    if means(request, "result") and revenue and expenses:
        sql = f"(COALESCE({revenue.sql}, 0) - COALESCE({expenses.sql}, 0))"
        return Line(key="result", label="Result", sql=sql), True
    for line, concept in ((expenses, "expenses"), (revenue, "revenue")):
        if line and means(request, concept):
            return line, True
    for name in facts.measures:
        if _names(request, name):
            sql = f"CAST({identifier(name)} AS DOUBLE)"
            return Line(key="measure", label=name, sql=sql), True
    if facts.quantity_sql and means(request, "quantity"):
        return Line(key="quantity", label="Quantity", sql=facts.quantity_sql), True
    named = any(_names(request, line.label) for line in facts.lines) or means(request, "amount")
    return facts.lines[0], named


def _names(request: str, column: str) -> bool:
    """Tell whether a request names a column: each of its words, their plural or a synonym."""
    asked = set(words_of(request))
    families = {_FAMILY[word] for word in asked if word in _FAMILY}
    return all(
        {word, f"{word}s", f"{word}n", f"{word}en", word.rstrip("s"), _plural(word)} & asked
        or _FAMILY.get(word) in families
        for word in words_of(column)
    ) and bool(words_of(column))


def _plural(word: str) -> str:
    return f"{word[:-1]}ies" if word.endswith("y") else word


def _filters(request: str, values: dict[str, list[str]]) -> tuple[Filter, ...]:
    """Find the cells that a request names, the longest first, each word used once."""
    text = f" {' '.join(words_of(request))} "
    cells = [(value, column) for column, held in values.items() for value in held]
    found: dict[str, list[str]] = {}
    for value, column in sorted(cells, key=lambda pair: -len(pair[0])):
        phrase = " ".join(words_of(value))
        if len(phrase) < _SHORTEST_VALUE or f" {phrase} " not in text:
            continue
        if _ordinary(phrase, column_named=_names(request, column)):
            continue
        found.setdefault(column, []).append(value)
        text = text.replace(f" {phrase} ", " ")
    return tuple(
        Filter(column=column, values=tuple(held)) for column, held in sorted(found.items())
    )


def _ordinary(phrase: str, *, column_named: bool) -> bool:
    """Tell whether a cell reads like a word of the question: `sales` without a department."""
    if " " in phrase:
        return False
    return is_stopword(phrase) or phrase.isdecimal() or (is_known(phrase) and not column_named)


def _ignored(request: str, facts: Facts, filters: Sequence[Filter]) -> tuple[str, ...]:
    columns = (*facts.dimensions, *facts.labels, *facts.measures, facts.table, facts.file)
    known = {word for column in columns for word in words_of(column)}
    known |= {word for item in filters for value in item.values for word in words_of(value)}
    left = []
    for word in dict.fromkeys(words_of(request)):
        short = len(word) <= _SHORTEST_VALUE or word.isdecimal() or is_stopword(word)
        forms = {word, word.rstrip("s"), re.sub(r"ies$", "y", word), re.sub(r"e?n$", "", word)}
        if short or forms & known or word in _FAMILY or is_known(word):
            continue
        if not find_mentions(f"in {word}") and not find_mentions(f"{word} quarter"):
            left.append(word)
    return tuple(left)
