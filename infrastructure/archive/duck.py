"""DuckDB as the reader and writer of Parquet files, and how a file lays out an event."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COMPRESSION = "FORMAT parquet, COMPRESSION zstd"


class Column:
    """A column of a file.

    Args:
        name: as in `hansard.events`.
        exported: its type in the text that PostgreSQL exports.
        imported: expression that makes the value out of what was exported.
        native: expression that gives what a row of the log has; times lack their zone, UTC.
        raw: expression that gives the bytes that stand in a leaf of the tree.
    """

    def __init__(self, name: str, exported: str, imported: str, native: str, raw: str) -> None:
        self.name = name
        self.exported = exported
        self.imported = imported.format(name)
        self.native = native.format(name)
        self.raw = raw.format(name)


def _integer(name: str, duck_type: str, width: int) -> Column:
    raw = f"unhex(lpad(to_hex({{}}::BIGINT), {2 * width}, '0'))"
    return Column(name, duck_type, "{}", "{}", raw)


def _uuid(name: str) -> Column:
    octets = "unhex(replace({}::VARCHAR, '-', ''))"
    return Column(name, "UUID", "{}", octets, octets)


def _text(name: str) -> Column:
    return Column(name, "VARCHAR", "{}", "{}", "encode({})")


def _time(name: str) -> Column:
    return Column(
        name,
        "BIGINT",
        "make_timestamptz({})",
        "make_timestamp(epoch_us({}))",
        "unhex(lpad(to_hex(epoch_us({})), 16, '0'))",
    )


COLUMNS = (
    _integer("position", "BIGINT", 8),
    _uuid("stream"),
    _integer("version", "INTEGER", 4),
    _uuid("event_id"),
    _text("type"),
    _integer("schema_version", "SMALLINT", 2),
    _text("tenant"),
    _uuid("session_id"),
    _text("actor"),
    _uuid("correlation_id"),
    _uuid("causation_id"),
    _text("traceparent"),
    _text("subject"),
    _time("occurred_at"),
    _time("recorded_at"),
    Column("payload", "VARCHAR", "from_base64({})", "{}", "{}"),
)
"""The columns of a file, in the order of those of `hansard.events` and of the fields of a leaf."""

OCCURRED_AT, RECORDED_AT = 13, 14

NATIVE = ", ".join(column.native for column in COLUMNS)
RAW = ", ".join(column.raw for column in COLUMNS)

_EXPORTED = ", ".join(f"'{column.name}': '{column.exported}'" for column in COLUMNS)
_IMPORTED = ", ".join(f"{column.imported} AS {column.name}" for column in COLUMNS)

_CONVERT = f"""
COPY (
    SELECT {_IMPORTED}
    FROM read_csv(
        $source, header = false, auto_detect = false, delim = ',', quote = '"', escape = '"',
        new_line = '\\n', nullstr = '\\N', allow_quoted_nulls = false, max_line_size = $longest,
        columns = {{{{{_EXPORTED}}}}}
    )
) TO {{target}} ({COMPRESSION}, ROW_GROUP_SIZE {{row_group}})
"""  # noqa: S608 - built from constants of this module

SHORTEST_LINE_LIMIT = 2_000_000
"""DuckDB's own limit; a smaller one only costs speed."""


class Duck:
    """DuckDB in this process, loaded when it is first needed.

    Args:
        folder: the only one it may touch.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._connection: DuckDBPyConnection | None = None

    def cursor(self) -> DuckDBPyConnection:
        """Open a connection, to be closed after use; several threads may have one each."""
        with self._lock:
            if self._connection is None:
                self._connection = self._open()
            return self._connection.cursor()

    def convert(self, source: Path, target: Path, *, longest: int, row_group: int) -> None:
        """Make a Parquet file out of what PostgreSQL exported.

        Args:
            longest: characters of the longest line.
            row_group: events that are compressed together, and read together.
        """
        statement = _CONVERT.format(target=_quoted(target), row_group=row_group)
        limit = max(longest + 1, SHORTEST_LINE_LIMIT)
        with self.cursor() as cursor:
            cursor.execute(statement, {"source": str(source), "longest": limit})

    def close(self) -> None:
        """Free what it holds."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> DuckDBPyConnection:
        import duckdb  # heavy

        connection = duckdb.connect(
            ":memory:",
            config={
                "threads": 1,  # rows then come in the order of the file
                "enable_external_file_cache": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        connection.execute("SET temp_directory = ''")
        connection.execute("SET GLOBAL parquet_metadata_cache = true")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET allowed_directories = [{_quoted(self._folder)}]")
        connection.execute("SET enable_external_access = false")
        return connection


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
