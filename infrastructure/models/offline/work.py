"""Work: a task's procedure written as one generator and replayed over the steps recorded so far.

A procedure yields batches of tool calls, is sent their outcomes, and returns a submission. The
offline model keeps nothing between calls: each time it runs the procedure from its beginning, feeds
it the outcomes that the brief holds, and answers with the first batch that has none yet.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from application.briefs import HAND_OFF, SUBMIT_RESULT, ExecuteBrief, Submission
from domain.effect import Failure, ToolAnswer, ToolCall
from domain.value import Value
from infrastructure.tools.schemas import QueryTableAnswer, QueryTableArguments

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to use, with its validated arguments."""

    tool: str
    arguments: Value


Outcome = ToolAnswer | Failure
Work = Generator[tuple[Call, ...], tuple[Outcome, ...], T]
Procedure = Callable[[ExecuteBrief], Work[Submission]]


class StoppedError(Exception):
    """The task cannot be done; the message says why, to the user."""


def try_all(*calls: Call) -> Work[tuple[Outcome, ...]]:
    """Use tools in parallel and give what each answered, failures included."""
    return (yield calls)


def use(*calls: Call) -> Work[tuple[ToolAnswer, ...]]:
    """Use tools in parallel.

    Raises:
        StoppedError: one of them failed; the message is the failure's.
    """
    outcomes = yield from try_all(*calls)
    return tuple(answered(outcome) for outcome in outcomes)


def answered(outcome: Outcome) -> ToolAnswer:
    """Give the answer of a tool, or stop with its failure."""
    if isinstance(outcome, Failure):
        raise StoppedError(outcome.message)
    return outcome


def query(*statements: str, limit: int = 200) -> Work[tuple[QueryTableAnswer, ...]]:
    """Run SELECT statements in parallel; none takes no call."""
    if not statements:
        return ()
    answers = yield from use(
        *(Call("query_table", QueryTableArguments(sql=sql, limit=limit)) for sql in statements)
    )
    return tuple(QueryTableAnswer.model_validate(answer.content) for answer in answers)


def next_calls(procedure: Procedure, brief: ExecuteBrief) -> tuple[ToolCall, ...]:
    """Decide the next tool calls of a task: more work, or the submission that ends it."""
    outcomes = _outcomes(brief)
    work = procedure(brief)
    made = 0
    try:
        batch = next(work)
        while all(_call_id(made + n) in outcomes for n in range(1, len(batch) + 1)):
            known = tuple(outcomes[_call_id(made + n)] for n in range(1, len(batch) + 1))
            made += len(batch)
            batch = work.send(known)
    except StopIteration as end:
        return (_submission(end.value, made),)
    except StoppedError as stop:
        return (_submission(Submission(done=False, summary=str(stop)), made),)
    if objection := _objection(batch, brief):
        return (_submission(Submission(done=False, summary=objection), made),)
    return tuple(
        ToolCall(
            call_id=_call_id(made + n),
            tool=call.tool,
            arguments=call.arguments.model_dump(mode="json"),
        )
        for n, call in enumerate(batch, 1)
    )


def _objection(batch: tuple[Call, ...], brief: ExecuteBrief) -> str | None:
    """Say why a batch cannot be made: no call left for its outcome, or no right to a tool."""
    if brief.last:
        return (
            f"The offline rules need more model calls for {brief.task.title!r} than the policy"
            " allows; raise max_iterations."
        )
    allowed = {tool.name for tool in brief.tools} | ({HAND_OFF} if brief.handoffs else set())
    for call in batch:
        if call.tool not in allowed:
            return (
                f"{brief.agent.display_name} ({brief.agent.handle}) may not use the tool"
                f" {call.tool!r}, which {brief.task.title!r} needs; grant it in the roster."
            )
    return None


def _outcomes(brief: ExecuteBrief) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    for step in brief.steps:
        if step.call is None:
            continue
        if step.failure is not None:
            outcomes[step.call.call_id] = step.failure
        elif isinstance(step.answer, ToolAnswer):
            outcomes[step.call.call_id] = step.answer
    return outcomes


def _call_id(number: int) -> str:
    return f"call_{number}"


def _submission(submission: Submission, made: int) -> ToolCall:
    return ToolCall(
        call_id=_call_id(made + 1),
        tool=SUBMIT_RESULT,
        arguments=submission.model_dump(mode="json"),
    )
