"""Archive file: one Parquet file with a range of the log, read in constant memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from infrastructure.archive.catalogue import Archive
from infrastructure.archive.duck import NATIVE, Duck
from infrastructure.archive.errors import ArchiveDamagedError, ArchiveUnavailableError
from infrastructure.integrity.leaf import EPOCH, MICROSECOND

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = tuple[Any, ...]

FETCHED = 1_000
"""Events that are taken out of DuckDB at a time."""

FIRST_STEP, LONGEST_STEP = 64, 2_048
"""Events that are read at a time when reading backward: first few, for those who want few."""


class Wanted(NamedTuple):
    """Which events are wanted: `after < position <= until`, and `above < version <= up_to`.

    Attributes:
        types: none means all.
    """

    after: int
    until: int
    stream: UUID | str | None = None
    above: int = -1
    up_to: int = 2**31 - 1
    session_id: UUID | None = None
    types: Collection[str] = ()

    def condition(self) -> tuple[str, list[Any]]:
        """Say it as a condition in SQL with its parameters."""
        conditions = ["position > ? AND position <= ?"]
        values: list[Any] = [self.after, self.until]
        if self.stream is not None:
            conditions.append("stream = ? AND version > ? AND version <= ?")
            values += [self.stream, self.above, self.up_to]
        if self.session_id is not None:
            conditions.append("session_id = ?")
            values.append(self.session_id)
        if self.types:
            conditions.append(f"type IN ({', '.join('?' * len(self.types))})")
            values += sorted(self.types)
        return " AND ".join(conditions), values


class ArchiveFile:
    """A file of the catalogue; it is checked before it is first read, and whenever it has changed.

    Each method raises `ArchiveUnavailableError` when the file cannot be read, and
    `ArchiveDamagedError` when it is not the one that was written.

    Args:
        path: the file.
    """

    def __init__(self, duck: Duck, archive: Archive, path: Path) -> None:
        self._duck = duck
        self._archive = archive
        self._path = path
        self._checked: tuple[int, ...] | None = None

    def rows(self, wanted: Wanted, columns: str = NATIVE) -> Iterator[list[Row]]:
        """Read events by position, some at a time.

        Args:
            columns: `NATIVE` or `RAW`.
        """
        condition, values = wanted.condition()
        with self._reading() as cursor:
            cursor.execute(_select(columns, condition), [str(self._path), *values])
            while rows := cursor.fetchmany(FETCHED):
                yield rows

    def rows_backwards(self, wanted: Wanted) -> Iterator[list[Row]]:
        """Read events by position from the newest one on, some at a time."""
        condition, values = wanted.condition()
        statement = _select("position", condition) + " ORDER BY position DESC"
        step = FIRST_STEP
        with self._reading() as cursor:
            cursor.execute(statement, [str(self._path), *values])
            while found := cursor.fetchmany(step):
                part = wanted._replace(after=found[-1][0] - 1, until=found[0][0])
                yield [row for rows in self.rows(part) for row in rows][::-1]
                step = min(2 * step, LONGEST_STEP)

    def at(self, positions: Sequence[int]) -> list[Row]:
        """Read the events at some positions, at least one."""
        condition = "position BETWEEN ? AND ? AND position IN (SELECT unnest(?))"
        values = [min(positions), max(positions), list(positions)]
        return self._fetch(_select(NATIVE, condition), values)

    def position_at(self, moment: datetime) -> int:
        """Tell the highest position recorded at or before a moment; 0 for none."""
        condition = "recorded_at <= make_timestamptz(?)"
        statement = _select("coalesce(max(position), 0)", condition)
        position: int = self._fetch(statement, [(moment - EPOCH) // MICROSECOND])[0][0]
        return position

    def _fetch(self, statement: str, values: list[Any]) -> list[Row]:
        with self._reading() as cursor:
            return cursor.execute(statement, [str(self._path), *values]).fetchall()

    @contextmanager
    def _reading(self) -> Iterator[DuckDBPyConnection]:
        import duckdb  # heavy

        self._check()
        try:
            with self._duck.cursor() as cursor:
                yield cursor
        except duckdb.Error as error:
            raise self._unavailable(str(error).strip().partition("\n")[0]) from error

    def _check(self) -> None:
        archive = self._archive
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_size, status.st_mtime_ns)
            if seen == self._checked:
                return
            if status.st_size != archive.size:
                raise self._damaged(f"it has {status.st_size} bytes, not {archive.size}")
            with self._path.open("rb") as file:
                digest = file_digest(file, "sha256").digest()
        except OSError as error:
            raise self._unavailable(error.strerror or str(error)) from error
        if digest != archive.sha256:
            raise self._damaged(f"its SHA-256 is {digest.hex()}, not {archive.sha256.hex()}")
        self._checked = seen

    def _damaged(self, reason: str) -> ArchiveDamagedError:
        return ArchiveDamagedError(self._archive.first, self._archive.last, self._path, reason)

    def _unavailable(self, reason: str) -> ArchiveUnavailableError:
        return ArchiveUnavailableError(self._archive.first, self._archive.last, self._path, reason)


def _select(columns: str, condition: str) -> str:
    return f"SELECT {columns} FROM read_parquet(?) WHERE {condition}"  # noqa: S608 - constants
