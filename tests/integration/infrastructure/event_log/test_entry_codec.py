"""Entry codec: what is appended is what is read, byte for byte, or it is refused in plain words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application.errors import BadRequestError
from domain.event import Envelope
from infrastructure.database import Connection
from infrastructure.event_log.entry_codec import MAX_INDEXED_BYTES, MAX_TEXT_BYTES
from infrastructure.event_log.errors import UnrecordableEventError
from infrastructure.event_log.logged_event import LoggedEvent
from infrastructure.event_log.mapper import EnvelopedEvent
from infrastructure.event_log.recorder import PostgresEventRecorder
from tests.support.event_log import IDS, OCCURRED, an_event

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
TICK = timedelta(microseconds=1)

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
zones = st.sampled_from(
    [UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/St_Johns"), timezone(timedelta(hours=14))]
)
moments = st.one_of(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=zones),  # noqa: DTZ001 - they get a zone
    st.sampled_from([FIRST, FIRST + TICK, LAST - TICK, LAST, datetime(2000, 1, 1, tzinfo=UTC)]),
)
envelopes = st.builds(
    Envelope,
    event_id=st.uuids(),
    actor=texts,
    correlation_id=st.uuids(),
    causation_id=st.none() | st.uuids(),
    session_id=st.none() | st.uuids(),
    tenant=texts,
    traceparent=st.none() | texts,
    subject=st.none() | texts,
)
events = st.builds(
    EnvelopedEvent,
    originator_id=st.uuids(),
    originator_version=st.integers(0, 1),
    topic=texts | st.just("t" * MAX_INDEXED_BYTES) | st.sampled_from("a日\U0001f4c8"),
    state=st.binary(max_size=300),
    envelope=envelopes,
    occurred_at=st.none() | moments,
    schema_version=st.integers(0, 2**15 - 1),
)
appends = st.lists(
    events, min_size=1, max_size=5, unique_by=(lambda e: e.originator_id, lambda e: e.envelope)
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(appends)
def test_what_is_appended_is_what_is_read(
    recorder: PostgresEventRecorder, given: list[EnvelopedEvent]
) -> None:
    given = [replace(e, envelope=replace(e.enveloped, event_id=IDS.new())) for e in given]
    given = [replace(event, originator_id=IDS.new()) for event in given]
    before = recorder.max_notification_id() or 0

    logged = recorder.append(given)

    read = list(recorder.select_log(after=before))
    assert read == logged
    for event, row in zip(given, read, strict=True):
        assert row == LoggedEvent.of(event, row.position, row.recorded_at)
        assert row.state == event.state
        assert row.occurred_at is not None
        assert row.occurred_at.utcoffset() == timedelta(0)
        assert row.occurred_at == (event.occurred_at or row.recorded_at).astimezone(UTC)
    assert recorder.append(given) == logged


@pytest.mark.parametrize(
    "moment", [FIRST, FIRST + TICK, LAST - TICK, LAST, datetime(1900, 2, 28, tzinfo=UTC)]
)
def test_moments_keep_every_microsecond_from_the_first_to_the_last(
    recorder: PostgresEventRecorder, moment: datetime
) -> None:
    recorder.append([replace(an_event(), occurred_at=moment)])
    [read] = recorder.select_log()
    assert read.occurred_at == moment


@pytest.mark.parametrize("fold", [0, 1])
def test_a_moment_in_the_hour_that_a_zone_has_twice_is_recognised_when_it_is_repeated(
    recorder: PostgresEventRecorder, fold: int
) -> None:
    moment = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)
    event = replace(an_event(), occurred_at=moment)
    [logged] = recorder.append([event])
    assert logged.occurred_at == datetime(2026, 10, 25, fold, 30, tzinfo=UTC)
    assert list(recorder.select_log()) == recorder.append([event]) == [logged]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda e: replace(e, originator_version=-1), "its version -1 is not from 0 to 2147483647"),
        (lambda e: replace(e, originator_version=-(2**31)), "its version -2147483648 is not"),
        (lambda e: replace(e, originator_version=2**31), "its version 2147483648 is not"),
        (lambda e: replace(e, originator_version=2**70), "is not from 0 to 2147483647"),
        (lambda e: replace(e, schema_version=2**15), "its schema version 32768 is not from 0 to"),
        (lambda e: replace(e, schema_version=-1), "its schema version -1 is not from 0 to"),
        (lambda e: replace(e, topic="a\0b"), r"its type 'a\x00b' has the character U+0000"),
        (lambda e: replace(e, topic="é" * 501), "is longer than 1,000 bytes"),
        (lambda e: with_envelope(e, actor="\ud800"), "its actor '\\ud800' has the character U+D8"),
        (lambda e: with_envelope(e, tenant="\0"), "its tenant '\\x00' has the character U+0000"),
        (lambda e: with_envelope(e, traceparent="00-\0"), "its traceparent '00-\\x00' has the"),
        (lambda e: with_envelope(e, subject="\udfff"), "its subject '\\udfff' has the character"),
        (lambda e: with_envelope(e, tenant="a" * 10_001), "longer than 10,000 bytes"),
        (lambda e: with_envelope(e, subject="a" * 1001), "longer than 1,000 bytes"),
        (
            lambda e: replace(e, occurred_at=FIRST.replace(tzinfo=timezone(timedelta(hours=1)))),
            "it occurred at '0001-01-01 00:00:00+01:00', no moment with a time zone in the years",
        ),
        (
            lambda e: replace(e, occurred_at=LAST.replace(tzinfo=timezone(-timedelta(hours=1)))),
            "it occurred at '9999-12-31 23:59:59.999999-01:00', no moment with a time zone",
        ),
        (
            lambda e: replace(e, occurred_at=datetime(2026, 1, 1)),  # noqa: DTZ001 - that is the point
            "it occurred at '2026-01-01 00:00:00', no moment with a time zone",
        ),
    ],
)
def test_what_the_log_cannot_hold_is_refused_in_plain_words(
    recorder: PostgresEventRecorder,
    change: Callable[[EnvelopedEvent], EnvelopedEvent],
    reason: str,
) -> None:
    with pytest.raises(UnrecordableEventError) as refusal:
        recorder.append([an_event(), change(an_event())])
    assert reason in str(refusal.value)
    assert isinstance(refusal.value, BadRequestError)
    assert recorder.max_notification_id() is None


def with_envelope(event: EnvelopedEvent, **changes: Any) -> EnvelopedEvent:
    """Change the envelope of an event."""
    return replace(event, envelope=replace(event.enveloped, **changes))


def test_the_longest_texts_that_are_taken_can_be_indexed_and_read(
    recorder: PostgresEventRecorder,
) -> None:
    incompressible = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(MAX_TEXT_BYTES // 3))
    kind = incompressible[: MAX_INDEXED_BYTES // 3]
    event = an_event(type=kind, actor=incompressible, subject=kind)
    [logged] = recorder.append([event])
    assert list(recorder.select_log(types=[kind])) == [logged]


@pytest.mark.parametrize(
    "moment", ["infinity", "-infinity", "0044-03-15 BC", "10000-01-01 00:00+00"]
)
def test_a_moment_that_no_reader_could_read_is_refused_by_the_database_too(
    recorder: PostgresEventRecorder, connection: Connection, moment: str
) -> None:
    [logged] = recorder.append([replace(an_event(), occurred_at=OCCURRED)])
    with pytest.raises(psycopg.errors.CheckViolation, match="occurred_at"):
        connection.execute(
            "SELECT hansard.append(ARRAY[(gen_random_uuid(), 1, gen_random_uuid(), 't', 1, 'd',"
            " NULL, 'a', gen_random_uuid(), NULL, NULL, NULL, %s, '')::hansard.entry], '{1}')",
            (moment,),
        )
    assert list(recorder.select_log()) == [logged]
