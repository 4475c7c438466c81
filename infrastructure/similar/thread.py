"""EmbeddingThread: follows the items with their vectors, inside a process or as a worker."""

from __future__ import annotations

import logging
from threading import Condition, Thread
from typing import TYPE_CHECKING

from application.errors import ApplicationError
from infrastructure.embedders.errors import EmbedderUnavailableError

if TYPE_CHECKING:
    from infrastructure.similar.worker import EmbeddingWorker

POLL_S = 0.25
"""Seconds after which it looks for new items by itself."""

STAND_BY_S = 1.0
"""Seconds between two attempts of a stand-by."""

FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 60.0
"""Seconds between two attempts to use what cannot be used; they double from the first."""

logger = logging.getLogger(__name__)


class EmbeddingThread:
    """Brings vectors up to date whenever there may be new items, until it is stopped.

    An embedder or a database that cannot be used is tried again after pauses that grow; whatever
    goes wrong is logged, once until it changes, and disturbs nobody else.
    """

    def __init__(self, worker: EmbeddingWorker) -> None:
        self._worker = worker
        self._changed = Condition()
        self._wakeups = 0
        self._rounds = 0
        self._stopped = False
        self._failed = False
        self._is_working = False
        self._said: str | None = None
        self._thread = Thread(target=self._run, name="hansard-embedding", daemon=True)

    @property
    def has_looked(self) -> bool:
        """Whether it has looked for items once."""
        return self._rounds > 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch at hand, and let others go on."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self._worker.close()

    def wake(self) -> None:
        """Say that there may be new items."""
        with self._changed:
            self._wakeups += 1
            self._changed.notify_all()

    def await_round(self, timeout_s: float) -> None:
        """Wake it, and wait until it has looked at all items that were there, or has failed."""
        with self._changed:
            wanted = self._rounds + 2 if self._is_working else self._rounds + 1
            self._wakeups += 1
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._rounds >= wanted or self._failed or self._stopped, timeout_s
            )

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stopped:
            with self._changed:
                seen, self._is_working = self._wakeups, True
            leads, failure = self._advance()
            with self._changed:
                self._is_working = False
                self._rounds += 1
                self._failed = failure is not None
                self._changed.notify_all()
            if failure is None:
                pause_s = 0.0
                self._wait(POLL_S if leads else STAND_BY_S, seen)
            else:
                pause_s = min(max(2 * pause_s, FIRST_PAUSE_S), MAX_PAUSE_S)
                self._wait(_asked_pause_s(failure) or pause_s, None)

    def _advance(self) -> tuple[bool, Exception | None]:
        try:
            leads = self._worker.advance()
        except ApplicationError as error:
            if str(error) != self._said:
                self._said = str(error)
                logger.warning("Meanings are not embedded now: %s", error)
            return False, error
        except Exception as error:
            logger.exception("meanings are not embedded now")
            return False, error
        self._said = None
        return leads, None

    def _wait(self, timeout_s: float, seen: int | None) -> None:
        """Wait to be stopped, or to be woken after the wake-up of that number."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopped or (seen is not None and self._wakeups != seen), timeout_s
            )


def _asked_pause_s(failure: Exception) -> float | None:
    return failure.retry_after_s if isinstance(failure, EmbedderUnavailableError) else None
