"""The product team, offline: handoffs, products whose tests pass, and time beside one agent.

Run with `python -m benchmarks.role_team [--quick] [--json]`. Every figure comes from sessions on a
real server; the rules of the offline model answer in place of a language model.

- Handoffs: the task of `product-team-relay` goes through four roles. Counted from the log.
- Requirements: drawn from a seeded grammar, built by `product-team`, and then the tests that the
  team wrote are run once more by a plain Python. Free wordings are told beside, without a target:
  the rules know kinds of products and not the language.
- Time: the ten tasks of `product-team` side by side, against the same tasks with the same prompts
  by one agent that has all tools, one after the other. Answers take as long as those of a language
  model would (a fifth of that with --quick): a moment for each call, and more for longer answers.

It does not show how good a language model is in the roles, nor whether one that keeps all in one
conversation would need fewer calls.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from application.ports import ModelRequest
from application.registration import Member, register_agent
from benchmarks import requirements
from benchmarks.event_log import Bench
from benchmarks.figures import Figures, figure, main
from domain.agent import AgentCapabilities, Level, Post
from domain.effect import ModelAnswer
from domain.session import SessionStatus
from domain.workflow import Workflow
from hansard.api.asynchronous import AsyncHansard
from infrastructure.database import EmbeddedServer
from infrastructure.models.offline import OfflineModel
from infrastructure.workflows import load_workflow, packaged_workflows

if TYPE_CHECKING:
    from application.views import SessionView
    from hansard.bootstrap import House

TEAM, RELAY = "product-team", "product-team-relay"
SOLO = "PT_SOLO"
CALL_S, TOKENS_PER_S = 0.8, 80.0
"""What a call of a language model takes before it writes, and how fast it writes."""


class TimedModel:
    """The offline rules, as slow as a language model.

    The data that the rules hand on are not counted: a language model says the same in its files.

    Args:
        scale: share of a language model's time that an answer takes.
    """

    def __init__(self, scale: float) -> None:
        self._inner = OfflineModel()
        self._scale = scale

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer after the time that writing the answer would take."""
        answer = await self._inner.answer(request)
        told = (
            {key: value for key, value in call.arguments.items() if key != "data"}
            for call in answer.tool_calls
        )
        written = len(answer.text) + sum(len(json.dumps(each)) for each in told)
        await asyncio.sleep(self._scale * (CALL_S + written / 4 / TOKENS_PER_S))
        return answer


