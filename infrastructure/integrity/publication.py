"""Publication: checkpoints and tiles in files, out of reach of whoever holds the database.

The folder of a log has the form of https://c2sp.org/tlog-tiles, so that any tool for such logs can
follow it: `checkpoint` is the newest signed note, `tile/` holds the tiles. Beside them,
`checkpoints.txt` keeps every note, oldest first, each with an empty line after it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from time import monotonic, sleep

from application.errors import UnavailableError
from infrastructure.database.process_lock import POLL_S, ProcessLock
from infrastructure.integrity.files import flush_folder, write_all_atomically, write_atomically
from infrastructure.integrity.merkle import HASH_BYTES
from infrastructure.integrity.note import SIGNATURE_MARK, Checkpoint, NoteError
from infrastructure.integrity.tiles import HEIGHT, WIDTH, Tile, Tree, joined, tile_path

LOCK_TIMEOUT_S = 60.0
END_BYTES = 200_000
"""The end of the list of notes is searched for the last whole one; a note is far shorter."""

_NOTE_END = re.compile(rb"\n\xe2\x80\x94 [^\n]+\n\n")


class Publication:
    """The folder of one log; it is made when something is first published.

    Args:
        folder: of this log alone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.newest_path = folder / "checkpoint"
        self.list_path = folder / "checkpoints.txt"

    @contextmanager
    def held(self, *, wait: bool) -> Iterator[bool]:
        """Be the only one who publishes, while the context lasts.

        Args:
            wait: for others to finish; otherwise the context may be entered in vain.

        Yields:
            Whether it is held.

        Raises:
            UnavailableError: another process holds it for more than a minute.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / ".lock"
        lock = ProcessLock(path)
        try:
            deadline = monotonic() + LOCK_TIMEOUT_S
            while not (held := lock.try_alone()) and wait:
                if monotonic() > deadline:
                    raise UnavailableError(
                        f"Another process has been publishing to {str(self.folder)!r} for more"
                        " than a minute: try again later."
                    )
                sleep(POLL_S)
            yield held
        finally:
            lock.close()

    def newest(self) -> Checkpoint | None:
        """Give the newest checkpoint that was published; its signature is not checked.

        Raises:
            NoteError: what stands in its place is none.
        """
        found = [Checkpoint.parse(note) for note in (self._last_in_list(), self._alone()) if note]
        return max(found, key=lambda checkpoint: checkpoint.size, default=None)

    def checkpoints(self) -> Iterator[Checkpoint]:
        """Read all checkpoints that were published, oldest first; signatures are not checked.

        A note that a crash cut off is left out.

        Raises:
            NoteError: something in the list is none.
        """
        if not self.list_path.exists():
            return
        with self.list_path.open(encoding="utf-8", errors="replace") as file:
            paragraphs: list[str] = []
            for is_empty, lines in groupby(file, key=lambda line: line == "\n"):
                if not is_empty:
                    paragraphs.append("".join(lines))
                elif paragraphs and paragraphs[-1].startswith(SIGNATURE_MARK):
                    yield Checkpoint.parse("\n".join(paragraphs))
                    paragraphs.clear()

    def tile(self, level: int, number: int, width: int = WIDTH) -> bytes | None:
        """Read a tile, or the first hashes of one; None when it was not published."""
        for path in (self._tile(level, number, WIDTH), self._tile(level, number, width)):
            if path.is_file():
                return path.read_bytes()[: width * HASH_BYTES]
        return None

    def write_tiles(self, tiles: Sequence[Tile]) -> None:
        """Publish full tiles; what was published of them before they were full goes."""
        files = {self._tile(tile.level, tile.number, WIDTH): tile.hashes for tile in tiles}
        write_all_atomically(files)
        for path in files:
            shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)

    def write_unfinished(self, tree: Tree) -> None:
        """Publish the unfinished tiles of a tree, as far as they are."""
        files = {
            self._tile(level, tree.size >> HEIGHT * (level + 1), len(hashes)): joined(hashes)
            for level, hashes in enumerate(tree.levels)
            if hashes
        }
        write_all_atomically({path: data for path, data in files.items() if not path.exists()})

    def write_checkpoints(self, checkpoints: Iterable[Checkpoint]) -> None:
        """Publish notes; to be done last, because they promise their tiles."""
        notes = [checkpoint.note for checkpoint in checkpoints]
        if not notes:
            return
        self._mend_list()
        with self.list_path.open("ab") as file:
            file.write("".join(f"{note}\n" for note in notes).encode())
            file.flush()
            os.fsync(file.fileno())
        flush_folder(self.folder)
        write_atomically(self.newest_path, notes[-1].encode())

    def notes_after(self, offset: int) -> tuple[bytes, int]:
        """Read the list from an offset in bytes on.

        Returns:
            Whole notes, and the offset after them; all of the list where it is shorter than the
            offset.
        """
        if not self.list_path.exists():
            return b"", 0
        data = self.list_path.read_bytes()
        start = offset if offset <= len(data) else 0
        end = _end_of_notes(data)
        return data[start:end], end

    def _last_in_list(self) -> str | None:
        if not self.list_path.exists():
            return None
        end = self._end_of_list()
        found = [match.end() for match in _NOTE_END.finditer(end)]
        if not found:
            if end.strip() and len(end) >= END_BYTES:
                raise NoteError(f"The end of {str(self.list_path)!r} holds no checkpoint.")
            return None
        start = found[-2] if len(found) > 1 else 0
        return end[start : found[-1] - 1].decode(errors="replace")

    def _alone(self) -> str | None:
        return self.newest_path.read_text("utf-8") if self.newest_path.exists() else None

    def _mend_list(self) -> None:
        """Take away a note that a crash cut off."""
        if self.list_path.exists():
            end = self._end_of_list()
            torn = len(end) - _end_of_notes(end)
            if torn:
                os.truncate(self.list_path, self.list_path.stat().st_size - torn)

    def _end_of_list(self) -> bytes:
        with self.list_path.open("rb") as file:
            file.seek(max(0, self.list_path.stat().st_size - END_BYTES))
            return file.read()

    def _tile(self, level: int, number: int, width: int) -> Path:
        return self.folder / tile_path(level, number, width)


def _end_of_notes(data: bytes) -> int:
    return max((match.end() for match in _NOTE_END.finditer(data)), default=0)
