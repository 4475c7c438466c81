"""Status of the log: how much of it is in the database, and how much in archives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infrastructure.archive import sql
from infrastructure.archive.catalogue import Archive
from infrastructure.archive.partitions import partitions
from infrastructure.archive.report import LogStatus, StoredRange
from infrastructure.database.errors import translated

if TYPE_CHECKING:
    import psycopg


def log_status(connection: psycopg.Connection[Any]) -> LogStatus:
    """Tell where the log is; the connection has the rights of a reader."""
    with translated():
        row = connection.execute(sql.LAST_POSITION, (sql.LOG,)).fetchone()
        tables = partitions(connection)
        files = [Archive(*row) for row in connection.execute(sql.ARCHIVES, (sql.LOG, 0))]
    return LogStatus(
        row[0] if row else 0,
        tuple(StoredRange(one.first, one.last, one.name, one.size) for one in tables),
        tuple(
            StoredRange(one.first, one.last, one.file, one.size, one.recorded_until)
            for one in files
        ),
    )
