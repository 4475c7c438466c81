"""Walk: one pass over the log that rebuilds its tree and holds it against all that was kept of it.

What a walk checks of every event, besides the tree: positions without a gap, versions of each
stream without a gap, times of recording that never run backwards. Memory grows with the number of
streams alone, by about 200 bytes each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from application.integrity import Finding, FindingKind
from infrastructure.integrity.evidence import Evidence, SignedHead
from infrastructure.integrity.leaf import (
    POSITION,
    RECORDED_AT,
    STREAM,
    VERSION,
    RawEvent,
    leaf_hashes,
    number,
)
from infrastructure.integrity.locating import changed_between, find_break, find_witness, locate
from infrastructure.integrity.note import Checkpoint
from infrastructure.integrity.reader import RawReader, first_break
from infrastructure.integrity.tiles import WIDTH, Tile, Tree, hashes_of

Progress = Callable[[int, int], None]
"""Called with how many events are read, and how many there are."""


@dataclass
class Walk:
    """A pass over the log, and what it found.

    Attributes:
        tree: of the events read so far.
        also: checkpoints that were kept elsewhere, already checked.
        good: the tree at the newest checkpoint that the log was found to agree with.
        since: position where the walk began; streams and their versions before it are not known.
        suspect: the first checkpoint that the log does not agree with.
        versions: newest version of each stream that was met.
    """

    reader: RawReader
    evidence: Evidence
    tree: Tree
    good: Tree
    also: Sequence[Checkpoint] = ()
    since: int = 0
    findings: list[Finding] = field(default_factory=list)
    versions: dict[bytes | None, int] = field(default_factory=dict)
    suspect: SignedHead | None = None
    covered: int = 0
    tiles: int = 0
    _recorded_at: int = 0
    _strange_tiles: list[Finding] = field(default_factory=list)

    def run(self, last: int, progress: Progress) -> None:
        """Read the log up to a position, and judge it."""
        heads = self.evidence.heads(self.since, self.also)
        head = next(heads, None)
        whole = True
        while whole and self.suspect is None and self.tree.size < last:
            for page in self.reader.pages(self.tree.size, last):
                events = page[: first_break(page, self.tree.size + 1)]
                whole = 0 < len(events) == len(page)
                self._check_order(events)
                head = self._grow(leaf_hashes(events), head, heads)
                progress(self.tree.size, last)
                if self.suspect is not None or not whole:
                    break
            if head is not None and head.checkpoint.size > last:  # made meanwhile, perhaps
                last = self.reader.last_position()
        self._conclude(head, last, whole=whole)

    def _check_order(self, events: Sequence[RawEvent]) -> None:
        versions = self.versions
        for event in events:
            stream, version = event[STREAM], number(event[VERSION])
            before = versions.get(stream)
            if before is None:
                if version > 1 and not self.since:
                    self._note_version(event, 0, version)
            elif version != before + 1:
                self._note_version(event, before, version)
            versions[stream] = version
            recorded_at = number(event[RECORDED_AT])
            if recorded_at < self._recorded_at:
                self._add(
                    FindingKind.REORDERED,
                    number(event[POSITION]),
                    "was recorded earlier than the one before it.",
                )
            self._recorded_at = recorded_at

    def _note_version(self, event: RawEvent, before: int, version: int) -> None:
        skips = version > before
        self._add(
            FindingKind.REMOVED if skips else FindingKind.INSERTED,
            number(event[POSITION]),
            f"has version {version} of its stream, but version {before} comes before it:"
            f" an event is {'missing' if skips else 'too many'} there.",
        )

    def _add(self, kind: FindingKind, position: int, saying: str) -> None:
        if not self.findings:
            message = f"The event at position {position} {saying}"
            self.findings.append(Finding(kind=kind, position=position, message=message))

    def _grow(
        self, hashes: list[bytes], head: SignedHead | None, heads: Iterator[SignedHead]
    ) -> SignedHead | None:
        """Add leaves, and compare with every checkpoint on the way; give the next one."""
        while head is not None and head.checkpoint.size <= self.tree.size + len(hashes):
            count = head.checkpoint.size - self.tree.size
            self._take_in(hashes[:count])
            hashes = hashes[count:]
            if self.tree.root() not in head.roots:
                self.suspect = head
                return head
            self._agree(head)
            head = next(heads, None)
        self._take_in(hashes)
        return head

    def _agree(self, head: SignedHead) -> None:
        self.good = self.tree.copy()
        self.covered = self.tree.size
        if len(head.roots) > 1:
            message = f"Two checkpoints of different roots were signed at position {self.covered}."
            self.findings.append(
                Finding(kind=FindingKind.CHECKPOINT, position=self.covered, message=message)
            )

    def _take_in(self, hashes: Sequence[bytes]) -> None:
        tiles = self.tree.extend(hashes)
        self.tiles += len(tiles)
        for tile, kept, place in self.evidence.differing(tiles):
            self._strange_tiles.append(_strange(tile, kept, place))

    def _conclude(self, head: SignedHead | None, last: int, *, whole: bool) -> None:
        found = None if whole else find_break(self.reader, self.tree.size, last)
        suspect = self.suspect or head
        if suspect is not None:
            located = self._locate(suspect.checkpoint)
            if found is None or (located is not None and located.position < found.position):
                found = located or changed_between(self.good, suspect.checkpoint)
        if found is not None:
            # Where events differ, their order does too; the signature decides.
            self.findings = [one for one in self.findings if one.position < found.position]
            self.findings.append(found)
        self.findings += [tile for tile in self._strange_tiles if tile.position <= self.covered]

    def _locate(self, checkpoint: Checkpoint) -> Finding | None:
        newest = self.evidence.newest()
        sources = self.evidence.sources
        witness = find_witness(self.reader, sources, self.good, checkpoint, newest)
        return locate(self.reader, witness, self.good, checkpoint)


def _strange(tile: Tile, kept: bytes | None, place: str) -> Finding:
    pairs = zip(hashes_of(tile.hashes), hashes_of(kept or b""), strict=False)
    # A tile that is missing counts from its end, so that a bad event before it comes first.
    at = next((at for at, (one, other) in enumerate(pairs) if one != other), WIDTH - 1)
    return Finding(
        kind=FindingKind.TILE,
        position=(tile.number * WIDTH + at) * WIDTH**tile.level + 1,
        message=(
            f"Tile {tile.number} of level {tile.level} {place} is"
            f" {'missing' if kept is None else 'not that of the events'}."
        ),
    )
