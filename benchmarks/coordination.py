"""What coordination gives over plain capability matching, and what a consensus takes.

Run with `python -m benchmarks.coordination [--quick] [--json]`. Sessions run on the real engine and
an embedded PostgreSQL; agents, their skills on paper and what they are really able to do come from
seeds (`benchmarks/hidden_truth.py`), and time is simulated but for the consensus figure.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from random import Random
from time import perf_counter

from application.briefs import SUBMIT_RESULT
from application.directory import load_directory
from application.fold import SessionFold
from application.ports import Model, ModelRequest
from application.sessions import Sessions
from application.teaming import needs_of_skills
from benchmarks.event_log import Bench
from benchmarks.figures import Figures, figure, main
from benchmarks.hidden_truth import (
    SKILLS,
    HiddenModel,
    Outcome,
    World,
    added,
    outcome_of,
    truth,
)
from domain import patterns as p
from domain.agent import Level
from domain.deliberation.negotiation import Issue, Party, utility
from domain.effect import ModelAnswer, ToolCall
from domain.policy import Policy
from domain.session import Charter, SessionStatus
from domain.workflow import AssemblyStrategy, OnError, Workflow
from hansard import bootstrap
from infrastructure.database import EmbeddedServer
from infrastructure.models.offline.model import OfflineModel
from infrastructure.settings import load_settings

JOBS = 20
POLICY = Policy(max_parallel_effects=50, retry_wait_s=0.0)
TEAM_SIZE = 8
PAST_WAVES = 8
"""Waves of tasks that are done before teams are formed, so that there is a past to learn from."""


class Stage:
    """An organisation of one seed with the engine behind it."""

    def __init__(self, conninfo: str, folder: Path, seed: int, stack: ExitStack) -> None:
        self.world = World(seed)
        settings = load_settings(
            home=folder, database_url=conninfo, model="offline", roster=self.world.roster(folder)
        )
        self.house = stack.enter_context(closing(bootstrap.build(settings)))
        self._folder = folder

    def sessions(self, model: Model | None = None) -> Sessions:
        """The use cases, with agents as they really are, or another model."""
        return replace(self.house.sessions, model=model or HiddenModel(self.world))

    def follow(self, pattern: p.Pattern, model: Model | None = None) -> SessionFold:
        """Run a session by a pattern."""
        charter = _charter(self._folder, p.workflow("bench", pattern))
        return asyncio.run(self.sessions(model).run(charter, lambda _: None))

    def work(self, wave: int, team: tuple[str, ...], routing: str) -> Outcome:
        """Let a team do a wave of tasks."""
        parts = self.world.jobs(wave, JOBS)
        pattern = p.parallel(*parts, strategy=AssemblyStrategy.MERGE, team=team, routing=routing)
        return outcome_of(self.follow(pattern))

    def auction(self, wave: int) -> Outcome:
        """Let each task of a wave be auctioned among all who say they can do it."""
        pattern = p.parallel(
            *(
                p.task(
                    f"lot_{number}",
                    "Have it done.",
                    pattern=p.auction(_sized(part), self.world.eligible(part)),
                    on_error=OnError.SKIP,
                    default={},
                )
                for number, part in enumerate(self.world.jobs(wave, JOBS))
            )
        )
        return outcome_of(self.follow(pattern))


def _sized(part: p.Part) -> p.Part:
    """Say in the announcement how large a task is."""
    size = part.task.key[-1]
    planned = part.task.model_copy(
        update={"instruction": f"{part.task.instruction} It is of size {size}"}
    )
    return part.model_copy(update={"task": planned})


def measure_work(stages: list[Stage]) -> Figures:
    """Completion, cost and time of the same tasks by each way of giving them out."""
    found: dict[str, list[Outcome]] = {}
    for stage in stages:
        everybody = tuple(stage.world.talents)
        for wave in range(PAST_WAVES):
            stage.work(wave, everybody, "rules")
        h = stage.house.teaming
        learned = h.form("learned", needs_of_skills(SKILLS), size=TEAM_SIZE).members
        first = everybody[:TEAM_SIZE]
        waves = (10, 11)
        ways = {
            "matching": [stage.work(wave, everybody, "rules") for wave in waves],
            "auction": [stage.auction(wave) for wave in waves],
            "assignment": [stage.work(wave, everybody, "assignment") for wave in waves],
            "matching, first 8": [stage.work(wave, first, "rules") for wave in waves],
            "team of 8": [stage.work(wave, learned, "rules") for wave in waves],
            "team of 8, assignment": [stage.work(wave, learned, "assignment") for wave in waves],
        }
        for way, outcomes in ways.items():
            found.setdefault(way, []).append(added(outcomes))
    return {
        name: row
        for way, outcomes in found.items()
        for name, row in _compared(way, outcomes, found[_rival(way)]).items()
    }


def _rival(way: str) -> str:
    return "matching, first 8" if way.startswith("team") else "matching"


def _compared(way: str, ours: list[Outcome], rival: list[Outcome]) -> Figures:
    def completion(outcomes: list[Outcome]) -> float:
        return sum(each.completed for each in outcomes) / sum(each.jobs for each in outcomes)

    def cost(outcomes: list[Outcome]) -> float:
        return sum(each.cost_usd for each in outcomes) / sum(each.completed for each in outcomes)

    def time(outcomes: list[Outcome]) -> float:
        return statistics.mean(each.makespan_s for each in outcomes)

    alone = ours is rival
    measures = {"completion": completion, "USD a completed task": cost, "makespan (s)": time}
    return {
        f"{way}: {name}": figure(of(ours), peer=None if alone else of(rival))
        for name, of in measures.items()
    }


def measure_votes(stages: list[Stage], questions: int) -> Figures:
    """How often one agent, a majority and a quorum give the right answer, a wrong one, or none."""
    tallies: dict[str, list[str | None]] = {}
    right: dict[str, list[bool]] = {}
    for stage in stages:
        names = list(stage.world.talents)
        for number in range(questions):
            question = f"Where is point {stage.world.seed}-{number}?"
            random = Random(question)  # noqa: S311 - a workload
            asked = random.sample(names, 7)
            for way, liars, voters, faults in (
                ("one agent", 0, 1, None),
                ("majority of 5", 0, 5, None),
                ("one agent, 2 of 7 lie", 2, 1, None),
                ("majority of 7, 2 lie", 2, 7, None),
                ("quorum of 7, 2 lie", 2, 7, 2),
                ("majority of 7, 4 lie", 4, 7, None),
                ("quorum of 7, 4 lie", 4, 7, 2),
            ):
                stage.world.liars = frozenset(random.sample(asked, liars))
                fold = stage.follow(p.consensus(question, asked[:voters], faults=faults))
                tally = fold.root.tally
                assert tally is not None, fold.session.answer
                tallies.setdefault(way, []).append(tally.outcome)
                right.setdefault(way, []).append(tally.outcome == truth(question))
        stage.world.liars = frozenset()
    return {
        f"{way}: {name}": figure(share)
        for way, outcomes in tallies.items()
        for name, share in (
            ("right", statistics.mean(right[way])),
            ("wrong", statistics.mean(_wrong(outcomes, right[way]))),
            ("no answer", statistics.mean(each is None for each in outcomes)),
        )
    }


def _wrong(outcomes: list[str | None], right: list[bool]) -> list[bool]:
    return [
        outcome is not None and not correct
        for outcome, correct in zip(outcomes, right, strict=True)
    ]


def measure_deals(stage: Stage, deals: int) -> Figures:
    """What two agents agree on by negotiation, and by taking or leaving the middle of the range."""
    random = Random(stage.world.seed)  # noqa: S311 - a workload
    issues = (
        Issue(name="price_usd", unit="USD", low=1, high=10),
        Issue(name="deadline_h", unit="h", low=1, high=48),
        Issue(name="scope", unit="share", low=0.2, high=1),
    )
    middle = {issue.name: (issue.low + issue.high) / 2 for issue in issues}
    agreed, taken, joint, least, posted = 0, 0, [], [], []
    turns = []
    for _ in range(deals):
        parties = tuple(
            Party(
                agent=handle,
                weights={issue.name: random.uniform(0.5, 5) for issue in issues},
                wants_low=wants_low,
                walk_away=random.uniform(0.2, 0.6),
                concession=random.uniform(0.3, 2),
            )
            for handle, wants_low in (
                ("WRK_001", ("price_usd", "deadline_h")),
                ("WRK_002", ("scope",)),
            )
        )
        fold = stage.follow(p.negotiation(issues, parties, max_rounds=6), OfflineModel())
        result = fold.root.result
        if result is not None:
            agreed += 1
            offer = {name: float(value) for name, value in dict(result.data["offer"]).items()}  # type: ignore[arg-type]
            worth = [utility(offer, party, issues) for party in parties]
            joint.append(sum(worth))
            least.append(min(worth))
            turns.append(len(fold.root.task_ids))
        worth = [utility(middle, party, issues) for party in parties]
        if all(own >= party.walk_away for own, party in zip(worth, parties, strict=True)):
            taken += 1
            posted.append(sum(worth))
    return {
        "negotiation: agreed : fixed terms": figure(agreed / deals, peer=taken / deals),
        "negotiation: joint utility : fixed terms": figure(
            statistics.mean(joint), peer=statistics.mean(posted)
        ),
        "negotiation: utility of who got least": figure(statistics.mean(least)),
        "negotiation: turns": figure(statistics.mean(turns)),
    }


class ReadyVoter:
    """Votes at once, always the same."""

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer one call."""
        del request
        return VOTE


