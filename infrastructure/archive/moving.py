"""Archiver: moves old partitions of the log into files, so that no reader ever misses an event.

A partition is made a file that is compared with the table event by event and proven to be what was
signed. Then a row of `hansard.archives` says so: from that commit on, readers take those positions
from the file. Only then is the partition detached, without holding up anybody, and dropped.
Wherever this stops, the next run goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from application.errors import ConflictError
from infrastructure.archive import sql
from infrastructure.archive.catalogue import Archive
from infrastructure.archive.making import ArchiveMaker
from infrastructure.archive.partitions import Partition, due, partitions
from infrastructure.archive.report import ArchivedRange, Archiving
from infrastructure.database.errors import translated

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from infrastructure.database import Connection
    from infrastructure.integrity.note import Checkpoint
    from infrastructure.integrity.service import LogIntegrity

Tell = Callable[[str, int, int], None]
"""Is told what was done with which positions, first and last."""

EXPORTED, MADE, RECORDED, DETACHED, DROPPED = "exported", "made", "recorded", "detached", "dropped"


class Archiver:
    """Moves partitions of one log; one process at a time.

    Args:
        pool: connections in autocommit mode with the rights of a reader.
        connect: opens a connection in autocommit mode with the rights of the owner.
        integrity: signs the log, and proves what was signed.
        folder: of archives.
        tell: is told about every step.
    """

    def __init__(
        self,
        pool: ConnectionPool[Any],
        connect: Callable[[], Connection],
        integrity: LogIntegrity,
        folder: Path,
        tell: Tell = lambda *_: None,
    ) -> None:
        self._pool = pool
        self._connect = connect
        self._checkpointer = integrity.checkpointer
        self._maker = ArchiveMaker(pool, integrity, folder)
        self._tell = tell

    def plan(self, until: int) -> Archiving:
        """Tell what `run` would do; nothing is changed, and nothing signed."""
        with translated(), self._pool.connection() as connection:
            found = due(connection, until)
        ranges = tuple(self._range(partition) for partition in found.ready)
        return Archiving(until, dry_run=True, archived=ranges, uncovered=len(found.uncovered))

    def run(self, until: int) -> Archiving:
        """Move every partition whose events all stand at or before a position.

        The partition with the newest event stays, and so does one whose last events are not in a
        full tile yet. What an interrupted run has left is finished first.

        Raises:
            ConflictError: another process archives.
            IntegrityError: the log is not what was signed; nothing of that is moved.
            UnavailableError: the database or the files cannot be used.
        """
        with closing(self._connect()) as connection:
            with translated():
                if connection.execute(sql.TRY_LOCK).fetchone() != (True,):
                    raise ConflictError("Another process archives this log: wait for it to end.")
                self._maker.tidy()
                left = [partition for partition in partitions(connection) if partition.archived]
                for partition in left:
                    self._remove(connection, partition)
                found = due(connection, until)
            checkpoint = self._checkpointer.catch_up(wait=True) if found.ready else None
            ranges = []
            if checkpoint is not None:
                for partition in found.ready:
                    archive = self._move(connection, partition, checkpoint)
                    ranges.append(self._range(partition, archive))
        return Archiving(
            until,
            dry_run=False,
            archived=tuple(ranges),
            finished=tuple(partition.last for partition in left),
            uncovered=len(found.uncovered),
        )

    def _move(
        self, connection: Connection, partition: Partition, checkpoint: Checkpoint
    ) -> Archive:
        archive = self._maker.make(
            connection,
            partition,
            checkpoint,
            exported=lambda: self._tell(EXPORTED, partition.first, partition.last),
        )
        self._tell(MADE, partition.first, partition.last)
        with translated():
            with connection.transaction():
                values = {"log": sql.LOG} | archive._asdict()
                connection.execute(sql.INSERT_ARCHIVE, values)
                connection.execute(partition.named_in(sql.INSERT_CONTENTS), values)
            self._tell(RECORDED, partition.first, partition.last)
            self._remove(connection, partition)
        return archive

    def _remove(self, connection: Connection, partition: Partition) -> None:
        """Take away a partition that was archived, from wherever an earlier attempt stopped."""
        if partition.attached:
            statement = sql.FINALIZE if partition.leaving else sql.DETACH
            connection.execute(partition.named_in(statement))
        self._tell(DETACHED, partition.first, partition.last)
        with connection.transaction():
            connection.execute(partition.named_in(sql.DROP))
            connection.execute(sql.FORGET_PARTITION, (sql.LOG, partition.first))
        self._tell(DROPPED, partition.first, partition.last)

    def _range(self, partition: Partition, archive: Archive | None = None) -> ArchivedRange:
        return ArchivedRange(
            partition.first,
            partition.last,
            str(self._maker.path(partition)),
            partition.size,
            archive.size if archive else None,
        )
