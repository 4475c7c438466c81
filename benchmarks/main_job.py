"""The main job, timed: events, wall time, time per event, and the start of the command.

Run with `python -m benchmarks.main_job [--quick] [--json]`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import hansard
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


def measure(*, quick: bool) -> dict[str, dict[str, Any]]:
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
        "events of one job": _row(job["events"]),
        "first job in a process (s)": _row(job["first"], target=15.0),
        "job, median (s)": _row(job["median"]),
        "time per event (ms)": _row(per_event * 1000),
        "view of the session (ms)": _row(job["view"] * 1000),
        "--help over python -c pass (ms)": _row(help_ms, peer=python * 1000, target=HELP_LIMIT_MS),
    }


def _row(ours: float, *, peer: float | None = None, target: float | None = None) -> dict[str, Any]:
    return {
        "ours": round(ours, 3),
        "peer": None if peer is None else round(peer, 3),
        "ratio": None if peer is None else round(ours / peer, 3),
        "target": target,
        "met": None if target is None else ours <= target,
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    figures = measure(quick=options.quick)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    for name, row in figures.items():
        limit = "" if row["target"] is None else f"  (limit {row['target']:g}, met: {row['met']})"
        print(f"{name:<34} {row['ours']:>10.3f}{limit}")


if __name__ == "__main__":
    main()
