"""What is asked of read models, at random moments of a large log."""

from __future__ import annotations

import gc
import random
import statistics
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from benchmarks.figures import Figures, figure
from infrastructure.database import connect
from infrastructure.read_models import ReadModels
from projections.agent_statistics import agent_statistics
from projections.conversation_history import list_turns
from projections.delegation_audit import list_delegations
from projections.department_statistics import department_statistics
from projections.error_statistics import error_statistics
from projections.message_traffic import message_pairs, message_types
from projections.model_statistics import model_statistics
from projections.orchestrator_summary import orchestrator_summary
from projections.overview import costliest_sessions, session_days, strategies
from projections.session_list import list_sessions, sessions
from projections.task_tree import task_tree
from projections.usage import usage

if TYPE_CHECKING:
    from projections.usage import Dimension

TARGET_MS = 50.0


class Question(NamedTuple):
    """A moment, and a session that had been opened by then."""

    at: int
    session_id: UUID


Ask = Callable[[sa.Connection, Question], object]


def _at(query: Callable[..., object], *values: Any, **choices: Any) -> Ask:
    return lambda connection, question: query(connection, *values, at=question.at, **choices)


def _since_half(query: Callable[..., object]) -> Ask:
    return lambda connection, question: query(connection, at=question.at, after=question.at // 2)


def _usage(*by: Dimension) -> Ask:
    return _at(partial(usage, by=by))


STATISTICS: Mapping[str, Ask] = {
    "agents": _at(agent_statistics),
    "agents, second half": _since_half(agent_statistics),
    "one agent": _at(agent_statistics, agent="ANA_001"),
    "departments": _at(department_statistics),
    "models": _at(model_statistics),
    "errors": _at(error_statistics),
    "message types": _at(message_types),
    "message pairs": _at(message_pairs),
    "orchestrator": _at(orchestrator_summary),
    "orchestrator, second half": _since_half(orchestrator_summary),
    "usage by agent": _usage("agent"),
    "usage by department": _usage("department"),
    "usage by model": _usage("model"),
    "usage by day": _usage("day"),
    "usage by day and model": _usage("day", "model"),
    "usage by session": _usage("session"),
    "session days": _at(session_days),
    "strategies": _at(strategies),
    "costliest sessions": _at(costliest_sessions),
}
LISTS: Mapping[str, Ask] = {
    "sessions": _at(list_sessions),
    "sessions with words": _at(list_sessions, text="revenue forecast churn"),
    "task tree": lambda connection, asked: task_tree(connection, asked.session_id, at=asked.at),
    "delegations": _at(list_delegations),
    "turns of a session": lambda connection, asked: list_turns(
        connection, session_id=asked.session_id, at=asked.at
    ),
    "turns with words": _at(list_turns, text="revenue forecast churn"),
}


def measure_queries(conninfo: str, *, quick: bool) -> Figures:
    """Ask everything as of random moments; 99th percentiles, and the worst of them."""
    moments = 25 if quick else 200
    with closing(ReadModels(lambda: connect(conninfo))) as read_models:
        questions = _draw(read_models, moments)
        gc.collect()
        gc.freeze()  # or now and then a question pays for looking through all that was imported
        p99 = {
            name: _p99_ms(read_models, ask, questions)
            for name, ask in {**STATISTICS, **LISTS}.items()
        }
    worst = max(STATISTICS, key=lambda name: p99[name])
    return {
        **{f"as of {len(questions)} T, p99 (ms): {name}": figure(ms) for name, ms in p99.items()},
        f"as of T, worst statistics p99 (ms): {worst}": figure(p99[worst], at_most=TARGET_MS),
    }


def _draw(read_models: ReadModels, moments: int) -> list[Question]:
    chance = random.Random(7)  # noqa: S311 - moments, no secrets
    column = sessions.columns
    with read_models.reading() as connection:
        opened = connection.execute(
            sa.select(column.position, column.session_id).order_by(column.position)
        ).all()
        last = connection.scalar(sa.text("SELECT max(position) FROM hansard.events"))
    questions = []
    for _ in range(moments):
        at = chance.randint(opened[0].position, last or 0)
        before = [session_id for position, session_id in opened if position <= at]
        questions.append(Question(at, chance.choice(before)))
    return questions


def _p99_ms(read_models: ReadModels, ask: Ask, questions: list[Question]) -> float:
    took_ms = []
    for question in [questions[0], *questions]:
        with read_models.reading() as connection:
            started = perf_counter()
            ask(connection, question)
            took_ms.append((perf_counter() - started) * 1000)
    return statistics.quantiles(took_ms[1:], n=100, method="inclusive")[98]
