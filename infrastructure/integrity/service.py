"""LogIntegrity: the integrity of one log, all parts wired; what doors and bootstrap use."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import errors

from application.errors import BadRequestError, IntegrityError, NotFoundError
from application.integrity import InclusionView, Proof, Verification
from infrastructure.database.errors import translated
from infrastructure.integrity import bundle, sql, store
from infrastructure.integrity.audit_bundle import AuditBundle
from infrastructure.integrity.checkpointing import Checkpointer
from infrastructure.integrity.evidence import DatabaseTiles, Evidence
from infrastructure.integrity.gathering import gather
from infrastructure.integrity.handover import Handover
from infrastructure.integrity.inclusion import InclusionProver
from infrastructure.integrity.keys import KeyFileError, KeyRing, read_verifier_keys
from infrastructure.integrity.leaf import POSITION, leaf_hashes, number
from infrastructure.integrity.note import Checkpoint, VerifierKey
from infrastructure.integrity.publication import Publication
from infrastructure.integrity.reader import PostgresRawReader, RawReader
from infrastructure.integrity.restoring import restored
from infrastructure.integrity.tiles import TiledTree
from infrastructure.integrity.verifying import LogVerifier, ignore
from infrastructure.integrity.walk import Progress

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool

KEY_FILE = Path("keys") / "checkpoint.pem"
FOLDER = "checkpoints"
LAST = "last"
"""Names the newest session in place of its id."""


class LogIntegrity:
    """Checkpoints, verification and proofs of the log of a database.

    Args:
        pool: connections in autocommit mode with the rights of a writer.
        home: folder that keys and published checkpoints lie in.
        key: file of the private key, where it is not in `home`.
        command: what every published checkpoint is handed over to.
        reader: of the events; of the table by default.
    """

    def __init__(
        self,
        pool: ConnectionPool[Any],
        home: Path,
        *,
        key: Path | None = None,
        command: Sequence[str] = (),
        reader: RawReader | None = None,
    ) -> None:
        self._pool = pool
        self._home = home
        self._key = key or home / KEY_FILE
        self._command = command
        self._reader = reader or PostgresRawReader(pool)

    @cached_property
    def log_id(self) -> UUID:
        """The id that the log was given when its tables were made; dumps keep it."""
        with translated(), self._pool.connection() as connection:
            return store.log_id(connection)

    @cached_property
    def keys(self) -> KeyRing:
        """The key that signs, and those that are trusted."""
        return KeyRing(self._key, f"hansard/{self.log_id}")

    @cached_property
    def publication(self) -> Publication:
        """Where checkpoints are published."""
        return Publication(self._home / FOLDER / str(self.log_id))

    @cached_property
    def checkpointer(self) -> Checkpointer:
        """What signs the log; one for all threads of a process."""
        handover = Handover(self._command, self.publication) if self._command else None
        return Checkpointer(
            self._pool, self._reader, self.keys, self.publication, handover, self.verify
        )

    def verify(
        self,
        session_id: UUID | None = None,
        *,
        since: str | int | None = None,
        keys: Path | None = None,
        progress: Progress = ignore,
    ) -> Verification:
        """Verify the log, or the events of one session.

        Args:
            since: the checkpoint that is taken for granted: its position, or a file with its note.
            keys: file of the verifier keys whose signatures count, one a line; those that this
                installation has signed with, by default.

        Raises:
            BadRequestError: the checkpoint or the keys cannot be read or do not count.
            NotFoundError: there is no such session, or no checkpoint at that position.
            IntegrityError: tables or columns of the log are gone or of other types.
        """
        if session_id is not None and since is not None:
            raise BadRequestError("Verify a session, or what came since a checkpoint; not both.")
        trusted = self.keys.trusted() if keys is None else read_verifier_keys(keys)
        verifier = LogVerifier(self._pool, self._reader, self.publication, self.log_id, trusted)
        try:
            if session_id is not None:
                return verifier.verify_session(session_id, progress)
            return verifier.verify(None if since is None else self._checkpoint(since), progress)
        except (errors.UndefinedTable, errors.UndefinedColumn) as error:
            raise IntegrityError(
                f"The tables of the log are not as they were made: {error}."
            ) from error

    def export_proof(self, session_id: UUID, file: Path | None = None) -> Proof:
        """Write a bundle that proves the events of a session to whoever has no database.

        Args:
            file: to write; `hansard-proof-SESSION.json` in the working folder by default.

        Raises:
            NotFoundError: there is no such session.
            IntegrityError: the log is not what was signed, so that nothing can be proven.
            BadRequestError: the file cannot be written.
        """
        gathered = gather(self._reader, session_id)
        events = gathered.all
        checkpoint, tree = self._covering(number(events[-1][POSITION]))
        for event, leaf in zip(events, leaf_hashes(events), strict=True):
            position = number(event[POSITION])
            if tree.leaf(position - 1) != leaf:
                raise IntegrityError(
                    f"The event at position {position} is not the one that was signed.", position
                )
        key = checkpoint.verify(self.keys.trusted(), self.keys.origin)
        path = file or Path(f"hansard-proof-{session_id}.json")
        program = bundle.write(bundle.compose(session_id, gathered, tree, checkpoint, key), path)
        return Proof(
            session_id=session_id,
            file=str(path),
            program=str(program),
            key=str(key),
            events=len(gathered.events),
            context=len(events) - len(gathered.events),
            position=checkpoint.size,
        )

    def prove(self, positions: Collection[int]) -> dict[int, InclusionView]:
        """Prove the inclusion of events; see the port `InclusionProofs`."""
        if not positions:
            return {}
        note = ""
        try:
            self.checkpointer.catch_up(wait=True)
        except (IntegrityError, KeyFileError) as error:
            note = str(error)  # what was covered before can be proven all the same
        trusted = self.keys.trusted()
        evidence = Evidence(self._pool, self.publication, self.keys.origin, trusted)
        return InclusionProver(self._reader, evidence, trusted, note).prove(positions)

    def audit_bundle(self, until: int) -> AuditBundle:
        """Begin a bundle of exported decisions.

        Args:
            until: position that all of them stand at or before.

        Raises:
            IntegrityError: the log is not what was signed, so that nothing can be proven.
            UnavailableError: the database or the key cannot be used.
        """
        checkpoint, tree = self._covering(until)
        checkpoint.verify(self.keys.trusted(), self.keys.origin)
        return AuditBundle(self._reader, tree, self.keys.signer())

    def _covering(self, until: int) -> tuple[Checkpoint, TiledTree]:
        """Cover the events up to a position, and restore the tree that was signed."""
        checkpoint = self.checkpointer.catch_up(wait=True)
        if checkpoint is None or checkpoint.size < until:
            raise IntegrityError(f"No checkpoint covers the events up to position {until}.")
        tree = restored(checkpoint.size, DatabaseTiles(self._pool), self._reader)
        if tree.root() != checkpoint.root:
            raise IntegrityError(
                "The tiles in the database do not lead to the root that was signed."
            )
        return checkpoint, tree

    def find_session(self, name: str) -> UUID:
        """Read the id of a session; `last` names the newest.

        Raises:
            BadRequestError: it is no id.
            NotFoundError: there is no session yet.
        """
        if name != LAST:
            try:
                return UUID(name.strip())
            except ValueError as error:
                raise BadRequestError(f"{name!r} is no id of a session; ids are UUIDs.") from error
        with translated(), self._pool.connection() as connection:
            row = connection.execute(sql.NEWEST_SESSION, (sql.LOG,)).fetchone()
        if row is None:
            raise NotFoundError("session", LAST, "Nothing was run yet; start with `hansard run`.")
        found: UUID = row[0]
        return found

    def verifier_key(self) -> VerifierKey:
        """Give the public key that checks what this installation signs."""
        return self.keys.signer().verifier

    def _checkpoint(self, since: str | int) -> Checkpoint:
        text = str(since)
        if not text.isdecimal():
            try:
                return Checkpoint.parse(Path(text).read_text("utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                raise BadRequestError(
                    f"The checkpoint {text!r} is neither a position nor a file that can be read."
                ) from error
        position = int(text)
        with translated(), self._pool.connection() as connection:
            stored = store.checkpoint_at(connection, position)
        found = stored or next(
            (one for one in self.publication.checkpoints() if one.size == position), None
        )
        if found is None:
            raise NotFoundError("checkpoint", text, "Give the position of one, or a file.")
        return found
