"""Moments: a time, a position or an event id becomes a position, or a clear refusal."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from application.errors import ApplicationError, BadRequestError, NotFoundError
from application.moments import EARLIEST, LATEST, in_utc, newest_before, resolve, time_of
from tests.support.in_memory_log import InMemoryEventLog
from tests.support.office import staffed_log

LOG = staffed_log()
TIME_PAGE = Path(__file__).parents[3] / "docs" / "time.md"
FIFTH = LOG.events[4]
LOCAL = LOG.events[0].recorded_at.replace(tzinfo=None, microsecond=0)


@pytest.mark.parametrize("moment", [5, "5", " 5 ", "005", "\u0665"])
def test_a_position_stands_for_itself(moment: Any) -> None:
    assert resolve(moment, LOG) == 5


def test_a_position_may_lie_before_the_first_or_after_the_last_event() -> None:
    assert resolve(0, LOG) == 0
    assert resolve("999999", LOG) == 999_999


@pytest.mark.parametrize(
    "moment",
    [
        FIFTH.envelope.event_id,
        str(FIFTH.envelope.event_id),
        str(FIFTH.envelope.event_id).upper(),
        FIFTH.envelope.event_id.hex,
        f"urn:uuid:{FIFTH.envelope.event_id}",
    ],
)
def test_an_event_id_stands_for_where_the_event_is(moment: Any) -> None:
    assert resolve(moment, LOG) == 5


def test_an_event_id_may_be_made_of_decimal_digits_alone() -> None:
    digits = "01999999000070008000000000000001"

    with pytest.raises(NotFoundError, match="No event '01999999-0000-7000-8000-000000000001'"):
        resolve(digits, LOG)


@pytest.mark.parametrize(
    "moment",
    [
        FIFTH.recorded_at,
        FIFTH.recorded_at.isoformat(),
        FIFTH.recorded_at.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat(),
        (FIFTH.recorded_at + timedelta(microseconds=999)).isoformat(sep=" "),
        "2026-01-01T00:00:00.005Z",
        "20260101T000000.005+0000",
    ],
)
def test_a_time_stands_for_the_newest_event_recorded_until_then(moment: Any) -> None:
    assert resolve(moment, LOG) == 5


def test_a_time_before_the_first_event_is_position_zero() -> None:
    assert resolve("1999-12-31T23:59:59Z", LOG) == 0


@pytest.mark.parametrize(
    "moment",
    ["2026-10-03T12:00:00", "2026-10-03", datetime(2026, 10, 3, tzinfo=UTC).replace(tzinfo=None)],
)
def test_a_time_without_a_zone_is_refused_with_an_example(moment: Any) -> None:
    with pytest.raises(
        BadRequestError, match=r"has no zone; add one, for example 2026-10-03T.*\+00"
    ):
        resolve(moment, LOG)


def test_an_unknown_event_id_is_not_found() -> None:
    with pytest.raises(NotFoundError) as caught:
        resolve(UUID(int=12345), LOG)

    assert caught.value.kind == "event"


@pytest.mark.parametrize("moment", [-1, -999])
def test_a_negative_position_is_refused(moment: int) -> None:
    with pytest.raises(BadRequestError, match=f"{moment} is no position; positions start at 1"):
        resolve(moment, LOG)


@pytest.mark.parametrize("moment", ["", " ", "yesterday", "-5", "1.5", "12:00Z", "9" * 5000, "²"])
def test_anything_else_is_refused_with_the_known_forms(moment: str) -> None:
    with pytest.raises(BadRequestError, match=r"is no moment; give an ISO 8601 time with zone"):
        resolve(moment, LOG)


@settings(deadline=None)
@given(st.text())
def test_no_text_leads_to_anything_but_a_position_or_a_known_error(text: str) -> None:
    try:
        position = resolve(text, LOG)
    except ApplicationError:
        return
    assert position >= 0


def test_the_newest_event_before_a_moment_is_the_one_that_comes_before_it() -> None:
    tick = timedelta(microseconds=1)

    assert newest_before(5, LOG) == 4
    assert newest_before(0, LOG) == 0
    assert newest_before(str(FIFTH.envelope.event_id), LOG) == 4
    assert newest_before(FIFTH.recorded_at.isoformat(), LOG) == 4
    assert newest_before(FIFTH.recorded_at + tick, LOG) == 5
    assert newest_before("0001-01-01T00:00:00Z", LOG) == 0
    with pytest.raises(BadRequestError, match="has no zone"):
        newest_before("2026-01-01T00:00:00", LOG)


OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
TIMES = st.datetimes(timezones=OFFSETS) | st.datetimes(
    LOCAL, LOCAL + timedelta(seconds=1), timezones=OFFSETS
)


@settings(deadline=None)
@given(TIMES)
@example(datetime.min.replace(tzinfo=timezone(timedelta(hours=14))))
@example(datetime.min.replace(tzinfo=timezone(timedelta(hours=-14))))
@example(datetime.max.replace(tzinfo=timezone(timedelta(hours=14))))
@example(datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))))
def test_any_time_with_a_zone_stands_where_its_instant_stands(moment: datetime) -> None:
    until = sum(recorded.recorded_at <= moment for recorded in LOG.events)
    before = sum(recorded.recorded_at < moment for recorded in LOG.events)

    for said in (moment, moment.isoformat()):
        assert resolve(said, LOG) == until
        assert newest_before(said, LOG) == before
        assert time_of(said, LOG, LATEST) == in_utc(moment)


@settings(deadline=None)
@given(
    st.datetimes(LOCAL, LOCAL + timedelta(seconds=1), timezones=st.just(UTC)),
    OFFSETS,
    OFFSETS,
)
def test_the_same_instant_in_two_zones_is_the_same_position(
    instant: datetime, here: timezone, there: timezone
) -> None:
    one, other = instant.astimezone(here).isoformat(), instant.astimezone(there).isoformat()

    assert resolve(one, LOG) == resolve(other, LOG) == resolve(instant, LOG)


@given(TIMES)
def test_time_in_utc_is_the_same_instant_or_the_nearest_there_is(moment: datetime) -> None:
    said = in_utc(moment)

    assert said.tzinfo is UTC
    assert said == moment or (
        said == EARLIEST > moment if moment.year == 1 else said == LATEST < moment
    )


def test_the_hour_that_comes_twice_is_told_apart_by_its_offset() -> None:
    log = InMemoryEventLog()
    for utc in ("2026-10-25T00:30:00", "2026-10-25T01:30:00"):
        log.events.append(replace(FIFTH, recorded_at=datetime.fromisoformat(f"{utc}+00:00")))

    assert resolve("2026-10-25T02:30:00+02:00", log) == 1  # summer time in Berlin
    assert resolve("2026-10-25T02:30:00+01:00", log) == 2  # an hour later, winter time
    berlin = ZoneInfo("Europe/Berlin")
    assert resolve(datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=0), log) == 1
    assert resolve(datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=1), log) == 2
    assert newest_before(datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=1), log) == 1


def test_an_hour_that_a_zone_leaves_out_is_an_instant_all_the_same() -> None:
    log = InMemoryEventLog()
    for utc in ("2026-03-29T00:30:00", "2026-03-29T01:30:00"):
        log.events.append(replace(FIFTH, recorded_at=datetime.fromisoformat(f"{utc}+00:00")))

    assert resolve("2026-03-29T02:30:00+02:00", log) == 1
    assert resolve("2026-03-29T02:30:00+01:00", log) == 2
    berlin = ZoneInfo("Europe/Berlin")  # reads it by the offset that was in force before
    assert resolve(datetime(2026, 3, 29, 2, 30, tzinfo=berlin), log) == 2


@pytest.mark.parametrize(
    "moment",
    [
        "2016-12-31T23:59:60Z",
        "2016-12-31 23:59:60+00:00",
        "20161231T235960Z",
        "2016-12-31T23:59:60.5Z",
    ],
)
def test_a_leap_second_is_refused_with_what_to_say_instead(moment: str) -> None:
    with pytest.raises(BadRequestError, match=r"leap second.*give the second before it"):
        resolve(moment, LOG)


@pytest.mark.parametrize(
    ("moment", "example"),
    [
        ("2026-10-03", "2026-10-03T00:00:00+00:00"),
        ("2026-W40-6", "2026-10-03T00:00:00+00:00"),
        ("2026-W40", "2026-09-28T00:00:00+00:00"),
        ("2026-10-03T12", "2026-10-03T12:00:00+00:00"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_dates_and_local_times_are_refused_as_they_were_said(moment: str, example: str) -> None:
    for ask in (resolve, newest_before):
        with pytest.raises(BadRequestError) as refusal:
            ask(moment, LOG)
        assert str(refusal.value) == (
            f"The time {moment!r} has no zone; add one, for example {example}."
        )


def test_a_zone_that_does_not_say_its_offset_is_none() -> None:
    class Nowhere(tzinfo):
        def utcoffset(self, _: datetime | None) -> None:
            return None

        dst = utcoffset

        def tzname(self, _: datetime | None) -> str:
            return "nowhere"

    with pytest.raises(BadRequestError, match="has no zone"):
        resolve(datetime(2026, 10, 3, tzinfo=Nowhere()), LOG)


@pytest.mark.parametrize(
    ("moment", "position"),
    [
        ("2026-W01-4T00:00:00.005Z", 5),
        ("2026-01-01T00:00:00,005Z", 5),
        ("2026-01-01T00:00:00.004999999Z", 4),
        ("2026-01-01T00:00:00.0059999999Z", 5),
        ("2025-12-31T10:00:00.005-14:00", 5),
        ("2026-01-01T00:00:10.005+00:00:10", 5),
        ("0001-01-01T00:00:00+14:00", 0),
        ("9999-12-31T23:59:59-12:00", len(LOG.events)),
    ],
)
def test_unusual_ways_to_say_a_time(moment: str, position: int) -> None:
    assert resolve(moment, LOG) == position


def test_digits_alone_are_a_position_even_where_they_look_like_a_date() -> None:
    assert resolve("20261003", LOG) == 20_261_003


def documented(heading: str, until: str) -> list[str]:
    """Read the first column of a table in the documentation."""
    page = TIME_PAGE.read_text(encoding="utf-8")
    part = page[page.index(heading) : page.index(until)]
    return re.findall(r"^\| `([^`]+)` \|", part, flags=re.MULTILINE)


def test_what_the_documentation_calls_a_moment_is_one() -> None:
    said = documented("## How to say a moment", "These are refused")
    log = InMemoryEventLog()
    for event_id in (UUID(int=1), UUID(said[1])):
        envelope = replace(FIFTH.envelope, event_id=event_id)
        recorded_at = datetime(2026, 10, 3, 12, event_id.int % 2, tzinfo=UTC)
        position = len(log.events) + 1
        log.events.append(
            replace(FIFTH, position=position, recorded_at=recorded_at, envelope=envelope)
        )

    assert len(said) == 7
    assert [resolve(moment, log) for moment in said[:2]] == [1234, 2]
    noon = datetime(2026, 10, 3, 12, tzinfo=UTC)
    times = [time_of(moment, log, LATEST) for moment in said[2:]]
    assert times == [noon, noon, noon, noon + timedelta(seconds=0.5), noon]


def test_what_the_documentation_calls_no_moment_is_refused() -> None:
    said = documented("These are refused", "In Python a moment")

    assert len(said) == 7
    for moment in said:
        with pytest.raises(BadRequestError):
            resolve(moment, LOG)
