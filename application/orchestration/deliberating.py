"""Deliberating: the votes that the tasks of a procedure hold, counted, and what follows from them.

A voter is the agent that a task is for. It votes by the data of its result: by `vote`, or else
`answer`, or else what its output schema gives a choice of (`enum`), or else by its summary; null
abstains. Whose task failed or was skipped, or was done by somebody else in its place, is silent.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from pydantic import JsonValue

from application.fold import SessionFold
from application.orchestration.commands import Command, CountVotes, SkipTask
from domain.deliberation.consensus import (
    Votes,
    count_majority,
    count_quorum,
    digest_of,
    majority_settled,
)
from domain.deliberation.normalising import normalise
from domain.effect import Failure, FailureKind
from domain.judgement import Tally
from domain.planning import terminal_keys
from domain.task import Result, Task, TaskStatus
from domain.workflow import AssemblyStrategy, Procedure

COUNTED = (AssemblyStrategy.MAJORITY, AssemblyStrategy.QUORUM)

CONFIRMING = "confirm_ballot_"
"""What the keys of tasks begin with in which a vote is confirmed."""

VOTE, ANSWER, DIGEST, TALLY = "vote", "answer", "digest", "tally"
"""What the data of results call a vote, the digest it confirms, and how the votes were counted."""


def deliberated(
    task: Task, procedure: Procedure, fold: SessionFold
) -> Generator[Command, None, Result | Failure | None]:
    """Count the votes of a task's tasks, all of which have ended, and give the outcome.

    Returns:
        The result of the first voter whose answer it is, with the tally; a failure when no answer
        has enough votes; None until the tally is recorded.
    """
    if task.tally is None:
        yield CountVotes(task.id, count(task, procedure, fold))
        return None
    tally = task.tally
    chosen = next(
        (
            child.result
            for child in voting(task, procedure, fold)
            if child.result is not None and vote_of(child, procedure) == tally.outcome
        ),
        None,
    )
    if tally.outcome is None or chosen is None:
        return Failure(kind=FailureKind.UNABLE, message=tally.reason)
    told: dict[str, JsonValue] = {
        "rule": tally.rule,
        "outcome": tally.outcome,
        "support": tally.support,
        "required": tally.required,
        "voters": len(tally.votes),
    }
    return chosen.model_copy(update={"data": {**chosen.data, TALLY: told}})


def superfluous(task: Task, procedure: Procedure, fold: SessionFold) -> Iterator[Command]:
    """Give up the votes that cannot change the outcome of a majority any more."""
    if procedure.assembly.strategy is not AssemblyStrategy.MAJORITY:
        return
    children = voting(task, procedure, fold)
    open_ones = [child for child in children if not child.ended]
    outstanding = {voter_of(child, procedure) for child in open_ones}
    if not open_ones or not majority_settled(votes_cast(task, procedure, fold), outstanding):
        return
    message = "Its vote could not change the outcome any more."
    for child in open_ones:
        yield SkipTask(child.id, Failure(kind=FailureKind.CANCELLED, message=message))


def count(task: Task, procedure: Procedure, fold: SessionFold) -> Tally:
    """Count the votes of a task's tasks by the procedure's rule."""
    votes = votes_cast(task, procedure, fold)
    if procedure.assembly.strategy is AssemblyStrategy.MAJORITY:
        return count_majority(votes)
    confirming = confirmations(task, procedure, fold)
    return count_quorum(votes, procedure.assembly.faults, confirming)


def voting(task: Task, procedure: Procedure, fold: SessionFold) -> list[Task]:
    """List the tasks that hold the votes, in plan order, without those that confirm them."""
    if task.plan is None:
        return []
    cast = [each for each in task.plan.tasks if not each.key.startswith(CONFIRMING)]
    keys = procedure.assembly.of or terminal_keys(task.plan.model_copy(update={"tasks": cast}))
    return [fold.task(task.task_ids[key]) for key in keys if key in task.task_ids]


def votes_cast(task: Task, procedure: Procedure, fold: SessionFold) -> Votes:
    """Give what each voter said in the first round."""
    votes: dict[str, list[str]] = {}
    for child in voting(task, procedure, fold):
        said = votes.setdefault(voter_of(child, procedure), [])
        vote = vote_of(child, procedure)
        if vote is not None:
            said.append(vote)
    return votes


def confirmations(
    task: Task, procedure: Procedure, fold: SessionFold
) -> dict[str, str | None] | None:
    """Give what voters said when they were asked to confirm; None when nobody was.

    Who confirms another digest than that of the votes cast confirms nothing.
    """
    asked = {
        child.assignment.depends_on[0]: child
        for key, task_id in task.task_ids.items()
        if key.startswith(CONFIRMING)
        for child in [fold.task(task_id)]
    }
    if not asked:
        return None
    digest = digest_of(votes_cast(task, procedure, fold))
    said: dict[str, str | None] = {}
    for child in voting(task, procedure, fold):
        if child.id in asked:
            voter = voter_of(child, procedure)
            said[voter] = _confirmed(asked[child.id], voter, digest)
    return said


def voter_of(child: Task, procedure: Procedure) -> str:
    """Name the voter that a task is for; a task that found nobody is a silent voter by its key."""
    terms = procedure.terms_of(child.assignment.key)
    if terms is not None and terms.agent is not None:
        return terms.agent
    return child.holder if child.delegations else child.assignment.key


def vote_of(child: Task, procedure: Procedure) -> str | None:
    """Give the normalised vote that a task holds; None for a silent voter."""
    given = _given(child, voter_of(child, procedure))
    if given is None:
        return None
    field = field_of(child, procedure)
    return normalise(given.summary if field is None else given.data[field])


def field_of(child: Task, procedure: Procedure) -> str | None:
    """Name what in the data of a task's result is the vote; None where its summary is."""
    data = child.result.data if child.result is not None else {}
    terms = procedure.terms_of(child.assignment.key)
    properties = (terms.output_schema or {}).get("properties") if terms is not None else None
    choices = properties.items() if isinstance(properties, dict) else ()
    chosen = [name for name, schema in choices if isinstance(schema, dict) and "enum" in schema]
    return next((name for name in (VOTE, ANSWER, *chosen) if name in data), None)


def _given(child: Task, voter: str) -> Result | None:
    """Give what a voter itself handed in."""
    by_itself = child.status is TaskStatus.COMPLETED and child.holder == voter
    return child.result if by_itself else None


def _confirmed(child: Task, voter: str, digest: str) -> str | None:
    given = _given(child, voter)
    if given is None or given.data.get(DIGEST, digest) != digest:
        return None
    return normalise(given.data.get(VOTE, given.summary))
