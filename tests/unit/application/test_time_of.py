"""The time that a moment means: that of the clock, of the event, and never of the future."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from application.errors import BadRequestError, NotFoundError
from application.moments import time_of
from tests.support.histories import Ids, SteppingClock, tell_plain_session
from tests.support.in_memory_log import InMemoryEventLog

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def log() -> InMemoryEventLog:
    log = InMemoryEventLog()
    tell_plain_session(log, Ids(), SteppingClock())
    return log


def test_without_a_moment_it_is_now(log: InMemoryEventLog) -> None:
    assert time_of(None, log, NOW) == NOW


def test_a_position_or_an_event_id_means_when_its_event_was_recorded(
    log: InMemoryEventLog,
) -> None:
    event = log.events[4]

    assert time_of(5, log, NOW) == event.recorded_at
    assert time_of("5", log, NOW) == event.recorded_at
    assert time_of(event.envelope.event_id, log, NOW) == event.recorded_at
    assert time_of(str(event.envelope.event_id), log, NOW) == event.recorded_at


def test_a_time_means_itself_also_where_nothing_was_recorded(log: InMemoryEventLog) -> None:
    quiet = log.events[-1].recorded_at + timedelta(hours=3)

    assert time_of(quiet, log, NOW) == quiet
    assert time_of(quiet.isoformat(), log, NOW) == quiet


def test_what_lies_ahead_means_now(log: InMemoryEventLog) -> None:
    assert time_of(NOW + timedelta(days=1), log, NOW) == NOW
    assert time_of(len(log.events) + 1, log, NOW) == NOW


def test_before_the_first_event_it_is_when_that_was_recorded(log: InMemoryEventLog) -> None:
    assert time_of(0, log, NOW) == log.events[0].recorded_at


def test_in_an_empty_log_there_is_no_other_time_than_now() -> None:
    assert time_of(0, InMemoryEventLog(), NOW) == NOW


def test_what_is_no_moment_is_refused(log: InMemoryEventLog) -> None:
    with pytest.raises(BadRequestError, match="no zone"):
        time_of("2026-10-03T12:00:00", log, NOW)
    with pytest.raises(BadRequestError, match="no moment"):
        time_of("yesterday", log, NOW)
    with pytest.raises(NotFoundError):
        time_of("01999999-0000-7000-8000-000000000000", log, NOW)
