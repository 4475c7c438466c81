"""Event logs: each adapter holds the contract."""

from __future__ import annotations

import pytest

from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.contracts.event_log import EventLogContract
from tests.support.in_memory_log import InMemoryEventLog


class TestPostgresEventLog(EventLogContract):
    @pytest.fixture
    def log(self, recorder: PostgresEventRecorder) -> PostgresEventLog:
        return PostgresEventLog(recorder, EventMapper())


class TestInMemoryEventLog(EventLogContract):
    @pytest.fixture
    def log(self) -> InMemoryEventLog:
        return InMemoryEventLog()
