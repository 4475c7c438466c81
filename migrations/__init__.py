"""Migrations: the forward-only changes of the schema, written as SQL and run by Alembic."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent

SCHEMA = "hansard"
VERSION_TABLE = "schema_version"
"""Holds the revision a database is at, in our own schema, apart from other users of Alembic."""


@cache
def revisions() -> tuple[str, ...]:
    """List all revisions, oldest first, from the names of their files (`0001_event_log.py`)."""
    return tuple(sorted(path.stem.split("_")[0] for path in FOLDER.glob("versions/[0-9]*.py")))


def head() -> str | None:
    """Name the newest revision; None while there is none."""
    return revisions()[-1] if revisions() else None
