"""Report: what is told of archiving, and of where the log is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class ArchivedRange:
    """What became of a partition.

    Attributes:
        file: path of the Parquet file.
        table_bytes: what the partition took in the database.
        file_bytes: size of the file; None in a dry run.
    """

    first: int
    last: int
    file: str
    table_bytes: int
    file_bytes: int | None = None


@dataclass(frozen=True)
class Archiving:
    """What a run did, or would do.

    Attributes:
        until: position up to which partitions were looked at.
        finished: last positions of partitions that an interrupted run had left.
        uncovered: partitions that stay until the log has a few events more.
    """

    until: int
    dry_run: bool
    archived: tuple[ArchivedRange, ...]
    finished: tuple[int, ...] = ()
    uncovered: int = 0


@dataclass(frozen=True)
class StoredRange:
    """Positions that a table or a file holds.

    Attributes:
        name: of the table, or path of the file below the folder of archives.
        bytes: what it takes on disk, indexes included.
        recorded_until: when the last event was recorded; None where that is not kept.
    """

    first: int
    last: int
    name: str
    bytes: int
    recorded_until: datetime | None = None


@dataclass(frozen=True)
class LogStatus:
    """Where the log is.

    Attributes:
        newest: highest position; 0 for an empty log.
        partitions: of the table, also those that were made ahead of time.
        archives: files that old positions were moved to.
    """

    newest: int
    partitions: tuple[StoredRange, ...]
    archives: tuple[StoredRange, ...]
