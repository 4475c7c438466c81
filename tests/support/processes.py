"""Real processes that run a piece of Python and are led through it step by step."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


class GuidedProcess:
    """A process whose code prints lines when it has got somewhere, and reads a line to go on."""

    def __init__(self, code: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    @property
    def pid(self) -> int:
        """Its number in the system."""
        return self._process.pid

    def heard(self) -> str:
        """Wait for the next line it prints; empty when it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def go_on(self) -> None:
        """Let it go on."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """Kill it as the system would: it cannot clean up."""
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def finish(self) -> int:
        """Let it go on to its end and give its exit code."""
        self._process.communicate("\n", timeout=PATIENCE_S)
        return self._process.returncode

    def end(self) -> None:
        """Leave nothing behind."""
        self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


@contextmanager
def guided(code: str, *arguments: str) -> Iterator[GuidedProcess]:
    """Run a process while the context lasts."""
    process = GuidedProcess(code, *arguments)
    try:
        yield process
    finally:
        process.end()


def eventually(condition: Callable[[], bool]) -> None:
    """Ask again and again until something holds.

    Raises:
        AssertionError: it does not within a minute.
    """
    deadline = monotonic() + PATIENCE_S
    while not condition():
        assert monotonic() < deadline, "it never came true"
