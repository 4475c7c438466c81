"""Evolution: what an older Hansard recorded stays as it is, and is read as what it means today."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from domain.session import Session, SessionStatus
from infrastructure.database import Connection
from infrastructure.event_log.errors import UnreadableEventError
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.support.event_log import IDS, an_event
from tests.support.event_schemas import SCHEMAS, version_of
from tests.support.event_values import event_classes

EXAMPLES = SCHEMAS.parent / "events"


@pytest.fixture
def log(recorder: PostgresEventRecorder) -> PostgresEventLog:
    return PostgresEventLog(recorder, EventMapper())


def stored(event_type: str, version: int) -> bytes:
    return (EXAMPLES / f"{event_type}.v{version}.json").read_bytes()


def record(
    recorder: PostgresEventRecorder, stream: UUID, number: int, event_type: str, version: int
) -> None:
    event = an_event(stream, number, type=event_type, payload=stored(event_type, version))
    recorder.append([replace(event, schema_version=version)])


def test_a_session_that_was_opened_in_version_1_is_loaded_and_goes_on(
    log: PostgresEventLog, recorder: PostgresEventRecorder
) -> None:
    stream = IDS.new()
    record(recorder, stream, 1, "session.opened", 1)
    record(recorder, stream, 2, "session.completed", 1)

    session = log.load(Session, stream)

    assert session.status is SessionStatus.COMPLETED
    assert session.charter.subject is None
    assert session.charter.request == "Generate a Q4 financial report with charts"


def test_reading_an_old_event_does_not_rewrite_it(
    log: PostgresEventLog, recorder: PostgresEventRecorder, connection: Connection
) -> None:
    record(recorder, IDS.new(), 1, "session.opened", 1)
    list(log.read())

    row = connection.execute("SELECT schema_version, payload FROM hansard.events").fetchone()

    assert row == (1, stored("session.opened", 1))


def test_sql_shows_an_event_in_the_shape_it_was_recorded_in(
    recorder: PostgresEventRecorder, connection: Connection
) -> None:
    record(recorder, IDS.new(), 1, "session.opened", 1)
    record(recorder, IDS.new(), 1, "session.opened", 2)

    rows = connection.execute(
        "SELECT schema_version, payload FROM hansard.event_log ORDER BY position"
    ).fetchall()

    assert rows == [(version, json.loads(stored("session.opened", version))) for version in (1, 2)]


def test_an_event_of_a_newer_hansard_is_not_guessed_at(
    log: PostgresEventLog, recorder: PostgresEventRecorder
) -> None:
    opened: Any = Session.Created
    newer = version_of(opened) + 1
    stream = IDS.new()
    event = an_event(stream, type="session.opened", payload=b'{"charter":{}}')
    recorder.append([replace(event, schema_version=newer)])

    with pytest.raises(UnreadableEventError, match=f"its schema version is {newer}") as caught:
        log.load(Session, stream)

    assert "upgrade Hansard" in str(caught.value)


def test_every_version_of_every_event_is_read_from_the_log(
    log: PostgresEventLog, recorder: PostgresEventRecorder
) -> None:
    told = [
        (str(event_class.TOPIC), version)
        for event_class in event_classes()
        for version in range(1, version_of(event_class) + 1)
    ]
    for event_type, version in told:
        record(recorder, IDS.new(), 1, event_type, version)

    assert [recorded.type for recorded in log.read()] == [event_type for event_type, _ in told]
