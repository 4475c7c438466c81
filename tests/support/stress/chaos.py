"""Chaos: connections are killed at random, and the server at once, while others work."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infrastructure.database import Connection
from infrastructure.database.programs import Programs
from tests.support.own_server import OwnServer

VICTIM = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
ORDER BY random() LIMIT 1
"""


class CrashingServer(OwnServer):
    """A server that can be killed; what it acknowledges it has written to its log before.

    Args:
        fsync: let it wait until the disk has what it writes. When the server alone is killed, and
            not the machine, nothing depends on that, and each start is two seconds faster without.
    """

    def __init__(self, folder: Path, *, fsync: bool) -> None:
        super().__init__(folder, Programs.packaged())
        self._fsync = fsync

    def initialise(self) -> None:
        """Make the data, and let many connect."""
        super().initialise()
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(
                f"max_connections = 200\nfsync = {self._fsync}\nsynchronous_commit = on\n"
                "shared_buffers = 64MB\n"
            )

    def crash(self) -> None:
        """Kill all its processes at once; the next start recovers from its log."""
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")


class Chaos:
    """What is done to writers and readers, and how often it was.

    Attributes:
        killed: connections that were killed.
        crashes: times the server was.
    """

    def __init__(self, server: CrashingServer, database: str, seed: int) -> None:
        self._server = server
        self._database = database
        self._dice = random.Random(seed)  # noqa: S311 - no secrets
        self.killed = 0
        self.crashes = 0

    def rage(self, seconds: float, crash_at: Iterable[float]) -> None:
        """Kill connections, and at some moments the server, until time is up.

        Args:
            crash_at: seconds from now.
        """
        started = time.monotonic()
        moments = sorted(crash_at)
        connection = self._server.connect_as_admin(self._database)
        while time.monotonic() < started + seconds:
            if moments and time.monotonic() > started + moments[0]:
                moments.pop(0)
                connection.close()
                self._server.crash()
                self._server.start()
                self.crashes += 1
                connection = self._server.connect_as_admin(self._database)
            self._kill_one(connection)
            time.sleep(self._dice.random() * 0.1)
        connection.close()

    def _kill_one(self, connection: Connection) -> None:
        self.killed += len(connection.execute(VICTIM).fetchall())


@contextmanager
def crashing_server(folder: Path, *, fsync: bool = False) -> Iterator[CrashingServer]:
    """Run such a server while the context lasts."""
    server = CrashingServer(folder, fsync=fsync)
    server.initialise()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
