"""Consulted: what models said about who shall do a task, and how busy the candidates are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from application.briefs import Bid
from application.briefs import Choice as ModelChoice
from application.fold import SessionFold
from application.orchestration.answers import AnswerError, read_bid, read_choice
from application.orchestration.filling import FillingError, filled_instruction
from application.orchestration.placing import Placement, considered
from domain.effect import ModelAnswer
from domain.routing import AUCTION, MODEL, Choice, Evidence, Offer
from domain.task import Step, Task

T = TypeVar("T")


def with_what_is_known(placement: Placement, fold: SessionFold, evidence: Evidence) -> Evidence:
    """Add to evidence from outside what the session itself knows."""
    weights = placement.weights
    if MODEL in weights:
        evidence = replace(evidence, choice=_choice(placement))
    if AUCTION in weights:
        evidence = replace(evidence, offers=_offers(placement))
    if placement.procedure.team and placement.named is None:
        loads = Counter(task.holder for task in fold.tasks if not task.ended)
        evidence = replace(evidence, loads=loads)
    return evidence


def instruction_of(task: Task, fold: SessionFold) -> str:
    """Give the instruction of a task, with what its references stand for as far as it is known."""
    if fold.session.charter.workflow is None:
        return task.assignment.instruction
    try:
        return filled_instruction(task, fold)
    except FillingError:
        return task.assignment.instruction  # what it depends on is under way


def _choice(placement: Placement) -> Choice | None:
    handles = considered(placement.task, placement.directory, placement.procedure)
    chosen: ModelChoice | None = _latest(
        placement.task, "route", placement.task.holder, lambda answer: read_choice(answer, handles)
    )
    if chosen is None:
        return None
    return Choice(chosen.agent, chosen.confidence, chosen.reason)


def _offers(placement: Placement) -> dict[str, Offer]:
    """Give what those offer who are willing."""
    handles = considered(placement.task, placement.directory, placement.procedure)
    bids: dict[str, Bid | None] = {
        handle: _latest(placement.task, "bid", handle, read_bid) for handle in handles
    }
    return {
        handle: Offer(bid.confidence, bid.cost_usd, bid.duration_s)
        for handle, bid in bids.items()
        if bid is not None and bid.willing
    }


def _latest(task: Task, purpose: str, agent: str, read: Callable[[ModelAnswer], T]) -> T | None:
    """Read the latest answer to a purpose; None when there is none that can be read."""
    step = next(_newest(task, purpose, agent), None)
    if step is None or step.rejection is not None or not isinstance(step.answer, ModelAnswer):
        return None
    try:
        return read(step.answer)
    except AnswerError:
        return None  # it was rejected, and no better one could be had


def _newest(task: Task, purpose: str, agent: str) -> Iterator[Step]:
    for step in reversed(task.steps[task.begun_at_step :]):
        if step.purpose == purpose and step.agent == agent:
            yield step
