"""Files: confines tools to a session's input files and output folder, and reads and lists them."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from application.ports import Workspace
from domain.artefact import Artefact, InputFile
from infrastructure.tools.failures import bad_input, not_allowed, not_found, too_large
from infrastructure.tools.interruption import Interruption

_CHUNK = 1 << 20
_REMEMBERED_HASHES = 1024


@dataclass(frozen=True, slots=True)
class SessionFile:
    """A file that tools may read. `size` is in bytes."""

    name: str
    path: Path
    size: int
    origin: Literal["input", "output"]


class FileHashes:
    """SHA-256 of files, computed once for each state of a file."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int, int, int], str] = OrderedDict()
        self._lock = threading.Lock()

    def sha256(self, file: BinaryIO, path: Path, interruption: Interruption) -> str:
        """Hash an open file's whole content, and leave it at its start."""
        state = os.fstat(file.fileno())
        key = (str(path), state.st_ino, state.st_mtime_ns, state.st_size)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        digest = hashlib.sha256()
        while chunk := file.read(_CHUNK):
            interruption.check()
            digest.update(chunk)
        file.seek(0)
        with self._lock:
            self._known[key] = digest.hexdigest()
            while len(self._known) > _REMEMBERED_HASHES:
                self._known.popitem(last=False)
        return digest.hexdigest()


class SessionFiles:
    """The files of one session; nothing else can be reached through it."""

    def __init__(
        self,
        workspace: Workspace,
        max_input_bytes: int,
        hashes: FileHashes,
        interruption: Interruption,
    ) -> None:
        self._inputs = {file.name: file for file in workspace.input_files}
        self._folder = workspace.output_folder
        self._max_bytes = max_input_bytes
        self._hashes = hashes
        self._interruption = interruption

    def all(self) -> tuple[SessionFile, ...]:
        """List all files: inputs in the order they were handed in, outputs by name."""
        return (*self.inputs(), *self.outputs())

    def inputs(self) -> tuple[SessionFile, ...]:
        """List the input files, as they were when the session was opened."""
        return tuple(
            SessionFile(file.name, Path(file.path), file.size, "input")
            for file in self._inputs.values()
        )

    def outputs(self) -> tuple[SessionFile, ...]:
        """List the regular files of the output folder by name; hidden files are unfinished."""
        found = []
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                    size = entry.stat(follow_symlinks=False).st_size
                    found.append(SessionFile(entry.name, Path(entry.path), size, "output"))
        return tuple(sorted(found, key=lambda file: file.name))

    def find(self, name: str) -> SessionFile:
        """Find a file by its name.

        Raises:
            EffectError: the name leads outside, or no file bears it.
        """
        if name in self._inputs:
            file = self._inputs[name]
            return SessionFile(name, Path(file.path), file.size, "input")
        check_plain_name(name)
        path = self._folder / name
        try:
            state = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError, OSError) as error:
            known = ", ".join(file.name for file in self.all()) or "none"
            raise not_found(f"There is no file {name!r}; the files are: {known}.") from error
        if stat.S_ISLNK(state.st_mode):
            raise not_allowed(f"{name!r} is a link; only the session's own files may be read.")
        return SessionFile(name, path, state.st_size, "output")

    def open(self, file: SessionFile) -> tuple[BinaryIO, str]:
        """Open a file and tell its SHA-256, after checking that it is what it should be.

        Raises:
            EffectError: missing, a folder or device, a link, too large, or changed.
        """
        handle = self._open_regular(file)
        try:
            self._check_size(file, os.fstat(handle.fileno()).st_size)
            sha256 = self._hashes.sha256(handle, file.path, self._interruption)
            if file.origin == "input" and sha256 != self._inputs[file.name].sha256:
                raise _changed(file.name)  # noqa: TRY301  # so that the handle is closed
        except BaseException:
            handle.close()
            raise
        return handle, sha256

    def _open_regular(self, file: SessionFile) -> BinaryIO:
        # An input may be a link, since the user named it; O_NONBLOCK keeps a pipe from hanging.
        flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
        if file.origin == "output":
            flags |= getattr(os, "O_NOFOLLOW", 0)
        try:
            descriptor = os.open(file.path, flags)
        except OSError as error:
            raise _cannot_open(file.name, error) from error
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise bad_input(f"{file.name!r} is a folder; name a file.")
        raise not_allowed(f"{file.name!r} is no regular file; only regular files may be read.")

    def _check_size(self, file: SessionFile, size: int) -> None:
        if size > self._max_bytes:
            raise too_large(
                f"{file.name!r} has {size:,} bytes; at most {self._max_bytes:,} bytes can be read."
            )
        known: InputFile | None = self._inputs.get(file.name)
        if file.origin == "input" and known is not None and size != known.size:
            raise _changed(file.name)


def check_plain_name(name: str) -> None:
    """Refuse a name that could lead to another folder.

    Raises:
        EffectError: it has a separator, a drive, a control character, or is a parent.
    """
    outside = (
        "/" in name or "\\" in name or name in {".", ".."} or (len(name) > 1 and name[1] == ":")
    )
    if outside or name.startswith(("~", ".")) or any(not sign.isprintable() for sign in name):
        raise not_allowed(
            f"{name!r} is outside the session's files; use a plain name that list_files answers."
        )


def _cannot_open(name: str, error: OSError) -> Exception:
    if error.errno == errno.ELOOP:
        return not_allowed(f"{name!r} is a link; only the session's own files may be read.")
    if isinstance(error, PermissionError):
        return not_allowed(f"{name!r} may not be read by this process: {error.strerror}.")
    return not_found(f"{name!r} cannot be opened: {error.strerror}.")


def _changed(name: str) -> Exception:
    return bad_input(
        f"{name!r} has changed since the session was opened; start a new session to use it as it"
        " is."
    )


MEDIA_TYPES = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".py": "text/x-python",
    ".svg": "image/svg+xml",
}


class OutputFolder:
    """Writes whole files into a session's output folder.

    Attributes:
        writer: names unfinished files; an effect that is run again cleans up after itself.
    """

    def __init__(self, folder: Path, writer: str) -> None:
        self.folder = folder
        self._writer = writer

    def write(self, name: str, content: bytes, title: str) -> Artefact:
        """Write a file so that readers see all of it or nothing.

        Raises:
            EffectError: the name leads outside, or a folder bears it.
        """
        unfinished = self.unfinished(name)
        unfinished.write_bytes(content)
        return self.publish(name, unfinished, title)

    def unfinished(self, name: str) -> Path:
        """Name the hidden file that is to become `name`, and make the folder."""
        check_plain_name(name)
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / name).is_dir():
            raise bad_input(f"{name!r} is a folder in the output folder; choose another name.")
        path = self.folder / f".{self._writer}.{name}.part"
        path.unlink(missing_ok=True)
        return path

    def publish(self, name: str, unfinished: Path, title: str) -> Artefact:
        """Give a finished file its name, durably."""
        with unfinished.open("rb+") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
            os.fsync(file.fileno())
        unfinished.replace(self.folder / name)
        _sync_folder(self.folder)
        media_type = MEDIA_TYPES.get(Path(name).suffix, "application/octet-stream")
        return Artefact(path=name, media_type=media_type, title=title, sha256=digest, size=size)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
