"""Inclusion: proofs that single events stand in the log as it was signed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from application.integrity import InclusionView
from infrastructure.integrity.evidence import Evidence
from infrastructure.integrity.leaf import POSITION, RawEvent, leaf_hashes, number
from infrastructure.integrity.merkle import is_included
from infrastructure.integrity.note import Checkpoint, VerifierKey
from infrastructure.integrity.reader import RawReader
from infrastructure.integrity.restoring import restored
from infrastructure.integrity.store import MissingTileError
from infrastructure.integrity.tiles import TiledTree

NEAR = 64
"""Positions that lie closer together are read at once."""

MISSING = "The log has no event at this position any more."
UNPROVABLE = "No tiles lead to the root that was signed any more."
CHANGED = "The event is not the one that was signed."


class Head(NamedTuple):
    """The newest checkpoint, who signed it, and its tree where that can be restored."""

    checkpoint: Checkpoint
    key: str
    tree: TiledTree | None


class InclusionProver:
    """Proves the inclusion of events by the newest checkpoint; see the port `InclusionProofs`.

    What was changed since it was signed is not refused but told, so that the rest can be shown.

    Args:
        evidence: the checkpoints and tiles that are kept.
        trusted: the keys whose signatures count.
        note: why the newest events could not be covered; empty when they were.
    """

    def __init__(
        self, reader: RawReader, evidence: Evidence, trusted: Sequence[VerifierKey], note: str = ""
    ) -> None:
        self._reader = reader
        self._evidence = evidence
        self._trusted = trusted
        self._note = note

    def prove(self, positions: Collection[int]) -> dict[int, InclusionView]:
        """Prove the inclusion of events."""
        head = self._head()
        events = list(read_at(self._reader, positions))
        found = {
            number(event[POSITION]): self._inclusion(number(event[POSITION]), leaf, head)
            for event, leaf in zip(events, leaf_hashes(events), strict=True)
        }
        for position in set(positions) - found.keys():
            found[position] = InclusionView(
                position=position, leaf_hash="", covered=False, verified=False, note=MISSING
            )
        return found

    def _head(self) -> Head | None:
        checkpoint = next(iter(self._evidence.newest()), None)
        if checkpoint is None:
            return None
        key = str(checkpoint.verify(self._trusted))
        for source in self._evidence.sources:
            try:
                tree = restored(checkpoint.size, source, self._reader)
                if tree.root() == checkpoint.root:
                    return Head(checkpoint, key, tree)
            except MissingTileError:
                continue
        return Head(checkpoint, key, None)

    def _inclusion(self, position: int, leaf: bytes, head: Head | None) -> InclusionView:
        if head is None or position > head.checkpoint.size:
            return InclusionView(
                position=position,
                leaf_hash=leaf.hex(),
                covered=False,
                verified=False,
                note=self._note or "No checkpoint covers it yet.",
            )
        size, root = head.checkpoint.size, head.checkpoint.root
        proof = None if head.tree is None else head.tree.inclusion_proof(position - 1)
        verified = proof is not None and is_included(leaf, position - 1, size, proof, root)
        saying = "" if verified else UNPROVABLE if proof is None else CHANGED
        return InclusionView(
            position=position,
            leaf_hash=leaf.hex(),
            covered=True,
            verified=verified,
            tree_size=size,
            root=root.hex(),
            key=head.key,
            path_length=None if proof is None else len(proof),
            note=saying,
        )


def read_at(reader: RawReader, positions: Collection[int]) -> Iterator[RawEvent]:
    """Read the events at some positions, in their order; what is missing is left out."""
    wanted = sorted(set(positions))
    first = 0
    for at in range(1, len(wanted) + 1):
        if at < len(wanted) and wanted[at] - wanted[at - 1] <= NEAR:
            continue
        run = set(wanted[first:at])
        for page in reader.pages(wanted[first] - 1, wanted[at - 1]):
            yield from (event for event in page if number(event[POSITION]) in run)
        first = at
