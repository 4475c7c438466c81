"""Archived events: the part of the log that is in files, for those who read the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from infrastructure.archive.catalogue import Archive, ArchiveCatalogue
from infrastructure.archive.duck import OCCURRED_AT, RECORDED_AT, Duck
from infrastructure.archive.errors import ArchiveUnavailableError
from infrastructure.archive.file import ArchiveFile, Row, Wanted
from infrastructure.event_log.logged_event import sent_time

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool


class ArchivedEvents:
    """Reads archives; a log that has none costs one query of an empty table where it is asked for.

    Rows are those of `sql.COLUMNS` of the event log: UUIDs as their 16 bytes, times as their 8.

    Args:
        pool: connections in autocommit mode.
        folder: where archives are; without one, each of them is unavailable.
    """

    def __init__(self, pool: ConnectionPool[Any], folder: Path | None) -> None:
        self.catalogue = ArchiveCatalogue(pool)
        self._folder = folder
        self._duck = Duck(folder) if folder is not None else None
        self._files: dict[int, ArchiveFile] = {}
        self._lock = Lock()

    def holding(self, wanted: Wanted) -> list[Archive]:
        """List the archives that may hold what is wanted, oldest first."""
        if wanted.stream is not None:
            found = self.catalogue.holding_stream(wanted.stream, wanted.after, wanted.above)
        elif wanted.session_id is not None:
            found = self.catalogue.holding_session(wanted.session_id, wanted.after)
        else:
            return self.catalogue.overlapping(wanted.after, wanted.until)
        return [archive for archive in found if archive.first <= wanted.until]

    def pages(
        self, archives: Sequence[Archive], wanted: Wanted, *, backwards: bool = False
    ) -> Iterator[list[Row]]:
        """Read what is wanted out of archives, some rows at a time.

        Args:
            archives: by position.
        """
        for archive in reversed(archives) if backwards else archives:
            file = self.file(archive)
            found = file.rows_backwards(wanted) if backwards else file.rows(wanted)
            for rows in found:
                yield [_as_sent(row) for row in rows]

    def at(self, positions: Sequence[int]) -> list[Row]:
        """Read the events at some positions, as far as they are archived."""
        rows: list[Row] = []
        for archive in self.catalogue.archives() if positions else ():
            here = [at for at in positions if archive.first <= at <= archive.last]
            if here:
                rows += map(_as_sent, self.file(archive).at(here))
        return rows

    def position_at(self, moment: datetime) -> int:
        """Tell the highest archived position recorded at or before a moment; 0 for none."""
        position = 0
        for archive in self.catalogue.archives():
            if moment < archive.recorded_until:
                return self.file(archive).position_at(moment) or position
            position = archive.last
        return position

    def file(self, archive: Archive) -> ArchiveFile:
        """Name the file of an archive; it need not be there.

        Raises:
            ArchiveUnavailableError: the folder of archives is not known.
        """
        if self._folder is None or self._duck is None:
            raise ArchiveUnavailableError(
                archive.first, archive.last, archive.file, "no folder of archives is named"
            )
        with self._lock:
            if archive.first not in self._files:
                path = self._folder / archive.file
                self._files[archive.first] = ArchiveFile(self._duck, archive, path)
            return self._files[archive.first]

    def close(self) -> None:
        """Free what DuckDB holds."""
        if self._duck is not None:
            self._duck.close()


def _as_sent(row: Row) -> Row:
    """Give times the form in which the database sends them."""
    return (
        *row[:OCCURRED_AT],
        sent_time(row[OCCURRED_AT].replace(tzinfo=UTC)),
        sent_time(row[RECORDED_AT].replace(tzinfo=UTC)),
        *row[RECORDED_AT + 1 :],
    )
