"""A reader in a process of its own, who asks for statistics all the time until it is stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from time import perf_counter
from typing import Any, NamedTuple

from application.errors import ApplicationError
from infrastructure.database import connect
from infrastructure.read_models import ReadModels
from projections.agent_statistics import agent_statistics
from projections.session_list import list_sessions

ROOT = Path(__file__).parents[1]


class Reading(NamedTuple):
    """What a reader went through.

    Attributes:
        failures: answers that failed, or that held less than an earlier one.
        worst_ms: milliseconds of the slowest answer.
    """

    answers: int
    failures: int
    worst_ms: float


class Reader:
    """A reader that reads since it was made."""

    def __init__(self, conninfo: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.reading", conninfo],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def finish(self) -> Reading:
        """Stop it, and tell what it went through."""
        printed, _ = self._process.communicate("")
        return Reading(**json.loads(printed))

    def close(self) -> None:
        """Leave nothing behind."""
        if self._process.poll() is None:
            self._process.communicate("")


@contextmanager
def reader(conninfo: str) -> Iterator[Reader]:
    """Let somebody read while the context lasts."""
    with closing(Reader(conninfo)) as reading:
        yield reading


def read_until(read_models: ReadModels, stopped: Event) -> Reading:
    """Ask the same again and again; no answer may hold less than the one before it."""
    answers = failures = 0
    worst_ms, seen = 0.0, 0
    while not stopped.is_set():
        started = perf_counter()
        try:
            with read_models.reading() as connection:
                number = sum(each.model_calls for each in agent_statistics(connection).items)
                sessions: Any = list_sessions(connection, limit=50)
        except ApplicationError:
            failures += 1
            continue
        failures += number < seen or len(sessions.items) < 50  # noqa: PLR2004 - a full page
        seen = number
        answers += 1
        worst_ms = max(worst_ms, (perf_counter() - started) * 1000)
    return Reading(answers, failures, round(worst_ms, 3))


def _stop_at_end_of_input(stopped: Event) -> None:
    sys.stdin.read()
    stopped.set()


def main() -> None:
    """Read until standard input ends; print a line when it begins, and what came of it."""
    stopped = Event()
    with closing(ReadModels(lambda: connect(sys.argv[1]))) as read_models:
        with read_models.reading() as connection:
            agent_statistics(connection)
        print("reading", flush=True)
        Thread(target=_stop_at_end_of_input, args=(stopped,), daemon=True).start()
        print(json.dumps(read_until(read_models, stopped)._asdict()))


if __name__ == "__main__":
    main()
