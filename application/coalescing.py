"""Coalescing: what many tasks ask at once is answered by one blocking call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Asked(NamedTuple, Generic[Q, A]):
    """A question, and who waits for its answer."""

    question: Q
    answer: asyncio.Future[A]


class Coalescer(Generic[Q, A]):
    """Collects the questions of tasks and answers those of a moment together, in one thread.

    What is asked while an answer is worked on waits for the next one, so that under load one call
    serves many. Tasks of several event loops may share it.

    Args:
        work: answers questions in their order; called in a thread, one call at a time. An exception
            in place of an answer is raised to whoever asked, one that it raises to all.
    """

    def __init__(self, work: Callable[[Sequence[Q]], Sequence[A | Exception]], name: str) -> None:
        self._work = work
        self._name = name
        self._lock = Lock()
        self._waiting: list[Asked[Q, A]] = []
        self._busy = False
        self._thread: ThreadPoolExecutor | None = None

    async def ask(self, question: Q) -> A:
        """Ask, and wait for the answer; who is cancelled is answered all the same, unheard."""
        loop = asyncio.get_running_loop()
        asked: Asked[Q, A] = Asked(question, loop.create_future())
        with self._lock:
            self._waiting.append(asked)
            begins, self._busy = not self._busy, True
        if begins:
            loop.call_soon(self._begin)  # with what others ask in this round of the loop
        return await asked.answer

    def close(self) -> None:
        """End the thread after what it works on."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown()

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix=self._name)
            self._thread.submit(self._work_off)

    def _work_off(self) -> None:
        while True:
            with self._lock:
                asked, self._waiting = self._waiting, []
                if not asked:
                    self._busy = False
                    return
            try:
                answers = self._work([each.question for each in asked])
            except Exception as error:  # noqa: BLE001 - whoever asked raises it
                answers = [error] * len(asked)
            _deliver(asked, answers)


def _deliver(asked: Sequence[Asked[Q, A]], answers: Sequence[A | Exception]) -> None:
    """Wake everybody who waits, each event loop once."""
    of_loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[A], A | Exception]]] = {}
    for each, answer in zip(asked, answers, strict=True):
        of_loops.setdefault(each.answer.get_loop(), []).append((each.answer, answer))
    for loop, of_loop in of_loops.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits there any more
            loop.call_soon_threadsafe(_settle, of_loop)


def _settle(answered: Sequence[tuple[asyncio.Future[A], A | Exception]]) -> None:
    for future, answer in answered:
        if future.done():
            continue  # its caller was cancelled
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
