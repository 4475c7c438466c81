"""Loading: turns one file into a typed table in a DuckDB file of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infrastructure.tools.failures import bad_input
from infrastructure.tools.interruption import Interruption
from infrastructure.tools.tables.columns import (
    RawColumn,
    TypedColumn,
    hints_of,
    inspect,
    type_column,
)
from infrastructure.tools.tables.dialect import Dialect, sniff
from infrastructure.tools.tables.encoding import as_utf8, refuse_binary
from infrastructure.tools.tables.names import quoted, text_literals
from infrastructure.tools.tables.repair import repair
from infrastructure.tools.tables.totals import leave_out_totals

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SAMPLE_CHARACTERS = 1 << 18
_MEMORY = "2GB"
_MOST_COLUMNS = 2000
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Source:
    """A file to load. `name` is what users call it."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading found out; the rows are in the table `data` of the DuckDB file."""

    rows: int
    columns: tuple[str, ...]
    notes: tuple[str, ...]


def load(source: Source, target: Path, interruption: Interruption) -> Loaded:
    """Load a file of any supported format into a new DuckDB file.

    Args:
        target: DuckDB file to make.

    Raises:
        EffectError: the file holds no table.
    """
    import duckdb  # heavy

    with source.path.open("rb") as file:
        head = file.read(4096)
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": 2,
        "memory_limit": _MEMORY,
        "autoinstall_known_extensions": False,
    }
    with (
        tempfile.TemporaryDirectory(dir=target.parent) as folder,
        duckdb.connect(":memory:", config=settings) as connection,
        interruption.stopping(connection.interrupt),
    ):
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET temp_directory = {text_literals([folder])}")
        loading = _Loading(connection, source, Path(folder), interruption)
        try:
            return loading.run(head, target)
        except duckdb.Error as error:
            interruption.check()
            raise bad_input(
                f"{source.name!r} cannot be read as a table: {_reason(error, source)}."
            ) from error


