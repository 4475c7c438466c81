"""Call: what one use of a tool works with, and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from application.ports import PastTurns
from domain.artefact import Artefact
from domain.value import Value
from infrastructure.tools.files import OutputFolder, SessionFiles
from infrastructure.tools.interruption import Interruption
from infrastructure.tools.sandbox import Sandbox
from infrastructure.tools.tables.catalogue import TableCatalogue


@dataclass(frozen=True, slots=True)
class Call:
    """The session's files and tables, and the way to be interrupted."""

    session_id: UUID
    files: SessionFiles
    output: OutputFolder
    tables: TableCatalogue
    past_turns: PastTurns | None
    sandbox: Sandbox
    interruption: Interruption


@dataclass(frozen=True, slots=True)
class Outcome:
    """A tool's answer and the files it wrote."""

    answer: Value
    artefacts: tuple[Artefact, ...] = ()
