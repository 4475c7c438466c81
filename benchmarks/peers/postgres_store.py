"""LangGraph's PostgresStore, led by lines of JSON; runs in .venv-bench.

This file is both: the side that the benchmark imports, and, run as a program, the peer. Its
embedding function looks vectors up that the benchmark has made, so that both search the same ones.
"""

from __future__ import annotations

import json
import subprocess
import sys
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-bench" / "bin" / "python"
PUTS_AT_ONCE = 500


class Store:
    """The peer, as the benchmark sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, what: str, **given: Any) -> dict[str, Any]:
        """Let it do something and give its answer."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"do": what} | given) + "\n")
        stdin.flush()
        answer: dict[str, Any] = json.loads(stdout.readline())
        return answer


@contextmanager
def postgres_store(conninfo: str) -> Iterator[Store]:
    """Run the peer on a database.

    Raises:
        SystemExit: the peers are not installed.
    """
    if not PYTHON.exists():
        raise SystemExit("The peers are not installed: run `make bench-setup` first.")
    process = subprocess.Popen(
        [str(PYTHON), str(Path(__file__)), conninfo],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Store(process)
    finally:
        process.communicate()


class Peer:
    """Does what it is told with a PostgresStore as its documentation sets it up."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._vectors: dict[str, Sequence[float]] = {}
        self._store: Any = None
        self._closing: Any = None

    def load(self, texts: list[str], vectors: str, dimensions: int) -> dict[str, Any]:
        """Learn the vectors of texts from a file of 32-bit floats, row by row."""
        held = array("f")
        data = Path(vectors).read_bytes()
        held.frombytes(data)
        for place, text in enumerate(texts):
            self._vectors[text] = held[place * dimensions : (place + 1) * dimensions].tolist()
        if self._store is None:
            self._open(dimensions)
        return {}

    def put(self, texts: list[str], tenants: list[str]) -> dict[str, Any]:
        """Store one item a text, its place counted from 1 beside it."""
        from langgraph.store.base import (  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - of .venv-bench
            PutOp,
        )

        started = perf_counter()
        for first in range(0, len(texts), PUTS_AT_ONCE):
            places = range(first, min(first + PUTS_AT_ONCE, len(texts)))
            self._store.batch(
                [
                    PutOp(
                        namespace=("users", tenants[place]),
                        key=str(place + 1),
                        value={
                            "text": texts[place],
                            "position": _sortable(place + 1),
                            "tenant": tenants[place],
                        },
                    )
                    for place in places
                ]
            )
        return {"seconds": perf_counter() - started}

    def search(
        self, questions: list[list[Any]], *, by_filter: bool, limit: int = 10
    ) -> dict[str, Any]:
        """Search for `[tenant, text, at]`, and give the places that were found, and latencies.

        Args:
            by_filter: name the tenant in the filter, in place of the namespace.
        """
        found, latencies = [], []
        for tenant, text, at in questions:
            started = perf_counter()
            early = {"position": {"$lte": _sortable(at)}}
            items = self._store.search(
                ("users",) if by_filter else ("users", tenant),
                query=text,
                filter=early | {"tenant": tenant} if by_filter else early,
                limit=limit,
            )
            latencies.append(perf_counter() - started)
            found.append([int(item.value["position"]) for item in items])
        return {"found": found, "latencies": latencies}

    def _open(self, dimensions: int) -> None:
        from langgraph.store.postgres import (  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - as above
            PostgresStore,
        )

        index = {"dims": dimensions, "embed": self._embed, "fields": ["text"]}
        self._closing = PostgresStore.from_conn_string(self._conninfo, index=index)
        self._store = self._closing.__enter__()
        self._store.setup()

    def _embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        return [self._vectors[text] for text in texts]


def _sortable(position: int) -> str:
    """Write a number so that its order is that of the text, for that is what the peer compares."""
    return f"{position:012d}"


def main() -> None:
    """Answer lines until there are no more."""
    peer = Peer(sys.argv[1])
    for line in sys.stdin:
        order = json.loads(line)
        answer = getattr(peer, order.pop("do"))(**order)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
