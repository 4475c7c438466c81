"""Drives the offline model through whole requests with the real tools, without the engine."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from pydantic import JsonValue

from application.briefs import (
    SUBMIT_INTENT,
    SUBMIT_PLAN,
    SUBMIT_RESULT,
    AgentBrief,
    Brief,
    DecomposeBrief,
    DepartmentBrief,
    ExecuteBrief,
    FileBrief,
    InterpretBrief,
    PresentBrief,
    ResultBrief,
    Submission,
)
from application.errors import EffectError
from application.ports import ModelRequest, ToolRequest, Workspace
from domain.artefact import Artefact, InputFile
from domain.effect import ModelAnswer, ToolAnswer, ToolCall
from domain.planning import Plan, PlannedTask, check_plan
from domain.session import Intent
from domain.task import Result, Step
from infrastructure.models.offline import OfflineModel
from infrastructure.tools.toolbox import LocalToolbox

MAX_ITERATIONS = 8
DEPARTMENTS = tuple(
    DepartmentBrief(key=key, label=key.title(), skills=tuple(skills.split()))
    for key, skills in {
        "analytics": "reporting visualization dashboards kpi metrics tracking analysis patterns"
        " forecasting ml sql data_extraction charts graphs",
        "finance": "budgeting planning invoicing expenses tax audit treasury reporting statements"
        " forecasting modeling",
        "creative": "ui_ux graphic video writing brand",
        "administration": "documents filing scheduling travel archiving records coordination",
        "legal": "contracts review compliance",
    }.items()
)
AGENT = AgentBrief(handle="TST_001", display_name="Tester", description="", skills=())


@dataclass
class Run:
    """What a request came to."""

    intent: Intent
    plan: Plan | None = None
    results: dict[str, Result] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    model_calls: dict[str, int] = field(default_factory=dict)
    tool_calls: list[ToolCall] = field(default_factory=list)
    tool_failures: list[str] = field(default_factory=list)
    artefacts: list[Artefact] = field(default_factory=list)
    answer: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the plan's tasks."""
        return tuple(task.key for task in self.plan.tasks) if self.plan else ()


