"""Branching: take a session back to a past position, or go on from there as another session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from application.errors import BadRequestError, ConflictError
from application.fold import SessionFold
from application.orchestration.journal import Journal
from application.orchestration.outcomes import artefacts_of
from application.ports import OutputFiles
from application.sessions import Sessions
from application.views import session_view
from domain.agent import AgentCapabilities
from domain.artefact import Artefact
from domain.conversation import USER
from domain.effect import ModelAnswer, PendingEffect
from domain.event import RecordedEvent
from domain.session import Charter, Origin, Session, SessionStatus
from domain.task import Step, Task
from domain.value import Value


class AppendedView(Value):
    """An event that is appended, or that would be.

    Attributes:
        position: None as long as it is not appended.
    """

    type: str
    stream: UUID
    version: int
    position: int | None = None


class DoneEffectView(Value):
    """A call to the outside world that was answered, and cannot be taken back.

    Attributes:
        agent: on whose behalf.
        name: the model that answered, or the tool.
        tokens: in and out, cached ones included; 0 for a tool.
        files: paths of the files it wrote, relative to the output folder.
    """

    effect_id: UUID
    task_id: UUID
    agent: str
    name: str
    tokens: int = 0
    cost_usd: Decimal | None = None
    files: tuple[str, ...] = ()


class RewindView(Value):
    """A rewind, done or only tried out.

    Attributes:
        dry_run: whether nothing was appended.
        from_position: newest event of the session before it.
        to_position: newest event that still is its history.
        undo: position to rewind to, to undo it; None of a dry run.
        skipped: how many events no longer are its history.
        cancelled: calls that were in flight and are given up.
        repeated: calls that were in flight then, and are made again when the session is resumed.
        done: what was done after `to_position` and cannot be taken back.
        cost_usd: what that has cost.
        state_hash: of the session after it.
    """

    session_id: UUID
    dry_run: bool
    reason: str
    from_position: int
    to_position: int
    undo: int | None
    status_before: SessionStatus
    status: SessionStatus
    skipped: int
    appended: tuple[AppendedView, ...]
    cancelled: tuple[PendingEffect, ...]
    repeated: tuple[PendingEffect, ...]
    done: tuple[DoneEffectView, ...]
    cost_usd: Decimal
    state_hash: str


class ForkView(Value):
    """A fork, made or only tried out.

    Attributes:
        session_id: of the fork; None of a dry run.
        dry_run: whether nothing was appended.
        repeated: calls that were in flight then, and are made again when the fork is resumed.
        done: what the parent had done by then and the fork builds on, although it cannot undo it.
        files: paths of files that were copied from the parent's output folder.
        missing: paths of files that are not there any more as they were, and were not copied.
        state_hash: of the fork, the same as its parent's at that position.
    """

    session_id: UUID | None
    dry_run: bool
    origin: Origin
    what_if: bool
    reason: str
    status: SessionStatus
    output_folder: str
    appended: tuple[AppendedView, ...]
    repeated: tuple[PendingEffect, ...]
    done: tuple[DoneEffectView, ...]
    files: tuple[str, ...]
    missing: tuple[str, ...]
    state_hash: str


@dataclass(frozen=True, slots=True)
class Branch:
    """What a fork goes on with.

    Attributes:
        capabilities: by handle, in place of those in the organisation.
        also: adds what is appended together with the fork's first event.
    """

    reason: str
    charter: Callable[[Charter], Charter]
    capabilities: Mapping[str, AgentCapabilities] | None = None
    what_if: bool = False
    also: Callable[[SessionFold, Journal], None] | None = None


@dataclass(frozen=True, slots=True)
class Branching:
    """The use cases that change which history a session has; nothing is ever deleted."""

    sessions: Sessions
    files: OutputFiles

    async def rewind(
        self,
        session_id: UUID,
        to: int,
        reason: str,
        *,
        cancel_effects: bool = False,
        dry_run: bool = False,
    ) -> RewindView:
        """Take a session back to what it was at a position; rewinding again undoes that.

        Args:
            cancel_effects: give up calls that are in flight, and let a process that runs the
                session stop.

        Raises:
            NotFoundError: there is no such session, or there was none yet at that position.
            BadRequestError: there is no reason.
            ConflictError: calls are in flight, another process runs the session, or it has done
                nothing since.
        """
        required(reason)
        if dry_run:
            return await asyncio.to_thread(self._preview, session_id, to, reason)
        if cancel_effects:
            await self.sessions.stop(session_id)
        async with self.sessions.held(session_id):
            fold = await asyncio.to_thread(self.sessions.take_up, session_id)
            view = await asyncio.to_thread(self._plan, fold, to, reason)
            if view.cancelled and not cancel_effects:
                raise ConflictError(_in_flight(session_id, view.cancelled))
            appended: list[RecordedEvent] = []
            journal = self.sessions.journal(fold, appended.append)
            cancelled = tuple(effect.effect_id for effect in view.cancelled)
            fold.session.rewind(
                view.to_position, view.status, cancelled, reason, self.sessions.clock.now()
            )
            journal.collect(fold.session, USER)
            await journal.flush()
        return view.model_copy(
            update={
                "dry_run": False,
                "undo": appended[0].position - 1,
                "appended": tuple(map(_appended, appended)),
            }
        )

    async def fork(
        self, session_id: UUID, at: int, branch: Branch, *, fork_id: UUID, dry_run: bool = False
    ) -> ForkView:
        """Go on from a position of a session as another session; the parent does not change.

        Args:
            fork_id: id of the new session.

        Raises:
            NotFoundError: there is no such session, or there was none yet at that position.
            BadRequestError: there is no reason.
            ConflictError: the subject was forgotten.
        """
        required(branch.reason)
        fold = opened(await asyncio.to_thread(self.sessions.fold, session_id, at))
        source = fold.session.charter.output_folder
        charter = branch.charter(fold.session.charter)
        origin = Origin(session_id=session_id, position=fold.position)
        view = _fork_view(fold, origin, branch, charter.output_folder, fork_id)
        written = tuple(artefact for task in fold.tasks for artefact in artefacts_of(task))
        if dry_run:
            return view.model_copy(update=await self._copied(written, source, None))
        copied = await self._copied(written, source, charter.output_folder)
        appended: list[RecordedEvent] = []
        journal = self.sessions.journal(fold, appended.append)
        fold.branch(fork_id, origin, what_if=branch.what_if)
        own = fold.session.capabilities if branch.capabilities is None else branch.capabilities
        fold.session.fork(
            origin=origin,
            charter=charter,
            capabilities=dict(own),
            reason=branch.reason,
            what_if=branch.what_if,
            at=self.sessions.clock.now(),
        )
        journal.collect(fold.session, USER)
        if branch.also is not None:
            branch.also(fold, journal)
        await journal.flush()
        made = {
            "session_id": fork_id,
            "dry_run": False,
            "appended": tuple(map(_appended, appended)),
        }
        return view.model_copy(update=made | copied)

    def _preview(self, session_id: UUID, to: int, reason: str) -> RewindView:
        return self._plan(self.sessions.take_up(session_id), to, reason)

    def _plan(self, fold: SessionFold, to: int, reason: str) -> RewindView:
        session_id, sessions = fold.session_id, self.sessions
        target = opened(sessions.fold(session_id, to))
        if target.position >= fold.position:
            raise ConflictError(
                f"Session {str(session_id)!r} stands at position {fold.position} already:"
                " name an earlier moment to go back to."
            )
        now, then = sessions.lineage(session_id), sessions.lineage(session_id, target.position)
        shared = sessions.fold_lineage(now.until(now.shared_until(then)))
        done = tuple(_done(fold, without=shared))
        stream = fold.stream_of(fold.session.id)
        rewound = AppendedView(
            type=Session.Rewound.TOPIC, stream=stream, version=fold.version_of(stream) + 1
        )
        view = session_view(target)
        return RewindView(
            session_id=session_id,
            dry_run=True,
            reason=reason,
            from_position=fold.position,
            to_position=target.position,
            undo=None,
            status_before=fold.session.status,
            status=view.status,
            skipped=fold.length - shared.length,
            appended=(rewound,),
            cancelled=pending_effects(fold),
            repeated=pending_effects(target),
            done=done,
            cost_usd=sum((effect.cost_usd or Decimal(0) for effect in done), Decimal(0)),
            state_hash=view.state_hash,
        )

    async def _copied(
        self, written: tuple[Artefact, ...], source: str, target: str | None
    ) -> dict[str, tuple[str, ...]]:
        if not written:
            return {"files": (), "missing": ()}
        newest = {artefact.path: artefact for artefact in written}
        folder = None if target is None else Path(target)
        missing = await asyncio.to_thread(
            self.files.copy, tuple(newest.values()), Path(source), folder
        )
        there = tuple(path for path in newest if path not in missing)
        return {"files": there, "missing": missing}


def required(reason: str) -> None:
    """Make sure that a reason says something.

    Raises:
        BadRequestError: it does not.
    """
    if not reason.strip():
        raise BadRequestError("The reason is empty; say why, because it is recorded for ever.")


def opened(fold: SessionFold) -> SessionFold:
    """Give a fold back if its session can go on from there.

    Raises:
        ConflictError: it was only being opened.
    """
    if not fold.has(fold.session.root_task_id):
        raise ConflictError(
            f"Session {str(fold.session_id)!r} was only being opened at position {fold.position}:"
            " name a moment a few events later."
        )
    return fold


def pending_effects(fold: SessionFold) -> tuple[PendingEffect, ...]:
    """List the calls that have no answer yet, in the order in which they were made."""
    return tuple(
        effect for task in fold.tasks for effect in task.pending.values() if not effect.failed
    )


def _fork_view(
    fold: SessionFold, origin: Origin, branch: Branch, output_folder: str, fork_id: UUID
) -> ForkView:
    return ForkView(
        session_id=None,
        dry_run=True,
        origin=origin,
        what_if=branch.what_if,
        reason=branch.reason,
        status=fold.session.status,
        output_folder=output_folder,
        appended=(AppendedView(type=Session.Forked.TOPIC, stream=fork_id, version=1),),
        repeated=pending_effects(fold),
        done=tuple(_done(fold)),
        files=(),
        missing=(),
        state_hash=session_view(fold).state_hash,
    )


def _done(fold: SessionFold, without: SessionFold | None = None) -> Iterator[DoneEffectView]:
    """List the answered calls of a session, by task, but those that it had made before."""
    before = set() if without is None else set(_answered(without))
    for effect_id, (task, step) in _answered(fold).items():
        if effect_id not in before:
            yield DoneEffectView(
                effect_id=effect_id, task_id=task.id, agent=step.agent, **_cost_of(step)
            )


def _answered(fold: SessionFold) -> dict[UUID, tuple[Task, Step]]:
    return {
        step.effect_id: (task, step)
        for task in fold.tasks
        for step in task.steps
        if step.answer is not None
    }


def _cost_of(step: Step) -> dict[str, Any]:
    if isinstance(step.answer, ModelAnswer):
        usage = step.answer.usage
        return {
            "name": step.answer.model,
            "tokens": usage.context_tokens + usage.output_tokens,
            "cost_usd": step.answer.cost_usd,
        }
    files = step.answer.artefacts if step.answer else ()
    return {"name": step.call.tool if step.call else "", "files": [file.path for file in files]}


def _appended(recorded: RecordedEvent) -> AppendedView:
    event = recorded.event
    return AppendedView(
        type=recorded.type,
        stream=event.originator_id,
        version=event.originator_version,
        position=recorded.position,
    )


def _in_flight(session_id: UUID, pending: tuple[PendingEffect, ...]) -> str:
    called = ", ".join(
        f"{effect.agent} {effect.call.tool if effect.call else effect.model}" for effect in pending
    )
    return (
        f"Session {str(session_id)!r} has {len(pending)} calls in flight ({called}): wait for"
        " their answers, or give them up with --cancel-effects."
    )
