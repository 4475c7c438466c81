"""PostgresEventLog: what it does beyond the contract of its port."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from threading import get_ident
from typing import Any

from application.ports import Entry
from domain.event import Envelope
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EnvelopedEvent, EventMapper
from infrastructure.event_log.read_event import ReadEvent
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.contracts.event_log import conversation, entries
from tests.support.event_log import IDS


class WatchedMapper(EventMapper):
    """Notes who encodes, and leaves subjects out, for whom it has no keys."""

    def __init__(self) -> None:
        super().__init__()
        self.encoded_by: list[int] = []

    def to_stored_event(
        self, domain_event: Any, envelope: Envelope | None = None
    ) -> EnvelopedEvent:
        self.encoded_by.append(get_ident())
        if envelope is not None:
            envelope = replace(envelope, subject=None)
        return super().to_stored_event(domain_event, envelope)


def test_the_key_of_a_subject_is_not_asked_for_on_the_event_loop(
    recorder: PostgresEventRecorder,
) -> None:
    mapper = WatchedMapper()
    log = PostgresEventLog(recorder, mapper)
    [plain], [sealed] = entries(conversation()), entries(conversation())
    sealed = Entry(sealed.event, replace(sealed.envelope, subject="customer-42"))

    async def append() -> int:
        await log.append_async([plain])
        await log.append_async([sealed])
        return get_ident()

    loop_thread = asyncio.run(append())
    on_the_loop, elsewhere = mapper.encoded_by
    assert on_the_loop == loop_thread
    assert elsewhere != loop_thread


def test_a_long_log_is_read_as_it_was_appended(recorder: PostgresEventRecorder) -> None:
    log = PostgresEventLog(recorder, EventMapper())
    session_id = IDS.new()
    appended = [
        recorded
        for _ in range(5)
        for recorded in log.append(entries(conversation(turns=400), session_id=session_id))
    ]
    read = list(log.read(session_id=session_id))
    assert read == appended
    assert all(isinstance(event, ReadEvent) for event in read)
    assert list(log.read(backwards=True)) == appended[::-1]
