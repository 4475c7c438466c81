"""Locating: where a log first differs from what a checkpoint vouches for, and how.

A checkpoint is one hash for all events; which event it is that does not fit, only the hashes of
the leaves can tell. They are taken from tiles, inside the database or outside, and count only when
they lead to the very root that was signed. So a forged tile leads nobody astray.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from application.integrity import Finding, FindingKind
from infrastructure.integrity.leaf import POSITION, RawEvent, leaf_hashes, moved, number
from infrastructure.integrity.note import Checkpoint
from infrastructure.integrity.reader import RawReader
from infrastructure.integrity.tiles import WIDTH, Tree, hashes_of, whole_tiles

NEARBY = 10_000
"""How many positions after a bad one are searched for the event that stood there."""


class TileSource(Protocol):
    """Where tiles are kept."""

    def tile(self, level: int, number: int, width: int = WIDTH) -> bytes | None:
        """Read the first `width` hashes of a tile; None when they are not there."""
        ...


@dataclass(frozen=True)
class Witness:
    """Hashes of leaves that lead to a signed root.

    Attributes:
        start: leaves before it are known to be good, and are not looked at.
        end: size of the tree whose root was signed.
    """

    source: TileSource
    start: int
    end: int

    def hashes(self, start: int, end: int) -> Iterator[list[bytes]]:
        """Give the hashes of leaves, tile by tile; those of a missing tile are left out."""
        for tile in range(start // WIDTH, -(-end // WIDTH)):
            first = tile * WIDTH
            found = self.source.tile(0, tile, min(WIDTH, self.end - first))
            if found is not None:
                yield hashes_of(found)[max(start - first, 0) : max(end - first, 0)]

    def hash(self, position: int) -> bytes | None:
        """Give the hash of the event that should stand at a position; None where it is unknown."""
        if not 0 < position <= self.end:
            return None
        return next((found[0] for found in self.hashes(position - 1, position)), None)


def find_witness(
    reader: RawReader,
    sources: Sequence[TileSource],
    good: Tree,
    checkpoint: Checkpoint,
    later: Sequence[Checkpoint] = (),
) -> Witness | None:
    """Find tiles that lead from a good tree to a checkpoint.

    Where nobody has the last, unfinished tile, it is made from the events; they count as good when
    the root comes out right.

    Args:
        later: other checkpoints; tiles that lead to one of them too witness that much more.
    """
    for source in sources:
        witness = Witness(source, good.size, checkpoint.size)
        tree = good.copy()
        if not _leads_to(reader, witness, tree, checkpoint):
            continue
        for farther in sorted(later, key=lambda one: -one.size):
            more = Witness(source, good.size, farther.size)
            if farther.size > checkpoint.size and _leads_to(reader, more, tree.copy(), farther):
                return more
        return witness
    return None


def _leads_to(reader: RawReader, witness: Witness, tree: Tree, checkpoint: Checkpoint) -> bool:
    """Grow a tree by the hashes of a witness, and tell whether the root comes out."""
    for hashes in witness.hashes(tree.size, checkpoint.size):
        tree.extend(hashes)
    if whole_tiles(checkpoint.size) <= tree.size < checkpoint.size:
        for page in reader.pages(tree.size, checkpoint.size):
            tree.extend(leaf_hashes(page))
    return tree.size == checkpoint.size and tree.root() == checkpoint.root


def locate(
    reader: RawReader, witness: Witness | None, good: Tree, checkpoint: Checkpoint
) -> Finding | None:
    """Find the first event that differs from what a checkpoint vouches for.

    Args:
        witness: of what stood there; without one, gaps are all that can be seen.
        good: a tree that the log is known to begin with.

    Returns:
        None when nothing is seen to differ.
    """
    position = good.size + 1
    last = reader.last_position()
    for page in reader.pages(good.size, min(checkpoint.size, last)):
        hashes = leaf_hashes(page)
        expected = _expected(witness, position, len(page))
        for event, found, wanted in zip(page, hashes, expected, strict=True):
            if number(event[POSITION]) != position or (wanted is not None and found != wanted):
                return judge(reader, witness, position, event)
            position += 1
        if not page:
            break
    return _missing(position, last) if position <= checkpoint.size else None


def changed_between(good: Tree, checkpoint: Checkpoint) -> Finding:
    """Say that an event was changed and nobody can tell which."""
    first, last = good.size + 1, checkpoint.size
    return Finding(
        kind=FindingKind.CHANGED,
        position=first,
        until=last,
        message=(
            f"An event between the positions {first} and {last} was changed. Which one cannot be"
            " told, because the hashes of the single events are gone."
        ),
    )


def find_break(reader: RawReader, after: int, last: int) -> Finding:
    """Say why the event after a position is not the next one, where no checkpoint vouches yet."""
    events = [event for page in reader.pages(after - 1, after) for event in page] if after else []
    return _twice(after) if len(events) > 1 else _missing(after + 1, last)


def _expected(witness: Witness | None, position: int, count: int) -> list[bytes | None]:
    found: list[bytes | None] = []
    if witness is not None:
        end = min(position - 1 + count, witness.end)
        for hashes in witness.hashes(position - 1, end):
            found.extend(hashes)
    return found + [None] * (count - len(found))


def _missing(position: int, last: int) -> Finding:
    if position <= last:
        kind = FindingKind.REMOVED
        saying = f"The event at position {position} was removed."
    else:
        kind = FindingKind.TRUNCATED
        saying = f"The log ends before position {position}, though it was longer."
    return Finding(kind=kind, position=position, message=saying)


def judge(reader: RawReader, witness: Witness | None, position: int, event: RawEvent) -> Finding:
    """Say what happened at the first bad position, as far as its neighbours tell.

    Args:
        event: what stands there now, or next to it.
    """
    there = number(event[POSITION])
    if there < position:
        return _twice(there)
    comes_from = _origin_of(witness, event, position) if there == position else None
    has_gone = _whereabouts(reader, witness, position)
    if has_gone == position:
        return _twice(position)
    kind, saying = _say(position, there, comes_from, has_gone)
    return Finding(kind=kind, position=position, message=saying)


def _twice(position: int) -> Finding:
    saying = f"An event was inserted: position {position} is there twice."
    return Finding(kind=FindingKind.INSERTED, position=position, message=saying)


def _say(
    position: int, there: int, comes_from: int | None, has_gone: int | None
) -> tuple[FindingKind, str]:
    if there > position or (comes_from and not has_gone):
        if has_gone:
            moved_to = f"the event of position {position} stands at position {has_gone} now."
            return FindingKind.REORDERED, f"Events were reordered: {moved_to}"
        return FindingKind.REMOVED, f"The event at position {position} was removed."
    if has_gone and comes_from:
        return FindingKind.REORDERED, (
            f"Events were reordered: position {position} has the event of position {comes_from},"
            f" and its own stands at position {has_gone}."
        )
    if has_gone:
        return FindingKind.INSERTED, (
            f"An event was inserted at position {position}: the one that was there stands at"
            f" position {has_gone}."
        )
    return FindingKind.CHANGED, f"The event at position {position} was changed."


def _origin_of(witness: Witness | None, event: RawEvent, position: int) -> int | None:
    """Tell at which later position an event was recorded."""
    if witness is None:
        return None
    end = min(position + NEARBY, witness.end)
    candidates = range(position + 1, end + 1)
    found = leaf_hashes(moved(event, candidate) for candidate in candidates)
    wanted = [value for hashes in witness.hashes(position, end) for value in hashes]
    return next(
        (place for place, a, b in zip(candidates, found, wanted, strict=False) if a == b), None
    )


def _whereabouts(reader: RawReader, witness: Witness | None, position: int) -> int | None:
    """Tell at which later position the event of a position stands now."""
    wanted = witness.hash(position) if witness is not None else None
    if wanted is None:
        return None
    until = min(position + NEARBY, reader.last_position())
    for page in reader.pages(position - 1, until):
        for event, found in zip(
            page, leaf_hashes(moved(event, position) for event in page), strict=True
        ):
            if found == wanted:
                return number(event[POSITION])
    return None
