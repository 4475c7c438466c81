"""Event logs: each adapter holds the contract."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg_pool import ConnectionPool

from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.system import Uuid7Factory
from tests.contracts.event_log import EventLogContract
from tests.support.in_memory_log import InMemoryEventLog


class TestPostgresEventLog(EventLogContract):
    @pytest.fixture
    def log(self, pool: ConnectionPool[Any]) -> PostgresEventLog:
        return PostgresEventLog(PostgresEventRecorder(pool, Uuid7Factory()), EventMapper())


class TestInMemoryEventLog(EventLogContract):
    @pytest.fixture
    def log(self) -> InMemoryEventLog:
        return InMemoryEventLog()
