"""Gathering: what the strategies of a session draw on from outside, at hand when it decides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from application.assigning import Assigner
from application.routing.matching import Matching, assigned
from application.routing.ports import LearnedRecords, Similarity, TrackRecords
from domain.routing import ASSIGNMENT, SIMILARITY, TRACK_RECORD, Evidence, Need, Profile, weights_of
from domain.session import Charter


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one decision draws on from outside.

    Attributes:
        strategies: that want evidence.
        profiles: of all who may be considered.
        matching: tasks that are given out together; None where each is given out by itself.
        members: whose work counts as that of a candidate, by handle; of a director the
            specialists of its department, of anybody else its own.
    """

    strategies: frozenset[str]
    need: Need
    profiles: Sequence[Profile]
    members: Mapping[str, Sequence[str]]
    matching: Matching | None = None


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Gathers the evidence of one session; it neither waits nor fails.

    Attributes:
        similarity: None where no strategy compares meanings.
        learned: as they were when the session was opened or taken up; None where no strategy
            draws on them.
        assigner: None where no strategy gives tasks out together.
    """

    similarity: Similarity | None = None
    learned: LearnedRecords | None = None
    assigner: Assigner | None = None

    def gather(self, wanted: Wanted) -> Evidence:
        """Gather what one decision draws on."""
        similarity, records = {}, {}
        compares = self.similarity is not None and SIMILARITY in wanted.strategies
        learns = self.learned is not None and TRACK_RECORD in wanted.strategies
        if compares and self.similarity is not None:
            described = [profile.description for profile in wanted.profiles]
            cosines = self.similarity.compare(wanted.need.description, described)
            similarity = {
                profile.handle: round(cosine, 4)
                for profile, cosine in zip(wanted.profiles, cosines, strict=True)
            }
        if learns and self.learned is not None:
            for profile in wanted.profiles:
                members = wanted.members.get(profile.handle, (profile.handle,))
                record = self.learned.record_of(members, wanted.need.skills)
                if record is not None:
                    records[profile.handle] = record
        matched = None
        if self.assigner is not None and wanted.matching is not None:
            matched = assigned(wanted.matching, wanted.profiles, self.assigner)
        return Evidence(
            similarity=similarity,
            records=records,
            assigned=matched,
            embedder=self.similarity.name if self.similarity and compares else None,
            learned_until=self.learned.position if self.learned and learns else None,
        )


@dataclass(frozen=True, slots=True)
class EvidenceSources:
    """Where evidence comes from.

    Attributes:
        similarity: gives the model of meaning when it is first needed; None where there is none.
    """

    similarity: Callable[[], Similarity] | None = None
    records: TrackRecords | None = None
    assigner: Assigner | None = None

    def is_needed(self, charter: Charter) -> bool:
        """Tell whether a strategy of a session draws on anything from here."""
        return not strategies_of(charter).isdisjoint((SIMILARITY, TRACK_RECORD, ASSIGNMENT))

    def gatherer(self, charter: Charter, until: int) -> Gatherer:
        """Get ready for a session; this may take a while.

        Args:
            until: position of the log up to which decisions of the session may know it.

        Raises:
            UnavailableError: the database cannot be used.
        """
        return self.ready(strategies_of(charter), until)

    def ready(self, strategies: Collection[str], until: int) -> Gatherer:
        """Get ready for some strategies; see `gatherer`."""
        compares, learns = SIMILARITY in strategies, TRACK_RECORD in strategies
        return Gatherer(
            similarity=self.similarity() if compares and self.similarity else None,
            learned=self.records.learned(until) if learns and self.records else None,
            assigner=self.assigner if ASSIGNMENT in strategies else None,
        )


def strategies_of(charter: Charter) -> frozenset[str]:
    """Name all strategies that may decide in a session."""
    routings = [charter.policy.routing]
    workflow = charter.workflow
    if workflow is not None:
        routings += [
            procedure.routing for procedure in (workflow.procedure, *workflow.procedures.values())
        ]
    return frozenset(name for routing in routings for name in weights_of(routing))


NOTHING_GATHERED = Gatherer()
NO_SOURCES = EvidenceSources()
