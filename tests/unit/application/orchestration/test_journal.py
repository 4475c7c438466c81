"""Journal: new events get their envelopes in order, and are recorded all or none."""

from __future__ import annotations

import asyncio
from threading import Event
from uuid import UUID

import pytest

from application.errors import ConflictError
from application.fold import SessionFold
from application.orchestration.journal import Journal
from domain.conversation import USER, Conversation, Turn
from domain.event import RecordedEvent
from domain.session import Intent, Session
from tests.support.given_when_then import AT
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.office import charter
from tests.support.scripted import PATIENCE_S, CountingIds, SteadyClock

SESSION, TALK = UUID(int=1), UUID(int=2)


class Desk:
    """A journal with everything around it."""

    def __init__(self) -> None:
        self.log = InMemoryEventLog()
        self.fold = SessionFold()
        self.heard: list[RecordedEvent] = []
        clock, ids = SteadyClock(), CountingIds()
        self.journal = Journal(self.log, clock, ids, self.fold, self.heard.append)
        self.session = Session.open(SESSION, charter(), UUID(int=3), TALK, AT)
        self.talk = Conversation.start(TALK, SESSION, (USER, "NOVA_001"), AT)
        self.fold.hold(self.session)
        self.fold.hold(self.talk)

    def flush(self) -> None:
        asyncio.run(self.journal.flush())


def test_nothing_is_recorded_or_heard_before_the_flush() -> None:
    desk = Desk()

    desk.journal.collect(desk.session, USER)

    assert (desk.log.events, desk.heard, desk.fold.position) == ([], [], 0)
    desk.flush()
    assert desk.heard == desk.log.events != []
    assert desk.fold.position == desk.fold.opened_position == 1


def test_every_event_of_a_session_names_the_subject_of_its_charter() -> None:
    desk = Desk()
    desk.fold.session.charter = charter().model_copy(update={"subject": "customer-42"})
    desk.journal.collect(desk.session, USER)
    desk.journal.collect(desk.talk, USER)

    desk.flush()

    assert [recorded.envelope.subject for recorded in desk.heard] == ["customer-42"] * 2


def test_a_flush_of_nothing_appends_nothing() -> None:
    desk = Desk()

    desk.flush()

    assert desk.log.appends == 0


def test_events_of_one_flush_are_recorded_in_one_append() -> None:
    desk = Desk()
    desk.journal.collect(desk.session, USER)
    desk.journal.collect(desk.talk, USER)

    desk.flush()
    desk.flush()

    assert desk.log.appends == 1
    assert [recorded.type for recorded in desk.heard] == ["session.opened", "conversation.started"]


def test_an_event_follows_from_the_last_of_its_stream_and_a_first_one_from_the_last_of_all() -> (
    None
):
    desk = Desk()
    desk.journal.collect(desk.session, USER)
    desk.journal.collect(desk.talk, USER)
    desk.session.interpret(Intent(goal="A report"), AT)
    desk.journal.collect(desk.session, "NOVA_001")
    desk.flush()
    desk.talk.take_turn(Turn(turn_id=UUID(int=9), speaker=USER, text="Hello"), AT)
    desk.journal.collect(desk.talk, USER)
    desk.flush()

    opened, started, interpreted, said = (recorded.envelope for recorded in desk.heard)
    assert opened.causation_id is None
    assert started.causation_id == opened.event_id
    assert interpreted.causation_id == opened.event_id
    assert said.causation_id == started.event_id
    assert [each.actor for each in (opened, started, interpreted, said)] == [
        USER,
        USER,
        "NOVA_001",
        USER,
    ]
    assert {each.correlation_id for each in (opened, started, interpreted, said)} == {SESSION}


def test_who_is_cancelled_waits_until_the_append_is_over() -> None:
    desk = Desk()
    going_on, may_end = Event(), Event()

    def take_time() -> None:
        going_on.set()
        assert may_end.wait(PATIENCE_S)

    desk.log.before_append = take_time
    desk.journal.collect(desk.session, USER)

    async def cancel_midway() -> None:
        flush = asyncio.ensure_future(desk.journal.flush())
        await asyncio.to_thread(going_on.wait, PATIENCE_S)
        flush.cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        assert not flush.done()
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await flush
        assert len(desk.log.events) == 1

    asyncio.run(cancel_midway())
    assert desk.heard == []


def test_an_append_that_fails_is_heard_by_nobody() -> None:
    desk, rival = Desk(), Desk()
    rival.log = desk.log
    desk.journal.collect(desk.session, USER)
    desk.flush()
    rival.journal = Journal(
        desk.log, SteadyClock(), CountingIds(start=100), rival.fold, rival.heard.append
    )
    rival.journal.collect(rival.session, USER)

    with pytest.raises(ConflictError):
        rival.flush()

    assert rival.heard == []
    assert len(desk.log.events) == 1
