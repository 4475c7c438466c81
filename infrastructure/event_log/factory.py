"""Factory: makes this folder a persistence module of the `eventsourcing` library."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from eventsourcing.persistence import (
    InfrastructureFactory,
    InfrastructureFactoryError,
    Transcoder,
)
from eventsourcing.utils import resolve_topic

from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.stream_recorder import PostgresStreamRecorder
from infrastructure.event_log.tracking import PostgresProcessRecorder, PostgresTrackingRecorder
from infrastructure.event_log.wakeup import Wakeup
from infrastructure.event_log.writer import GroupWriter
from infrastructure.system import Uuid7Factory

if TYPE_CHECKING:
    from infrastructure.database import Connection, DatabasePool


T = TypeVar("T", bound=PostgresTrackingRecorder)


class Opened(NamedTuple):
    """What the recorders of a factory share."""

    pool: DatabasePool
    connect: Callable[[], Connection]
    writer: GroupWriter
    wakeup: Wakeup


class PostgresFactory(InfrastructureFactory[PostgresTrackingRecorder]):
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

    def aggregate_recorder(self, purpose: str = "events") -> PostgresStreamRecorder:
        """Build a recorder of streams.

        Raises:
            InfrastructureFactoryError: it is to keep snapshots, whose versions skip.
        """
        if purpose != "events":
            raise InfrastructureFactoryError(
                f"The event log keeps no {purpose}: unset IS_SNAPSHOTTING_ENABLED."
            )
        return PostgresStreamRecorder(self.application_recorder())

    def application_recorder(self) -> PostgresEventRecorder:
        """Build a recorder of the log."""
        opened = self._opened
        return PostgresEventRecorder(
            opened.pool, opened.writer, Uuid7Factory(), wakeup=opened.wakeup
        )

    def process_recorder(self) -> PostgresProcessRecorder:
        """Build a recorder of the log that also keeps how far others have been followed."""
        opened = self._opened
        recorder = PostgresProcessRecorder(
            opened.pool,
            opened.writer,
            Uuid7Factory(),
            connect=opened.connect,
            wakeup=opened.wakeup,
        )
        return self._closing.enter_context(closing(recorder))

    def tracking_recorder(
        self, tracking_recorder_class: type[T] | None = None
    ) -> T | PostgresTrackingRecorder:
        """Build a recorder of positions; of the named class, which is a subclass of ours.

        Raises:
            InfrastructureFactoryError: it is not.
        """
        chosen: Any = tracking_recorder_class or PostgresTrackingRecorder
        if tracking_recorder_class is None and self.env.get(self.TRACKING_RECORDER_TOPIC):
            chosen = resolve_topic(str(self.env.get(self.TRACKING_RECORDER_TOPIC)))
        if not (isinstance(chosen, type) and issubclass(chosen, PostgresTrackingRecorder)):
            raise InfrastructureFactoryError(
                f"A tracking recorder is a subclass of PostgresTrackingRecorder; {chosen!r} is not."
            )
        return chosen(self._opened.pool)

    def close(self) -> None:
        """Close the connections."""
        self._closing.close()

    @cached_property
    def _opened(self) -> Opened:
        from infrastructure.database import connect, open_pool, prepare_writer  # noqa: PLC0415 - only who connects needs it

        url = self.env.get(self.DATABASE_URL, "")
        pool = self._closing.enter_context(open_pool(url, prepare=prepare_writer))
        open_one = partial(connect, url, autocommit=True, prepare=prepare_writer)
        wakeup = self._closing.enter_context(closing(Wakeup(open_one)))
        writer = self._closing.enter_context(closing(GroupWriter(open_one, wakeup.appended)))
        return Opened(pool, open_one, writer, wakeup)
