"""Assessing: how well a team does, from what its members did since they joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from application.directory import Directory
from application.errors import BadRequestError
from application.teaming.past_work import PastWork, Work
from domain.agent import Level
from domain.team import Assessment, MemberFigures, Team, performance_of


def assess_team(
    team: Team, threshold: float, *, directory: Directory, past_work: PastWork
) -> Assessment:
    """Assess a team.

    Its performance is the mean over the members that have ended a task. Weak is a member under the
    threshold, or one that is no active specialist any more.

    Raises:
        BadRequestError: the threshold is not between 0 and 1.
    """
    if not 0.0 <= threshold <= 1.0:
        raise BadRequestError(f"The threshold {threshold} is not between 0 and 1.")
    works = past_work.work(team.joined_at, directory.position)
    figures = _judged({handle: works.get(handle, Work()) for handle in team.members})
    known = [each.performance for each in figures if each.performance is not None]
    return Assessment(
        performance=round(fmean(known), 4) if known else None,
        threshold=threshold,
        members=figures,
        weak=tuple(
            each.handle
            for each in figures
            if (each.performance is not None and each.performance < threshold)
            or not _takes_work(each.handle, directory)
        ),
        knowledge_position=directory.position,
    )


def why_reformed(assessment: Assessment, replaced: Sequence[str]) -> str:
    """Say why members are exchanged: they were to be replaced, or are weak."""
    figures = {each.handle: each for each in assessment.members}
    reasons = [f"{handle} was to be replaced" for handle in dict.fromkeys(replaced)]
    for handle in assessment.weak:
        own = figures[handle].performance
        if own is not None and own < assessment.threshold:
            reasons.append(
                f"{handle} reaches {own:.2f}, under the threshold of {assessment.threshold:.2f}"
            )
        else:
            reasons.append(f"{handle} takes no work any more")
    return "; ".join(reasons) + "."


def _takes_work(handle: str, directory: Directory) -> bool:
    agent = directory.agents.get(handle)
    return agent is not None and agent.active and agent.post.level is Level.SPECIALIST


def _judged(works: Mapping[str, Work]) -> tuple[MemberFigures, ...]:
    """Judge members beside each other."""
    ended = [(work.completed + work.failed, work.mean_s) for work in works.values()]
    timed = [(count, mean) for count, mean in ended if mean is not None and count]
    total = sum(count for count, _ in timed)
    expected = sum(count * mean for count, mean in timed) / total if total else None
    mean_load = fmean(work.load for work in works.values())
    figures = [
        MemberFigures(
            handle=handle,
            completed=work.completed,
            failed=work.failed,
            mean_s=work.mean_s,
            load=work.load,
        )
        for handle, work in works.items()
    ]
    return tuple(
        each.model_copy(update={"performance": performance_of(each, expected, mean_load)})
        for each in figures
    )
