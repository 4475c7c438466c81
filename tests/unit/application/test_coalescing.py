"""Coalescing: many ask, one call answers, and everybody gets their own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from threading import Event

import pytest

from application.coalescing import Coalescer

PATIENCE_S = 10.0


class Work:
    """Doubles numbers, refuses negative ones, and remembers what was asked together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_go_on = Event()
        self.may_go_on.set()

    def __call__(self, questions: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(questions))
        assert self.may_go_on.wait(PATIENCE_S)
        if 0 in questions:
            raise ZeroDivisionError
        return [ValueError(f"{each}") if each < 0 else 2 * each for each in questions]


def test_what_tasks_ask_in_one_moment_is_answered_together() -> None:
    work = Work()

    async def ask() -> list[int]:
        with closing(Coalescer(work, "test")) as coalescer:
            return await asyncio.gather(*(coalescer.ask(number) for number in range(1, 6)))

    assert asyncio.run(ask()) == [2, 4, 6, 8, 10]
    assert work.batches == [[1, 2, 3, 4, 5]]


def test_what_is_asked_meanwhile_waits_for_the_next_call() -> None:
    work = Work()
    work.may_go_on.clear()

    async def ask() -> list[int]:
        with closing(Coalescer(work, "test")) as coalescer:
            first = asyncio.ensure_future(coalescer.ask(1))
            while not work.batches:  # noqa: ASYNC110 - it is filled in another thread
                await asyncio.sleep(0)
            others = [asyncio.ensure_future(coalescer.ask(number)) for number in (2, 3)]
            await asyncio.sleep(0)
            work.may_go_on.set()
            return await asyncio.gather(first, *others)

    assert asyncio.run(ask()) == [2, 4, 6]
    assert work.batches == [[1], [2, 3]]


def test_an_error_goes_to_who_asked_and_one_of_the_call_to_all() -> None:
    async def ask(*numbers: int) -> list[int | BaseException]:
        with closing(Coalescer(Work(), "test")) as coalescer:
            asked = (coalescer.ask(number) for number in numbers)
            return await asyncio.gather(*asked, return_exceptions=True)

    one, refused = asyncio.run(ask(1, -1))
    assert one == 2
    assert isinstance(refused, ValueError)
    assert all(isinstance(each, ZeroDivisionError) for each in asyncio.run(ask(1, 0)))


def test_who_is_cancelled_does_not_hinder_the_others() -> None:
    work = Work()

    async def ask() -> int:
        with closing(Coalescer(work, "test")) as coalescer:
            given_up = asyncio.ensure_future(coalescer.ask(1))
            other = asyncio.ensure_future(coalescer.ask(2))
            await asyncio.sleep(0)
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            return await other

    assert asyncio.run(ask()) == 4


def test_several_event_loops_may_share_it() -> None:
    with closing(Coalescer(Work(), "test")) as coalescer:
        assert [asyncio.run(coalescer.ask(number)) for number in (1, 2)] == [2, 4]
