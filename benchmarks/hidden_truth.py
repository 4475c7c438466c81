"""Hidden truth: an organisation whose agents say they can do the same, and differ in what they do.

Everything follows from a seed. Time is simulated: answers say how long they took, and nobody waits.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import yaml
from pydantic import JsonValue

from application.briefs import SUBMIT_RESULT, ExecuteBrief
from application.fold import SessionFold
from application.ports import ModelRequest
from domain.effect import ModelAnswer, ToolCall
from domain.patterns import Part, task
from domain.task import Task, TaskStatus
from domain.workflow import OnError

SKILLS = ("charting", "costing", "drafting", "sampling")
AGENTS = 24
JOB, VOTER = "job_", "voter_"
OPTIONS = ("north", "east", "south", "west")
BID_COST_USD, BID_S = 0.0002, 0.5
"""What it costs an agent to think about a bid."""


@dataclass(frozen=True, slots=True)
class Talent:
    """What an agent really is.

    Attributes:
        ability: 0 to 1, that it succeeds at a task in its first skill; in its second it is 0.15
            less.
        cost_usd: of a task of size 1.
        duration_s: of a task of size 1.
        estimate: what it thinks of its ability; it is off by up to 0.1.
    """

    skills: tuple[str, str]
    ability: float
    cost_usd: float
    duration_s: float
    estimate: float


class World:
    """The truth of one seed.

    Attributes:
        liars: handles of voters that agree on a wrong answer, and hold to it.
    """

    def __init__(self, seed: int) -> None:
        random = Random(seed)  # noqa: S311 - a workload
        self.seed = seed
        self.liars: frozenset[str] = frozenset()
        self.talents: dict[str, Talent] = {}
        for number in range(AGENTS):
            ability = random.uniform(0.45, 0.95)
            first = SKILLS[number % len(SKILLS)]
            second = random.choice([skill for skill in SKILLS if skill != first])
            self.talents[f"WRK_{number + 1:03}"] = Talent(
                skills=(first, second),
                ability=ability,
                cost_usd=random.uniform(0.01, 0.05),
                duration_s=random.uniform(20, 90),
                estimate=min(1.0, max(0.05, ability + random.uniform(-0.1, 0.1))),
            )

    def jobs(self, wave: int, count: int) -> list[Part]:
        """Make tasks, each of one skill or two and a size from 1 to 3."""
        random = Random(f"{self.seed}/{wave}")  # noqa: S311 - a workload
        parts = []
        for number in range(count):
            skills = random.sample(SKILLS, random.choice((1, 2)))
            size = random.randint(1, 3)
            key = f"{JOB}{wave}_{number + 1}_{size}"
            named = " and ".join(skills)
            parts.append(
                task(key, f"Do the {named}.", skills=skills, on_error=OnError.SKIP, default={})
            )
        return parts

    def eligible(self, part: Part) -> list[str]:
        """Name those who say they have the first skill of a task."""
        return [each for each, own in self.talents.items() if part.task.skills[0] in own.skills]

    def works(self, handle: str, key: str, skills: tuple[str, ...]) -> bool:
        """Tell whether an agent succeeds at a task; the same one always does."""
        own = self.talents[handle]
        wanted = skills[0] if skills else own.skills[0]
        lacking = 0.0 if wanted == own.skills[0] else 0.15 if wanted in own.skills else 0.6
        draw = Random(f"{self.seed}/{handle}/{key}").random()  # noqa: S311 - a workload
        return draw < own.ability - lacking

    def vote(self, handle: str, question: str) -> str:
        """Tell what an agent votes: the truth as often as it is able, else something random."""
        if handle in self.liars:
            return lie(question)
        if self.works(handle, question, ()):
            return truth(question)
        return Random(f"{self.seed}/{handle}/{question}/guess").choice(OPTIONS)  # noqa: S311

    def roster(self, folder: Path) -> Path:
        """Write the organisation down as the settings want it."""
        workers = [
            {
                "id": handle,
                "name": f"Worker {handle[-3:]}",
                "level": "L2",
                "speciality": "Work",
                "skills": list(own.skills),
            }
            for handle, own in self.talents.items()
        ]
        director = {"id": "DIR_WORKS", "name": "Director", "level": "L1"}
        works = {"label": "Works", "director": director, "specialists": workers}
        content = {
            "personal_agent": {"id": "NOVA_001", "name": "Nova", "level": "L-1"},
            "orchestrator": {"id": "MM_001", "name": "MasterMind", "level": "L0"},
            "departments": {"works": works},
        }
        path = folder / f"roster-{self.seed}.yaml"
        path.write_text(yaml.safe_dump(content))
        return path


def truth(question: str) -> str:
    """Give the right answer to a question."""
    return Random(question).choice(OPTIONS)  # noqa: S311 - a workload


def lie(question: str) -> str:
    """Give the wrong answer on which all liars agree."""
    return OPTIONS[OPTIONS.index(truth(question)) - 1]


class HiddenModel:
    """Answers for every agent as it really is.

    Attributes:
        world: whose truth holds now.
    """

    def __init__(self, world: World) -> None:
        self.world = world

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer one call."""
        brief = request.brief
        assert isinstance(brief, ExecuteBrief), f"nobody answers {brief.purpose}"
        own = self.world.talents[brief.agent.handle]
        key, arguments = brief.task.key, brief.terms.arguments if brief.terms else {}
        if "auction" in arguments:
            size = int(str(brief.task.instruction).rpartition("size ")[2][:1] or 1)
            bid: dict[str, JsonValue] = {
                "willing": True,
                "price_usd": own.cost_usd * size,
                "reliability": own.estimate,
                "duration_s": own.duration_s * size,
            }
            return _said(bid, BID_COST_USD, BID_S)
        if "ballot" in arguments:
            cast = brief.dependencies[0].result
            assert cast is not None, "only votes that were cast are confirmed"
            return _said({"vote": cast.data["answer"]}, own.cost_usd / 10, own.duration_s / 10)
        if key.startswith(VOTER):
            vote = self.world.vote(brief.agent.handle, brief.task.instruction)
            return _said({"answer": vote}, own.cost_usd, own.duration_s)
        size = int(key[-1])
        done = self.world.works(brief.agent.handle, key, brief.task.skills)
        return _said({}, own.cost_usd * size, own.duration_s * size, done=done)


