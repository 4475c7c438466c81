"""Catalogue: the tables of one session, by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath

from infrastructure.tools.failures import bad_input, not_found
from infrastructure.tools.files import SessionFile, SessionFiles
from infrastructure.tools.interruption import Interruption
from infrastructure.tools.tables.loading import Source
from infrastructure.tools.tables.names import table_name, unique_names
from infrastructure.tools.tables.store import StoredTable, TableStore

TABLE_ENDINGS = frozenset(
    {".csv", ".tsv", ".tab", ".psv", ".json", ".jsonl", ".ndjson", ".parquet", ".pq", ".dat"}
)
_NO_TABLE_ENDINGS = frozenset({".md", ".html", ".svg", ".pdf", ".png", ".jpg", ".docx", ".zip"})


class TableCatalogue:
    """Finds tables among a session's files and has them loaded."""

    def __init__(self, files: SessionFiles, store: TableStore, interruption: Interruption) -> None:
        self._files = files
        self._store = store
        self._interruption = interruption

    def names(self) -> dict[str, SessionFile]:
        """Name every file that may hold a table; it is not opened for that."""
        inputs = [file for file in self._files.inputs() if _may_be_table(file.name)]
        outputs = [f for f in self._files.outputs() if PurePath(f.name).suffix == ".csv"]
        by_name = {file.name: file for file in (*outputs, *inputs)}
        # An output never has the name of an input: `query_table` refuses to save it.
        names = unique_names(
            by_name[name].name for name in dict.fromkeys(file.name for file in (*inputs, *outputs))
        )
        return {table: by_name[file_name] for table, file_name in names.items()}

    def find(self, table: str) -> tuple[str, SessionFile]:
        """Find a table by its name or by the name of its file.

        Raises:
            EffectError: no file is called so.
        """
        names = self.names()
        for name in (table, table.lower(), table_name(table)):
            if name in names:
                return name, names[name]
        known = ", ".join(names) or "none"
        raise not_found(f"There is no table {table!r}; the tables are: {known}.")

    @contextmanager
    def using(self, file: SessionFile) -> Iterator[StoredTable]:
        """Give a file's table while the context lasts.

        Raises:
            EffectError: the file cannot be used, or holds no table.
        """
        handle, sha256 = self._files.open(file)
        with (
            handle,
            self._store.using(Source(file.name, file.path), sha256, self._interruption) as table,
        ):
            yield table

    def check_new_name(self, file_name: str) -> str:
        """Tell the table that a new output file will be.

        Raises:
            EffectError: another file already has that table name.
        """
        name = table_name(file_name)
        holder = self.names().get(name)
        if holder is not None and (holder.origin == "input" or holder.name != file_name):
            raise bad_input(
                f"{file_name!r} cannot be saved: {holder.name!r} is the table {name!r} already;"
                " choose another name."
            )
        return name


def _may_be_table(name: str) -> bool:
    return PurePath(name).suffix.lower() not in _NO_TABLE_ENDINGS
