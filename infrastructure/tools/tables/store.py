"""Store: keeps tables that were loaded, by the hash of their file, so that each is loaded once."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infrastructure.tools.interruption import Interruption
from infrastructure.tools.tables.loading import Loaded, Source, load
from infrastructure.tools.tables.private_folder import PrivateFolder


@dataclass(slots=True)
class StoredTable:
    """A typed table in a DuckDB file of its own; the table in it is `data`.

    Attributes:
        users: calls that read the file now.
    """

    path: Path
    loaded: Loaded
    users: int = 0


class TableStore:
    """Loaded tables, the least recently used of which are forgotten.

    Args:
        capacity: tables to keep.
    """

    def __init__(self, capacity: int = 16) -> None:
        self._capacity = capacity
        self._tables: OrderedDict[str, StoredTable] = OrderedDict()
        self._loading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._folder: PrivateFolder | None = None

    @contextmanager
    def using(
        self, source: Source, sha256: str, interruption: Interruption
    ) -> Iterator[StoredTable]:
        """Give the table of a file, loading it when it is not known; it is kept meanwhile.

        Args:
            sha256: hash of the file's content.

        Raises:
            EffectError: the file holds no table.
        """
        table = self._take(source, sha256, interruption)
        try:
            yield table
        finally:
            with self._lock:
                table.users -= 1
                self._forget_oldest()

    def _take(self, source: Source, sha256: str, interruption: Interruption) -> StoredTable:
        with self._lock:
            loading = self._loading.setdefault(sha256, threading.Lock())
        # Two calls that want the same new file: the second waits for the first one's table.
        while not loading.acquire(timeout=0.1):
            interruption.check()
        try:
            with self._lock:
                known = self._tables.get(sha256)
                if known is not None:
                    self._tables.move_to_end(sha256)
                    known.users += 1
                    return known
            return self._load(source, sha256, interruption)
        finally:
            loading.release()

    def _load(self, source: Source, sha256: str, interruption: Interruption) -> StoredTable:
        with self._lock:
            path = self._private_folder() / f"{next(self._numbers)}.duckdb"
        try:
            loaded = load(source, path, interruption)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        table = StoredTable(path, loaded, users=1)
        with self._lock:
            self._tables[sha256] = table
        return table

    def _private_folder(self) -> Path:
        if self._folder is None:
            self._folder = PrivateFolder()
        return self._folder.path

    def _forget_oldest(self) -> None:
        surplus = len(self._tables) - self._capacity
        for sha256 in [key for key, table in self._tables.items() if not table.users]:
            if surplus <= 0:
                return
            self._tables.pop(sha256).path.unlink(missing_ok=True)
            self._loading.pop(sha256, None)
            surplus -= 1
