"""Recording: what a session's parent was answered, for a what-if to be run with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from application.directory import load_directory
from application.fold import SessionFold
from application.history import Lineage, read_history, read_lineage
from application.orchestration.means import Means
from application.ports import EventLog, OutputFiles, Toolbox
from application.what_if.calls import Call, CallReader
from application.what_if.serving import RecordedModel, RecordedToolbox, Tape
from domain.event import RecordedEvent
from domain.session import Origin, Session


@dataclass(frozen=True, slots=True)
class Fork:
    """A what-if in the log.

    Attributes:
        position: of the event that it began with.
    """

    session_id: UUID
    origin: Origin
    position: int


def find_what_if(log: EventLog, session_id: UUID) -> Fork | None:
    """Tell where a what-if began; None for any other session."""
    for recorded in log.read(stream=session_id, limit=1):
        event = recorded.event
        if isinstance(event, Session.Forked) and event.what_if:
            return Fork(session_id, event.origin, recorded.position)
    return None


def read_parent(log: EventLog, fork: Fork) -> list[RecordedEvent]:
    """Read the parent's history as it was when the fork was made, of which it shares a part.

    Where the parent was taken back behind that part, its history just before counts.
    """
    parent, position = fork.origin.session_id, fork.origin.position
    lineage = read_lineage(log, parent, fork.position)
    for rewind in reversed(lineage.rewinds):
        if _holds(lineage, position):
            break
        lineage = read_lineage(log, parent, rewind.position - 1)
    return list(read_history(log, lineage))


def read_own(log: EventLog, session_id: UUID) -> list[RecordedEvent]:
    """Read the history of a session, inherited events included."""
    return list(read_history(log, read_lineage(log, session_id)))


def calls_in(log: EventLog, toolbox: Toolbox, history: list[RecordedEvent]) -> CallReader:
    """Read the calls of a history."""
    directory = load_directory(log, until=history[0].position)
    reader = CallReader(directory, toolbox)
    reader.read(history)
    return reader


def later(calls: list[Call], position: int) -> list[Call]:
    """Keep the calls that were answered behind a position."""
    return [call for call in calls if (call.answered or 0) > position]


@dataclass(frozen=True, slots=True)
class Recording:
    """Chooses what a session is run with: of a what-if, the recorded answers of its parent first.

    What the what-if has recorded already, before its process was lost, is not served again.

    Attributes:
        files: None leaves the files of recorded answers where they are.
        stand_in: names the model that is asked instead of another one.
        stops: whether to leave open what has no recorded answer.
    """

    log: EventLog
    files: OutputFiles | None
    stand_in: Callable[[str], str] = str
    stops: bool = False

    def __call__(self, fold: SessionFold, means: Means) -> Means:
        """Choose; reads the log."""
        is_fork = fold.session_id != fold.session.id
        fork = find_what_if(self.log, fold.session_id) if is_fork else None
        if fork is None:
            return means
        parent = calls_in(self.log, means.toolbox, read_parent(self.log, fork))
        tape = Tape(later(parent.calls, fork.origin.position))
        own = calls_in(self.log, means.toolbox, read_own(self.log, fork.session_id))
        for call in later(own.calls, fork.position):
            if not call.given:
                tape.take(call.key)
        model = RecordedModel(tape, None if self.stops else means.model, self.stand_in)
        toolbox = RecordedToolbox(
            tape,
            means.toolbox,
            fold=fold,
            folders=tuple(map(Path, parent.folders)),
            files=self.files,
            stops=self.stops,
        )

        async def wait(effect_id: UUID, seconds: float) -> None:
            if effect_id in model.served:
                await asyncio.sleep(0)
            else:
                await means.wait(effect_id, seconds)

        return Means(model, toolbox, wait)


def _holds(lineage: Lineage, position: int) -> bool:
    return any(segment.after < position <= segment.until for segment in lineage.segments)
