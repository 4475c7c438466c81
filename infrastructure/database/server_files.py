"""Server files: what lies in the folder of the embedded server, and what its log says."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from infrastructure.database.errors import DatabaseUnavailableError

SOCKET_PATH_LIMIT = 103
"""Bytes a socket's path may have on macOS; Linux allows 107."""

LOG_LIMIT = 5_000_000
"""Bytes of log after which a new file is begun."""

CONFIGURATION = """\
# Written by Hansard whenever it starts the server. Use ALTER SYSTEM to change settings.
listen_addresses = ''
unix_socket_directories = '{socket_folder}'
unix_socket_permissions = 0700
port = 5432
timezone = 'UTC'
log_timezone = 'UTC'
jit = off                      # queries here are short
random_page_cost = 1.1         # an SSD
checkpoint_timeout = 15min
"""


class Fault(NamedTuple):
    """What the server says when it does not come up, and what to do."""

    pattern: str
    advice: str


FAULTS = (
    Fault(
        r"No space left on device|could not extend file|Disk quota exceeded",
        "the disk is full: free some space and try again",
    ),
    Fault(
        r"Permission denied|wrong ownership|invalid permissions|Operation not permitted",
        "its files belong to somebody else: run Hansard as their owner, or set HANSARD_HOME to"
        " another folder",
    ),
    Fault(
        r"shared memory|semaphores|Cannot allocate memory",
        "the system gives it no shared memory: raise its limits (in a container, --shm-size)",
    ),
    Fault(
        r"incompatible with server",
        "its data are of another version of PostgreSQL: set HANSARD_HOME to another folder",
    ),
)
DAMAGED = (
    "its data may be damaged: restore the folder from a backup, or set HANSARD_HOME to another"
    " folder to begin anew"
)


class ServerFiles:
    """The files of one embedded server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.pid = self.data / "postmaster.pid"
        self.log = folder / "server.log"
        self.changing = folder / "changing"
        self.users = folder / "users"
        self.server = folder / "server"
        self.keep = folder / "keep"

    def check_version(self, major: int) -> None:
        """Refuse data of another version of PostgreSQL.

        Raises:
            DatabaseUnavailableError: they are.
        """
        try:
            found = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            return
        except OSError as error:
            raise explain_failure(self.folder, str(error)) from error
        if found != str(major):
            raise DatabaseUnavailableError(
                f"The data of the embedded server in {str(self.folder)!r} were written by"
                f" PostgreSQL {found}, but this Hansard brings PostgreSQL {major}: set HANSARD_HOME"
                " to another folder, or dump and restore the data."
            )

    def socket_folder_in_use(self) -> Path | None:
        """Tell where the running server, or the last one that crashed, has its socket."""
        try:
            lines = self.pid.read_text().splitlines()
        except OSError:
            return None
        return Path(lines[4]) if len(lines) > 4 and lines[4] else None  # noqa: PLR2004 - its place

    def forget_killed_server(self) -> None:
        """Remove the lock files of a server that is surely dead.

        PostgreSQL itself trusts the process id in them, which another program may have by now,
        and which lives on where nobody reaps dead processes, as in many containers.
        """
        folder = self.socket_folder_in_use() or self.folder
        (folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        self.pid.unlink(missing_ok=True)

    @staticmethod
    def fits_socket(folder: Path) -> bool:
        """Tell whether a socket in a folder has a path short enough, and no list of paths."""
        path = os.fsencode(folder / ".s.PGSQL.5432")
        return len(path) <= SOCKET_PATH_LIMIT and not set(b'",\n') & set(path)

    def include_configuration(self, data: Path) -> None:
        """Let new data read our configuration; `ALTER SYSTEM` still has the last word."""
        with (data / "postgresql.conf").open("a") as file:
            file.write("\ninclude_if_exists = '../hansard.conf'\n")

    def write_configuration(self, socket_folder: Path) -> None:
        """Write our configuration."""
        place = '"' + str(socket_folder) + '"'
        text = CONFIGURATION.format(socket_folder=place.replace("\\", "\\\\").replace("'", "''"))
        path = self.folder / "hansard.conf"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)  # the folder is closed; the server may be another user than we are

    def rotate_log(self) -> None:
        """Set a long log aside; the one set aside before is dropped."""
        if self.log_size() > LOG_LIMIT:
            self.log.rename(self.log.with_suffix(".log.1"))

    def log_size(self) -> int:
        """Tell the size of the log in bytes."""
        return self.log.stat().st_size if self.log.exists() else 0

    def log_since(self, offset: int) -> str:
        """Read the log from a byte on."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(offset)
            return file.read().decode(errors="replace")


def explain_failure(folder: Path, said: str) -> DatabaseUnavailableError:
    """Say in one sentence why the server, or what prepares it, did not come up."""
    found = re.search(r"(?:FATAL|PANIC):\s*(.+)", said) or re.search(r"rror:?\s*(.+)", said)
    reason = found.group(1).strip() if found else said.strip().rpartition("\n")[2]
    advice = next((fault.advice for fault in FAULTS if re.search(fault.pattern, said)), DAMAGED)
    return DatabaseUnavailableError(
        f"The embedded server in {str(folder)!r} did not start ({reason}): {advice}."
    )
