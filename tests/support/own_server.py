"""A server as a user of Hansard may have: on TCP, with passwords, of another make or version."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import make_conninfo

from infrastructure.database import Connection, connect
from infrastructure.database.programs import Programs
from infrastructure.database.system_user import system_user

PASSWORD = "s3cret:/@%pass"  # noqa: S105 - full of what breaks URLs

ACCESS = """\
local all all trust
host all outsider 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
"""


class OwnServer:
    """A server in a folder, with the superuser `admin`.

    Args:
        folder: must not exist yet.
        programs: what to run.
    """

    def __init__(self, folder: Path, programs: Programs) -> None:
        self.folder = folder
        self._data = folder / "data"
        self.programs = programs
        folder.mkdir()
        self._user = system_user(folder)
        if self._user:
            self._user.own(folder)
            self._user.let_reach(folder)
            programs.prepare_for(self._user)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]

    def initialise(self) -> None:
        """Make the data, with access by password only."""
        self._run("initdb", "--username=admin", "--auth=trust", "--encoding=UTF8", "--locale=C")
        (self._data / "pg_hba.conf").write_text(ACCESS)
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\nmax_connections = 20\n"
                f"unix_socket_directories = '{self.folder}'\nfsync = off\n"
            )

    def start(self) -> None:
        """Start the server."""
        self._run("pg_ctl", "start", "--wait", "--log=log")

    def stop(self) -> None:
        """Stop the server."""
        self._run("pg_ctl", "stop", "--wait", "--mode=fast")

    def administer(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the superuser."""
        with self.connect_as_admin(database) as connection:
            for statement in statements:
                connection.execute(sql.SQL(statement))

    def connect_as_admin(self, database: str = "postgres") -> Connection:
        """Connect as the superuser."""
        return connect(self.admin_conninfo(database), autocommit=True)

    def admin_conninfo(self, database: str = "postgres") -> str:
        """Give the superuser's connection string."""
        return make_conninfo(host=str(self.folder), port=self.port, user="admin", dbname=database)

    def conninfo(self, user: str, database: str, password: str = PASSWORD) -> str:
        """Give a user's connection string, over TCP."""
        return make_conninfo(
            host="127.0.0.1", port=self.port, user=user, dbname=database, password=password
        )

    def _run(self, program: str, *arguments: str) -> None:
        self.programs.run(program, *arguments, data=self._data, user=self._user)


def copied_programs(folder: Path) -> Programs:
    """Copy the packaged programs, to be changed; the libraries beside them stay where they are."""
    packaged = Programs.packaged().folder
    libraries = packaged.parent.with_name(f"{packaged.parent.name}.libs")
    package = folder / packaged.parent.name
    package.mkdir(parents=True)
    if libraries.exists():
        (folder / libraries.name).symlink_to(libraries)
    return Programs(shutil.copytree(packaged, package / packaged.name, symlinks=True))


@contextmanager
def own_server(folder: Path, programs: Programs | None = None) -> Iterator[OwnServer]:
    """Run a server of one's own while the context lasts."""
    server = OwnServer(folder, programs or Programs.packaged())
    server.initialise()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
