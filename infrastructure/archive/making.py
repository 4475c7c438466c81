"""Making an archive: a file that was proven to hold what was signed, in its final place."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infrastructure.archive import sql
from infrastructure.archive.catalogue import Archive
from infrastructure.archive.errors import ArchivingError
from infrastructure.archive.export import export, writing
from infrastructure.archive.manifest import Manifest, check, digest_of
from infrastructure.archive.partitions import Partition
from infrastructure.archive.range_proof import range_path
from infrastructure.database.errors import translated
from infrastructure.integrity.evidence import DatabaseTiles
from infrastructure.integrity.files import flush_folder, make_private_folder, write_atomically
from infrastructure.integrity.leaf import POSITION, RawEvent, number
from infrastructure.integrity.merkle import Range
from infrastructure.integrity.reader import PostgresRawReader
from infrastructure.integrity.restoring import restored

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from infrastructure.database import Connection
    from infrastructure.integrity.note import Checkpoint
    from infrastructure.integrity.service import LogIntegrity

WORKSHOP = ".new"
"""Folder for files that are not finished; what a crash leaves in it is thrown away."""


class ArchiveMaker:
    """Makes the archives of one log.

    Args:
        pool: connections in autocommit mode with the rights of a reader.
        folder: of archives; each log has its own below.
    """

    def __init__(self, pool: ConnectionPool[Any], integrity: LogIntegrity, folder: Path) -> None:
        self._table = PostgresRawReader(pool)
        self._tiles = DatabaseTiles(pool)
        self._integrity = integrity
        self._home = folder
        self._folder = folder / str(integrity.log_id)

    def path(self, partition: Partition) -> Path:
        """Name the file that a partition is moved to."""
        return self._folder / f"events-{partition.first}-{partition.last}.parquet"

    def tidy(self) -> None:
        """Throw away what an interrupted run has left unfinished."""
        with writing(self._folder):
            if (self._folder / WORKSHOP).exists():
                shutil.rmtree(self._folder / WORKSHOP)

    def make(
        self,
        connection: Connection,
        partition: Partition,
        checkpoint: Checkpoint,
        exported: Callable[[], None],
    ) -> Archive:
        """Make the archive of a partition; one that an interrupted run has made will do.

        Args:
            connection: with the rights of the owner.
            checkpoint: covers the partition in full tiles.
            exported: is called between making and checking.

        Raises:
            IntegrityError: the partition is not what was signed, or not what is in the file.
            UnavailableError: the files cannot be written.
        """
        target = self.path(partition)
        if target.exists():
            return self._checked(target, partition)
        workshop = self._folder / WORKSHOP
        with writing(target):
            make_private_folder(self._folder)
            workshop.mkdir()
        made = workshop / target.name
        self._write(connection, partition, checkpoint, made)
        exported()
        archive = self._checked(made, partition)
        with writing(target):
            manifest_of(made).replace(manifest_of(target))
            made.replace(target)
            flush_folder(self._folder)
            workshop.rmdir()
        return archive

    def _write(
        self, connection: Connection, partition: Partition, checkpoint: Checkpoint, path: Path
    ) -> None:
        with translated():
            row = connection.execute(partition.named_in(sql.EXTENT)).fetchone()
            count, first, last = row or (0, None, None)
            if count != partition.last - partition.first + 1:
                raise ArchivingError(
                    f"The partition {partition.name!r} has {count} events for positions"
                    f" {partition.first} to {partition.last}: find out why with `hansard verify`."
                )
            export(connection, partition.named_in(sql.EXPORT), path)
        with writing(path):
            manifest = Manifest(
                log_id=self._integrity.log_id,
                first=partition.first,
                last=partition.last,
                file=path.name,
                size=path.stat().st_size,
                sha256=digest_of(path),
                recorded_from=first,
                recorded_until=last,
                checkpoint=checkpoint.note,
                proof=self._proof(partition, checkpoint),
            )
            write_atomically(manifest_of(path), manifest.model_dump_json(indent=2).encode())

    def _proof(self, partition: Partition, checkpoint: Checkpoint) -> tuple[bytes, ...]:
        tree = restored(checkpoint.size, self._tiles, self._table)
        run = Range(partition.first - 1, partition.last)
        return tuple(tree.subtree(part) for part in range_path(run, checkpoint.size))

    def _checked(self, path: Path, partition: Partition) -> Archive:
        """Check the files of an archive against the partition and against what was signed."""
        pages = self._table.pages(partition.first - 1, partition.last)
        comparison = Comparison(chain.from_iterable(pages))
        manifest = check(manifest_of(path), self._integrity.keys.trusted(), comparison.take)
        comparison.finish()
        if (manifest.first, manifest.last) != (partition.first, partition.last):
            raise ArchivingError(
                f"The archive {str(path)!r} is one of other positions: move it away."
            )
        return manifest.archive(str(self.path(partition).relative_to(self._home)))


class Comparison:
    """Compares the events of a file with those of the table, one by one."""

    def __init__(self, table: Iterable[RawEvent]) -> None:
        self._table = iter(table)

    def take(self, page: Sequence[RawEvent]) -> None:
        """Compare the next events.

        Raises:
            ArchivingError: they differ.
        """
        expected = list(islice(self._table, len(page)))
        if expected == list(page):
            return
        for event, other in zip(page, [*expected, *[None] * len(page)], strict=False):
            if event != other:
                position = number(event[POSITION])
                raise ArchivingError(
                    f"Position {position} is not the same in the archive and in the table.",
                    position,
                )

    def finish(self) -> None:
        """Make sure that the table has no more events.

        Raises:
            ArchivingError: it has.
        """
        event = next(self._table, None)
        if event is not None:
            position = number(event[POSITION])
            raise ArchivingError(f"Position {position} is not in the archive.", position)


def manifest_of(path: Path) -> Path:
    """Name the manifest of an archive."""
    return path.with_suffix(".json")
