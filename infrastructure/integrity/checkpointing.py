"""Checkpointer: folds new events into the tree, signs where it stands, and publishes that."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from application.errors import ApplicationError, IntegrityError
from application.integrity import Verification
from infrastructure.database.errors import translated
from infrastructure.integrity import sql, store
from infrastructure.integrity.evidence import DatabaseTiles
from infrastructure.integrity.handover import Handover
from infrastructure.integrity.keys import KeyRing
from infrastructure.integrity.leaf import leaf_hashes
from infrastructure.integrity.note import Checkpoint, NoteError
from infrastructure.integrity.publication import Publication
from infrastructure.integrity.reader import PAGE_EVENTS, RawReader, first_break, read_leaf_hashes
from infrastructure.integrity.restoring import restored
from infrastructure.integrity.store import MissingTileError
from infrastructure.integrity.tiles import HEIGHT, Tile, Tree, whole_tiles

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import ConnectionPool

BATCH_EVENTS = 50_000
"""Events that one checkpoint takes in at most; its transaction then lasts about a second."""

TILES_AT_ONCE = 256
INTERVAL_S = 1.0

logger = logging.getLogger(__name__)


class MissingEventError(IntegrityError):
    """The log has a gap where an event should be, or a position twice."""

    def __init__(self, position: int) -> None:
        super().__init__(f"Position {position} of the log is missing, or there twice.", position)


class MismatchError(Exception):
    """The log is not what a checkpoint says.

    Attributes:
        checkpoints: those that tell.
    """

    def __init__(self, *checkpoints: Checkpoint | None) -> None:
        self.checkpoints = checkpoints
        super().__init__()


class Checkpointer:
    """Signs the log as it grows; any number of processes may run one, and one at a time works.

    A checkpoint and its tiles are kept in one transaction, and published afterwards: what a crash
    leaves unpublished is published by whoever comes next. Before it signs, it proves that the log
    still begins with what was signed and with what was published last; otherwise it refuses.

    Args:
        handover: to a second place, where the user has one.
        diagnose: verifies the log when it is not what was signed.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its parts
        self,
        pool: ConnectionPool[Any],
        reader: RawReader,
        keys: KeyRing,
        publication: Publication,
        handover: Handover | None,
        diagnose: Callable[[], Verification],
    ) -> None:
        self._pool = pool
        self._reader = reader
        self._keys = keys
        self._publication = publication
        self._handover = handover
        self._diagnose = diagnose
        self._tiles = DatabaseTiles(pool)
        self._newest: Checkpoint | None = None
        self._whole = Tree()  # of the full tiles below the newest checkpoint
        self._refused: tuple[tuple[Checkpoint | None, ...], IntegrityError] | None = None

    def is_behind(self) -> bool:
        """Tell whether there are events that this checkpointer has not seen covered."""
        covered = self._newest.size if self._newest else 0
        return self._reader.last_position() != covered

    def catch_up(self, *, wait: bool = False) -> Checkpoint | None:
        """Cover all events there are now, and publish what is signed.

        Args:
            wait: for another process that is at it; otherwise it is left to that one.

        Returns:
            The newest checkpoint; None for an empty log, and when another process is at it.

        Raises:
            IntegrityError: the log is not what was signed or published before; nothing is signed.
            KeyFileError: the key cannot be used.
            UnavailableError: the database cannot be used.
        """
        with self._publication.held(wait=wait) as held:
            checkpoint, more = None, held
            while more:
                try:
                    checkpoint, more = self._advance(wait=wait)
                except MismatchError as mismatch:
                    raise self._explained(mismatch) from mismatch
            if checkpoint is not None and self._handover is not None:
                self._handover.run()
        return checkpoint

    def _advance(self, *, wait: bool) -> tuple[Checkpoint | None, bool]:
        """Sign and publish one checkpoint; say whether there are more events by now."""
        with translated(), self._pool.connection() as connection, connection.transaction():
            if not _lock(connection, wait=wait):
                return None, False
            stored = _parsed(lambda: store.last_checkpoint(connection))
            published = _parsed(self._publication.newest)
            last = self._reader.last_position()
            tree = self._proven(stored, published, last)
            checkpoint = stored
            if tree.size < last:
                tiles = _cover(connection, tree, min(last, tree.size + BATCH_EVENTS))
                checkpoint = self._keys.signer().sign(tree.size, tree.root())
                store.add_tiles(connection, tiles)
                store.add_checkpoint(connection, checkpoint)
        if checkpoint is None:
            return None, False
        self._remember(checkpoint, tree)
        self._publish(checkpoint, tree, published.size if published else 0)
        return checkpoint, tree.size < last

    def _proven(self, stored: Checkpoint | None, published: Checkpoint | None, last: int) -> Tree:
        """Restore the tree at the newest checkpoint, and prove that it is what was signed.

        Raises:
            MismatchError: it is not.
            IntegrityError: a checkpoint is not signed by a key that is trusted.
        """
        for checkpoint in (stored, published):
            if checkpoint is not None and checkpoint != self._newest:
                self._require_trust(checkpoint)
        try:
            tree = self._restore(stored)
            is_same = stored is None or tree.root() == stored.root
            if is_same and published is not None and published != stored:
                is_same = self._begins_with(tree, published, last)
        except (MissingTileError, MissingEventError) as error:
            raise MismatchError(stored, published) from error
        if not is_same:
            raise MismatchError(stored, published)
        return tree

    def _restore(self, stored: Checkpoint | None) -> Tree:
        if stored is None:
            return Tree()
        if stored == self._newest:
            tree = self._whole.copy()
            self._grow(tree, stored.size)
            return tree
        return restored(stored.size, self._tiles, self._reader).growing()

    def _begins_with(self, tree: Tree, published: Checkpoint, last: int) -> bool:
        if published.size <= tree.size:
            whole = restored(tree.size, self._tiles, self._reader)
            return whole.root(published.size) == published.root
        if published.size > last:
            return False
        grown = tree.copy()  # the database has lost checkpoints, but perhaps no events
        self._grow(grown, published.size)
        return grown.root() == published.root

    def _require_trust(self, checkpoint: Checkpoint) -> None:
        try:
            checkpoint.verify(self._keys.trusted(), self._keys.origin)
        except NoteError as error:
            raise IntegrityError(
                f"{error} Nothing is signed after it. If another installation signs this log, let"
                " both use one key (HANSARD_CHECKPOINT_KEY), or add its verifier key to"
                f" {str(self._keys.trusted_path)!r}.",
                checkpoint.size,
            ) from error

    def _explained(self, mismatch: MismatchError) -> IntegrityError:
        """Say what is wrong; it is searched for once, and again when something else is."""
        if self._refused is None or self._refused[0] != mismatch.checkpoints:
            findings = self._diagnose().findings
            saying = findings[0].message if findings else "The tree is not the one that was signed."
            position = findings[0].position if findings else None
            error = IntegrityError(f"{saying} Nothing is signed after that.", position)
            self._refused = (mismatch.checkpoints, error)
        return self._refused[1]

    def _grow(self, tree: Tree, size: int) -> None:
        """Add the events up to a position, wherever they are.

        Raises:
            MissingEventError: the log has a gap.
        """
        for page in self._reader.pages(tree.size, size):
            broken = first_break(page, tree.size + 1)
            if broken is not None or not page:
                raise MissingEventError(tree.size + 1 + (broken or 0))
            tree.extend(leaf_hashes(page))

    def _remember(self, checkpoint: Checkpoint, tree: Tree) -> None:
        self._newest = checkpoint
        self._whole = tree.copy()
        self._whole.size = whole_tiles(tree.size)
        self._whole.levels[0] = []
        self._refused = None

    def _publish(self, newest: Checkpoint, tree: Tree, since: int) -> None:
        """Publish what was signed after a position: first the tiles, then the notes."""
        for level in range(newest.size.bit_length() // HEIGHT):
            shift = HEIGHT * (level + 1)
            end = newest.size >> shift
            for start in range(since >> shift, end, TILES_AT_ONCE):
                tiles = self._tiles.range(level, start, min(start + TILES_AT_ONCE, end))
                self._publication.write_tiles([Tile(level, *tile) for tile in tiles.items()])
        self._publication.write_unfinished(tree)
        rows = store.checkpoints(self._pool, since)
        self._publication.write_checkpoints(
            Checkpoint.parse(row.note) for row in rows if row.position <= newest.size
        )


class CheckpointThread:
    """Wakes every second, and checkpoints when the log has grown.

    What goes wrong is logged, once until it changes; it never disturbs who appends.
    """

    def __init__(self, checkpointer: Checkpointer, interval_s: float = INTERVAL_S) -> None:
        self._checkpointer = checkpointer
        self._interval_s = interval_s
        self._stopping = Event()
        self._thread: Thread | None = None
        self._said: str | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = Thread(target=self._run, name="hansard-checkpoints", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Cover what is not yet covered, and end."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._catch_up()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            self._catch_up()

    def _catch_up(self) -> None:
        try:
            if self._checkpointer.is_behind():
                self._checkpointer.catch_up()
            self._said = None
        except ApplicationError as error:
            if str(error) != self._said:
                self._said = str(error)
                logger.error("The log is not checkpointed: %s", error)  # noqa: TRY400 - it says all
        except Exception:
            logger.exception("the log is not checkpointed")


def _cover(connection: psycopg.Connection[Any], tree: Tree, size: int) -> list[Tile]:
    """Add new events to a tree, and list the tiles that they fill.

    Raises:
        MissingEventError: the log has a gap.
    """
    tiles: list[Tile] = []
    while tree.size < size:
        until = min(size, tree.size + PAGE_EVENTS)
        leaves, broken = read_leaf_hashes(connection, tree.size, until)
        if broken is not None:
            raise MissingEventError(broken)
        tiles += tree.extend(leaves)
    return tiles


def _lock(connection: psycopg.Connection[Any], *, wait: bool) -> bool:
    if wait:
        connection.execute(sql.LOCK)
        return True
    row = connection.execute(sql.TRY_LOCK).fetchone()
    return bool(row and row[0])


def _parsed(read: Callable[[], Checkpoint | None]) -> Checkpoint | None:
    try:
        return read()
    except NoteError as error:
        raise IntegrityError(f"{error} Nothing is signed after it.") from error
