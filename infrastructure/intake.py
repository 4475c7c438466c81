"""Intake: the files a user hands over, fixed by name, size and hash."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from application.errors import BadRequestError
from domain.artefact import InputFile


def take_in(paths: Iterable[str | Path]) -> tuple[InputFile, ...]:
    """Fix input files, in the order given; the same path given twice counts once.

    Raises:
        BadRequestError: a path is missing, is no regular file or cannot be read, or two files
            share a name.
    """
    unique = dict.fromkeys(Path(path).expanduser().absolute() for path in paths)
    names = Counter(path.name for path in unique)
    for name, count in names.items():
        if count > 1:
            raise BadRequestError(
                f"{count} input files are named {name!r}; rename them so that agents can tell them"
                " apart."
            )
    return tuple(_fix(path) for path in unique)


def make_folder(path: str | Path) -> Path:
    """Make a folder for results, unless it is there.

    Raises:
        BadRequestError: it cannot be made.
    """
    folder = Path(path).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadRequestError(
            f"The output folder {str(folder)!r} cannot be made: {error.strerror};"
            " choose another with --output."
        ) from error
    return folder


def _fix(path: Path) -> InputFile:
    if not path.exists():
        raise BadRequestError(f"The input file {str(path)!r} does not exist; check the path.")
    if not path.is_file():
        raise BadRequestError(f"The input {str(path)!r} is no regular file; name a file.")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except OSError as error:
        raise BadRequestError(
            f"The input file {str(path)!r} cannot be read: {error.strerror}."
        ) from error
    return InputFile(name=path.name, path=str(path), sha256=digest, size=size)
