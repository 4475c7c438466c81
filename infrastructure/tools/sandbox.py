"""Sandbox: runs a model's SQL in a process of its own that can be stopped at any moment."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from infrastructure.tools.failures import internal
from infrastructure.tools.interruption import Interruption

_PROGRAM = Path(__file__).with_name("sandbox_process.py")
_MEMORY_LIMIT = "1GB"
_ADDRESS_BYTES = 3 << 30
"""Allocations that DuckDB does not count against its own limit end here."""


@dataclass(frozen=True, slots=True)
class SandboxTable:
    """A DuckDB file with a table `data`, and the names a statement may call it."""

    path: Path
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SandboxOrder:
    """A statement to run.

    Attributes:
        limit: rows to answer.
        save_to: CSV file for all rows.
    """

    sql: str
    tables: Sequence[SandboxTable]
    limit: int
    save_to: Path | None = None


@dataclass(frozen=True, slots=True)
class SandboxAnswer:
    """Rows as JSON values, or the database's error.

    Attributes:
        error: name of DuckDB's exception class; empty when the statement ran.
        message: DuckDB's words.
    """

    columns: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)
    row_count: int = 0
    error: str = ""
    message: str = ""


class Sandbox:
    """Runs each statement in a process of its own, with bounded memory, no files and no network.

    A nursery process loads the database engine once and forks a child for every statement. The
    child ends when our end of its socket does, the nursery when our end of its own does, so that
    neither outlives this process.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._end: Callable[[], object] = _nothing
        self._owner = 0

    def run(self, order: SandboxOrder, interruption: Interruption) -> SandboxAnswer:
        """Run one statement.

        Raises:
            EffectError: the sandbox broke down, or the call was interrupted.
        """
        interruption.check()
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._hand_over(theirs)
            with interruption.stopping(partial(_hang_up, ours)):
                answer = _exchange(ours, _written(order))
        interruption.check()
        if not answer:
            raise internal(
                "The query process ended before it answered, most likely for want of memory;"
                " ask for less."
            )
        return SandboxAnswer(**json.loads(answer))

    def close(self) -> None:
        """End the nursery, if there is one."""
        with self._lock:
            self._end()
            self._control = None

    def _hand_over(self, end: socket.socket) -> None:
        with self._lock:
            control = self._control
            if control is None or self._owner != os.getpid():
                control = self._start()
            try:
                socket.send_fds(control, [b"+"], [end.fileno()])
            except OSError:  # somebody ended the nursery
                socket.send_fds(self._start(), [b"+"], [end.fileno()])

    def _start(self) -> socket.socket:
        import duckdb

        ours, theirs = socket.socketpair()
        choices = {
            "import_from": str(Path(duckdb.__file__).parent.parent),
            "address_bytes": _ADDRESS_BYTES,
        }
        with theirs:
            nursery = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-I", "-S", str(_PROGRAM), json.dumps(choices)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                start_new_session=True,  # Ctrl-C is ours to handle
            )
        self._end()
        self._control, self._owner = ours, os.getpid()
        self._end = weakref.finalize(self, _end, nursery, ours, self._owner)
        return ours


def _nothing() -> None:
    return


def _end(nursery: subprocess.Popen[bytes], control: socket.socket, owner: int) -> None:
    control.close()
    if owner == os.getpid():
        nursery.wait()


def _written(order: SandboxOrder) -> bytes:
    return json.dumps(
        {
            "sql": order.sql,
            "tables": [{"path": str(t.path), "names": t.names} for t in order.tables],
            "limit": order.limit,
            "save_to": str(order.save_to) if order.save_to else None,
            "memory_limit": _MEMORY_LIMIT,
        }
    ).encode()


def _exchange(ours: socket.socket, order: bytes) -> bytes:
    try:
        ours.sendall(len(order).to_bytes(8, "big") + order)
        with ours.makefile("rb") as stream:
            return stream.read()
    except OSError:  # the child is gone, because it broke down or we hung up
        return b""


def _hang_up(ours: socket.socket) -> None:
    with suppress(OSError):  # the child hung up first
        ours.shutdown(socket.SHUT_RDWR)
