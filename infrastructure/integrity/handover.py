"""Hand-over: give every published checkpoint to a program of the user's, for a second place."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Sequence

from infrastructure.integrity.files import write_atomically
from infrastructure.integrity.publication import Publication

TIMEOUT_S = 30.0

logger = logging.getLogger(__name__)


class Handover:
    """Runs a command with the notes on its standard input that it has not had yet.

    The command is run without a shell. It gets notes in order, each with an empty line after it,
    and must end with exit code 0 within 30 seconds; otherwise it gets the same notes again, with
    those that came since, at the next checkpoint.

    Args:
        command: program and arguments.
    """

    def __init__(self, command: Sequence[str], publication: Publication) -> None:
        self._command = list(command)
        self._publication = publication
        self._progress = publication.folder / "handed-over"

    def run(self) -> None:
        """Hand over what is due; a failure is reported and does no harm."""
        notes, end = self._publication.notes_after(self._offset())
        if not notes:
            return
        failure = self._try(notes)
        if failure is None:
            write_atomically(self._progress, str(end).encode())
        else:
            logger.warning(
                "The command %r did not take the newest checkpoint (%s);"
                " it is tried again at the next one.",
                self._command[0],
                failure,
            )

    def _offset(self) -> int:
        try:
            return int(self._progress.read_text("ascii"))
        except (FileNotFoundError, ValueError):
            return 0

    def _try(self, notes: bytes) -> str | None:
        """Run the command and say how it failed."""
        try:
            subprocess.run(  # noqa: S603 - the user's own command, without a shell
                self._command, input=notes, capture_output=True, timeout=TIMEOUT_S, check=True
            )
        except subprocess.TimeoutExpired:
            return f"it took more than {TIMEOUT_S:.0f} seconds"
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip().splitlines()
            return f"exit code {error.returncode}" + (f": {said[-1]}" if said else "")
        except OSError as error:
            return error.strerror or str(error)
        return None
