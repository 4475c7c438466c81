"""The main job, timed: events, wall time, time per event, and the start of the command.

Run with `python -m benchmarks.main_job [--quick] [--json]`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import hansard
from benchmarks.figures import Figures, figure, main
from domain.event import RecordedEvent

REQUEST = "Generate a Q4 financial report with charts"
LEDGER = Path(__file__).parents[1] / "examples" / "q4" / "ledger.csv"
HELP_LIMIT_MS = 150.0


def run_jobs(folder: Path, runs: int) -> dict[str, float]:
    """Run the job in one process, several times, and take the median of all but the first.

    Returns:
        Seconds and counts by name; `first` includes what is loaded once.
    """
    seconds, events = [], 0
    with hansard.open(home=folder / "home", model="offline") as h:
        for number in range(runs + 1):
            seen: list[RecordedEvent] = []
            started = perf_counter()
            view = h.run(REQUEST, [LEDGER], output=folder / str(number), on_event=seen.append)
            seconds.append(perf_counter() - started)
            if view.status.value != "completed":
                raise SystemExit(f"the job ended {view.status.value}: {view.answer}")
            events = len(seen)
        started = perf_counter()
        h.session(view.session_id)
        viewed = perf_counter() - started
    return {
        "events": float(events),
        "first": seconds[0],
        "median": statistics.median(seconds[1:]),
        "view": viewed,
    }


def time_command(arguments: list[str], runs: int, environment: dict[str, str]) -> float:
    """Time a command as a whole process; the median in seconds."""

    def once() -> float:
        started = perf_counter()
        subprocess.run(arguments, check=True, capture_output=True, env=environment)
        return perf_counter() - started

    once()
    return statistics.median(once() for _ in range(runs))


def measure(quick: bool) -> Figures:  # noqa: FBT001 - called by benchmarks.figures
    """Measure everything; each figure stands beside its target or its baseline."""
    runs = 5 if quick else 20
    environment = {
        key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"
    }
    with tempfile.TemporaryDirectory(prefix="hansard-bench-") as name:
        folder = Path(name)
        job = run_jobs(folder, runs)
        python = time_command([sys.executable, "-c", "pass"], runs, environment)
        helped = time_command([sys.executable, "-m", "hansard", "--help"], runs, environment)
    per_event = job["median"] / job["events"]
    help_ms = (helped - python) * 1000
    return {
        "events of one job": figure(job["events"]),
        "first job in a process (s)": figure(job["first"], at_most=15),
        "job, median (s)": figure(job["median"]),
        "time per event (ms)": figure(per_event * 1000),
        "view of the session (ms)": figure(job["view"] * 1000),
        "--help over python -c pass (ms)": figure(help_ms, at_most=HELP_LIMIT_MS),
    }


if __name__ == "__main__":
    main(measure, __doc__)
