"""Output files: copies of what tools wrote, for sessions that go on from where others stood."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from application.errors import BadRequestError, EffectError
from domain.artefact import Artefact
from infrastructure.intake import make_folder
from infrastructure.tools.files import OutputFolder, check_plain_name

WRITER = "fork"
"""Names unfinished copies."""


class LocalOutputFiles:
    """Output folders on this machine; nothing outside of them is read or written."""

    def copy(
        self, artefacts: Sequence[Artefact], source: Path, target: Path | None
    ) -> tuple[str, ...]:
        """Copy files that are still as they were recorded; see the port."""
        missing = []
        for artefact in artefacts:
            if not _is_as_recorded(artefact, source):
                missing.append(artefact.path)
            elif target is not None and source != target:
                _copy(artefact, source, target)
        return tuple(missing)


def _is_as_recorded(artefact: Artefact, folder: Path) -> bool:
    path = folder / artefact.path
    try:
        check_plain_name(artefact.path)
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except (OSError, EffectError):
        return False
    with os.fdopen(descriptor, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == artefact.sha256


def _copy(artefact: Artefact, source: Path, target: Path) -> None:
    folder = OutputFolder(make_folder(target), WRITER)
    try:
        unfinished = folder.unfinished(artefact.path)
        shutil.copyfile(source / artefact.path, unfinished, follow_symlinks=False)
        folder.publish(artefact.path, unfinished, artefact.title)
    except (OSError, EffectError) as error:
        raise BadRequestError(
            f"The file {artefact.path!r} cannot be copied to {str(target)!r}: {error};"
            " choose another folder with --output."
        ) from error
