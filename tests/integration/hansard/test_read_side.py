"""The house keeps its read models while it is open, and lets go of them when it is closed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

import hansard
from application.errors import UnavailableError
from hansard import bootstrap, read_side
from infrastructure.database import Connection, ensure_schema
from infrastructure.settings import load_settings
from tests.conftest import RUN_FOLDER
from tests.support.own_server import OwnServer, own_server
from tests.support.processes import ROOT, eventually
from tests.support.read_side import open_read_side

QUESTION = "What is 6 * 7?"

BACKENDS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type LIKE 'client%'
"""


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    """A server that can be stopped."""
    with own_server(Path(os.environ[RUN_FOLDER]) / uuid4().hex[:8]) as server:
        ensure_schema(server.admin_conninfo())
        yield server


def test_read_models_follow_a_run_that_lasts(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_side, "BEGIN_S", 0.0)
    with (
        open_read_side(database_url) as outside,
        hansard.open(database_url=database_url, output_root=tmp_path / "out") as h,
    ):
        h.run(QUESTION)
        eventually(lambda: {status.lag for status in outside.runner().status()} == {0})


SHORT = """
import sys
import hansard
from hansard import read_side
read_side.BEGIN_S = 1_000
with hansard.open(database_url=sys.argv[1]) as h:
    h.run("What is 6 * 7?")
    print("sqlalchemy" in sys.modules)
print("closed")
"""


def test_a_short_run_does_not_load_what_read_models_need(database_url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SHORT, database_url],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.stdout.split(), done.stderr, done.returncode) == (["False", "closed"], "", 0)


def test_a_closed_house_begins_nothing_any_more(database_url: str, connection: Connection) -> None:
    house = bootstrap.build(load_settings(database_url=database_url))
    house.catch_up()
    house.close()
    assert house.projections.led == frozenset()
    never_used = bootstrap.build(load_settings(database_url=database_url))
    never_used.keep_up()
    never_used.close()
    with pytest.raises(UnavailableError, match="closed: open it again"):
        _ = never_used.projections
    with pytest.raises(UnavailableError, match="closed: open it again"):
        _ = never_used.similar
    eventually(lambda: connection.execute(BACKENDS.encode()).fetchone() == (0,))


def test_many_threads_that_ask_first_share_one_runner(database_url: str) -> None:
    async def ask() -> int:
        async with await hansard.open_async(database_url=database_url) as h:
            house = h._house
            runners = await asyncio.gather(
                *(asyncio.to_thread(lambda: house.projections) for _ in range(8))
            )
            await asyncio.gather(*(h.sessions() for _ in range(8)))
            return len(set(runners))

    assert asyncio.run(ask()) == 1


def test_an_asynchronous_program_looks_after_read_models(database_url: str) -> None:
    async def look_after() -> list[bool]:
        async with await hansard.open_async(database_url=database_url) as h:
            before = await h.projections()
            rebuilt = await h.rebuild_projections(["session_list"])
            await h.pause_projection("task_tree")
            paused = await h.projections()
            await h.resume_projection("task_tree")
            return [
                all(status.position == 0 for status in before),
                [status.lag for status in rebuilt] == [0],
                [status.name for status in paused if status.paused_at] == ["task_tree"],
            ]

    assert asyncio.run(look_after()) == [True, True, True]


def test_it_closes_also_when_the_database_has_gone_away(server: OwnServer) -> None:
    house = bootstrap.build(load_settings(database_url=server.admin_conninfo()))
    house.catch_up()
    server.stop()
    try:
        with pytest.raises(UnavailableError):
            house.catch_up()
        house.close()
    finally:
        server.start()
