"""Factory: makes this folder a persistence module of the `eventsourcing` library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventsourcing.persistence import (
    AggregateRecorder,
    InfrastructureFactory,
    ProcessRecorder,
    Transcoder,
)

from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.system import Uuid7Factory

if TYPE_CHECKING:
    from psycopg_pool import ConnectionPool


class PostgresFactory(InfrastructureFactory[Any]):
    """Builds recorders for the library's `Application`.

    Set `PERSISTENCE_MODULE=infrastructure.event_log.factory` and `HANSARD_DATABASE_URL` in the
    application's `env`. The tables are made by migrations.
    """

    DATABASE_URL = "HANSARD_DATABASE_URL"

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._pool: ConnectionPool[Any] | None = None

    def mapper(self, transcoder: Transcoder | None = None, mapper_class: Any = None) -> Any:
        """Build our mapper; another one is used when the environment names it."""
        if mapper_class is None and not self.env.get(self.MAPPER_TOPIC):
            return EventMapper()
        return super().mapper(transcoder, mapper_class)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Build a recorder of streams; `purpose` does not matter, there is one log."""
        del purpose
        return self.application_recorder()

    def application_recorder(self) -> PostgresEventRecorder:
        """Build a recorder of the log."""
        return PostgresEventRecorder(self._open_pool(), Uuid7Factory())

    def tracking_recorder(self, tracking_recorder_class: Any = None) -> Any:
        """Refuse: projections keep their own positions."""
        raise NotImplementedError("Hansard's projections keep their own positions.")

    def process_recorder(self) -> ProcessRecorder:
        """Refuse: process managers append through the event log."""
        raise NotImplementedError("Hansard's process managers append through the event log.")

    def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.close()

    def _open_pool(self) -> ConnectionPool[Any]:
        from infrastructure.database import open_pool  # noqa: PLC0415 - heavy

        if self._pool is None:
            self._pool = open_pool(self.env.get(self.DATABASE_URL, ""))
        return self._pool
