"""Routing: evidence as a test says, models that choose and bid, and sessions that draw on them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from application.briefs import SUBMIT_BID, SUBMIT_CHOICE, BidBrief, RouteBrief
from application.fold import SessionFold
from application.ports import ModelRequest
from application.routing.gathering import NO_SOURCES, EvidenceSources
from application.routing.ports import ANY_SKILL, LearnedRecords
from application.sessions import Sessions
from domain.decision import Decision
from domain.effect import ModelAnswer
from domain.policy import Policy
from domain.routing import Routing, TrackRecord
from domain.workflow import Workflow
from tests.support.office import IMPATIENT, Q4_SCRIPT, Office, charter, packaged_directory
from tests.support.scripted import Replies, ScriptedModel, answer, call


class ScriptedSimilarity:
    """Finds descriptions that hold one of some words alike, and all others unlike."""

    name = "scripted-v1"

    def __init__(self, *alike: str) -> None:
        self.asked: list[str] = []
        self._alike = alike

    def compare(self, text: str, descriptions: Sequence[str]) -> list[float]:
        """Compare; see the port."""
        self.asked.append(text)
        return [
            0.52 if any(word in each.casefold() for word in self._alike) else 0.1
            for each in descriptions
        ]


class FixedRecords:
    """Knows records of agents in all their work."""

    def __init__(self, records: Mapping[str, TrackRecord], position: int = 5) -> None:
        self.asked: list[int] = []
        self._learned = LearnedRecords(
            position,
            {
                handle: dict.fromkeys((ANY_SKILL, *_skills(handle)), record)
                for handle, record in records.items()
            },
        )

    def learned(self, until: int) -> LearnedRecords:
        """Give the records; see the port."""
        self.asked.append(until)
        return self._learned


def _skills(handle: str) -> tuple[str, ...]:
    return packaged_directory().agent(handle).capabilities.skills


class ChoosingModel(ScriptedModel):
    """Follows a script, and says whom it would choose and what each agent offers.

    Args:
        choose: gives a choice, which may be invalid, for a brief.
        bid: gives a bid, which may be invalid, for a brief.
    """

    def __init__(
        self,
        script: Mapping[str, Replies],
        choose: Callable[[RouteBrief], ModelAnswer] | None = None,
        bid: Callable[[BidBrief], ModelAnswer] | None = None,
    ) -> None:
        super().__init__(script)
        self._choose = choose
        self._bid = bid

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Answer one call; see the port."""
        brief = request.brief
        if isinstance(brief, RouteBrief) and self._choose is not None:
            self.requests.append(request)
            return self._choose(brief)
        if isinstance(brief, BidBrief) and self._bid is not None:
            self.requests.append(request)
            return self._bid(brief)
        return await super().answer(request)


def choice(agent: str | None, confidence: float = 0.9) -> ModelAnswer:
    """Answer with a choice."""
    return answer(
        call(SUBMIT_CHOICE, agent=agent, confidence=confidence, reason="It knows the work.")
    )


def bid(
    confidence: float, cost_usd: float = 0.0, duration_s: float = 0.0, *, willing: bool = True
) -> ModelAnswer:
    """Answer with a bid."""
    return answer(
        call(
            SUBMIT_BID,
            willing=willing,
            confidence=confidence,
            cost_usd=cost_usd,
            duration_s=duration_s,
            reason="As far as can be seen.",
        )
    )


@dataclass
class EvidentOffice(Office):
    """An office whose sessions draw on evidence."""

    evidence: EvidenceSources = NO_SOURCES

    @property
    def sessions(self) -> Sessions:
        """The use cases, as a fresh process has them."""
        return replace(super().sessions, evidence=self.evidence)


def routed_office(
    choose: Callable[[RouteBrief], ModelAnswer] | None = None,
    bid: Callable[[BidBrief], ModelAnswer] | None = None,
    script: Mapping[str, Replies] | None = None,
) -> Office:
    """Open an office whose model follows the script of the Q4 report, chooses and bids."""
    return Office(model=ChoosingModel(Q4_SCRIPT | dict(script or {}), choose, bid))


def run_with(
    it: Office,
    routing: Routing | None,
    sources: EvidenceSources = NO_SOURCES,
    *,
    workflow: Workflow | None = None,
    policy: Policy = IMPATIENT,
) -> SessionFold:
    """Run a session whose policy names strategies."""
    chosen = Policy.model_validate({**policy.model_dump(), "routing": routing})
    opened = charter(policy=chosen).model_copy(update={"workflow": workflow})
    sessions = replace(it.sessions, evidence=sources)
    return asyncio.run(sessions.run(opened, it.heard.append))


def decisions(fold: SessionFold, key: str) -> list[Decision]:
    """List the decisions on a task of the plan, by its key."""
    task = next(task for task in fold.tasks if task.assignment.key == key)
    made = [delegation.decision for delegation in task.delegations]
    return [*made, task.unplaced] if task.unplaced is not None else made
