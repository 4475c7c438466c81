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
from application.orchestration.deciding import Setting, decide
from application.orchestration.journal import Journal
from application.orchestration.performing import Performer
from application.orchestration.recordable import as_recorded
from application.ports import Model, ModelRequest, Toolbox, ToolRequest, Workspace
from domain.effect import Failure, FailureKind, ModelAnswer, PendingEffect, ToolAnswer
from domain.recovery import compression_after, wait_before_retry
from domain.task import Task

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """An attempt of an effect is over; without an outcome its wait for the next one is over."""

    task_id: UUID
    effect: PendingEffect
    outcome: ModelAnswer | ToolAnswer | Failure | None


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
        model: Model,
        toolbox: Toolbox,
    ) -> None:
        self._fold = fold
        self._journal = journal
        self._model = model
        self._toolbox = toolbox
        self._briefing = Briefing(fold, directory, toolbox)
        self._performer = Performer(fold, directory, journal)
        self._setting = Setting(
            personal=directory.personal.handle,
            orchestrator=directory.orchestrator.handle,
            departments={
                department.key: directory.skills_of(department.key)
                for department in directory.departments
            },
            levels=directory.levels,
            turns={
                handle: agent.capabilities.max_reasoning_turns
                for handle, agent in directory.agents.items()
            },
        )
        self._running: dict[UUID, asyncio.Task[Settled]] = {}

    async def run(self, *, resumed: bool) -> None:
        """Run until the session has ended.

        Args:
            resumed: whether another process ran the session before; what it left pending is
                performed again under the same effect ids, after a failure not without its wait.
        """
        try:
            if resumed:
                self._take_over()
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

    def _take_over(self) -> None:
        pending = [(task, effect) for task in self._fold.tasks for effect in task.pending.values()]
        session = self._fold.session
        effect_ids = tuple(effect.effect_id for _, effect in pending)
        session.resume(effect_ids, self._journal.now())
        self._journal.collect(session, self._setting.personal)
        for task, effect in pending:
            if not effect.failed:
                self._performer.perform(RepeatEffect(task.id, effect))

    def _launch(self) -> None:
        limit = self._fold.session.charter.policy.max_parallel_effects
        for task in self._fold.tasks:
            for effect_id, effect in task.pending.items():
                if effect_id not in self._running and len(self._running) < limit:
                    attempt = (
                        self._pause(task, effect) if effect.failed else self._try(task, effect)
                    )
                    self._running[effect_id] = asyncio.create_task(attempt)

    async def _pause(self, task: Task, effect: PendingEffect) -> Settled:
        policy = self._fold.session.charter.policy
        failures = task.failed_attempts[effect.effect_id]
        await asyncio.sleep(wait_before_retry(failures, policy) or 0.0)
        return Settled(task.id, effect, None)

    async def _try(self, task: Task, effect: PendingEffect) -> Settled:
        try:
            outcome: ModelAnswer | ToolAnswer | Failure = as_recorded(
                await self._perform(task, effect)
            )
        except EffectError as error:
            outcome = error.failure
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
                session_id=self._fold.session.id,
                input_files=charter.input_files,
                output_folder=Path(charter.output_folder),
            )
            return await self._toolbox.use(
                ToolRequest(
                    effect_id=effect.effect_id,
                    agent=effect.agent,
                    call=effect.call,
                    workspace=workspace,
                    timeout_s=charter.policy.tool_timeout_s,
                )
            )
        return await self._model.answer(
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
