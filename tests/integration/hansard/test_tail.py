"""`tail` of the Python API: what is there, what comes, and bookmarks to go on from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any

import pytest

import hansard
from application.errors import BadRequestError, UnavailableError
from hansard.api import event_tail
from tests.support.processes import eventually
from tests.support.read_side import ReadSide, open_read_side

TURNS = ("conversation.turn_taken",)


@pytest.fixture
def read_side(database_url: str) -> Iterator[ReadSide]:
    with open_read_side(database_url) as read_side:
        yield read_side


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[hansard.AsyncHansard]:
    async with await hansard.open_async(database_url=url) as h:
        yield h


async def take(events: Any, count: int) -> list[str]:
    return [(await anext(events)).text for _ in range(count)]


async def listed(events: Any) -> list[Any]:
    return [event async for event in events]


def test_a_program_reads_and_follows(database_url: str, read_side: ReadSide) -> None:
    told = read_side.open_session("t0")

    async def watch() -> None:
        async with opened(database_url) as h:
            assert [event.text async for event in h.tail(types=TURNS)] == ["USER: t0"]
            async with h.tail(types=TURNS, follow=True) as events:
                assert await take(events, 1) == ["USER: t0"]
                waiting = asyncio.create_task(take(events, 2))
                await asyncio.to_thread(told.say, "NOVA_001", "t1")
                await asyncio.to_thread(told.say, "NOVA_001", "t2")
                assert await waiting == ["NOVA_001: t1", "NOVA_001: t2"]
            assert await listed(events) == []

    asyncio.run(watch())


def test_who_gives_up_waiting_loses_nothing(database_url: str, read_side: ReadSide) -> None:
    told = read_side.open_session("t0")

    async def watch() -> None:
        async with opened(database_url) as h, h.tail(types=TURNS, follow=True) as events:
            assert await take(events, 1) == ["USER: t0"]
            taken: list[str] = []
            for number in range(20):
                waiting = asyncio.create_task(take(events, 1))
                await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait([waiting])
                taken += [] if waiting.cancelled() else waiting.result()
                await asyncio.to_thread(told.say, "NOVA_001", f"t{number}")
            taken += await take(events, 20 - len(taken))
            assert taken == [f"NOVA_001: t{number}" for number in range(20)]

    asyncio.run(watch())


def test_it_can_be_closed_while_it_waits(database_url: str, read_side: ReadSide) -> None:
    read_side.open_session("t0")
    last = read_side.log.last_position()

    async def watch() -> None:
        async with opened(database_url) as h:
            events = h.tail(types=TURNS, follow=True)
            assert events.position is None
            await take(events, 1)
            waiting = asyncio.create_task(listed(events))
            await asyncio.sleep(0)
            await events.aclose()
            assert await waiting == []
            assert events.position == last
            await events.aclose()

    asyncio.run(watch())


def test_an_event_counts_as_taken_when_the_next_is_asked_for(
    database_url: str, read_side: ReadSide
) -> None:
    told = read_side.open_session("t0")
    for number in range(5):
        told.say("NOVA_001", f"t{number}")

    async def watch(count: int) -> list[str]:
        async with (
            opened(database_url) as h,
            h.tail(types=TURNS, since=1, bookmark="mine") as events,
        ):
            return await take(events, count)

    assert asyncio.run(watch(3)) == ["USER: t0", "NOVA_001: t0", "NOVA_001: t1"]
    assert asyncio.run(watch(2)) == ["NOVA_001: t1", "NOVA_001: t2"]
    assert asyncio.run(watch(1)) == ["NOVA_001: t2"]


def test_an_ordinary_program_stops_by_leaving_the_loop(
    database_url: str, read_side: ReadSide
) -> None:
    told = read_side.open_session("t0")
    told.say("NOVA_001", "t1")
    with hansard.open(database_url=database_url) as h:
        followed = h.tail(types=TURNS, follow=True, bookmark="mine")
        assert [event.text for event in islice(followed, 2)] == ["USER: t0", "NOVA_001: t1"]
        del followed
        [again] = h.tail(types=TURNS, bookmark="mine")
        assert again.text == "NOVA_001: t1"
        assert list(h.tail(types=TURNS, bookmark="mine")) == []
        with pytest.raises(BadRequestError, match="-1 is no number of events"):
            next(iter(h.tail(last=-1)))


def test_closing_hansard_ends_what_watches_and_stores_its_bookmark(
    database_url: str, read_side: ReadSide
) -> None:
    read_side.open_session("t0")
    with hansard.open(database_url=database_url) as h:
        idle = h.tail(types=TURNS, follow=True)
        followed = h.tail(types=TURNS, follow=True, bookmark="mine")
        assert next(idle).text == next(followed).text == "USER: t0"
    assert list(followed) == []
    idle.close()  # type: ignore[attr-defined]

    async def watch() -> None:
        async with opened(database_url) as h:
            waiting = asyncio.create_task(listed(h.tail(types=TURNS, follow=True, last=0)))
            await asyncio.to_thread(eventually, lambda: len(h._tails) == 1)
        assert await waiting == []

    asyncio.run(watch())


def test_programs_that_share_a_bookmark_never_move_it_back(
    database_url: str, read_side: ReadSide
) -> None:
    read_side.tell_plain_session()
    with hansard.open(database_url=database_url) as h:
        slow = h.tail(since=1, bookmark="ours")
        next(slow)
        whole = list(h.tail(since=1, bookmark="ours"))
        next(slow)
        slow.close()  # type: ignore[attr-defined]
        assert list(h.tail(bookmark="ours")) == []
    assert [event.position for event in whole] == [*range(1, len(whole) + 1)]


def test_a_bookmark_that_cannot_be_stored_is_tried_again(
    database_url: str, read_side: ReadSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_tail, "STORE_S", 0.01)
    read_side.open_session("t0")
    last = read_side.log.last_position()

    async def watch() -> None:
        async with opened(database_url) as h:
            bookmarks = h._house.bookmarks
            store, failures = bookmarks.store, iter([UnavailableError("No server.")] * 3)

            def failing(name: str, position: int) -> None:
                if position == last:
                    for error in failures:
                        raise error
                store(name, position)

            monkeypatch.setattr(bookmarks, "store", failing)
            async with h.tail(types=TURNS, follow=True, bookmark="mine") as events:
                await take(events, 1)
                waiting = asyncio.create_task(take(events, 1))
                await asyncio.to_thread(eventually, lambda: bookmarks.find("mine") == last)
                assert list(failures) == []
                waiting.cancel()

    asyncio.run(watch())


def test_a_bookmark_that_cannot_be_stored_at_the_end_is_an_error(
    database_url: str, read_side: ReadSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_side.open_session("t0")

    async def watch() -> None:
        async with opened(database_url) as h:
            bookmarks = h._house.bookmarks
            async with h.tail(bookmark="mine") as events:
                await take(events, 1)
                monkeypatch.setattr(bookmarks, "store", refuse)
                async for _ in events:
                    pass

    with pytest.raises(UnavailableError, match=r"No server"):
        asyncio.run(watch())


def refuse(_name: str, _position: int) -> None:
    raise UnavailableError("No server.")
