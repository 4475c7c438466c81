"""Problems of a YAML file, each with its place, and the error that lists them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from application.errors import BadRequestError

MAX_SHOWN = 30


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong; lines and columns count from 1."""

    line: int
    column: int
    message: str


class YamlFileError(BadRequestError):
    """The file cannot be used.

    Attributes:
        KIND: what such a file is, for sentences.
        START: what to start from when it is empty.
        path: the file.
        problems: everything that is wrong, from top to bottom; empty when the file as a whole
            cannot be read.
    """

    KIND: ClassVar[str] = "file"
    START: ClassVar[str] = "an example"

    def __init__(self, path: Path, problems: Iterable[Problem], reason: str = "") -> None:
        self.path = path
        self.problems = tuple(sorted(set(problems)))
        super().__init__(self._text(reason))

    def _text(self, reason: str) -> str:
        if not self.problems:
            return f"The {self.KIND} {str(self.path)!r} cannot be used: {reason}."
        count = len(self.problems)
        head = f"The {self.KIND} {str(self.path)!r} has {count}"
        lines = [f"{head} {'problem' if count == 1 else 'problems'}:"]
        lines += [
            f"  {self.path.name}:{problem.line}:{problem.column}: {problem.message}"
            for problem in self.problems[:MAX_SHOWN]
        ]
        if count > MAX_SHOWN:
            lines.append(f"  and {count - MAX_SHOWN} more")
        return "\n".join(lines)
