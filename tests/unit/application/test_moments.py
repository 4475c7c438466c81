"""Moments: a time, a position or an event id becomes a position, or a clear refusal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.errors import ApplicationError, BadRequestError, NotFoundError
from application.moments import newest_before, resolve
from tests.support.office import staffed_log

LOG = staffed_log()
FIFTH = LOG.events[4]


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
