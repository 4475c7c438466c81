"""Names: writes identifiers and texts into SQL, and names tables after files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from pathlib import PurePath


def quoted(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text_literals(values: Collection[str]) -> str:
    """Write texts as a list of SQL literals."""
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


def table_name(file_name: str) -> str:
    """Name a table after its file: `Q4 Ledger.csv` is `q4_ledger`."""
    stem = PurePath(file_name.replace("\\", "/")).name.rsplit(".", 1)[0] or file_name
    plain = (
        unicodedata.normalize("NFKD", stem.replace("ß", "ss")).encode("ascii", "ignore").decode()
    )
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_") or "table"
    return f"_{name}" if name[0].isdigit() else name


def unique_names(file_names: Iterable[str]) -> dict[str, str]:
    """Name a table for each file; a name that is taken gets a number.

    Returns:
        File names by table name, in the order given.
    """
    named: dict[str, str] = {}
    for file_name in file_names:
        base = table_name(file_name)
        name, number = base, 2
        while name in named:
            name, number = f"{base}_{number}", number + 1
        named[name] = file_name
    return named
