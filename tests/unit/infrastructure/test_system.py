"""System: the clock tells UTC, and ids sort by the order they were made in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from infrastructure.system import SystemClock, Uuid7Factory


def test_the_clock_tells_the_time_in_utc() -> None:
    before = datetime.now(tz=UTC)
    now = SystemClock().now()
    assert before <= now <= datetime.now(tz=UTC)
    assert now.utcoffset() == timedelta(0)


def test_ids_are_of_version_7_and_carry_their_time() -> None:
    before = datetime.now(tz=UTC)
    made = Uuid7Factory().new()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    milliseconds = made.int >> 80
    assert 0 <= milliseconds - int(before.timestamp() * 1000) < 60_000


def test_ids_of_one_thread_ascend() -> None:
    ids = Uuid7Factory()
    made = [ids.new() for _ in range(10_000)]
    assert made == sorted(made)


def test_ids_never_repeat_across_threads() -> None:
    ids = Uuid7Factory()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: [ids.new() for _ in range(2000)], range(8)))
    assert len({one for batch in made for one in batch}) == 16_000