VOTE = ModelAnswer(
    model="ready",
    tool_calls=(
        ToolCall(
            call_id="c1",
            tool=SUBMIT_RESULT,
            arguments={"done": True, "summary": "Yes.", "data": {"answer": "yes", "vote": "yes"}},
        ),
    ),
    stop_reason="tool_use",
)


def measure_consensus(conninfo: str, folder: Path, *, quick: bool) -> Figures:
    """What a consensus of 5 agents takes from question to recorded outcome, models at 0 ms.

    It is timed from the call until the last event is durable: opening the session, all votes, the
    second round of a quorum, the count and the end of the session.

    Args:
        conninfo: of a migrated database.
    """
    settings = load_settings(home=folder, database_url=conninfo, model="offline")
    with closing(bootstrap.build(settings)) as house:
        return _consensus(house, folder, quick=quick)


def _consensus(house: bootstrap.House, folder: Path, *, quick: bool) -> Figures:
    directory = load_directory(house.log)
    voters = [handle for handle, level in directory.levels.items() if level is Level.SPECIALIST][:5]
    sessions = replace(house.sessions, model=ReadyVoter())
    figures: Figures = {}
    for way, faults in (("majority", None), ("quorum, two rounds", 1)):
        pattern = p.consensus("Approve?", voters, faults=faults)
        charter = _charter(folder, p.workflow("vote", pattern))
        took = asyncio.run(_times(sessions, charter, 30 if quick else 200))
        figures[f"consensus of 5, {way}, p50 (ms)"] = figure(statistics.median(took), at_most=50)
        worst = statistics.quantiles(took, n=100)[98]
        figures[f"consensus of 5, {way}, p99 (ms)"] = figure(worst, at_most=1000)
    return figures


