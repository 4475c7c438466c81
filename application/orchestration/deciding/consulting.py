"""Consulting: models are asked who shall do a task before it is passed on."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from application.fold import SessionFold
from application.orchestration import answers
from application.orchestration.commands import Command
from application.orchestration.deciding.asking import ask
from application.orchestration.deciding.setting import Setting
from application.orchestration.procedures import placed_with
from domain.agent import Level
from domain.routing import AUCTION, MODEL, weights_of
from domain.task import Task
from domain.workflow import Procedure


def ask_before_placing(
    task: Task, procedure: Procedure, fold: SessionFold, setting: Setting
) -> Generator[Command, None, bool]:
    """Ask whom a model would choose, and what candidates offer, where the strategies want it.

    Who cannot be asked has said nothing; the decision takes that into account.

    Returns:
        Whether everybody has answered, so that the task can be placed.
    """
    weights = _weights(task, procedure, fold, setting)
    candidates = _candidates(task, procedure, setting)
    if MODEL in weights and candidates and not _bids_were_asked_for(task, candidates):
        chosen = yield from ask(
            task,
            "route",
            task.holder,
            lambda answer: answers.read_choice(answer, candidates),
            fold,
        )
        if chosen is None:
            return False
    settled = not task.pending
    if AUCTION in weights:
        for handle in candidates:
            bid = yield from ask(task, "bid", handle, answers.read_bid, fold)
            settled = settled and bid is not None
    return settled


def _bids_were_asked_for(task: Task, candidates: Sequence[str]) -> bool:
    """Tell whether it has come to bids, which are asked for when the model has chosen."""
    steps = task.steps[task.begun_at_step :]
    return bool(task.pending) or any(
        step.purpose == "bid" and step.agent in candidates for step in steps
    )


def _weights(
    task: Task, procedure: Procedure, fold: SessionFold, setting: Setting
) -> dict[str, float]:
    if placed_with(task, fold, setting.orchestrator) is not None:
        return {}
    level = setting.levels[task.holder]
    above = level is Level.PERSONAL or (
        level is Level.ORCHESTRATOR and task.assignment.department is not None
    )
    if above and not procedure.team:
        return {}
    return weights_of(procedure.routing or fold.session.charter.policy.routing)


def _candidates(task: Task, procedure: Procedure, setting: Setting) -> Sequence[str]:
    if procedure.team:
        among: Sequence[str] = tuple(dict.fromkeys(procedure.team))
    elif setting.levels[task.holder] is Level.ORCHESTRATOR:
        among = setting.directors
    else:
        among = setting.specialists.get(task.holder, ())
    return [handle for handle in among if handle in setting.active and handle not in task.tried_by]
