"""Columns: decides for each column of raw text what it holds and how to convert it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from infrastructure.tools.tables import dates, numbers
from infrastructure.tools.tables.names import quoted, text_literals
from infrastructure.tools.tables.numbers import NumberColumn, Shape

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Kind = Literal["text", "number", "date", "timestamp", "boolean"]
_MOST_SHAPES = 2000
_MISSING = frozenset(
    {"n/a", "n.a.", "#n/a", "#na", "null", "nan", "nil", "k.a.", "-", "--", "–", "—", "?", "."}  # noqa: RUF001  # dashes people type
    | {"#value!", "#ref!", "#div/0!", "(null)", "<na>", "n.v.", "s.o.", "n.d.", "(blank)"}
)
_MISSING_UNLESS_TEXT = frozenset({"na", "none"})
"""Words that are also real names: `NA` may be North America."""
_TRUE_FALSE = (
    ("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("ja", "nein"), ("oui", "non"),
    ("sí", "no"), ("si", "no"), ("wahr", "falsch"), ("vrai", "faux"), ("vero", "falso"),
    ("verdadero", "falso"),
)  # fmt: skip
_DATE_NAME = re.compile(r"date|datum|day|tag|fecha|jour|data|giorno|dia", re.IGNORECASE)
_ISO_SHAPE = re.compile(
    r"9999-99-99(?P<time>[T ]99:99(:99([.]9{1,9})?)?(?P<zone>Z|[+-]99(:?99)?)?)?"
)
_DIGITS = "translate({}, '0123456789', '9999999999')"


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column as text: its SQL name in the table `raw`, its final name, its shapes.

    Attributes:
        shapes: shapes of the values, frequent first; None when there are too many to be figures.
        missing: missing-value words and their counts.
    """

    sql: str
    name: str
    shapes: tuple[Shape, ...] | None
    missing: dict[str, int]

    @property
    def filled(self) -> int:
        """Number of values in the known shapes."""
        return sum(shape.count for shape in self.shapes or ())


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """A column with its conversion.

    Attributes:
        expression: SQL over `raw` and the joined tables.
        join: table of converted texts, joined on the raw text; None for most columns.
        notes: what was cleaned or assumed.
    """

    name: str
    raw: str
    kind: Kind
    expression: str
    notes: tuple[str, ...] = ()
    join: str | None = None
    missing: tuple[str, ...] = ()


@dataclass(slots=True)
class Hints:
    """What the file as a whole tells about each column.

    Attributes:
        comma: decimal commas are usual in it.
        day_first: days stand before months.
        literal: numbers are written by a machine, so that a point is always decimal.
    """

    comma: bool = False
    day_first: bool = False
    literal: bool = False
    order: dates.Order | None = field(default=None)


def inspect(connection: DuckDBPyConnection, sql: str, name: str) -> RawColumn:
    """Collect the shapes of a raw column."""
    value = quoted(sql)
    rows = connection.execute(
        f"SELECT {_DIGITS.format(value)} AS shape, count(*) AS n, min({value}),"  # noqa: S608  # quoted
        f" count(*) FILTER (regexp_matches({value}, '^[+-]?0[0-9]')),"
        f" count(*) FILTER (regexp_matches({value}, '^[^0-9]*0?[.,]') OR"
        f" regexp_matches({value}, '^[^1-9]*0[.,]'))"
        f" FROM raw WHERE {value} IS NOT NULL GROUP BY shape ORDER BY n DESC, shape"
        f" LIMIT {_MOST_SHAPES + 1}"
    ).fetchall()
    shapes = [Shape(*row) for row in rows]
    missing = {s.text: s.count for s in shapes if s.text.lower() in _MISSING | _MISSING_UNLESS_TEXT}
    if len(shapes) > _MOST_SHAPES:
        return RawColumn(sql, name, None, missing)
    known = tuple(shape for shape in shapes if shape.text not in missing)
    return RawColumn(sql, name, known, missing)


def hints_of(columns: Sequence[RawColumn], delimiter: str | None) -> Hints:
    """Tell from all columns together how figures are written in the file."""
    if delimiter is None:
        return Hints(literal=True)
    votes = 0
    dotted_dates = False
    for column in columns:
        for shape in column.shapes or ():
            figure = numbers.read_shape(shape.text)
            if figure and figure.separator is numbers.Separator.COMMA:
                votes += shape.count
            if figure and figure.separator is numbers.Separator.POINT:
                votes -= shape.count
            dotted_dates = dotted_dates or re.fullmatch(r"9?9\.9?9\.9999", shape.text) is not None
    comma = votes > 0 or (votes == 0 and delimiter == ";")
    return Hints(comma=comma, day_first=comma or dotted_dates)


