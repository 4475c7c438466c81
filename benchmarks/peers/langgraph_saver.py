"""LangGraph's PostgresSaver, led by lines of JSON; runs in .venv-bench.

This file is both: the side that the benchmark imports, and, run as a program, the peer. Its graph
is the smallest that talks: one node, which answers what it is told to.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-bench" / "bin" / "python"

DEFAULT, DELTA = "default", "delta"
"""How messages are kept: whole at every step, or as what each step added (DeltaChannel)."""

GREGORIAN_OFFSET_TICKS = 0x01B21DD213814000
"""From 1582-10-15 to 1970-01-01 in units of 100 ns: times in UUIDs count from there (RFC 9562)."""

POOL = 10
STATUS = Path("/proc/self/status")


class Saver:
    """The peer, as the benchmark sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._ready = False

    def wait(self) -> None:
        """Wait until it is ready."""
        if not self._ready:
            self._ready = True
            self.answer()

    def do(self, what: str, **given: Any) -> dict[str, Any]:
        """Let it do something and give its answer."""
        self.begin(what, **given)
        return self.answer()

    def begin(self, what: str, **given: Any) -> None:
        """Let it do something once it is ready, and do not wait for its answer."""
        self.wait()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what} | given) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for the answer to what was begun."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("The peer ended before it answered; its error stands above.")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def langgraph_saver(conninfo: str, mode: str = DEFAULT) -> Iterator[Saver]:
    """Start the peer on a database.

    Raises:
        SystemExit: the peers are not installed.
    """
    if not PYTHON.exists():
        raise SystemExit("The peers are not installed: run `make bench-setup` first.")
    process = subprocess.Popen(
        [str(PYTHON), str(Path(__file__)), conninfo, mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Saver(process)
    finally:
        process.communicate()


class Peer:
    """Does what it is told with a PostgresSaver as its documentation sets it up.

    Turns are pairs of what the user says and what is answered; a thread is a conversation.
    """

    def __init__(self, conninfo: str, mode: str, closing: ExitStack) -> None:
        from langgraph.checkpoint.postgres import (  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - of .venv-bench
            PostgresSaver,
        )

        self._conninfo = conninfo
        self._builder = _graph(mode)
        saver = closing.enter_context(PostgresSaver.from_conn_string(conninfo))
        saver.setup()
        self._graph = self._builder.compile(checkpointer=saver)

    def take(self, thread: str, turns: list[list[str]]) -> dict[str, Any]:
        """Take turns one after the other, and tell how long each took."""
        latencies = []
        for turn in turns:
            started = perf_counter()
            self._take(self._graph, _thread(thread), turn)
            latencies.append(perf_counter() - started)
        return {"latencies": latencies}

    def take_side_by_side(
        self, threads: list[list[list[str]]], callers: int, *, shared: bool
    ) -> dict[str, Any]:
        """Take the turns of many threads at once.

        Args:
            shared: whether all use one saver, as its documentation does; otherwise each caller has
                one of its own, for a saver lets one in at a time.
        """
        from langgraph.checkpoint.postgres import (  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - of .venv-bench
            PostgresSaver,
        )
        from psycopg.rows import dict_row  # noqa: PLC0415 - of .venv-bench
        from psycopg_pool import ConnectionPool  # noqa: PLC0415 - of .venv-bench

        kwargs = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
        with ConnectionPool(
            self._conninfo, min_size=POOL, max_size=POOL, kwargs=kwargs, open=True
        ) as pool:
            pool.wait()
            one = self._builder.compile(checkpointer=PostgresSaver(pool))

            def talk(turns: list[list[str]]) -> None:
                graph = one if shared else self._builder.compile(checkpointer=PostgresSaver(pool))
                config = _thread(str(uuid4()))
                for turn in turns:
                    self._take(graph, config, turn)

            started = perf_counter()
            with ThreadPoolExecutor(callers) as callers_of_it:
                list(callers_of_it.map(talk, threads))
            return {"seconds": perf_counter() - started}

    def latest(self, thread: str, rounds: int) -> dict[str, Any]:
        """Ask for the latest state."""
        return _timed(rounds, lambda: self._graph.get_state(_thread(thread)))

    def at_by_history(self, thread: str, moment: str, rounds: int) -> dict[str, Any]:
        """Ask for the state at a moment by the call there is for the past."""

        def find() -> Any:
            for state in self._graph.get_state_history(_thread(thread)):
                if datetime.fromisoformat(state.created_at) <= datetime.fromisoformat(moment):
                    return state
            raise LookupError(moment)

        return _timed(rounds, find)

    def at_by_id(self, thread: str, moment: str, rounds: int) -> dict[str, Any]:
        """Ask for the state at a moment, knowing that ids of checkpoints hold their time."""

        def find() -> Any:
            before = _thread(thread, id_at(datetime.fromisoformat(moment)))
            return next(self._graph.get_state_history(_thread(thread), before=before, limit=1))

        return _timed(rounds, find)

    def fork(self, thread: str, moment: str, turns: list[list[str]]) -> dict[str, Any]:
        """Fork at a moment and take a turn there, once for each turn.

        The checkpoint that is forked is looked up beforehand, which is not counted.
        """
        before = _thread(thread, id_at(datetime.fromisoformat(moment)))
        past = next(self._graph.get_state_history(_thread(thread), before=before, limit=1))
        latencies = []
        for turn in turns:
            started = perf_counter()
            self._take(self._graph, past.config, turn)
            latencies.append(perf_counter() - started)
        return {"latencies": latencies}

    def count(self, thread: str) -> dict[str, Any]:
        """Count the messages of a thread."""
        return {"messages": len(self._graph.get_state(_thread(thread)).values["messages"])}

    def _take(self, graph: Any, config: dict[str, Any], turn: list[str]) -> None:
        said, answered = turn
        message = {"role": "user", "content": said, "id": str(uuid4())}
        graph.invoke({"messages": [message]}, config, context={"answer": answered})


def _graph(mode: str) -> Any:
    from langchain_core.messages import (  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - of .venv-bench
        AIMessage,
    )
    from langgraph.graph import (  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - of .venv-bench
        END,
        START,
        MessagesState,
        StateGraph,
    )

    def answer(state: Any, runtime: Any) -> Any:  # noqa: ARG001 - as graphs call nodes
        return {"messages": [AIMessage(runtime.context["answer"], id=str(uuid4()))]}

    builder = StateGraph(
        MessagesState if mode == DEFAULT else _delta_state(), context_schema=dict[str, str]
    )
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    return builder


def _delta_state() -> Any:
    from typing import Annotated  # noqa: PLC0415 - beside what it annotates

    from langgraph.channels.delta import (  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - of .venv-bench
        DeltaChannel,
    )
    from langgraph.graph.message import (  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - of .venv-bench
        _messages_delta_reducer,
    )
    from typing_extensions import TypedDict  # noqa: PLC0415 - of .venv-bench

    made: Any = TypedDict
    return made(
        "DeltaMessagesState",
        {"messages": Annotated[list[Any], DeltaChannel(_messages_delta_reducer)]},
    )


def _thread(name: str, checkpoint: str | None = None) -> dict[str, Any]:
    given = {"thread_id": name}
    return {"configurable": given if checkpoint is None else given | {"checkpoint_id": checkpoint}}


def id_at(moment: datetime) -> str:
    """Make the id that a checkpoint of a moment would have: a UUID of version 6 (RFC 9562, 5.6)."""
    seconds = datetime.fromtimestamp(0, moment.tzinfo)
    microseconds = round((moment - seconds).total_seconds() * 1_000_000)
    ticks = microseconds * 10 + GREGORIAN_OFFSET_TICKS
    high, low = ticks >> 12, ticks & 0xFFF
    return f"{high >> 16:08x}-{high & 0xFFFF:04x}-6{low:03x}-8000-000000000000"


def _timed(rounds: int, find: Callable[[], Any]) -> dict[str, Any]:
    """Do something several times; tell milliseconds, what it found, and how much memory it took."""
    before = _reset_peak()
    latencies, state = [], None
    for _ in range(rounds):
        started = perf_counter()
        state = find()
        latencies.append(perf_counter() - started)
    assert state is not None
    return {
        "latencies": latencies,
        "messages": len(state.values["messages"]),
        "peak_kb": _memory_kb("VmHWM") - before,
    }


def _reset_peak() -> int:
    """Forget the highest memory use so far (Linux, proc(5)), and tell the present one in KiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory_kb("VmRSS")


def _memory_kb(name: str) -> int:
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return int(lines[name].split()[0])


def main() -> None:
    """Answer lines until there are no more."""
    with ExitStack() as closing:
        peer = Peer(sys.argv[1], sys.argv[2], closing)
        print(json.dumps({}), flush=True)
        for line in sys.stdin:
            order = json.loads(line)
            answer = getattr(peer, order.pop("do"))(**order)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
