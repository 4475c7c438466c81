"""Sandbox: runs a model's SQL in a process of its own that can be stopped at any moment."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
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


def run_in_sandbox(order: SandboxOrder, interruption: Interruption) -> SandboxAnswer:
    """Run one statement with bounded memory and without any file or network.

    Raises:
        EffectError: the sandbox broke down, or the call was interrupted.
    """
    import duckdb  # noqa: PLC0415  # heavy

    written = {
        "sql": order.sql,
        "tables": [{"path": str(t.path), "names": t.names} for t in order.tables],
        "limit": order.limit,
        "save_to": str(order.save_to) if order.save_to else None,
        "memory_limit": _MEMORY_LIMIT,
        "address_bytes": _ADDRESS_BYTES,
        "import_from": [str(Path(duckdb.__file__).parent.parent)],
    }
    command = [sys.executable, "-I", "-S", str(_PROGRAM), json.dumps(written)]
    interruption.check()
    with subprocess.Popen(  # noqa: S603  # our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={}
    ) as process:
        try:
            with interruption.stopping(process.kill):
                # The open standard input tells the process that we live; hence no communicate().
                answer = process.stdout.read() if process.stdout else b""
                problem = process.stderr.read() if process.stderr else b""
                process.wait()
        finally:
            process.kill()
    interruption.check()
    if process.returncode != 0:
        lines = problem.decode(errors="replace").strip().splitlines() or ["no message"]
        raise internal(f"The query process ended with code {process.returncode}: {lines[-1]}")
    return SandboxAnswer(**json.loads(answer))
