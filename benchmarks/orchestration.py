"""Durable orchestration beside Agno, Google ADK, openai-agents, autogen-core, DBOS and LangGraph.

Run with `python -m benchmarks.orchestration [--quick] [--json]` after `make bench-setup`. In a job,
a coordinator plans three tasks, and three specialists do them; models answer from a script. Every
peer keeps what it keeps by itself in PostgreSQL, on the same server as ours; autogen-core keeps
nothing.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from time import sleep, time
from uuid import UUID

from benchmarks.coordination import measure_consensus
from benchmarks.crews import OURS, PEERS, Crew, Done, Load, our_crew, peer_crew
from benchmarks.event_log import Bench
from benchmarks.figures import Figures, figure, main
from benchmarks.messages import figures_of as measure_messages
from benchmarks.peers.processes import ROOT
from domain.shard import shard_id, shard_of
from infrastructure.database import EmbeddedServer, connect

IN_FLIGHT = 100
MODEL_S = 0.05
STATISTICS_S = 1.5
"""Seconds after which the server's statistics tell of everything."""


def measure_speed(ours: Crew, peers: list[Crew], *, quick: bool) -> Figures:
    """Jobs a second and processor time for one, with a model that answers at once."""
    rounds: dict[str, list[Done]] = {}
    for _ in range(1 if quick else 3):
        for crew in [ours, *peers]:
            jobs = (300 if quick else 1000) if crew is ours else (30 if quick else 200)
            done = crew.do(Load(jobs, min(IN_FLIGHT, jobs)))
            if done is not None:
                rounds.setdefault(crew.name, []).append(done)
    speed = {name: statistics.median(each.per_s for each in of) for name, of in rounds.items()}
    cpu = {name: statistics.median(each.cpu_ms for each in of) for name, of in rounds.items()}
    name = f"orchestrations/s, {IN_FLIGHT} in flight, 0 ms model"
    return {
        name: figure(speed[OURS], at_least=300),
        **{f"{name} : {peer}": figure(speed[OURS], peer=speed[peer]) for peer in others(speed)},
        "CPU for one (ms)": figure(cpu[OURS], at_most=3),
        **{f"CPU for one (ms) : {peer}": figure(cpu[OURS], peer=cpu[peer]) for peer in others(cpu)},
    }


def measure_crowd(bench: Bench, peers: list[Crew], closing: ExitStack) -> Figures:
    """Jobs a second, and memory, when all jobs are under way at once and models take their time."""
    found: dict[str, Done] = {}
    crowd = 50 if bench.quick else 1000
    for crew in [our_crew(bench.database("crowd"), closing), *peers]:
        jobs = 1000 if crew.name == OURS else crowd
        done = crew.do(Load(jobs, jobs, MODEL_S))
        if done is not None:
            found[crew.name] = done
    mine = found[OURS]
    name = f"orchestrations/s, all at once, {MODEL_S * 1000:.0f} ms model"
    return {
        name: figure(mine.per_s, at_least=400),
        **{
            f"{name} : {peer}": figure(mine.per_s, peer=found[peer].per_s) for peer in others(found)
        },
        "peak memory, 1,000 in flight (MB)": figure(mine.peak_mb, at_most=150),
        **{
            f"peak memory, {crowd:,} in flight (MB) : {peer}": figure(
                mine.peak_mb, peer=found[peer].peak_mb
            )
            for peer in others(found)
        },
    }


def measure_two(bench: Bench, closing: ExitStack) -> Figures:
    """Jobs a second of two of our processes on one database, half of all jobs under way in each."""
    database, load = bench.database("two"), Load(500, 500, MODEL_S)
    crews = [our_crew(database, closing) for _ in range(2)]
    for crew in crews:
        crew.do(Load(3, 3))
    with ThreadPoolExecutor(len(crews)) as pool:
        done = list(pool.map(lambda crew: crew.do(load), crews))
    for crew in crews:
        crew.end()
    slowest = min(each.per_s for each in done if each is not None)
    return {
        f"orchestrations/s, all at once, {MODEL_S * 1000:.0f} ms model, two processes": figure(
            slowest * len(crews)
        )
    }


def measure_scale(ours: Crew, *, quick: bool) -> Figures:
    """What one job costs among many, over what it costs among few."""
    few: list[float] = []
    many: list[float] = []
    for _ in range(1 if quick else 3):
        for costs, load in ((few, Load(200, 5)), (many, Load(1000, 1000))):
            done = ours.do(load)
            assert done is not None, "our crew ended"
            costs.append(done.cpu_ms)
    ratio = statistics.median(many) / statistics.median(few)
    return {"CPU for one, 1,000 in flight : 5 in flight": figure(ratio, at_most=1.2)}


