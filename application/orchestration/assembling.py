"""Assembling: the results of a procedure's tasks become its own."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

from pydantic import JsonValue

from application.fold import SessionFold
from application.orchestration import answers
from application.orchestration.commands import Command, JudgeResults
from application.orchestration.deciding.asking import ask
from application.orchestration.deciding.setting import Setting
from application.orchestration.deliberating import COUNTED
from application.orchestration.outcomes import artefacts_in_order, first_cause
from application.orchestration.procedures import children_of, coordinator_of, terms_of
from application.orchestration.rounds import decided_together, in_rounds
from domain.effect import Failure
from domain.judgement import Judgement
from domain.planning import terminal_keys
from domain.task import Result, Task
from domain.workflow import AssemblyStrategy, OnError, Planning, Procedure

Assembled = Generator[Command, None, Result | Failure | None]


def assembled(task: Task, procedure: Procedure, fold: SessionFold, setting: Setting) -> Assembled:
    """Make one result of those of a task's tasks, all of which have ended.

    A given procedure fails with any of its tasks that may not fail; one that is planned, judged or
    supervised only when none of the results that count is there; of one that votes, who failed is
    silent.
    """
    if in_rounds(procedure) or procedure.assembly.strategy in COUNTED:
        return (yield from decided_together(task, procedure, fold))
    children = children_of(task, fold)
    lost = _lost(children, procedure, fold)
    if lost is not None:
        return lost
    counting = _counting(task, procedure, children)
    if not counting:
        return first_cause(children)
    strategy, by = procedure.assembly.strategy, procedure.assembly.by
    agent = by or coordinator_of(procedure, setting)
    if strategy is AssemblyStrategy.SYNTHESISE:
        return (yield from _synthesise(task, counting, children, agent, fold))
    if strategy is AssemblyStrategy.BEST_OF:
        return (yield from _best_of(task, counting, agent, fold))
    return _joined(counting, children, merge=strategy is AssemblyStrategy.MERGE)


def _lost(children: Sequence[Task], procedure: Procedure, fold: SessionFold) -> Failure | None:
    forgiving = procedure.supervision or procedure.assembly.strategy is AssemblyStrategy.BEST_OF
    if forgiving or procedure.planning is not Planning.GIVEN:
        return None
    failed = [
        child
        for child in children
        if child.result is None and terms_of(child, fold).on_error is not OnError.SKIP
    ]
    return first_cause(failed) if failed else None


def _counting(task: Task, procedure: Procedure, children: Sequence[Task]) -> list[Task]:
    keys = procedure.assembly.of or (terminal_keys(task.plan) if task.plan else ())
    named = {child.assignment.key: child for child in children}
    return [named[key] for key in keys if key in named and named[key].result is not None]


def _joined(counting: Sequence[Task], children: Sequence[Task], *, merge: bool) -> Result:
    results = [child.result for child in counting if child.result is not None]
    data: dict[str, JsonValue] = {}
    if merge:
        for result in results:
            data = merged(data, result.data)
    elif len(results) == 1:
        data = dict(results[0].data)
    else:
        data = {child.assignment.key: dict(child.result.data) for child in counting if child.result}
    return Result(
        summary="\n\n".join(result.summary for result in results),
        data=data,
        artefacts=artefacts_in_order(children),
    )


def merged(one: Mapping[str, JsonValue], other: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Merge data: objects by their keys, lists one behind the other; else the other one counts."""
    data = dict(one)
    for key, value in other.items():
        known = data.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            data[key] = merged(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            data[key] = [*known, *value]
        else:
            data[key] = value
    return data


def _synthesise(
    task: Task, counting: Sequence[Task], children: Sequence[Task], agent: str, fold: SessionFold
) -> Assembled:
    answer = yield from ask(task, "assemble", agent, answers.read_text, fold)
    if answer is None or isinstance(answer, Failure):
        return answer
    joined = _joined(counting, children, merge=False)
    return joined.model_copy(update={"summary": answer})


def _best_of(task: Task, counting: Sequence[Task], agent: str, fold: SessionFold) -> Assembled:
    keys = [child.assignment.key for child in counting]
    if task.judgement is None:
        scores = yield from ask(
            task, "judge", agent, lambda answer: answers.read_scores(answer, keys), fold
        )
        if isinstance(scores, Failure):
            return scores
        if scores is not None:
            best = max(keys, key=lambda key: (scores.scores[key], -keys.index(key)))
            yield JudgeResults(
                task.id,
                Judgement(judge=agent, scores=scores.scores, chosen=best, reason=scores.reason),
            )
        return None
    chosen = next(child for child in counting if child.assignment.key == task.judgement.chosen)
    return chosen.result
