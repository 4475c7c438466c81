"""Bootstrap: the one place where ports meet their adapters."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from application.forgetting import Forgetting, check_subject_id
from application.moments import newest_before
from application.registration import Adoption, adopt_roster
from application.sessions import Sessions
from domain.policy import Policy
from domain.session import Charter
from infrastructure.archive.events import ArchivedEvents
from infrastructure.archive.raw_reader import ArchivedRawReader
from infrastructure.archive.report import Archiving, LogStatus
from infrastructure.database import (
    Database,
    DatabaseStatus,
    EmbeddedServer,
    ServerStatus,
    connect,
    database_status,
    embedded_server,
    migrate,
    open_database,
)
from infrastructure.erasure.key_file import KeyFile
from infrastructure.erasure.seals import SubjectSeals
from infrastructure.erasure.traces import PostgresSubjectTraces
from infrastructure.erasure.vault import SubjectVault
from infrastructure.event_log.lease import PostgresSessionLease
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.snapshots import PostgresSnapshots
from infrastructure.event_log.wakeup import Wakeup
from infrastructure.event_log.writer import GroupWriter
from infrastructure.intake import make_folder, take_in
from infrastructure.integrity.checkpointing import CheckpointThread
from infrastructure.integrity.reader import PostgresRawReader
from infrastructure.integrity.service import LogIntegrity
from infrastructure.models.registry import RoutedModel
from infrastructure.past_turns import ConversationSearch
from infrastructure.read_models import ReadModels
from infrastructure.roster import load_roster
from infrastructure.settings import Settings, load_settings
from infrastructure.system import SystemClock, Uuid7Factory
from infrastructure.tools.toolbox import LocalToolbox

if TYPE_CHECKING:
    import sqlalchemy as sa

    from infrastructure.projection_runner import ProjectionRunner

logger = logging.getLogger(__name__)

__all__ = [
    "Archiving",
    "EmbeddedServer",
    "House",
    "LogStatus",
    "ServerStatus",
    "Settings",
    "archive",
    "build",
    "database_status",
    "embedded_server",
    "load_settings",
    "log_status",
    "migrate",
    "open_integrity",
    "rotate_key",
]


class House:
    """All parts of a running Hansard, wired.

    Attributes:
        adoption: what the roster changed when the house was opened.
    """

    def __init__(self, settings: Settings, database: Database, closing: ExitStack) -> None:
        self.settings = settings
        self.database = database
        self._closing = closing
        ids, clock = Uuid7Factory(), SystemClock()
        wakeup = Wakeup(database.connect)
        closing.callback(wakeup.close)
        writer = GroupWriter(database.connect, wakeup.appended)
        closing.callback(writer.close)
        self._archived = ArchivedEvents(database.pool, settings.archives)
        closing.callback(self._archived.close)
        recorder = PostgresEventRecorder(
            database.pool,
            writer,
            ids,
            settings.max_event_bytes,
            archived=self._archived,
            wakeup=wakeup,
        )
        self._vault = SubjectVault(database.connect, KeyFile(settings.key_file))
        closing.callback(self._vault.close)
        snapshots = PostgresSnapshots(database.pool)
        self.log = PostgresEventLog(recorder, EventMapper(SubjectSeals(self._vault)), snapshots)
        self._read_models = ReadModels(partial(database.connect, autocommit=False))
        closing.callback(self._read_models.close)
        lease = PostgresSessionLease(database.connect)
        closing.callback(lease.close)
        past_turns = ConversationSearch(self._read_models, catch_up=self.catch_up)
        toolbox = LocalToolbox(past_turns, settings.max_input_bytes)
        closing.callback(toolbox.close)
        self.model = RoutedModel(settings)
        self.sessions = Sessions(self.log, clock, ids, lease, self.model, toolbox)
        traces = PostgresSubjectTraces(recorder, lambda: self.projections, database.connect)
        self.forgetting = Forgetting(self.log, clock, ids, self.sessions, self._vault, traces)
        roster = load_roster(settings.roster, toolbox.names)
        self.adoption: Adoption = adopt_roster(self.log, ids, clock, roster)
        checkpoints = CheckpointThread(self.integrity.checkpointer)
        checkpoints.start()
        closing.callback(checkpoints.stop)

    @cached_property
    def projections(self) -> ProjectionRunner:
        """The runner of the read models."""
        from infrastructure.projection_runner import ProjectionRunner  # noqa: PLC0415 - heavy

        return ProjectionRunner(self.log, self._read_models)

    @cached_property
    def integrity(self) -> LogIntegrity:
        """Checkpoints, verification and proofs of the log."""
        return _integrity(self.settings, self.database, self._archived)

    def catch_up(self) -> None:
        """Bring the read models up to date, and say which one cannot be."""
        for status in self.projections.catch_up():
            if status.stopped:
                logger.warning(
                    "The read model %r stopped at position %d (%s): its answers end there.",
                    status.name,
                    status.failed_position,
                    status.error,
                )

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Bring the read models up to date and give a connection to query them."""
        self.catch_up()
        with self._read_models.reading() as connection:
            yield connection

    def charter(
        self,
        request: str,
        inputs: Iterable[str | Path],
        output_folder: str | Path,
        policy: Policy | None,
        subject: str | None = None,
    ) -> Charter:
        """Fix what a session is opened with, and make its output folder.

        Raises:
            BadRequestError: an input file, the output folder or the subject's name cannot be used.
            ConflictError: the subject was forgotten.
            UnavailableError: the key of the subject cannot be had.
        """
        if subject is not None:
            self._vault.key_to_seal(check_subject_id(subject))
        return Charter(
            request=request,
            input_files=take_in(inputs),
            output_folder=str(make_folder(output_folder)),
            models=self.settings.models,
            policy=policy or Policy(),
            subject=subject,
        )

    @staticmethod
    def drop_if_empty(folder: Path) -> None:
        """Remove a folder that nothing was written to."""
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def close(self) -> None:
        """Close connections and leave the embedded server."""
        self._closing.close()


