"""File tools: list a session's files and read text from them."""

from __future__ import annotations

import io

from infrastructure.tools.calls import Call, Outcome
from infrastructure.tools.failures import bad_input
from infrastructure.tools.schemas import (
    ListedFile,
    ListFilesAnswer,
    ListFilesArguments,
    ReadFileAnswer,
    ReadFileArguments,
)
from infrastructure.tools.tables.encoding import detect_encoding, refuse_binary

_PIECE = 1 << 16


def list_files(call: Call, arguments: ListFilesArguments) -> Outcome:  # noqa: ARG001  # every tool has this form
    """List inputs and outputs with the tables they may hold."""
    tables = {file.name: table for table, file in call.tables.names().items()}
    listed = tuple(
        ListedFile(name=file.name, size=file.size, origin=file.origin, table=tables.get(file.name))
        for file in call.files.all()
    )
    return Outcome(ListFilesAnswer(files=listed))


def read_file(call: Call, arguments: ReadFileArguments) -> Outcome:
    """Read a piece of text in whatever encoding the file has."""
    file = call.files.find(arguments.name)
    handle, _ = call.files.open(file)
    with handle:
        head = handle.read(4096)
        if head:
            refuse_binary(file.name, head)
        encoding = detect_encoding(file.path)
        handle.seek(0)
        with io.TextIOWrapper(handle, encoding, errors="replace", newline="") as text:
            skipped = 0
            while skipped < arguments.offset:
                call.interruption.check()
                piece = text.read(min(_PIECE, arguments.offset - skipped))
                if not piece:
                    raise bad_input(
                        f"offset {arguments.offset:,} is behind the end of {file.name!r}, which has"
                        f" {skipped:,} characters."
                    )
                skipped += len(piece)
            found = text.read(arguments.limit)
            more = bool(text.read(1))
    end = arguments.offset + len(found)
    return Outcome(ReadFileAnswer(text=found, next_offset=end if more else None))
