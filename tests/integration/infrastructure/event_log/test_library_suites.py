"""The library's own suites on our recorder; its aggregate suite fits no application recorder.

`AggregateRecorderTestCase` expects `insert_events` to answer None and `select_events` to answer
bare `StoredEvent`s. A recorder of the log answers with positions and envelopes, so what that suite
asks beyond this stands in `test_recorder.py`.
"""

from __future__ import annotations

from typing import Any

import pytest
from eventsourcing.persistence import ApplicationRecorder
from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)

from infrastructure.event_log.recorder import PostgresEventRecorder


class OnOurRecorder:
    """Gives the library's cases, which pytest runs as they are, a fresh database each."""

    recorder: PostgresEventRecorder

    @pytest.fixture(autouse=True)
    def _use(self, recorder: PostgresEventRecorder) -> None:
        self.recorder = recorder

    def create_recorder(self) -> Any:
        return self.recorder


class TestApplicationRecorder(OnOurRecorder, ApplicationRecorderTestCase[ApplicationRecorder]):
    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleaving(OnOurRecorder, NonInterleavingNotificationIDsBaseCase):
    pass
