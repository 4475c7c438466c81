"""System user: whose rights the embedded server runs with, since PostgreSQL refuses root's.

An ordinary user runs the server as themselves, and nothing here changes any permission. Root runs
it as the owner of its folder, or for a new folder as the system user `hansard-db`, made when
missing. That user must be able to pass through the folders above its own and above the programs.
Where it cannot (below `/root`, say), it is given the right to pass (`x`), never to list or read,
in exactly the folders that bar the way.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from infrastructure.database.errors import DatabaseUnavailableError

NAME = "hansard-db"

ADVICE = "run Hansard as an ordinary user, or set HANSARD_DATABASE_URL to a server of your own."


@dataclass(frozen=True)
class SystemUser:
    """The user the server runs as, when that is not the user of this process."""

    uid: int
    gid: int

    def rights(self) -> dict[str, Any]:
        """Give the arguments of `subprocess` that drop root's rights, root's groups included."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Give the user a folder of its own."""
        os.chown(folder, self.uid, self.gid)

    def let_reach(self, path: Path) -> None:
        """Give the right to pass through folders above a path, where it is missing."""
        if self._can_pass(path.parent):
            return
        for folder in reversed(path.parents):
            if not self._can_pass(folder):
                folder.chmod(stat.S_IMODE(folder.stat().st_mode) | self._passing_bit(folder))

    def let_run(self, program: Path, folders: Iterable[Path]) -> None:
        """Give the right to read and run what was installed for nobody but root.

        Args:
            program: runs when everything in `folders` may be read.
        """
        for folder in folders:
            self.let_reach(folder)
        if self._runs(str(program), "--version"):
            return
        for path in chain.from_iterable((folder, *folder.rglob("*")) for folder in folders):
            mode = stat.S_IMODE(path.stat().st_mode)
            runs = path.is_dir() or mode & stat.S_IXUSR
            path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if runs else 0))

    def _can_pass(self, folder: Path) -> bool:
        return self._runs("/bin/sh", "-c", 'test -x "$0"', str(folder))

    def _runs(self, *command: str) -> bool:
        try:
            done = subprocess.run(  # noqa: S603 - commands of ours
                command, cwd="/", check=False, capture_output=True, **self.rights()
            )
        except PermissionError:
            return False
        return done.returncode == 0

    def _passing_bit(self, folder: Path) -> int:
        status = folder.stat()
        if status.st_uid == self.uid:
            return stat.S_IXUSR
        return stat.S_IXGRP if status.st_gid == self.gid else stat.S_IXOTH


def system_user(folder: Path) -> SystemUser | None:
    """Find, or make, the user for a server in a folder; None for the user of this process.

    Raises:
        DatabaseUnavailableError: there is none and none can be made.
    """
    if os.geteuid() != 0:
        return None
    if folder.exists() and folder.stat().st_uid != 0:
        owner = folder.stat()
        return SystemUser(owner.st_uid, owner.st_gid)
    return _find(NAME) or _make(NAME)


def _find(name: str) -> SystemUser | None:
    import pwd  # noqa: PLC0415 - not on every platform

    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return SystemUser(entry.pw_uid, entry.pw_gid)


def _make(name: str) -> SystemUser:
    options = ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    reason = f"no program for it on {sys.platform}"
    try:
        subprocess.run(["useradd", *options, name], check=True, capture_output=True, text=True)  # noqa: S603, S607 - root's own PATH finds it
    except FileNotFoundError:
        pass
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip()
    made = _find(name)  # also when another process was faster
    if made is None:
        raise DatabaseUnavailableError(
            f"PostgreSQL does not run as root, and the system user {name!r} cannot be made"
            f" ({reason}): {ADVICE}"
        )
    return made