class Stage:
    """A house on a server of its own, and folders for what is built."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.api = AsyncHansard(house)
        self._folder = folder
        self._built = 0

    def build(self, requirement: str, workflow: Workflow | str = TEAM) -> SessionView:
        """Let a team build what a requirement asks for."""
        self._built += 1
        folder = self._folder / str(self._built)
        return asyncio.run(self.api.run_workflow(workflow, requirement, output=folder))


def measure_handoffs(stage: Stage, *, quick: bool) -> Figures:
    """How many of the handoffs that were asked for were accepted, on a task that was then done."""
    asked = went_well = 0
    for requirement in requirements.drawn(5 if quick else 50, seed=11):
        view = stage.build(requirement, RELAY)
        types = [
            recorded.type
            for recorded in stage.house.log.read(session_id=view.session_id)
            if recorded.type.startswith("task.handoff_")
        ]
        asked += types.count("task.handoff_requested")
        if view.status is SessionStatus.COMPLETED:
            went_well += types.count("task.handoff_accepted")
    return {
        "handoffs asked for": figure(asked),
        "handoffs that succeed": figure(went_well / asked, at_least=0.95),
    }


def measure_requirements(stage: Stage, *, quick: bool) -> Figures:
    """How many requirements become a product whose tests pass."""
    drawn = requirements.drawn(10 if quick else 100)
    built = sum(works(stage.build(requirement)) for requirement in drawn)
    free = requirements.FREE[:4] if quick else requirements.FREE
    views = [stage.build(requirement) for requirement in free]
    declined = sum(view.status is SessionStatus.FAILED for view in views)
    return {
        "requirements drawn": figure(len(drawn)),
        "requirement to implementation": figure(built / len(drawn), at_least=0.9),
        "free wordings built": figure(sum(map(works, views)) / len(free)),
        "free wordings declined with the reason": figure(declined / len(free)),
    }


def works(view: SessionView) -> bool:
    """Tell whether a team was done, and the tests it wrote pass outside of the house, too."""
    if view.status is not SessionStatus.COMPLETED or len(view.artefacts) != 10:  # noqa: PLR2004 - outputs of the team
        return False
    command = [sys.executable, "-m", "unittest", "-q", "test_product"]
    done = subprocess.run(command, cwd=view.output_folder, capture_output=True, check=False)
    return done.returncode == 0


def measure_time(stage: Stage, *, quick: bool) -> Figures:
    """Wall time of one agent over that of the team, for the same tasks."""
    scale = 0.2 if quick else 1.0
    fast = stage.house.sessions
    stage.build(requirements.drawn(1)[0])  # the team has joined, and everything is loaded
    alone = by_one_agent(stage)
    stage.house.sessions = replace(fast, model=TimedModel(scale))
    ratios, seconds = [], {TEAM: [0.0], SOLO: [0.0]}
    for requirement in requirements.drawn(1 if quick else 3, seed=3):
        taken = {}
        for name, workflow in ((TEAM, TEAM), (SOLO, alone)):
            started = perf_counter()
            view = stage.build(requirement, workflow)
            taken[name] = (perf_counter() - started) / scale
            assert view.status is SessionStatus.COMPLETED, view.answer
            seconds[name].append(taken[name])
        ratios.append(taken[SOLO] / taken[TEAM])
    stage.house.sessions = fast
    return {
        "one agent : team": figure(statistics.median(ratios), at_least=2),
        "team, at a language model's pace (s)": figure(statistics.median(seconds[TEAM][1:])),
        "one agent, at that pace (s)": figure(statistics.median(seconds[SOLO][1:])),
    }


def by_one_agent(stage: Stage) -> Workflow:
    """Give all tasks of the team to one agent that has all skills and tools, one at a time."""
    workflow = load_workflow(packaged_workflows()[TEAM])
    members = [agent for agent in asyncio.run(stage.api.agents()) if agent.handle.startswith("PT_")]
    sessions = stage.house.sessions
    solo = Member(
        handle=SOLO,
        display_name="Sol Solo",
        post=Post(level=Level.SPECIALIST, department="product_team", supervisor="PT_LEAD"),
        capabilities=AgentCapabilities(
            description="Does everything.",
            skills=tuple(dict.fromkeys(skill for agent in members for skill in agent.skills)),
            tools=tuple(dict.fromkeys(tool for agent in members for tool in agent.tools)),
            max_reasoning_turns=12,
        ),
    )
    register_agent(sessions.log, sessions.ids, sessions.clock, solo)
    terms = {
        key: each.model_copy(update={"agent": SOLO, "handoffs": ()})
        for key, each in workflow.procedure.terms.items()
    }
    procedure = workflow.procedure.model_copy(update={"terms": terms, "max_parallel": 1})
    return workflow.model_copy(update={"procedure": procedure})


def measure(quick: bool) -> Figures:  # noqa: FBT001 - called by benchmarks.figures
    """Measure everything on one embedded server."""
    from hansard.bootstrap import build, load_settings  # noqa: PLC0415 - heavy

    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="hansard-bench-")))
        server = closing.enter_context(EmbeddedServer(folder / "postgres").joined())
        conninfo = Bench(server, closing, quick=quick).database("team")
        settings = load_settings(database_url=conninfo, home=folder / "home", model="offline")
        house = build(settings)
        closing.callback(house.close)
        stage = Stage(house, folder / "built")
        return (
            measure_handoffs(stage, quick=quick)
            | measure_requirements(stage, quick=quick)
            | measure_time(stage, quick=quick)
        )


if __name__ == "__main__":
    main(measure, __doc__)
