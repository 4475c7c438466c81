"""Bootstrap: the one place where ports meet their adapters."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from application.registration import Adoption, adopt_roster
from application.sessions import Sessions
from domain.policy import Policy
from domain.session import Charter
from infrastructure.database import Database, EmbeddedServer, open_database
from infrastructure.event_log.lease import PostgresSessionLease
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.intake import make_folder, take_in
from infrastructure.models.registry import RoutedModel
from infrastructure.past_turns import ConversationSearch
from infrastructure.projection_runner import ProjectionRunner
from infrastructure.roster import load_roster
from infrastructure.settings import Settings, load_settings
from infrastructure.system import SystemClock, Uuid7Factory
from infrastructure.tools.toolbox import LocalToolbox

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class House:
    """All parts of a running Hansard, wired.

    Attributes:
        adoption: what the roster changed when the house was opened.
    """

    settings: Settings
    database: Database
    log: PostgresEventLog
    sessions: Sessions
    projections: ProjectionRunner
    model: RoutedModel
    adoption: Adoption
    closing: ExitStack

    def close(self) -> None:
        """Close connections and leave the embedded server."""
        self.closing.close()

    @cached_property
    def models(self) -> dict[str, str]:
        """Model name by role, as a session's charter records it."""
        return self.settings.models

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
            models=self.models,
            policy=policy or Policy(),
        )


def build(settings: Settings) -> House:
    """Open the database, bring the roster into force, and wire everything.

    Raises:
        UnavailableError: the database cannot be used.
        BadRequestError: the roster is invalid.
    """
    with ExitStack() as closing:
        database = closing.enter_context(open_database(settings))
        ids, clock = Uuid7Factory(), SystemClock()
        log = PostgresEventLog(PostgresEventRecorder(database.pool, ids), EventMapper())
        lease = PostgresSessionLease(database.connect)
        closing.callback(lease.close)
        projections = ProjectionRunner(log, database.pool)
        past_turns = ConversationSearch(database.pool, projections)
        toolbox = LocalToolbox(past_turns, settings.max_input_bytes)
        roster = load_roster(settings.roster, toolbox.names)
        model = RoutedModel(settings)
        return House(
            settings=settings,
            database=database,
            log=log,
            sessions=Sessions(log, clock, ids, lease, model, toolbox),
            projections=projections,
            model=model,
            adoption=adopt_roster(log, ids, clock, roster),
            closing=closing.pop_all(),
        )
    raise AssertionError("unreachable")  # pragma: no cover - the block above returns or raises


def settings(**overrides: Any) -> Settings:
    """Read the settings; None leaves a field to the environment."""
    return load_settings(**overrides)


def embedded_server(chosen: Settings) -> EmbeddedServer:
    """Name the embedded server of these settings; it may not be running."""
    return EmbeddedServer(chosen.home / "postgres")