class _Loading:
    """One load: raw text in the table `raw`, typed rows in the table `typed`."""

    def __init__(
        self,
        connection: DuckDBPyConnection,
        source: Source,
        folder: Path,
        interruption: Interruption,
    ) -> None:
        self._connection = connection
        self._source = source
        self._folder = folder
        self._interruption = interruption
        self._notes: list[str] = []

    def run(self, head: bytes, target: Path) -> Loaded:
        """Load by what the first bytes show, since names may lie."""
        if head.startswith(b"PAR1"):
            self._read_parquet()
        else:
            refuse_binary(self._source.name, head)
            names, delimiter = self._read_text()
            self._type_columns(names, delimiter)
            self._notes += leave_out_totals(self._connection)
        return self._write(target)

    def _read_parquet(self) -> None:
        path = text_literals([str(self._source.path)])
        described = self._connection.execute(f"DESCRIBE FROM read_parquet({path})").fetchall()
        expressions = []
        for name, sql_type, *_ in described:
            column = quoted(name)
            if sql_type == "BLOB":
                self._notes.append(f"{name!r} holds binary data and was left out.")
            elif sql_type == "TIMESTAMP WITH TIME ZONE":
                self._notes.append(f"Moments in {name!r} were brought to UTC.")
                expressions.append(f"CAST({column} AT TIME ZONE 'UTC' AS TIMESTAMP) AS {column}")
            elif sql_type.endswith("[]") or sql_type.startswith(("STRUCT", "MAP", "UNION")):
                self._notes.append(f"{name!r} holds nested values; they were kept as JSON text.")
                expressions.append(f"CAST(to_json({column}) AS VARCHAR) AS {column}")
            else:
                expressions.append(column)
        if not expressions:
            raise bad_input(f"{self._source.name!r} has no column that a table can hold.")
        self._connection.execute(
            f"CREATE TEMP TABLE typed AS SELECT {', '.join(expressions)}"  # noqa: S608  # quoted
            f" FROM read_parquet({path})"
        )

    def _read_text(self) -> tuple[tuple[str, ...], str | None]:
        text = as_utf8(self._source.path, self._folder)
        if text.note:
            self._notes.append(text.note)
        with text.path.open(encoding="utf-8", newline="") as file:
            sample = file.read(_SAMPLE_CHARACTERS)
            whole = not file.read(1)
        if sample.lstrip()[:1] in {"[", "{"}:
            return self._read_json(text.path), None
        prefer = {".tsv": "\t", ".tab": "\t"}.get(self._source.path.suffix.lower())
        dialect = sniff(sample, whole=whole, prefer=prefer)
        if dialect is None:
            raise bad_input(
                f"{self._source.name!r} holds running text, not a table; read it with read_file."
            )
        return self._read_delimited(text.path, dialect), dialect.delimiter

    def _read_json(self, path: Path) -> tuple[str, ...]:
        import duckdb  # heavy

        file = text_literals([str(path)])
        options = "sample_size=-1, maximum_object_size=268435456"
        try:
            described = self._connection.execute(
                f"DESCRIBE FROM read_json({file}, {options})"
            ).fetchall()
        except duckdb.Error as error:
            self._interruption.check()
            raise bad_input(
                f"{self._source.name!r} is no valid JSON: {_reason(error, self._source)}."
            ) from error
        names = tuple(str(row[0]) for row in described)
        if names == ("json",) and str(described[0][1]) not in {"VARCHAR", "STRUCT"}:
            raise bad_input(f"{self._source.name!r} is JSON, but no list of records.")
        nested = [
            n
            for n, kind, *_ in described
            if kind.endswith("]") or kind.startswith(("STRUCT", "MAP"))
        ]
        self._notes += [
            f"{name!r} holds nested values; they were kept as JSON text." for name in nested
        ]
        columns = ", ".join(f"{text_literals([name])}: 'VARCHAR'" for name in names)
        aliases = ", ".join(f"{_cleaned(quoted(name))} AS c{i}" for i, name in enumerate(names, 1))
        self._connection.execute(
            f"CREATE TEMP TABLE raw AS SELECT {aliases}"  # noqa: S608  # quoted
            f" FROM read_json({file}, columns={{{columns}}}, maximum_object_size=268435456)"
        )
        self._refuse_single_object()
        return names

    def _refuse_single_object(self) -> None:
        if self._source.path.suffix.lower() in {".jsonl", ".ndjson"}:
            return
        with self._source.path.open("rb") as file:
            is_list = b"[" in file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        if not is_list and self._connection.execute("SELECT count(*) FROM raw").fetchall() == [
            (1,)
        ]:
            raise bad_input(
                f"{self._source.name!r} holds one object, not a table; hand in a list of records."
            )

    def _read_delimited(self, path: Path, dialect: Dialect) -> tuple[str, ...]:
        import duckdb  # heavy

        if dialect.width > _MOST_COLUMNS:
            raise bad_input(
                f"{self._source.name!r} has {dialect.width:,} columns; at most {_MOST_COLUMNS:,}"
                " can be loaded."
            )
        try:
            self._read_regular(path, dialect.delimiter, dialect.skip_lines, dialect.width)
        except duckdb.Error:
            self._interruption.check()
            clean = self._folder / "clean.csv"
            repairs = repair(path, dialect, clean, self._interruption)
            self._read_regular(clean, ",", 0, dialect.width)
            self._notes += repairs.notes(dialect.width)
        if dialect.title_lines:
            titles = "; ".join(line for line in dialect.title_lines if line)
            self._notes.append(
                f"{len(dialect.title_lines)} lines above the header are titles, not data:"
                f" {titles!r}."
            )
        if not dialect.header:
            self._notes.append("The file has no header; its columns are called column_1 and so on.")
        return dialect.header

    def _read_regular(self, path: Path, delimiter: str, skip: int, width: int) -> None:
        columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(1, width + 1))
        cleaned = ", ".join(f"{_cleaned(f'c{i}')} AS c{i}" for i in range(1, width + 1))
        self._connection.execute("DROP TABLE IF EXISTS raw")
        self._connection.execute(
            f"CREATE TEMP TABLE raw AS SELECT {cleaned} FROM read_csv({text_literals([str(path)])},"  # noqa: S608  # quoted
            f" auto_detect=false, header=false, delim={text_literals([delimiter])}, quote='\"',"
            f" escape='\"', skip={skip}, strict_mode=true, max_line_size=33554432,"
            f" columns={{{columns}}})"
        )

    def _type_columns(self, header: tuple[str, ...], delimiter: str | None) -> None:
        width = len(self._connection.execute("DESCRIBE raw").fetchall())
        names = self._names(header, width)
        raw = [inspect(self._connection, f"c{i}", names[i - 1]) for i in range(1, width + 1)]
        raw = [column for column in raw if not self._is_trailing(column, header)]
        hints = hints_of(raw, delimiter)
        typed = [type_column(self._connection, column, hints) for column in raw]
        self._convert(typed, raw)
        self._notes += [note for column in typed for note in column.notes]
        self._note_strangers(typed)

    def _names(self, header: tuple[str, ...], width: int) -> list[str]:
        names: list[str] = []
        taken: set[str] = set()
        for index in range(width):
            written = header[index] if index < len(header) else ""
            base = " ".join(written.split()) or f"column_{index + 1}"
            name, number = base, 2
            while name.lower() in taken:
                name, number = f"{base}_{number}", number + 1
            if name != base:
                self._notes.append(f"The column name {base!r} occurs twice; one is {name!r} now.")
            taken.add(name.lower())
            names.append(name)
        return names

    @staticmethod
    def _is_trailing(column: RawColumn, header: tuple[str, ...]) -> bool:
        """Whether a column is only the trace of a delimiter at the end of each line."""
        index = int(column.sql[1:]) - 1
        unnamed = bool(header) and not (header[index] if index < len(header) else "").strip()
        return unnamed and column.shapes == () and not column.missing

    def _convert(self, typed: Sequence[TypedColumn], raw: Sequence[RawColumn]) -> None:
        expressions = ", ".join(f"{c.expression} AS {quoted(c.name)}" for c in typed)
        joins = "".join(
            f" LEFT JOIN {quoted(c.join)} ON {quoted(c.join)}.text = raw.{quoted(c.raw)}"
            for c in typed
            if c.join
        )
        filled = " OR ".join(f"raw.{c.sql} IS NOT NULL" for c in raw)
        repeated = " AND ".join(
            f"coalesce(raw.{c.sql}, '') = {text_literals([c.name])}" for c in raw
        )
        empty, headers = self._connection.execute(
            f"SELECT count(*) FILTER (NOT ({filled})), count(*) FILTER ({repeated}) FROM raw"  # noqa: S608  # quoted
        ).fetchall()[0]
        if empty:
            self._notes.append(f"{empty:,} rows without any value were left out.")
        if headers:
            self._notes.append(f"{headers:,} rows repeat the header and were left out.")
        order = " ORDER BY raw.rowid" if joins else ""
        self._connection.execute(
            f"CREATE TEMP TABLE typed AS SELECT {expressions} FROM raw{joins}"  # noqa: S608  # quoted
            f" WHERE ({filled}) AND NOT ({repeated}){order}"
        )

    def _note_strangers(self, typed: Sequence[TypedColumn]) -> None:
        for column in typed:
            if column.kind == "text":
                continue
            value = f"raw.{quoted(column.raw)}"
            join = (
                f" LEFT JOIN {quoted(column.join)} ON {quoted(column.join)}.text = {value}"
                if column.join
                else ""
            )
            known = f"{value} IS NOT NULL AND {value} <> {text_literals([column.name])}"
            if column.missing:
                known += f" AND {value} NOT IN ({text_literals(column.missing)})"
            total, lost, examples = self._connection.execute(
                f"SELECT count(*), count(*) FILTER (value IS NULL),"  # noqa: S608  # quoted
                f" list(DISTINCT text ORDER BY text) FILTER (value IS NULL) FROM"
                f" (SELECT {value} AS text, {column.expression} AS value FROM raw{join}"
                f" WHERE {known})"
            ).fetchall()[0]
            if lost:
                shown = ", ".join(repr(text) for text in examples[:_SHOWN])
                more = ", ..." if len(examples) > _SHOWN else ""
                noun = {"number": "numbers", "boolean": "yes or no"}.get(column.kind, "dates")
                self._notes.append(
                    f"{lost:,} of {total:,} values of {column.name!r} are no {noun} and were left"
                    f" out: {shown}{more}."
                )

    def _write(self, target: Path) -> Loaded:
        self._connection.execute(f"ATTACH {text_literals([str(target)])} AS target")
        self._connection.execute("CREATE TABLE target.data AS FROM typed")
        rows = self._connection.execute("SELECT count(*) FROM target.data").fetchall()[0][0]
        columns = [row[0] for row in self._connection.execute("DESCRIBE target.data").fetchall()]
        self._connection.execute("DETACH target")
        if not rows:
            self._notes.append("The table has a header but no rows.")
        return Loaded(rows, tuple(columns), tuple(self._notes))


def _reason(error: Exception, source: Source) -> str:
    """Give the database's reason without its own words around it and without a path."""
    first = str(error).splitlines()[0].partition(": ")[2]
    folder = f"{source.path.parent}/"
    return first.replace(folder, "").rstrip(".")


def _cleaned(column: str) -> str:
    return f"nullif(trim({column}, ' \t\r\n\u00a0\ufeff'), '')"
