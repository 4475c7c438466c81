"""Sharing in memory: what shares on one list of events, and what puts sessions into it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from application.ports import Entry
from application.sharing.sharing import Sharing
from domain.event import Envelope
from infrastructure.sharing.replicas import PycrdtReplicas
from infrastructure.system import Uuid7Factory
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.messaging import StandingClock

IDS = Uuid7Factory()


def sharing_on(log: InMemoryEventLog) -> Sharing:
    """Share on a log, as one process of several would."""
    return Sharing(log, StandingClock(), IDS, PycrdtReplicas())


def record(log: InMemoryEventLog, it: Any, *, session_id: UUID | None = None) -> None:
    """Append an event, or what an aggregate has to record."""
    events = it.collect_events() if hasattr(it, "collect_events") else [it]
    session_id = session_id or it.id
    log.append(
        [
            Entry(event, Envelope(IDS.new(), "USER", session_id, session_id=session_id))
            for event in events
        ]
    )
