"""Bootstrap: the one place where ports meet their adapters."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from application.registration import Adoption, adopt_roster
from application.sessions import Sessions
from domain.policy import Policy
from domain.session import Charter
from infrastructure.database import (
    Database,
    EmbeddedServer,
    ServerStatus,
    database_status,
    embedded_server,
    migrate,
    open_database,
)
from infrastructure.event_log.lease import PostgresSessionLease
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.writer import GroupWriter
from infrastructure.intake import make_folder, take_in
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
    "EmbeddedServer",
    "House",
    "ServerStatus",
    "Settings",
    "build",
    "database_status",
    "embedded_server",
    "load_settings",
    "migrate",
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
        writer = GroupWriter(database.connect)
        closing.callback(writer.close)
        recorder = PostgresEventRecorder(database.pool, writer, ids, settings.max_event_bytes)
        self.log = PostgresEventLog(recorder, EventMapper())
        self._read_models = ReadModels(partial(database.connect, autocommit=False))
        closing.callback(self._read_models.close)
        lease = PostgresSessionLease(database.connect)
        closing.callback(lease.close)
        past_turns = ConversationSearch(self._read_models, catch_up=self.catch_up)
        toolbox = LocalToolbox(past_turns, settings.max_input_bytes)
        closing.callback(toolbox.close)
        self.model = RoutedModel(settings)
        self.sessions = Sessions(self.log, clock, ids, lease, self.model, toolbox)
        roster = load_roster(settings.roster, toolbox.names)
        self.adoption: Adoption = adopt_roster(self.log, ids, clock, roster)

    @cached_property
    def projections(self) -> ProjectionRunner:
        """The runner of the read models."""
        from infrastructure.projection_runner import ProjectionRunner  # noqa: PLC0415 - heavy

        return ProjectionRunner(self.log, self._read_models)

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
    ) -> Charter:
        """Fix what a session is opened with, and make its output folder.

        Raises:
            BadRequestError: an input file or the output folder cannot be used.
        """
        return Charter(
            request=request,
            input_files=take_in(inputs),
            output_folder=str(make_folder(output_folder)),
            models=self.settings.models,
            policy=policy or Policy(),
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
