"""Writing: puts a page into its file at once, or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from application.errors import BadRequestError, ConflictError


def check_writable(file: Path, *, force: bool) -> None:
    """Refuse a file before any work is done for it.

    Raises:
        ConflictError: it exists and must not be replaced.
        BadRequestError: it is a folder, or there is no folder to write it to.
    """
    if file.is_dir():
        raise BadRequestError(f"{str(file)!r} is a folder; name a file in it.")
    if not file.parent.is_dir():
        raise BadRequestError(f"There is no folder {str(file.parent)!r}; make it first.")
    if file.exists() and not force:
        raise ConflictError(f"{str(file)!r} exists; name another file, or replace it by --force.")


def write_page(file: Path, page: str, *, force: bool) -> Path:
    """Write a page; who reads the file meanwhile sees the old page or the new one, whole.

    Returns:
        The file, as an absolute path.

    Raises:
        ConflictError: it exists and must not be replaced.
        BadRequestError: it cannot be written.
    """
    check_writable(file, force=force)
    part = file.with_name(f".{file.name}.{secrets.token_hex(8)}.part")
    try:
        try:
            with part.open("x", encoding="utf-8", newline="\n") as out:
                out.write(page)
                out.flush()
                os.fsync(out.fileno())
            _put(part, file, force=force)
        finally:
            part.unlink(missing_ok=True)
    except FileExistsError as error:
        raise ConflictError(f"{str(file)!r} was written by somebody else meanwhile.") from error
    except OSError as error:
        raise BadRequestError(f"{str(file)!r} cannot be written: {error.strerror}.") from error
    return file.absolute()


def _put(part: Path, file: Path, *, force: bool) -> None:
    if force:
        part.replace(file)
        return
    try:
        os.link(part, file)  # unlike a rename, it never replaces
    except PermissionError:  # file systems without links
        if file.exists():
            raise FileExistsError(str(file)) from None
        part.replace(file)
