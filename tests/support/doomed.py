"""Doomed runs: real processes that run a session and are really killed at a chosen append.

The modules are imported once; every run is a fork of that process and opens its own connections.
Run as a program, this file reads one JSON order a line and answers with one
JSON line each: `{"signal": 9}` for a killed run, `{"view": {...}, "appends": n}` for one that
ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

Order: TypeAlias = dict[str, Any]

MANY = 100
"""Attempts of an effect: it is no reason to give it up that its process is lost again and again."""


@contextmanager
def doomed_runs(interpreter: Path) -> Iterator[Callable[[Order], dict[str, Any]]]:
    """Start the process that forks runs.

    Args:
        interpreter: Python of the environment that Hansard is installed in.

    Yields:
        A function that carries out one order: `request` and `inputs` with `output` run a new
        session, `resume` goes on with one; `kill_at` kills the run at the n-th append, `moment`
        (`before` or `after`) says on which side of its commit.
    """
    command = [str(interpreter), "-P", __file__]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        orders, answers = process.stdin, process.stdout
        assert orders is not None
        assert answers is not None

        def carry_out(order: Order) -> dict[str, Any]:
            orders.write(json.dumps(order) + "\n")
            orders.flush()
            answer: dict[str, Any] = json.loads(answers.readline())
            return answer

        yield carry_out
        orders.close()


def _serve() -> None:
    import hansard.bootstrap  # noqa: F401, PLC0415 - imported once, for all forks

    for line in sys.stdin:
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read_end)
            with os.fdopen(write_end, "w") as answer:
                json.dump(_run(json.loads(line)), answer)
            os._exit(0)
        os.close(write_end)
        with os.fdopen(read_end) as answer:
            text = answer.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        print(json.dumps({"signal": os.WTERMSIG(status)}) if killed else text, flush=True)  # noqa: T201


def _run(order: Order) -> dict[str, Any]:
    import hansard  # noqa: PLC0415 - in the child
    from domain.policy import STANDARD  # noqa: PLC0415

    appends = _count_appends(order.get("kill_at"), order.get("moment", "after"))
    with hansard.open(database_url=order["database_url"], model="offline") as h:
        if "resume" in order:
            view = h.resume(order["resume"])
        else:
            patient = STANDARD.model_copy(update={"max_attempts": MANY})
            view = h.run(order["request"], order["inputs"], output=order["output"], policy=patient)
    return {"view": view.model_dump(mode="json"), "appends": appends[0]}


def _count_appends(kill_at: int | None, moment: str) -> list[int]:
    """Count appends that belong to a session, and die at the chosen one."""
    from infrastructure.event_log.recorder import PostgresEventRecorder  # noqa: PLC0415 - in the child

    count = [0]
    append, place_async = PostgresEventRecorder.append, PostgresEventRecorder.place_async

    def is_last(events: Sequence[Any]) -> bool:
        in_session = any(event.envelope.session_id for event in events)
        count[0] += in_session
        doomed = in_session and count[0] == kill_at
        if doomed and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        return doomed

    def counting(self: PostgresEventRecorder, events: Sequence[Any]) -> Any:
        doomed = is_last(events)
        recorded = append(self, events)
        if doomed:
            os.kill(os.getpid(), signal.SIGKILL)
        return recorded

    async def counting_async(
        self: PostgresEventRecorder, events: Sequence[Any], fence: Any = None
    ) -> Any:
        doomed = is_last(events)
        recorded = await place_async(self, events, fence)
        if doomed:
            os.kill(os.getpid(), signal.SIGKILL)
        return recorded

    PostgresEventRecorder.append = counting  # type: ignore[method-assign]
    PostgresEventRecorder.place_async = counting_async  # type: ignore[method-assign]
    return count


if __name__ == "__main__":
    _serve()
