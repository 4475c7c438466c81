"""Crew: a process that has loaded everything and forks writers and readers when it is told to.

Run as a program, this file reads one JSON order a line and answers with one JSON line each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.processes import PATIENCE_S, ROOT


class Crew:
    """The parent's side of it.

    Args:
        folder: gets the journals and what the processes have to say about errors.
    """

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._count = 0

    @property
    def journals(self) -> list[Path]:
        """The journals of all processes so far."""
        return sorted(self._folder.glob("*.journal"))

    @property
    def errors(self) -> str:
        """What went wrong in a process, as tracebacks; empty when nothing did."""
        return (self._folder / "errors").read_text()

    def send_writer(self, kind: str, url: str, seconds: float) -> int:
        """Fork a writer; see `writers.WRITERS`.

        Returns:
            Its process id.
        """
        return self._fork({"kind": kind, "url": url, "seconds": seconds})

    def send_reader(self, url: str) -> int:
        """Fork a reader, who reads until `stop_readers`."""
        return self._fork({"kind": "reader", "url": url, "stop": str(self._stop)})

    def wait_for_writers(self) -> None:
        """Wait until all writers have ended.

        Raises:
            AssertionError: one of them failed.
        """
        codes = self._ask({"wait": "writers"})
        assert not any(codes), self.errors

    def stop_readers(self, position: int) -> None:
        """Let the readers end when they have come to a position."""
        note = self._stop.with_suffix(".new")
        note.write_text(str(position))
        note.rename(self._stop)

    def wait(self) -> list[int]:
        """Wait until all have ended; gives their exit codes, -9 for a killed one."""
        codes: list[int] = self._ask({"wait": "all"})
        return codes

    @property
    def _stop(self) -> Path:
        return self._folder / "stop"

    def _fork(self, order: dict[str, Any]) -> int:
        self._count += 1
        journal = self._folder / f"{self._count:03}.journal"
        pid: int = self._ask(order | {"seed": self._count, "journal": str(journal)})
        return pid

    def _ask(self, order: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, self.errors
        return json.loads(answer)


@contextmanager
def hired_crew(folder: Path) -> Iterator[Crew]:
    """Have a crew while the context lasts; none of its processes outlives it."""
    folder.mkdir()
    with (
        (folder / "errors").open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-W", "error", "-m", __spec__.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
        ) as process,
    ):
        try:
            yield Crew(process, folder)
        finally:
            assert process.stdin is not None
            process.stdin.close()  # it kills whoever is left and ends
            process.wait(PATIENCE_S)


def _serve() -> None:
    import tests.support.stress.writers  # noqa: F401, PLC0415 - loaded once, for all forks

    running: dict[int, str] = {}
    try:
        for line in sys.stdin:
            order = json.loads(line)
            answer: Any
            if "wait" in order:
                readers_too = order["wait"] == "all"
                ending = [pid for pid, kind in running.items() if readers_too or kind != "reader"]
                answer = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in ending]
                for pid in ending:
                    del running[pid]
            else:
                answer = os.fork()
                if answer == 0:
                    _work(order)
                running[answer] = order["kind"]
            print(json.dumps(answer), flush=True)  # noqa: T201 - the answer
    finally:
        for pid in running:
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def _work(order: dict[str, Any]) -> None:
    """Carry an order out in the child, which never comes back."""
    code = 1
    try:
        os.close(0)
        _perform(order)
        code = 0
    except BaseException:  # noqa: BLE001 - the exit code and the traceback tell
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _perform(order: dict[str, Any]) -> None:
    from tests.support.stress.journal import Journal  # noqa: PLC0415 - loaded already
    from tests.support.stress.writers import WRITERS, read_along  # noqa: PLC0415 - loaded already

    url, seed, journal = order["url"], order["seed"], Journal(Path(order["journal"]))
    if order["kind"] == "reader":
        stop = Path(order["stop"])
        read_along(url, seed, lambda: int(stop.read_text()) if stop.exists() else None, journal)
    else:
        WRITERS[order["kind"]](url, seed, time.monotonic() + order["seconds"], journal)


if __name__ == "__main__":
    _serve()
