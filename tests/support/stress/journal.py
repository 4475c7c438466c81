"""Journal: what a process did to the log, line by line, so that it outlives the process."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from uuid import UUID

from infrastructure.event_log.mapper import EnvelopedEvent


class Journal:
    """Written by one process; its threads may share it."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._numbers = count()

    def tried(self, events: Iterable[EnvelopedEvent]) -> int:
        """Note an append before it is sent; its number names it from now on."""
        number = next(self._numbers)
        event_ids = ",".join(str(event.enveloped.event_id) for event in events)
        self._note(f"tried {number} {event_ids}")
        return number

    def acknowledged(self, number: int, positions: Sequence[int]) -> None:
        """Note that an append was acknowledged, and where its events stand."""
        self._note(f"acknowledged {number} {','.join(map(str, positions))}")

    def refused(self, number: int) -> None:
        """Note that an append was refused or rolled back."""
        self._note(f"refused {number} -")

    def saw(self, events: Iterable[tuple[int, UUID]]) -> None:
        """Note events that were read, in the order in which they came."""
        seen = ",".join(f"{position}:{event_id}" for position, event_id in events)
        if seen:
            self._note(f"saw 0 {seen}")

    def _note(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())


@dataclass
class Append:
    """An append as its process knew it.

    Attributes:
        positions: of its events; None as long as it was not acknowledged.
    """

    event_ids: list[str]
    positions: list[int] | None = None
    refused: bool = False


@dataclass
class Account:
    """What the journals of some processes say."""

    appends: list[Append] = field(default_factory=list)
    readers: list[list[tuple[int, str]]] = field(default_factory=list)

    def add(self, path: Path) -> None:
        """Read a journal; its last line may be torn."""
        appends: dict[str, Append] = {}
        seen: list[tuple[int, str]] = []
        for what, number, rest in _lines(path):
            if what == "tried":
                appends[number] = Append(rest.split(","))
            elif what == "acknowledged":
                appends[number].positions = [int(position) for position in rest.split(",")]
            elif what == "refused":
                appends[number].refused = True
            else:
                pairs = (pair.split(":") for pair in rest.split(","))
                seen.extend((int(position), event_id) for position, event_id in pairs)
        self.appends.extend(appends.values())
        if seen:
            self.readers.append(seen)

    @property
    def acknowledged(self) -> int:
        """How many appends were acknowledged."""
        return sum(append.positions is not None for append in self.appends)


def _lines(path: Path) -> Iterator[tuple[str, str, str]]:
    with path.open() as file:
        for line in file:
            if line.endswith("\n"):
                what, number, rest = line.rstrip("\n").split(" ", 2)
                yield what, number, rest
