"""Faults: processes and servers are killed under load, and what was acknowledged is there, once."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from uuid import uuid4

from tests.conftest import RUN_FOLDER
from tests.support.processes import eventually
from tests.support.stress.chaos import crashing_server
from tests.support.stress.crew import Crew, hired_crew
from tests.support.stress.journal import Account
from tests.support.stress.run import new_database
from tests.support.stress.verdict import judge

ROUNDS = 20
KINDS = ("threads", "tasks", "transactions")
LONG_S = 300.0
"""Seconds that a writer would write, if nobody killed it."""


def acknowledged(crew: Crew) -> int:
    """Count the appends that were acknowledged to anybody so far."""
    return sum(path.read_bytes().count(b"\nacknowledged ") for path in crew.journals)


def test_what_was_acknowledged_survives_20_killed_processes_and_20_killed_servers(
    tmp_path: Path,
) -> None:
    dice = random.Random(20)  # noqa: S311 - no secrets
    with (
        crashing_server(Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8]) as server,
        hired_crew(tmp_path / "journals") as crew,
    ):
        name = new_database(server)
        url = server.admin_conninfo(name)
        writers = {crew.send_writer(kind, url, LONG_S): kind for kind in KINDS}
        for _ in range(ROUNDS):
            before = acknowledged(crew)
            eventually(lambda before=before: acknowledged(crew) > before + 20)  # type: ignore[misc]
            victim = dice.choice(list(writers))
            os.kill(victim, signal.SIGKILL)
            kind = writers.pop(victim)
            server.crash()
            server.start()
            writers[crew.send_writer(kind, url, LONG_S)] = kind
        for pid in writers:
            os.kill(pid, signal.SIGKILL)
        assert set(crew.wait()) == {-signal.SIGKILL}
        assert crew.errors == ""
        account = Account()
        for journal in crew.journals:
            account.add(journal)
        with server.connect_as_admin(name) as connection:
            verdict = judge(connection, account)
    print(verdict.table(killed_processes=ROUNDS + len(KINDS), killed_servers=ROUNDS))  # noqa: T201 - for who looks on
    assert verdict.clean, verdict
    assert verdict.acknowledged > ROUNDS * 20
