"""Writers: processes that take a turn in one session at the same time, and try again on conflict.

Run by the benchmark with the database, the session and what to say as arguments; each prints a
line when it is ready, waits for one, and prints what became of its turn.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from application.errors import ConflictError
from benchmarks.talks import IDS, Exchange, Talk
from infrastructure.database import connect, open_pool
from infrastructure.event_log.log import PostgresEventLog
from infrastructure.event_log.mapper import EventMapper
from infrastructure.event_log.recorder import PostgresEventRecorder
from infrastructure.event_log.writer import GroupWriter

ROOT = Path(__file__).parents[1]


class Collision(NamedTuple):
    """What became of the turns of writers who wrote at once.

    Attributes:
        conflicts: how often a writer was told that somebody else was first.
    """

    written: int
    conflicts: int


def write_at_once(conninfo: str, session_id: UUID, exchanges: list[Exchange]) -> Collision:
    """Let one process for each exchange take a turn in a session, all at the same time."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.writers", conninfo, str(session_id), *exchange],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for exchange in exchanges
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [json.loads(process.communicate()[0]) for process in processes]
    return Collision(len(answers), sum(answer["conflicts"] for answer in answers))


def take_turn(conninfo: str, session_id: UUID, exchange: Exchange) -> int:
    """Take a turn in this process once standard input says so; tell how many conflicts there were.

    The session is taken up beforehand, so that whoever was not first holds an old state.
    """
    opened = partial(connect, conninfo, autocommit=True)
    with open_pool(conninfo) as pool, closing(GroupWriter(opened)) as writer:
        log = PostgresEventLog(PostgresEventRecorder(pool, writer, IDS), EventMapper())
        talk = Talk.take_up(log, session_id)
        print("ready", flush=True)
        sys.stdin.readline()
        conflicts = 0
        while True:
            try:
                asyncio.run(talk.take(exchange))
            except ConflictError:
                conflicts += 1
                talk = Talk.take_up(log, session_id)
            else:
                return conflicts


def main() -> None:
    """Take the turn that the arguments say."""
    conninfo, session_id, said, answered = sys.argv[1:]
    conflicts = take_turn(conninfo, UUID(session_id), (said, answered))
    print(json.dumps({"conflicts": conflicts}))


if __name__ == "__main__":
    main()
