"""Export: a partition of the log as a Parquet file, by way of the text that COPY writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from application.errors import UnavailableError
from infrastructure.archive.duck import Duck

if TYPE_CHECKING:
    from psycopg.sql import Composed

    from infrastructure.database import Connection

ROW_GROUP_BYTES = 32_000_000
SMALLEST_ROW_GROUP, LARGEST_ROW_GROUP = 2_048, 8_192
"""Events that are compressed together: few, because whoever reads one of them reads them all."""


def export(connection: Connection, statement: Composed, target: Path) -> None:
    """Write the events of a partition to a Parquet file, flushed to disk.

    The text takes about as much space in the same folder meanwhile as the partition does.

    Args:
        statement: `sql.EXPORT` of the partition.

    Raises:
        UnavailableError: the file cannot be written.
    """
    text = target.with_suffix(".csv")
    with writing(target), closing(Duck(target.parent)) as duck:
        events, longest = _copy(connection, statement, text)
        row_group = ROW_GROUP_BYTES * events // text.stat().st_size
        row_group = min(max(row_group, SMALLEST_ROW_GROUP), LARGEST_ROW_GROUP)
        duck.convert(text, target, longest=longest, row_group=row_group)
        text.unlink()
        with target.open("rb") as file:
            os.fsync(file.fileno())


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Let errors of writing out as what they mean.

    Raises:
        UnavailableError: the file cannot be written.
    """
    import duckdb  # heavy

    try:
        yield
    except (OSError, duckdb.Error) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UnavailableError(
            f"The archive {str(path)!r} cannot be written ({reason}): make room and the folder"
            " writable, or name another folder with HANSARD_ARCHIVE_FOLDER. Nothing is lost."
        ) from error


def _copy(connection: Connection, statement: Composed, target: Path) -> tuple[int, int]:
    """Copy a partition into a file; tell how many lines there are and how long the longest is."""
    lines = longest = 0
    with connection.cursor() as cursor, target.open("wb") as file, cursor.copy(statement) as copy:
        for line in copy:  # the server sends one row at a time
            file.write(line)
            lines += 1
            longest = max(longest, len(line))
    return lines, longest
