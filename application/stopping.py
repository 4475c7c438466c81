"""Stopping: end the running of a session when somebody asks its process to."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self
from uuid import UUID

from application.errors import SessionStoppedError

STOP_TIMEOUT_S = 30.0
"""Seconds that a process is given to stop: tools that run in threads end within a few."""


class StopRequest:
    """A context whose task is cancelled when a stop is requested, which then ends in a clear error.

    It is made in the task that is to be stopped, and entered once, in the manner of
    `asyncio.timeout`: a cancellation that comes from elsewhere passes through unchanged.
    """

    def __init__(self, session_id: UUID) -> None:
        task = asyncio.current_task()
        assert task is not None, "sessions are run by tasks"  # noqa: S101 - for the type
        self._session_id = session_id
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._by: str | None = None
        self._active = False
        self._cancelling = 0

    def request(self, by: str) -> None:
        """Ask for a stop; may be called from any thread, and more than once.

        Args:
            by: who asks.
        """
        with suppress(RuntimeError):  # the loop is closed, so that nothing runs any more
            self._loop.call_soon_threadsafe(self._stop, by)

    def __enter__(self) -> Self:
        self._cancelling = self._task.cancelling()
        self._active = True
        if self._by is not None:
            self._task.cancel()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the context.

        Raises:
            SessionStoppedError: it ends because a stop was requested.
        """
        self._active = False
        if self._by is None:
            return
        ours = self._task.uncancel() <= self._cancelling
        if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise SessionStoppedError(self._session_id, self._by) from error

    def _stop(self, by: str) -> None:
        if self._by is None:
            self._by = by
            if self._active:
                self._task.cancel()
