"""Stress: 24 writers and three readers, while connections and the server are killed.

Run with `python -m benchmarks.stress [--quick] [--json] [--seconds N]`. It ends with an error when
anything was missed, repeated, left out, reordered or torn.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Figures, figure
from tests.support.stress.chaos import crashing_server
from tests.support.stress.run import Outcome, Strain, endure

SECONDS, QUICK_SECONDS = 120.0, 20.0
CRASH_EVERY_S = 10.0


def measure(seconds: float) -> Outcome:
    """Put a log of a server of its own, which waits for the disk, under the strain."""
    crashes = tuple(n * CRASH_EVERY_S for n in range(1, int(seconds / CRASH_EVERY_S)))
    with tempfile.TemporaryDirectory(prefix="hansard-stress-") as name:
        folder = Path(name)
        with crashing_server(folder / "server", fsync=True) as server:
            return endure(server, folder / "journals", Strain(seconds, crash_at=crashes))


def to_figures(outcome: Outcome) -> Figures:
    """Set what must never happen against its target."""
    verdict = outcome.verdict
    return {
        **{name: figure(number, at_most=0) for name, number in verdict.faults.items()},
        "events": figure(verdict.events),
        "acknowledged appends": figure(verdict.acknowledged),
        "refused appends": figure(verdict.refused),
        "unanswered appends": figure(verdict.unanswered),
        "recorded among the unanswered": figure(verdict.kept),
        "killed connections": figure(outcome.killed_connections),
        "killed servers": figure(outcome.crashes),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="done within a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--seconds", type=float, help="that the writers write")
    options = parser.parse_args()
    outcome = measure(options.seconds or (QUICK_SECONDS if options.quick else SECONDS))
    print(json.dumps(to_figures(outcome), indent=2) if options.json else outcome.table)
    if not outcome.verdict.clean:
        sys.exit("the log was not in order")


if __name__ == "__main__":
    main()
