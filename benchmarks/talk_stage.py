"""Talk stage: two databases of ours and one for each of the peer's modes, on one server."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from application.ports import EventLog
from benchmarks.event_log import Bench
from benchmarks.peers.langgraph_saver import DEFAULT, DELTA, langgraph_saver
from benchmarks.talks import Exchange, Talk, exchanges
from hansard.bootstrap import build, load_settings
from infrastructure.database import connect

if TYPE_CHECKING:
    from hansard.bootstrap import House

MODES = (DEFAULT, DELTA)
THREAD = "talk"

SIZE = """
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = ANY (%s)
"""


class TalkStage:
    """Where talks are held.

    Attributes:
        turns: of the long talks.
        house: holds the long talk and its forks, and nothing else, so that its bytes can be told.
        spare: holds all other talks.
        peers: one for each mode, with a database of its own; what is said of `house` holds for it.
        spare_peers: hold all other talks.
    """

    def __init__(self, bench: Bench, folder: Path, closing: ExitStack) -> None:
        self.bench = bench
        self.folder = folder
        self._closing = closing
        self.turns = 100 if bench.quick else 1000
        self._conninfo, self.house = self.open("ours")
        self.spare_conninfo, self.spare = self.open("spare")
        self.databases = {mode: bench.database(mode, migrated=False) for mode in MODES}
        self.spare_databases = {
            mode: bench.database(f"spare_{mode}", migrated=False) for mode in MODES
        }
        self.peers, self.spare_peers = (
            {mode: closing.enter_context(langgraph_saver(of[mode], mode)) for mode in MODES}
            for of in (self.databases, self.spare_databases)
        )
        for peer in (*self.peers.values(), *self.spare_peers.values()):
            peer.wait()
        self._texts = exchanges(seed=20261121)

    def some(self, count: int) -> list[Exchange]:
        """Make so many exchanges."""
        return list(islice(self._texts, count))

    def log_bytes(self) -> int:
        """Tell the bytes of our log, once a checkpoint covers it."""
        self.house.integrity.checkpointer.catch_up(wait=True)
        return _size(self._conninfo, ["hansard"])

    def peer_bytes(self, mode: str) -> int:
        """Tell the bytes of a peer's tables."""
        return _size(self.databases[mode], ["public"])

    @cached_property
    def long_talks(self) -> list[tuple[UUID, str]]:
        """Long talks that nobody has looked at, each with the time between its halves."""
        count = 3 if self.bench.quick else 5
        return [asyncio.run(self.hold(self.spare.log)) for _ in range(count)]

    async def hold(self, log: EventLog) -> tuple[UUID, str]:
        """Hold a long talk, and tell the time between its halves."""
        talk = await Talk.open(log)
        for exchange in self.some(self.turns // 2):
            await talk.take(exchange)
        middle = datetime.now(UTC).isoformat()
        for exchange in self.some(self.turns // 2):
            await talk.take(exchange)
        return talk.session_id, middle

    def open(self, name: str) -> tuple[str, House]:
        """Open Hansard on a new database, until the benchmark ends."""
        conninfo = self.bench.database(name)
        settings = load_settings(
            database_url=conninfo,
            home=self.folder / name,
            output_root=self.folder / name / "output",
            model="offline",
        )
        house = build(settings)
        self._closing.callback(house.close)
        return conninfo, house


def read_bytes(conninfo: str) -> int:
    """Tell the bytes of our read models."""
    return _size(conninfo, ["hansard_read", "hansard_search"])


def _size(conninfo: str, schemas: list[str]) -> int:
    """Tell the bytes of schemas: tables, indexes and TOAST, after a vacuum and a checkpoint."""
    with connect(conninfo, autocommit=True) as connection:
        connection.execute("VACUUM")
        connection.execute("CHECKPOINT")
        row = connection.execute(SIZE, (schemas,)).fetchone()
    assert row is not None
    return int(row[0])
