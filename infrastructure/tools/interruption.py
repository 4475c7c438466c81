"""Interruption: runs synchronous work beside the event loop and really stops it when time is up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from application.errors import EffectError
from infrastructure.tools.failures import timed_out

T = TypeVar("T")
GRACE_S = 2.0
"""How long stopped work may take to end before it is left to its own thread."""
_REPEAT_S = 0.05


class Interruption:
    """Stops whatever a piece of work is waiting for, from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stops: list[Callable[[], object]] = []
        self._triggered = False

    @contextmanager
    def stopping(self, stop: Callable[[], object]) -> Iterator[None]:
        """Call `stop` when the work is interrupted while the context lasts.

        Raises:
            EffectError: the work is interrupted already.
        """
        self.check()
        with self._lock:
            self._stops.append(stop)
        try:
            yield
        finally:
            with self._lock:
                self._stops.remove(stop)

    def check(self) -> None:
        """Leave the work when it was interrupted.

        Raises:
            EffectError: it was.
        """
        if self._triggered:
            raise EffectError(timed_out("The call was stopped.").failure)

    def trigger(self) -> None:
        """Stop the work; may be called again while it has not ended."""
        self._triggered = True
        with self._lock:
            stops = tuple(self._stops)
        for stop in stops:
            stop()


async def run_interruptibly(
    work: Callable[[], T], interruption: Interruption, timeout_s: float
) -> T:
    """Run synchronous work in a thread of its own.

    The thread is a daemon: work that cannot be stopped must not hold up the process's end.

    Raises:
        TimeoutError: the work took longer than `timeout_s`; it was stopped.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    ended = threading.Event()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]  # None only beside an error

    def body() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001  # handed to the waiting coroutine
            error = raised
        ended.set()
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=body, name="hansard-tool", daemon=True).start()
    try:
        return await asyncio.wait_for(asyncio.shield(done), timeout_s)
    except (TimeoutError, asyncio.CancelledError):
        done.cancel()
        await _stop(interruption, ended)
        raise


async def _stop(interruption: Interruption, ended: threading.Event) -> None:
    # Stopping is repeated: a stop that hits between two statements has no effect on the next.
    for _ in range(int(GRACE_S / _REPEAT_S)):
        interruption.trigger()
        if ended.is_set():
            return
        await asyncio.sleep(_REPEAT_S)
