"""Bundle: a session's events, and proofs that they stand in the log, for outsiders."""

from __future__ import annotations

from base64 import b64encode
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from application.errors import BadRequestError
from infrastructure.integrity.files import write_atomically
from infrastructure.integrity.gathering import Gathered
from infrastructure.integrity.leaf import FIELDS, POSITION, RawEvent, number
from infrastructure.integrity.note import Checkpoint, VerifierKey
from infrastructure.integrity.tiles import TiledTree

FORMAT = "hansard-proof-v2"
PROGRAM = "verify_proof.py"

UUIDS = {"stream", "event_id", "session_id", "correlation_id", "causation_id"}
NUMBERS = {"position", "version", "schema_version", "occurred_at", "recorded_at"}

PROVES = (
    "Each event listed here stood, word for word, at its position of the log whose checkpoint the"
    " holder of the key signed. None was changed, moved or added since, and no stream listed here"
    " has lost an event before its last one. With Hansard, `hansard replay --verify --bundle` also"
    " recomputes every decision of the session from them."
)
PROVES_NOT = (
    "That the session has no later events or further streams, that the times are true, and that"
    " what the events say is true. The key below counts only if you know it from elsewhere."
)


def compose(
    session_id: UUID,
    gathered: Gathered,
    tree: TiledTree,
    checkpoint: Checkpoint,
    key: VerifierKey,
) -> dict[str, Any]:
    """Put together a bundle.

    Args:
        gathered: the events of the session, and those that its decisions depend on.
        tree: the one that the checkpoint was signed of.
        key: the one that signed it.
    """
    return {
        "format": FORMAT,
        "session_id": str(session_id),
        "proves": PROVES,
        "proves_not": PROVES_NOT,
        "how_to_check": f"python {PROGRAM} THIS_FILE --key VERIFIER_KEY",
        "verifier_key": str(key),
        "checkpoint": checkpoint.note,
        "events": [entry_of(event, tree) for event in gathered.events],
        "ancestors": [
            {
                "session_id": str(ancestor),
                "events": [entry_of(event, tree) for event in events],
            }
            for ancestor, events in gathered.ancestors.items()
        ],
        "organisation": [entry_of(event, tree) for event in gathered.organisation],
    }


def write(bundle: dict[str, Any], file: Path) -> Path:
    """Write a bundle, and beside it the program that checks it; give the path of that.

    Raises:
        BadRequestError: they cannot be written there.
    """
    try:
        write_atomically(file, to_json(bundle, indent=1))
        return write_program(file.parent)
    except OSError as error:
        raise BadRequestError(
            f"The bundle cannot be written to {str(file)!r} ({error.strerror}):"
            " name a file in a folder that you may write to."
        ) from error


def write_program(folder: Path) -> Path:
    """Write the program that checks bundles into a folder; give its path."""
    program = folder / PROGRAM
    write_atomically(program, files("infrastructure.integrity").joinpath(PROGRAM).read_bytes())
    return program


def entry_of(event: RawEvent, tree: TiledTree) -> dict[str, Any]:
    """Put an event into the form of a bundle, with the proof that it stands in the tree."""
    entry = {name: _value(name, field) for name, field in zip(FIELDS, event, strict=True)}
    proof = tree.inclusion_proof(number(event[POSITION]) - 1)
    return entry | {"inclusion": [b64encode(node).decode() for node in proof]}


def _value(name: str, field: bytes | None) -> str | int | None:
    if field is None:
        return None
    if name in UUIDS:
        return str(UUID(bytes=field))
    if name in NUMBERS:
        return number(field)
    return b64encode(field).decode() if name == "payload" else field.decode()