async def _times(sessions: Sessions, charter: Charter, votes: int) -> list[float]:
    """Run votes one after the other; the milliseconds of each, without the first three."""
    took = []
    for _ in range(votes + 3):
        began = perf_counter()
        fold = await sessions.run(charter, lambda _: None)
        took.append((perf_counter() - began) * 1000)
        assert fold.session.status is SessionStatus.COMPLETED, fold.session.answer
    return took[3:]


def _charter(folder: Path, workflow: Workflow) -> Charter:
    return Charter(
        request="Go.",
        input_files=(),
        output_folder=str(folder),
        models=dict.fromkeys(("personal", "orchestrator", "specialist"), "hidden"),
        policy=POLICY,
        workflow=workflow,
    )


def measure(quick: bool) -> Figures:  # noqa: FBT001 - called by benchmarks.figures
    """Measure everything on one embedded server."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hansard-bench-")))
        server = stack.enter_context(EmbeddedServer(folder / "postgres").joined())
        bench = Bench(server, stack, quick=quick)
        stages = [
            Stage(bench.database(f"seed_{seed}"), folder, seed, stack)
            for seed in range(1 if quick else 5)
        ]
        figures = measure_consensus(bench.database("consensus"), folder, quick=quick)
        figures |= measure_work(stages)
        figures |= measure_votes(stages, 10 if quick else 40)
        return figures | measure_deals(stages[0], 20 if quick else 200)


if __name__ == "__main__":
    main(measure, __doc__)
