"""Evidence: what strategies draw on from outside, and how a decision keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.decision import Candidate, Decision

SIMILARITY_FACT = "similarity"
COMPLETED, FAILED = "completed", "failed"
DURATION_S, COST_USD = "duration_s", "cost_usd"
ASSIGNED = "assigned"
BID_CONFIDENCE, BID_COST_USD, BID_DURATION_S = "bid_confidence", "bid_cost_usd", "bid_duration_s"


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What became of work of one kind that an agent took up.

    The numbers of tasks are no whole numbers where records of several skills are averaged.

    Attributes:
        completed: tasks.
        failed: tasks that it took up and did not complete; none that was stopped, or that lacked
            the result of another.
        duration_s: mean seconds from taking a task up to its end; None before the first.
        cost_usd: mean US dollars a task; None while nothing had a price.
    """

    completed: float = 0.0
    failed: float = 0.0
    duration_s: float | None = None
    cost_usd: float | None = None

    @property
    def tasks(self) -> float:
        """How many tasks the record tells of."""
        return self.completed + self.failed


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom a model chose.

    Attributes:
        agent: handle; None when nobody fits.
        confidence: 0 to 1.
    """

    agent: str | None
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What a candidate offers for a task; who does not want it offers nothing.

    Attributes:
        confidence: 0 to 1, that it will succeed.
        cost_usd: what it expects to spend, in US dollars.
        duration_s: seconds it expects to take.
    """

    confidence: float
    cost_usd: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one decision draws on beside the organisation and the session.

    Attributes:
        similarity: cosine of a candidate's description and the task, -1 to 1, by handle.
        records: of the kind of work that the task is, by handle.
        embedder: name of the model of meaning; None where nothing was compared.
        learned_until: position of the log that the records were learned up to; None without them.
        choice: of a model that was asked; None without one.
        offers: of the candidates that were asked and are willing, by handle.
        assigned: handle of the member that gets the task when all tasks of its plan are given out
            at once; None where they are not.
        loads: open tasks of the session that each candidate holds, by handle; None where it does
            not matter who is busy.
    """

    similarity: Mapping[str, float] = field(default_factory=dict)
    records: Mapping[str, TrackRecord] = field(default_factory=dict)
    embedder: str | None = None
    learned_until: int | None = None
    choice: Choice | None = None
    offers: Mapping[str, Offer] = field(default_factory=dict)
    assigned: str | None = None
    loads: Mapping[str, int] | None = None

    def facts_of(self, handle: str) -> dict[str, float]:
        """Say what is known of a candidate in figures, as a decision keeps them."""
        facts: dict[str, float] = {}
        if handle in self.similarity:
            facts[SIMILARITY_FACT] = self.similarity[handle]
        record = self.records.get(handle)
        if record is not None:
            facts |= {COMPLETED: record.completed, FAILED: record.failed}
            facts |= _known({DURATION_S: record.duration_s, COST_USD: record.cost_usd})
        offer = self.offers.get(handle)
        if offer is not None:
            facts[BID_CONFIDENCE] = offer.confidence
            facts |= {BID_COST_USD: offer.cost_usd, BID_DURATION_S: offer.duration_s}
        if handle == self.assigned:
            facts[ASSIGNED] = 1.0
        return facts


NO_EVIDENCE = Evidence()


def evidence_in(decision: Decision) -> Evidence:
    """Take the evidence from outside back out of a decision that was made with it.

    Answers of models are not among it: they stand in events of their own.
    """
    sources = decision.sources
    if sources is None:
        return NO_EVIDENCE
    known = decision.candidates
    return Evidence(
        similarity={
            each.handle: each.facts[SIMILARITY_FACT]
            for each in known
            if SIMILARITY_FACT in each.facts
        },
        records={each.handle: _record_in(each) for each in known if COMPLETED in each.facts},
        assigned=next((each.handle for each in known if ASSIGNED in each.facts), None),
        embedder=sources.embedder,
        learned_until=sources.learned_until,
    )


def _record_in(candidate: Candidate) -> TrackRecord:
    facts = candidate.facts
    return TrackRecord(
        completed=facts[COMPLETED],
        failed=facts[FAILED],
        duration_s=facts.get(DURATION_S),
        cost_usd=facts.get(COST_USD),
    )


def _known(figures: Mapping[str, float | None]) -> dict[str, float]:
    return {name: figure for name, figure in figures.items() if figure is not None}
