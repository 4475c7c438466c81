"""Dumps: a database written to a file by PostgreSQL's own programs, and restored elsewhere."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from infrastructure.database.programs import Programs


def dump(conninfo: str, file: Path) -> None:
    """Write a whole database to a file, in the custom format."""
    _run("pg_dump", "--format=custom", f"--file={file}", f"--dbname={conninfo}")


def restore(file: Path, conninfo: str) -> None:
    """Restore a dump into an empty database, all or nothing."""
    _run("pg_restore", "--single-transaction", f"--dbname={conninfo}", str(file))


def _run(program: str, *arguments: str) -> None:
    path = Programs.packaged().folder / "bin" / program
    done = subprocess.run(
        [str(path), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "LC_ALL": "C"},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
