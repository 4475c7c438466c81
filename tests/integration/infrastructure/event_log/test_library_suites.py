"""The library's own suites on our persistence module, as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from eventsourcing.persistence import ApplicationRecorder
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    InfrastructureFactoryTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)
from eventsourcing.utils import Environment

from infrastructure.event_log.factory import PostgresFactory
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.stream_recorder import PostgresStreamRecorder
from infrastructure.event_log.tracking import PostgresProcessRecorder, PostgresTrackingRecorder

MODULE = "infrastructure.event_log.factory"


class WithFactory:
    """Gives the library's cases, which pytest runs as they are, a fresh database each."""

    factory: PostgresFactory

    @pytest.fixture(autouse=True)
    def _open(self, database_url: str) -> Iterator[None]:
        environment = {"PERSISTENCE_MODULE": MODULE, "HANSARD_DATABASE_URL": database_url}
        with closing(PostgresFactory(Environment(env=environment))) as self.factory:
            yield


class TestAggregateRecorder(WithFactory, AggregateRecorderTestCase):
    def create_recorder(self) -> Any:
        return self.factory.aggregate_recorder()


class TestApplicationRecorder(WithFactory, ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> Any:
        return self.factory.application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleaving(WithFactory, NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> Any:
        return self.factory.application_recorder()


class TestTrackingRecorder(WithFactory, TrackingRecorderTestCase):
    def create_recorder(self) -> Any:
        return self.factory.tracking_recorder()


class TestProcessRecorder(WithFactory, ProcessRecorderTestCase):
    def create_recorder(self) -> Any:
        return self.factory.process_recorder()


class TestApplicationRecorderOfAProcess(
    WithFactory, ApplicationRecorderTestCase[ApplicationRecorder]
):
    def create_recorder(self) -> Any:
        return self.factory.process_recorder()


class TestTrackingRecorderOfAProcess(WithFactory, TrackingRecorderTestCase):
    def create_recorder(self) -> Any:
        return self.factory.process_recorder()


class OwnTrackingRecorder(PostgresTrackingRecorder):
    pass


class TestFactory(InfrastructureFactoryTestCase[PostgresFactory]):
    """Names the library's mapper, because four cases are about its encryption and compression.

    Our own mapper offers neither; what it says then stands in `test_application.py`.
    """

    @pytest.fixture(autouse=True)
    def _name(self, database_url: str) -> None:
        self.env = Environment(
            env={
                "PERSISTENCE_MODULE": MODULE,
                "HANSARD_DATABASE_URL": database_url,
                "MAPPER_TOPIC": "eventsourcing.persistence:Mapper",
            }
        )

    def expected_factory_class(self) -> type[PostgresFactory]:
        return PostgresFactory

    def expected_aggregate_recorder_class(self) -> type[PostgresStreamRecorder]:
        return PostgresStreamRecorder

    def expected_application_recorder_class(self) -> type[PostgresEventRecorder]:
        return PostgresEventRecorder

    def expected_tracking_recorder_class(self) -> type[PostgresTrackingRecorder]:
        return PostgresTrackingRecorder

    def tracking_recorder_subclass(self) -> type[OwnTrackingRecorder]:
        return OwnTrackingRecorder

    def expected_process_recorder_class(self) -> type[PostgresProcessRecorder]:
        return PostgresProcessRecorder
