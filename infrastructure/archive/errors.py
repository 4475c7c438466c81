"""Errors of archives."""

from __future__ import annotations

from pathlib import Path

from application.errors import IntegrityError, UnavailableError


class ArchiveUnavailableError(UnavailableError):
    """The file of an archive cannot be read now.

    Attributes:
        path: the file, where its folder is known.
    """

    def __init__(self, first: int, last: int, path: Path | str, reason: str) -> None:
        self.path = path
        super().__init__(
            f"Positions {first} to {last} of the log are in the archive {str(path)!r}, which"
            f" cannot be read ({reason}): put the file back there, or name the folder it is in with"
            " HANSARD_ARCHIVE_FOLDER."
        )


class ArchiveDamagedError(IntegrityError):
    """The file of an archive is not the one that was written.

    Attributes:
        path: the file.
    """

    def __init__(self, first: int, last: int, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(
            f"The archive {str(path)!r} with positions {first} to {last} of the log is damaged:"
            f" {reason}. Restore it from a copy.",
            first,
        )


class ArchivingError(IntegrityError):
    """What was to be archived is not what was signed, or not what was written; nothing is lost."""
