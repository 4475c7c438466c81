"""Artefact: a file that a task produced, named by its content hash."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from domain.value import NonEmptyText, NonEmptyWords, Value, Words

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class InputFile(Value):
    """A file the user handed to a session, fixed by its hash so that a changed file is noticed.

    Attributes:
        name: the name agents and tools use for it, unique within the session.
        path: absolute path at the time the session was opened.
        size: bytes.
    """

    name: NonEmptyWords
    path: NonEmptyWords
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]


class Artefact(Value):
    """A file in the session's output folder.

    Attributes:
        path: POSIX path relative to the output folder.
        size: bytes.
    """

    path: NonEmptyWords
    media_type: NonEmptyText
    title: Words
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
