"""Profile: describes a table's columns and what each of them is good for."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from infrastructure.tools.calls import Call, Outcome
from infrastructure.tools.schemas import (
    ColumnProfile,
    ColumnRole,
    ColumnType,
    ProfileTableArguments,
    TableProfile,
)
from infrastructure.tools.tables.names import quoted, text_literals

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SAMPLES = 5
_SAMPLE_LENGTH = 80
_INTEGERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}
    | {"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
_NUMBERS = frozenset({"DECIMAL", "FLOAT", "DOUBLE"})
_IDENTIFIER = re.compile(
    r"(^|[\W_])(id|ids|uuid|guid|key|no|nr|num|number|nummer|numero|code|sku|ean|isbn|iban|bic|zip"
    r"|zipcode|postcode|postal|plz|cap|cp|phone|tel|telefon|account|konto|kontonummer|invoice|rechnung"
    r"|beleg|belegnr|index)($|[\W_])|[a-z](Id|ID|No|Nr|Code|Key)$|^#$",
    re.IGNORECASE,
)
_PERIOD = re.compile(
    r"(^|[\W_])(year|jahr|ann[ée]e|año|ano|anno|fy|month|monat|mois|mes|mese|quarter|quartal|trimestre"
    r"|week|woche|kw|semaine|semana|settimana|day|tag|weekday|hour|stunde)($|[\W_])",
    re.IGNORECASE,
)
_MEASURE = re.compile(
    r"amount|betrag|total|sum|price|preis|revenue|umsatz|cost|kosten|sales|qty|quantity|menge|anzahl"
    r"|count|value|wert|montant|importe|importo|score|rate|percent|prozent|budget|profit|gewinn",
    re.IGNORECASE,
)
_LONG_TEXT = 60
_SHORT_TEXT = 20
_MANY_GROUPS = 50


def profile_table(call: Call, arguments: ProfileTableArguments) -> Outcome:
    """Describe the table."""
    name, file = call.tables.find(arguments.table)
    with (
        call.tables.using(file) as stored,
        _reading(str(stored.path)) as connection,
        call.interruption.stopping(connection.interrupt),
    ):
        described = connection.execute("DESCRIBE data").fetchall()
        columns = [
            _profile(connection, str(row[0]), str(row[1]), stored.loaded.rows) for row in described
        ]
    profile = TableProfile(
        table=name,
        file=file.name,
        rows=stored.loaded.rows,
        columns=tuple(columns),
        notes=stored.loaded.notes,
    )
    return Outcome(profile)


def _reading(path: str) -> AbstractContextManager[DuckDBPyConnection]:
    import duckdb  # heavy

    connection = duckdb.connect(
        ":memory:", config={"threads": 2, "autoinstall_known_extensions": False}
    )
    connection.execute(f"ATTACH {text_literals([path])} AS source (READ_ONLY)")
    connection.execute("USE source")
    return connection


def _profile(connection: DuckDBPyConnection, name: str, sql_type: str, rows: int) -> ColumnProfile:
    kind = _type(sql_type)
    column = quoted(name)
    sums = f"sum({column}), avg({column})" if kind in {"integer", "number"} else "NULL, NULL"
    length = f"avg(length({column}))" if kind == "text" else "NULL"
    filled, distinct, low, high, total, mean, average_length = connection.execute(
        f"SELECT count({column}), count(DISTINCT {column}), min({column}), max({column}), {sums},"  # noqa: S608  # quoted
        f" {length} FROM data"
    ).fetchall()[0]
    samples = connection.execute(
        f"SELECT {column} FROM data WHERE {column} IS NOT NULL GROUP BY 1"  # noqa: S608  # quoted
        f" ORDER BY count(*) DESC, 1 LIMIT {_SAMPLES}"
    ).fetchall()
    role = _role(name, kind, filled, distinct, (low, high), average_length or 0.0)
    return ColumnProfile(
        name=name,
        type=kind,
        role=role,
        nulls=rows - filled,
        distinct=distinct,
        minimum=_text(low),
        maximum=_text(high),
        total=float(total) if role == "measure" and total is not None else None,
        mean=float(mean) if role == "measure" and mean is not None else None,
        samples=tuple(text for row in samples if (text := _text(row[0])) is not None),
    )


def _type(sql_type: str) -> ColumnType:
    base = sql_type.split("(", maxsplit=1)[0]
    if base in _INTEGERS:
        return "integer"
    if base in _NUMBERS:
        return "number"
    if base == "BOOLEAN":
        return "boolean"
    if base == "DATE":
        return "date"
    return "timestamp" if base.startswith("TIMESTAMP") else "text"


def _role(  # noqa: PLR0913, PLR0917  # one rule over all facts
    name: str,
    kind: ColumnType,
    filled: int,
    distinct: int,
    ends: tuple[object, object],
    average_length: float,
) -> ColumnRole:
    if kind in {"date", "timestamp"}:
        return "date"
    if kind == "boolean":
        return "dimension"
    if kind == "number":
        return "measure"
    if kind == "integer":
        return _integer_role(name, filled, distinct, ends)
    return _text_role(name, filled, distinct, average_length)


def _integer_role(name: str, filled: int, distinct: int, ends: tuple[object, object]) -> ColumnRole:
    low, high = (int(str(end)) if end is not None else 0 for end in ends)
    if _PERIOD.search(name) and low >= 0 and high <= 2200:  # noqa: PLR2004  # years at most
        return "dimension"
    if _IDENTIFIER.search(name):
        return "identifier"
    if _MEASURE.search(name):
        return "measure"
    # Rows numbered one by one are names of rows, not figures.
    if filled > 2 and distinct == filled and high - low == filled - 1:  # noqa: PLR2004  # two prove nothing
        return "identifier"
    return "dimension" if {low, high} == {0, 1} else "measure"


def _text_role(name: str, filled: int, distinct: int, average_length: float) -> ColumnRole:
    if average_length > _LONG_TEXT:
        return "text"
    if distinct <= max(_MANY_GROUPS, filled // 20) and distinct * 2 <= max(filled, 4):
        return "identifier" if _IDENTIFIER.search(name) else "dimension"
    if _IDENTIFIER.search(name) or (
        distinct == filled and filled > _MANY_GROUPS and average_length < _SHORT_TEXT
    ):  # a code is short
        return "identifier"
    return "dimension" if distinct <= _MANY_GROUPS else "text"


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    text = str(value)
    return text if len(text) <= _SAMPLE_LENGTH else text[: _SAMPLE_LENGTH - 1] + "…"