def build(settings: Settings) -> House:
    """Open the database, bring the roster into force, and wire everything.

    Raises:
        UnavailableError: the database cannot be used.
        BadRequestError: the roster is invalid.
    """
    with ExitStack() as closing:
        database = closing.enter_context(open_database(settings))
        house = House(settings, database, closing)
        house._closing = closing.pop_all()  # noqa: SLF001 - on failure, everything closes here
        return house
    raise AssertionError("unreachable")  # pragma: no cover - the block above returns or raises


@contextmanager
def open_integrity(settings: Settings) -> Iterator[LogIntegrity]:
    """Open what verifies and proves the log, and nothing that would append to it.

    Raises:
        UnavailableError: the database cannot be used.
    """
    with (
        open_database(settings) as database,
        closing(ArchivedEvents(database.pool, settings.archives)) as archived,
    ):
        yield _integrity(settings, database, archived)


def archive(
    settings: Settings, before: str, *, dry_run: bool, tell: Callable[[str, int, int], None]
) -> Archiving:
    """Move old partitions of the log into files.

    Args:
        before: a moment; partitions whose events all come before it are moved.
        dry_run: only tell what would be done.
        tell: is told what was done with which positions, first and last.

    Raises:
        BadRequestError: `before` is no moment.
        ConflictError: another process archives.
        IntegrityError: the log is not what was signed.
        UnavailableError: the database or the files cannot be used.
    """
    from infrastructure.archive.moving import Archiver  # noqa: PLC0415 - only here

    with (
        open_database(settings) as database,
        closing(GroupWriter(database.connect)) as writer,
        closing(ArchivedEvents(database.pool, settings.archives)) as archived,
    ):
        recorder = PostgresEventRecorder(database.pool, writer, Uuid7Factory(), archived=archived)
        until = newest_before(before, PostgresEventLog(recorder, EventMapper()))
        archiver = Archiver(
            database.pool,
            database.connect_as_owner,
            _integrity(settings, database, archived),
            settings.archives,
            tell,
        )
        return archiver.plan(until) if dry_run else archiver.run(until)


def log_status(settings: Settings, found: DatabaseStatus) -> LogStatus | None:
    """Tell where the log is; None while the server is stopped or the schema is not the newest.

    Raises:
        UnavailableError: the database cannot be used.
    """
    from infrastructure.archive import status  # noqa: PLC0415 - only here

    conninfo = found.server.conninfo if found.server else None
    if settings.database_url is not None:
        conninfo = settings.database_url.get_secret_value()
    if conninfo is None or found.schema != found.newest:
        return None
    with connect(conninfo, autocommit=True) as connection:
        return status.log_status(connection)


def _integrity(settings: Settings, database: Database, archived: ArchivedEvents) -> LogIntegrity:
    return LogIntegrity(
        database.pool,
        settings.home,
        key=settings.checkpoint_key,
        command=settings.checkpoint_command,
        reader=ArchivedRawReader(PostgresRawReader(database.pool), archived),
    )


def rotate_key(settings: Settings) -> int:
    """Wrap the keys of all subjects by a new master key, and drop the old one.

    Returns:
        How many keys were wrapped.

    Raises:
        UnavailableError: the database or the key file cannot be used.
    """
    with (
        open_database(settings) as database,
        closing(SubjectVault(database.connect, KeyFile(settings.key_file))) as vault,
    ):
        return vault.rotate()
