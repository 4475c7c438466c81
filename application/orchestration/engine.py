"""Engine: runs one session from wherever it stands to its end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from application.directory import Directory
from application.errors import EffectError
from application.fold import SessionFold
from application.orchestration.briefing import Briefing
from application.orchestration.commands import RepeatEffect
from application.orchestration.deciding import Setting, decide, take_over
from application.orchestration.journal import Journal
from application.orchestration.means import Means, NobodyAskedError
from application.orchestration.performing import Performer
from application.orchestration.recordable import as_recorded
from application.ports import ModelRequest, ToolRequest, Workspace
from domain.effect import Failure, FailureKind, ModelAnswer, PendingEffect, ToolAnswer
from domain.recovery import compression_after, wait_before_retry
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

    def __init__(
        self,
        fold: SessionFold,
        directory: Directory,
        journal: Journal,
        means: Means,
    ) -> None:
        self._fold = fold
        self._journal = journal
        self._means = means
        self._briefing = Briefing(fold, directory, means.toolbox)
        self._performer = Performer(fold, directory, journal)
        self._setting = Setting.of(directory)
        self._running: dict[UUID, asyncio.Task[Settled]] = {}
        self._left_open: set[UUID] = set()

    async def run(self, *, resumed: bool) -> None:
        """Run until the session has ended, or only such effects are left that nobody may perform.

        Args:
            resumed: whether another process ran the session before; what it left pending is
                performed again under the same effect ids, after a failure not without its wait.
        """
        try:
            if resumed:
                for command in take_over(self._fold):
                    self._performer.perform(command)
            await self._advance()
            while self._running:
                done, _ = await asyncio.wait(
                    self._running.values(), return_when=asyncio.FIRST_COMPLETED
                )
                for finished in [each for each in self._running.values() if each in done]:
                    self._record(finished.result())
                await self._advance()
        finally:
            await self._abandon()

    async def _advance(self) -> None:
        while commands := decide(self._fold, self._setting):
            for command in commands:
                self._performer.perform(command)
        await self._journal.flush()
        self._launch()

    def _launch(self) -> None:
        limit = self._fold.session.charter.policy.max_parallel_effects
        busy = self._running.keys() | self._left_open
        for task in self._fold.tasks:
            for effect_id, effect in () if task.ended else task.pending.items():
                if effect_id not in busy and len(self._running) < limit:
                    attempt = (
                        self._pause(task, effect) if effect.failed else self._try(task, effect)
                    )
                    self._running[effect_id] = asyncio.create_task(attempt)

    async def _pause(self, task: Task, effect: PendingEffect) -> Settled:
        policy = self._fold.session.charter.policy
        failures = task.failed_attempts[effect.effect_id]
        seconds = wait_before_retry(failures, policy) or 0.0
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
                    timeout_s=charter.policy.tool_timeout_s,
                )
            )
        return await self._means.model.answer(
            ModelRequest(
                effect_id=effect.effect_id,
                model=effect.model,
                brief=self._briefing.brief(effect.purpose, task, effect.agent),
                compression=compression_after(task.failed_attempts.get(effect.effect_id, [])),
                timeout_s=charter.policy.model_timeout_s,
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
                self._performer.perform(RepeatEffect(task.id, settled.effect))
                return
            case ModelAnswer() as answer:
                task.answer_model(effect_id, answer, now)
            case ToolAnswer() as answer:
                task.answer_tool(effect_id, answer, now)
            case Failure() as failure if settled.effect.call is not None:
                task.fail_tool(effect_id, failure, now)
            case Failure() as failure:
                failures = [*task.failed_attempts.get(effect_id, []), failure]
                policy = self._fold.session.charter.policy
                final = wait_before_retry(failures, policy) is None
                task.fail_model(effect_id, failure, now, final=final)
        self._journal.collect(task, settled.effect.agent)

    async def _abandon(self) -> None:
        """Stop all attempts and wait until they are over, however often one is told to hurry."""
        for attempt in self._running.values():
            attempt.cancel()
        while any(not attempt.done() for attempt in self._running.values()):
            with suppress(asyncio.CancelledError):  # the one that brought us here goes on
                await asyncio.wait(self._running.values())
