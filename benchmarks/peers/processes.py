"""Peers in processes of their own: the library's log, and pgbench with plain INSERTs."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from infrastructure.database import connect
from infrastructure.database.programs import Programs

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-bench" / "bin" / "python"

RAW_TABLE = """
CREATE TABLE raw_events (
    log smallint NOT NULL, position bigint GENERATED ALWAYS AS IDENTITY, stream uuid NOT NULL,
    version integer NOT NULL, event_id uuid NOT NULL, type text NOT NULL,
    schema_version smallint NOT NULL, tenant text NOT NULL, session_id uuid, actor text NOT NULL,
    correlation_id uuid NOT NULL, causation_id uuid, traceparent text, subject text,
    occurred_at timestamptz NOT NULL, recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    payload bytea NOT NULL, PRIMARY KEY (log, position))
"""
RAW_INSERT = """
INSERT INTO raw_events (log, stream, version, event_id, type, schema_version, tenant, session_id,
    actor, correlation_id, causation_id, occurred_at, payload)
VALUES (1, gen_random_uuid(), 1, uuidv7(), 'conversation.turn_taken', 1, 'default',
    gen_random_uuid(), 'FIN_007', gen_random_uuid(), gen_random_uuid(), now(),
    decode(repeat('78', {size}), 'hex'));
"""


class LibraryLog:
    """A part of the library, in an interpreter of its own environment."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, what: str, *, callers: int = 1, events: int) -> dict[str, Any]:
        """Let it do something and give its answer."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"do": what, "callers": callers, "events": events}) + "\n")
        stdin.flush()
        answer: dict[str, Any] = json.loads(stdout.readline())
        return answer


@contextmanager
def library_log(conninfo: str, script: str = "library_log.py") -> Iterator[LibraryLog]:
    """Run the library's log on a database.

    Args:
        script: what runs there; it answers lines as `library_log.py` does.

    Raises:
        SystemExit: the peers are not installed.
    """
    if not PYTHON.exists():
        raise SystemExit("The peers are not installed: run `make bench-setup` first.")
    given = conninfo_to_dict(conninfo)
    target = {key: str(given.get(key) or "") for key in ("dbname", "host", "port", "user")}
    path = Path(__file__).with_name(script)
    process = subprocess.Popen(
        [str(PYTHON), str(path), json.dumps(target | {"password": ""})],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield LibraryLog(process)
    finally:
        process.communicate()


def raw_inserts_per_s(conninfo: str, *, clients: int, seconds: int, size: int) -> float:
    """Let pgbench insert plain rows of the same columns, each in a transaction of its own."""
    with connect(conninfo, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS raw_events")
        connection.execute(RAW_TABLE)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(RAW_INSERT.format(size=size).replace("\n", " "))
        script.flush()
        program = Programs.packaged().folder / "bin" / "pgbench"
        printed = subprocess.run(
            [
                *(str(program), "-n", "-M", "prepared", "-j", "2", "-c", str(clients)),
                *("-T", str(seconds), "-f", script.name, conninfo),
            ],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    found = re.search(r"tps = ([\d.]+)", printed)
    assert found is not None, printed
    return float(found.group(1))
