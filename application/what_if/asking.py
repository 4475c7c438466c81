"""What-ifs: change one thing in a session, and run it anew on a fork."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from application.branching import Branch, Branching
from application.directory import load_directory
from application.errors import BadRequestError, ConflictError
from application.fold import SessionFold
from application.fold_cache import FoldCache
from application.history import read_history, read_lineage
from application.moments import resolve
from application.orchestration.journal import Journal, Listener
from application.ports import EventLog, OutputFiles
from application.sessions import Sessions
from application.what_if.answering import another_outcome, answer_view, find_answer, give
from application.what_if.applying import Setup, apply
from application.what_if.calls import Call, Outcome
from application.what_if.changes import AnswerChange, Change, ChangeView
from application.what_if.pairing import task_pairs
from application.what_if.recording import (
    Fork,
    Recording,
    calls_in,
    find_what_if,
    later,
    read_own,
    read_parent,
)
from application.what_if.rehearsing import RehearsalLog, UntouchedFiles
from application.what_if.reporting import (
    Told,
    divergence,
    side_view,
    sort_calls,
    spent,
)
from application.what_if.views import WhatIfView
from domain.conversation import USER
from domain.effect import ToolAnswer
from domain.event import RecordedEvent
from domain.session import Session, SessionStatus


@dataclass(frozen=True, slots=True)
class Choices:
    """How a what-if is run.

    Attributes:
        at: position to fork at; None for the latest before which the change could not matter.
        reason: why it is asked; what is changed, when it is empty.
        stand_in: names the model that is asked instead of another one.
        stops: whether to leave open what has no recorded answer.
        dry_run: append nothing, and ask nothing that has no recorded answer.
    """

    at: int | None = None
    reason: str = ""
    stand_in: Callable[[str], str] = str
    stops: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A what-if that could be made.

    Attributes:
        given: the call that gets another outcome, with that outcome.
    """

    parent: UUID
    at: int
    setup: Setup
    change: ChangeView
    folder: str
    given: tuple[Call, Outcome] | None = None


