"""Embedded server: a PostgreSQL of our own in one folder, shared by all processes that need it.

Who uses it holds a share of the lock file `users`; the kernel takes the share back from a killed
process, so the last to leave always knows that it is the last, and stops the server. The server
and its children hold a share of the lock file `server`, inherited when it was started: a process
id that was given to another program, or a child that outlived its server, deceives nobody. All of
starting, stopping and counting happens under the lock file `changing`.

Nobody but the owner of the folder (and root) can connect: the socket lies in a closed folder, and
the server listens on no network.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from infrastructure.database.errors import DatabaseUnavailableError
from infrastructure.database.process_lock import ProcessLock, held_alone, is_held
from infrastructure.database.programs import ProgramError, Programs
from infrastructure.database.roles import CREATE, READER, WRITER
from infrastructure.database.server_files import ServerFiles, explain_failure
from infrastructure.database.system_user import SystemUser, system_user

DATABASE = "hansard"
ROLE = "hansard"
"""Superuser, who migrates and administers."""

SERVICE = "hansard_service"
"""Login of everything else: a member of the writers."""

AUDITOR = "hansard_auditor"
"""Login of whoever looks into the database: a member of the readers."""

INITIAL = (
    f"CREATE DATABASE {DATABASE}",
    *CREATE.values(),
    f"CREATE ROLE {SERVICE} LOGIN IN ROLE {WRITER}",
    f"CREATE ROLE {AUDITOR} LOGIN IN ROLE {READER}",
)

PATIENCE_S = 60.0
POLL_S = 0.01


@dataclass(frozen=True)
class ServerStatus:
    """What is known about an embedded server.

    Attributes:
        folder: where it lives.
        running: whether it accepts connections.
        kept: whether it stays when nobody uses it, until it is told to stop.
        in_use: whether a process uses it now.
        conninfo: how to reach it with psql and the like, while it runs, for reading alone.
    """

    folder: Path
    running: bool
    kept: bool
    in_use: bool
    conninfo: str | None


class EmbeddedServer:
    """A server in a folder; any number of these may speak for the same folder.

    Args:
        folder: made when missing; belongs to the server alone.
        programs: the PostgreSQL to run; the packaged one by default.
    """

    def __init__(self, folder: Path, programs: Programs | None = None) -> None:
        self.folder = folder
        self._files = ServerFiles(folder)
        self._given_programs = programs

    @contextmanager
    def joined(self, *, keep: bool = False) -> Iterator[str]:
        """Use the server while the context lasts; it is started when nobody did before.

        Args:
            keep: leave it running at the end, even as its last user.

        Yields:
            The connection string of the database.

        Raises:
            DatabaseUnavailableError: it cannot be started.
        """
        share = self._join()
        try:
            yield self.conninfo
        finally:
            self._leave(share, keep=keep)

    def start(self) -> ServerStatus:
        """Start the server and keep it until `stop`.

        Raises:
            DatabaseUnavailableError: it cannot be started.
        """
        with self._changing():
            self._ensure_running()
            self._files.keep.touch()
        return self.status()

    def stop(self, *, now: bool = False) -> ServerStatus:
        """Keep the server no longer; it stops at once when nobody uses it.

        Args:
            now: stop it even when it is in use.

        Raises:
            DatabaseUnavailableError: it does not stop.
        """
        if self._exists():
            with self._changing():
                self._files.keep.unlink(missing_ok=True)
                if now or not is_held(self._files.users):
                    self._stop()
        return self.status()

    def status(self) -> ServerStatus:
        """Tell how the server is; changes nothing."""
        if not self._exists():
            return ServerStatus(self.folder, running=False, kept=False, in_use=False, conninfo=None)
        with self._changing():
            running = self._ping() == Ping.OK
            return ServerStatus(
                self.folder,
                running=running,
                kept=self._files.keep.exists(),
                in_use=is_held(self._files.users),
                conninfo=make_conninfo(self.conninfo, user=AUDITOR) if running else None,
            )

    @property
    def conninfo(self) -> str:
        """Connection string of the database."""
        return self._conninfo(DATABASE)

    @cached_property
    def _programs(self) -> Programs:
        return self._given_programs or Programs.packaged()

    @cached_property
    def _user(self) -> SystemUser | None:
        return system_user(self.folder)

    def _exists(self) -> bool:
        with self._explained():
            return self._files.changing.exists()

    def _join(self) -> ProcessLock:
        with self._changing():
            share = ProcessLock(self._files.users)
            try:
                share.share()
                self._ensure_running()
            except BaseException:
                share.close()
                raise
        return share

    def _leave(self, share: ProcessLock, *, keep: bool) -> None:
        try:
            if not self._exists():
                return  # somebody removed the folder, server and all
            with self._changing():
                if share.try_alone() and not keep and not self._files.keep.exists():
                    self._stop()
        finally:
            share.close()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        if sys.platform == "win32":
            raise DatabaseUnavailableError(
                "The embedded PostgreSQL runs on Linux and macOS:"
                " set HANSARD_DATABASE_URL to a server of your own."
            )
        with self._explained():
            self._make_folder()
            try:
                with held_alone(self._files.changing, timeout_s=2 * PATIENCE_S):
                    yield
            except TimeoutError as error:
                raise DatabaseUnavailableError(
                    f"Another process has been starting or stopping the embedded server in"
                    f" {str(self.folder)!r} for more than {2 * PATIENCE_S:.0f} s: end that process"
                    " and try again."
                ) from error

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DatabaseUnavailableError(
                f"The folder {str(self.folder)!r} of the embedded server cannot be used"
                f" ({error.strerror or error}): make it yours, or set HANSARD_HOME to another"
                " folder."
            ) from error

    def _make_folder(self) -> None:
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _prepare_user(self) -> None:
        """Before a program runs as another user: let that user reach what it needs."""
        if self._user:
            self._user.own(self.folder)
            self._user.let_reach(self.folder)
            self._programs.prepare_for(self._user)

    def _ensure_running(self) -> None:
        self._initialise()
        deadline = time.monotonic() + PATIENCE_S
        while self._ping() != Ping.OK:
            if not is_held(self._files.server):
                self._files.forget_killed_server()
                self._start()
            elif time.monotonic() > deadline:
                raise DatabaseUnavailableError(
                    f"The embedded server in {str(self.folder)!r} is not ready after"
                    f" {PATIENCE_S:.0f} s: it may be recovering from a crash; look into"
                    f" {str(self._files.log)!r} and try again later."
                )
            else:
                time.sleep(POLL_S)

    def _initialise(self) -> None:
        self._files.check_version(self._programs.major)
        if self._files.data.exists():
            return
        self._remove_leftovers()
        new = Path(tempfile.mkdtemp(prefix="new-", dir=self.folder))
        try:
            self._prepare_user()
            if self._user:
                self._user.own(new)
            with self._marked() as share:
                self._initialise_in(new, share)
            new.rename(self._files.data)
        except (ProgramError, OSError) as error:
            raise explain_failure(self.folder, str(error)) from error
        finally:
            shutil.rmtree(new, ignore_errors=True)  # gone already when all went well

    def _remove_leftovers(self) -> None:
        """Clear up after a process killed while it made new data; its programs may still run."""
        deadline = time.monotonic() + PATIENCE_S
        while is_held(self._files.server) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        for leftover in self.folder.glob("new-*"):
            shutil.rmtree(leftover, ignore_errors=True)

    def _initialise_in(self, data: Path, share: ProcessLock) -> None:
        self._programs.run(
            "initdb",
            f"--username={ROLE}",
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--no-instructions",
            data=data,
            user=self._user,
            keep_open=[share.descriptor],
        )
        self._files.include_configuration(data)
        self._programs.run(
            "postgres",
            "--single",
            "-c",
            "exit_on_error=on",
            "postgres",
            data=data,
            user=self._user,
            statements="".join(f"{statement};\n" for statement in INITIAL),
            keep_open=[share.descriptor],
        )

    @contextmanager
    def _marked(self) -> Iterator[ProcessLock]:
        """Give programs a share of the lock `server` to inherit: it is held while one runs."""
        share = ProcessLock(self._files.server)
        try:
            share.share()
            yield share
        finally:
            share.close()

    def _start(self) -> None:
        self._files.write_configuration(self._choose_socket_folder())
        self._files.rotate_log()
        said_before = self._files.log_size()
        try:
            self._prepare_user()
            with self._marked() as share:
                self._programs.run(
                    "pg_ctl",
                    "start",
                    "--wait",
                    f"--timeout={PATIENCE_S:.0f}",
                    f"--log={self._files.log.name}",  # pg_ctl shows it to a shell, between quotes
                    data=self._files.data,
                    user=self._user,
                    keep_open=[share.descriptor],
                )
        except ProgramError as error:
            said = self._files.log_since(said_before)
            raise explain_failure(self.folder, said or error.output) from error

    def _stop(self) -> None:
        if self._ping() == Ping.NO_RESPONSE and not is_held(self._files.server):
            return
        self._prepare_user()
        socket_folder = self._files.socket_folder_in_use() or self.folder
        try:
            self._programs.run(
                "pg_ctl", "stop", "--wait", "--mode=fast", data=self._files.data, user=self._user
            )
        except ProgramError as error:
            raise DatabaseUnavailableError(
                f"The embedded server in {str(self.folder)!r} does not stop ({error.output}):"
                f" look into {str(self._files.log)!r}."
            ) from error
        if socket_folder != self.folder:
            with suppress(OSError):  # somebody else has put something into it
                socket_folder.rmdir()

    def _ping(self) -> int:
        return PGconn.ping(f"{self._conninfo('postgres')} connect_timeout=3".encode())

    def _conninfo(self, database: str) -> str:
        folder = self._files.socket_folder_in_use() or self.folder
        return make_conninfo(host=str(folder), port=5432, user=ROLE, dbname=database)

    def _choose_socket_folder(self) -> Path:
        """Take the folder itself, or one with a shorter path where that is too long for a socket.

        Raises:
            DatabaseUnavailableError: somebody else has the shorter one.
        """
        if self._files.fits_socket(self.folder):
            return self.folder
        owner = self._user.uid if self._user else os.geteuid()
        mark = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        name = f"hansard-{owner}-{mark}"
        short = Path(tempfile.gettempdir()) / name
        if not self._files.fits_socket(short):
            short = Path("/tmp") / name  # noqa: S108 - whose it is gets checked below
        short.mkdir(mode=0o700, exist_ok=True)
        if self._user and short.lstat().st_uid == os.geteuid():
            self._user.own(short)
        if short.is_symlink() or short.stat().st_uid != owner:
            raise DatabaseUnavailableError(
                f"The folder {str(short)!r}, which the embedded server needs, belongs to somebody"
                " else: remove it, or set HANSARD_HOME to a folder with a shorter path."
            )
        short.chmod(0o700)
        return short
