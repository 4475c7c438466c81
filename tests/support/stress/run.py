"""Run: writers and readers let loose on a database while chaos rages, and the verdict on it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from infrastructure.database import ensure_schema
from tests.support.stress.chaos import Chaos, CrashingServer
from tests.support.stress.crew import hired_crew
from tests.support.stress.journal import Account
from tests.support.stress.verdict import Verdict, judge


@dataclass(frozen=True)
class Strain:
    """What a log is put under.

    Attributes:
        seconds: that the writers write.
        writers: processes of each kind; see `writers.WRITERS`.
        crash_at: when the server is killed, in seconds from the start.
    """

    seconds: float
    writers: dict[str, int] = field(
        default_factory=lambda: {"threads": 8, "tasks": 6, "transactions": 10}
    )
    readers: int = 3
    crash_at: tuple[float, ...] = ()
    seed: int = 7


class Outcome(NamedTuple):
    """How it went, as figures and as a table for people."""

    verdict: Verdict
    killed_connections: int
    crashes: int
    table: str


def new_database(server: CrashingServer) -> str:
    """Make a database with the newest schema and give its name."""
    name = f"db_{uuid4().hex}"
    server.administer(f"CREATE DATABASE {name}")
    ensure_schema(server.admin_conninfo(name))
    return name


def endure(server: CrashingServer, folder: Path, strain: Strain) -> Outcome:
    """Put a new log under a strain.

    Args:
        folder: for the journals; must not exist yet.

    Raises:
        AssertionError: a process failed otherwise than by what befell it.
    """
    name = new_database(server)
    url = server.admin_conninfo(name)
    chaos = Chaos(server, name, strain.seed)
    with hired_crew(folder) as crew, ThreadPoolExecutor(1) as thread:
        for _ in range(strain.readers):
            crew.send_reader(url)
        for kind, number in strain.writers.items():
            for _ in range(number):
                crew.send_writer(kind, url, strain.seconds)
        raging = thread.submit(chaos.rage, strain.seconds, strain.crash_at)
        crew.wait_for_writers()
        raging.result()
        with server.connect_as_admin(name) as connection:
            row = connection.execute("SELECT max(position) FROM hansard.events").fetchone()
            assert row is not None
            crew.stop_readers(row[0])
            codes = crew.wait()
            account = Account()
            for journal in crew.journals:
                account.add(journal)
            verdict = judge(connection, account)
        assert (set(codes), crew.errors) == ({0}, "")
    table = verdict.table(
        writers=sum(strain.writers.values()),
        readers=len(account.readers),
        killed_connections=chaos.killed,
        killed_servers=chaos.crashes,
    )
    return Outcome(verdict, chaos.killed, chaos.crashes, table)
