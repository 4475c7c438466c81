"""Integrity: what a verification of the log found."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from domain.value import Value


class FindingKind(StrEnum):
    """What is not as it was recorded.

    The first five are about the events themselves, the others about what proves and serves them.
    """

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    TILE = "tile"
    CHECKPOINT = "checkpoint"
    INDEX = "index"

    @property
    def is_of_events(self) -> bool:
        """Whether it is about the events themselves."""
        return self not in (FindingKind.TILE, FindingKind.CHECKPOINT, FindingKind.INDEX)


class Finding(Value):
    """Something that is not as it was recorded.

    Attributes:
        position: the first position concerned; where `until` is given, the first that may be.
        until: the last position that may be the first one concerned, where it cannot be told.
        message: what is wrong, in a sentence.
    """

    kind: FindingKind
    position: int
    until: int | None = None
    message: str


class Verification(Value):
    """What a verification of the log did and found.

    Attributes:
        log_id: which log it was.
        session_id: the one session that was looked at; None for the whole log.
        since: position of the checkpoint that was taken for granted; 0 for none.
        events: how many events were read again and hashed.
        position: position of the newest event, of the session if only one was looked at.
        covered: position up to which the newest checkpoint vouches for the events.
        uncovered: how many of the newest events no checkpoint vouches for yet.
        checkpoints: how many checkpoints of the database were checked.
        published: how many checkpoints outside of the database were checked.
        tiles: how many full tiles of the database were compared.
        keys: the verifier keys whose signatures counted.
        findings: what is wrong, by position, with the events themselves before everything else;
            none when everything is as it was recorded.
    """

    log_id: UUID
    session_id: UUID | None = None
    since: int = 0
    events: int = 0
    position: int = 0
    covered: int = 0
    uncovered: int = 0
    checkpoints: int = 0
    published: int = 0
    tiles: int = 0
    keys: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def is_intact(self) -> bool:
        """Whether everything is as it was recorded, as far as it can be told."""
        return not self.findings


class Proof(Value):
    """A bundle of evidence that was written to a file.

    Attributes:
        file: the bundle.
        program: the program that checks it, beside it; it needs Python and nothing else.
        key: verifier key of the log; whoever checks should have it from elsewhere.
        events: how many events of the session the bundle proves.
        context: how many events it proves beside them: those that the session's decisions depend
            on, of the organisation and of the sessions that it was forked from.
        position: position of the checkpoint that it proves them by.
    """

    session_id: UUID
    file: str
    program: str
    key: str
    events: int
    position: int
    context: int = 0


class InclusionView(Value):
    """The proof that an event stands in the log, and whether it holds.

    Attributes:
        position: of the event.
        leaf_hash: SHA-256, in hex, of the event as it is read now (RFC 9162, 2.1.1).
        covered: whether a signed checkpoint covers the position yet.
        verified: whether the proof leads from the leaf to the root that was signed.
        tree_size: position of the checkpoint; None where nothing is covered.
        root: that was signed, in hex.
        key: verifier key of who signed it.
        path_length: hashes that the proof consists of; None where there is none.
        note: why the event is not covered or not verified; empty when all is well.
    """

    position: int
    leaf_hash: str
    covered: bool
    verified: bool
    tree_size: int | None = None
    root: str | None = None
    key: str | None = None
    path_length: int | None = None
    note: str = ""
