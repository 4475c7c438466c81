"""LogVerifier: says whether the log is what was recorded, and where it first is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from application.errors import NotFoundError
from application.integrity import Finding, FindingKind, Verification
from infrastructure.database.errors import translated
from infrastructure.integrity import sql
from infrastructure.integrity.companions import check_companions, check_heads_of
from infrastructure.integrity.evidence import Evidence
from infrastructure.integrity.leaf import POSITION, STREAM, VERSION, RawEvent, leaf_hashes, number
from infrastructure.integrity.locating import Witness, judge
from infrastructure.integrity.merkle import is_included
from infrastructure.integrity.note import Checkpoint, VerifierKey
from infrastructure.integrity.publication import Publication
from infrastructure.integrity.reader import RawReader
from infrastructure.integrity.restoring import restored
from infrastructure.integrity.store import MissingTileError
from infrastructure.integrity.tiles import TiledTree, Tree
from infrastructure.integrity.walk import Progress, Walk

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool


def ignore(done: int, total: int) -> None:
    """Show no progress."""


class LogVerifier:
    """Verifies a log; it reads, and changes nothing.

    Args:
        reader: of the events, wherever they are.
        trusted: the keys whose signatures count.
    """

    def __init__(
        self,
        pool: ConnectionPool[Any],
        reader: RawReader,
        publication: Publication,
        log_id: UUID,
        trusted: Sequence[VerifierKey],
    ) -> None:
        self._pool = pool
        self._reader = reader
        self._publication = publication
        self._log_id = log_id
        self._trusted = trusted

    def verify(self, since: Checkpoint | None = None, progress: Progress = ignore) -> Verification:
        """Verify the whole log, or what came after a checkpoint.

        Args:
            since: what lies before is taken for granted, as far as tiles still lead to its root;
                where they do not, the whole log is verified after all.

        Raises:
            NoteError: `since` is no checkpoint of this log that a trusted key signed.
        """
        evidence = self._evidence()
        if since is not None:
            evidence.check(since)
        walk = self._walk(evidence, since)
        last = self._reader.last_position()
        walk.run(last, progress)
        last = max(last, walk.tree.size)
        findings = [*walk.findings, *evidence.findings]
        if not findings:
            findings += check_companions(self._pool, walk.since, last, walk.versions)
        return Verification(
            log_id=self._log_id,
            since=walk.since,
            events=walk.tree.size - walk.since,
            position=last,
            covered=walk.covered,
            uncovered=max(last - walk.covered, 0),
            checkpoints=evidence.inside,
            published=evidence.outside,
            tiles=walk.tiles,
            keys=tuple(evidence.keys),
            findings=_in_order(findings),
        )

    def verify_session(self, session_id: UUID, progress: Progress = ignore) -> Verification:
        """Verify the events of one session, each by a proof that it stands in the log.

        Raises:
            NotFoundError: there is no such session.
        """
        evidence = self._evidence()
        head = next(iter(evidence.newest()), None)
        events = list(self._reader.session(session_id))
        if not events:
            raise NotFoundError("session", session_id)
        findings = list(evidence.findings)
        if head is not None:
            tree, witness = self._authentic(evidence, head)
            if tree is None or witness is None:
                findings.append(_unprovable(head))
            else:
                findings += self._check_inclusion(events, head, tree, witness, progress)
        findings += self._check_streams(events)
        covered = head.size if head else 0
        return Verification(
            log_id=self._log_id,
            session_id=session_id,
            events=len(events),
            position=number(events[-1][POSITION]),
            covered=covered,
            uncovered=sum(number(event[POSITION]) > covered for event in events),
            keys=tuple(evidence.keys),
            findings=_in_order(findings),
        )

    def _evidence(self) -> Evidence:
        origin = f"hansard/{self._log_id}"
        return Evidence(self._pool, self._publication, origin, self._trusted)

    def _walk(self, evidence: Evidence, since: Checkpoint | None) -> Walk:
        if since is not None:
            tree, _ = self._authentic(evidence, since)
            if tree is not None:
                grown = tree.growing()
                start = since.size
                return Walk(self._reader, evidence, grown, grown.copy(), since=start, covered=start)
        also = [since] if since is not None else []
        return Walk(self._reader, evidence, Tree(), Tree(), also=also)

    def _authentic(
        self, evidence: Evidence, head: Checkpoint
    ) -> tuple[TiledTree | None, Witness | None]:
        """Restore the tree that a checkpoint was signed of, if tiles still lead to its root."""
        for source in evidence.sources:
            try:
                tree = restored(head.size, source, self._reader)
                if tree.root() == head.root:
                    return tree, Witness(source, 0, head.size)
            except MissingTileError:
                continue
        return None, None

    def _check_inclusion(
        self,
        events: Sequence[RawEvent],
        head: Checkpoint,
        tree: TiledTree,
        witness: Witness,
        progress: Progress,
    ) -> Iterator[Finding]:
        for done, (event, leaf) in enumerate(zip(events, leaf_hashes(events), strict=True), 1):
            position = number(event[POSITION])
            if position <= head.size:
                proof = tree.inclusion_proof(position - 1)
                if not is_included(leaf, position - 1, head.size, proof, head.root):
                    yield judge(self._reader, witness, position, event)
            progress(done, len(events))

    def _check_streams(self, events: Sequence[RawEvent]) -> Iterator[Finding]:
        """Look for events that the session has lost, by the versions of its streams."""
        versions: dict[bytes | None, int] = {}
        with translated(), self._pool.connection() as connection:
            for event in events:
                stream, version = event[STREAM], number(event[VERSION])
                before = versions.get(stream, version - 1)
                versions[stream] = version
                if version <= before + 1:
                    continue
                parameters = (sql.LOG, UUID(bytes=stream), before, version)
                row = connection.execute(sql.COUNT_VERSIONS, parameters).fetchone()
                if row is None or row[0] < version - before - 1:
                    yield _lost(UUID(bytes=stream), before, number(event[POSITION]))
            for stream_id in check_heads_of(connection, versions):
                last = number(events[-1][POSITION])
                yield _lost(stream_id, versions[stream_id.bytes], last)


def _in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda one: (not one.kind.is_of_events, one.position)))


def _lost(stream: UUID, version: int, position: int) -> Finding:
    return Finding(
        kind=FindingKind.REMOVED,
        position=position,
        message=f"What followed version {version} of stream {str(stream)!r} was removed.",
    )


def _unprovable(head: Checkpoint) -> Finding:
    return Finding(
        kind=FindingKind.TILE,
        position=1,
        until=head.size,
        message=(
            f"No tiles lead to the root that was signed at position {head.size} any more, so that"
            " no event can be proven by itself: verify the whole log to find out why."
        ),
    )
