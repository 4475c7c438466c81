"""ProjectionThread: follows the log for the read models, inside a process or as a worker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import TYPE_CHECKING

from application.errors import UnavailableError
from infrastructure.event_log.wakeup import POLL_S, Wakeup

if TYPE_CHECKING:
    from infrastructure.projecting.runner import ProjectionRunner

STAND_BY_S = 0.5
"""Seconds between two attempts of a stand-by to lead."""

MAX_PAUSE_S = 5.0
"""Seconds between two attempts to use a database that cannot be used."""

GRACE_S = 2.0
"""Seconds that the batch at hand is waited for before the database is asked to break it off."""

CANCEL_S = 1.0

logger = logging.getLogger(__name__)

TellLed = Callable[[frozenset[str]], None]
"""Is told the names of the read models that this process leads, whenever they change."""


class ProjectionThread:
    """Brings the read models up to date whenever something was appended, until it is stopped.

    A database that cannot be used is waited for; whatever else goes wrong is logged, and tried
    again like that.

    Args:
        on_led: called in the thread.
    """

    def __init__(
        self, runner: ProjectionRunner, wakeup: Wakeup, on_led: TellLed | None = None
    ) -> None:
        self._runner = runner
        self._wakeup = wakeup
        self._on_led = on_led
        self._stopped = Event()
        self._led: frozenset[str] | None = None
        self._said: str | None = None
        self._thread = Thread(target=self._run, name="hansard-projections", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._wakeup.listen()
        self._thread.start()

    def stop(self) -> None:
        """End after the batch at hand, and let others lead.

        A database that does not answer is not waited for: what the server still holds of this
        process it frees when the process ends.
        """
        self._stopped.set()
        self._wakeup.wake()
        if self._thread.ident is not None:
            self._thread.join(GRACE_S)
            if self._thread.is_alive():
                self._runner.cancel(CANCEL_S)
                self._thread.join(GRACE_S)
        if not self._thread.is_alive():
            self._runner.close()

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stopped.is_set():
            seen = self._wakeup.count
            try:
                led = self._runner.follow(self._stopped)
            except Exception as error:  # noqa: BLE001 - it is logged
                self._complain(error)
                pause_s = min(2 * pause_s or POLL_S, MAX_PAUSE_S)
                self._say_led(frozenset())
                self._stopped.wait(pause_s)
                continue
            if self._said is not None:
                logger.info("Read models are brought up to date again.")
            pause_s, self._said = 0.0, None
            self._say_led(led)
            if led:
                self._wakeup.wait(seen)
            else:
                self._stopped.wait(STAND_BY_S)

    def _complain(self, error: Exception) -> None:
        """Log an error once, until it changes."""
        said, self._said = self._said, str(error)
        if self._stopped.is_set() or said == self._said:
            return
        if isinstance(error, UnavailableError):
            logger.warning("Read models cannot be brought up to date now: %s", error)
        else:
            logger.error("Read models cannot be brought up to date now.", exc_info=error)

    def _say_led(self, led: frozenset[str]) -> None:
        if led != self._led and self._on_led is not None:
            self._on_led(led)
        self._led = led
