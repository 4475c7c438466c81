"""Log lines: what a process that runs unattended says on standard error."""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

from hansard.cli.terminal import clean

TALKATIVE = ("alembic", "httpx2", "psycopg.pool")
"""Libraries of which only warnings matter."""


class LogLines(logging.Formatter):
    """Writes a record as one line: words and `name=value` pairs, or a JSON document.

    The pairs are what the caller gave as `extra={"values": {...}}`.

    Args:
        as_json: write JSON.
    """

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        time = datetime.fromtimestamp(record.created, UTC)
        said: dict[str, Any] = {
            "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "values", {}),
        }
        if record.exc_info:
            said["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        if self._as_json:
            from pydantic_core import to_json  # noqa: PLC0415 - heavy

            return to_json(said).decode()
        values = "".join(
            f" {name}={value}" for name, value in getattr(record, "values", {}).items()
        )
        line = f"{said['time']} {said['level']} {said['message']}{values}".replace("\n", " ")
        return clean("\n".join((line, said.get("traceback", "").rstrip())).rstrip())


def log_to_stderr(*, as_json: bool) -> None:
    """Let this process say from now on what it does."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogLines(as_json=as_json))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
