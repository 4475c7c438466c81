"""Ids of checkpoints hold their time, which the peer of the time machine is asked by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers.langgraph_saver import id_at

MOMENTS = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)


def test_an_id_is_that_of_the_standard_s_example() -> None:
    # RFC 9562, appendix A.5
    moment = datetime(2022, 2, 22, 14, 22, 22, tzinfo=timezone(-timedelta(hours=5)))
    assert id_at(moment).startswith("1ec9414c-232a-6b00-")


@given(MOMENTS, MOMENTS)
def test_ids_stand_in_the_order_of_their_moments(one: datetime, other: datetime) -> None:
    assert (id_at(one) < id_at(other)) == (one < other)
