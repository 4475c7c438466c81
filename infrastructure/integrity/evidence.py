"""Evidence: what is kept of the log beside its events, inside the database and outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import merge
from itertools import groupby
from typing import TYPE_CHECKING, Any

from application.integrity import Finding, FindingKind
from infrastructure.database.errors import translated
from infrastructure.integrity import store
from infrastructure.integrity.note import Checkpoint, NoteError, VerifierKey
from infrastructure.integrity.publication import Publication
from infrastructure.integrity.tiles import WIDTH, Tile

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

    from infrastructure.integrity.locating import TileSource

RUN = 32
"""Tiles that are read at once: 256 KiB."""

REMEMBERED_RUNS = 64

INSIDE, OUTSIDE, ELSEWHERE = "in the database", "outside of the database", "elsewhere"


@dataclass(frozen=True)
class SignedHead:
    """What was signed at one position.

    Attributes:
        checkpoint: the one that was kept farthest from the database.
        roots: all roots that were signed there; more than one mean that somebody cheated.
    """

    checkpoint: Checkpoint
    roots: frozenset[bytes]


@dataclass(frozen=True)
class Found:
    """A checkpoint whose signature is good, and where it was."""

    checkpoint: Checkpoint
    place: str


class DatabaseTiles:
    """The full tiles that the database keeps."""

    def __init__(self, pool: ConnectionPool[Any]) -> None:
        self._pool = pool
        self._run = lru_cache(REMEMBERED_RUNS)(self._read_run)

    def tile(self, level: int, number: int, width: int = WIDTH) -> bytes | None:
        """Read a tile; None when it is not there, or not full.

        Tiles never change, so that those beside it are read and remembered as well.
        """
        if width < WIDTH:
            return None
        run = number // RUN
        if number not in self._run(level, run):
            return self.range(level, number, number + 1).get(number)
        return self._run(level, run)[number]

    def range(self, level: int, start: int, end: int) -> dict[int, bytes]:
        """Read the tiles of a level from `start` up to but not including `end`, by number."""
        with translated(), self._pool.connection() as connection:
            return store.read_tiles(connection, level, start, end)

    def _read_run(self, level: int, run: int) -> dict[int, bytes]:
        return self.range(level, run * RUN, (run + 1) * RUN)


class Evidence:
    """Checkpoints and tiles; what is wrong with a checkpoint in itself is found here.

    Args:
        trusted: the keys whose signatures count.

    Attributes:
        sources: of tiles, those outside of the database first.
        findings: what is wrong with checkpoints, as far as they were read.
        inside: how many checkpoints of the database were read.
        outside: how many published ones were read.
        keys: those that signed what was read.
    """

    def __init__(
        self,
        pool: ConnectionPool[Any],
        publication: Publication,
        origin: str,
        trusted: Sequence[VerifierKey],
    ) -> None:
        self._pool = pool
        self._publication = publication
        self._origin = origin
        self._trusted = trusted
        self._tiles = DatabaseTiles(pool)
        self._checked: tuple[str, VerifierKey] | None = None
        self.sources: tuple[TileSource, ...] = (publication, self._tiles)
        self.findings: list[Finding] = []
        self.inside = 0
        self.outside = 0
        self.keys: dict[str, None] = {}

    def heads(self, after: int, also: Sequence[Checkpoint] = ()) -> Iterator[SignedHead]:
        """Read all checkpoints after a position in order, those of one position together.

        Args:
            also: checkpoints that were kept elsewhere, already checked.
        """
        elsewhere = [Found(checkpoint, ELSEWHERE) for checkpoint in also]
        found = merge(
            elsewhere,
            self._published(after),
            self._stored(after),
            key=lambda one: one.checkpoint.size,
        )
        for size, group in groupby(found, key=lambda one: one.checkpoint.size):
            same = list(group)
            if all(one.place == OUTSIDE for one in same):
                self._add(size, f"The checkpoint at position {size} is gone from the database.")
            roots = frozenset(one.checkpoint.root for one in same)
            yield SignedHead(same[0].checkpoint, roots)

    def newest(self) -> list[Checkpoint]:
        """Give the newest checkpoint of each place, if its signature is good; newest first."""
        with translated(), self._pool.connection() as connection:
            stored = _parsed(lambda: store.last_checkpoint(connection))
        candidates = [(_parsed(self._publication.newest), OUTSIDE), (stored, INSIDE)]
        good = [
            checkpoint
            for checkpoint, place in candidates
            if checkpoint is not None and self._is_good(checkpoint, place)
        ]
        return sorted(good, key=lambda checkpoint: -checkpoint.size)

    def check(self, checkpoint: Checkpoint) -> None:
        """Check that a checkpoint is one of this log and signed by a key that is trusted.

        Raises:
            NoteError: it is not.
        """
        if self._checked is None or self._checked[0] != checkpoint.note:
            self._checked = (checkpoint.note, checkpoint.verify(self._trusted, self._origin))
        self.keys[str(self._checked[1])] = None

    def differing(self, tiles: Sequence[Tile]) -> Iterator[tuple[Tile, bytes | None, str]]:
        """Compare tiles with those that are kept.

        Yields:
            Each that differs, what is kept in its stead, and where; None where it is missing.
        """
        for level, group in groupby(sorted(tiles), key=lambda tile: tile.level):
            same = list(group)
            stored = self._tiles.range(level, same[0].number, same[-1].number + 1)
            for tile in same:
                inside = stored.get(tile.number)
                if inside != tile.hashes:
                    yield tile, inside, INSIDE
                outside = self._publication.tile(level, tile.number)
                if outside not in (None, tile.hashes):
                    yield tile, outside, OUTSIDE

    def _stored(self, after: int) -> Iterator[Found]:
        for row in store.checkpoints(self._pool, after):
            self.inside += 1
            try:
                checkpoint = Checkpoint.parse(row.note)
            except NoteError as error:
                self._add(row.position, f"At position {row.position} {INSIDE}: {error}")
                continue
            if (checkpoint.size, checkpoint.root) != (row.position, bytes(row.root)):
                self._add(
                    row.position,
                    f"The row of the checkpoint at position {row.position} does not say what its"
                    " signed note says.",
                )
            elif self._is_good(checkpoint, INSIDE):
                yield Found(checkpoint, INSIDE)

    def _published(self, after: int) -> Iterator[Found]:
        last = 0
        try:
            for checkpoint in self._publication.checkpoints():
                self.outside += checkpoint.size > after
                if checkpoint.size <= last:
                    self._add(
                        checkpoint.size,
                        f"The checkpoint at position {checkpoint.size} was published after that at"
                        f" position {last}.",
                    )
                elif checkpoint.size > after and self._is_good(checkpoint, OUTSIDE):
                    yield Found(checkpoint, OUTSIDE)
                last = max(last, checkpoint.size)
            newest = self._publication.newest()
        except NoteError as error:
            self._add(last + 1, f"After position {last}, {OUTSIDE}: {error}")
            return
        if newest is not None and newest.size > max(last, after) and self._is_good(newest, OUTSIDE):
            yield Found(newest, OUTSIDE)

    def _is_good(self, checkpoint: Checkpoint, place: str) -> bool:
        try:
            self.check(checkpoint)
        except NoteError as error:
            self._add(checkpoint.size, f"{str(error).removesuffix('.')}, {place}.")
            return False
        return True

    def _add(self, position: int, message: str) -> None:
        finding = Finding(kind=FindingKind.CHECKPOINT, position=position, message=message)
        if finding not in self.findings:
            self.findings.append(finding)


def _parsed(read: Any) -> Checkpoint | None:
    try:
        found: Checkpoint | None = read()
    except NoteError:
        return None
    return found
