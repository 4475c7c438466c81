"""Sandbox: runs a model's SQL in a process of its own that can be stopped at any moment."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Any

from infrastructure.tools.failures import internal
from infrastructure.tools.interruption import Interruption

_PROGRAM = Path(__file__).with_name("sandbox_process.py")
_MEMORY_LIMIT = "1GB"
_ADDRESS_BYTES = 3 << 30
"""Allocations that DuckDB does not count against its own limit end here."""
_ANSWER_BYTES = 8 << 20
_PATIENCE_S = 2.0
_MOMENT_S = 0.2


@dataclass(frozen=True, slots=True)
class SandboxTable:
    """A DuckDB file with a table `data`, and the names a statement may call it."""

    path: Path
    names: tuple[str, ...]


Provide = Callable[[Collection[str]], Sequence[SandboxTable]]
"""Gives the tables for the names that a statement reads from; some names may be its own."""


@dataclass(frozen=True, slots=True)
class SandboxOrder:
    """A statement to run.

    Attributes:
        provide: called once, when it is known what the statement reads from.
        limit: rows to answer.
        save_to: CSV file for all rows.
    """

    sql: str
    provide: Provide
    limit: int
    save_to: Path | None = None


@dataclass(frozen=True, slots=True)
class SandboxAnswer:
    """Rows as JSON values, or the database's error.

    Attributes:
        error: name of DuckDB's exception class, or `StatementError`, or `AnswerSizeError`; empty
            when the statement ran.
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
    neither outlives this process. A fork of this process starts a nursery of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nursery: _Nursery | None = None
        _SANDBOXES.add(self)

    def run(self, order: SandboxOrder, interruption: Interruption) -> SandboxAnswer:
        """Run one statement; even parsing it is left to the child.

        Raises:
            EffectError: the sandbox broke down, or the call was interrupted.
        """
        interruption.check()
        try:
            return self._run(order, interruption)
        except ChildProcessError:
            with self._lock:
                gone = self._nursery is not None and self._nursery.has_ended()
            if gone:  # somebody ended it before it could fork
                with suppress(ChildProcessError):
                    return self._run(order, interruption)
        raise internal(
            "The query process ended before it answered, most likely for want of memory; ask for"
            " less."
        )

    def _run(self, order: SandboxOrder, interruption: Interruption) -> SandboxAnswer:
        ours, theirs = socket.socketpair()
        with ours, ours.makefile("rb") as stream:
            with theirs:
                self._hand_over(theirs)
            with interruption.stopping(partial(_hang_up, ours)):
                answer = _exchange(partial(_ask, ours, stream, interruption), order)
        return SandboxAnswer(**answer)

    def close(self) -> None:
        """End the nursery, if there is one; the next statement starts another."""
        with self._lock:
            self._end()

    def _hand_over(self, end: socket.socket) -> None:
        with self._lock:
            if self._nursery is None or not self._nursery.adopt(end):
                self._end()
                self._nursery = _Nursery()
                weakref.finalize(self, self._nursery.end)
                self._nursery.adopt(end)

    def _end(self) -> None:
        if self._nursery is not None:
            self._nursery.end()
            self._nursery = None

    def start_anew(self) -> None:
        """Forget, in a fork of the owning process, what belongs to that process."""
        self._lock = threading.Lock()  # a thread that is not here may have held it
        if self._nursery is not None:
            self._nursery.forget()
            self._nursery = None


_SANDBOXES: weakref.WeakSet[Sandbox] = weakref.WeakSet()


def _start_anew() -> None:
    for sandbox in _SANDBOXES:
        sandbox.start_anew()


os.register_at_fork(after_in_child=_start_anew)


class _Nursery:
    """Our end of the process that forks a child for every statement."""

    def __init__(self) -> None:
        import duckdb

        self._control, theirs = socket.socketpair()
        settings = {
            "import_from": str(Path(duckdb.__file__).parent.parent),
            "address_bytes": _ADDRESS_BYTES,
        }
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-I", "-S", str(_PROGRAM), json.dumps(settings)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,  # Ctrl-C is ours to handle
            )

    def adopt(self, end: socket.socket) -> bool:
        """Have a child forked at the other end of a socket; False when the nursery is gone."""
        if self._process.poll() is not None:
            return False
        try:
            socket.send_fds(self._control, [b"+"], [end.fileno()])
        except OSError:
            return False
        return True

    def has_ended(self) -> bool:
        """Whether it is gone; what it held is closed a moment before that can be known."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_MOMENT_S)
        return self._process.returncode is not None

    def end(self) -> None:
        """Have it end, and bury it; again does nothing."""
        self._control.close()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """Let go of it without ending it."""
        self._control.close()
        self._process.poll()  # it is no child of this process, which is how Popen learns of that


_Ask = Callable[[dict[str, Any]], dict[str, Any]]


def _exchange(ask: _Ask, order: SandboxOrder) -> dict[str, Any]:
    limits = {"memory_limit": _MEMORY_LIMIT, "answer_bytes": _ANSWER_BYTES}
    wanted = ask({"sql": order.sql, **limits})
    if "error" in wanted:
        return wanted
    return ask(
        {
            "tables": [
                {"path": str(table.path), "names": table.names}
                for table in order.provide(wanted["tables"])
            ],
            "limit": order.limit,
            "save_to": str(order.save_to) if order.save_to else None,
        }
    )


def _ask(
    ours: socket.socket,
    stream: BufferedReader,
    interruption: Interruption,
    question: dict[str, Any],
) -> dict[str, Any]:
    message = json.dumps(question).encode()
    answer = b""
    with suppress(OSError):  # the child is gone, because it broke down or we hung up
        ours.sendall(len(message).to_bytes(8, "big") + message)
        answer = stream.read(int.from_bytes(stream.read(8), "big"))
    interruption.check()
    if not answer:
        raise ChildProcessError
    found: dict[str, Any] = json.loads(answer)
    return found


def _hang_up(ours: socket.socket) -> None:
    with suppress(OSError):  # the child hung up first
        ours.shutdown(socket.SHUT_RDWR)