def _said(
    data: dict[str, JsonValue], cost_usd: float, duration_s: float, *, done: bool = True
) -> ModelAnswer:
    arguments: dict[str, Any] = {"done": done, "summary": "Tried.", "data": data}
    return ModelAnswer(
        model="hidden",
        tool_calls=(ToolCall(call_id="c1", tool=SUBMIT_RESULT, arguments=arguments),),
        stop_reason="tool_use",
        cost_usd=Decimal(f"{cost_usd:.6f}"),
        duration_ms=duration_s * 1000,
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What sessions came to.

    Attributes:
        busy_s: simulated seconds that each agent worked, by handle.
        rounds_s: simulated seconds of bidding, which is over before work begins.
    """

    jobs: int
    completed: int
    cost_usd: float
    busy_s: dict[str, float]
    rounds_s: float = 0.0

    @property
    def makespan_s(self) -> float:
        """Simulated seconds until the last agent is done, each doing one task after the other."""
        return self.rounds_s + max(self.busy_s.values(), default=0.0)


def outcome_of(fold: SessionFold) -> Outcome:
    """Add up what a session came to."""
    busy: defaultdict[str, float] = defaultdict(float)
    jobs = {each.id: each for each in fold.tasks if _is_job(each)}
    bidding: defaultdict[str, float] = defaultdict(float)
    cost = 0.0
    for each in fold.tasks:
        spent = [step.answer for step in each.steps if isinstance(step.answer, ModelAnswer)]
        cost += sum(float(answer.cost_usd or 0) for answer in spent)
        seconds = sum(answer.duration_ms for answer in spent) / 1000
        (busy if each.id in jobs else bidding)[each.holder] += seconds
    return Outcome(
        jobs=len(jobs),
        completed=sum(each.status is TaskStatus.COMPLETED for each in jobs.values()),
        cost_usd=cost,
        busy_s=dict(busy),
        rounds_s=max(bidding.values(), default=0.0),
    )


def added(outcomes: list[Outcome]) -> Outcome:
    """Add up what one wave after the other came to."""
    return Outcome(
        jobs=sum(each.jobs for each in outcomes),
        completed=sum(each.completed for each in outcomes),
        cost_usd=sum(each.cost_usd for each in outcomes),
        busy_s={"all": sum(each.makespan_s for each in outcomes)},
    )


def _is_job(each: Task) -> bool:
    return each.assignment.key.startswith(JOB) and not each.task_ids