def measure_commits(ours: Crew, conninfo: str, *, quick: bool) -> Figures:
    """Transactions of the database for one job, those that only read included."""
    jobs = 300 if quick else 1000
    before = commits(conninfo)
    ours.do(Load(jobs, IN_FLIGHT))
    return {"commits for one": figure((commits(conninfo) - before) / jobs, at_most=2)}


def commits(conninfo: str) -> int:
    """Count the transactions of a database so far."""
    sleep(STATISTICS_S)
    with connect(conninfo, autocommit=True) as connection:
        row = connection.execute(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    return int(row[0])


def measure_takeover(bench: Bench, home: Path) -> Figures:
    """How long a session stands still when its worker is killed, until another one goes on."""
    conninfo = bench.database("takeover")
    seconds = [take_over(conninfo, home) for _ in range(1 if bench.quick else 5)]
    return {"kill -9 to first resumed step (s)": figure(statistics.median(seconds), at_most=1)}


def take_over(conninfo: str, home: Path) -> float:
    """Kill the worker that runs a session, and see when another one has recorded its next step."""
    with ExitStack() as closing, connect(conninfo, autocommit=True) as connection:
        command = [sys.executable, "-m", "benchmarks.crew_worker", conninfo, str(home)]
        workers: dict[int, subprocess.Popen[str]] = {}
        for _ in range(2):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
            closing.callback(process.kill)
            assert process.stdout is not None
            while json.loads(process.stdout.readline())["workers"] != len(workers) + 1:
                pass
            workers[process.pid] = process
        [first, second] = workers.values()
        submitted = subprocess.run(
            [*command, "submit"], check=True, cwd=ROOT, capture_output=True, text=True
        )
        session = submitted.stdout.strip()
        told = {"session": session, "shard": shard_id(shard_of(UUID(session)))}
        holder = ""
        while not holder:
            sleep(0.01)
            row = connection.execute(RUN_BY, told).fetchone()
            holder = row[0] if row else ""
        killed, at = (first if f":{first.pid}:" in holder else second), time()
        killed.kill()
        while (row := connection.execute(RESUMED, told).fetchone()) is None:
            sleep(0.005)
        for process in workers.values():
            process.kill()
            process.wait()
    return float(row[0]) - at


RUN_BY = """
SELECT shard.payload #>> '{tenure,worker}'
FROM hansard.event_log AS called, hansard.event_log AS shard
WHERE called.session_id = %(session)s AND called.type = 'task.model_called'
  AND shard.type IN ('shard.opened', 'shard.taken')
  AND shard.stream = %(shard)s
ORDER BY shard.position DESC LIMIT 1
"""

RESUMED = """
SELECT extract(epoch FROM recorded_at) FROM hansard.event_log
WHERE session_id = %(session)s AND type = 'task.model_called'
  AND (payload ->> 'attempt')::integer > 1
ORDER BY position LIMIT 1
"""


def others(found: dict[str, object] | dict[str, float] | dict[str, Done]) -> list[str]:
    """Name the peers that did what was asked, in their order."""
    return [peer for peer in PEERS if peer in found]


def measure(quick: bool) -> Figures:  # noqa: FBT001 - called by benchmarks.figures
    """Measure everything on one embedded server."""
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="hansard-bench-")))
        server = closing.enter_context(EmbeddedServer(folder / "postgres").joined())
        bench = Bench(server, closing, quick=quick)
        conninfo = bench.database("crew")
        peers = [peer_crew(name, bench, closing) for name in PEERS]
        ours = our_crew(conninfo, closing)
        figures = measure_speed(ours, peers, quick=quick)
        figures |= measure_commits(ours, conninfo, quick=quick)
        figures |= measure_scale(ours, quick=quick)
        figures |= measure_crowd(bench, peers, closing)
        for crew in [ours, *peers]:
            crew.end()
        figures |= measure_two(bench, closing)
        figures |= measure_messages(bench.database("messages"), quick=quick)
        figures |= measure_consensus(bench.database("consensus"), folder, quick=quick)
        return figures | measure_takeover(bench, folder / "takeover")


if __name__ == "__main__":
    main(measure, __doc__)
