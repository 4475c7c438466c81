"""Private folder: where a process keeps copies of user data, and what dead processes left of it.

The owner holds a lock on its folder, which the system frees when it dies; whoever gets the lock
of another folder knows that nobody uses it any more.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path

PREFIX = "hansard-tables-"
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class PrivateFolder:
    """A folder only this user can read; it goes when this object or the process ends.

    A fork of the process may read it and never removes it.
    """

    def __init__(self) -> None:
        parent = Path(tempfile.gettempdir())
        remove_abandoned(parent)
        self.path, lock = _make(parent)
        weakref.finalize(self, _remove, self.path, lock, os.getpid())


def _make(parent: Path) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        # Between these lines another process may take the new folder for an abandoned one.
        with suppress(OSError):
            lock = os.open(path, _FLAGS)
            if _take(lock) and _is_same(path, lock):
                return path, lock
            os.close(lock)


def _take(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_same(path: Path, folder: int) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.lstat(path), os.fstat(folder))
    return False


def _remove(path: Path, lock: int, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)
    os.close(lock)


def remove_abandoned(parent: Path) -> None:
    """Remove this user's private folders whose owners are dead."""
    for path in parent.glob(f"{PREFIX}*"):
        try:
            folder = os.open(path, _FLAGS)
        except OSError:  # a link, a file, another user's, or gone by now
            continue
        try:
            if os.fstat(folder).st_uid == os.geteuid() and _take(folder) and _is_same(path, folder):
                shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(folder)
