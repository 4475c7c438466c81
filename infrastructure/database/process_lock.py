"""Process lock: a lock on a file that the kernel frees when its holder dies, however it dies.

The lock belongs to the open file, not to the process: a child that inherits the open file holds
it too, and one process may hold several.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_S = 0.01


class ProcessLock:
    """An open lock file."""

    def __init__(self, path: Path) -> None:
        import fcntl  # noqa: PLC0415 - not on every platform

        self._fcntl = fcntl
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def share(self) -> None:
        """Hold the lock together with others; waits while somebody holds it alone."""
        self._fcntl.flock(self.descriptor, self._fcntl.LOCK_SH)

    def try_alone(self) -> bool:
        """Hold the lock alone, if nobody else holds it. A share held before may be lost."""
        try:
            self._fcntl.flock(self.descriptor, self._fcntl.LOCK_EX | self._fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let the lock go, unless a child holds it too."""
        os.close(self.descriptor)


def is_held(path: Path) -> bool:
    """Tell whether anybody holds the lock of a file."""
    if not path.exists():
        return False
    lock = ProcessLock(path)
    try:
        return not lock.try_alone()
    finally:
        lock.close()


@contextmanager
def held_alone(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold a lock alone while the context lasts.

    Raises:
        TimeoutError: others hold it for longer than `timeout_s` seconds.
    """
    lock = ProcessLock(path)
    try:
        deadline = time.monotonic() + timeout_s
        while not lock.try_alone():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(POLL_S)
        yield
    finally:
        lock.close()