class OfflineDriver:
    """Feeds briefs to the offline model and runs the tools it calls.

    Args:
        inputs: the session's input files.
        output: the session's output folder.
    """

    def __init__(self, inputs: list[Path], output: Path, max_input_bytes: int = 50_000_000) -> None:
        self.model = OfflineModel()
        self.toolbox = LocalToolbox(past_turns=None, max_input_bytes=max_input_bytes)
        self.tools = self.toolbox.briefs(self.toolbox.names)
        files = tuple(
            InputFile(
                name=path.name,
                path=str(path),
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                size=path.stat().st_size,
            )
            for path in inputs
        )
        self.workspace = Workspace(session_id=uuid4(), input_files=files, output_folder=output)
        self.files = tuple(
            FileBrief(name=file.name, size=file.size, sha256=file.sha256) for file in files
        )

    def run(self, request: str) -> Run:
        """Serve a request from the first word to the answer."""
        return asyncio.run(self._run(request))

    async def _run(self, request: str) -> Run:
        interpreted = await self.ask(
            InterpretBrief(agent=AGENT, request=request, files=self.files, departments=DEPARTMENTS)
        )
        intent = Intent.model_validate(submitted(interpreted, SUBMIT_INTENT))
        run = Run(intent=intent)
        if not intent.servable:
            return run
        decomposed = await self.ask(
            DecomposeBrief(
                agent=AGENT,
                request=request,
                intent=intent,
                files=self.files,
                departments=DEPARTMENTS,
            )
        )
        run.plan = Plan.model_validate(submitted(decomposed, SUBMIT_PLAN))
        check_plan(run.plan, {department.key: department.skills for department in DEPARTMENTS})
        for task in run.plan.tasks:
            await self._execute(run, request, task)
        run.answer = await self._present(run, request)
        return run

    async def ask(self, brief: Brief) -> ModelAnswer:
        """Ask the model twice and hold that the answers are the same."""
        request = ModelRequest(
            effect_id=uuid4(), model="offline", brief=brief, compression=0, timeout_s=10
        )
        answer = await self.model.answer(request)
        again = await OfflineModel().answer(request)
        assert answer == again
        assert answer.stop_reason == ("tool_use" if answer.tool_calls else "end_turn")
        return answer

    async def _execute(self, run: Run, request: str, task: PlannedTask) -> None:
        blocked = [key for key in task.depends_on if key in run.failures]
        if blocked:
            reason = run.failures[blocked[0]]
            run.failures[task.key] = f"It needs {blocked[0]!r}, which failed: {reason}"
            return
        steps: list[Step] = []
        artefacts: list[Artefact] = []
        for iteration in range(1, MAX_ITERATIONS + 1):
            brief = self.execute_brief(run, request, task, tuple(steps), iteration)
            answer = await self.ask(brief)
            steps.append(Step(effect_id=uuid4(), purpose="execute", answer=answer))
            run.model_calls[task.key] = iteration
            if answer.tool_calls[0].tool == SUBMIT_RESULT:
                self._submit(run, task, answer.tool_calls[0].arguments, artefacts)
                return
            found = await asyncio.gather(*(self.use(call) for call in answer.tool_calls))
            # The last call answers first: order of answers must not matter.
            steps += reversed(found)
            run.tool_calls += answer.tool_calls
            for step in found:
                if step.failure is not None:
                    run.tool_failures.append(step.failure.message)
                elif isinstance(step.answer, ToolAnswer):
                    artefacts += step.answer.artefacts
        msg = f"task {task.key!r} was not done in {MAX_ITERATIONS} model calls"
        raise AssertionError(msg)

    def execute_brief(
        self,
        run: Run,
        request: str,
        task: PlannedTask,
        steps: tuple[Step, ...] = (),
        iteration: int = 1,
    ) -> ExecuteBrief:
        """Make the brief of a task's next model call."""
        return ExecuteBrief(
            agent=AGENT,
            request=request,
            intent=run.intent,
            task=task,
            task_id=UUID(int=1),
            files=self.files,
            dependencies=tuple(
                ResultBrief(key=key, title=key, agent="TST_001", result=run.results.get(key))
                for key in task.depends_on
            ),
            tools=self.tools,
            steps=steps,
            last=iteration == MAX_ITERATIONS,
        )

    async def use(self, call: ToolCall) -> Step:
        """Use a real tool."""
        request = ToolRequest(
            effect_id=uuid4(), agent="TST_001", call=call, workspace=self.workspace, timeout_s=60
        )
        try:
            answer = await self.toolbox.use(request)
        except EffectError as error:
            return Step(effect_id=request.effect_id, call=call, failure=error.failure)
        return Step(effect_id=request.effect_id, call=call, answer=answer)

    def _submit(
        self,
        run: Run,
        task: PlannedTask,
        arguments: dict[str, JsonValue],
        artefacts: list[Artefact],
    ) -> None:
        submission = Submission.model_validate(arguments)
        run.artefacts += artefacts
        if submission.done:
            run.results[task.key] = Result(
                summary=submission.summary, data=submission.data, artefacts=tuple(artefacts)
            )
        else:
            run.failures[task.key] = submission.summary

    async def _present(self, run: Run, request: str) -> str:
        tasks = run.plan.tasks if run.plan else ()
        answer = await self.ask(
            PresentBrief(
                agent=AGENT,
                request=request,
                intent=run.intent,
                results=tuple(
                    ResultBrief(
                        key=task.key,
                        title=task.title,
                        agent="TST_001",
                        result=run.results.get(task.key),
                        failure=run.failures.get(task.key),
                    )
                    for task in tasks
                ),
                artefacts=tuple(run.artefacts),
            )
        )
        return answer.text


def submitted(answer: ModelAnswer, tool: str) -> dict[str, JsonValue]:
    """Give the arguments of the one submission an answer holds."""
    assert [call.tool for call in answer.tool_calls] == [tool]
    return answer.tool_calls[0].arguments
