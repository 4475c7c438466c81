"""Branches: random rewinds, forks and work on them, and what a plain reading of the log says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from application.branching import Branch, Branching, ForkView, RewindView
from application.errors import ConflictError, NotFoundError
from application.fold import SessionFold
from application.fold_cache import FoldCache
from domain.artefact import Artefact
from domain.conversation import USER, Turn
from domain.event import RecordedEvent
from domain.session import Session
from tests.support.office import Office, office

REASON = "to see"
MOVES = ("say", "rewind", "undo", "fork", "resume", "run")


class NoFiles:
    """Output folders without files; every file that is asked for is there."""

    def copy(
        self, artefacts: Sequence[Artefact], source: Path, target: Path | None
    ) -> tuple[str, ...]:
        """Copy nothing."""
        del artefacts, source, target
        return ()


class Move(NamedTuple):
    """Something to do next; where it cannot be done, nothing happens.

    Attributes:
        session: chooses among the sessions there are.
        moment: chooses among the positions of the log.
    """

    what: str
    session: int
    moment: int


class Branches:
    """Sessions that are run, talked in, rewound and forked."""

    def __init__(self, desk: Office | None = None) -> None:
        self.desk = desk or office()
        self.use_cases = replace(self.desk.sessions, cache=FoldCache(long=1))
        self.branching = Branching(self.use_cases, NoFiles())
        self.sessions: list[UUID] = [self.desk.run().session_id]

    def move(self, move: Move) -> None:
        """Do one thing."""
        session_id = self.sessions[move.session % len(self.sessions)]
        position = 1 + move.moment % self.desk.log.last_position()
        with suppress(ConflictError, NotFoundError):
            match move.what:
                case "say":
                    self.say(session_id, f"word {position}")
                case "rewind":
                    self.rewind(session_id, position)
                case "undo":
                    self.undo(session_id)
                case "fork":
                    self.fork(session_id, position)
                case "resume":
                    self.resume(session_id)
                case _:
                    if len(self.sessions) < 3:
                        self.sessions.append(self.desk.run().session_id)

    def say(self, session_id: UUID, text: str) -> None:
        """Let the user say something in a session, as it stands."""

        async def say() -> None:
            sessions = self.use_cases
            async with sessions.held(session_id):
                fold = sessions.take_up(session_id)
                journal = sessions.journal(fold, self.desk.heard.append)
                turn = Turn(turn_id=journal.new_id(), speaker=USER, text=text)
                if fold.has(fold.session.conversation_id):
                    fold.conversation.take_turn(turn, journal.now())
                    journal.collect(fold.conversation, USER)
                    await journal.flush()

        asyncio.run(say())

    def resume(self, session_id: UUID) -> SessionFold:
        """Take a session up and run it to its end."""
        return asyncio.run(self.use_cases.resume(session_id, self.desk.heard.append))

    def rewind(self, session_id: UUID, position: int) -> RewindView:
        """Take a session back, whatever is in flight."""
        return asyncio.run(self.branching.rewind(session_id, position, REASON, cancel_effects=True))

    def undo(self, session_id: UUID) -> RewindView:
        """Undo the latest rewind; there must be one."""
        rewinds = self.use_cases.lineage(session_id).rewinds
        if not rewinds:
            raise ConflictError
        return self.rewind(session_id, rewinds[-1].position - 1)

    def fork(self, session_id: UUID, position: int, *, what_if: bool = False) -> ForkView:
        """Fork a session."""
        branch = Branch(REASON, lambda own: own, what_if=what_if)
        fork_id = self.desk.ids.new()
        view = asyncio.run(self.branching.fork(session_id, position, branch, fork_id=fork_id))
        self.sessions.append(fork_id)
        return view

    def fold(self, session_id: UUID, position: int | None = None) -> SessionFold:
        """Fold a session as the product does."""
        return self.use_cases.fold(session_id, position)

    def history(self, session_id: UUID, position: int) -> list[RecordedEvent]:
        """Tell a session's history by reading the log event by event, and nothing else."""
        histories: dict[UUID, dict[int, list[RecordedEvent]]] = {}
        now: dict[UUID, list[RecordedEvent]] = {}
        for recorded in self._of_sessions(position):
            each = recorded.session_id
            assert each is not None
            event = recorded.event
            if isinstance(event, Session.Forked):
                past = histories[event.origin.session_id]
                began = max(at for at in past if at <= event.origin.position)
                now[each] = list(past[began])
            elif isinstance(event, Session.Rewound):
                past = histories[each]
                began = max(at for at in past if at <= event.to_position)
                now[each] = list(past[began])
            now.setdefault(each, []).append(recorded)
            histories.setdefault(each, {})[recorded.position] = list(now[each])
        return now[session_id]

    def _of_sessions(self, position: int) -> Iterator[RecordedEvent]:
        for recorded in self.desk.log.read(until=position):
            if recorded.session_id is not None:
                yield recorded
