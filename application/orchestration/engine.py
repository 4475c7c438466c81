"""Engine: runs one session from wherever it stands to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from application.directory import Directory
from application.errors import EffectError
from application.fold import SessionFold
from application.orchestration.briefing import Briefing
from application.orchestration.budgeting import context_limit, output_limit
from application.orchestration.commands import RepeatEffect
from application.orchestration.deciding import Setting, decide, take_over
from application.orchestration.hearing import Hearing, open_approvals, receive, rests
from application.orchestration.journal import Journal
from application.orchestration.means import Means, NobodyAskedError
from application.orchestration.performing import Performer
from application.orchestration.procedures import by_urgency
from application.orchestration.recordable import as_recorded
from application.orchestration.recovering import is_final, timeout_s, wait_s
from application.ports import ModelRequest, ToolRequest, Workspace
from application.routing.gathering import NOTHING_GATHERED, Gatherer
from domain.effect import Failure, FailureKind, ModelAnswer, PendingEffect, ToolAnswer
from domain.recovery import compression_after
from domain.task import Task

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """An attempt of an effect is over; without an outcome its wait for the next one is over.

    Attributes:
        left_open: whether nobody may be asked, so that the effect stays pending.
    """

    task_id: UUID
    effect: PendingEffect
    outcome: ModelAnswer | ToolAnswer | Failure | None
    left_open: bool = False


class SessionEngine:
    """Decides, records, performs effects, records their answers, and decides again.

    Every answer is appended together with what was decided because of it, before any effect that
    depends on it starts.
    """

    def __init__(  # noqa: PLR0913 - what a session is run with
        self,
        fold: SessionFold,
        directory: Directory,
        journal: Journal,
        means: Means,
        gatherer: Gatherer = NOTHING_GATHERED,
        *,
        hearing: Hearing | None = None,
    ) -> None:
        self._fold = fold
        self._journal = journal
        self._means = means
        self._setting = Setting.of(directory)
        self._briefing = Briefing(fold, directory, means.toolbox, self._setting)
        self._do = Performer(fold, directory, journal, gatherer).perform  # looked up once
        self._hearing = hearing
        if hearing is not None:
            self._setting = replace(self._setting, consult=hearing.consult)
        self._heard: asyncio.Event | None = None
        self._listening = AsyncExitStack()
        self._running: dict[UUID, asyncio.Task[Settled]] = {}
        self._left_open: set[UUID] = set()

    async def run(self, *, resumed: bool) -> None:
        """Run until the session has ended, or waits for nothing but humans.

        It also ends where only such effects are left that nobody may perform.

        Args:
            resumed: whether another process ran the session before; what it left pending is
                performed again under the same effect ids, after a failure not without its wait.
        """
        try:
            if resumed and self._only_waits():
                return
            receive(self._fold, self._journal)
            if resumed:
                for command in take_over(self._fold):
                    self._do(command)
            await self._advance()
            while await self._wait():
                await self._advance()
        finally:
            await self._listening.aclose()
            await self._abandon()

    def _only_waits(self) -> bool:
        """Tell whether there is nothing to do before a human has answered."""
        fold, hearing = self._fold, self._hearing
        return (
            hearing is not None
            and not fold.on_hold
            and self._journal.is_empty
            and rests(fold)
            and hearing.seconds_left(fold) != 0.0
            and not decide(fold, self._setting)
        )

    async def _wait(self) -> bool:
        """Wait for the next answer, of an effect or of a human; tell whether one came."""
        if self._hearing is None or not open_approvals(self._fold):
            if not self._running:
                return False
            await self._settle(self._running.values())
            return True
        if not self._running:
            return await self._hear(self._hearing)  # a last look before the session rests
        if self._heard is None:
            listening = self._hearing.listening(self._fold.session_id)
            self._heard = await self._listening.enter_async_context(listening)
        ringing = asyncio.ensure_future(self._heard.wait())
        try:
            seconds = self._hearing.seconds_left(self._fold)
            await self._settle((*self._running.values(), ringing), seconds)
        finally:
            ringing.cancel()
        if self._heard.is_set() or self._hearing.seconds_left(self._fold) == 0.0:
            self._heard.clear()
            await self._hear(self._hearing)
        return True

    async def _settle(
        self, awaited: Iterable[asyncio.Future[Any]], timeout_s: float | None = None
    ) -> None:
        """Wait until something is over, and record the effects that are."""
        done, _ = await asyncio.wait(
            tuple(awaited), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        for finished in [each for each in self._running.values() if each in done]:
            self._record(finished.result())

    async def _hear(self, hearing: Hearing) -> bool:
        """Take in what humans said since; tell whether they did."""
        await hearing.take_in(self._fold)
        return receive(self._fold, self._journal) > 0

    async def _advance(self) -> None:
        while commands := decide(self._fold, self._setting):
            for command in commands:
                self._do(command)
        await self._journal.flush()
        await self._stop_needless()
        self._launch()

    async def _stop_needless(self) -> None:
        """Stop the attempts for tasks that have ended without them, such as votes too late."""
        needless = [
            self._running.pop(effect_id)
            for task in self._fold.tasks
            if task.ended
            for effect_id in task.pending
            if effect_id in self._running
        ]
        for attempt in needless:
            attempt.cancel()
        if needless:
            await asyncio.wait(needless)

    def _launch(self) -> None:
        limit = self._fold.session.charter.policy.max_parallel_effects
        busy = self._running.keys() | self._left_open
        for task in by_urgency(self._fold):
            for effect_id, effect in () if task.ended else task.pending.items():
                if effect_id not in busy and len(self._running) < limit:
                    attempt = (
                        self._pause(task, effect) if effect.failed else self._try(task, effect)
                    )
                    self._running[effect_id] = asyncio.create_task(attempt)

    async def _pause(self, task: Task, effect: PendingEffect) -> Settled:
        seconds = wait_s(task, effect, self._fold.session.charter.policy)
        await self._means.wait(effect.effect_id, seconds)
        return Settled(task.id, effect, None)

    async def _try(self, task: Task, effect: PendingEffect) -> Settled:
        try:
            outcome: ModelAnswer | ToolAnswer | Failure = as_recorded(
                await self._perform(task, effect)
            )
        except EffectError as error:
            outcome = error.failure
        except NobodyAskedError:
            return Settled(task.id, effect, None, left_open=True)
        except Exception as error:
            logger.exception("effect %s failed unexpectedly", effect.effect_id)
            message = f"Unexpected {type(error).__name__} in {effect.kind.value} effect: {error}"
            recordable = message.encode(errors="backslashreplace").decode()
            outcome = Failure(kind=FailureKind.INTERNAL, message=recordable)
        return Settled(task.id, effect, outcome)

    async def _perform(self, task: Task, effect: PendingEffect) -> ModelAnswer | ToolAnswer:
        charter = self._fold.session.charter
        if effect.call is not None:
            workspace = Workspace(
                session_id=self._fold.session_id,
                input_files=charter.input_files,
                output_folder=Path(charter.output_folder),
            )
            return await self._means.toolbox.use(
                ToolRequest(
                    effect_id=effect.effect_id,
                    agent=effect.agent,
                    call=effect.call,
                    workspace=workspace,
                    timeout_s=timeout_s(task, effect, charter.policy),
                )
            )
        agent, purpose = effect.agent, effect.purpose
        return await self._means.model.answer(
            ModelRequest(
                effect_id=effect.effect_id,
                model=effect.model,
                brief=self._briefing.brief(purpose, task, agent),
                compression=compression_after(task.failed_attempts.get(effect.effect_id, [])),
                timeout_s=timeout_s(task, effect, charter.policy),
                max_output_tokens=output_limit(task, agent, purpose, self._fold, self._setting),
                max_context_tokens=context_limit(agent, self._fold, self._setting),
            )
        )

    def _record(self, settled: Settled) -> None:
        effect_id = settled.effect.effect_id
        del self._running[effect_id]
        if settled.left_open:
            self._left_open.add(effect_id)
            return
        task = self._fold.task(settled.task_id)
        now = self._journal.now()
        match settled.outcome:
            case None:
                self._do(RepeatEffect(task.id, settled.effect))
                return
            case ModelAnswer() as answer:
                task.answer_model(effect_id, answer, now)
            case ToolAnswer() as answer:
                task.answer_tool(effect_id, answer, now)
            case Failure() as failure if settled.effect.call is not None:
                task.fail_tool(effect_id, failure, now)
            case Failure() as failure:
                failures = [*task.failed_attempts.get(effect_id, []), failure]
                final = is_final(settled.effect, failures, self._fold.session.charter.policy)
                task.fail_model(effect_id, failure, now, final=final)
        self._journal.collect(task, settled.effect.agent)

    async def _abandon(self) -> None:
        """Stop all attempts and wait until they are over, however often one is told to hurry."""
        for attempt in self._running.values():
            attempt.cancel()
        while any(not attempt.done() for attempt in self._running.values()):
            with suppress(asyncio.CancelledError):  # the one that brought us here goes on
                await asyncio.wait(self._running.values())
