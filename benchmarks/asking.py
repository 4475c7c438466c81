"""Asking: a fresh process that asks for sessions as they are or were, through the Python API.

Run by the benchmark with the database and a folder; it is led by a line of JSON,
`{"warm": SESSION, "asked": [[SESSION, MOMENT or null], ...]}`, and answers with one document.
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
STATUS = Path("/proc/self/status")


class Answers(NamedTuple):
    """What asking took.

    Attributes:
        first_ms: milliseconds of each question, asked for the first time.
        again_ms: the same questions, asked again in the same process.
        turns: how many turns each answer held.
        peak_kb: how much the highest use of memory rose with the first question, in KiB.
    """

    first_ms: list[float]
    again_ms: list[float]
    turns: list[int]
    peak_kb: int


def ask(conninfo: str, home: Path, warm: str, asked: Sequence[tuple[str, str | None]]) -> Answers:
    """Let a fresh process ask.

    Args:
        warm: a short session that is asked for first, so that everything is loaded.
        asked: sessions, each with a moment or None for now.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.asking", conninfo, str(home)],
        input=json.dumps({"warm": warm, "asked": asked}),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        cwd=ROOT,
    )
    return Answers(**json.loads(done.stdout))


def reset_peak_kb() -> int:
    """Forget the highest use of memory so far, where that can be done, and tell where it is."""
    gc.collect()
    if STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5")  # proc(5)
    return peak_kb()


def peak_kb() -> int:
    """Tell the highest use of memory in KiB."""
    if STATUS.exists():
        lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return int(lines["VmHWM"].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (
        1024 if sys.platform == "darwin" else 1
    )


def answer(conninfo: str, home: str, warm: str, asked: list[tuple[str, str | None]]) -> Answers:
    """Ask in this process."""
    import hansard  # noqa: PLC0415 - what it loads is no part of what importing this file costs

    with hansard.open(database_url=conninfo, home=home, model="offline") as h:

        def timed(session: str, moment: str | None) -> tuple[float, int]:
            started = perf_counter()
            view = h.session(session, at=moment)
            return (perf_counter() - started) * 1000, len(view.turns)

        timed(warm, None)
        before = reset_peak_kb()
        first = [timed(*asked[0])]
        peak = peak_kb() - before
        first += [timed(*question) for question in asked[1:]]
        again = [timed(*question) for question in asked]
    return Answers(
        [ms for ms, _ in first], [ms for ms, _ in again], [turns for _, turns in first], peak
    )


def main() -> None:
    """Answer what standard input asks."""
    question = json.loads(sys.stdin.read())
    conninfo, home = sys.argv[1:]
    print(json.dumps(answer(conninfo, home, **question)._asdict()))


if __name__ == "__main__":
    main()
