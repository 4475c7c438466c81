"""Factory: makes this folder a persistence module of the `eventsourcing` library."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Never

from eventsourcing.persistence import (
    AggregateRecorder,
    InfrastructureFactory,
    InfrastructureFactoryError,
    ProcessRecorder,
    Transcoder,
)

from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.writer import GroupWriter
from infrastructure.system import Uuid7Factory

if TYPE_CHECKING:
    from infrastructure.database import DatabasePool


class PostgresFactory(InfrastructureFactory[Never]):
    """Builds recorders for the library's `Application`.

    Set `PERSISTENCE_MODULE=infrastructure.event_log.factory` and `HANSARD_DATABASE_URL` in the
    application's `env`. The tables are made by migrations.
    """

    DATABASE_URL = "HANSARD_DATABASE_URL"

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._closing = ExitStack()

    def mapper(self, transcoder: Transcoder | None = None, mapper_class: Any = None) -> Any:
        """Build our mapper; another one is used when it is named.

        Raises:
            InfrastructureFactoryError: our mapper is to encrypt or compress; it writes plain JSON.
        """
        if mapper_class is not None or self.env.get(self.MAPPER_TOPIC):
            return super().mapper(transcoder, mapper_class)
        if self.cipher() or self.compressor():
            raise InfrastructureFactoryError(
                "The event log keeps payloads as plain JSON: unset CIPHER_TOPIC, CIPHER_KEY and"
                " COMPRESSOR_TOPIC, or name a mapper of your own in MAPPER_TOPIC."
            )
        return EventMapper()

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """Build a recorder of streams.

        Raises:
            InfrastructureFactoryError: it is to keep snapshots, whose versions skip.
        """
        if purpose != "events":
            raise InfrastructureFactoryError(
                f"The event log keeps no {purpose}: unset IS_SNAPSHOTTING_ENABLED."
            )
        return self.application_recorder()

    def application_recorder(self) -> PostgresEventRecorder:
        """Build a recorder of the log."""
        pool, writer = self._opened
        return PostgresEventRecorder(pool, writer, Uuid7Factory())

    def tracking_recorder(self, tracking_recorder_class: Any = None) -> Never:
        """Refuse: projections keep their own positions."""
        del tracking_recorder_class
        raise InfrastructureFactoryError("Hansard's projections keep their own positions.")

    def process_recorder(self) -> ProcessRecorder:
        """Refuse: process managers append through the event log."""
        raise InfrastructureFactoryError("Hansard's process managers append to the event log.")

    def close(self) -> None:
        """Close the connections."""
        self._closing.close()

    @cached_property
    def _opened(self) -> tuple[DatabasePool, GroupWriter]:
        from infrastructure.database import connect, open_pool, prepare_writer  # noqa: PLC0415 - only who connects needs it

        url = self.env.get(self.DATABASE_URL, "")
        pool = self._closing.enter_context(open_pool(url, prepare=prepare_writer))
        writer = GroupWriter(partial(connect, url, autocommit=True, prepare=prepare_writer))
        self._closing.callback(writer.close)
        return pool, writer