@dataclass(frozen=True, slots=True)
class WhatIfs:
    """The use cases of what-ifs.

    Args:
        output_folder: names the output folder of a session.
        check_subject: raises a ConflictError for a subject that was forgotten.
    """

    sessions: Sessions
    files: OutputFiles
    output_folder: Callable[[UUID], Path]
    check_subject: Callable[[str], object]

    async def ask(
        self, session_id: UUID, change: Change, choices: Choices, listener: Listener
    ) -> WhatIfView:
        """Change one thing in a session, and run it anew on a fork.

        Returns:
            The comparison of both.

        Raises:
            NotFoundError: there is no such session or agent.
            BadRequestError: it cannot be changed so, or is so already.
            ConflictError: nothing would be left to run, or the subject was forgotten.
        """
        prepared = await asyncio.to_thread(self._prepare, session_id, change, choices)
        fork_id = self.sessions.ids.new()
        reason = choices.reason.strip() or _reason(prepared.change)
        log: EventLog = self.sessions.log
        files = self.files
        if choices.dry_run:
            log = RehearsalLog(log, self.sessions.clock)
            files = UntouchedFiles(files)
        recording = Recording(
            log,
            None if choices.dry_run else files,
            choices.stand_in,
            stops=choices.stops or choices.dry_run,
        )
        sessions = replace(self.sessions, log=log, choose=recording, cache=FoldCache())
        missing = await self._fork(prepared, Branching(sessions, files), fork_id, reason)
        await sessions.resume(fork_id, listener)
        fork = find_what_if(log, fork_id)
        assert fork is not None, "it was made just now"  # noqa: S101 - for type checkers
        return await asyncio.to_thread(
            self._report, log, fork, prepared, choices, (reason, missing)
        )

    def _prepare(self, session_id: UUID, change: Change, choices: Choices) -> Prepared:
        log, toolbox = self.sessions.log, self.sessions.toolbox
        history = read_own(log, session_id)
        given: tuple[Call, Outcome] | None = None
        if isinstance(change, AnswerChange):
            if choices.at is not None:
                raise BadRequestError(
                    "An answer is changed where it was recorded; leave the moment out."
                )
            position = resolve(change.at, log)
            call = find_answer(calls_in(log, toolbox, history).calls, position)
            given = call, another_outcome(call, change.answer)
            at = position - 1
        else:
            at = _opening(history) if choices.at is None else choices.at
        lineage = read_lineage(log, session_id, at)
        fold = SessionFold.of(read_history(log, lineage))
        _check_moment(fold, history, at)
        if fold.session.charter.subject is not None:
            self.check_subject(fold.session.charter.subject)
        directory = load_directory(log, until=fold.opened_position)
        setup = Setup(
            fold.session.charter,
            directory.adapted(fold.session.capabilities),
            fold.session.capabilities,
            toolbox.names,
        )
        if given is not None:
            setup = replace(setup, change=answer_view(*given))
        else:
            setup = apply(change, setup)
        assert setup.change is not None  # noqa: S101 - for type checkers
        folder = fold.session.charter.output_folder
        return Prepared(session_id, at, setup, setup.change, folder, given)

    async def _fork(
        self, prepared: Prepared, branching: Branching, fork_id: UUID, reason: str
    ) -> tuple[str, ...]:
        """Make the fork; tell which files of its inherited part are missing."""
        folder = self.output_folder(fork_id)
        charter = prepared.setup.charter.model_copy(update={"output_folder": str(folder)})
        given = prepared.given
        lost: tuple[str, ...] = ()
        if given is not None and isinstance(given[1], ToolAnswer):
            lost = await asyncio.to_thread(
                branching.files.copy, given[1].artefacts, Path(prepared.folder), folder
            )

        def also(fold: SessionFold, journal: Journal) -> None:
            if given is not None:
                give(fold, *given, journal.now())
                journal.collect(fold.task(given[0].task_id), USER)

        branch = Branch(
            reason, lambda _: charter, prepared.setup.capabilities, what_if=True, also=also
        )
        view = await branching.fork(prepared.parent, prepared.at, branch, fork_id=fork_id)
        return (*view.missing, *lost)

    def _report(
        self,
        log: EventLog,
        fork: Fork,
        prepared: Prepared,
        choices: Choices,
        told: tuple[str, tuple[str, ...]],
    ) -> WhatIfView:
        toolbox, since = self.sessions.toolbox, fork.origin.position
        histories = read_parent(log, fork), read_own(log, fork.session_id)
        parent, own = (Told(each, calls_in(log, toolbox, each)) for each in histories)
        calls = sort_calls(parent.reader.calls, fork, own.reader)
        session_id = None if choices.dry_run else fork.session_id
        sides = (
            side_view(parent, prepared.parent, since),
            side_view(own, session_id, fork.position),
        )
        inherited = [call for call in parent.reader.calls if (call.answered or 0) <= since]
        return WhatIfView(
            change=prepared.change,
            reason=told[0],
            session_id=session_id,
            origin=fork.origin,
            dry_run=choices.dry_run,
            stopped=own.fold.session.status is SessionStatus.RUNNING,
            output_folder=None if choices.dry_run else own.fold.session.charter.output_folder,
            divergence=divergence(parent, own, calls, rehearsed=choices.dry_run),
            could_serve=spent(later(parent.reader.calls, since)),
            inherited=spent(inherited),
            served=spent(calls.served),
            given=spent(calls.given),
            spent=spent([*calls.new, *calls.repeated]),
            repeated=spent(calls.repeated),
            parent=sides[0],
            fork=sides[1],
            same_answer=sides[0].answer == sides[1].answer,
            tasks=task_pairs(parent, own),
            missing=told[1],
        )


def _opening(history: list[RecordedEvent]) -> int:
    """Find the last event that a session begins with: a fork's own first, else its root task."""
    forked = [each for each in history if isinstance(each.event, Session.Forked)]
    if forked:
        return forked[-1].position
    fold = SessionFold()
    for recorded in history:
        fold.evolve(recorded)
        if fold.has(fold.session.root_task_id):
            return recorded.position
    return history[-1].position


def _check_moment(fold: SessionFold, history: list[RecordedEvent], at: int) -> None:
    """Make sure that a session had begun at a position, and had not ended.

    Raises:
        ConflictError: it had not begun, or had ended.
    """
    session_id = str(fold.session_id)
    first = _opening(history)
    if not fold.has(fold.session.root_task_id):
        raise ConflictError(
            f"Session {session_id!r} had only just been opened at position {at}; name position"
            f" {first} or a later one."
        )
    if fold.session.status is not SessionStatus.RUNNING:
        raise ConflictError(
            f"Session {session_id!r} had ended at position {at} ({fold.session.status.value}), so"
            f" that nothing would be run anew; name an earlier moment, from position {first} on."
        )


def _reason(change: ChangeView) -> str:
    if change.kind in {"policy", "model"}:
        return f"What if the {change.name} were {change.after!r}, not {change.before!r}?"
    return f"What if the {change.name} were otherwise?"
