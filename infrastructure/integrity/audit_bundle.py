"""Audit bundle: exported decisions, each with its event and the proof of it, signed as a whole.

The bundle is one JSON document that is written line by line: a head, a line for each decision, and
a tail. The last line holds a signature over all bytes before it, so that no byte changes unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from application.errors import IntegrityError
from infrastructure.integrity.bundle import PROGRAM, entry_of
from infrastructure.integrity.inclusion import read_at
from infrastructure.integrity.leaf import POSITION, leaf_hashes, number
from infrastructure.integrity.note import Signer
from infrastructure.integrity.reader import RawReader
from infrastructure.integrity.tiles import TiledTree

FORMAT = "hansard-audit-v1"

PROVES = (
    "The holder of the key exported exactly these decisions under these conditions. The event of"
    " each stood, word for word, at its position of the log whose checkpoint the holder signed, and"
    " says of the decision what is listed here: who was chosen out of whom, with which scores, by"
    " which strategy and policy, and how surely."
)
PROVES_NOT = (
    "That no other decision fits the conditions, and that outcomes, tokens, costs and times are"
    " true: those were computed from the log. The key below counts only if you know it from"
    " elsewhere."
)


class AuditBundle:
    """Composes a bundle piece by piece.

    Args:
        tree: of the log up to a signed checkpoint that covers all decisions.
        signer: signs its head anew, and the bundle.
    """

    def __init__(self, reader: RawReader, tree: TiledTree, signer: Signer) -> None:
        self._reader = reader
        self._tree = tree
        self._signer = signer
        self._count = 0

    @property
    def key(self) -> str:
        """Verifier key of who signs."""
        return str(self._signer.verifier)

    def head(self, export: Mapping[str, Any]) -> bytes:
        """Begin the bundle.

        Args:
            export: who exported what, when, and as of which position.
        """
        members = {
            "format": FORMAT,
            "proves": PROVES,
            "proves_not": PROVES_NOT,
            "how_to_check": f"python {PROGRAM} THIS_FILE --key VERIFIER_KEY",
            "verifier_key": self.key,
            "checkpoint": self._signer.sign(self._tree.size, self._tree.root()).note,
            "export": export,
        }
        lines = [f"{_json(name)}: {_json(value)},\n" for name, value in members.items()]
        return "".join(["{\n", *lines, '"decisions": [']).encode()

    def page(self, decisions: Sequence[Mapping[str, Any]]) -> bytes:
        """Add decisions, each with its event.

        Args:
            decisions: as JSON, in order of `position`.

        Raises:
            IntegrityError: an event is gone, or is not the one that was signed.
        """
        positions = [decision["position"] for decision in decisions]
        events = list(read_at(self._reader, positions))
        found = [number(event[POSITION]) for event in events]
        if found != positions:
            missing = min(set(positions) ^ set(found))
            raise IntegrityError(f"Position {missing} of the log is missing.", missing)
        for position, leaf in zip(positions, leaf_hashes(events), strict=True):
            if self._tree.leaf(position - 1) != leaf:
                raise IntegrityError(
                    f"The event at position {position} is not the one that was signed.", position
                )
        lines = [
            _json({"decision": decision, "event": entry_of(event, self._tree)})
            for decision, event in zip(decisions, events, strict=True)
        ]
        return "".join(self._separated(lines)).encode()

    def tail(self) -> bytes:
        """End the list of decisions; what was written up to here is what is signed."""
        return f'\n],\n"count": {self._count},\n'.encode()

    def signature(self, digest: str) -> bytes:
        """End the bundle.

        Args:
            digest: SHA-256, in hex, of all that was written before.
        """
        return f'"signature": "{self._signer.sign_export(FORMAT, digest)}"}}\n'.encode()

    def _separated(self, lines: Iterable[str]) -> Iterable[str]:
        for line in lines:
            yield f"{',' if self._count else ''}\n{line}"
            self._count += 1


def _json(value: Any) -> str:
    return to_json(value).decode()
