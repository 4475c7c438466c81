"""Crews: ours and the peers' in processes of their own, each on a database of the same server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from benchmarks.event_log import Bench
from benchmarks.peers.processes import PYTHON, ROOT

OURS = "Hansard"
PEERS = ("Agno", "Google ADK", "openai-agents", "autogen-core", "DBOS", "LangGraph")
IN_MEMORY = "autogen-core"
"""The peer that records nothing."""


class Load(NamedTuple):
    """What a crew is to do.

    Attributes:
        in_flight: jobs at once.
        latency_s: seconds that each answer of a model takes.
    """

    jobs: int
    in_flight: int
    latency_s: float = 0.0


class Done(NamedTuple):
    """What a crew took for a load.

    Attributes:
        per_s: jobs a second.
        cpu_ms: processor time of the crew's process for one job, without the database's.
        peak_mb: the most memory that the process ever had.
    """

    per_s: float
    cpu_ms: float
    peak_mb: float


class Crew:
    """A process that does jobs when it is told to."""

    def __init__(self, name: str, command: Sequence[str], closing: ExitStack) -> None:
        self.name = name
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        closing.callback(self.end)
        self._ready = False

    def do(self, load: Load) -> Done | None:
        """Let it do jobs; None when it could not, which it has said on standard error."""
        if not self._ready:
            self._ready = True
            if self._answer() is None:
                return None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(load._asdict()) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        found = self._answer()
        if found is None:
            return None
        return Done(
            per_s=load.jobs / found["seconds"],
            cpu_ms=found["cpu_s"] * 1000 / load.jobs,
            peak_mb=found["peak_kb"] * 1024 / 1_000_000,
        )

    def end(self) -> None:
        """Let it end."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.communicate()

    def _answer(self) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found: dict[str, Any] | None = json.loads(line) if line else None
        return found


def our_crew(conninfo: str, closing: ExitStack) -> Crew:
    """Start our crew."""
    return Crew(OURS, (sys.executable, "-m", "benchmarks.crew", conninfo), closing)


def peer_crew(name: str, bench: Bench, closing: ExitStack) -> Crew:
    """Start a peer's crew on a database of its own.

    Raises:
        SystemExit: the peers are not installed.
    """
    if not PYTHON.exists():
        raise SystemExit("The peers are not installed: run `make bench-setup` first.")
    database = "crew_" + name.lower().replace(" ", "_").replace("-", "_")
    script = Path(__file__).parent / "peers" / "crews.py"
    url = as_url(bench.database(database, migrated=False))
    return Crew(name, (str(PYTHON), str(script), name, url), closing)


def as_url(conninfo: str) -> str:
    """Write a connection string as SQLAlchemy reads it."""
    given = conninfo_to_dict(conninfo)
    host = quote(str(given["host"]), safe="")
    place = f"host={host}&port={given.get('port', 5432)}"
    return f"postgresql://{given['user']}@/{given['dbname']}?{place}"
