"""Roster document: a roster file as plain data, every scalar as the text it is."""

from __future__ import annotations

from pathlib import Path

from infrastructure.roster.problems import RosterError
from infrastructure.yaml_files.document import Limits, YamlDocument, read_document

MAX_BYTES = 1_000_000


def read_roster(path: Path) -> YamlDocument:
    """Read a roster file.

    Raises:
        RosterError: it cannot be read, is too large, or is no YAML; or it uses what a roster may
            not use.
    """
    return read_document(path, RosterError, Limits(max_bytes=MAX_BYTES))
