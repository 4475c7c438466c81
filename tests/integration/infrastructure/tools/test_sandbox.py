"""Sandbox: statements run in forks of one prepared process and leave nothing behind."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from application.errors import EffectError
from domain.effect import FailureKind
from infrastructure.tools.interruption import Interruption
from infrastructure.tools.sandbox import Sandbox, SandboxAnswer, SandboxOrder, SandboxTable
from tests.support.processes import eventually, guided

CROSS_JOIN = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range = 3"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


def run(sandbox: Sandbox, sql: str, **wishes: Any) -> SandboxAnswer:
    interruption = wishes.pop("interruption", Interruption())
    tables = wishes.pop("tables", ())
    order = SandboxOrder(sql, lambda _: tables, wishes.pop("limit", 100), **wishes)
    return sandbox.run(order, interruption)


def nursery(sandbox: Sandbox) -> int:
    assert sandbox._nursery is not None
    return sandbox._nursery._process.pid


def children(pid: int) -> list[int]:
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(child) for child in listed.split()]


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that only waits to be buried has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return True


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_two_hundred_statements_leave_no_process_and_no_descriptor(sandbox: Sandbox) -> None:
    run(sandbox, "SELECT 1")
    before, inside = descriptors(os.getpid()), descriptors(nursery(sandbox))
    for number in range(200):
        assert run(sandbox, f"SELECT {number}").rows == [[number]]
    assert descriptors(os.getpid()) == before
    assert descriptors(nursery(sandbox)) == inside
    eventually(lambda: children(nursery(sandbox)) == [])


def test_eight_threads_get_each_their_own_answer(sandbox: Sandbox) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: run(sandbox, f"SELECT {n} AS n").rows, range(32)))
    assert answers == [[[n]] for n in range(32)]


def test_the_next_statement_works_after_the_nursery_was_killed(sandbox: Sandbox) -> None:
    run(sandbox, "SELECT 1")
    killed = nursery(sandbox)
    os.kill(killed, signal.SIGKILL)
    assert run(sandbox, "SELECT 2").rows == [[2]]
    assert nursery(sandbox) != killed
    assert not Path(f"/proc/{killed}").exists()


def test_an_interrupted_statement_stops_computing(sandbox: Sandbox) -> None:
    run(sandbox, "SELECT 1")
    eventually(lambda: children(nursery(sandbox)) == [])
    interruption = Interruption()
    failures: list[EffectError] = []

    def work() -> None:
        try:
            run(sandbox, CROSS_JOIN, interruption=interruption)
        except EffectError as error:
            failures.append(error)

    thread = in_thread(work)
    eventually(lambda: children(nursery(sandbox)) != [])
    (child,) = children(nursery(sandbox))
    interruption.trigger()
    thread.join(10)
    assert failures[0].failure.kind is FailureKind.TIMED_OUT
    eventually(lambda: is_gone(child))


def test_a_memory_bomb_ends_in_an_error_and_harms_nobody(sandbox: Sandbox) -> None:
    answer = run(sandbox, "SELECT string_agg(repeat('x', 1000000), '') FROM range(4000)")
    assert answer.error == "OutOfMemoryException"
    assert run(sandbox, "SELECT 1").rows == [[1]]


def test_an_answer_that_is_too_large_is_not_carried_over(sandbox: Sandbox) -> None:
    answer = run(sandbox, "SELECT repeat('x', 20000000)")
    assert answer.error == "AnswerSizeError"


def test_closing_twice_does_no_harm_and_ends_the_nursery(sandbox: Sandbox) -> None:
    run(sandbox, "SELECT 1")
    pid = nursery(sandbox)
    sandbox.close()
    sandbox.close()
    assert not Path(f"/proc/{pid}").exists()
    assert run(sandbox, "SELECT 1").rows == [[1]]


def test_a_forgotten_sandbox_ends_its_nursery() -> None:
    sandbox = Sandbox()
    run(sandbox, "SELECT 1")
    pid = nursery(sandbox)
    del sandbox
    eventually(lambda: is_gone(pid))


def test_starting_anew_leaves_the_old_nursery_to_its_owner(sandbox: Sandbox) -> None:
    run(sandbox, "SELECT 1")
    old = sandbox._nursery
    assert old is not None
    sandbox.start_anew()
    assert run(sandbox, "SELECT 2").rows == [[2]]
    assert nursery(sandbox) != old._process.pid
    old.end()


CODE = """
import sys, threading
from infrastructure.tools.interruption import Interruption
from infrastructure.tools.sandbox import Sandbox, SandboxOrder
sandbox = Sandbox()
def run(sql):
    return sandbox.run(SandboxOrder(sql, lambda _: (), 10), Interruption())
run("SELECT 1")
threading.Thread(target=run, args=(sys.argv[1],), daemon=True).start()
print(sandbox._nursery._process.pid, flush=True)
sys.stdin.readline()
"""


def test_nothing_outlives_a_process_that_is_killed() -> None:
    with guided(CODE, CROSS_JOIN) as process:
        pid = int(process.heard())
        eventually(lambda: children(pid) != [])
        started = [pid, *children(pid)]
        process.kill()
        eventually(lambda: all(map(is_gone, started)))


FORK = """
import os
from infrastructure.tools.interruption import Interruption
from infrastructure.tools.sandbox import Sandbox, SandboxOrder
sandbox = Sandbox()
def run(sql):
    return sandbox.run(SandboxOrder(sql, lambda _: (), 10), Interruption()).rows[0][0]
run("SELECT 1")
ours = sandbox._nursery._process.pid
sandbox._lock.acquire()
child = os.fork()
if child == 0:
    right = run("SELECT 2") == 2 and sandbox._nursery._process.pid != ours
    sandbox.close()
    os._exit(7 if right else 8)
sandbox._lock.release()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), run("SELECT 3"), flush=True)
print(sandbox._nursery._process.pid == ours, flush=True)
sandbox.close()
"""


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_of_the_owner_starts_its_own_nursery_even_when_the_lock_was_held() -> None:
    with guided(FORK) as process:
        assert process.heard() == "7 3"
        assert process.heard() == "True"
        assert process.finish() == 0


def test_a_table_reads_under_all_its_names_and_cannot_be_changed(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    import duckdb

    path = tmp_path / "it's.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE data AS SELECT 1 AS a")
    tables = [SandboxTable(path, ("t", 'T "1".csv'))]
    assert run(sandbox, 'SELECT * FROM t JOIN "T ""1"".csv" USING (a)', tables=tables).rows == [[1]]
    answer = run(sandbox, "WITH x AS (DELETE FROM t RETURNING *) FROM x", tables=tables)
    assert answer.error
