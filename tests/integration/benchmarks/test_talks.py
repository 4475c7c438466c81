"""A talk of the benchmarks is a session like those that the engine records."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import pytest

from application.errors import ConflictError
from application.registration import adopt_roster
from benchmarks.talks import CHARACTERS, CLOCK, IDS, REQUEST, Talk, exchanges
from benchmarks.writers import write_at_once
from domain.conversation import USER
from domain.session import SessionStatus
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.roster import load_roster
from tests.support.event_log import recorder_on

TOOLS = frozenset(
    {
        *("list_files", "profile_table", "query_table", "evaluate_expression", "read_file"),
        *("draw_chart", "write_document", "search_past_conversations"),
        *("share_value", "read_shared_values"),
    }
)


@contextmanager
def log_on(database_url: str) -> Iterator[PostgresEventLog]:
    with recorder_on(database_url) as recorder:
        log = organised(recorder)
        yield log


def organised(recorder: PostgresEventRecorder) -> PostgresEventLog:
    log = PostgresEventLog(recorder, EventMapper())
    adopt_roster(log, IDS, CLOCK, load_roster(None, TOOLS))
    return log


async def talk_of(log: PostgresEventLog, turns: int) -> Talk:
    talk = await Talk.open(log)
    for exchange in islice(exchanges(seed=1), turns):
        await talk.take(exchange)
    return talk


def test_texts_are_of_the_same_length_and_come_again_for_the_same_seed() -> None:
    texts = [text for exchange in islice(exchanges(seed=3), 20) for text in exchange]
    assert {len(text) for text in texts} == {CHARACTERS}
    assert len(set(texts)) == len(texts)
    assert texts == [text for exchange in islice(exchanges(seed=3), 20) for text in exchange]
    assert texts != [text for exchange in islice(exchanges(seed=4), 20) for text in exchange]


def test_a_turn_is_two_events_that_are_recorded_together(recorder: PostgresEventRecorder) -> None:
    log = organised(recorder)
    talk = asyncio.run(talk_of(log, turns=2))
    events = list(log.read(session_id=talk.session_id))
    assert [recorded.type for recorded in events] == [
        *("session.opened", "conversation.started", "conversation.turn_taken", "task.created"),
        *("conversation.turn_taken",) * 4,
    ]
    asked, answered = events[-2:]
    assert [asked.envelope.actor, answered.envelope.actor] == [
        USER,
        talk.fold.conversation.participants[1],
    ]
    assert asked.recorded_at == answered.recorded_at
    assert answered.envelope.causation_id == asked.envelope.event_id


def test_a_talk_can_be_taken_up_where_it_stands(recorder: PostgresEventRecorder) -> None:
    log = organised(recorder)
    held = asyncio.run(talk_of(log, turns=3))
    again = Talk.take_up(log, held.session_id)
    assert again.fold.has_same_state(held.fold)
    assert again.fold.session.status is SessionStatus.RUNNING
    [exchange] = islice(exchanges(seed=2), 1)
    asyncio.run(again.take(exchange))
    texts = [turn.text for turn in Talk.take_up(log, held.session_id).fold.conversation.turns]
    assert texts == [
        REQUEST,
        *(text for each in islice(exchanges(seed=1), 3) for text in each),
        *exchange,
    ]


def test_who_holds_an_old_state_is_told(recorder: PostgresEventRecorder) -> None:
    log = organised(recorder)
    talk = asyncio.run(talk_of(log, turns=1))
    other = Talk.take_up(log, talk.session_id)
    first, second = islice(exchanges(seed=2), 2)
    asyncio.run(other.take(first))
    with pytest.raises(ConflictError):
        asyncio.run(talk.take(second))
    assert len(Talk.take_up(log, talk.session_id).fold.conversation.turns) == 1 + 2 + 2


def test_all_turns_of_processes_that_write_at_once_are_kept(database_url: str) -> None:
    with log_on(database_url) as log:
        talk = asyncio.run(talk_of(log, turns=0))
        wanted = list(islice(exchanges(seed=5), 2))
        collision = write_at_once(database_url, talk.session_id, wanted)
        turns = Talk.take_up(log, talk.session_id).fold.conversation.turns[1:]
    assert collision.written == 2
    assert collision.conflicts >= 1
    said = [(one.text, other.text) for one, other in zip(turns[::2], turns[1::2], strict=True)]
    assert sorted(said) == sorted(wanted)