def type_column(connection: DuckDBPyConnection, column: RawColumn, hints: Hints) -> TypedColumn:
    """Decide what a column holds."""
    if column.shapes is None:
        return _as_text(column)
    if not column.shapes:
        return _as_text(column)
    return (
        _as_boolean(column)
        or _as_number(column, hints)
        or _as_date(connection, column, hints)
        or _as_text(column)
    )


def _tolerable(strange: int, total: int) -> bool:
    """Whether so few strangers are slips among values of one kind rather than other values."""
    return strange == 0 or (total >= 4 and strange <= max(1, total // 10))  # noqa: PLR2004  # three of four


def _missing_note(column: RawColumn, words: Sequence[str]) -> list[str]:
    count = sum(column.missing[word] for word in words)
    if not count:
        return []
    listed = ", ".join(repr(word) for word in words[:5])
    return [
        f"{count:,} values of {column.name!r} stand for 'missing' ({listed}) and are empty now."
    ]


def _as_text(column: RawColumn) -> TypedColumn:
    words = [word for word in column.missing if word.lower() in _MISSING]
    kept = [word for word in column.missing if word.lower() in _MISSING_UNLESS_TEXT]
    value = f"raw.{quoted(column.sql)}"
    notes = _missing_note(column, words)
    if kept and column.shapes:
        listed = ", ".join(repr(word) for word in kept)
        notes.append(f"{listed} in {column.name!r} was kept as a value, not taken for 'missing'.")
    elif kept:
        words += kept
        notes = _missing_note(column, words)
    codes = [shape for shape in column.shapes or () if shape.leading_zeros]
    if codes and all(numbers.read_shape(shape.text) for shape in column.shapes or ()):
        notes.append(
            f"{column.name!r} has codes with leading zeros such as {codes[0].example!r};"
            " it was kept as text."
        )
    expression = value
    if words:
        expression = f"CASE WHEN {value} IN ({text_literals(words)}) THEN NULL ELSE {value} END"
    return TypedColumn(
        column.name, column.sql, "text", expression, tuple(notes), None, tuple(words)
    )


def _as_boolean(column: RawColumn) -> TypedColumn | None:
    texts = {shape.text.lower() for shape in column.shapes or ()}
    for true, false in _TRUE_FALSE:
        if texts <= {true, false} and (len(texts) == 2 or (len(true) > 1 and texts != {"no"})):  # noqa: PLR2004  # both
            value = f"lower(raw.{quoted(column.sql)})"
            sql = f"CASE {value} WHEN '{true}' THEN TRUE WHEN '{false}' THEN FALSE END"
            words = tuple(column.missing)
            notes = tuple(_missing_note(column, words))
            return TypedColumn(column.name, column.sql, "boolean", sql, notes, None, words)
    return None


def _as_number(column: RawColumn, hints: Hints) -> TypedColumn | None:
    shapes = column.shapes or ()
    if _are_compact_dates(column) or any(
        shape.leading_zeros and shape.text.isdigit() for shape in shapes
    ):
        return None
    read = numbers.read_column(shapes, comma_hint=hints.comma)
    strange = sum(shape.count for shape in read.strangers) if read else 0
    if read is None or not _tolerable(strange, column.filled):
        return None
    value = f"raw.{quoted(column.sql)}"
    sql = numbers.conversion(read, value, _DIGITS.format(value))
    notes = (
        *_missing_note(column, tuple(column.missing)),
        *_number_notes(column.name, read, hints),
    )
    return TypedColumn(column.name, column.sql, "number", sql, notes, None, tuple(column.missing))


def _number_notes(name: str, read: NumberColumn, hints: Hints) -> list[str]:
    notes = []
    if read.assumed and not hints.literal:
        sign = "a comma is the decimal sign" if hints.comma else "a point is the decimal sign"
        notes.append(f"In {name!r} it cannot be told thousands from fractions; assumed: {sign}.")
    if read.points and read.commas and not read.plain and _mixed(read):
        notes.append(f"{name!r} mixes decimal points and decimal commas; both were read.")
    if len(read.currencies) == 1:
        notes.append(f"The currency {next(iter(read.currencies))!r} was taken off {name!r}.")
    elif read.currencies:
        listed = ", ".join(f"{sign!r} ({count:,})" for sign, count in read.currencies.items())
        notes.append(f"{name!r} mixes currencies: {listed}; amounts were not converted.")
    if read.percent:
        notes.append(f"{name!r} has percentages; 12.5 stands for 12.5 %.")
    return notes


def _mixed(read: NumberColumn) -> bool:
    separators = {
        figure.separator
        for shape in (*read.points, *read.commas)
        if (figure := numbers.read_shape(shape)) is not None
    }
    return {numbers.Separator.POINT, numbers.Separator.COMMA} <= separators


def _are_compact_dates(column: RawColumn) -> bool:
    texts = [shape.text for shape in column.shapes or ()]
    return texts == ["99999999"] and _DATE_NAME.search(column.name) is not None


def _as_date(connection: DuckDBPyConnection, column: RawColumn, hints: Hints) -> TypedColumn | None:
    shapes = column.shapes or ()
    iso = [_ISO_SHAPE.fullmatch(shape.text) for shape in shapes]
    if all(iso):
        return _as_iso_date(column, [match for match in iso if match])
    likely = sum(s.count for s in shapes if dates.looks_like_date(s.example))
    if likely * 2 < column.filled and not _are_compact_dates(column):
        return None
    return _as_written_date(connection, column, hints)


def _as_iso_date(column: RawColumn, matches: Sequence[re.Match[str]]) -> TypedColumn:
    value = f"raw.{quoted(column.sql)}"
    notes = _missing_note(column, tuple(column.missing))
    words = tuple(column.missing)
    if not any(match["time"] for match in matches):
        sql = f"TRY_CAST({value} AS DATE)"
        return TypedColumn(column.name, column.sql, "date", sql, tuple(notes), None, words)
    if any(match["zone"] for match in matches):
        notes.append(f"Moments in {column.name!r} were brought to UTC.")
        # Texts without a zone are taken as UTC, the zone of the connection.
        sql = f"CAST(TRY_CAST({value} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS TIMESTAMP)"
    else:
        sql = f"TRY_CAST({value} AS TIMESTAMP)"
    return TypedColumn(column.name, column.sql, "timestamp", sql, tuple(notes), None, words)


def _as_written_date(
    connection: DuckDBPyConnection, column: RawColumn, hints: Hints
) -> TypedColumn | None:
    value = quoted(column.sql)
    rows = connection.execute(
        f"SELECT {value}, count(*) FROM raw WHERE {value} IS NOT NULL GROUP BY 1"  # noqa: S608  # quoted
    ).fetchall()
    counts = {text: count for text, count in rows if text not in column.missing}
    read = dates.read_column(
        counts, day_first_hint=hints.day_first, compact=_are_compact_dates(column)
    )
    if not _tolerable(sum(counts[text] for text in read.strangers), sum(counts.values())):
        return None
    table = f"moments_{column.sql}"
    connection.execute(
        f"CREATE TEMP TABLE {quoted(table)} AS"
        " SELECT unnest($1::VARCHAR[]) AS text, unnest($2::VARCHAR[])::TIMESTAMP AS moment",
        [list(read.moments), [moment.when.isoformat() for moment in read.moments.values()]],
    )
    kind: Kind = "timestamp" if read.has_times else "date"
    sql = f"CAST({quoted(table)}.moment AS {kind.upper()})"
    notes = (*_missing_note(column, tuple(column.missing)), *_date_notes(column.name, read))
    return TypedColumn(column.name, column.sql, kind, sql, notes, table, tuple(column.missing))


def _date_notes(name: str, read: dates.DateColumn) -> list[str]:
    notes = []
    moments = read.moments.values()
    if read.assumed and read.order:
        notes.append(f"In {name!r} days and months look alike; assumed: {read.order.value}.")
    if any(moment.grain in {"month", "quarter"} for moment in moments):
        grain = next(m.grain for m in moments if m.grain in {"month", "quarter"})
        notes.append(f"A {grain} in {name!r} is stored as its first day.")
    if any(moment.short_year for moment in moments):
        notes.append(f"Years of two digits in {name!r} were read as 1969 to 2068.")
    if any(moment.zoned for moment in moments):
        notes.append(f"Moments in {name!r} were brought to UTC.")
    return notes
